//! When packets were lost: each run of missing numbers, between the arrivals of the packets before and behind it.

use clock::{Span, Time};

use crate::sequence::Sent;

/// A run of packets that never came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// When the packet before them came.
    pub from: Time,
    /// When the packet behind them came.
    pub to: Time,
    /// How many.
    pub packets: u64,
}

/// Runs of lost packets in the order of sending, no more than so many: past that the last run takes in what
/// follows it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Losses {
    /// The runs.
    pub runs: Vec<Loss>,
}

/// Walks along the packets in the order of sending.
#[derive(Debug)]
pub struct LossGatherer {
    first_at: Time,
    last: Option<Sent>,
    losses: Losses,
}

impl LossGatherer {
    /// Of a stream whose first packet arrived at `first_at`.
    #[must_use]
    pub fn new(first_at: Time) -> LossGatherer {
        LossGatherer { first_at, last: None, losses: Losses::default() }
    }

    /// Takes the next packet; where a sender began anew, nothing counts as lost.
    pub fn handle_sent(&mut self, sent: &Sent) {
        let Some(last) = self.last.replace(*sent).filter(|last| last.era == sent.era) else { return };
        let packets = u64::try_from(sent.seq.0 - last.seq.0 - 1).unwrap_or(0);
        if packets == 0 {
            return;
        }
        // Jitter may bring the one behind before the one before.
        let at = |arrival_ns: i64| self.first_at + Span::from_ns(arrival_ns);
        let (one, other) = (at(last.arrival_ns), at(sent.arrival_ns));
        let loss = Loss { from: one.min(other), to: one.max(other), packets };
        self.enter(loss);
    }

    fn enter(&mut self, loss: Loss) {
        let runs = &mut self.losses.runs;
        if runs.len() < MOST {
            runs.push(loss);
        } else if let Some(last) = runs.last_mut() {
            last.from = last.from.min(loss.from);
            last.to = last.to.max(loss.to);
            last.packets += loss.packets;
        }
    }

    /// There are no more packets.
    #[must_use]
    pub fn finish(self) -> Losses {
        self.losses
    }
}

/// Three mebibytes a stream: a loss each second for a day.
const MOST: usize = 1 << 17;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExtSeq;

    fn losses(sent: impl IntoIterator<Item = (i64, i64, u32)>) -> Vec<(i64, i64, u64)> {
        let mut gatherer = LossGatherer::new(Time::default());
        for (seq, at_ms, era) in sent {
            let (seq, arrival_ns) = (ExtSeq(seq), at_ms * 1_000_000);
            gatherer.handle_sent(&Sent { index: 0, seq, ticks: 0, arrival_ns, era });
        }
        let ms = |time: Time| time.as_ns() / 1_000_000;
        let runs = gatherer.finish().runs;
        runs.iter().map(|loss| (ms(loss.from), ms(loss.to), loss.packets)).collect()
    }

    #[test]
    fn each_run_stands_between_two_arrivals() {
        let sent = [(1, 0, 0), (2, 20, 0), (5, 80, 0), (6, 100, 0), (8, 90, 0), (500, 900, 1), (501, 920, 1)];
        assert_eq!(losses(sent), [(20, 80, 2), (90, 100, 1)]);
    }

    #[test]
    fn there_are_no_more_of_them_than_may_be() {
        let count = MOST as i64 + 10;
        let runs = losses((0..=count).map(|n| (2 * n, 40 * n, 0)));
        assert_eq!(runs.len(), MOST);
        assert_eq!(runs.iter().map(|run| run.2).sum::<u64>(), count as u64);
        assert_eq!(runs.last().unwrap().1, 40 * count);
    }
}
