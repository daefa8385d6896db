//! What comes of fragments in any order, with doubles, with holes, and of those that nobody honest sends.

use proptest::prelude::*;

use super::*;
use crate::frames::*;
use crate::{Decoded, Decoder, Link, Reason};

fn seconds(seconds: i64) -> Time {
    Time::from_parts(seconds, 0)
}

fn decoder() -> Decoder {
    Decoder::new(Limits::default())
}

/// What came of a raw IP packet: the payload of the datagram, and the whole packet.
fn whole(decoded: &Decoded<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    match decoded {
        Decoded::Datagram(datagram) => {
            assert!(!datagram.truncated);
            Some((datagram.payload.to_vec(), datagram.packet?.to_vec()))
        }
        Decoded::Held => None,
        other => panic!("{other:?}"),
    }
}

/// Every fragment that came waits or came to one result, and the bounds hold.
#[track_caller]
fn assert_sound(decoder: &Decoder, limits: Limits) {
    let counts = decoder.fragments();
    let results: u64 = FragmentResult::ALL.iter().map(|result| counts.of(*result)).sum();
    assert_eq!(counts.received, counts.waiting + results);
    assert!(counts.packets <= limits.packets && counts.bytes <= limits.bytes);
    assert_eq!(counts.packets == 0, counts.bytes == 0);
    assert_eq!(counts.packets == 0, counts.waiting == 0);
}

fn permutations(items: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|mut tail| {
            tail.insert(0, first.clone());
            tail
        }));
    }
    all
}

fn invite() -> Vec<u8> {
    (0..1001usize).map(|at| (at % 251) as u8).collect()
}

#[test]
fn four_fragments_in_any_order() {
    let datagram = udp(&invite());
    let parts = [0..400, 400..408, 408..1000, 1000..1009];
    let mut v4 = ipv4(UDP, &datagram);
    set(&mut v4, 4, 7);
    set(&mut v4, 6, 0);
    set(&mut v4, 10, 0);
    let checksum = naive_checksum(&v4[..20]);
    set(&mut v4, 10, usize::from(checksum));
    let v6 = ipv6(UDP, &datagram);
    let of_v4 = parts.clone().map(|part| ipv4_fragment(7, UDP, &datagram, part));
    let of_v6 = parts.map(|part| ipv6_fragment(7, UDP, &datagram, part));
    for (expected, fragments) in [(v4, of_v4), (v6, of_v6)] {
        let orders = permutations(&fragments);
        assert_eq!(orders.len(), 24);
        for order in orders {
            let mut decoder = decoder();
            let [last, first @ ..] = &order[..] else { unreachable!() };
            for fragment in first {
                assert_eq!(decoder.decode(seconds(1), Link::RawIp, fragment), Decoded::Held);
            }
            let found = whole(&decoder.decode(seconds(1), Link::RawIp, last));
            assert_eq!(found, Some((invite(), expected.clone())));
            assert_eq!(decoder.fragments().of(FragmentResult::Reassembled), 4);
            assert_sound(&decoder, Limits::default());
            // What stands in for the frame decodes to the same.
            let again = decoder.decode(seconds(2), Link::RawIp, &expected);
            assert!(matches!(again, Decoded::Datagram(d) if d.payload == invite() && d.packet.is_none()));
        }
    }
}

#[test]
fn the_header_is_that_of_the_first_fragment() {
    let datagram = udp(&invite());
    let mut decoder = decoder();
    let mut first = ipv4_with(&[7, 4, 4, 0], UDP, &datagram[..512]);
    set(&mut first, 4, 3);
    set(&mut first, 6, 0x2000);
    let last = ipv4_fragment(3, UDP, &datagram, 512..1009);
    assert_eq!(decoder.decode(seconds(1), Link::RawIp, &last), Decoded::Held);
    let (_, packet) = whole(&decoder.decode(seconds(1), Link::RawIp, &first)).unwrap();
    assert_eq!(packet.len(), 24 + 1009);
    assert_eq!(packet[..8], [0x46, 0, 4, 9, 0, 3, 0, 0]);
    assert_eq!(packet[20..24], [7, 4, 4, 0]);
    assert_eq!(naive_checksum(&packet[..24]), 0);

    // IPv6: what stands before the fragment header stays, and names what came behind it.
    let rest = extension(UDP, 8, &datagram);
    let part = |range: std::ops::Range<usize>| {
        let more = range.end < rest.len();
        let inner = fragment_header(8, 60, range.start, more, &rest[range]);
        ipv6(0, &extension(43, 8, &extension(FRAGMENT, 16, &inner)))
    };
    assert_eq!(decoder.decode(seconds(1), Link::RawIp, &part(800..1017)), Decoded::Held);
    let (payload, packet) = whole(&decoder.decode(seconds(1), Link::RawIp, &part(0..800))).unwrap();
    assert_eq!(payload, invite());
    assert_eq!(packet, ipv6(0, &extension(43, 8, &extension(60, 16, &rest))));
}

#[test]
fn a_segment_comes_together_too() {
    let segment = tcp(5, &invite());
    let mut decoder = decoder();
    decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(1, TCP, &segment, 0..600));
    match decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(1, TCP, &segment, 600..1025)) {
        Decoded::Segment(segment) => {
            assert_eq!((segment.sequence, segment.payload), (5, &invite()[..]));
            assert_eq!(segment.packet.map(<[u8]>::len), Some(20 + 1025));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_overlap_loses_its_packet() {
    let datagram = udp(&[7; 392]);
    for overlapping in [0..16, 0..80, 8..24, 40..80, 72..400, 72..136, 64..400] {
        let mut decoder = decoder();
        let first = ipv4_fragment(1, UDP, &datagram, 8..80);
        assert_eq!(decoder.decode(seconds(1), Link::RawIp, &first), Decoded::Held);
        let second = ipv4_fragment(1, UDP, &datagram, overlapping.clone());
        let refused = decoder.decode(seconds(1), Link::RawIp, &second);
        assert_eq!(refused, Decoded::Undecodable(Reason::Fragment), "{overlapping:?}");
        assert_eq!(decoder.fragments().of(FragmentResult::Overlapping), 2);
        assert_eq!(decoder.fragments().packets, 0);
        assert_sound(&decoder, Limits::default());
    }
}

#[test]
fn a_second_end_loses_its_packet() {
    let (long, short) = (udp(&[7; 392]), udp(&[7; 232]));
    for (first, second) in [
        (ipv4_fragment(1, UDP, &long, 320..400), ipv4_fragment(1, UDP, &short, 160..240)),
        (ipv4_fragment(1, UDP, &long, 320..360), ipv4_fragment(1, UDP, &short, 160..240)),
        (ipv4_fragment(1, UDP, &short, 160..240), ipv4_fragment(1, UDP, &long, 320..400)),
        (ipv4_fragment(1, UDP, &short, 160..240), ipv4_fragment(1, UDP, &long, 240..320)),
    ] {
        let mut decoder = decoder();
        assert_eq!(decoder.decode(seconds(1), Link::RawIp, &first), Decoded::Held);
        let refused = decoder.decode(seconds(1), Link::RawIp, &second);
        assert_eq!(refused, Decoded::Undecodable(Reason::Fragment));
        assert_eq!(decoder.fragments().packets, 0);
    }
}

#[test]
fn every_fragment_twice_is_one_datagram() {
    let datagram = udp(&invite());
    let parts = [0..400, 400..800, 800..1009].map(|part| ipv4_fragment(1, UDP, &datagram, part));
    let doubled: Vec<_> = parts.iter().flat_map(|part| [part, part]).collect();
    let in_turn: Vec<_> = parts.iter().chain(&parts).collect();
    for order in [doubled, in_turn] {
        let mut decoder = decoder();
        let found = order.iter().filter_map(|f| whole(&decoder.decode(seconds(1), Link::RawIp, f)));
        assert_eq!(found.count(), 1);
        assert_eq!(decoder.fragments().of(FragmentResult::Duplicate), 3);
        assert_eq!(decoder.fragments().packets, 0);
        // Much later the same octets are another packet.
        let found = parts.iter().filter_map(|f| whole(&decoder.decode(seconds(9), Link::RawIp, f)));
        assert_eq!(found.count(), 1);
    }
}

#[test]
fn an_identification_used_again_begins_anew() {
    let (lost, found) = (udp(&[1; 392]), udp(&[2; 392]));
    let mut decoder = decoder();
    decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(1, UDP, &lost, 0..200));
    decoder.decode(seconds(2), Link::RawIp, &ipv4_fragment(1, UDP, &found, 0..200));
    let last = ipv4_fragment(1, UDP, &found, 200..400);
    let decoded = decoder.decode(seconds(2), Link::RawIp, &last);
    assert_eq!(whole(&decoded).map(|(payload, _)| payload), Some(vec![2; 392]));
    assert_eq!(decoder.fragments().of(FragmentResult::Overlapping), 1);
    assert_sound(&decoder, Limits::default());
}

#[test]
fn a_packet_with_a_fragment_lost_times_out() {
    let datagram = udp(&[1; 392]);
    let (first, last) =
        (ipv4_fragment(1, UDP, &datagram, 0..200), ipv4_fragment(1, UDP, &datagram, 200..400));
    let other = ipv4_fragment(2, UDP, &datagram, 0..200);
    let mut decoder = decoder();
    decoder.decode(seconds(100), Link::RawIp, &first);
    decoder.decode(seconds(130), Link::RawIp, &other);
    assert_eq!(decoder.fragments().of(FragmentResult::TimedOut), 0);
    // Too late for the first: it waits alone.
    assert_eq!(decoder.decode(seconds(131), Link::RawIp, &last), Decoded::Held);
    assert_eq!(decoder.fragments().of(FragmentResult::TimedOut), 1);
    assert_eq!(decoder.fragments().packets, 2);
    // A clock set back by more than the time-out ends them, too, once that is sure.
    decoder.decode(seconds(1), Link::RawIp, &first);
    assert_eq!(decoder.fragments().of(FragmentResult::TimedOut), 2);
    decoder.decode(seconds(1), Link::RawIp, &first);
    assert_eq!(decoder.fragments().of(FragmentResult::TimedOut), 3);
    assert_sound(&decoder, Limits::default());
}

#[test]
fn one_fragment_of_a_wild_time_ends_no_other_packet() {
    let datagram = udp(&[1; 392]);
    let [first, last] = [0..200, 200..400].map(|part| ipv4_fragment(1, UDP, &datagram, part));
    let other = ipv4_fragment(2, UDP, &datagram, 0..200);
    for wild in [0, 9_000_000] {
        let mut decoder = decoder();
        decoder.decode(seconds(1000), Link::RawIp, &first);
        decoder.decode(seconds(wild), Link::RawIp, &other);
        assert!(whole(&decoder.decode(seconds(1000), Link::RawIp, &last)).is_some(), "{wild}");
    }
}

#[test]
fn the_oldest_makes_room() {
    let limits = Limits { packets: 10, bytes: 20_000, ..Limits::default() };
    let datagram = udp(&[1; 1992]);
    let mut decoder = Decoder::new(limits);
    for id in 0..25 {
        decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(id, UDP, &datagram, 0..64));
        assert_sound(&decoder, limits);
    }
    assert_eq!(decoder.fragments().of(FragmentResult::Evicted), 15);
    let gone = ipv4_fragment(14, UDP, &datagram, 64..2000);
    assert_eq!(decoder.decode(seconds(1), Link::RawIp, &gone), Decoded::Held);
    let there = ipv4_fragment(24, UDP, &datagram, 64..2000);
    assert!(whole(&decoder.decode(seconds(1), Link::RawIp, &there)).is_some());
    // By bytes: ten packets would be allowed, not of this size.
    for id in 100..120 {
        decoder.decode(seconds(1), Link::RawIp, &ipv6_fragment(id, UDP, &[0; 9000], 0..8000));
        assert_sound(&decoder, limits);
    }
    assert_eq!(decoder.fragments().packets, 2);
}

#[test]
fn a_fragment_that_cannot_be_is_refused() {
    let datagram = udp(&[1; 392]);
    let fragment = ipv4_fragment(1, UDP, &datagram, 0..200);
    let with = |at: usize, value: usize| {
        let mut packet = fragment.clone();
        set(&mut packet, at, value);
        packet
    };
    for (packet, result) in [
        // Not of whole units, no payload at all, and past what a packet can hold.
        (with(2, 219), FragmentResult::Malformed),
        (with(2, 20), FragmentResult::Malformed),
        (with(2, 0), FragmentResult::Malformed),
        (with(6, 0x3fff), FragmentResult::Malformed),
        (fragment[..100].to_vec(), FragmentResult::Truncated),
        (ipv6_fragment(1, UDP, &datagram, 0..200)[..100].to_vec(), FragmentResult::Truncated),
    ] {
        let mut decoder = decoder();
        let decoded = decoder.decode(seconds(1), Link::RawIp, &packet);
        assert_eq!(decoded, Decoded::Undecodable(Reason::Fragment));
        assert_eq!(decoder.fragments().of(result), 1, "{result}");
        assert_sound(&decoder, Limits::default());
    }
}

#[test]
fn a_fragment_without_a_length_is_no_datagram() {
    let mut packet = ipv6_fragment(1, UDP, &udp(&[1; 392]), 0..200);
    set(&mut packet, 4, 0);
    let decoded = Decoded::Undecodable(Reason::IpLength);
    assert_eq!(decoder().decode(seconds(1), Link::RawIp, &packet), decoded);
}

#[test]
fn a_packet_in_crumbs_is_refused() {
    let datagram = vec![0; 8000];
    let mut decoder = decoder();
    for start in (0..4000).step_by(16) {
        decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(1, UDP, &datagram, start..start + 8));
    }
    assert_eq!(decoder.fragments().waiting, 250);
    for start in (4000..4112).step_by(16) {
        decoder.decode(seconds(1), Link::RawIp, &ipv4_fragment(1, UDP, &datagram, start..start + 8));
    }
    assert_eq!(decoder.fragments().of(FragmentResult::Malformed), 257);
    assert_eq!(decoder.fragments().packets, 0);
}

#[test]
fn a_tunnel_fragmented_inside_and_out_comes_together() {
    let datagram = udp(&invite());
    let mut decoder = decoder();
    let mut found = Vec::new();
    for (id, part) in [(1, 0..504), (2, 504..1009)] {
        let inner = ipv4_fragment(77, UDP, &datagram, part);
        for half in [0..256, 256..inner.len()] {
            let outer = ipv4_fragment(id, 4, &inner, half);
            found.extend(whole(&decoder.decode(seconds(1), Link::RawIp, &outer)));
        }
    }
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, invite());
    assert_eq!(decoder.fragments().of(FragmentResult::Reassembled), 6);
    assert_sound(&decoder, Limits::default());
}

/// Each copy of a packet comes by another way: what differs between mirrors does not keep its fragments apart.
#[test]
fn fragments_of_two_mirrors_come_together() {
    let datagram = udp(&invite());
    let mut halves = [0..504, 504..1009].map(|part| ipv4_fragment(5, UDP, &datagram, part));
    halves[1][8] -= 3;
    halves[1][1] = 0xb8;
    let frames = [
        tagged(&[0x8100], 0x0800, &halves[0]),
        ethernet(0x0800, &ipv4(47, &joined(&[&[0, 0, 8, 0], &halves[1]]))),
        tagged(&[0x88a8, 0x8100], 0x0800, &halves[0]),
        ethernet(0x0800, &halves[1]),
    ];
    let mut decoder = decoder();
    let found: Vec<_> = frames
        .iter()
        .filter_map(|frame| whole(&decoder.decode(seconds(1), Link::Ethernet, frame)))
        .map(|(payload, _)| payload)
        .collect();
    assert_eq!(found, [invite()]);
    assert_eq!(decoder.fragments().of(FragmentResult::Duplicate), 2);
    assert_sound(&decoder, Limits::default());
}

#[test]
fn keeps_no_fragments_of_what_is_neither_udp_nor_tcp() {
    let mut decoder = decoder();
    let ping = ipv4_fragment(1, 1, &[8; 4000], 0..1480);
    assert_eq!(decoder.decode(seconds(1), Link::RawIp, &ping), Decoded::Other(crate::Kind::Icmp));
    assert_eq!(decoder.fragments().received, 0);
}

proptest! {
    #[test]
    fn any_cuts_in_any_order_with_doubles_are_the_datagram(
        length in 1..20_000usize,
        cuts in prop::collection::vec(1..2500usize, 1..40),
        seed: u64,
        is_v4: bool,
    ) {
        let mut seed = Seeded(seed);
        let payload: Vec<u8> = (0..length).map(|_| seed.below(256) as u8).collect();
        let datagram = udp(&payload);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut * 8).filter(|c| *c < datagram.len()).collect();
        ends.push(datagram.len());
        ends.sort_unstable();
        ends.dedup();
        prop_assume!(ends.len() > 1);
        let mut start = 0;
        let mut fragments = Vec::new();
        for end in ends {
            let part = start..end;
            fragments.push(if is_v4 {
                ipv4_fragment(3, UDP, &datagram, part)
            } else {
                ipv6_fragment(3, UDP, &datagram, part)
            });
            start = end;
        }
        let doubles: Vec<_> = fragments.iter().filter(|_| seed.below(4) == 0).cloned().collect();
        fragments.extend(doubles);
        for at in (1..fragments.len()).rev() {
            fragments.swap(at, seed.below(at + 1));
        }
        let mut decoder = decoder();
        let mut found = Vec::new();
        for fragment in &fragments {
            found.extend(whole(&decoder.decode(seconds(1), Link::RawIp, fragment)));
            assert_sound(&decoder, Limits::default());
        }
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].0, &payload);
        let header = if is_v4 { 20 } else { 40 };
        prop_assert_eq!(&found[0].1[header..], &datagram[..]);
        prop_assert_eq!(decoder.fragments().packets, 0);
    }
}

#[test]
fn no_frame_does_harm() {
    let sorts = of_every_sort();
    let limits = Limits { packets: 64, bytes: 16_000, timeout: Span::from_secs(2), ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    let mut seed = Seeded(1);
    let mut datagrams = 0;
    for step in 0..200_000 {
        let (link, frame) = sorts[seed.below(sorts.len())].clone();
        let frame = mutated(frame, &mut seed);
        let at = Time::from_ns(step * 1_000_000 - (seed.below(20) / 19) as i64 * 5_000_000_000);
        if let Decoded::Datagram(datagram) = decoder.decode(at, Link::from(link), &frame) {
            datagrams += 1;
            assert!(datagram.payload.len() <= frame.len().max(512));
        }
        assert_sound(&decoder, limits);
    }
    assert!(datagrams > 50_000);
    for result in [
        FragmentResult::Reassembled,
        FragmentResult::TimedOut,
        FragmentResult::Duplicate,
        FragmentResult::Overlapping,
        FragmentResult::Truncated,
        FragmentResult::Malformed,
    ] {
        assert!(decoder.fragments().of(result) > 0, "{result}");
    }
}
