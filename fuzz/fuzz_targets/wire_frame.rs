//! Frames of any link types, one after the other into one decoder: what comes out lies within what went in, and every
//! fragment is counted once. A frame is its link type, its length in two octets, and its bytes.
#![no_main]

use clock::{Span, Time};
use libfuzzer_sys::fuzz_target;
use wire::{Decoded, Decoder, FragmentCounts, FragmentResult, Limits, Link};

const LIMITS: Limits = Limits {
    packets: 3,
    bytes: 8192,
    timeout: Span::from_secs(30),
    duplicates: 64,
    duplicate_window: Span::from_ms(300),
};
const LINKS: [u32; 16] = [1, 101, 0, 108, 113, 276, 228, 229, 147, 9, 50, 51, 104, 105, 127, 239];

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(LIMITS);
    let mut rest = bytes;
    let mut at = Time::default();
    while let Some((&[link, high, low], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high & 0x07, low])).min(behind.len());
        let (frame, next) = behind.split_at(length);
        at += Span::from_secs(i64::from(high >> 3));
        let link = Link::from(LINKS[usize::from(link) % LINKS.len()]);
        look_at(decoder.decode(at, link, frame), frame);
        adds_up(decoder.fragments());
        rest = next;
    }
});

fn look_at(decoded: Decoded<'_>, frame: &[u8]) {
    let (flow, payload, packet) = match decoded {
        Decoded::Datagram(datagram) => (datagram.flow, datagram.payload, datagram.packet),
        Decoded::Segment(segment) => (segment.flow, segment.payload, segment.packet),
        Decoded::Held | Decoded::Other(_) | Decoded::Undecodable(_) => return,
    };
    let whole = packet.unwrap_or(frame);
    assert!(lies_within(payload, whole), "a payload is part of its frame, or of the packet put together");
    let Some(packet) = packet else { return };
    match Decoder::new(LIMITS).decode(Time::default(), Link::RawIp, packet) {
        Decoded::Datagram(again) => assert_eq!((again.flow, again.payload), (flow, payload)),
        Decoded::Segment(again) => assert_eq!((again.flow, again.payload), (flow, payload)),
        other => panic!("a packet put together stands for its datagram: {other:?}"),
    }
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.start == part.end || (whole.start <= part.start && part.end <= whole.end)
}

fn adds_up(counts: &FragmentCounts) {
    let done: u64 = FragmentResult::ALL.iter().map(|&result| counts.of(result)).sum();
    assert_eq!(counts.received, counts.waiting + done);
    assert!(counts.packets <= LIMITS.packets && counts.bytes <= LIMITS.bytes);
    assert_eq!(counts.packets == 0, counts.waiting == 0);
}
