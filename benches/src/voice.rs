//! Twenty seconds of something like speech, coded by G.711: syllables of a voiced tone or of hiss, and pauses.
//!
//! Only sums and products of floating point go into it, no sine of the platform's, so the same seed gives the same
//! codes everywhere.

use g711::{Law, encode};

use crate::rng::SplitMix64;

/// Samples in an RTP packet of 20 ms.
pub const PACKET_SAMPLES: usize = 160;

/// A loop that is made once and that all parties speak from, each beginning elsewhere in it.
#[derive(Debug)]
pub struct Voice {
    /// The loop, and its first packet once more, so that each packet is one slice.
    codes: Vec<u8>,
}

impl Voice {
    /// How long the loop is: 20 s.
    pub const SAMPLES: u64 = 160_000;

    /// The loop of `seed`, coded by `law`.
    #[must_use]
    pub fn new(law: Law, seed: u64) -> Self {
        let length = Self::SAMPLES as usize;
        let mut rng = SplitMix64::new(seed);
        let mut codes = Vec::with_capacity(length + PACKET_SAMPLES);
        while codes.len() < length {
            syllable(&mut rng, |sample| codes.push(encode(law, sample)));
        }
        codes.truncate(length);
        codes.extend_from_within(..PACKET_SAMPLES);
        Voice { codes }
    }

    /// The payload that begins with sample `n`, counted round the loop.
    #[must_use]
    pub fn packet(&self, n: u64) -> &[u8] {
        let begin = (n % Self::SAMPLES) as usize;
        self.codes.get(begin..begin + PACKET_SAMPLES).unwrap_or(&[])
    }
}

/// One syllable of 100 to 350 ms, rising and falling, and a pause after some.
fn syllable(rng: &mut SplitMix64, mut push: impl FnMut(i16)) {
    let length = 800 + rng.below(2_000);
    let voiced = rng.below(4) != 0;
    let level = 4_000.0 + rng.below(8_000) as f64;
    // Turns a sample: 90 to 220 Hz, gliding by up to a fifth over the syllable.
    let mut step = (90 + rng.below(130)) as f64 / 8_000.0;
    let glide = 1.0 + 0.2 * rng.signed() / length as f64;
    let mut turn = 0.0;
    for n in 0..length {
        let place = n as f64 / length as f64;
        let envelope = 4.0 * place * (1.0 - place);
        let hiss = rng.signed();
        let sound = if voiced { harmonics(turn) + 0.03 * hiss } else { 0.25 * hiss };
        push((level * envelope * sound) as i16);
        step *= glide;
        turn += step;
        turn -= turn.floor();
    }
    if rng.below(5) == 0 {
        (0..800 + rng.below(4_000)).for_each(|_| push((30.0 * rng.signed()) as i16));
    }
}

/// The fundamental and its overtones, those near 600 Hz the strongest, at a phase in turns.
fn harmonics(turn: f64) -> f64 {
    const LEVELS: [f64; 10] = [0.5, 0.6, 0.8, 0.9, 0.6, 0.35, 0.2, 0.25, 0.2, 0.1];
    let mut sum = 0.0;
    let mut overtone = turn;
    for level in LEVELS {
        sum += level * sine(overtone - overtone.floor());
        overtone += turn;
    }
    sum / 2.0
}

/// A sine by two parabolas and their square, to 0.1 %; `turn` in 0 to 1.
fn sine(turn: f64) -> f64 {
    let x = 1.0 - 2.0 * turn;
    let parabola = 4.0 * x * (1.0 - x.abs());
    parabola + 0.225 * (parabola * parabola.abs() - parabola)
}

#[cfg(test)]
mod tests {
    use super::*;
    use g711::decode;

    #[test]
    fn is_as_loud_as_speech_and_has_pauses() {
        let voice = Voice::new(Law::Mu, 1);
        let level = |n| {
            let sum: f64 = voice.packet(n).iter().map(|&code| f64::from(decode(Law::Mu, code)).powi(2)).sum();
            (sum / PACKET_SAMPLES as f64).sqrt()
        };
        let levels: Vec<f64> = (0..Voice::SAMPLES).step_by(PACKET_SAMPLES).map(level).collect();
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        assert!((1_000.0..8_000.0).contains(&mean), "{mean}");
        let quiet = levels.iter().filter(|&&level| level < 50.0).count();
        assert!((50..600).contains(&quiet), "{quiet}");
    }

    #[test]
    fn follows_from_its_seed_and_goes_round() {
        let voice = Voice::new(Law::A, 1);
        assert_eq!(voice.codes, Voice::new(Law::A, 1).codes);
        assert_ne!(voice.codes, Voice::new(Law::A, 2).codes);
        assert_eq!(voice.packet(3), voice.packet(Voice::SAMPLES + 3));
        assert_eq!(voice.packet(159_999)[1..], voice.packet(0)[..159]);
    }

    #[test]
    fn its_sine_is_one() {
        for n in 0..1_000 {
            let turn = f64::from(n) / 1_000.0;
            assert!((sine(turn) - (turn * std::f64::consts::TAU).sin()).abs() < 0.0012, "{turn}");
        }
    }
}
