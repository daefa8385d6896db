//! From a lower rate to a higher one: a polyphase low-pass filter, in integers, so that every machine gives the same.

/// A filter from one rate to another that is not below it.
#[derive(Debug)]
pub(crate) struct Resampler {
    /// The higher rate over the lower one, in lowest terms.
    up: u64,
    down: u64,
    /// The weights for each place that an output sample can have between two input samples.
    phases: Vec<[i32; TAPS]>,
}

/// Input samples that an output sample rests on.
pub(crate) const TAPS: usize = 64;
/// How many of them come at or before its place.
pub(crate) const BEFORE: u64 = TAPS as u64 / 2;
/// The weights' unit.
const ONE_BITS: u32 = 18;

impl Resampler {
    /// From `from_hz` to `to_hz`.
    pub(crate) fn new(from_hz: u32, to_hz: u32) -> Resampler {
        let divisor = common_divisor(u64::from(from_hz.max(1)), u64::from(to_hz.max(1)));
        let (up, down) = (u64::from(to_hz.max(1)) / divisor, u64::from(from_hz.max(1)) / divisor);
        Resampler { up, down, phases: (0..up).map(|phase| weights(phase as f64 / up as f64)).collect() }
    }

    /// The last input sample at or before the place of output sample `n`.
    pub(crate) const fn input_of(&self, n: u64) -> u64 {
        n.saturating_mul(self.down) / self.up
    }

    /// The output sample at or after the place of input sample `n`.
    pub(crate) const fn output_of(&self, n: u64) -> u64 {
        n.saturating_mul(self.up).div_ceil(self.down)
    }

    /// Output sample `n`, of the [`TAPS`] input samples of which the last [`BEFORE`] come after its place.
    pub(crate) fn sample(&self, n: u64, input: &[i16]) -> i16 {
        let phase = (n.saturating_mul(self.down) % self.up) as usize;
        let Some(weights) = self.phases.get(phase) else { return 0 };
        let sum: i64 =
            weights.iter().zip(input).map(|(&weight, &sample)| i64::from(weight) * i64::from(sample)).sum();
        let rounded = (sum + (1 << (ONE_BITS - 1))) >> ONE_BITS;
        rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}

const fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// A sinc that passes [`PASSED`] of the lower rate's band, under a Kaiser window; all of them together are one.
fn weights(phase: f64) -> [i32; TAPS] {
    let mut exact = [0.0; TAPS];
    for (n, weight) in exact.iter_mut().enumerate() {
        let from_centre = n as f64 - (BEFORE as f64 - 1.0) - phase;
        *weight = sinc(from_centre * PASSED) * window(from_centre / BEFORE as f64);
    }
    let sum: f64 = exact.iter().sum();
    let one = f64::from(1 << ONE_BITS);
    let mut rounded = exact.map(|weight| (weight / sum * one).round_ties_even() as i32);
    // What rounding took from the sum goes to the centre: silence with an offset stays as it is.
    let left: i32 = (1 << ONE_BITS) - rounded.iter().sum::<i32>();
    if let Some(centre) = rounded.get_mut(BEFORE as usize - 1) {
        *centre += left;
    }
    rounded
}

/// Of half the lower rate: 3.72 kHz of 8 kHz at half the amplitude.
const PASSED: f64 = 0.93;

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-9 { 1.0 } else { sine(x) / x }
}

/// By its series, since a library's may differ from machine to machine.
fn sine(x: f64) -> f64 {
    let turns = (x / std::f64::consts::TAU).round_ties_even();
    let x = x - turns * std::f64::consts::TAU;
    let (mut sum, mut term) = (0.0, x);
    for n in 1..=14 {
        sum += term;
        term *= -x * x / f64::from(2 * n * (2 * n + 1));
    }
    sum
}

/// Kaiser's, with its sidelobes 80 dB below.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { bessel(BETA * (1.0 - x * x).sqrt()) / bessel(BETA) }
}

const BETA: f64 = 7.857;

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (0.0, 1.0);
    for n in 1..=40 {
        sum += term;
        term *= (x / 2.0 / f64::from(n)).powi(2);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn resampled(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
        let resampler = Resampler::new(from_hz, to_hz);
        let padded = [&vec![0; BEFORE as usize - 1], input, &vec![0; BEFORE as usize]].concat();
        let output = |n: u64| resampler.sample(n, &padded[resampler.input_of(n) as usize..][..TAPS]);
        (0..resampler.output_of(input.len() as u64)).map(output).collect()
    }

    fn tone(rate: u32, hz: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| (10_000.0 * (n as f64 * TAU * hz / f64::from(rate)).sin()).round() as i16)
            .collect()
    }

    #[test]
    fn a_tone_stays_the_same_tone_in_its_place() {
        for (from, to) in [(8000, 16_000), (8000, 48_000), (16_000, 48_000), (8000, 44_100), (44_100, 48_000)]
        {
            for share in [0.02, 0.1, 0.3, 0.42] {
                let hz = share * f64::from(from);
                let made = resampled(from, to, &tone(from, hz, 4000));
                let expected = tone(to, hz, made.len());
                let edge = 40 * (to as usize).div_ceil(from as usize);
                let middle = edge..made.len() - edge;
                let error: f64 = middle.clone().map(|n| f64::from(made[n] - expected[n]).powi(2)).sum();
                let level: f64 = middle.map(|n| f64::from(expected[n]).powi(2)).sum();
                let ratio = 10.0 * (level / error).log10();
                assert!(ratio > 60.0, "{from} to {to}: {ratio:.1} dB at {hz} Hz");
            }
        }
    }

    #[test]
    fn a_level_without_a_wave_is_exact() {
        let made = resampled(8000, 44_100, &[1234; 400]);
        assert!(made[200..made.len() - 200].iter().all(|&sample| sample == 1234));
    }

    #[test]
    fn places_of_input_and_output_agree() {
        let resampler = Resampler::new(8000, 44_100);
        for n in 0..1000 {
            assert_eq!(resampler.input_of(resampler.output_of(n)), n);
        }
    }
}
