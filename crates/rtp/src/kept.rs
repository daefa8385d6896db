//! The packets of a stream, kept undecoded with their arrival until the call is over.
//!
//! Where the input is a mapped file a packet is kept as its place in that file and nothing is copied; a frame that was
//! only lent is copied once, into the chunk. What a packet says is read once, when it comes; afterwards only its
//! payload's bytes are asked for.

use clock::Time;

use crate::id::{PayloadType, Seq, Ssrc, Ticks};
use crate::packet::Packet;

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

/// What is kept of one packet: its header's fields, its arrival, and where its bytes are.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    arrival: Time,
    place: u64,
    ticks: Ticks,
    seq: Seq,
    frame_len: u16,
    payload_at: u16,
    payload_len: u16,
    link: u16,
    type_and_marker: u8,
    held: Held,
}

/// Where the bytes are, and how long the header is that stands before the payload there: in words of 32 bit, zero where
/// it was not kept. A byte of both, so that a slot stays small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Held(u8);

impl Held {
    const MAPPED: u8 = 0x80;

    fn new(is_mapped: bool, header_len: usize) -> Held {
        let words = u8::try_from(header_len / 4).ok().filter(|&words| words < Held::MAPPED).unwrap_or(0);
        Held(words | if is_mapped { Held::MAPPED } else { 0 })
    }

    const fn is_mapped(self) -> bool {
        self.0 & Held::MAPPED != 0
    }

    const fn header_len(self) -> usize {
        4 * (self.0 & !Held::MAPPED) as usize
    }
}

impl Slot {
    /// When the packet was captured.
    #[must_use]
    pub fn arrival(&self) -> Time {
        self.arrival
    }

    /// Its RTP time stamp.
    #[must_use]
    pub fn ticks(&self) -> Ticks {
        self.ticks
    }

    /// Its sequence number.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Its payload type.
    #[must_use]
    pub fn payload_type(&self) -> PayloadType {
        PayloadType(self.type_and_marker & 0x7f)
    }

    /// Its marker bit.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.type_and_marker & 0x80 != 0
    }

    /// The header of a packet of this slot that has neither CSRC list nor extension: what any other header is kept as
    /// bytes for.
    #[must_use]
    pub fn plain_header(&self, ssrc: Ssrc) -> [u8; 12] {
        let ([s0, s1], [t0, t1, t2, t3]) = (self.seq.0.to_be_bytes(), self.ticks.0.to_be_bytes());
        let [r0, r1, r2, r3] = ssrc.0.to_be_bytes();
        [0x80, self.type_and_marker, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]
    }

    /// How many bytes of payload it carries.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        usize::from(self.payload_len)
    }
}

/// The packets of one stream in the order of their arrival.
#[derive(Default, Debug)]
pub struct Kept {
    /// Of [`CHUNK_SLOTS`] packets each.
    full: Vec<Chunk>,
    /// The one that is being filled; it stands here and not behind the others because each packet asks for it.
    last: Chunk,
}

#[derive(Default, Debug)]
struct Chunk {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
    /// For the slots whose bytes were spilled.
    holds: Vec<Box<dyn Hold>>,
}

/// About five seconds of packets of 20 ms: small enough to let go of one by one, large enough to be cheap. The first
/// of a stream grows to it by doubling: two hundred thousand streams may just have begun.
const CHUNK_SLOTS: usize = 256;

/// How much of each lent frame is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copying {
    /// The payload alone: what the audio needs.
    Payloads,
    /// The whole frame, to be written beside the audio.
    Frames,
}

impl Kept {
    /// Keeps `packet`, which arrived at `arrival` in `frame`. Gives how many bytes were copied.
    pub fn push(&mut self, arrival: Time, packet: &Packet<'_>, frame: &Frame<'_>, copying: Copying) -> usize {
        if self.last.slots.len() >= CHUNK_SLOTS {
            let successor = self.last.successor();
            self.full.push(std::mem::replace(&mut self.last, successor));
        }
        self.last.push(arrival, packet, frame, copying)
    }

    /// How many packets are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK_SLOTS + self.last.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every packet in the order of arrival.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.chunks().flat_map(|chunk| &chunk.slots)
    }

    /// Every packet in the order of arrival, with its payload; an empty one where the medium has lost it.
    pub fn payloads<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = (&'a Slot, &'a [u8])> {
        self.chunks().flat_map(move |chunk| {
            chunk.slots.iter().map(move |slot| (slot, chunk.payload(slot, medium).unwrap_or_default()))
        })
    }

    /// Every packet in the order of arrival with the bytes of its header; none where it is a plain one that was not kept.
    pub fn headers<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.chunks().flat_map(move |chunk| chunk.slots.iter().map(move |slot| chunk.header(slot, medium)))
    }

    /// Every packet's whole frame and link type, where it was kept whole.
    pub fn frames<'a>(&'a self, medium: &'a dyn Medium) -> impl Iterator<Item = KeptFrame<'a>> {
        self.chunks()
            .flat_map(move |chunk| chunk.slots.iter().filter_map(move |slot| chunk.frame(slot, medium)))
    }

    /// The latest `count` packets in the order of arrival, as far as they are in memory: what came since there were so many
    /// fewer. It costs what it gives, however long the stream is.
    pub fn latest<'a>(&'a self, count: usize, medium: &'a dyn Medium) -> impl Iterator<Item = Latest<'a>> {
        let skipped = (self.full.len() * CHUNK_SLOTS + self.last.slots.len()).saturating_sub(count);
        let chunks = self.full.get(skipped / CHUNK_SLOTS..).unwrap_or_default().iter().chain([&self.last]);
        let all = chunks.flat_map(|chunk| chunk.slots.iter().map(move |slot| (chunk, slot)));
        all.skip(skipped % CHUNK_SLOTS).map(move |(chunk, slot)| Latest {
            slot: *slot,
            header: chunk.header(slot, medium),
            payload: chunk.payload(slot, medium).unwrap_or_default(),
            frame: chunk.frame(slot, medium),
        })
    }

    /// Lets go of whole chunks whose last packet came before `before`. Gives the packets and copied bytes let go of.
    pub fn forget_before(&mut self, before: Time) -> (usize, usize) {
        let old = |chunk: &Chunk| chunk.slots.last().is_some_and(|slot| slot.arrival < before);
        let count = self.full.iter().take_while(|chunk| old(chunk)).count();
        let all_are = count == self.full.len() && old(&self.last);
        let mut gone: Vec<Chunk> = self.full.drain(..count).collect();
        gone.extend(all_are.then(|| std::mem::take(&mut self.last)));
        let sum = |size: fn(&Chunk) -> usize| gone.iter().map(size).sum();
        (sum(|chunk| chunk.slots.len()), sum(|chunk| chunk.bytes.len()))
    }

    /// Hands all copied bytes to `overflow`. Gives how many those were; fewer where it is full too.
    pub fn spill(&mut self, overflow: &mut dyn Overflow) -> usize {
        let chunks = self.full.iter_mut().chain([&mut self.last]);
        let copied = chunks.filter(|chunk| !chunk.bytes.is_empty());
        copied.map_while(|chunk| chunk.spill(overflow)).sum()
    }

    /// Bytes that were copied for these packets.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        self.chunks().map(|chunk| chunk.bytes.len()).sum()
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.full.iter().chain([&self.last])
    }
}

/// One packet, with all that is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct Latest<'a> {
    /// What its header says.
    pub slot: Slot,
    /// Its header's bytes; none where it is a plain one that was not kept.
    pub header: Option<&'a [u8]>,
    /// Its payload; empty where the medium has lost it.
    pub payload: &'a [u8],
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
    /// Where in it the RTP payload stands.
    pub payload: (usize, usize),
    /// The payload type of the packet in it.
    pub payload_type: PayloadType,
}

impl Chunk {
    /// An empty chunk with room for as much as this one holds.
    fn successor(&self) -> Chunk {
        let (slots, bytes) = (Vec::with_capacity(CHUNK_SLOTS), Vec::with_capacity(self.bytes.len()));
        Chunk { slots, bytes, holds: Vec::new() }
    }

    fn push(&mut self, arrival: Time, packet: &Packet<'_>, frame: &Frame<'_>, copying: Copying) -> usize {
        let copied_before = self.bytes.len();
        let whole = Extent::of(packet.payload, frame.bytes);
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
                self.bytes.extend_from_slice(packet.payload);
                let extent = Extent::without_frame(header.len(), packet.payload.len());
                (Held::new(false, header.len()), copied_before as u64, extent)
            }
        };
        self.slots.push(Slot {
            arrival,
            place,
            ticks: packet.ticks,
            seq: packet.seq,
            frame_len: extent.frame_len,
            payload_at: extent.payload_at,
            payload_len: extent.payload_len,
            link: frame.link as u16,
            type_and_marker: packet.payload_type.0 | u8::from(packet.marker) << 7,
            held,
        });
        self.bytes.len() - copied_before
    }

    fn spill(&mut self, overflow: &mut dyn Overflow) -> Option<usize> {
        let (place, hold) = overflow.put(&self.bytes)?;
        self.holds.push(hold);
        for slot in self.slots.iter_mut().filter(|slot| !slot.held.is_mapped()) {
            (slot.held, slot.place) = (Held::new(true, slot.held.header_len()), place + slot.place);
        }
        Some(std::mem::take(&mut self.bytes).len())
    }

    fn payload<'a>(&'a self, slot: &Slot, medium: &'a dyn Medium) -> Option<&'a [u8]> {
        self.bytes_of(slot, usize::from(slot.payload_at), usize::from(slot.payload_len), medium)
    }

    fn header<'a>(&'a self, slot: &Slot, medium: &'a dyn Medium) -> Option<&'a [u8]> {
        let len = Some(slot.held.header_len()).filter(|&len| len > 0)?;
        self.bytes_of(slot, usize::from(slot.payload_at).checked_sub(len)?, len, medium)
    }

    /// `len` bytes from `at` on of what the slot stands for.
    fn bytes_of<'a>(
        &'a self,
        slot: &Slot,
        at: usize,
        len: usize,
        medium: &'a dyn Medium,
    ) -> Option<&'a [u8]> {
        if slot.held.is_mapped() {
            medium.slice(slot.place + at as u64, len)
        } else {
            self.bytes.get(slot.place as usize + at..)?.get(..len)
        }
    }

    fn frame<'a>(&'a self, slot: &Slot, medium: &'a dyn Medium) -> Option<KeptFrame<'a>> {
        let len = usize::from(slot.frame_len);
        let bytes = self.bytes_of(slot, 0, len, medium)?;
        let payload = (usize::from(slot.payload_at), usize::from(slot.payload_len));
        let link = u32::from(slot.link);
        // A payload copied alone, or with no more than its header, is no frame.
        (payload.0 > slot.held.header_len()).then_some(KeptFrame {
            arrival: slot.arrival,
            link,
            bytes,
            payload,
            payload_type: slot.payload_type(),
        })
    }
}

/// Where a payload stands in its frame, in numbers that fit a slot.
struct Extent {
    frame_len: u16,
    payload_at: u16,
    payload_len: u16,
}

impl Extent {
    /// `None` where the payload lies outside the frame, or the frame is a super-frame of more than 65 535 bytes.
    fn of(payload: &[u8], frame: &[u8]) -> Option<Extent> {
        let at = (payload.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
        let fits = at.checked_add(payload.len())? <= frame.len();
        let frame_len = u16::try_from(frame.len()).ok()?;
        fits.then_some(Extent { frame_len, payload_at: at as u16, payload_len: payload.len() as u16 })
    }

    fn without_frame(header: usize, payload: usize) -> Extent {
        let clamped = |len: usize| len.min(usize::from(u16::MAX)) as u16;
        Extent {
            frame_len: clamped(header + payload),
            payload_at: clamped(header),
            payload_len: clamped(payload),
        }
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
    use crate::id::Ssrc;

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
            payload,
        }
    }

    #[test]
    fn a_slot_stays_small() {
        assert_eq!(size_of::<Slot>(), 32, "a million packets of open calls must stay under 40 MB");
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
        assert_eq!((whole.bytes, whole.payload, whole.link), (bytes, (6, 7), 1));
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
                    kept.latest(count, &nothing).map(|latest| latest.payload.to_vec()).collect();
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
        assert_eq!(kept.forget_before(Time::from_ns(300)), (256, 256));
        assert_eq!((kept.len(), kept.slots().next().unwrap().seq()), (344, Seq(256)));
    }
}
