//! From a lower rate to a higher one: a polyphase low-pass filter, in integers, so that every machine gives the same.

/// A filter from one rate to another that is not below it.
#[derive(Debug)]
pub(crate) struct Resampler {
    /// The higher rate over the lower one, in lowest terms.
    up: u64,
    down: u64,
    /// The weights for each place that an output sample can have between two input samples.
    phases: Vec<[i16; TAPS]>,
}

/// Input samples that an output sample rests on.
pub(crate) const TAPS: usize = 64;
/// How many of them come at or before its place.
pub(crate) const BEFORE: u64 = TAPS as u64 / 2;
/// The weights' unit.
const ONE_BITS: u32 = 14;

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

    /// Appends output samples `from` to `to` to `output`. Of `input`, the first sample is the earliest of the [`TAPS`]
    /// that the first output sample rests on, the last [`BEFORE`] of which come after its place.
    pub(crate) fn fill(&self, from: u64, to: u64, input: &[i16], output: &mut Vec<i16>) {
        let (mut phase, mut at) = (from.saturating_mul(self.down) % self.up, 0);
        for _ in from..to {
            let weights = self.phases.get(phase as usize);
            let taps = input.get(at..).and_then(<[i16]>::first_chunk::<TAPS>);
            output.push(weights.zip(taps).map_or(0, |(weights, taps)| weighed(weights, taps)));
            phase += self.down;
            while phase >= self.up {
                phase -= self.up;
                at += 1;
            }
        }
    }
}

/// 32 bits hold it: the weights' magnitudes add up to less than four.
fn weighed(weights: &[i16; TAPS], taps: &[i16; TAPS]) -> i16 {
    let sum: i32 = weights.iter().zip(taps).map(|(&weight, &tap)| i32::from(weight) * i32::from(tap)).sum();
    let rounded = (sum + (1 << (ONE_BITS - 1))) >> ONE_BITS;
    rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

pub(crate) const fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// A sinc that passes [`PASSED`] of the lower rate's band, under a Kaiser window; all of them together are one.
fn weights(phase: f64) -> [i16; TAPS] {
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
    rounded.map(|weight| weight as i16)
}

/// Of half the lower rate: 3.72 kHz of 8 kHz at half the amplitude.
const PASSED: f64 = 0.93;

pub(crate) fn sinc(x: f64) -> f64 {
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
pub(crate) fn window(x: f64) -> f64 {
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
        let mut output = vec![];
        resampler.fill(0, resampler.output_of(input.len() as u64), &padded, &mut output);
        output
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
    fn the_loudest_square_overflows_nothing() {
        for period in 1..40 {
            let square: Vec<i16> =
                (0..400).map(|n| if n / period % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
            for (from, to) in [(8000, 48_000), (8000, 44_100), (44_100, 48_000)] {
                // An overflow would panic here, and wrap to the other side in a release.
                assert!(resampled(from, to, &square).len() > 400);
            }
        }
        for phase in 0..1000 {
            let all: i32 =
                weights(f64::from(phase) / 1000.0).iter().map(|&weight| i32::from(weight).abs()).sum();
            assert!(all < (4 << ONE_BITS) - 1, "{all}");
        }
    }

    #[test]
    fn places_of_input_and_output_agree() {
        let resampler = Resampler::new(8000, 44_100);
        for n in 0..1000 {
            assert_eq!(resampler.input_of(resampler.output_of(n)), n);
        }
    }
}
