//! Whether packets were lost here and there or many at once (RFC 3611, section 4.7.2).
//!
//! A burst begins and ends with a lost packet, and no [`GAP_MINIMUM`] packets in a row came in it; what lies between
//! bursts is a gap, in which a single packet may be lost now and then.

use crate::sequence::Sent;

/// So many packets in a row that came end a burst (Gmin).
pub const GAP_MINIMUM: u64 = 16;

/// How the lost packets of a stream lie.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Bursts {
    /// How many bursts there were.
    pub bursts: u64,
    /// Packets expected in all bursts, and how many of these were lost.
    pub in_bursts: (u64, u64),
    /// Packets expected in all gaps, and how many of these were lost.
    pub in_gaps: (u64, u64),
    /// The longest run of lost packets.
    pub longest_run: u64,
    /// How many runs of lost packets there were.
    pub runs: u64,
}

impl Bursts {
    /// The share of packets lost within bursts, 0 to 1; `None` without a burst.
    #[must_use]
    pub fn burst_density(&self) -> Option<f64> {
        density(self.in_bursts)
    }

    /// The share of packets lost outside of bursts; `None` where all was one burst.
    #[must_use]
    pub fn gap_density(&self) -> Option<f64> {
        density(self.in_gaps)
    }

    /// How many times as long the runs of lost packets are as they would be by chance (ITU-T G.107, section 3.5), at
    /// least 1.
    #[must_use]
    pub fn burst_ratio(&self) -> f64 {
        let lost = (self.in_bursts.1 + self.in_gaps.1) as f64;
        let expected = (self.in_bursts.0 + self.in_gaps.0) as f64;
        if self.runs == 0 {
            return 1.0;
        }
        (lost / self.runs as f64 * (1.0 - lost / expected)).max(1.0)
    }
}

fn density((expected, lost): (u64, u64)) -> Option<f64> {
    (expected > 0).then(|| lost as f64 / expected as f64)
}

/// Walks along the packets: the losses since the last long run of packets that came are a burst once there are two.
#[derive(Default, Debug)]
pub struct BurstGatherer {
    bursts: Bursts,
    last: Option<Sent>,
    /// Packets expected and lost from the first loss on to the last one, since [`GAP_MINIMUM`] came in a row.
    open: (u64, u64),
    /// Packets that came in a row up to now.
    came: u64,
}

impl BurstGatherer {
    /// Takes the next packet in the order of sending; where a sender began anew, nothing counts as lost.
    pub fn handle_sent(&mut self, sent: &Sent) {
        if let Some(last) = self.last.replace(*sent).filter(|last| last.era == sent.era) {
            self.lost(u64::try_from(sent.seq.0 - last.seq.0 - 1).unwrap_or(0));
        }
        self.came(1);
    }

    fn came(&mut self, packets: u64) {
        self.came += packets;
        if self.came >= GAP_MINIMUM {
            self.close();
        }
    }

    fn lost(&mut self, packets: u64) {
        if packets == 0 {
            return;
        }
        self.bursts.runs += 1;
        self.bursts.longest_run = self.bursts.longest_run.max(packets);
        if self.open.1 > 0 {
            self.open.0 += self.came;
        } else {
            self.bursts.in_gaps.0 += self.came;
        }
        self.open = (self.open.0 + packets, self.open.1 + packets);
        self.came = 0;
    }

    fn close(&mut self) {
        let (expected, lost) = std::mem::take(&mut self.open);
        if lost > 1 {
            self.bursts.bursts += 1;
            self.bursts.in_bursts = (self.bursts.in_bursts.0 + expected, self.bursts.in_bursts.1 + lost);
        } else {
            self.bursts.in_gaps = (self.bursts.in_gaps.0 + expected, self.bursts.in_gaps.1 + lost);
        }
        self.bursts.in_gaps.0 += std::mem::take(&mut self.came);
    }

    /// There are no more packets.
    #[must_use]
    pub fn finish(mut self) -> Bursts {
        self.close();
        self.bursts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ExtSeq;
    use crate::sequence::Sent;

    /// The stream whose n-th packet came where `came[n]`.
    fn bursts(came: &[bool]) -> Bursts {
        let sent = came.iter().enumerate().filter(|(_, came)| **came);
        let sent = sent.map(|(n, _)| Sent {
            index: n as u32,
            seq: ExtSeq(n as i64),
            ticks: 0,
            arrival_ns: 0,
            era: 0,
        });
        let mut gatherer = BurstGatherer::default();
        sent.for_each(|sent| gatherer.handle_sent(&sent));
        gatherer.finish()
    }

    fn pattern(text: &str) -> Vec<bool> {
        text.chars().map(|letter| letter == '1').collect()
    }

    #[test]
    fn single_losses_far_apart_are_no_burst() {
        let far = "1".repeat(20) + "0" + &"1".repeat(16) + "0" + &"1".repeat(20);
        let told = bursts(&pattern(&far));
        assert_eq!((told.bursts, told.in_gaps, told.in_bursts, told.runs), (0, (58, 2), (0, 0), 2));
        assert_eq!(told.burst_ratio(), 1.0);
    }

    #[test]
    fn losses_near_each_other_are_one_burst_from_first_to_last() {
        let near = "1".repeat(20) + "0" + &"1".repeat(15) + "000" + &"1".repeat(20);
        let told = bursts(&pattern(&near));
        assert_eq!((told.bursts, told.in_bursts, told.in_gaps, told.longest_run), (1, (19, 4), (40, 0), 3));
        assert_eq!(told.burst_density(), Some(4.0 / 19.0));
        assert!(told.burst_ratio() > 1.5);
    }

    /// Every loss with less than Gmin packets to the next one is in its burst, told over the whole pattern at once.
    fn naive(came: &[bool]) -> (u64, u64, u64) {
        let first = came.iter().position(|came| *came).unwrap_or(came.len());
        let last = came.iter().rposition(|came| *came).map_or(0, |at| at + 1);
        let lost: Vec<usize> = (first..last).filter(|&n| !came[n]).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for n in lost {
            match groups.last_mut() {
                Some(group) if n - group.last().unwrap() <= GAP_MINIMUM as usize => group.push(n),
                _ => groups.push(vec![n]),
            }
        }
        let bursts = groups.iter().filter(|group| group.len() > 1);
        let span = |group: &Vec<usize>| (group[group.len() - 1] - group[0] + 1) as u64;
        (
            bursts.clone().count() as u64,
            bursts.clone().map(span).sum(),
            bursts.map(|group| group.len() as u64).sum(),
        )
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_reading(came in prop::collection::vec(prop::bool::weighted(0.85), 0..400)) {
            let told = bursts(&came);
            prop_assert_eq!((told.bursts, told.in_bursts.0, told.in_bursts.1), naive(&came));
            let between = came.iter().skip_while(|came| !**came).count() - came.iter().rev().take_while(|came| !**came).count().min(came.iter().skip_while(|came| !**came).count());
            prop_assert_eq!(told.in_bursts.0 + told.in_gaps.0, between as u64);
        }
    }
}
