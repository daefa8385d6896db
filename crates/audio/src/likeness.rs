//! Whether one channel says what the other says, now or a little later: the levels of both, frame by frame, rise and fall
//! together (their correlation, in decibels). Two people who talk to each other do the contrary.

use std::collections::VecDeque;

/// How alike both channels are, where they are most alike.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Likeness {
    /// The correlation of their levels: 1 for the same sound.
    pub correlation: f64,
    /// By how many milliseconds the second channel is behind the first; below zero where it is ahead.
    pub lag_ms: i64,
}

/// Compares frames of 20 ms.
#[derive(Debug)]
pub(crate) struct LikenessMeter {
    /// The last levels of both, in tenths of a decibel above the floor; the newest last.
    last: VecDeque<[i64; 2]>,
    /// For each lag from -[`MOST_LAG`] on.
    sums: Vec<Sums>,
}

/// In whole numbers, so that no order of adding makes a difference.
#[derive(Clone, Copy, Default, Debug)]
struct Sums {
    count: i64,
    one: i64,
    other: i64,
    one_squares: i64,
    other_squares: i64,
    products: i64,
}

impl Default for LikenessMeter {
    fn default() -> LikenessMeter {
        let sums = vec![Sums::default(); 2 * MOST_LAG + 1];
        LikenessMeter { last: VecDeque::with_capacity(MOST_LAG + 1), sums }
    }
}

impl LikenessMeter {
    /// Takes the levels of the next frame in dBov; `None` is silence.
    pub(crate) fn handle_frame(&mut self, levels: [Option<f64>; 2]) {
        if self.last.len() > MOST_LAG {
            self.last.pop_front();
        }
        let tenths = |level: Option<f64>| (10.0 * (level.unwrap_or(FLOOR_DBOV) - FLOOR_DBOV).max(0.0)) as i64;
        let now = levels.map(tenths);
        self.last.push_back(now);
        if self.last.len() <= MOST_LAG {
            return;
        }
        let (behind, ahead) = (self.sums.iter_mut(), self.last.iter());
        // From the oldest to the newest, the first channel's then against the second's now, and back.
        for (sums, [then, _]) in behind.rev().zip(ahead) {
            sums.add(*then, now[1]);
        }
        let ahead = self.last.iter().take(MOST_LAG);
        for (sums, [_, then]) in self.sums.iter_mut().zip(ahead) {
            sums.add(now[0], *then);
        }
    }

    /// Where they are most alike; `None` where too little was heard of one of them to tell.
    pub(crate) fn finish(&self) -> Option<Likeness> {
        let lags = -(MOST_LAG as i64)..;
        let found = self.sums.iter().zip(lags).filter_map(|(sums, lag)| Some((sums.correlation()?, lag)));
        // Of two alike, the lesser lag.
        let best = found.max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.abs().cmp(&one.1.abs())));
        best.map(|(correlation, lag)| Likeness { correlation, lag_ms: 20 * lag })
    }
}

impl Sums {
    fn add(&mut self, one: i64, other: i64) {
        self.count += 1;
        self.one += one;
        self.other += other;
        self.one_squares += one * one;
        self.other_squares += other * other;
        self.products += one * other;
    }

    fn correlation(&self) -> Option<f64> {
        if self.count < FEWEST_FRAMES {
            return None;
        }
        let (count, one, other) = (self.count as f64, self.one as f64, self.other as f64);
        let one_spread = self.one_squares as f64 / count - (one / count).powi(2);
        let other_spread = self.other_squares as f64 / count - (other / count).powi(2);
        let together = self.products as f64 / count - one / count * (other / count);
        let varied = one_spread.min(other_spread) >= LEAST_SPREAD * LEAST_SPREAD;
        varied.then(|| together / (one_spread * other_spread).sqrt())
    }
}

/// Half a second: what comes later is no echo that a call can be held over.
const MOST_LAG: usize = 25;
/// What is fainter counts as silence.
const FLOOR_DBOV: f64 = -65.0;
/// Five seconds.
const FEWEST_FRAMES: i64 = 250;
/// Five decibels, in tenths: what never changes its level is like everything.
const LEAST_SPREAD: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels that rise and fall by no rule, in frames.
    fn speech(seed: u64, frames: usize) -> Vec<f64> {
        let mut state = seed;
        let mut level = -30.0;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        (0..frames)
            .map(|_| {
                if next() < 0.2 {
                    level = -20.0 - 40.0 * next();
                }
                level
            })
            .collect()
    }

    fn likeness(frames: usize, of: impl Fn(usize) -> [Option<f64>; 2]) -> Option<Likeness> {
        let mut meter = LikenessMeter::default();
        (0..frames).for_each(|n| meter.handle_frame(of(n)));
        meter.finish()
    }

    #[test]
    fn an_echo_is_found_where_it_is() {
        let voice = speech(1, 1000);
        for lag in [-25i64, -7, 0, 1, 12, 25] {
            let of = |n: usize| {
                let then = usize::try_from(n as i64 - lag).ok().and_then(|then| voice.get(then));
                [Some(voice[n]), then.map(|level| level - 10.0)]
            };
            let found = likeness(1000, of).unwrap();
            assert!(found.correlation > 0.95, "{lag}: {found:?}");
            assert_eq!(found.lag_ms, 20 * lag);
        }
    }

    #[test]
    fn two_voices_a_tone_and_too_little_are_none() {
        let (one, other) = (speech(1, 2000), speech(2, 2000));
        let apart = likeness(2000, |n| [Some(one[n]), Some(other[n])]).unwrap();
        assert!(apart.correlation < 0.5, "{apart:?}");
        assert_eq!(likeness(2000, |_| [Some(-20.0), Some(-20.0)]), None);
        assert_eq!(likeness(2000, |n| [Some(one[n]), None]), None);
        assert_eq!(likeness(200, |n| [Some(one[n]), Some(one[n])]), None);
    }
}
