//! Comfort noise (RFC 3389): a level, and reflection coefficients that give the noise its colour. The noise itself is
//! made here, the same on every machine.

/// What a packet asks for, as a filter over white noise.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    /// Weights of the all-pole lattice, from the first stage on.
    reflection: Vec<f64>,
    /// What each stage holds.
    lattice: Vec<f64>,
    /// The factor from white noise of variance one to the level.
    gain: f64,
    seed: u32,
}

impl Noise {
    /// The noise that `payload` describes (section 3).
    pub(crate) fn new(payload: &[u8]) -> Noise {
        let level = payload.first().map_or(SILENT, |octet| octet & 0x7f);
        let reflection: Vec<f64> =
            payload.iter().skip(1).take(MOST_ORDER).copied().map(coefficient).collect();
        // A lattice raises white noise by the product of 1 / (1 - k^2); the level is that of what comes out.
        let raised: f64 = reflection.iter().map(|k| 1.0 - k * k).product();
        let gain = if level == SILENT { 0.0 } else { rms(level) * raised.max(0.0).sqrt() };
        Noise { lattice: vec![0.0; reflection.len() + 1], reflection, gain, seed: SEED }
    }

    /// Fills `samples` with what comes next.
    pub(crate) fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let white = self.white() * self.gain;
            *sample = self.coloured(white).round_ties_even() as i16;
        }
    }

    /// Uniform, of variance one (Numerical Recipes' generator).
    fn white(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(self.seed) / f64::from(u32::MAX) - 0.5) * ROOT_OF_12
    }

    /// One step through the lattice.
    fn coloured(&mut self, white: f64) -> f64 {
        let mut sample = white;
        for (place, k) in self.lattice.iter_mut().zip(&self.reflection).rev() {
            sample -= k * *place;
            *place += k * sample;
        }
        self.lattice.rotate_right(1);
        if let Some(first) = self.lattice.first_mut() {
            *first = sample;
        }
        sample
    }
}

/// No noise at all: -127 dBov.
const SILENT: u8 = 127;
/// More coefficients than any codec's model has say nothing more.
const MOST_ORDER: usize = 32;
const ROOT_OF_12: f64 = 3.464_101_615_137_754_6;
const SEED: u32 = 22_222;

/// Section 3: N stands for 258 (N - 127) / 32768, so that none reaches one.
fn coefficient(octet: u8) -> f64 {
    (f64::from(octet.min(254)) - 127.0) * 258.0 / 32_768.0
}

/// The root mean square of noise of that many dB below overload, for which a full square wave is the measure.
fn rms(below_overload_db: u8) -> f64 {
    // By multiplication, since a library's power may differ in its last digit from machine to machine.
    (0..below_overload_db).fold(32_767.0, |level, _| level * A_DB_LESS)
}

/// 10^(-1/20).
const A_DB_LESS: f64 = 0.891_250_938_133_745_6;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(payload: &[u8], count: usize) -> Vec<i16> {
        let mut samples = vec![0; count];
        Noise::new(payload).fill(&mut samples);
        samples
    }

    fn level_db(samples: &[i16]) -> f64 {
        let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        10.0 * (energy / samples.len() as f64 / 32_767f64.powi(2)).log10()
    }

    #[test]
    fn the_level_is_the_one_that_was_sent() {
        for level in [20u8, 40, 60] {
            for colour in [&[][..], &[200], &[60, 150, 140, 127, 120]] {
                let payload = [&[level], colour].concat();
                let told = level_db(&made(&payload, 80_000));
                assert!((told + f64::from(level)).abs() < 0.7, "{told} dB of {payload:?}");
            }
        }
        assert!(made(&[127, 200], 800).iter().all(|&sample| sample == 0));
    }

    #[test]
    fn the_colour_is_the_one_that_was_sent() {
        // One pole at -k: neighbours agree where it is below zero.
        let samples = made(&[30, 30], 80_000);
        let product = |lag: usize| -> f64 {
            samples.iter().zip(&samples[lag..]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let correlation = product(1) / product(0);
        assert!((correlation + coefficient(30)).abs() < 0.02, "{correlation} of {}", coefficient(30));
    }

    #[test]
    fn any_bytes_are_borne_and_give_the_same_again() {
        for payload in [&[][..], &[0], &[255; 100], &[0; 300], &[0, 254, 254, 254, 0, 255]] {
            assert_eq!(made(payload, 2000), made(payload, 2000));
        }
    }
}
