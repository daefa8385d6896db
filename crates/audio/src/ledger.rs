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
    /// Something was sent, and the capture lost it.
    NotCaptured,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 6] = [
        Origin::Received,
        Origin::Concealed,
        Origin::ComfortNoise,
        Origin::Silence,
        Origin::Hold,
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

/// The intervals of a channel, end to end from sample 0.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Ledger(Vec<Interval>);

impl Ledger {
    /// Goes on with samples of `origin` up to `to`.
    pub fn extend_to(&mut self, to: u64, origin: Origin) {
        let from = self.end();
        if to <= from {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.origin == origin => last.to = to,
            _ => self.0.push(Interval { from, to, origin }),
        }
    }

    /// Marks the silence within `spans` as that of a hold. They are pairs of the first sample and the one after the last, in
    /// order and apart.
    pub fn mark_hold(&mut self, spans: &[(u64, u64)]) {
        self.mark(spans, Origin::Hold, |origin| origin == Origin::Silence);
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
        for interval in &self.0 {
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
        *self = told;
    }

    /// What sample `at` is, and the sample after the last of the same; silence for ever past the end.
    #[must_use]
    pub fn at(&self, at: u64) -> (Origin, u64) {
        let before = self.0.partition_point(|interval| interval.to <= at);
        self.0.get(before).map_or((Origin::Silence, u64::MAX), |interval| (interval.origin, interval.to))
    }

    /// How far the intervals reach.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.0.last().map_or(0, |last| last.to)
    }

    /// The intervals in order.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        &self.0
    }

    /// How many samples are of `origin`.
    #[must_use]
    pub fn samples_of(&self, origin: Origin) -> u64 {
        self.0
            .iter()
            .filter(|interval| interval.origin == origin)
            .map(|interval| interval.to - interval.from)
            .sum()
    }
}

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

    proptest! {
        #[test]
        fn silence_in_a_hold_is_the_holds_and_nothing_else_is(
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
            ledger.mark_hold(&spans);
            for (at, &origin) in (0u64..).zip(&origins) {
                let is_held = spans.iter().any(|&(from, to)| (from..to).contains(&at));
                let told = if is_held && origin == Origin::Silence { Origin::Hold } else { origin };
                prop_assert_eq!(ledger.at(at).0, told, "sample {} of {:?}", at, &spans);
            }
            prop_assert_eq!(ledger.end(), origins.len() as u64);
            let pairs = ledger.intervals().iter().zip(ledger.intervals().iter().skip(1));
            for (one, next) in pairs {
                prop_assert!(one.to == next.from && one.origin != next.origin, "{:?}", ledger);
            }
        }
    }
}
