//! The packets of a stream in the order in which they were sent: extended sequence numbers and unwrapped time stamps
//! (RFC 3550, A.1), worked out with hindsight over the whole stream.
//!
//! A sender that starts anew without a new SSRC begins another *era*: its numbers go on above those of the last one,
//! and what lies between the two counts as no loss.

use crate::id::{ExtSeq, Seq, Ticks};
use crate::slot::Slot;

/// One packet in its place in the order of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Which packet, counted in the order of arrival.
    pub index: u32,
    /// Its extended sequence number.
    pub seq: ExtSeq,
    /// Its time stamp without wraps, in ticks since the first packet that arrived.
    pub ticks: i64,
    /// Its arrival in nanoseconds since the first packet's.
    pub arrival_ns: i64,
    /// Counts the sender's restarts.
    pub era: u32,
}

/// What the order shows of the way there.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// Every packet once, in the order of sending.
    pub sent: Vec<Sent>,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    /// Packets that fit nowhere: neither near the numbers before them nor followed by a next one.
    pub strays: u64,
    /// Numbers that never came, inside the eras.
    pub lost: u64,
}

impl Sequence {
    /// Orders packets that are given as they arrived.
    pub fn of(slots: impl IntoIterator<Item = Slot>) -> Sequence {
        let mut reader = Reader::default();
        let slots = slots.into_iter();
        reader.sequence.sent.reserve(slots.size_hint().0);
        for (index, slot) in slots.enumerate() {
            reader.read(index as u32, &slot);
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    sequence: Sequence,
    first_arrival_ns: i64,
    highest: Option<Highest>,
    /// A packet that fits nowhere; a restart if the next one follows it.
    suspect: Option<(u32, Slot)>,
    sorted: bool,
}

/// The newest packet of the current era.
#[derive(Clone, Copy)]
struct Highest {
    seq: Seq,
    extended: i64,
    ticks: Ticks,
    unwrapped: i64,
    era: u32,
    /// Ticks from one packet to the next, as last seen.
    step: i64,
}

impl Reader {
    fn read(&mut self, index: u32, slot: &Slot) {
        let Some(highest) = self.highest else {
            self.first_arrival_ns = slot.arrival().as_ns();
            self.sorted = true;
            self.begin_era(index, slot, 0, 0, 0);
            return;
        };
        if let Some((suspect_index, suspect)) = self.suspect.take() {
            if slot.seq().ahead_of(suspect.seq()) == 1 {
                let unwrapped = highest.unwrapped + i64::from(suspect.ticks().ahead_of(highest.ticks));
                self.begin_era(
                    suspect_index,
                    &suspect,
                    highest.extended + ERA_GAP,
                    unwrapped,
                    highest.era + 1,
                );
            } else {
                self.sequence.strays += 1;
            }
        }
        let highest = self.highest.unwrap_or(highest);
        if highest.takes(slot) {
            self.place(index, slot, highest);
        } else {
            self.suspect = Some((index, *slot));
        }
    }

    fn begin_era(&mut self, index: u32, slot: &Slot, extended: i64, unwrapped: i64, era: u32) {
        let arrival_ns = slot.arrival().as_ns().saturating_sub(self.first_arrival_ns);
        let (seq, ticks) = (slot.seq(), slot.ticks());
        self.highest = Some(Highest { seq, extended, ticks, unwrapped, era, step: 0 });
        self.sequence.sent.push(Sent { index, seq: ExtSeq(extended), ticks: unwrapped, arrival_ns, era });
    }

    fn place(&mut self, index: u32, slot: &Slot, highest: Highest) {
        let ahead = i64::from(slot.seq().ahead_of(highest.seq));
        let unwrapped = highest.unwrapped + i64::from(slot.ticks().ahead_of(highest.ticks));
        let arrival_ns = slot.arrival().as_ns().saturating_sub(self.first_arrival_ns);
        let extended = highest.extended + ahead;
        self.sequence.sent.push(Sent {
            index,
            seq: ExtSeq(extended),
            ticks: unwrapped,
            arrival_ns,
            era: highest.era,
        });
        if ahead > 0 {
            let step = (unwrapped - highest.unwrapped) / ahead;
            let (seq, ticks, era) = (slot.seq(), slot.ticks(), highest.era);
            self.highest = Some(Highest { seq, extended, ticks, unwrapped, era, step });
        } else {
            self.sorted = false;
        }
    }

    fn finish(mut self) -> Sequence {
        self.sequence.strays += u64::from(self.suspect.is_some());
        let mut sequence = self.sequence;
        if !self.sorted {
            // Stable: of a packet that came twice, the first to arrive stays.
            sequence.sent.sort_by_key(|sent| sent.seq);
            let arrived = sequence.sent.len();
            sequence.sent.dedup_by_key(|sent| sent.seq);
            sequence.duplicates = (arrived - sequence.sent.len()) as u64;
            sequence.reordered = overtaken(&sequence.sent);
        }
        sequence.lost = sequence
            .sent
            .iter()
            .zip(sequence.sent.iter().skip(1))
            .filter(|(one, next)| one.era == next.era)
            .map(|(one, next)| (next.seq.0 - one.seq.0 - 1) as u64)
            .sum();
        sequence
    }
}

/// How many packets arrived after one with a higher number.
fn overtaken(sent: &[Sent]) -> u64 {
    let mut earliest = u32::MAX;
    let mut count = 0;
    for packet in sent.iter().rev() {
        count += u64::from(packet.index > earliest);
        earliest = earliest.min(packet.index);
    }
    count
}

impl Highest {
    /// Whether the packet is one of this era: near in number, or further off with a time stamp that bears it out.
    fn takes(&self, slot: &Slot) -> bool {
        let ahead = i64::from(slot.seq().ahead_of(self.seq));
        if (-NEAR_BEHIND..=NEAR_AHEAD).contains(&ahead) {
            return true;
        }
        let ticks = i64::from(slot.ticks().ahead_of(self.ticks));
        let expected = ahead * self.step;
        self.step > 0 && (ticks - expected).abs() <= expected.abs() / 4
    }
}

/// Two seconds of packets of 20 ms: no network holds a packet back for longer (RFC 3550, A.1, MAX_MISORDER).
const NEAR_BEHIND: i64 = 100;
/// A minute of loss at 20 ms (RFC 3550, A.1, MAX_DROPOUT).
const NEAR_AHEAD: i64 = 3000;
/// Keeps the numbers of two eras apart.
const ERA_GAP: i64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{PayloadType, Ssrc};
    use crate::kept::{Copying, Frame, Kept, Medium};
    use crate::packet::Packet;
    use clock::Time;
    use proptest::prelude::*;

    struct Nowhere;

    impl Medium for Nowhere {
        fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
            None
        }
    }

    fn kept(packets: impl IntoIterator<Item = (u16, u32)>) -> Kept {
        let mut kept = Kept::default();
        let frame = Frame { bytes: &[], link: 1, place: None };
        for (n, (seq, ticks)) in packets.into_iter().enumerate() {
            let (seq, ticks) = (Seq(seq), Ticks(ticks));
            let packet = Packet {
                ssrc: Ssrc(1),
                seq,
                ticks,
                payload_type: PayloadType(0),
                marker: false,
                header: &[],
                payload: &[],
            };
            kept.push(Time::from_ns(n as i64), &packet, &frame, Copying::Payloads);
        }
        kept
    }

    fn order(packets: impl IntoIterator<Item = (u16, u32)>) -> Sequence {
        Sequence::of(kept(packets).slots(&Nowhere))
    }

    #[test]
    fn puts_late_packets_in_their_place_across_the_wrap() {
        let sequence = order([(65_534, 0), (0, 320), (65_535, 160), (1, 480)]);
        let ticks: Vec<_> = sequence.sent.iter().map(|sent| sent.ticks).collect();
        assert_eq!(ticks, [0, 160, 320, 480]);
        assert_eq!((sequence.reordered, sequence.duplicates, sequence.lost), (1, 0, 0));
    }

    #[test]
    fn counts_doubles_and_losses_apart() {
        let sequence = order([(1, 0), (2, 160), (2, 160), (5, 640), (1, 0), (6, 800)]);
        assert_eq!((sequence.duplicates, sequence.reordered, sequence.lost), (2, 0, 2));
        assert_eq!(sequence.sent.len(), 4);
    }

    #[test]
    fn a_restart_is_another_era_and_no_loss() {
        let sequence = order([(10, 0), (11, 160), (40_000, 9), (40_001, 169), (40_002, 329)]);
        assert_eq!((sequence.lost, sequence.strays), (0, 0));
        assert_eq!(sequence.sent.iter().map(|sent| sent.era).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_stray_packet_disturbs_nothing() {
        let sequence = order([(10, 0), (11, 160), (40_000, 0xdead_beef), (12, 320), (13, 480)]);
        assert_eq!((sequence.strays, sequence.lost, sequence.sent.len()), (1, 0, 4));
    }

    #[test]
    fn a_long_loss_with_a_time_stamp_to_match_is_one_era() {
        let sequence = order([(0, 0), (1, 160), (5001, 5001 * 160), (5002, 5002 * 160)]);
        assert_eq!((sequence.lost, sequence.sent.last().unwrap().era), (4999, 0));
    }

    #[test]
    fn a_clock_that_leaps_by_centuries_is_borne() {
        let mut kept = Kept::default();
        let frame = Frame { bytes: &[], link: 1, place: None };
        for (n, at) in [i64::MIN, i64::MAX, 0].into_iter().enumerate() {
            let (ssrc, seq, ticks, payload_type) = (Ssrc(1), Seq(n as u16), Ticks(0), PayloadType(0));
            let packet = Packet { ssrc, seq, ticks, payload_type, marker: false, header: &[], payload: &[] };
            kept.push(Time::from_ns(at), &packet, &frame, Copying::Payloads);
        }
        let arrivals: Vec<_> =
            Sequence::of(kept.slots(&Nowhere)).sent.iter().map(|sent| sent.arrival_ns).collect();
        assert_eq!(arrivals, [0, i64::MAX, i64::MAX]);
    }

    proptest! {
        /// The naive twin knows the true numbers and sorts them.
        #[test]
        fn any_disorder_within_reach_is_put_right(
            start: u16,
            fate in prop::collection::vec((0u8..10, 0usize..60), 1..400),
        ) {
            let mut arrivals: Vec<(usize, i64)> = Vec::new();
            for (n, &(luck, delay)) in fate.iter().enumerate() {
                if luck > 0 || n < 2 {
                    arrivals.push((n * 2 + delay * usize::from(luck > 7 && n > 1), n as i64));
                }
                if luck == 5 {
                    arrivals.push((n * 2 + 1, n as i64));
                }
            }
            arrivals.sort_by_key(|&(at, _)| at);
            let sequence = order(arrivals.iter().map(|&(_, n)| (start.wrapping_add(n as u16), n as u32 * 160)));
            let mut truth: Vec<i64> = arrivals.iter().map(|&(_, n)| n).collect();
            truth.sort_unstable();
            truth.dedup();
            let found: Vec<i64> = sequence.sent.iter().map(|sent| sent.ticks / 160).collect();
            prop_assert_eq!(&found, &truth);
            prop_assert_eq!(sequence.duplicates as usize, arrivals.len() - truth.len());
            let span = truth.last().unwrap() - truth.first().unwrap() + 1;
            prop_assert_eq!(sequence.lost as i64, span - truth.len() as i64);
        }
    }
}
