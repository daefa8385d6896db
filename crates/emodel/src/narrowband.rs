//! The transmission rating without the codec's share, with the default values of G.107, table 2: two ordinary telephones
//! in quiet rooms. Names are those of the recommendation, section 3.

/// Sending and receiving loudness.
const SLR: f64 = 8.0;
const RLR: f64 = 2.0;
/// Sidetone, of the talker and of the listener.
const STMR: f64 = 15.0;
const DR: f64 = 3.0;
const LSTR: f64 = STMR + DR;
/// The send side's D-value.
const DS: f64 = 3.0;
/// Echo loss, as the talker and as the listener hears it.
const TELR: f64 = 65.0;
const WEPL: f64 = 110.0;
/// Quantising distortion units.
const QDU: f64 = 1.0;
/// Noise: of the circuit, the floor of the receiver, the rooms at both ends.
const NC: f64 = -70.0;
const NFOR: f64 = -64.0;
const PS: f64 = 35.0;
const PR: f64 = 35.0;

/// R with a codec that costs nothing, at `delay_ms` from mouth to ear one way.
#[must_use]
pub fn transmission_rating(delay_ms: f64) -> f64 {
    let delay_ms = delay_ms.max(0.0);
    let (noise, signal) = signal_to_noise();
    signal - simultaneous(noise, signal, delay_ms) - delayed(noise, signal, delay_ms)
}

/// The sum of all noise, and the basic signal-to-noise ratio Ro.
fn signal_to_noise() -> (f64, f64) {
    let olr = SLR + RLR;
    let sender = PS - SLR - DS - 100.0 + 0.004 * (PS - olr - DS - 14.0).powi(2);
    let room = PR + 10.0 * (1.0 + 10f64.powf((10.0 - LSTR) / 10.0)).log10();
    let receiver = RLR - 121.0 + room + 0.008 * (room - 35.0).powi(2);
    let powers = [NC, sender, receiver, NFOR + RLR].map(|level| 10f64.powf(level / 10.0));
    let noise = 10.0 * powers.iter().sum::<f64>().log10();
    (noise, 15.0 - 1.5 * (SLR + noise))
}

/// Is: what goes with the voice itself: too loud a connection, sidetone, quantising.
fn simultaneous(noise: f64, signal: f64, delay_ms: f64) -> f64 {
    let loudness = SLR + RLR + 0.2 * (64.0 + noise - RLR);
    let olr = 20.0 * ((1.0 + (loudness / 8.0).powi(8)).powf(1.0 / 8.0) - loudness / 8.0);
    let echo = (-delay_ms / 4.0).exp() * 10f64.powf(-TELR / 10.0);
    let stmr = -10.0 * (10f64.powf(-STMR / 10.0) + echo).log10();
    let sidetone = 12.0 * (1.0 + ((stmr - 13.0) / 6.0).powi(8)).powf(1.0 / 8.0)
        - 28.0 * (1.0 + ((stmr + 1.0) / 19.4).powi(35)).powf(1.0 / 35.0)
        - 13.0 * (1.0 + ((stmr - 3.0) / 33.0).powi(13)).powf(1.0 / 13.0)
        + 29.0;
    let q = 37.0 - 15.0 * QDU.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q.powi(2);
    let (y, z) = ((signal - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0, 46.0 / 30.0 - g / 40.0);
    let quantising = 15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10();
    olr + sidetone + quantising
}

/// Id: talker echo, listener echo, and too long a delay without any. Delay of the round trip is twice that of one way.
fn delayed(noise: f64, signal: f64, delay_ms: f64) -> f64 {
    let terv = TELR - 40.0 * ((1.0 + delay_ms / 10.0) / (1.0 + delay_ms / 150.0)).log10()
        + 6.0 * (-0.3 * delay_ms.powi(2)).exp();
    let roe = -1.5 * (noise - RLR);
    let re = 80.0 + 2.5 * (terv - 14.0);
    let talker =
        ((roe - re) / 2.0 + ((roe - re).powi(2) / 4.0 + 100.0).sqrt() - 1.0) * (1.0 - (-delay_ms).exp());
    let rle = 10.5 * (WEPL + 7.0) * (2.0 * delay_ms + 1.0).powf(-0.25);
    let listener = (signal - rle) / 2.0 + ((signal - rle).powi(2) / 4.0 + 169.0).sqrt();
    talker + listener + absolute_delay(delay_ms)
}

/// Idd: nothing up to 100 ms; from there on talkers fall into each other's words.
pub(crate) fn absolute_delay(delay_ms: f64) -> f64 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_values_rate_93_2() {
        assert!((transmission_rating(0.0) - 93.2).abs() < 0.05, "{}", transmission_rating(0.0));
    }

    #[test]
    fn delay_costs_little_at_first_and_then_more_and_more() {
        assert_eq!(absolute_delay(100.0), 0.0);
        let ratings: Vec<f64> = (0..20).map(|n| transmission_rating(f64::from(n) * 50.0)).collect();
        assert!(ratings.windows(2).all(|pair| pair[0] >= pair[1]), "{ratings:?}");
        // G.107, table B.1 and G.114, figure 1: 150 ms are good yet, 400 ms are not.
        assert!(ratings[3] > 88.0 && (60.0..75.0).contains(&ratings[8]), "{ratings:?}");
    }
}
