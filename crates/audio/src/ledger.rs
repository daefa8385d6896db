//! Where every interval of a channel comes from: no sample is invented unseen.

/// What an interval of a channel holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// Decoded from packets that came.
    Received,
    /// Made up over a loss.
    Concealed,
    /// Noise of the level that the sender told of while it sent no speech.
    ComfortNoise,
    /// Nothing was sent, or more was lost than can be concealed.
    Silence,
    /// Nothing was sent, since the call was on hold.
    Hold,
    /// Blanked on purpose, whatever it was.
    Masked,
    /// Something was sent, and the capture lost it.
    NotCaptured,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 7] = [
        Origin::Received,
        Origin::Concealed,
        Origin::ComfortNoise,
        Origin::Silence,
        Origin::Hold,
        Origin::Masked,
        Origin::NotCaptured,
    ];

    /// The name in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Received => "received",
            Origin::Concealed => "concealed",
            Origin::ComfortNoise => "comfort_noise",
            Origin::Silence => "silence",
            Origin::Hold => "hold",
            Origin::Masked => "masked",
            Origin::NotCaptured => "not_captured",
        }
    }
}

/// A span of samples of one origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The first sample.
    pub from: u64,
    /// The sample after the last.
    pub to: u64,
    /// Where they come from.
    pub origin: Origin,
}

/// The intervals of a channel, end to end from sample 0. Where they would be too many, short ones that follow each other
/// are told as one, of the origin that says the least for it: what is told as received was all received. How many samples
/// there are of each origin is exact all the same.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Ledger {
    intervals: Vec<Interval>,
    samples: [u64; Origin::ALL.len()],
    grain: u64,
}

impl Ledger {
    /// Goes on with samples of `origin` up to `to`.
    pub fn extend_to(&mut self, to: u64, origin: Origin) {
        let from = self.end();
        if to <= from {
            return;
        }
        if let Some(samples) = self.samples.get_mut(origin as usize) {
            *samples += to - from;
        }
        push(&mut self.intervals, Interval { from, to, origin });
    }

    /// Intervals that end before `before` may be told together from now on, where there are too many.
    pub(crate) fn settle(&mut self, before: u64) {
        self.settle_to(before, MOST_INTERVALS);
    }

    fn settle_to(&mut self, before: u64, most: usize) {
        if self.intervals.len() <= most {
            return;
        }
        // The last one may still grow.
        let past = self.intervals.partition_point(|interval| interval.to <= before);
        let settled = past.min(self.intervals.len() - 1);
        let open = self.intervals.split_off(settled);
        self.intervals = coarsened(&self.intervals, self.grain);
        while self.intervals.len() > most / 2 {
            self.grain = self.grain.saturating_mul(2).max(FIRST_GRAIN);
            self.intervals = coarsened(&self.intervals, self.grain);
        }
        open.into_iter().for_each(|interval| push(&mut self.intervals, interval));
    }

    /// So many samples may have been told together that are not of one origin; zero where none were.
    #[must_use]
    pub const fn grain(&self) -> u64 {
        self.grain
    }

    /// Marks the silence within `spans` as that of a hold. They are pairs of the first sample and the one after the last, in
    /// order and apart.
    pub fn mark_hold(&mut self, spans: &[(u64, u64)]) {
        self.mark(spans, Origin::Hold, |origin| origin == Origin::Silence);
    }

    /// Marks everything within `spans`, which are as for a hold, as masked.
    pub fn mark_masked(&mut self, spans: &[(u64, u64)]) {
        self.mark(spans, Origin::Masked, |_| true);
    }

    /// Marks what stands for lost packets within `spans`, which are as for a hold, as not captured.
    pub fn mark_not_captured(&mut self, spans: &[(u64, u64)]) {
        let is_lost = |origin| matches!(origin, Origin::Concealed | Origin::Silence);
        self.mark(spans, Origin::NotCaptured, is_lost);
    }

    fn mark(&mut self, spans: &[(u64, u64)], mark: Origin, is_marked: impl Fn(Origin) -> bool) {
        if spans.is_empty() {
            return;
        }
        let mut told = Ledger::default();
        let mut spans = spans.iter().copied().peekable();
        for interval in &self.intervals {
            while let Some((from, to)) = spans.peek().copied().filter(|span| span.0 < interval.to) {
                if is_marked(interval.origin) {
                    told.extend_to(from, interval.origin);
                    told.extend_to(to.min(interval.to), mark);
                }
                if to > interval.to {
                    break;
                }
                spans.next();
            }
            told.extend_to(interval.to, interval.origin);
        }
        let (mut samples, grain) = (self.samples, self.grain);
        let mut marked = 0;
        for (origin, count) in Origin::ALL.into_iter().zip(&mut samples).filter(|(origin, _)| *origin != mark)
        {
            let of_it = self.intervals.iter().filter(|interval| interval.origin == origin);
            let before: u64 = of_it.map(|interval| interval.to - interval.from).sum();
            let taken = before.saturating_sub(told.samples_of(origin)).min(*count);
            (*count, marked) = (*count - taken, marked + taken);
        }
        if let Some(count) = samples.get_mut(mark as usize) {
            *count += marked;
        }
        *self = Ledger { intervals: told.intervals, samples, grain };
    }

    /// The same intervals by samples of another rate, of which there are `to` where there are `from` of these.
    #[must_use]
    pub fn scaled(&self, from: u64, to: u64) -> Ledger {
        if from == to {
            return self.clone();
        }
        let place = |at: u64| (u128::from(at) * u128::from(to)).div_ceil(u128::from(from.max(1))) as u64;
        let mut scaled = Ledger { grain: place(self.grain), ..Ledger::default() };
        for interval in &self.intervals {
            scaled.extend_to(place(interval.to), interval.origin);
        }
        scaled
    }

    /// What sample `at` is, and the sample after the last of the same; silence for ever past the end.
    #[must_use]
    pub fn at(&self, at: u64) -> (Origin, u64) {
        let before = self.intervals.partition_point(|interval| interval.to <= at);
        self.intervals
            .get(before)
            .map_or((Origin::Silence, u64::MAX), |interval| (interval.origin, interval.to))
    }

    /// How far the intervals reach.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.intervals.last().map_or(0, |last| last.to)
    }

    /// The intervals in order.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// How many samples are of `origin`.
    #[must_use]
    pub fn samples_of(&self, origin: Origin) -> u64 {
        self.samples.get(origin as usize).copied().unwrap_or(0)
    }
}

/// Those that are shorter than `grain` and follow each other as intervals of about that length.
fn coarsened(intervals: &[Interval], grain: u64) -> Vec<Interval> {
    let mut told = Vec::new();
    let mut short: Option<Interval> = None;
    for &interval in intervals {
        if interval.to - interval.from >= grain {
            short.take().into_iter().for_each(|short| push(&mut told, short));
            push(&mut told, interval);
            continue;
        }
        let joined = short.take().map_or(interval, |short| Interval {
            from: short.from,
            to: interval.to,
            origin: if short.origin.doubt() < interval.origin.doubt() {
                interval.origin
            } else {
                short.origin
            },
        });
        if joined.to - joined.from >= grain { push(&mut told, joined) } else { short = Some(joined) }
    }
    short.into_iter().for_each(|short| push(&mut told, short));
    told
}

/// Appends an interval that begins where the last one ends.
fn push(intervals: &mut Vec<Interval>, interval: Interval) {
    match intervals.last_mut() {
        Some(last) if last.origin == interval.origin => last.to = interval.to,
        _ => intervals.push(interval),
    }
}

impl Origin {
    /// How little it says for what it is told of.
    const fn doubt(self) -> u8 {
        match self {
            Origin::Received => 0,
            Origin::ComfortNoise => 1,
            Origin::Silence | Origin::Hold => 2,
            Origin::Concealed | Origin::NotCaptured => 3,
            // What was heard there nobody may say.
            Origin::Masked => 4,
        }
    }
}

/// Of one channel: a record of both has two and a half megabytes of them. Losses here and there for three hours are as
/// many, or the pauses of a day.
const MOST_INTERVALS: usize = 1 << 15;
/// A twentieth of a second at 8 kHz; it is doubled until it is enough.
const FIRST_GRAIN: u64 = 400;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn intervals_stand_end_to_end() {
        let mut ledger = Ledger::default();
        ledger.extend_to(5, Origin::Silence);
        ledger.extend_to(5, Origin::Received);
        ledger.extend_to(9, Origin::Received);
        ledger.extend_to(12, Origin::Received);
        let intervals = [
            Interval { from: 0, to: 5, origin: Origin::Silence },
            Interval { from: 5, to: 12, origin: Origin::Received },
        ];
        assert_eq!(ledger.intervals(), intervals);
        assert_eq!((ledger.end(), ledger.samples_of(Origin::Received)), (12, 7));
    }

    #[test]
    fn intervals_of_another_rate_stand_end_to_end_too() {
        let mut ledger = Ledger::default();
        ledger.extend_to(3, Origin::Silence);
        ledger.extend_to(4, Origin::Received);
        ledger.extend_to(7, Origin::Masked);
        let intervals = [
            Interval { from: 0, to: 2, origin: Origin::Silence },
            Interval { from: 2, to: 4, origin: Origin::Masked },
        ];
        assert_eq!(ledger.scaled(2, 1).intervals(), intervals);
        assert_eq!(ledger.scaled(7, 7), ledger);
    }

    proptest! {
        #[test]
        fn silence_in_a_hold_is_the_holds_and_all_under_a_mask_is_masked(
            is_masked: bool,
            origins in vec(select(vec![Origin::Received, Origin::Silence, Origin::ComfortNoise]), 0..40),
            steps in vec(1u64..8, 0..12),
        ) {
            let mut ledger = Ledger::default();
            for (at, &origin) in origins.iter().enumerate() {
                ledger.extend_to(at as u64 + 1, origin);
            }
            let mut ends = steps.iter().scan(0, |end, step| {
                *end += step;
                Some(*end)
            });
            let spans: Vec<(u64, u64)> =
                std::iter::from_fn(|| Some((ends.next()?, ends.next()?))).collect();
            if is_masked {
                ledger.mark_masked(&spans);
            } else {
                ledger.mark_hold(&spans);
            }
            for (at, &origin) in (0u64..).zip(&origins) {
                let is_marked = spans.iter().any(|&(from, to)| (from..to).contains(&at));
                let told = match (is_marked, is_masked) {
                    (true, true) => Origin::Masked,
                    (true, false) if origin == Origin::Silence => Origin::Hold,
                    _ => origin,
                };
                prop_assert_eq!(ledger.at(at).0, told, "sample {} of {:?}", at, &spans);
            }
            prop_assert_eq!(ledger.end(), origins.len() as u64);
            let pairs = ledger.intervals().iter().zip(ledger.intervals().iter().skip(1));
            for (one, next) in pairs {
                prop_assert!(one.to == next.from && one.origin != next.origin, "{:?}", ledger);
            }
        }

        /// The naive twin is told of each sample by itself.
        #[test]
        fn what_is_told_together_is_told_with_the_most_doubt(
            steps in vec((select(Origin::ALL[..4].to_vec()), 1u64..900), 1..600),
            most in 2usize..60,
            late in 0u64..2000,
        ) {
            let (mut ledger, mut exact) = (Ledger::default(), Ledger::default());
            for (origin, samples) in steps {
                let to = exact.end() + samples;
                exact.extend_to(to, origin);
                ledger.extend_to(to, origin);
                ledger.settle_to(to.saturating_sub(late), most);
                let recent = to.saturating_sub(late.min(to - 1));
                prop_assert_eq!(ledger.at(recent), exact.at(recent), "what is not settled is exact");
            }
            for origin in Origin::ALL {
                prop_assert_eq!(ledger.samples_of(origin), exact.samples_of(origin));
            }
            prop_assert_eq!(ledger.end(), exact.end());
            for told in ledger.intervals() {
                let within = exact.intervals().iter().filter(|one| one.from < told.to && told.from < one.to);
                for one in within {
                    prop_assert!(one.origin.doubt() <= told.origin.doubt(), "{:?} told as {:?}", one, told);
                    let alone = one.to - one.from >= ledger.grain();
                    prop_assert!(one.origin == told.origin || !alone, "a long one is told by itself: {:?}", told);
                }
            }
            let pairs = ledger.intervals().iter().zip(ledger.intervals().iter().skip(1));
            for (one, next) in pairs {
                prop_assert!(one.to == next.from && one.origin != next.origin);
            }
            let open = ledger.intervals().iter().filter(|one| one.to + late > ledger.end()).count();
            prop_assert!(ledger.intervals().len() <= most + open + 1);
        }
    }
}
