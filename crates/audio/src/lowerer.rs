//! From a higher rate to a lower one: a polyphase low-pass filter, in integers, so that every machine gives the same.

use crate::resampler::{common_divisor, sinc, window};

/// Brings one channel down, piece by piece.
#[derive(Debug)]
pub struct Lowerer {
    /// The lower rate over the higher one, in lowest terms.
    up: u64,
    down: u64,
    /// The weights for each place that an output sample can have between two input samples.
    phases: Vec<Vec<i16>>,
    /// What the next output sample rests on, from the earliest on, and what came since.
    input: Vec<i16>,
    /// Output samples so far, and input samples that are gone from `input`.
    made: u64,
    gone: u64,
}

/// Periods of the lower rate that an output sample rests on, to either side.
const REACH: u64 = 32;
/// Of half the lower rate: what is above it must not fold back.
const PASSED: f64 = 0.93;
const ONE_BITS: u32 = 14;

impl Lowerer {
    /// From `from_hz` to `to_hz`, which is not above it.
    #[must_use]
    pub fn new(from_hz: u32, to_hz: u32) -> Lowerer {
        let (from, to) = (u64::from(from_hz.max(1)), u64::from(to_hz.max(1)));
        let divisor = common_divisor(from, to);
        let (up, down) = (to / divisor, from / divisor);
        // The filter is as wide as the lower rate asks for, and begins as far before the first sample.
        let half = (REACH * down).div_ceil(up);
        let phases = (0..up).map(|phase| weights(phase as f64 / up as f64, half, up as f64 / down as f64));
        let input = vec![0; half as usize - 1];
        Lowerer { up, down, phases: phases.collect(), input, made: 0, gone: 0 }
    }

    /// How many samples come of `count`.
    #[must_use]
    pub const fn samples_of(&self, count: u64) -> u64 {
        count.saturating_mul(self.up).div_ceil(self.down)
    }

    /// Takes in the samples that follow, and appends what they complete to `output`.
    pub fn lower(&mut self, samples: impl IntoIterator<Item = i16>, output: &mut Vec<i16>) {
        self.input.extend(samples);
        loop {
            let place = self.made.saturating_mul(self.down);
            let from = (place / self.up - self.gone) as usize;
            let weights = self.phases.get((place % self.up) as usize).map_or(&[][..], Vec::as_slice);
            let Some(taps) = self.input.get(from..from + weights.len()) else { break };
            output.push(weighed(weights, taps));
            self.made += 1;
        }
        let next = (self.made.saturating_mul(self.down) / self.up).saturating_sub(self.gone) as usize;
        let used = next.min(self.input.len());
        self.input.drain(..used);
        self.gone += used as u64;
    }

    /// The audio is over after `count` samples: appends what is left of [`Self::samples_of`] it.
    pub fn finish(mut self, count: u64, output: &mut Vec<i16>) {
        let left = self.samples_of(count).saturating_sub(self.made);
        let before = output.len();
        let silence = self.phases.first().map_or(0, Vec::len);
        self.lower(std::iter::repeat_n(0, silence), output);
        output.truncate(before + left as usize);
    }
}

fn weighed(weights: &[i16], taps: &[i16]) -> i16 {
    let sum: i64 = weights.iter().zip(taps).map(|(&weight, &tap)| i64::from(weight) * i64::from(tap)).sum();
    let rounded = (sum + (1 << (ONE_BITS - 1))) >> ONE_BITS;
    rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// A sinc that passes [`PASSED`] of the lower rate's band, under a Kaiser window of twice `half` samples; all of them
/// together are one.
fn weights(phase: f64, half: u64, ratio: f64) -> Vec<i16> {
    let exact: Vec<f64> = (0..2 * half)
        .map(|n| {
            let from_centre = n as f64 - (half as f64 - 1.0) - phase;
            sinc(from_centre * PASSED * ratio) * window(from_centre / half as f64)
        })
        .collect();
    let sum: f64 = exact.iter().sum();
    let one = f64::from(1 << ONE_BITS);
    // What rounding leaves of one weight goes to the next, so that all together are exact.
    let mut left = 0.0;
    let rounded = exact.iter().map(|weight| {
        let whole = weight / sum * one + left;
        let rounded = whole.round_ties_even();
        left = whole - rounded;
        rounded as i16
    });
    rounded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn lowered(from_hz: u32, to_hz: u32, input: &[i16], piece: usize) -> Vec<i16> {
        let (mut lowerer, mut output) = (Lowerer::new(from_hz, to_hz), Vec::new());
        for piece in input.chunks(piece) {
            lowerer.lower(piece.iter().copied(), &mut output);
        }
        lowerer.finish(input.len() as u64, &mut output);
        output
    }

    fn sine(rate: u32, hz: f64, count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| (12_000.0 * (n as f64 / f64::from(rate) * hz * TAU).sin()).round() as i16)
            .collect()
    }

    const RATES: [(u32, u32); 6] =
        [(16_000, 8000), (48_000, 8000), (48_000, 16_000), (44_100, 8000), (44_100, 16_000), (32_000, 8000)];

    #[test]
    fn what_the_lower_rate_can_hold_stays_in_its_place() {
        for (from, to) in RATES {
            let output = lowered(from, to, &sine(from, 1000.0, from as usize / 2), 100);
            assert_eq!(output.len(), to as usize / 2, "{from} {to}");
            let expected = sine(to, 1000.0, output.len());
            let worst = output.iter().zip(&expected).map(|(one, other)| one.abs_diff(*other));
            let worst = worst.take(output.len() - 64).skip(64).max();
            assert!(worst.is_some_and(|worst| worst <= 12), "{from} {to}: {worst:?}");
        }
    }

    #[test]
    fn what_it_cannot_hold_is_gone() {
        for (from, to) in RATES {
            let output = lowered(from, to, &sine(from, f64::from(to) * 0.56, from as usize / 2), 999);
            let loudest = output.iter().skip(64).take(output.len() - 128).map(|one| one.unsigned_abs()).max();
            assert!(loudest.is_some_and(|loudest| loudest <= 24), "{from} {to}: {loudest:?}");
        }
    }

    #[test]
    fn the_size_of_the_pieces_changes_nothing() {
        for (from, to) in RATES {
            let input: Vec<i16> =
                (0..5000u32).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(9) as i16).collect();
            let whole = lowered(from, to, &input, input.len());
            assert_eq!(whole.len() as u64, Lowerer::new(from, to).samples_of(5000));
            for piece in [1, 7, 480] {
                assert_eq!(lowered(from, to, &input, piece), whole, "{from} {to} {piece}");
            }
        }
        assert_eq!(lowered(48_000, 8000, &[], 1), [0i16; 0]);
        assert_eq!(lowered(48_000, 8000, &[5], 1).len(), 1);
    }

    #[test]
    fn the_loudest_square_overflows_nothing_and_an_offset_stays() {
        let square: Vec<i16> = (0..9600).map(|n| if n / 13 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        assert_eq!(lowered(48_000, 8000, &square, 77).len(), 1600);
        let offset = lowered(48_000, 8000, &[1000; 9600], 480);
        assert!(offset.iter().skip(64).take(1400).all(|&one| one == 1000));
    }
}
