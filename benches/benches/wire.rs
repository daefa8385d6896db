//! Frames to datagrams: what the decoder asks of each, by how the datagram is wrapped.

use std::fmt;

use benches::{Held, Load};
use clock::Span;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use wire::{Decoded, Decoder, Duplicates, Limits, Link, Sighting};

fn main() {
    divan::main();
}

/// How the datagrams of the generator, which come in plain frames, are wrapped.
#[derive(Clone, Copy)]
enum Wrapping {
    Plain,
    Vlan,
    TwoTags,
    Ipv6,
    Sll,
    Gre,
    Vxlan,
    Erspan2,
    Gtp,
}

impl fmt::Display for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wrapping::Plain => "plain",
            Wrapping::Vlan => "vlan",
            Wrapping::TwoTags => "two_tags",
            Wrapping::Ipv6 => "ipv6",
            Wrapping::Sll => "sll",
            Wrapping::Gre => "gre",
            Wrapping::Vxlan => "vxlan",
            Wrapping::Erspan2 => "erspan2",
            Wrapping::Gtp => "gtp",
        })
    }
}

const ALL: [Wrapping; 9] = [
    Wrapping::Plain,
    Wrapping::Vlan,
    Wrapping::TwoTags,
    Wrapping::Ipv6,
    Wrapping::Sll,
    Wrapping::Gre,
    Wrapping::Vxlan,
    Wrapping::Erspan2,
    Wrapping::Gtp,
];

/// The loop alone: what reading the frames costs, from which the decoder's part is told.
#[divan::bench]
fn bare(bencher: Bencher<'_, '_>) {
    let held = held(Wrapping::Plain);
    bencher.counter(ItemsCount::new(held.len())).counter(BytesCount::new(held.bytes())).bench_local(|| {
        for (at, link, frame) in held.frames() {
            black_box((at, link, frame.first(), frame.last()));
        }
    });
}

#[divan::bench(args = ALL)]
fn decode(bencher: Bencher<'_, '_>, wrapping: Wrapping) {
    let held = held(wrapping);
    let count = held.frames().map(|(at, link, frame)| is_datagram(at, link, frame)).filter(|is| *is).count();
    assert_eq!(count, held.len(), "every frame carries a datagram");
    let mut decoder = Decoder::new(Limits::default());
    bencher.counter(ItemsCount::new(held.len())).counter(BytesCount::new(held.bytes())).bench_local(|| {
        for (at, link, frame) in held.frames() {
            black_box(decoder.decode(at, link, frame));
        }
    });
}

/// The same with the copies of other mirrors looked for, by how many each packet has.
#[divan::bench(args = [0, 1, 3])]
fn decode_and_know_copies(bencher: Bencher<'_, '_>, copies: i64) {
    let held = held(Wrapping::Plain);
    let mut decoder = Decoder::new(Limits::default());
    let mut duplicates = Duplicates::new(Limits::default());
    let (mut later, mut rounds) = (Span::ZERO, 0);
    let frames = held.len() * (1 + copies as usize);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        // What was seen a round before is long over.
        (later, rounds) = (later + Span::from_secs(3600), rounds + 1);
        for (at, link, frame) in held.frames() {
            for copy in 0..=copies {
                let at = at + later + Span::from_ms(copy);
                let Decoded::Datagram(datagram) = decoder.decode(at, link, frame) else { continue };
                // What looks like RTP bears a number.
                let numbered = datagram.payload.first().is_some_and(|first| first >> 6 == 2);
                let sighting = Sighting { at, mirror: 0, frame, numbered };
                black_box(duplicates.handle_datagram(&datagram, &sighting));
            }
        }
    });
    let counts = duplicates.counts();
    assert_eq!((counts.copies, counts.evicted), (rounds * held.len() as u64 * copies as u64, 0));
}

fn is_datagram(at: clock::Time, link: Link, frame: &[u8]) -> bool {
    matches!(Decoder::new(Limits::default()).decode(at, link, frame), Decoded::Datagram(_))
}

/// Five seconds of twenty calls, few enough to stay in the cache: what is measured is the decoder, not the memory.
fn held(wrapping: Wrapping) -> Held {
    let plain = Held::of(Load { calls: 20, seconds: 5, stagger: Span::from_ms(40), ..Load::default() });
    let mut held = Held::default();
    for (at, link, frame) in plain.frames() {
        let (link, frame) = wrapped(wrapping, link, frame).expect("a whole Ethernet frame of IPv4");
        held.push(at, link, &frame);
    }
    held
}

fn wrapped(wrapping: Wrapping, link: Link, frame: &[u8]) -> Option<(Link, Vec<u8>)> {
    let (addresses, rest) = frame.split_first_chunk::<12>()?;
    let (_, packet) = rest.split_first_chunk::<2>()?;
    let tag = [0x81, 0x00, 0x20, 0x64];
    Some(match wrapping {
        Wrapping::Plain => (link, frame.to_vec()),
        Wrapping::Vlan => (link, [&addresses[..], &tag, rest].concat()),
        Wrapping::TwoTags => (link, [&addresses[..], &tag, &tag, rest].concat()),
        Wrapping::Ipv6 => (link, [&addresses[..], &[0x86, 0xdd], &ipv6(packet)?].concat()),
        Wrapping::Sll => {
            let header = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
            (Link::from(LINKTYPE_LINUX_SLL), [&header, packet].concat())
        }
        Wrapping::Gre => (link, mirrored(addresses, GRE, &[&[0x20, 0, 8, 0, 0, 0, 0, 77], packet])),
        Wrapping::Erspan2 => {
            let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 3, 0x10, 100, 0x18, 5, 0, 0, 0, 1];
            (link, mirrored(addresses, GRE, &[&header, frame]))
        }
        Wrapping::Vxlan => {
            (link, mirrored(addresses, UDP, &[&udp(4789, frame), &[8, 0, 0, 0, 0, 0, 1, 0], frame]))
        }
        Wrapping::Gtp => {
            let [high, low] = (packet.len() as u16).to_be_bytes();
            (
                link,
                mirrored(addresses, UDP, &[&udp(2152, packet), &[0x30, 0xff, high, low, 0, 0, 0, 1], packet]),
            )
        }
    })
}

const LINKTYPE_LINUX_SLL: u32 = 113;
const UDP: u8 = 17;
const GRE: u8 = 47;

/// An Ethernet frame of an IPv4 packet between two ends of a tunnel.
fn mirrored(addresses: &[u8; 12], protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    let ends = [203, 0, 113, 1, 203, 0, 113, 2];
    let header = [0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
    [&addresses[..], &[8, 0], &header, &ends, &payload].concat()
}

/// The header of a datagram that holds a tunnel's header of eight octets and `inner`.
fn udp(port: u16, inner: &[u8]) -> [u8; 8] {
    let ([p0, p1], [l0, l1]) = (port.to_be_bytes(), (16 + inner.len() as u16).to_be_bytes());
    [0xc3, 0x50, p0, p1, l0, l1, 0, 0]
}

/// The IPv4 packet as IPv6 carries it, from and to addresses that hold the old ones at their end (RFC 8200).
fn ipv6(packet: &[u8]) -> Option<Vec<u8>> {
    let (header, datagram) = packet.split_first_chunk::<20>()?;
    let prefix = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0];
    let length = (datagram.len() as u16).to_be_bytes();
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let (source, destination) = ([s0, s1, s2, s3], [d0, d1, d2, d3]);
    Some(
        [&[0x60, 0, 0, 0], &length[..], &[17, 64], &prefix, &source, &prefix, &destination, datagram]
            .concat(),
    )
}
