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
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 4] = [Origin::Received, Origin::Concealed, Origin::ComfortNoise, Origin::Silence];

    /// The name in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Received => "received",
            Origin::Concealed => "concealed",
            Origin::ComfortNoise => "comfort_noise",
            Origin::Silence => "silence",
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
}
