//! The packets of a stream in the order in which they were sent: extended sequence numbers and unwrapped time stamps
//! (RFC 3550, A.1), worked out with hindsight over as many packets as may still change places.
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
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Irregularities {
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    /// Packets that fit nowhere: neither near the numbers before them nor followed by a next one.
    pub strays: u64,
    /// Numbers that never came, inside the eras.
    pub lost: u64,
}

/// Every packet once, in the order of sending, from packets in the order of their arrival, each with something that
/// goes with it.
#[derive(Debug)]
pub struct Sequence<I, T> {
    arrivals: I,
    reader: Reader<T>,
    /// How many of the packets that were read are in their place for good, and how many of these were given out.
    settled: usize,
    given: usize,
    is_over: bool,
    batch: usize,
    last: Option<Sent>,
    irregularities: Irregularities,
}

impl<T: Copy, I: Iterator<Item = (Slot, T)>> Sequence<I, T> {
    /// Orders `arrivals`.
    pub fn of(arrivals: I) -> Self {
        Sequence::in_batches(arrivals, BATCH)
    }

    fn in_batches(arrivals: I, batch: usize) -> Self {
        Sequence {
            arrivals,
            reader: Reader::default(),
            settled: 0,
            given: 0,
            is_over: false,
            batch,
            last: None,
            irregularities: Irregularities::default(),
        }
    }

    /// What the packets that were given out show; of all of them once there are no more.
    pub fn irregularities(&self) -> Irregularities {
        Irregularities { strays: self.reader.strays, ..self.irregularities }
    }

    /// Reads more packets, and finds those whose place nothing that comes later can change.
    fn settle(&mut self) {
        let read = &mut self.reader.read;
        read.drain(..self.given);
        self.given = 0;
        let wanted = read.len() + self.batch;
        while self.reader.read.len() < wanted && !self.is_over {
            match self.arrivals.next() {
                Some((slot, with)) => self.reader.read(slot, with),
                None => {
                    self.is_over = true;
                    self.reader.finish();
                }
            }
        }
        if !std::mem::replace(&mut self.reader.sorted, true) {
            let read = &mut self.reader.read;
            // Stable: of a packet that came twice, the first to arrive stays.
            read.sort_by_key(|packet| packet.sent.seq);
            let arrived = read.len();
            read.dedup_by_key(|packet| packet.sent.seq);
            self.irregularities.duplicates += (arrived - read.len()) as u64;
        }
        self.settled = match (self.is_over, self.reader.highest) {
            (false, Some(highest)) => {
                let settled = ExtSeq(highest.extended - FARTHEST_BEHIND);
                self.reader.read.partition_point(|packet| packet.sent.seq < settled)
            }
            _ => self.reader.read.len(),
        };
    }
}

impl<T: Copy, I: Iterator<Item = (Slot, T)>> Iterator for Sequence<I, T> {
    type Item = (Sent, Slot, T);

    fn next(&mut self) -> Option<Self::Item> {
        while self.given >= self.settled && !self.is_over {
            self.settle();
        }
        let &Read { sent, slot, with, is_late } = self.reader.read.get(self.given)?;
        self.given += 1;
        self.irregularities.reordered += u64::from(is_late);
        if let Some(last) = self.last.replace(sent).filter(|last| last.era == sent.era) {
            self.irregularities.lost += (sent.seq.0 - last.seq.0 - 1) as u64;
        }
        Some((sent, slot, with))
    }
}

/// Packets that are read at a time.
const BATCH: usize = 16_384;
/// Half the numbers there are: none comes farther behind the highest one of its era, nor of an older one.
const FARTHEST_BEHIND: i64 = 1 << 15;

#[derive(Clone, Copy, Debug)]
struct Read<T> {
    sent: Sent,
    slot: Slot,
    with: T,
    /// Whether a higher number came before it.
    is_late: bool,
}

/// Numbers the packets as they arrive.
#[derive(Debug)]
struct Reader<T> {
    read: Vec<Read<T>>,
    index: u32,
    first_arrival_ns: i64,
    highest: Option<Highest>,
    /// A packet that fits nowhere; a restart if the next one follows it.
    suspect: Option<(u32, Slot, T)>,
    strays: u64,
    /// Whether what was read is in order.
    sorted: bool,
}

impl<T> Default for Reader<T> {
    fn default() -> Self {
        Reader {
            read: Vec::new(),
            index: 0,
            first_arrival_ns: 0,
            highest: None,
            suspect: None,
            strays: 0,
            sorted: true,
        }
    }
}

/// The newest packet of the current era.
#[derive(Clone, Copy, Debug)]
struct Highest {
    seq: Seq,
    extended: i64,
    ticks: Ticks,
    unwrapped: i64,
    era: u32,
    /// Ticks from one packet to the next, as last seen.
    step: i64,
}

impl<T: Copy> Reader<T> {
    fn read(&mut self, slot: Slot, with: T) {
        let index = self.index;
        self.index = index.wrapping_add(1);
        let Some(highest) = self.highest else {
            self.first_arrival_ns = slot.arrival().as_ns();
            self.begin_era((index, slot, with), 0, 0, 0);
            return;
        };
        if let Some(suspect) = self.suspect.take() {
            if slot.seq().ahead_of(suspect.1.seq()) == 1 {
                let unwrapped = highest.unwrapped + i64::from(suspect.1.ticks().ahead_of(highest.ticks));
                self.begin_era(suspect, highest.extended + ERA_GAP, unwrapped, highest.era + 1);
            } else {
                self.strays += 1;
            }
        }
        let highest = self.highest.unwrap_or(highest);
        if highest.takes(&slot) {
            self.place((index, slot, with), highest);
        } else {
            self.suspect = Some((index, slot, with));
        }
    }

    fn begin_era(&mut self, packet: (u32, Slot, T), extended: i64, unwrapped: i64, era: u32) {
        let (seq, ticks) = (packet.1.seq(), packet.1.ticks());
        self.highest = Some(Highest { seq, extended, ticks, unwrapped, era, step: 0 });
        self.push(packet, extended, unwrapped, era, false);
    }

    fn place(&mut self, packet: (u32, Slot, T), highest: Highest) {
        let slot = &packet.1;
        let ahead = i64::from(slot.seq().ahead_of(highest.seq));
        let unwrapped = highest.unwrapped + i64::from(slot.ticks().ahead_of(highest.ticks));
        let extended = highest.extended + ahead;
        if ahead > 0 {
            let step = (unwrapped - highest.unwrapped) / ahead;
            let (seq, ticks, era) = (slot.seq(), slot.ticks(), highest.era);
            self.highest = Some(Highest { seq, extended, ticks, unwrapped, era, step });
        } else {
            self.sorted = false;
        }
        self.push(packet, extended, unwrapped, highest.era, ahead <= 0);
    }

    fn push(
        &mut self,
        (index, slot, with): (u32, Slot, T),
        extended: i64,
        ticks: i64,
        era: u32,
        is_late: bool,
    ) {
        let arrival_ns = slot.arrival().as_ns().saturating_sub(self.first_arrival_ns);
        let sent = Sent { index, seq: ExtSeq(extended), ticks, arrival_ns, era };
        self.read.push(Read { sent, slot, with, is_late });
    }

    fn finish(&mut self) {
        self.strays += u64::from(self.suspect.take().is_some());
    }
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
                body: &[],
            };
            kept.push(Time::from_ns(n as i64), &packet, &frame, Copying::Payloads);
        }
        kept
    }

    /// Every packet in the order of sending, and what that shows.
    struct Ordered {
        sent: Vec<Sent>,
        irregularities: Irregularities,
    }

    fn ordered(kept: &Kept, batch: usize) -> Ordered {
        let mut sequence = Sequence::in_batches(kept.slots(&Nowhere).map(|slot| (slot, slot.seq())), batch);
        let mut sent = Vec::new();
        for (one, slot, with) in sequence.by_ref() {
            assert_eq!(slot.seq(), with, "what goes with a packet goes on with it");
            sent.push(one);
        }
        Ordered { sent, irregularities: sequence.irregularities() }
    }

    fn order(packets: impl IntoIterator<Item = (u16, u32)>) -> Ordered {
        ordered(&kept(packets), BATCH)
    }

    /// The naive twin numbers all packets and sorts them at once.
    fn order_at_once(kept: &Kept) -> Ordered {
        let mut reader = Reader::default();
        kept.slots(&Nowhere).for_each(|slot| reader.read(slot, ()));
        reader.finish();
        let mut sent: Vec<Sent> = reader.read.iter().map(|read| read.sent).collect();
        sent.sort_by_key(|sent| sent.seq);
        sent.dedup_by_key(|sent| sent.seq);
        let (mut earliest, mut reordered) = (u32::MAX, 0);
        for packet in sent.iter().rev() {
            reordered += u64::from(packet.index > earliest);
            earliest = earliest.min(packet.index);
        }
        let pairs = sent.iter().zip(sent.iter().skip(1)).filter(|(one, next)| one.era == next.era);
        let lost = pairs.map(|(one, next)| (next.seq.0 - one.seq.0 - 1) as u64).sum();
        let duplicates = (reader.read.len() - sent.len()) as u64;
        Ordered {
            irregularities: Irregularities { duplicates, reordered, strays: reader.strays, lost },
            sent,
        }
    }

    #[test]
    fn puts_late_packets_in_their_place_across_the_wrap() {
        let sequence = order([(65_534, 0), (0, 320), (65_535, 160), (1, 480)]);
        let ticks: Vec<_> = sequence.sent.iter().map(|sent| sent.ticks).collect();
        assert_eq!(ticks, [0, 160, 320, 480]);
        let Irregularities { reordered, duplicates, lost, .. } = sequence.irregularities;
        assert_eq!((reordered, duplicates, lost), (1, 0, 0));
    }

    #[test]
    fn counts_doubles_and_losses_apart() {
        let sequence = order([(1, 0), (2, 160), (2, 160), (5, 640), (1, 0), (6, 800)]);
        let Irregularities { duplicates, reordered, lost, .. } = sequence.irregularities;
        assert_eq!((duplicates, reordered, lost), (2, 0, 2));
        assert_eq!(sequence.sent.len(), 4);
    }

    #[test]
    fn a_restart_is_another_era_and_no_loss() {
        let sequence = order([(10, 0), (11, 160), (40_000, 9), (40_001, 169), (40_002, 329)]);
        assert_eq!((sequence.irregularities.lost, sequence.irregularities.strays), (0, 0));
        assert_eq!(sequence.sent.iter().map(|sent| sent.era).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_stray_packet_disturbs_nothing() {
        let sequence = order([(10, 0), (11, 160), (40_000, 0xdead_beef), (12, 320), (13, 480)]);
        let Irregularities { strays, lost, .. } = sequence.irregularities;
        assert_eq!((strays, lost, sequence.sent.len()), (1, 0, 4));
    }

    #[test]
    fn a_long_loss_with_a_time_stamp_to_match_is_one_era() {
        let sequence = order([(0, 0), (1, 160), (5001, 5001 * 160), (5002, 5002 * 160)]);
        assert_eq!((sequence.irregularities.lost, sequence.sent.last().unwrap().era), (4999, 0));
    }

    #[test]
    fn a_clock_that_leaps_by_centuries_is_borne() {
        let mut kept = Kept::default();
        let frame = Frame { bytes: &[], link: 1, place: None };
        for (n, at) in [i64::MIN, i64::MAX, 0].into_iter().enumerate() {
            let (ssrc, seq, ticks, payload_type) = (Ssrc(1), Seq(n as u16), Ticks(0), PayloadType(0));
            let packet = Packet { ssrc, seq, ticks, payload_type, marker: false, header: &[], body: &[] };
            kept.push(Time::from_ns(at), &packet, &frame, Copying::Payloads);
        }
        let arrivals: Vec<_> = ordered(&kept, BATCH).sent.iter().map(|sent| sent.arrival_ns).collect();
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
            prop_assert_eq!(sequence.irregularities.duplicates as usize, arrivals.len() - truth.len());
            let span = truth.last().unwrap() - truth.first().unwrap() + 1;
            prop_assert_eq!(sequence.irregularities.lost as i64, span - truth.len() as i64);
        }

        /// Restarts, packets that are far behind with a time stamp to match, doubles and strays, at any size of a batch.
        #[test]
        fn what_is_read_at_a_time_changes_nothing(
            start: u16,
            steps in prop::collection::vec((0u8..12, -33_000i32..33_000, any::<u16>()), 1..60),
            batch in 1usize..400,
        ) {
            let (mut at, mut packets) = (0i64, Vec::new());
            let packet = |n: i64| (start.wrapping_add(n as u16), (n * 160) as u32);
            for (kind, far, any) in steps {
                match kind {
                    0 => packets.push((any, u32::from(any))),
                    1 => packets.extend([(any, 9), (any.wrapping_add(1), 169), (any.wrapping_add(2), 329)]),
                    2 => packets.push(packet(at + i64::from(far))),
                    3 => at += i64::from(far.unsigned_abs()) / 3,
                    4 => packets.extend([packet(at), packet(at - 1), packet(at)]),
                    _ => {}
                }
                packets.extend((0..i64::from(kind) * 60).map(|n| packet(at + n)));
                at += i64::from(kind) * 60;
            }
            let kept = kept(packets);
            let (whole, windowed) = (order_at_once(&kept), ordered(&kept, batch));
            prop_assert_eq!(windowed.irregularities, whole.irregularities);
            prop_assert_eq!(windowed.sent, whole.sent);
        }
    }
}
