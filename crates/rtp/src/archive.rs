//! What a long stream no longer has in memory: its slots, written as what differs from one to the next. A packet of an
//! even stream takes some eight bytes; the bytes of its payload are elsewhere.

use clock::Time;

use crate::id::{Seq, Ticks};
use crate::kept::{Chunk, Freed, Hold, Medium, Overflow};
use crate::slot::{Held, Slot};

/// The beginning of a long stream.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Stays in memory: what a stream is, is told by its first packets.
    pub(crate) head: Chunk,
    /// What came after it and went away, in order.
    pub(crate) batches: Vec<Batch>,
}

/// Slots that went away together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) packets: u32,
    first: Slot,
    last_at: Time,
    place: u64,
    len: usize,
    /// For its slots and their bytes.
    _holds: Vec<Box<dyn Hold>>,
}

impl Archive {
    pub(crate) fn new(head: Chunk) -> Archive {
        Archive { head, batches: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.slots.is_empty() && self.batches.is_empty()
    }

    pub(crate) fn first(&self) -> Option<&Slot> {
        self.head.slots.first().or(self.batches.first().map(|batch| &batch.first))
    }

    /// Takes the slots of `chunks`, none of which has bytes of its own any more, and gives how many; none where
    /// `overflow` is full.
    pub(crate) fn take(&mut self, chunks: &mut [Chunk], overflow: &mut dyn Overflow) -> usize {
        let slots = || chunks.iter().flat_map(|chunk| &chunk.slots);
        let Some((first, last)) = slots().next().copied().zip(slots().next_back()) else { return 0 };
        let last_at = last.arrival;
        let (mut bytes, mut writer) = (Vec::new(), Writer(first.into()));
        slots().for_each(|slot| writer.write(slot, &mut bytes));
        let packets: usize = chunks.iter().map(|chunk| chunk.slots.len()).sum();
        let Some((place, hold)) = overflow.put(&bytes) else { return 0 };
        let holds = chunks.iter_mut().flat_map(|chunk| std::mem::take(&mut chunk.holds));
        let _holds = [hold].into_iter().chain(holds).collect();
        self.batches.push(Batch { packets: packets as u32, first, last_at, place, len: bytes.len(), _holds });
        packets
    }

    /// Lets go of the head and of batches whose last packet came before `before`. Gives how many packets those were,
    /// and what of them was in memory.
    pub(crate) fn forget_before(&mut self, before: Time) -> (usize, Freed) {
        let (mut forgotten, mut freed) = (0, Freed::default());
        let head = &mut self.head;
        if head.slots.last().is_some_and(|slot| slot.arrival < before) {
            freed = freed.and(head);
            forgotten += freed.packets;
            *head = Chunk::default();
        }
        if head.slots.is_empty() {
            let count = self.batches.iter().take_while(|batch| batch.last_at < before).count();
            forgotten += self.batches.drain(..count).map(|batch| batch.packets as usize).sum::<usize>();
        }
        (forgotten, freed)
    }
}

impl Batch {
    /// Its slots; none where the medium has lost them.
    pub(crate) fn slots<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = Slot> {
        let bytes = medium.slice(self.place, self.len).unwrap_or_default();
        let mut reader = Reader { before: self.first.into(), bytes };
        std::iter::from_fn(move || reader.read()).take(self.packets as usize)
    }
}

/// A slot and by how much it was ahead of the one before it: what the next one is held against.
#[derive(Clone, Copy)]
struct Before {
    slot: Slot,
    arrival_ns: i64,
    ticks: u32,
    place: u64,
}

impl From<Slot> for Before {
    fn from(slot: Slot) -> Before {
        Before { slot, arrival_ns: 0, ticks: 0, place: 0 }
    }
}

impl Before {
    fn next(&self, slot: Slot) -> Before {
        let last = &self.slot;
        Before {
            slot,
            arrival_ns: slot.arrival.as_ns().wrapping_sub(last.arrival.as_ns()),
            ticks: slot.ticks.0.wrapping_sub(last.ticks.0),
            place: slot.place.wrapping_sub(last.place),
        }
    }
}

/// What is not as it was for the slot before, each a bit; it is written after this byte, in this order.
mod differs {
    pub(super) const SEQ: u8 = 1;
    pub(super) const TICKS: u8 = 2;
    pub(super) const EXTENT: u8 = 4;
    pub(super) const KIND: u8 = 8;
    pub(super) const PLACE: u8 = 16;
}

struct Writer(Before);

impl Writer {
    fn write(&mut self, slot: &Slot, bytes: &mut Vec<u8>) {
        let (before, now) = (self.0, self.0.next(*slot));
        let last = &before.slot;
        let seq = slot.seq.0.wrapping_sub(last.seq.0).wrapping_sub(1);
        let kind = (slot.type_and_marker, slot.held.0, slot.link);
        let extent = (slot.frame_len, slot.body_at, slot.body_len);
        let bit = |is_other: bool, bit| if is_other { bit } else { 0 };
        let bits = bit(seq != 0, differs::SEQ)
            | bit(now.ticks != before.ticks, differs::TICKS)
            | bit(extent != (last.frame_len, last.body_at, last.body_len), differs::EXTENT)
            | bit(kind != (last.type_and_marker, last.held.0, last.link), differs::KIND)
            | bit(now.place != before.place, differs::PLACE);
        bytes.push(bits);
        put(bytes, zigzag(now.arrival_ns.wrapping_sub(before.arrival_ns)));
        if bits & differs::SEQ != 0 {
            put(bytes, seq.into());
        }
        if bits & differs::TICKS != 0 {
            put(bytes, now.ticks.into());
        }
        if bits & differs::EXTENT != 0 {
            [extent.0, extent.1, extent.2].into_iter().for_each(|len| put(bytes, len.into()));
        }
        if bits & differs::KIND != 0 {
            bytes.extend([kind.0, kind.1]);
            put(bytes, kind.2.into());
        }
        if bits & differs::PLACE != 0 {
            put(bytes, zigzag(now.place.wrapping_sub(before.place) as i64));
        }
        self.0 = now;
    }
}

struct Reader<'a> {
    before: Before,
    bytes: &'a [u8],
}

impl Reader<'_> {
    /// The next slot; `None` at the end.
    fn read(&mut self) -> Option<Slot> {
        let Before { mut slot, mut arrival_ns, mut ticks, mut place } = self.before;
        let bits = self.octet()?;
        arrival_ns = arrival_ns.wrapping_add(unzigzag(self.number()?));
        let skipped = if bits & differs::SEQ != 0 { self.number()? as u16 } else { 0 };
        if bits & differs::TICKS != 0 {
            ticks = self.number()? as u32;
        }
        if bits & differs::EXTENT != 0 {
            slot.frame_len = self.number()? as u16;
            slot.body_at = self.number()? as u16;
            slot.body_len = self.number()? as u16;
        }
        if bits & differs::KIND != 0 {
            (slot.type_and_marker, slot.held) = (self.octet()?, Held(self.octet()?));
            slot.link = self.number()? as u16;
        }
        if bits & differs::PLACE != 0 {
            place = place.wrapping_add(unzigzag(self.number()?) as u64);
        }
        slot.arrival = Time::from_ns(slot.arrival.as_ns().wrapping_add(arrival_ns));
        slot.seq = Seq(slot.seq.0.wrapping_add(skipped).wrapping_add(1));
        slot.ticks = Ticks(slot.ticks.0.wrapping_add(ticks));
        slot.place = slot.place.wrapping_add(place);
        self.before = Before { slot, arrival_ns, ticks, place };
        Some(slot)
    }

    fn octet(&mut self) -> Option<u8> {
        let (&octet, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(octet)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// Seven bits an octet, the lowest first; the eighth says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Small numbers of either sign as small numbers.
const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_slot() -> impl Strategy<Value = Slot> {
        let numbers = (any::<i64>(), any::<u64>(), any::<u32>(), any::<u16>());
        let lens = (any::<u16>(), any::<u16>(), any::<u16>(), any::<u16>());
        (numbers, lens, any::<u8>(), any::<u8>()).prop_map(|(numbers, lens, type_and_marker, held)| Slot {
            arrival: Time::from_ns(numbers.0),
            place: numbers.1,
            ticks: Ticks(numbers.2),
            seq: Seq(numbers.3),
            frame_len: lens.0,
            body_at: lens.1,
            body_len: lens.2,
            link: lens.3,
            type_and_marker,
            held: Held(held),
        })
    }

    fn next(slot: &Slot, jitter_ns: i64) -> Slot {
        let arrival = Time::from_ns(slot.arrival.as_ns().wrapping_add(20_000_000 + jitter_ns));
        let (seq, ticks) = (Seq(slot.seq.0.wrapping_add(1)), Ticks(slot.ticks.0.wrapping_add(160)));
        Slot { arrival, seq, ticks, place: slot.place.wrapping_add(460), ..*slot }
    }

    fn written(slots: &[Slot]) -> Vec<u8> {
        let (mut bytes, mut writer) = (Vec::new(), Writer(slots[0].into()));
        slots.iter().for_each(|slot| writer.write(slot, &mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(
            begins in prop::collection::vec((any_slot(), prop::collection::vec(-3_000_000i64..3_000_000, 0..9)), 1..9),
        ) {
            let mut slots = Vec::new();
            for (slot, jitter) in begins {
                slots.push(slot);
                for jitter_ns in jitter {
                    slots.push(next(slots.last().unwrap(), jitter_ns));
                }
            }
            let bytes = written(&slots);
            let mut reader = Reader { before: slots[0].into(), bytes: &bytes };
            let read: Vec<Slot> = std::iter::from_fn(|| reader.read()).collect();
            prop_assert_eq!(read, slots);
        }

        #[test]
        fn no_bytes_whatever_make_it_panic(slot in any_slot(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader { before: slot.into(), bytes: &bytes };
            prop_assert!(std::iter::from_fn(|| reader.read()).count() <= bytes.len());
        }
    }
}
