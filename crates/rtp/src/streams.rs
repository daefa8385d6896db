//! The table of streams: packets gathered by flow and SSRC, whether or not their signalling was seen.
//!
//! A source is on probation until a second packet follows in sequence (RFC 3550, A.1), so that datagrams which only
//! look like RTP cost one entry of a bounded table for a few seconds. Nothing is known of calls here: an owner is a
//! number that the caller of this table chose.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use clock::{Span, Time};
use flow::{Flow, Path};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::bounds::{Evicted, Forgotten, Limits};
use crate::id::Ssrc;
use crate::kept::{Copying, Frame, Kept, Overflow};
use crate::packet::Packet;
use crate::slot::Slot;
use crate::stream::{Key, Stream, StreamId};

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// Kept in a stream that was known before.
    Kept(StreamId),
    /// Kept, and with it the stream proved to be one: the time to look for its call.
    Opened(StreamId),
    /// Kept in a stream that has not proved to be one.
    Probation(StreamId),
    /// The table, or the memory, is full of streams that belong to calls.
    Refused,
}

/// The streams at hand.
#[derive(Debug)]
pub struct Streams {
    limits: Limits,
    copying: Copying,
    /// Places in `table`, found by the flow and SSRC of the stream there: what is looked up once a packet stays small.
    by_key: HashTable<u32>,
    hasher: RandomState,
    table: Vec<Option<Stream>>,
    free: Vec<u32>,
    next_generation: u32,
    unclaimed: VecDeque<StreamId>,
    probation: VecDeque<StreamId>,
    packets: usize,
    copied_bytes: usize,
    forgotten: Forgotten,
    evicted: Evicted,
    cut: Vec<StreamId>,
    /// Since when packets are missing before the one that was kept last.
    gap: Option<Time>,
    overflow: Option<Box<dyn Overflow>>,
    /// When the overflow was full.
    asked_in_vain_at: Option<Time>,
}

/// The streams that may go, oldest first.
#[derive(Clone, Copy)]
enum Queue {
    Probation,
    Unclaimed,
}

/// A stream that left the table without a call.
#[derive(Debug)]
pub struct Dropped {
    /// What it was in the table.
    pub id: StreamId,
    /// The stream.
    pub stream: Stream,
    /// Whether it had to go because the table or the memory was full.
    pub evicted: bool,
}

impl Streams {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits, copying: Copying) -> Self {
        Streams {
            limits,
            copying,
            by_key: HashTable::new(),
            hasher: RandomState::default(),
            table: Vec::new(),
            free: Vec::new(),
            next_generation: 0,
            unclaimed: VecDeque::new(),
            probation: VecDeque::new(),
            packets: 0,
            copied_bytes: 0,
            forgotten: Forgotten::default(),
            evicted: Evicted::default(),
            cut: Vec::new(),
            gap: None,
            overflow: None,
            asked_in_vain_at: None,
        }
    }

    /// Past the limit of copied bytes, all of them go to `overflow`, and of long streams all but what came first and last;
    /// without one, packets that would have to be copied are refused.
    pub fn spill_to(&mut self, overflow: Box<dyn Overflow>) {
        self.overflow = Some(overflow);
    }

    /// Keeps a packet in its stream. Streams that had to make room are pushed to `dropped`.
    pub fn handle_packet(
        &mut self,
        at: Time,
        flow: Flow,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        dropped: &mut Vec<Dropped>,
    ) -> Disposition {
        // A super-frame is copied too, wherever it lies: its places do not fit a slot.
        let lent = frame.place.is_none() || frame.bytes.len() > usize::from(u16::MAX);
        let copied = if lent { frame.bytes.len() } else { 0 };
        let is_full = copied > 0 && self.copied_bytes + copied > self.limits.copied_bytes;
        if is_full && !self.make_room(at, copied, dropped) {
            return Disposition::Refused;
        }
        if self.packets >= self.limits.packets && !self.make_room_for_packets(at, dropped) {
            return Disposition::Refused;
        }
        let key = Key { flow, ssrc: packet.ssrc };
        let known = self.index_of(key).filter(|&index| !self.cuts(index, packet, at));
        let Some(index) = known.or_else(|| self.open(at, key, dropped)) else { return Disposition::Refused };
        let Some(Some(stream)) = self.table.get_mut(index as usize) else { return Disposition::Refused };
        let id = StreamId { index, generation: stream.generation };
        let opens = !stream.valid && stream.kept.head().any(|slot| packet.seq.ahead_of(slot.seq()) == 1);
        self.packets += 1;
        self.copied_bytes += stream.kept.push(at, packet, frame, self.copying);
        let missing = stream.valid && (2..MOST_MISSING).contains(&packet.seq.ahead_of(stream.last_seq));
        self.gap = missing.then_some(stream.last_at);
        stream.last_at = stream.last_at.max(at);
        (stream.last_seq, stream.last_ticks) = (packet.seq, packet.ticks);
        if opens {
            stream.valid = true;
            self.unclaimed.push_back(id);
        } else if !stream.valid && stream.kept.len() > LONGEST_PROBATION {
            self.packets -= stream.kept.len();
            self.copied_bytes -= stream.kept.copied_bytes();
            self.forgotten.probation += stream.kept.len() as u64;
            stream.kept = Kept::default();
        } else if stream.kept.is_long()
            && let Some(overflow) = self.overflow.as_deref_mut()
        {
            let freed = stream.kept.archive(overflow);
            self.packets -= freed.packets;
            self.copied_bytes -= freed.bytes;
        }
        let valid = stream.valid;
        if opens {
            self.forget_gone(Queue::Unclaimed);
        }
        match (opens, valid) {
            (true, _) => Disposition::Opened(id),
            (false, true) => Disposition::Kept(id),
            (false, false) => Disposition::Probation(id),
        }
    }

    /// Where packets are missing before the one that was kept last: when the one before them came.
    pub fn poll_gap(&mut self) -> Option<Time> {
        self.gap.take()
    }

    /// The stream, while it is in the table.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.table.get(id.index as usize)?.as_ref().filter(|stream| stream.generation == id.generation)
    }

    /// The stream of that flow and SSRC.
    #[must_use]
    pub fn find(&self, flow: Flow, ssrc: Ssrc) -> Option<StreamId> {
        let index = self.index_of(Key { flow, ssrc })?;
        let generation = self.table.get(index as usize)?.as_ref()?.generation;
        Some(StreamId { index, generation })
    }

    /// Marks the stream as `owner`'s: it stays until it is taken.
    pub fn claim(&mut self, id: StreamId, owner: u32) {
        if let Some(Some(stream)) = self.table.get_mut(id.index as usize)
            && stream.generation == id.generation
        {
            stream.owner = Some(owner);
        }
    }

    /// The stream is nobody's again, and goes after the look-back.
    pub fn disclaim(&mut self, id: StreamId) {
        if let Some(Some(stream)) = self.table.get_mut(id.index as usize)
            && stream.generation == id.generation
            && stream.owner.take().is_some()
        {
            self.unclaimed.push_back(id);
            self.forget_gone(Queue::Unclaimed);
        }
    }

    /// Whether half of the room for packets is taken: what is not needed is to go.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        let has_bytes = self.overflow.is_some() || self.copied_bytes < self.limits.copied_bytes / 2;
        !has_bytes || self.packets >= self.limits.packets / 2
    }

    /// Notes what a stream that was just opened came in.
    pub fn note_path(&mut self, id: StreamId, path: Path) {
        if let Some(Some(stream)) = self.table.get_mut(id.index as usize)
            && stream.generation == id.generation
        {
            stream.path = path;
        }
    }

    /// Somebody else may speak from now on under the same addresses and SSRC: where the next packets do not go on as
    /// the stream did, it is cut, and they begin another.
    pub fn contest(&mut self, id: StreamId) {
        if let Some(Some(stream)) = self.table.get_mut(id.index as usize)
            && stream.generation == id.generation
        {
            stream.contested = true;
        }
    }

    /// The next stream that was cut; it stays in the table until it is taken.
    pub fn poll_cut(&mut self) -> Option<StreamId> {
        self.cut.pop()
    }

    /// Takes the stream out of the table with all its packets.
    pub fn take(&mut self, id: StreamId) -> Option<Stream> {
        self.stream(id)?;
        let stream = self.table.get_mut(id.index as usize)?.take()?;
        // After a cut its key leads to its successor.
        let own = self.by_key.find_entry(self.hasher.hash_one(stream.key()), |&index| index == id.index);
        if let Ok(own) = own {
            own.remove();
        }
        self.free.push(id.index);
        self.packets -= stream.kept.in_memory();
        self.copied_bytes -= stream.kept.copied_bytes();
        Some(stream)
    }

    /// Streams that proved to be such and belong to nobody, oldest first.
    pub fn unclaimed(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        let open = |id: &StreamId| Some((*id, self.stream(*id).filter(|stream| stream.owner.is_none())?));
        self.unclaimed.iter().filter_map(open)
    }

    /// Lets go of what is past the look-back at `now`: streams and probationers that fell silent go to `dropped`, and
    /// of unclaimed streams that still speak the older packets are forgotten.
    pub fn expire(&mut self, now: Time, dropped: &mut Vec<Dropped>) {
        let before = now - self.limits.look_back;
        let mut probation = std::mem::take(&mut self.probation);
        probation.retain(|&id| self.stays(id, false, before, dropped));
        self.probation = probation;
        let mut unclaimed = std::mem::take(&mut self.unclaimed);
        unclaimed.retain(|&id| self.stays(id, true, before, dropped));
        self.unclaimed = unclaimed;
    }

    /// Lets every stream go that is left; the input is over.
    pub fn drain(&mut self, dropped: &mut Vec<Dropped>) {
        let all: Vec<StreamId> = self.probation.drain(..).chain(self.unclaimed.drain(..)).collect();
        for id in all {
            if let Some(stream) = self.take(id) {
                dropped.push(Dropped { id, stream, evicted: false });
            }
        }
    }

    /// Packets that were let go of while their stream stayed.
    #[must_use]
    pub fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// What had to go for want of room other than for streams.
    #[must_use]
    pub fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// How many packets of all streams are in memory, and how many bytes that were copied of them.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.packets, self.copied_bytes)
    }

    /// How many streams are in the table, those that were cut among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many streams there may be.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limits.streams
    }

    fn index_of(&self, key: Key) -> Option<u32> {
        let found = self.by_key.find(self.hasher.hash_one(key), |&index| has_key(&self.table, index, key));
        found.copied()
    }

    /// Whether anything was heard of that source there.
    #[must_use]
    pub fn knows(&self, flow: Flow, ssrc: Ssrc) -> bool {
        self.index_of(Key { flow, ssrc }).is_some()
    }

    /// Whether the packet of a contested stream cuts it.
    fn cuts(&mut self, index: u32, packet: &Packet<'_>, at: Time) -> bool {
        let Some(Some(stream)) = self.table.get(index as usize) else { return false };
        let cut = stream.contested && !stream.is_continued_by(packet, at);
        if cut {
            self.cut.push(StreamId { index, generation: stream.generation });
        }
        cut
    }

    fn open(&mut self, at: Time, key: Key, dropped: &mut Vec<Dropped>) -> Option<u32> {
        if self.len() >= self.limits.streams && !self.evict(dropped) {
            return None;
        }
        let generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        let stream = Stream::begin(key, at, generation);
        let index = self.free.pop().unwrap_or_else(|| {
            self.table.push(None);
            self.table.len() as u32 - 1
        });
        let hash = self.hasher.hash_one(key);
        let predecessor = self.by_key.find_mut(hash, |&index| has_key(&self.table, index, key));
        match predecessor {
            Some(predecessor) => *predecessor = index,
            None => {
                let rehash = |&index: &u32| hash_at(&self.table, index, &self.hasher);
                self.by_key.insert_unique(hash, index, rehash);
            }
        }
        *self.table.get_mut(index as usize)? = Some(stream);
        self.probation.push_back(StreamId { index, generation });
        self.forget_gone(Queue::Probation);
        Some(index)
    }

    /// Streams leave a queue when they are looked at in it. Where time stands still none are, so those that are gone
    /// must not pile up meanwhile.
    fn forget_gone(&mut self, queue: Queue) {
        let (queue, valid) = match queue {
            Queue::Probation => (&mut self.probation, false),
            Queue::Unclaimed => (&mut self.unclaimed, true),
        };
        if queue.len() > 2 * self.limits.streams {
            let in_table = |id: &StreamId| self.table.get(id.index as usize).and_then(Option::as_ref);
            queue.retain(|id| {
                in_table(id).is_some_and(|stream| stream.generation == id.generation && stream.valid == valid)
            });
        }
    }

    /// Whether `id` stays in its queue, which holds streams that are `valid` or those that are not.
    fn stays(&mut self, id: StreamId, valid: bool, before: Time, dropped: &mut Vec<Dropped>) -> bool {
        let Some(Some(stream)) = self.table.get_mut(id.index as usize) else { return false };
        if stream.generation != id.generation || stream.valid != valid || stream.owner.is_some() {
            return false;
        }
        if stream.last_at < before {
            dropped.extend(self.take(id).map(|stream| Dropped { id, stream, evicted: false }));
            return false;
        }
        let (forgotten, freed) = stream.kept.forget_before(before);
        stream.first_at = stream.kept.first().map_or(stream.first_at, Slot::arrival);
        self.packets -= freed.packets;
        self.copied_bytes -= freed.bytes;
        self.forgotten.unclaimed += forgotten as u64;
        true
    }

    /// Makes room for another packet: by archiving what belongs to calls, else by dropping what does not.
    fn make_room_for_packets(&mut self, at: Time, dropped: &mut Vec<Dropped>) -> bool {
        let asks = self.may_ask(at);
        if let Some(overflow) = self.overflow.as_deref_mut().filter(|_| asks) {
            let mut archived = 0;
            for stream in self.table.iter_mut().flatten() {
                let freed = stream.kept.archive(overflow);
                archived += freed.packets;
                self.copied_bytes -= freed.bytes;
            }
            self.packets -= archived;
            if archived == 0 {
                self.asked_in_vain_at = Some(at);
            }
        }
        while self.packets >= self.limits.packets {
            self.evicted.for_packets += 1;
            if !self.evict(dropped) {
                return false;
            }
        }
        true
    }

    /// Whether the overflow may have room.
    fn may_ask(&self, at: Time) -> bool {
        let in_vain = |asked_at| (Span::ZERO..BETWEEN_ASKS).contains(&(at - asked_at));
        !self.asked_in_vain_at.is_some_and(in_vain)
    }

    /// Makes room for so many bytes to be copied: by spilling what belongs to calls, else by dropping what does not.
    fn make_room(&mut self, at: Time, bytes: usize, dropped: &mut Vec<Dropped>) -> bool {
        let asks = self.may_ask(at);
        if let Some(overflow) = self.overflow.as_deref_mut().filter(|_| asks) {
            let spilled: usize =
                self.table.iter_mut().flatten().map(|stream| stream.kept.spill(overflow)).sum();
            self.copied_bytes -= spilled;
            if spilled == 0 {
                // Its disk is full: to ask every stream again at each packet would cost the calls that have room.
                self.asked_in_vain_at = Some(at);
            }
        }
        while self.copied_bytes + bytes > self.limits.copied_bytes {
            self.evicted.for_bytes += 1;
            if !self.evict(dropped) {
                return false;
            }
        }
        true
    }

    /// Drops the least useful stream: the oldest on probation, else the oldest that nobody claims.
    fn evict(&mut self, dropped: &mut Vec<Dropped>) -> bool {
        let unproven = |stream: &Stream| !stream.valid && stream.owner.is_none();
        let unowned = |stream: &Stream| stream.owner.is_none();
        let mut evicted = None;
        while evicted.is_none() {
            evicted = match (self.probation.pop_front(), self.unclaimed.is_empty()) {
                (Some(id), _) => self.stream(id).is_some_and(unproven).then_some(id),
                (None, false) => {
                    self.unclaimed.pop_front().filter(|&id| self.stream(id).is_some_and(unowned))
                }
                (None, true) => return false,
            };
        }
        dropped.extend(evicted.and_then(|id| Some(Dropped { id, stream: self.take(id)?, evicted: true })));
        true
    }
}

fn has_key(table: &[Option<Stream>], index: u32, key: Key) -> bool {
    table.get(index as usize).and_then(Option::as_ref).is_some_and(|stream| stream.key() == key)
}

fn hash_at(table: &[Option<Stream>], index: u32, hasher: &RandomState) -> u64 {
    table.get(index as usize).and_then(Option::as_ref).map_or(0, |stream| hasher.hash_one(stream.key()))
}

/// A disk that was full is asked again after so long.
const BETWEEN_ASKS: Span = Span::from_secs(10);

/// What is farther ahead is no loss but another beginning (RFC 3550, A.1).
const MOST_MISSING: i16 = 3000;
/// A source that sent so many packets of which no two follow each other is something else.
const LONGEST_PROBATION: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{PayloadType, Seq, Ticks};
    use crate::kept::Hold;
    use flow::{Address, Endpoint};

    fn flow(n: u16) -> Flow {
        let host = |last| Address::v4([192, 0, 2, last]);
        Flow::new(Endpoint::new(host(1), 10_000 + n), Endpoint::new(host(2), 20_000))
    }

    fn streams(streams: usize) -> Streams {
        Streams::new(Limits { streams, ..Limits::default() }, Copying::Payloads)
    }

    fn send(table: &mut Streams, at_s: i64, from: u16, seq: u16, dropped: &mut Vec<Dropped>) -> Disposition {
        let payload = [0u8; 160];
        let packet = Packet {
            ssrc: Ssrc(7),
            seq: Seq(seq),
            ticks: Ticks(0),
            payload_type: PayloadType(0),
            marker: false,
            header: &[],
            body: &payload,
        };
        let frame = Frame { bytes: &payload, link: 1, place: None };
        table.handle_packet(Time::from_ns(0) + Span::from_secs(at_s), flow(from), &packet, &frame, dropped)
    }

    #[test]
    fn a_stream_opens_with_its_second_packet_in_sequence() {
        let (mut table, mut dropped) = (streams(10), Vec::new());
        assert!(matches!(send(&mut table, 0, 1, 65_535, &mut dropped), Disposition::Probation(_)));
        assert!(matches!(send(&mut table, 0, 1, 9, &mut dropped), Disposition::Probation(_)));
        let Disposition::Opened(id) = send(&mut table, 0, 1, 0, &mut dropped) else {
            panic!("0 follows 65 535")
        };
        assert!(matches!(send(&mut table, 0, 1, 1, &mut dropped), Disposition::Kept(same) if same == id));
        assert_eq!(table.take(id).unwrap().kept.len(), 4, "the packets of the probation are kept too");
        assert!(table.stream(id).is_none() && table.is_empty());
    }

    #[test]
    fn an_unclaimed_stream_is_held_for_the_look_back_and_no_longer() {
        let (mut table, mut dropped) = (streams(10), Vec::new());
        for second in 0..3000u16 {
            send(&mut table, i64::from(second) / 10, 1, second, &mut dropped);
        }
        table.expire(Time::from_ns(0) + Span::from_secs(300), &mut dropped);
        let (id, stream) = table.unclaimed().next().unwrap();
        assert!(stream.kept.len() < 100 + 256, "ten seconds and the rest of a chunk: {}", stream.kept.len());
        table.claim(id, 5);
        table.expire(Time::from_ns(0) + Span::from_secs(900), &mut dropped);
        assert!(dropped.is_empty() && table.stream(id).is_some(), "a claimed stream stays");
    }

    #[test]
    fn a_full_table_lets_the_least_useful_go() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        for from in 0..3 {
            send(&mut table, 0, from, 1, &mut dropped);
        }
        let Disposition::Opened(first) = send(&mut table, 1, 0, 2, &mut dropped) else { panic!() };
        send(&mut table, 1, 9, 1, &mut dropped);
        assert_eq!(dropped.len(), 1);
        assert!(
            dropped[0].evicted && dropped[0].stream.flow == flow(1),
            "the older of the two that were unproven"
        );
        table.claim(first, 1);
        for from in 10..1000 {
            send(&mut table, 2, from, 1, &mut dropped);
        }
        assert!(table.stream(first).is_some() && table.len() == 3);
    }

    #[test]
    fn packets_that_would_have_to_be_copied_past_the_limit_are_refused() {
        let limits = Limits { copied_bytes: 160 * 400, ..Limits::default() };
        let (mut table, mut dropped) = (Streams::new(limits, Copying::Payloads), Vec::new());
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        let fates: Vec<_> = (2..1000).map(|seq| send(&mut table, 0, 1, seq, &mut dropped)).collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Disposition::Refused).count(), 600);
        assert_eq!(table.stream(id).unwrap().kept.len(), 400);
    }

    #[test]
    fn a_contested_stream_is_cut_where_it_breaks_and_nowhere_else() {
        let (mut table, mut dropped) = (streams(10), Vec::new());
        send(&mut table, 0, 1, 1, &mut dropped);
        let Disposition::Opened(first) = send(&mut table, 0, 1, 2, &mut dropped) else { panic!() };
        table.claim(first, 1);
        table.contest(first);
        assert!(matches!(send(&mut table, 1, 1, 3, &mut dropped), Disposition::Kept(same) if same == first));
        assert!(matches!(send(&mut table, 1, 1, 5000, &mut dropped), Disposition::Probation(_)));
        let Disposition::Opened(second) = send(&mut table, 1, 1, 5001, &mut dropped) else { panic!() };
        assert_eq!((table.poll_cut(), table.poll_cut()), (Some(first), None));
        assert_eq!(table.take(first).unwrap().kept.len(), 3);
        assert!(
            matches!(send(&mut table, 1, 1, 5002, &mut dropped), Disposition::Kept(same) if same == second)
        );
    }

    #[test]
    fn what_a_cut_leaves_counts_against_the_limit() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        for n in 0..20 {
            send(&mut table, n, 1, 5000 * n as u16, &mut dropped);
            let Disposition::Opened(id) = send(&mut table, n, 1, 5000 * n as u16 + 1, &mut dropped) else {
                break;
            };
            table.claim(id, 1);
            table.contest(id);
        }
        assert_eq!((table.len(), dropped.len()), (3, 0));
        assert!(matches!(send(&mut table, 99, 1, 60_000, &mut dropped), Disposition::Refused));
    }

    #[test]
    fn memory_stays_bounded_where_calls_hold_all_of_it() {
        let limits = Limits { copied_bytes: 1600, ..Limits::default() };
        let (mut table, mut dropped) = (Streams::new(limits, Copying::Payloads), Vec::new());
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        for from in 2..5 {
            send(&mut table, 0, from, 0, &mut dropped);
        }
        let refused =
            (2..1000).filter(|&seq| send(&mut table, 0, 1, seq, &mut dropped) == Disposition::Refused);
        assert_eq!(refused.count(), 998 - 8, "ten packets of 160 bytes");
        assert_eq!((table.copied_bytes, dropped.len()), (1600, 3), "what no call claims makes room first");
        table.take(id);
        assert!(matches!(send(&mut table, 0, 1, 7, &mut dropped), Disposition::Probation(_)));
    }

    #[test]
    fn packets_have_a_limit_even_where_none_is_copied() {
        let limits = Limits { packets: 50, ..Limits::default() };
        let (mut table, mut dropped) = (Streams::new(limits, Copying::Payloads), Vec::new());
        for from in 0..40 {
            send(&mut table, 0, 100 + from, 0, &mut dropped);
        }
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        let refused =
            (2..100).filter(|&seq| send(&mut table, 0, 1, seq, &mut dropped) == Disposition::Refused);
        assert_eq!((refused.count(), dropped.len(), table.packets), (50, 40, 50));
        table.take(id);
        assert_eq!((table.packets, table.copied_bytes), (0, 0));
    }

    #[derive(Debug)]
    struct Full(std::rc::Rc<std::cell::Cell<u32>>);

    impl Overflow for Full {
        fn put(&mut self, _: &[u8]) -> Option<(u64, Box<dyn Hold>)> {
            self.0.set(self.0.get() + 1);
            None
        }
    }

    #[test]
    fn a_full_disk_is_not_asked_at_each_packet() {
        let limits = Limits { copied_bytes: 1600, ..Limits::default() };
        let (mut table, mut dropped) = (Streams::new(limits, Copying::Payloads), Vec::new());
        let asked = std::rc::Rc::default();
        table.spill_to(Box::new(Full(std::rc::Rc::clone(&asked))));
        for seq in 0..1000 {
            if let Disposition::Opened(id) = send(&mut table, 0, 1, seq, &mut dropped) {
                table.claim(id, 1);
            }
        }
        assert_eq!(asked.get(), 1);
        for seq in 1000..1100 {
            send(&mut table, 10, 1, seq, &mut dropped);
        }
        assert_eq!(asked.get(), 2, "some may have been freed meanwhile");
    }

    #[derive(Debug)]
    struct Endless(u64);

    #[derive(Debug)]
    struct Nothing;

    impl Hold for Nothing {}

    impl Overflow for Endless {
        fn put(&mut self, bytes: &[u8]) -> Option<(u64, Box<dyn Hold>)> {
            self.0 += bytes.len() as u64;
            Some((self.0 - bytes.len() as u64, Box::new(Nothing)))
        }
    }

    #[test]
    fn a_long_stream_takes_no_more_memory_than_a_shorter_one() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        table.spill_to(Box::new(Endless(0)));
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        for n in 2..300_000u32 {
            send(&mut table, i64::from(n / 50), 1, n as u16, &mut dropped);
            assert!(table.packets < 34_000 && table.copied_bytes < 160 * 34_000, "{} at {n}", table.packets);
        }
        assert_eq!(table.take(id).unwrap().kept.len(), 300_000);
        assert_eq!((table.packets, table.copied_bytes), (0, 0));
    }

    #[test]
    fn a_stream_that_was_let_go_of_forgets_what_is_out_of_memory_too() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        table.spill_to(Box::new(Endless(0)));
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        for n in 2..100_000u32 {
            send(&mut table, i64::from(n / 50), 1, n as u16, &mut dropped);
        }
        table.disclaim(id);
        table.expire(Time::from_ns(0) + Span::from_secs(2000), &mut dropped);
        let stream = table.stream(id).unwrap();
        assert!(stream.kept.len() < 1000 && stream.kept.in_memory() == table.packets, "{:?}", table.packets);
        assert_eq!(table.forgotten().unclaimed + stream.kept.len() as u64, 100_000);
        assert!(stream.first_at > Time::from_ns(0) + Span::from_secs(1980), "{:?}", stream.first_at);
    }

    #[test]
    fn the_limit_of_packets_sends_the_older_ones_elsewhere_first() {
        let limits = Limits { packets: 3000, ..Limits::default() };
        let (mut table, mut dropped) = (Streams::new(limits, Copying::Payloads), Vec::new());
        table.spill_to(Box::new(Endless(0)));
        send(&mut table, 0, 1, 0, &mut dropped);
        let Disposition::Opened(id) = send(&mut table, 0, 1, 1, &mut dropped) else { panic!() };
        table.claim(id, 1);
        let refused =
            (2..20_000).filter(|&seq| send(&mut table, 0, 1, seq, &mut dropped) == Disposition::Refused);
        assert_eq!((refused.count(), table.packets <= 3000), (0, true));
        assert_eq!(table.stream(id).unwrap().kept.len(), 20_000);
    }

    #[test]
    fn queues_do_not_grow_while_time_stands_still() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        for n in 0..1000 {
            send(&mut table, 0, n, 1, &mut dropped);
            let Disposition::Opened(id) = send(&mut table, 0, n, 2, &mut dropped) else { panic!() };
            table.take(id);
        }
        assert!(table.probation.len() <= 7 && table.unclaimed.len() <= 7);
    }

    #[test]
    fn what_was_forgotten_is_no_first_packet() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        for second in 0..600u16 {
            send(&mut table, i64::from(second), 1, second, &mut dropped);
        }
        table.expire(Time::from_ns(0) + Span::from_secs(600), &mut dropped);
        let (_, stream) = table.unclaimed().next().unwrap();
        assert_eq!(stream.first_at, Time::from_ns(0) + Span::from_secs(512));
    }

    #[test]
    fn noise_that_never_follows_itself_holds_no_memory() {
        let (mut table, mut dropped) = (streams(3), Vec::new());
        for n in 0..50_000u16 {
            send(&mut table, 0, 1, n.wrapping_mul(7), &mut dropped);
        }
        assert!(table.copied_bytes < 160 * 32);
    }
}
