//! Frames for the tests, built octet by octet and without the code that they test.

use crate::wrappers::{Form, framed};

/// Two hosts; the octets of their IPv4 addresses.
pub(crate) const ALICE: [u8; 4] = [192, 0, 2, 10];
pub(crate) const BOB: [u8; 4] = [198, 51, 100, 20];
pub(crate) const ALICE_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(crate) const BOB_V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const FRAGMENT: u8 = 44;

/// Puts 16 bits into `octets` at `at`.
pub(crate) fn set(octets: &mut [u8], at: usize, value: usize) {
    octets[at..at + 2].copy_from_slice(&u16::try_from(value).unwrap().to_be_bytes());
}

pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// From port 20000 to port 30000.
pub(crate) fn udp(payload: &[u8]) -> Vec<u8> {
    let mut header = [0x4e, 0x20, 0x75, 0x30, 0, 0, 0xbe, 0xef];
    set(&mut header, 4, 8 + payload.len());
    joined(&[&header, payload])
}

/// From port 5060 to port 5062, PSH and ACK, four octets of options.
pub(crate) fn tcp(sequence: u32, payload: &[u8]) -> Vec<u8> {
    let ports = [0x13, 0xc4, 0x13, 0xc6];
    let rest = [0, 0, 0, 7, 0x60, 0b0001_1000, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 1];
    joined(&[&ports, &sequence.to_be_bytes(), &rest, payload])
}

/// An IPv4 packet from Alice to Bob with `options`, of a multiple of four octets.
pub(crate) fn ipv4_with(options: &[u8], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut fixed = [0u8; 20];
    fixed[0] = 0x45 + u8::try_from(options.len() / 4).unwrap();
    set(&mut fixed, 2, 20 + options.len() + payload.len());
    fixed[6] = 0x40;
    fixed[8] = 64;
    fixed[9] = protocol;
    fixed[12..16].copy_from_slice(&ALICE);
    fixed[16..20].copy_from_slice(&BOB);
    let mut packet = joined(&[&fixed, options, payload]);
    let checksum = naive_checksum(&packet[..20 + options.len()]);
    set(&mut packet, 10, usize::from(checksum));
    packet
}

pub(crate) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(&[], protocol, payload)
}

/// RFC 1071 as its words say it: the one's complement of the one's complement sum.
pub(crate) fn naive_checksum(octets: &[u8]) -> u16 {
    let mut sum = 0u16;
    for word in octets.chunks(2) {
        let (next, carry) = sum.overflowing_add(u16::from_be_bytes([word[0], word[1]]));
        sum = next + u16::from(carry);
    }
    !sum
}

/// An IPv6 packet from Alice to Bob; `payload` begins with what `next_header` names.
pub(crate) fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 40];
    header[0] = 0x60;
    set(&mut header, 4, payload.len());
    header[6] = next_header;
    header[7] = 64;
    header[8..24].copy_from_slice(&ALICE_V6);
    header[24..40].copy_from_slice(&BOB_V6);
    joined(&[&header, payload])
}

/// An extension header of `octets` octets (a multiple of eight) in front of `payload`.
pub(crate) fn extension(next_header: u8, octets: usize, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0u8; octets];
    header[0] = next_header;
    header[1] = u8::try_from(octets / 8 - 1).unwrap();
    joined(&[&header, payload])
}

pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    joined(&[&addresses, &ether_type.to_be_bytes(), payload])
}

/// An Ethernet frame with `tags`, the outermost first.
pub(crate) fn tagged(tags: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut types: Vec<u16> = tags.to_vec();
    types.push(ether_type);
    let mut rest = Vec::new();
    for inner in &types[1..] {
        rest.extend([0x20, 0x64]);
        rest.extend(inner.to_be_bytes());
    }
    rest.extend(payload);
    ethernet(types[0], &rest)
}

/// Part of the payload of an IPv4 packet as a fragment with the identification `id`.
pub(crate) fn ipv4_fragment(id: u16, protocol: u8, payload: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
    let more = part.end < payload.len();
    let mut packet = ipv4(protocol, &payload[part.clone()]);
    set(&mut packet, 4, usize::from(id));
    set(&mut packet, 6, (part.start / 8) | (usize::from(more) << 13));
    packet
}

/// The same of an IPv6 packet, with nothing in front of the fragment header.
pub(crate) fn ipv6_fragment(id: u32, protocol: u8, payload: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
    let more = part.end < payload.len();
    ipv6(FRAGMENT, &fragment_header(id, protocol, part.start, more, &payload[part]))
}

/// IPv6's fragment header in front of `payload`.
pub(crate) fn fragment_header(id: u32, protocol: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = [protocol, 0, 0, 0, 0, 0, 0, 0];
    set(&mut header, 2, offset | usize::from(more));
    header[4..8].copy_from_slice(&id.to_be_bytes());
    joined(&[&header, payload])
}

/// Pseudo-random numbers (SplitMix64) that are the same in every run.
pub(crate) struct Seeded(pub u64);

impl Seeded {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound
    }
}

/// One frame of every sort: link types by number, tags, tunnels, extension headers, fragments.
pub(crate) fn of_every_sort() -> Vec<(u32, Vec<u8>)> {
    let voice = udp(&[0x80; 172]);
    let (v4, v6) = (ipv4(UDP, &voice), ipv6(UDP, &voice));
    let sll = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let sll2 = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    let extended = ipv6(0, &extension(60, 16, &extension(43, 8, &extension(UDP, 8, &voice))));
    let unfragmentable = extension(FRAGMENT, 16, &fragment_header(5, UDP, 0, true, &voice[..96]));
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0];
    let mut sorts = vec![
        (1, ethernet(0x0800, &v4)),
        (1, ethernet(0x86dd, &v6)),
        (1, tagged(&[0x8100], 0x0800, &v4)),
        (1, tagged(&[0x8100], 0x86dd, &v6)),
        (1, tagged(&[0x88a8, 0x8100, 0x8100, 0x8100], 0x0800, &v4)),
        (1, ethernet(0x0800, &ipv4_with(&[1; 16], UDP, &voice))),
        (1, ethernet(0x86dd, &extended)),
        (1, ethernet(0x0800, &ipv4(TCP, &tcp(1, b"OPTIONS")))),
        (1, ethernet(0x0800, &ipv4(41, &v6))),
        (1, ethernet(0x8864, &joined(&[&[0x11, 0, 0, 1, 0, 202, 0, 0x21], &v4]))),
        (1, ethernet(208, &joined(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4]))),
        (1, ethernet(0x0800, &ipv4_fragment(7, UDP, &voice, 0..96))),
        (1, ethernet(0x0800, &ipv4_fragment(7, UDP, &voice, 96..180))),
        (1, ethernet(0x0800, &ipv4_fragment(8, 4, &v4, 0..104))),
        (1, ethernet(0x0800, &ipv4_fragment(8, 4, &v4, 104..200))),
        (1, ethernet(0x86dd, &ipv6_fragment(9, UDP, &voice, 0..64))),
        (1, ethernet(0x86dd, &ipv6_fragment(9, UDP, &voice, 64..180))),
        (1, ethernet(0x86dd, &ipv6(0, &unfragmentable))),
        (0, joined(&[&[24, 0, 0, 0], &v6])),
        (101, v4.clone()),
        (113, joined(&[&sll, &v4])),
        (276, joined(&[&sll2, &v6])),
        (9, joined(&[&[0xff, 3, 0, 0x21], &v4])),
        (50, joined(&[&[0x0f, 0, 0x86, 0xdd], &v6])),
        (105, wlan(0x88, 1, &[0, 0], 0x0800, &v4)),
        (127, joined(&[&radiotap, &wlan(8, 2, &[], 0x86dd, &v6)])),
        (239, joined(&[&[2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0, 208, 0, 9, 0], &v4])),
    ];
    for wrapper in crate::wrappers::ALL {
        let inner = match wrapper.takes {
            Form::Packet => v4.clone(),
            Form::Frame => framed(&v4),
        };
        let (outside, _) = (wrapper.wrap)(&inner, 6);
        sorts.push((1, if wrapper.makes == Form::Packet { framed(&outside) } else { outside }));
    }
    sorts
}

/// An IEEE 802.11 frame with `between` (QoS and the like) between its header and LLC.
pub(crate) fn wlan(kind: u8, flags: u8, between: &[u8], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let snap = joined(&[&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type.to_be_bytes()]);
    joined(&[&[kind, flags], &[2; 20], &[0x10, 0], between, &snap, packet])
}

/// Changes a few octets of a frame, and may cut it or put octets behind it.
pub(crate) fn mutated(mut frame: Vec<u8>, seed: &mut Seeded) -> Vec<u8> {
    for _ in 0..seed.below(4) {
        // The headers more often than what they carry.
        let reach = if seed.below(4) == 0 { frame.len() } else { frame.len().min(64) };
        let at = seed.below(reach);
        frame[at] = match seed.below(3) {
            0 => seed.below(256) as u8,
            1 => frame[at] ^ (1 << seed.below(8)),
            _ => [0, 1, 5, 8, 0x40, 0x7f, 0x80, 0xff][seed.below(8)],
        };
    }
    match seed.below(8) {
        0 => frame.truncate(1 + seed.below(frame.len())),
        1 => frame.extend(vec![0xee; seed.below(64)]),
        _ => {}
    }
    frame
}
