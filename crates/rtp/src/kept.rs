//! The packets of a stream, kept undecoded with their arrival until the call is over.
//!
//! Where the input is a mapped file a packet is kept as its place in that file and nothing is copied; a frame that was
//! only lent is copied once, into the chunk. What a packet says is read once, when it comes; afterwards only its
//! payload's bytes are asked for. A long stream keeps its first chunk and its latest ones in memory, and hands what lies
//! between to an [`Overflow`], slots and bytes alike.

use clock::Time;

use crate::archive::{Archive, Batch};
use crate::id::PayloadType;
use crate::packet::{Packet, is_padded, unpadded};
use crate::slot::{Extent, Held, Slot};

/// The frame in which a packet came, as far as keeping it needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The whole frame as captured.
    pub bytes: &'a [u8],
    /// Its link type, a LINKTYPE number of the pcap registry.
    pub link: u32,
    /// Where the frame's first byte stands in the mapped input; `None` where the bytes are only lent.
    pub place: Option<u64>,
}

/// Where the bytes of mapped frames are read again.
pub trait Medium: Sync {
    /// `len` bytes from `place` on; `None` where there are none.
    fn slice(&self, place: u64, len: usize) -> Option<&[u8]>;
}

/// Takes bytes for which memory is short; what it takes is read again by the [`Medium`].
pub trait Overflow: std::fmt::Debug {
    /// Takes `bytes` and gives their place, and what keeps them there; `None` where it cannot.
    fn put(&mut self, bytes: &[u8]) -> Option<(u64, Box<dyn Hold>)>;
}

/// Keeps bytes at their place until it is dropped.
pub trait Hold: std::fmt::Debug + Send + Sync {}

/// The packets of one stream in the order of their arrival.
#[derive(Default, Debug)]
pub struct Kept {
    /// What came first, and what went out of memory since; most streams are too short to have one.
    archive: Option<Box<Archive>>,
    /// Of [`CHUNK_SLOTS`] packets each.
    full: Vec<Chunk>,
    /// The one that is being filled; it stands here and not behind the others because each packet asks for it.
    last: Chunk,
    /// Whether some of them have padding.
    is_padded: bool,
}

#[derive(Default, Debug)]
pub(crate) struct Chunk {
    pub(crate) slots: Vec<Slot>,
    bytes: Vec<u8>,
    /// For the slots whose bytes were spilled.
    pub(crate) holds: Vec<Box<dyn Hold>>,
}

/// About five seconds of packets of 20 ms: small enough to let go of one by one, large enough to be cheap. The first
/// of a stream grows to it by doubling: two hundred thousand streams may just have begun.
const CHUNK_SLOTS: usize = 256;
/// Eleven minutes of packets of 20 ms, a mebibyte of slots: what is more goes out of memory, the older half at a time.
const LONG_CHUNKS: usize = 128;
/// So many copied bytes make a stream long too.
const LONG_BYTES: usize = 8 << 20;

/// How much of each lent frame is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copying {
    /// The payload alone: what the audio needs.
    Payloads,
    /// The whole frame, to be written beside the audio.
    Frames,
}

/// What left the memory.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Freed {
    /// Packets whose slots did.
    pub packets: usize,
    /// Copied bytes.
    pub bytes: usize,
}

impl Kept {
    /// Keeps `packet`, which arrived at `arrival` in `frame`. Gives how many bytes were copied.
    pub fn push(&mut self, arrival: Time, packet: &Packet<'_>, frame: &Frame<'_>, copying: Copying) -> usize {
        if self.last.slots.len() >= CHUNK_SLOTS {
            let successor = self.last.successor();
            self.full.push(std::mem::replace(&mut self.last, successor));
        }
        self.is_padded |= is_padded(packet.header);
        self.last.push(arrival, packet, frame, copying)
    }

    /// How many packets are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        let archived: usize = self.batches().map(|batch| batch.packets as usize).sum();
        archived + self.in_memory()
    }

    /// How many packets take up memory.
    #[must_use]
    pub fn in_memory(&self) -> usize {
        self.chunks().map(|chunk| chunk.slots.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first packet.
    #[must_use]
    pub fn first(&self) -> Option<&Slot> {
        let of_chunk = self.full.first().unwrap_or(&self.last).slots.first();
        self.archive.as_ref().and_then(|archive| archive.first()).or(of_chunk)
    }

    /// The first packets, as far as they are in memory: some hundreds where there are as many.
    pub fn head(&self) -> impl Iterator<Item = &Slot> {
        let (head, later) = match &self.archive {
            Some(archive) => (Some(&archive.head), None),
            None => (None, Some(self.full.iter().chain([&self.last]))),
        };
        head.into_iter().chain(later.into_iter().flatten()).flat_map(|chunk| &chunk.slots)
    }

    /// Every packet in the order of arrival; without those that the medium has lost.
    pub fn slots<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = Slot> {
        self.read(medium).map(|(slot, _)| slot)
    }

    /// Every packet in the order of arrival, with its payload as it stands in a packet that is not encrypted: without
    /// padding; an empty one where the medium has lost it.
    pub fn payloads<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = (Slot, &'a [u8])> {
        let is_padded = self.is_padded;
        self.read(medium).map(move |(slot, bytes)| {
            let body = body(&slot, bytes, medium).unwrap_or_default();
            let header = if is_padded { header(&slot, bytes, medium) } else { None };
            (slot, header.map_or(body, |header| unpadded(header, body)))
        })
    }

    /// Every packet in the order of arrival, with everything that stands behind its header; nothing where the medium has
    /// lost it.
    pub fn bodies<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = (Slot, &'a [u8])> {
        self.read(medium).map(move |(slot, bytes)| (slot, body(&slot, bytes, medium).unwrap_or_default()))
    }

    /// Whether some of the packets have padding.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        self.is_padded
    }

    /// Every packet in the order of arrival with the bytes of its header; none where it is a plain one that was not kept.
    pub fn headers<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.read(medium).map(move |(slot, bytes)| header(&slot, bytes, medium))
    }

    /// Every packet's whole frame and link type, where it was kept whole.
    pub fn frames<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = KeptFrame<'a>> {
        self.read(medium).filter_map(move |(slot, bytes)| KeptFrame::of(&slot, bytes, medium))
    }

    /// The latest `count` packets in the order of arrival, as far as they are in memory: what came since there were so many
    /// fewer. It costs what it gives, however long the stream is.
    pub fn latest<'a>(&'a self, count: usize, medium: &'a dyn Medium) -> impl Iterator<Item = Latest<'a>> {
        let skipped = (self.full.len() * CHUNK_SLOTS + self.last.slots.len()).saturating_sub(count);
        // The last chunk may be full itself.
        let whole = (skipped / CHUNK_SLOTS).min(self.full.len());
        let chunks = self.full.get(whole..).unwrap_or_default().iter().chain([&self.last]);
        chunks.flat_map(Chunk::read).skip(skipped - whole * CHUNK_SLOTS).map(move |(slot, bytes)| Latest {
            slot,
            header: header(&slot, bytes, medium),
            body: body(&slot, bytes, medium).unwrap_or_default(),
            frame: KeptFrame::of(&slot, bytes, medium),
        })
    }

    /// Lets go of whole chunks whose last packet came before `before`. Gives how many packets those were, and what of
    /// them was in memory.
    pub fn forget_before(&mut self, before: Time) -> (usize, Freed) {
        let old = |chunk: &Chunk| chunk.slots.last().is_some_and(|slot| slot.arrival < before);
        let (mut forgotten, mut freed) = (0, Freed::default());
        if let Some(archive) = &mut self.archive {
            (forgotten, freed) = archive.forget_before(before);
            if !archive.is_empty() {
                return (forgotten, freed);
            }
            self.archive = None;
        }
        let count = self.full.iter().take_while(|chunk| old(chunk)).count();
        let all_are = count == self.full.len() && old(&self.last);
        let mut gone: Vec<Chunk> = self.full.drain(..count).collect();
        gone.extend(all_are.then(|| std::mem::take(&mut self.last)));
        for chunk in &gone {
            forgotten += chunk.slots.len();
            freed = freed.and(chunk);
        }
        (forgotten, freed)
    }

    /// Whether a chunk has just been filled, and the stream is so long that it is time to [`Kept::archive`].
    #[must_use]
    pub fn is_long(&self) -> bool {
        let begins = self.last.slots.len() == 1 && self.full.len() > 1;
        begins && (self.full.len() >= LONG_CHUNKS || self.copied_bytes() >= LONG_BYTES)
    }

    /// Hands the older half of the full chunks to `overflow`. Gives what left the memory: nothing where it is full too.
    pub fn archive(&mut self, overflow: &mut dyn Overflow) -> Freed {
        let mut count = self.full.len().div_ceil(2);
        if self.archive.is_none() {
            if count < 2 {
                return Freed::default();
            }
            let head = self.full.remove(0);
            self.archive = Some(Box::new(Archive::new(head)));
            count -= 1;
        }
        let chunks = self.full.get_mut(..count).unwrap_or_default();
        let bytes: usize = chunks.iter_mut().map_while(|chunk| chunk.spill(overflow)).sum();
        let spilled = chunks.iter().take_while(|chunk| chunk.bytes.is_empty()).count();
        let Some(archive) = self.archive.as_mut() else { return Freed { packets: 0, bytes } };
        let packets = archive.take(chunks.get_mut(..spilled).unwrap_or_default(), overflow);
        if packets > 0 {
            self.full.drain(..spilled);
        }
        Freed { packets, bytes }
    }

    /// Hands all copied bytes to `overflow`. Gives how many those were; fewer where it is full too.
    pub fn spill(&mut self, overflow: &mut dyn Overflow) -> usize {
        let head = self.archive.iter_mut().map(|archive| &mut archive.head);
        let chunks = head.chain(self.full.iter_mut()).chain([&mut self.last]);
        chunks.map_while(|chunk| chunk.spill(overflow)).sum()
    }

    /// Bytes that were copied for these packets and are in memory.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.chunks().map(|chunk| chunk.bytes.len()).sum()
    }

    fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.archive.iter().flat_map(|archive| &archive.batches)
    }

    /// Those in memory.
    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.archive.iter().map(|archive| &archive.head).chain(&self.full).chain([&self.last])
    }

    /// Every packet, with the bytes that are kept in memory beside it.
    fn read<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = (Slot, &'a [u8])> {
        let head = self.archive.iter().flat_map(|archive| archive.head.read());
        let archived = self.batches().flat_map(|batch| batch.slots(medium)).map(|slot| (slot, &[][..]));
        head.chain(archived).chain(self.full.iter().chain([&self.last]).flat_map(Chunk::read))
    }
}

impl Freed {
    /// This and what `chunk` takes up.
    pub(crate) fn and(self, chunk: &Chunk) -> Freed {
        Freed { packets: self.packets + chunk.slots.len(), bytes: self.bytes + chunk.bytes.len() }
    }
}

/// One packet, with all that is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct Latest<'a> {
    /// What its header says.
    pub slot: Slot,
    /// Its header's bytes; none where it is a plain one that was not kept.
    pub header: Option<&'a [u8]>,
    /// Everything behind its header; empty where the medium has lost it.
    pub body: &'a [u8],
    /// Its frame, where that was kept whole.
    pub frame: Option<KeptFrame<'a>>,
}

/// A frame that was kept whole.
#[derive(Clone, Copy, Debug)]
pub struct KeptFrame<'a> {
    /// When it was captured.
    pub arrival: Time,
    /// Its link type.
    pub link: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where in it everything behind the RTP header stands: from where on, and how many octets.
    pub body: (usize, usize),
    /// Whether padding is among that.
    pub is_padded: bool,
    /// The payload type of the packet in it.
    pub payload_type: PayloadType,
}

impl<'a> KeptFrame<'a> {
    fn of(slot: &Slot, in_memory: &'a [u8], medium: &'a dyn Medium) -> Option<Self> {
        let len = usize::from(slot.frame_len);
        let bytes = bytes_of(slot, 0, len, in_memory, medium)?;
        let body = (usize::from(slot.body_at), usize::from(slot.body_len));
        let link = u32::from(slot.link);
        let is_padded = header(slot, in_memory, medium).is_some_and(is_padded);
        // A body copied alone, or with no more than its header, is no frame.
        (body.0 > slot.held.header_len()).then_some(KeptFrame {
            arrival: slot.arrival,
            link,
            bytes,
            body,
            is_padded,
            payload_type: slot.payload_type(),
        })
    }
}

impl Chunk {
    /// An empty chunk with room for as much as this one holds.
    fn successor(&self) -> Chunk {
        let (slots, bytes) = (Vec::with_capacity(CHUNK_SLOTS), Vec::with_capacity(self.bytes.len()));
        Chunk { slots, bytes, holds: Vec::new() }
    }

    fn push(&mut self, arrival: Time, packet: &Packet<'_>, frame: &Frame<'_>, copying: Copying) -> usize {
        let copied_before = self.bytes.len();
        let whole = Extent::of(packet.body, frame.bytes);
        let header_len = packet.header.len();
        let (held, place, extent) = match (frame.place, whole, copying) {
            (Some(place), Some(extent), _) => (Held::new(true, header_len), place, extent),
            (None, Some(extent), Copying::Frames) => {
                self.bytes.extend_from_slice(frame.bytes);
                (Held::new(false, header_len), copied_before as u64, extent)
            }
            _ => {
                // A plain header is made again from the slot.
                let header = if is_plain(packet.header) { &[] } else { packet.header };
                self.bytes.extend_from_slice(header);
                self.bytes.extend_from_slice(packet.body);
                let extent = Extent::without_frame(header.len(), packet.body.len());
                (Held::new(false, header.len()), copied_before as u64, extent)
            }
        };
        self.slots.push(Slot {
            arrival,
            place,
            ticks: packet.ticks,
            seq: packet.seq,
            frame_len: extent.frame_len,
            body_at: extent.body_at,
            body_len: extent.body_len,
            link: frame.link as u16,
            type_and_marker: packet.payload_type.0 | u8::from(packet.marker) << 7,
            held,
        });
        self.bytes.len() - copied_before
    }

    /// Hands the copied bytes to `overflow` and gives how many they were; `None` where it is full.
    fn spill(&mut self, overflow: &mut dyn Overflow) -> Option<usize> {
        if self.bytes.is_empty() {
            return Some(0);
        }
        let (place, hold) = overflow.put(&self.bytes)?;
        self.holds.push(hold);
        for slot in self.slots.iter_mut().filter(|slot| !slot.held.is_mapped()) {
            (slot.held, slot.place) = (Held::new(true, slot.held.header_len()), place + slot.place);
        }
        Some(std::mem::take(&mut self.bytes).len())
    }

    fn read(&self) -> impl Iterator<Item = (Slot, &[u8])> {
        self.slots.iter().map(|slot| (*slot, &*self.bytes))
    }
}

fn body<'a>(slot: &Slot, in_memory: &'a [u8], medium: &'a dyn Medium) -> Option<&'a [u8]> {
    bytes_of(slot, usize::from(slot.body_at), usize::from(slot.body_len), in_memory, medium)
}

fn header<'a>(slot: &Slot, in_memory: &'a [u8], medium: &'a dyn Medium) -> Option<&'a [u8]> {
    let len = Some(slot.held.header_len()).filter(|&len| len > 0)?;
    bytes_of(slot, usize::from(slot.body_at).checked_sub(len)?, len, in_memory, medium)
}

/// `len` bytes from `at` on of what the slot stands for.
fn bytes_of<'a>(
    slot: &Slot,
    at: usize,
    len: usize,
    in_memory: &'a [u8],
    medium: &'a dyn Medium,
) -> Option<&'a [u8]> {
    if slot.held.is_mapped() {
        medium.slice(slot.place.checked_add(at as u64)?, len)
    } else {
        in_memory.get(usize::try_from(slot.place).ok()?.checked_add(at)?..)?.get(..len)
    }
}

/// Whether the header is the fixed one alone: no padding, no extension, no CSRC.
fn is_plain(header: &[u8]) -> bool {
    matches!(header, [0x80, ..] | []) && header.len() <= 12
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::{Seq, Ssrc, Ticks};

    struct Mapped(Vec<u8>);

    impl Medium for Mapped {
        fn slice(&self, place: u64, len: usize) -> Option<&[u8]> {
            self.0.get(place as usize..)?.get(..len)
        }
    }

    fn packet(seq: u16, payload: &[u8]) -> Packet<'_> {
        Packet {
            ssrc: Ssrc(1),
            seq: Seq(seq),
            ticks: Ticks(160),
            payload_type: PayloadType(8),
            marker: true,
            header: &[],
            body: payload,
        }
    }

    #[test]
    fn a_mapped_frame_is_kept_without_a_copy_and_read_again() {
        let input = Mapped(b"....headerPAYLOADtrail".to_vec());
        let bytes = &input.0[4..];
        let mut kept = Kept::default();
        let frame = Frame { bytes, link: 1, place: Some(4) };
        assert_eq!(kept.push(Time::from_ns(5), &packet(7, &bytes[6..13]), &frame, Copying::Payloads), 0);
        let (slot, payload) = kept.payloads(&input).next().unwrap();
        assert_eq!(
            (slot.seq(), slot.payload_type(), slot.marker(), payload),
            (Seq(7), PayloadType(8), true, &b"PAYLOAD"[..])
        );
        let whole = kept.frames(&input).next().unwrap();
        assert_eq!((whole.bytes, whole.body, whole.link), (bytes, (6, 7), 1));
    }

    #[test]
    fn a_lent_frame_is_copied_as_far_as_asked() {
        let nothing = Mapped(Vec::new());
        let bytes = b"headerPAYLOAD".to_vec();
        let frame = Frame { bytes: &bytes, link: 101, place: None };
        let mut kept = Kept::default();
        assert_eq!(kept.push(Time::default(), &packet(1, &bytes[6..]), &frame, Copying::Payloads), 7);
        assert_eq!(kept.push(Time::default(), &packet(2, &bytes[6..]), &frame, Copying::Frames), 13);
        assert!(kept.payloads(&nothing).all(|(_, payload)| payload == b"PAYLOAD"));
        let frames: Vec<_> = kept.frames(&nothing).map(|frame| frame.bytes).collect();
        assert_eq!(frames, [&bytes[..]], "only the second was kept whole");
        assert_eq!(kept.copied_bytes(), 20);
    }

    #[test]
    fn a_header_that_is_not_plain_is_kept_and_a_plain_one_made_again() {
        let plain = [0x80, 0x88, 0, 1, 0, 0, 0, 160, 0, 0, 0, 1, 7, 7];
        let extended = [0x90, 8, 0, 2, 0, 0, 0, 160, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9];
        let mut disk = Disk(Vec::new(), Arc::default());
        for (place, spilled) in [(None, false), (None, true), (Some(0), false)] {
            let mut kept = Kept::default();
            for bytes in [&plain[..], &extended] {
                let packet = Packet::read(bytes).unwrap();
                let frame = Frame { bytes, link: 101, place };
                kept.push(Time::default(), &packet, &frame, Copying::Payloads);
            }
            if spilled {
                kept.spill(&mut disk);
            }
            let medium = Mapped(if spilled { disk.0.clone() } else { extended.to_vec() });
            let slots: Vec<_> = kept.payloads(&medium).collect();
            assert_eq!(slots[0].0.plain_header(Ssrc(1)), plain[..12]);
            assert_eq!((kept.headers(&medium).nth(1), slots[1].1), (Some(Some(&extended[..20])), &[9][..]));
            assert_eq!(kept.headers(&medium).next(), Some(place.map(|_| &extended[..12])));
            assert_eq!(kept.frames(&medium).count(), 0);
        }
    }

    #[derive(Debug)]
    struct Disk(Vec<u8>, Arc<()>);

    impl Overflow for Disk {
        fn put(&mut self, bytes: &[u8]) -> Option<(u64, Box<dyn Hold>)> {
            let place = self.0.len() as u64;
            self.0.extend_from_slice(bytes);
            Some((place, Box::new(Counted { _count: Arc::clone(&self.1) })))
        }
    }

    #[derive(Debug)]
    struct Counted {
        _count: Arc<()>,
    }

    impl Hold for Counted {}

    #[test]
    fn what_is_spilled_is_read_again_and_more_can_follow() {
        let mut kept = Kept::default();
        let mut disk = Disk(vec![0; 9], Arc::default());
        for n in 0..600u16 {
            let bytes = n.to_be_bytes();
            let frame = Frame { bytes: &bytes, link: 1, place: None };
            kept.push(Time::default(), &packet(n, &bytes), &frame, Copying::Payloads);
            if n == 300 {
                assert_eq!(kept.spill(&mut disk), 2 * 301);
            }
        }
        assert_eq!((kept.spill(&mut disk), kept.copied_bytes()), (2 * 299, 0));
        let medium = Mapped(disk.0);
        assert!(kept.payloads(&medium).all(|(slot, payload)| payload == slot.seq().0.to_be_bytes()));
        assert_eq!(kept.payloads(&medium).count(), 600);
        assert_eq!(Arc::strong_count(&disk.1), 1 + 2 + 2, "two chunks, then the second's rest and the third");
        drop(kept);
        assert_eq!(Arc::strong_count(&disk.1), 1, "what is not kept holds nothing");
    }

    #[test]
    fn the_latest_are_those_at_the_end() {
        let nothing = Mapped(Vec::new());
        for len in [0, 1, 255, 256, 257, 512, 600u16] {
            let mut kept = Kept::default();
            for n in 0..len {
                let bytes = n.to_be_bytes();
                let frame = Frame { bytes: &bytes, link: 1, place: None };
                kept.push(Time::default(), &packet(n, &bytes), &frame, Copying::Payloads);
            }
            for count in [0, 1, 87, 88, 89, 255, 256, 257, 343, 344, 345, 600, 601] {
                let latest: Vec<Vec<u8>> =
                    kept.latest(count, &nothing).map(|latest| latest.body.to_vec()).collect();
                let from = usize::from(len).saturating_sub(count) as u16;
                let expected: Vec<_> = (from..len).map(|n| n.to_be_bytes().to_vec()).collect();
                assert_eq!(latest, expected, "{count} of {len}");
            }
        }
    }

    #[test]
    fn forgets_whole_chunks_only() {
        let mut kept = Kept::default();
        let frame = Frame { bytes: b"xy", link: 1, place: None };
        for n in 0..600u16 {
            kept.push(Time::from_ns(i64::from(n)), &packet(n, &frame.bytes[1..]), &frame, Copying::Payloads);
        }
        assert_eq!(kept.forget_before(Time::from_ns(300)), (256, Freed { packets: 256, bytes: 256 }));
        assert_eq!((kept.len(), kept.first().unwrap().seq()), (344, Seq(256)));
    }
    #[test]
    fn a_long_stream_leaves_the_memory_but_for_its_ends_and_is_read_whole() {
        for (place, copying) in
            [(None, Copying::Payloads), (None, Copying::Frames), (Some(77), Copying::Payloads)]
        {
            let (mut kept, mut whole) = (Kept::default(), Kept::default());
            let mut disk = Disk(vec![0; 9], Arc::default());
            let mut most = 0;
            for n in 0..150_000u32 {
                let bytes = [n.to_be_bytes(), (n / 3).to_le_bytes()].concat();
                let at = Time::from_ns(i64::from(n) * 20_000_000 + i64::from(n * 7919 % 1013));
                let frame = Frame { bytes: &bytes, link: 1, place: place.map(|place| place + u64::from(n)) };
                let packet = packet(n as u16, bytes.get(3..).unwrap());
                kept.push(at, &packet, &frame, copying);
                whole.push(at, &packet, &frame, copying);
                if kept.is_long() {
                    kept.archive(&mut disk);
                }
                most = most.max(kept.in_memory());
            }
            assert!(most <= (LONG_CHUNKS + 2) * CHUNK_SLOTS, "{most}");
            assert!(disk.0.len() < 150_000 * (9 + if place.is_some() { 0 } else { 8 }), "{}", disk.0.len());
            assert_eq!((kept.len(), kept.first()), (150_000, whole.first()));
            assert_eq!(kept.head().next(), whole.head().next());
            let medium = Mapped(disk.0);
            let fields =
                |slot: Slot| (slot.arrival, slot.ticks, slot.seq, slot.type_and_marker, slot.body_len);
            assert!(kept.slots(&medium).map(fields).eq(whole.slots(&medium).map(fields)));
            if place.is_none() {
                let payload = |(_, payload)| payload;
                assert!(kept.payloads(&medium).map(payload).eq(whole.payloads(&medium).map(payload)));
                let frame = |frame: KeptFrame<'_>| frame.bytes.to_vec();
                assert!(kept.frames(&medium).map(frame).eq(whole.frames(&medium).map(frame)));
            } else {
                assert!(kept.slots(&medium).eq(whole.slots(&medium)), "its places too");
            }
            let (forgotten, freed) = kept.forget_before(Time::from_ns(100_000 * 20_000_000));
            assert!((80_000..=100_000).contains(&forgotten) && freed.packets == 256, "{forgotten} {freed:?}");
            assert_eq!(kept.len(), 150_000 - forgotten);
            assert_eq!(usize::from(kept.first().unwrap().seq.0), forgotten % 65_536);
            assert_eq!(kept.head().next(), None, "the next packets are out of memory");
        }
    }

    #[derive(Debug)]
    struct Full;

    impl Overflow for Full {
        fn put(&mut self, _: &[u8]) -> Option<(u64, Box<dyn Hold>)> {
            None
        }
    }

    #[test]
    fn where_there_is_no_room_elsewhere_everything_stays() {
        let mut kept = Kept::default();
        for n in 0..60_000u32 {
            let bytes = n.to_be_bytes();
            let frame = Frame { bytes: &bytes, link: 1, place: None };
            kept.push(Time::default(), &packet(n as u16, &bytes), &frame, Copying::Payloads);
            if kept.is_long() {
                assert_eq!(kept.archive(&mut Full), Freed::default());
            }
        }
        assert_eq!((kept.len(), kept.in_memory(), kept.copied_bytes()), (60_000, 60_000, 240_000));
        let nothing = Mapped(Vec::new());
        assert!(kept.payloads(&nothing).zip(0u32..).all(|((_, payload), n)| payload == n.to_be_bytes()));
    }
}
