//! Packets that several mirrors show: each counts once, and its copies are known by what no mirror, switch or router
//! changes. That is the innermost flow, IP's identification, TCP's numbers, and the payload. Copies are told from
//! what the sender sent again by these rules, in order:
//!
//! | seen again, all of it the same | it is |
//! | --- | --- |
//! | between other addresses or ports | another packet: a hop further, by a proxy or a relay |
//! | with another identification | sent again |
//! | farther away in time than the window (300 ms) | sent again |
//! | a datagram with the same identification, and that is not 0 | a copy |
//! | without one, but the payload is numbered, as RTP's is | a copy |
//! | without either, on another way: mirror, link addresses, tags, tunnel, hop limit | a copy, as [`Ways`] counts |
//! | without either, on the same way within 5 ms | a copy: the mirror shows both sides of a switch |
//! | without either, on the same way later | sent again |
//!
//! Segments of TCP go by the last three rules alone: one too many does no harm to their stream.
//!
//! Linux leaves the identification 0 on what a socket of many peers sends, as most SIP servers' are; IPv6 has none. A
//! packet that the network itself doubled looks as one mirrored twice, and is taken for a copy. So is a packet that a
//! tunnel with numbers of its own shows again, since each of these numbers makes another way.
//!
//! Nothing here reads a payload. The window is one of capture time in both directions: mirrors need not agree on the
//! order. A packet that one mirror cut shorter than another is not known again.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};

use clock::{Span, Time};
use flow::Flow;
use foldhash::fast::FixedState;
use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::fragments::Limits;
use crate::packet::{Datagram, Segment};
use crate::ways::Ways;

/// When, where and in what a packet was seen.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// When it was captured.
    pub at: Time,
    /// Which of the mirrors showed it, by any number.
    pub mirror: u32,
    /// The frame that held it, or the packet put together of fragments.
    pub frame: &'a [u8],
    /// Whether the payload bears a number, so that no sender means to send it twice.
    pub numbered: bool,
}

impl Sighting<'_> {
    /// What tells this way from others: the mirror, and all headers in front of the payload.
    fn way(&self, payload: &[u8]) -> u32 {
        let length = (payload.as_ptr() as usize).checked_sub(self.frame.as_ptr() as usize);
        let headers = length.and_then(|length| self.frame.get(..length)).unwrap_or_default();
        // The same in every run, for it is shorter than a hash should be.
        FixedState::default().hash_one((self.mirror, headers)) as u32
    }
}

/// What became of the packets so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DuplicateCounts {
    /// Copies of packets that were seen before.
    pub copies: u64,
    /// Packets that are remembered.
    pub entries: usize,
    /// Packets that had to be forgotten while copies might still have come.
    pub evicted: u64,
}

/// The packets of the last moments, in the order in which they came. What they hold is known by its hash, which two
/// have in common by chance as often as one in 2^64 times as many as are remembered.
#[derive(Debug)]
pub struct Duplicates {
    limit: usize,
    window: Span,
    seen: VecDeque<Seen>,
    /// The serial number of the first of them.
    first: u32,
    /// The serial number of each that still counts.
    by_hash: HashTable<u32>,
    /// Seeded anew in each run, so that nobody can make packets that are taken for others.
    hasher: RandomState,
    copies: u64,
    evicted: u64,
}

/// A packet that was seen: `hash` is 0 where it was seen anew since.
#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    /// When it was seen first, of the last time that it was sent.
    at: Time,
    ways: Ways,
}

impl Duplicates {
    /// A table that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Duplicates {
            limit: limits.duplicates.min(MOST),
            window: limits.duplicate_window,
            seen: VecDeque::new(),
            first: 0,
            by_hash: HashTable::new(),
            hasher: RandomState::default(),
            copies: 0,
            evicted: 0,
        }
    }

    /// Remembers a datagram, and tells whether it is a copy of one seen before.
    #[inline]
    pub fn handle_datagram(&mut self, datagram: &Datagram<'_>, sighting: &Sighting<'_>) -> bool {
        let (id, payload) = (datagram.id, datagram.payload);
        let hash = self.hash(&datagram.flow, [u64::from(id), 0], payload);
        self.handle(hash, sighting, payload, id != 0 || sighting.numbered)
    }

    /// The same of a segment, of which a copy must have come on another way, or at once.
    pub fn handle_segment(&mut self, segment: &Segment<'_>, sighting: &Sighting<'_>) -> bool {
        let (id, payload) = (segment.id, segment.payload);
        let own = IS_SEGMENT | u64::from(segment.flags.0) << 16 | u64::from(id);
        let numbers = u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgment);
        let hash = self.hash(&segment.flow, [own, numbers], payload);
        self.handle(hash, sighting, payload, sighting.numbered)
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counts(&self) -> DuplicateCounts {
        DuplicateCounts { copies: self.copies, entries: self.by_hash.len(), evicted: self.evicted }
    }

    /// How many packets may be remembered.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    #[inline]
    fn hash(&self, flow: &Flow, numbers: [u64; 2], payload: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        flow.hash(&mut hasher);
        numbers.iter().for_each(|&number| hasher.write_u64(number));
        hasher.write(payload);
        hasher.finish().max(1)
    }

    #[inline]
    fn handle(&mut self, hash: u64, sighting: &Sighting<'_>, payload: &[u8], numbered: bool) -> bool {
        let at = sighting.at;
        self.forget_before(at);
        let held = self.find(hash);
        let known = held.filter(|&held| self.is_near(held, at));
        if numbered && known.is_some() {
            self.copies += 1;
            return true;
        }
        let mut ways =
            known.and_then(|known| self.seen.get(known)).map_or_else(Ways::default, |seen| seen.ways);
        let is_new = numbered || ways.handle(sighting.way(payload), at);
        match known.and_then(|known| self.seen.get_mut(known)) {
            Some(seen) if !is_new => seen.ways = ways,
            _ => self.remember(Seen { hash, at, ways }, held),
        }
        self.copies += u64::from(!is_new);
        !is_new
    }

    /// Drops the oldest that are far past the window, for mirrors need not agree on the time: more than come, and few
    /// enough that a wrong time stamp does no harm.
    #[inline]
    fn forget_before(&mut self, at: Time) {
        let far = self.window + self.window;
        for _ in 0..2 {
            let oldest = self.seen.front();
            if oldest.is_some_and(|oldest| oldest.hash == 0 || distance(oldest.at, at) > far) {
                self.drop_oldest();
            }
        }
    }

    /// Where the packet of that hash stands.
    #[inline]
    fn find(&self, hash: u64) -> Option<usize> {
        let is_it =
            |&serial: &u32| self.seen.get(place(serial, self.first)).is_some_and(|seen| seen.hash == hash);
        self.by_hash.find(hash, is_it).map(|&serial| place(serial, self.first))
    }

    #[inline]
    fn is_near(&self, known: usize, at: Time) -> bool {
        self.seen.get(known).is_some_and(|seen| distance(seen.at, at) <= self.window)
    }

    /// Puts a packet behind the others, and out of the place `before`, where it stood.
    #[inline]
    fn remember(&mut self, seen: Seen, before: Option<usize>) {
        if let Some(before) = before {
            self.take(before);
        }
        if self.limit == 0 {
            return;
        }
        if self.seen.len() >= self.limit {
            let oldest = self.seen.front();
            let is_missed =
                oldest.is_some_and(|one| one.hash != 0 && distance(one.at, seen.at) <= self.window);
            self.evicted += u64::from(is_missed);
            self.drop_oldest();
        }
        let (serial, first) = (self.first.wrapping_add(self.seen.len() as u32), self.first);
        self.seen.push_back(seen);
        let hash_of = |&serial: &u32| self.seen.get(place(serial, first)).map_or(0, |seen| seen.hash);
        self.by_hash.insert_unique(seen.hash, serial, hash_of);
    }

    fn drop_oldest(&mut self) {
        self.take(0);
        if self.seen.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Takes the packet at that place out of the count.
    fn take(&mut self, at: usize) {
        let serial = self.first.wrapping_add(at as u32);
        let Some(seen) = self.seen.get_mut(at).filter(|seen| seen.hash != 0) else { return };
        if let Ok(entry) = self.by_hash.find_entry(seen.hash, |&other| other == serial) {
            entry.remove();
        }
        seen.hash = 0;
    }
}

/// No datagram has it beside its identification.
const IS_SEGMENT: u64 = 1 << 63;
/// Serial numbers tell as many apart.
const MOST: usize = u32::MAX as usize / 2;

fn place(serial: u32, first: u32) -> usize {
    serial.wrapping_sub(first) as usize
}

fn distance(one: Time, other: Time) -> Span {
    (one - other).max(other - one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frames::*;
    use crate::{Decoded, Decoder, Link};

    const BYE: &[u8] = b"BYE sip:bob@198.51.100.20 SIP/2.0\r\nCall-ID: 1\r\n\r\n";
    const VOICE: &[u8] = b"\x80\x00\x00\x01\x00\x00\x00\xa0\x12\x34\x56\x78voice";

    fn at(ms: i64) -> Time {
        Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms)
    }

    /// A decoder and the table behind it.
    struct Mirrored(Decoder, Duplicates);

    impl Mirrored {
        fn new() -> Mirrored {
            Mirrored(Decoder::new(Limits::default()), Duplicates::new(Limits::default()))
        }

        /// Whether the frame, seen at `ms` by a mirror, is a copy; `None` where it holds no whole packet.
        fn see(&mut self, ms: i64, mirror: u32, frame: &[u8]) -> Option<bool> {
            let Mirrored(decoder, duplicates) = self;
            let sighting = |packet: Option<_>, numbered| Sighting {
                at: at(ms),
                mirror,
                frame: packet.unwrap_or(frame),
                numbered,
            };
            match decoder.decode(at(ms), Link::Ethernet, frame) {
                Decoded::Datagram(datagram) => {
                    let numbered = datagram.payload.starts_with(&[0x80]);
                    Some(duplicates.handle_datagram(&datagram, &sighting(datagram.packet, numbered)))
                }
                Decoded::Segment(segment) => {
                    Some(duplicates.handle_segment(&segment, &sighting(segment.packet, false)))
                }
                Decoded::Held => None,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whether the second frame, so many milliseconds behind the first, is a copy of it.
    fn is_copy(ms: i64, first: &[u8], second: &[u8]) -> bool {
        let mut mirrored = Mirrored::new();
        assert_eq!(mirrored.see(0, 0, first), Some(false));
        let is_copy = mirrored.see(ms, 0, second).unwrap();
        let counts = mirrored.1.counts();
        assert_eq!(counts.copies, u64::from(is_copy));
        assert_eq!((counts.entries, counts.evicted), if is_copy { (1, 0) } else { (counts.entries, 0) });
        is_copy
    }

    /// An IPv4 packet of `payload` with that identification.
    fn packet(id: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = ipv4(UDP, &udp(payload));
        set(&mut packet, 4, usize::from(id));
        packet
    }

    fn frame(id: u16, payload: &[u8]) -> Vec<u8> {
        ethernet(0x0800, &packet(id, payload))
    }

    /// The packet as other mirrors, switches and routers show it, each in its own way.
    fn elsewhere(packet: &[u8]) -> Vec<Vec<u8>> {
        let is_v4 = packet[0] >> 4 == 4;
        let (ether_type, ip_in_ip, hop_limit) = if is_v4 { (0x0800, 4, 8) } else { (0x86dd, 41, 7) };
        let plain = ethernet(ether_type, packet);
        let with = |at: usize, value: u8| {
            let mut frame = plain.clone();
            frame[at] = value;
            frame
        };
        let checksum = plain.len() - (packet.len() - if is_v4 { 20 } else { 40 }) + 6;
        vec![
            with(5, 0x77),
            with(11, 0x77),
            with(14 + hop_limit, 61),
            with(15, 0x28),
            with(checksum, 0),
            tagged(&[0x8100], ether_type, packet),
            tagged(&[0x88a8, 0x8100], ether_type, packet),
            ethernet(0x0800, &ipv4(ip_in_ip, packet)),
            joined(&[&plain, &[0; 18]]),
        ]
    }

    #[test]
    fn what_bears_a_number_is_a_copy_on_any_way_within_the_window() {
        let v6 = ipv6(UDP, &udp(VOICE));
        for packet in [packet(7, BYE), packet(7, VOICE), packet(0, VOICE), v6] {
            let first = ethernet(if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, &packet);
            for second in elsewhere(&packet).iter().chain([&first]) {
                for ms in [0, 1, 40, 299, 300, -1, -300] {
                    assert!(is_copy(ms, &first, second), "{ms} ms, {second:02x?}");
                }
                for ms in [301, 500, -301, 4_000_000_000_000, i64::MIN / 1_000_000] {
                    assert!(!is_copy(ms, &first, second), "{ms} ms");
                }
            }
        }
    }

    #[test]
    fn without_a_number_another_way_shows_a_copy_and_the_same_one_what_is_sent_again() {
        for packet in [packet(0, BYE), ipv6(UDP, &udp(BYE))] {
            let first = ethernet(if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, &packet);
            let (padded, ways) = (joined(&[&first, &[0; 18]]), elsewhere(&packet));
            for second in ways.iter().filter(|way| **way != padded) {
                for ms in [0, 6, 100, 300, -300] {
                    assert!(is_copy(ms, &first, second), "{ms} ms, {second:02x?}");
                }
                assert!(!is_copy(301, &first, second));
            }
            // Padding is no way of its own: a switch adds it, and a capture may leave it out.
            for second in [&first, &padded] {
                for ms in [0, 1, 5, -5] {
                    assert!(is_copy(ms, &first, second), "{ms} ms");
                }
                for ms in [6, 24, 100, 300, 500, -100] {
                    assert!(!is_copy(ms, &first, second), "{ms} ms");
                }
            }
        }
    }

    #[test]
    fn two_mirrors_that_show_the_same_headers_are_two_ways() {
        let mut mirrored = Mirrored::new();
        let frame = frame(0, BYE);
        let seen = [(0, 1), (120, 2), (130, 1), (250, 2), (500, 1), (620, 2)];
        let copies = seen.map(|(ms, mirror)| mirrored.see(ms, mirror, &frame).unwrap());
        assert_eq!(copies, [false, true, false, true, false, true]);
    }

    #[test]
    fn four_copies_and_a_retransmission_with_as_many() {
        for id in [0, 99] {
            let mut mirrored = Mirrored::new();
            let mut ways = elsewhere(&packet(id, BYE));
            ways.truncate(4);
            for sent_at in [0, 500, 1500] {
                for (n, way) in (0..).zip(&ways) {
                    let late = [0, 2, 150, 300][n];
                    assert_eq!(mirrored.see(sent_at + late, 0, way), Some(n > 0), "{id} {sent_at} {n}");
                }
            }
            let counts = mirrored.1.counts();
            assert_eq!((counts.copies, counts.entries, counts.evicted), (9, 1, 0));
        }
    }

    #[test]
    fn what_the_sender_or_a_hop_changed_is_another_packet() {
        let first = frame(7, VOICE);
        assert!(!is_copy(1, &first, &frame(8, VOICE)), "sent again, with another identification");
        assert!(!is_copy(1, &first, &frame(0, VOICE)));
        assert!(!is_copy(1, &frame(0, b""), &frame(0, b"\0")), "a longer payload");
        let mut next = VOICE.to_vec();
        next[3] = 2;
        assert!(!is_copy(1, &frame(0, VOICE), &frame(0, &next)), "silence, and the next of it");
        // Addresses and ports: a proxy or a relay sends the same on.
        for at in [14 + 12, 14 + 16, 14 + 20, 14 + 22] {
            let mut hop = first.clone();
            hop[at + 1] ^= 1;
            assert!(!is_copy(1, &first, &hop), "{at}");
        }
        let other = ethernet(0x86dd, &ipv6(UDP, &udp(VOICE)));
        assert!(!is_copy(1, &frame(0, VOICE), &other));
    }

    #[test]
    fn segments_are_known_by_their_numbers_too() {
        let segment = |id: usize, sequence| {
            let mut packet = ipv4(TCP, &tcp(sequence, b"REGISTER"));
            set(&mut packet, 4, id);
            ethernet(0x0800, &packet)
        };
        let other_way = |mut frame: Vec<u8>| {
            frame[14 + 8] -= 1;
            frame
        };
        for id in [0, 5] {
            assert!(is_copy(250, &segment(id, 1), &other_way(segment(id, 1))));
            assert!(is_copy(1, &segment(id, 1), &segment(id, 1)));
            assert!(!is_copy(200, &segment(id, 1), &segment(id, 1)), "sent again after its time");
        }
        assert!(!is_copy(1, &segment(5, 1), &segment(6, 1)));
        assert!(!is_copy(1, &segment(5, 1), &segment(5, 2)));
        let mut acknowledging = segment(5, 1);
        acknowledging[14 + 20 + 11] ^= 1;
        assert!(!is_copy(1, &segment(5, 1), &acknowledging));
        let mut last = segment(5, 1);
        last[14 + 20 + 13] |= 1;
        assert!(!is_copy(1, &segment(5, 1), &last));
    }

    #[test]
    fn fragments_of_two_mirrors_make_one_datagram() {
        let datagram = udp(&[b'x'; 1000]);
        let parts = [0..400, 400..800, 800..1008].map(|part| ipv4_fragment(7, UDP, &datagram, part));
        let plain = |part: &Vec<u8>| ethernet(0x0800, part);
        let tagged = |part: &Vec<u8>| tagged(&[0x8100], 0x0800, part);
        let orders: [Vec<Vec<u8>>; 3] = [
            parts.iter().flat_map(|part| [plain(part), tagged(part)]).collect(),
            parts.iter().map(plain).chain(parts.iter().map(tagged)).collect(),
            parts.iter().map(tagged).rev().chain(parts.iter().map(plain)).collect(),
        ];
        for order in orders {
            let mut mirrored = Mirrored::new();
            let seen: Vec<_> =
                (0..).zip(&order).filter_map(|(ms, frame)| mirrored.see(ms, 0, frame)).collect();
            assert_eq!(seen, [false]);
            let duplicates = mirrored.0.fragments().of(crate::FragmentResult::Duplicate);
            assert_eq!((duplicates, mirrored.0.fragments().waiting), (3, 0));
            // The same where a mirror behind the router saw it before it was cut.
            let mut whole = ipv4(UDP, &datagram);
            set(&mut whole, 4, 7);
            assert_eq!(mirrored.see(9, 0, &ethernet(0x0800, &whole)), Some(true));
        }
    }

    #[test]
    fn the_table_stays_within_its_limit_and_says_what_it_forgot() {
        for limit in [0, 3, 4, 1000] {
            let limits = Limits { duplicates: limit, ..Limits::default() };
            let mut mirrored = Mirrored(Decoder::new(limits), Duplicates::new(limits));
            for n in 0..4000_u16 {
                assert_eq!(mirrored.see(i64::from(n) / 20, 0, &frame(n + 1, VOICE)), Some(false));
            }
            let counts = mirrored.1.counts();
            assert_eq!((mirrored.1.limit(), counts.entries, counts.copies), (limit, limit, 0));
            let gone = if limit == 0 { 0 } else { 4000 - limit as u64 };
            assert_eq!(counts.evicted, gone);
            // Seconds later nobody is missed, and the room is given back.
            for n in 0..4000_u16 {
                mirrored.see(10_000 + i64::from(n) * 1000, 0, &frame(n + 1, BYE));
            }
            assert_eq!(mirrored.1.counts().evicted, gone);
            assert_eq!(mirrored.1.counts().entries, limit.min(1));
        }
    }

    #[test]
    fn a_frame_of_a_wild_time_costs_two_others_at_most() {
        let mut mirrored = Mirrored::new();
        for id in 1..100 {
            assert_eq!(mirrored.see(0, 0, &frame(id, BYE)), Some(false));
        }
        for (id, ms) in [(200, 9_000_000_000), (201, -1_600_000_000_000)] {
            assert_eq!(mirrored.see(ms, 0, &frame(id, BYE)), Some(false));
        }
        let known = (1..100).filter(|&id| mirrored.see(300, 1, &frame(id, BYE)) == Some(true)).count();
        assert_eq!(known, 95);
    }

    #[test]
    fn what_is_sent_again_and_again_keeps_nothing_in_memory() {
        let mut mirrored = Mirrored::new();
        for n in 0..20_000_u16 {
            assert_eq!(mirrored.see(i64::from(n) * 10, 0, &frame(0, BYE)), Some(false));
            assert_eq!(mirrored.see(i64::from(n) * 10, 0, &frame(n + 1, VOICE)), Some(false));
        }
        // Two windows of each.
        assert_eq!(mirrored.1.counts().entries, 1 + 61);
        assert!(mirrored.1.seen.len() <= 2 * 61);
    }

    /// All packets of the window, each with what was seen of it, looked through one after the other.
    #[derive(Default)]
    struct Naive(Vec<Sent>);

    struct Sent {
        what: (u16, u8),
        at_ms: i64,
        /// By way: how often, and when last.
        ways: Vec<(u8, u32, i64)>,
    }

    impl Naive {
        fn is_copy(&mut self, what: (u16, u8), way: u8, ms: i64) -> bool {
            self.0.retain(|sent| sent.what != what || (sent.at_ms - ms).abs() <= 300);
            let Some(sent) = self.0.iter_mut().find(|sent| sent.what == what) else {
                self.0.push(Sent { what, at_ms: ms, ways: vec![(way, 1, ms)] });
                return false;
            };
            if what.0 != 0 || what.1 >= 4 {
                return true;
            }
            let most = sent.ways.iter().map(|&(_, times, _)| times).max().unwrap();
            if !sent.ways.iter().any(|&(known, ..)| known == way) {
                sent.ways.push((way, 0, i64::MIN / 2));
            }
            let (_, times, last) = sent.ways.iter_mut().find(|(known, ..)| *known == way).unwrap();
            let is_echo = (ms - *last).abs() <= 5;
            *last = ms;
            if is_echo {
                return true;
            }
            *times += 1;
            let is_new = *times > most;
            sent.at_ms = if is_new { ms } else { sent.at_ms };
            !is_new
        }
    }

    proptest! {
        #[test]
        fn agrees_with_looking_through_all_packets(
            seen in prop::collection::vec((0..3_u16, 0..6_u8, 0..4_u8, -30..60_i64), 1..150),
        ) {
            let (mut mirrored, mut naive, mut ms) = (Mirrored::new(), Naive::default(), 0);
            for (id, word, way, step) in seen {
                ms += step;
                let first = if word >= 4 { 0x80 } else { b'S' };
                let frame = tagged(&[0x8100; 4][..usize::from(way)], 0x0800, &packet(id, &[first, word]));
                let expected = naive.is_copy((id, word), way, ms);
                prop_assert_eq!(mirrored.see(ms, 0, &frame), Some(expected), "{} {} {} {}", id, word, way, ms);
            }
        }
    }
}
