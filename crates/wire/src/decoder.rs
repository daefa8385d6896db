//! The decoder of one source of frames: a quick look for the plain frame, the walk for any other, and the
//! fragments that wait.

use std::mem;

use clock::Time;
use flow::{Path, Wrapping};

use crate::fast;
use crate::fragment::Fragment;
use crate::fragment_counts::FragmentCounts;
use crate::fragments::{Added, Fragments, Limits};
use crate::layer::{self, Layer};
use crate::link::Link;
use crate::packet::{Datagram, Kind, Packet, Reason, Segment};

/// How often a packet put together may hold a fragment again: a tunnel whose inside was fragmented, too.
const MAX_NESTING: usize = 3;

/// What a frame was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// A UDP datagram.
    Datagram(Datagram<'a>),
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A fragment, which waits for the others of its packet or had come before.
    Held,
    /// Something else that was understood.
    Other(Kind),
    /// Nothing could be made of it.
    Undecodable(Reason),
}

/// Decodes the frames of one source. It holds the fragments of packets that are not whole yet, within its limits.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    /// The last packet that was put together.
    whole: Vec<u8>,
    /// The wrappings of the last frame that had any.
    path: Path,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Decoder { fragments: Fragments::new(limits), whole: Vec::new(), path: Path::NONE }
    }

    /// Decodes a frame of the link type `link`, captured `at`. What comes out borrows the frame, or the decoder where
    /// the frame completed a packet of fragments.
    #[inline]
    pub fn decode<'a>(&'a mut self, at: Time, link: Link, frame: &'a [u8]) -> Decoded<'a> {
        if link == Link::Ethernet
            && let Some((datagram, vlan)) = fast::plain(frame)
        {
            let Some(vlan) = vlan else { return Decoded::Datagram(datagram) };
            self.path = Path::of(Wrapping::Vlan, Some(u32::from(vlan)));
            return Decoded::Datagram(Datagram { path: &self.path, ..datagram });
        }
        self.decode_any(at, link, frame)
    }

    /// The fragments that came, and what became of them.
    #[must_use]
    pub fn fragments(&self) -> &FragmentCounts {
        self.fragments.counts()
    }

    #[inline(never)]
    fn decode_any<'a>(&'a mut self, at: Time, link: Link, frame: &'a [u8]) -> Decoded<'a> {
        self.path = Path::NONE;
        match layer::decode(link, frame, &mut self.path) {
            Packet::Fragment(fragment) => self.reassemble(at, &fragment),
            packet => decoded(packet, None, &self.path),
        }
    }

    fn reassemble(&mut self, at: Time, fragment: &Fragment<'_>) -> Decoded<'_> {
        let mut added = self.fragments.add(at, fragment, &mut self.whole);
        for _ in 1..MAX_NESTING {
            if added != Added::Whole {
                break;
            }
            let outer = mem::take(&mut self.whole);
            let mut path = self.path;
            let Packet::Fragment(inner) = layer::walk(Layer::Ip(&outer), &mut path) else {
                self.whole = outer;
                break;
            };
            self.path = path;
            added = self.fragments.add(at, &inner, &mut self.whole);
        }
        match added {
            Added::Held => Decoded::Held,
            Added::Refused => Decoded::Undecodable(Reason::Fragment),
            Added::Whole => {
                let packet = layer::walk(Layer::Ip(&self.whole), &mut self.path);
                decoded(packet, Some(&self.whole), &self.path)
            }
        }
    }
}

/// What the walk found along `path`, of the `packet` that was put together for it.
fn decoded<'a>(found: Packet<'a>, packet: Option<&'a [u8]>, path: &'a Path) -> Decoded<'a> {
    match found {
        Packet::Datagram(datagram) => Decoded::Datagram(Datagram { packet, path, ..datagram }),
        Packet::Segment(segment) => Decoded::Segment(Segment { packet, path, ..segment }),
        Packet::Other(kind) => Decoded::Other(kind),
        Packet::Undecodable(reason) => Decoded::Undecodable(reason),
        // Nested deeper than `MAX_NESTING`.
        Packet::Fragment(_) => Decoded::Undecodable(Reason::TooDeep),
    }
}

#[cfg(test)]
mod tests {
    use flow::{Address, Endpoint, Flow};

    use super::*;
    use crate::frames::*;

    const AT: Time = Time::from_ns(1_000_000_000);
    const VOICE: &[u8] = b"\x80\x00voice";

    fn flow() -> Flow {
        Flow::new(Endpoint::new(Address::v4(ALICE), 20000), Endpoint::new(Address::v4(BOB), 30000))
    }

    fn flow_v6() -> Flow {
        Flow::new(Endpoint::new(Address::v6(ALICE_V6), 20000), Endpoint::new(Address::v6(BOB_V6), 30000))
    }

    fn voice(flow: Flow) -> Decoded<'static> {
        Decoded::Datagram(Datagram {
            flow,
            id: 0,
            payload: VOICE,
            truncated: false,
            packet: None,
            path: &Path::NONE,
        })
    }

    fn decoder() -> Decoder {
        Decoder::new(Limits::default())
    }

    #[track_caller]
    fn assert_decodes(link: Link, frame: &[u8], expected: Decoded<'_>) {
        assert_eq!(bare(decoder().decode(AT, link, frame)), expected);
        // The walk alone must say the same as with the quick look before it.
        assert_eq!(bare(decoder().decode_any(AT, link, frame)), expected);
        assert_eq!(
            path_of(decoder().decode(AT, link, frame)),
            path_of(decoder().decode_any(AT, link, frame))
        );
    }

    /// Without the path, which is held against its builder in `stacks`.
    fn bare(decoded: Decoded<'_>) -> Decoded<'_> {
        match decoded {
            Decoded::Datagram(datagram) => Decoded::Datagram(Datagram { path: &Path::NONE, ..datagram }),
            Decoded::Segment(segment) => Decoded::Segment(Segment { path: &Path::NONE, ..segment }),
            other => other,
        }
    }

    fn path_of(decoded: Decoded<'_>) -> Path {
        match decoded {
            Decoded::Datagram(datagram) => *datagram.path,
            Decoded::Segment(segment) => *segment.path,
            _ => Path::NONE,
        }
    }

    #[test]
    fn opens_every_link_type() {
        let v4 = ipv4(UDP, &udp(VOICE));
        let v6 = ipv6(UDP, &udp(VOICE));
        let sll = |protocol: [u8; 2]| joined(&[&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol]);
        let sll2 =
            |protocol: [u8; 2]| joined(&[&protocol, &[0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]]);
        for (number, header) in [
            (0, vec![2, 0, 0, 0]),
            (0, vec![0, 0, 0, 2]),
            (108, vec![0, 0, 0, 2]),
            (1, ethernet(0x0800, &[])),
            (12, vec![]),
            (14, vec![]),
            (101, vec![]),
            (228, vec![]),
            (113, sll([8, 0])),
            (113, joined(&[&sll([0x81, 0]), &[0, 100, 8, 0]])),
            (276, sll2([8, 0])),
            (276, joined(&[&sll2([0x88, 0xa8]), &[0, 1, 0x81, 0, 0, 2, 8, 0]])),
        ] {
            assert_decodes(Link::from(number), &joined(&[&header, &v4]), voice(flow()));
        }
        for (number, header) in [
            (0, vec![10, 0, 0, 0]),
            (0, vec![24, 0, 0, 0]),
            (0, vec![0, 0, 0, 28]),
            (108, vec![0, 0, 0, 30]),
            (1, ethernet(0x86dd, &[])),
            (101, vec![]),
            (229, vec![]),
            (113, sll([0x86, 0xdd])),
            (276, sll2([0x86, 0xdd])),
        ] {
            assert_decodes(Link::from(number), &joined(&[&header, &v6]), voice(flow_v6()));
        }
    }

    #[test]
    fn says_of_what_it_cannot_open_why() {
        let v4 = ipv4(UDP, &udp(VOICE));
        let unknown = Link::from(147);
        assert_eq!(unknown, Link::Unknown(147));
        assert_decodes(unknown, &v4, Decoded::Undecodable(Reason::LinkType));
        assert_decodes(Link::Null, &joined(&[&[7, 0, 0, 0], &v4]), Decoded::Other(Kind::OtherNetwork));
        let netlink = joined(&[&[0, 4, 3, 56], &[0; 10], &[8, 0], &v4]);
        assert_decodes(Link::LinuxSll, &netlink, Decoded::Other(Kind::OtherNetwork));
        assert_decodes(Link::LinuxSll, &netlink[..15], Decoded::Undecodable(Reason::CutLinkHeader));
        assert_decodes(Link::LinuxSll2, &netlink[..19], Decoded::Undecodable(Reason::CutLinkHeader));
        assert_decodes(Link::Null, &[2, 0, 0], Decoded::Undecodable(Reason::CutLinkHeader));
        assert_decodes(Link::RawIp, &[], Decoded::Undecodable(Reason::CutIpHeader));
        assert_decodes(Link::RawIp, &[0x55; 40], Decoded::Undecodable(Reason::IpVersion));
        assert_decodes(Link::RawIp, &[0x44; 40], Decoded::Undecodable(Reason::IpLength));
        let mut short = v4;
        set(&mut short, 2, 19);
        assert_decodes(Link::RawIp, &short, Decoded::Undecodable(Reason::IpLength));
        for (ether_type, kind) in [
            (0x0806, Kind::Arp),
            (0x88e5, Kind::Tunnel),
            (0x88cc, Kind::OtherNetwork),
            (0x0026, Kind::Llc),
            (0x8863, Kind::Ppp),
        ] {
            assert_decodes(Link::Ethernet, &ethernet(ether_type, &[0; 46]), Decoded::Other(kind));
        }
        for (protocol, kind) in [
            (1, Kind::Icmp),
            (2, Kind::Igmp),
            (47, Kind::Tunnel),
            (50, Kind::Esp),
            (132, Kind::Sctp),
            (89, Kind::OtherTransport),
        ] {
            assert_decodes(Link::RawIp, &ipv4(protocol, &[0; 64]), Decoded::Other(kind));
        }
        assert_decodes(Link::RawIp, &ipv6(58, &[0; 64]), Decoded::Other(Kind::Icmp));
    }

    #[test]
    fn takes_any_tags_off() {
        let v4 = ipv4(UDP, &udp(VOICE));
        let v6 = ipv6(UDP, &udp(VOICE));
        for tags in [
            &[0x8100][..],
            &[0x88a8],
            &[0x88a8, 0x8100],
            &[0x9100, 0x8100],
            &[0x8100, 0x8100, 0x8100],
            &[0x88a8, 0x8100, 0x8100, 0x8100],
            &[0x8100; 8],
        ] {
            assert_decodes(Link::Ethernet, &tagged(tags, 0x0800, &v4), voice(flow()));
            assert_decodes(Link::Ethernet, &tagged(tags, 0x86dd, &v6), voice(flow_v6()));
        }
        assert_decodes(
            Link::Ethernet,
            &tagged(&[0x8100; 40], 0x0800, &v4),
            Decoded::Undecodable(Reason::TooDeep),
        );
    }

    #[test]
    fn opens_pppoe_snap_and_ip_in_ip() {
        let v4 = ipv4(UDP, &udp(VOICE));
        let v6 = ipv6(UDP, &udp(VOICE));
        let pppoe = |code: u8, protocol: [u8; 2], packet: &[u8]| {
            let mut header = [0x11, code, 0, 1, 0, 0];
            set(&mut header, 4, 2 + packet.len());
            ethernet(0x8864, &joined(&[&header, &protocol, packet, &[0; 9]]))
        };
        assert_decodes(Link::Ethernet, &pppoe(0, [0, 0x21], &v4), voice(flow()));
        assert_decodes(Link::Ethernet, &pppoe(0, [0, 0x57], &v6), voice(flow_v6()));
        assert_decodes(Link::Ethernet, &pppoe(0, [0xc0, 0x21], &v4), Decoded::Other(Kind::Ppp));
        assert_decodes(Link::Ethernet, &pppoe(7, [0, 0x21], &v4), Decoded::Other(Kind::Ppp));
        // Where no other length is left, that of PPPoE keeps the padding out.
        let mut offloaded = v4.clone();
        set(&mut offloaded, 2, 0);
        set(&mut offloaded, 24, 0);
        assert_decodes(Link::Ethernet, &pppoe(0, [0, 0x21], &offloaded), voice(flow()));
        let snap = joined(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4]);
        assert_decodes(Link::Ethernet, &ethernet(snap.len() as u16, &snap), voice(flow()));
        assert_decodes(Link::Ethernet, &ethernet(0x0800, &ipv4(4, &v4)), voice(flow()));
        assert_decodes(Link::Ethernet, &ethernet(0x0800, &ipv4(41, &v6)), voice(flow_v6()));
        assert_decodes(Link::Ethernet, &ethernet(0x86dd, &ipv6(4, &v4)), voice(flow()));
        let deep = (0..40).fold(v4, |inner, _| ipv4(4, &inner));
        assert_decodes(Link::RawIp, &deep, Decoded::Undecodable(Reason::TooDeep));
    }

    #[test]
    fn passes_over_options_and_extension_headers() {
        let datagram = udp(VOICE);
        assert_decodes(Link::RawIp, &ipv4_with(&[1; 12], UDP, &datagram), voice(flow()));
        let authentication = joined(&[&[UDP, 4], &[0; 22], &datagram]);
        assert_decodes(Link::RawIp, &ipv4(51, &authentication), voice(flow()));
        assert_decodes(Link::RawIp, &ipv6(51, &authentication), voice(flow_v6()));
        let atomic = fragment_header(9, UDP, 0, false, &datagram);
        let all = extension(43, 16, &extension(60, 24, &extension(FRAGMENT, 8, &atomic)));
        assert_decodes(Link::RawIp, &ipv6(0, &all), voice(flow_v6()));
        let late = ipv6(60, &extension(0, 8, &extension(UDP, 8, &datagram)));
        assert_decodes(Link::RawIp, &late, Decoded::Undecodable(Reason::IpExtension));
        let cut = ipv6(0, &extension(60, 8, &[UDP, 9, 0, 0]));
        assert_decodes(Link::RawIp, &cut, Decoded::Undecodable(Reason::CutIpHeader));
    }

    #[test]
    fn an_icmp_error_that_quotes_a_datagram_is_no_traffic() {
        let quoted = joined(&[&[3, 3, 0, 0, 0, 0, 0, 0], &ipv4(UDP, &udp(VOICE))]);
        assert_decodes(Link::Ethernet, &ethernet(0x0800, &ipv4(1, &quoted)), Decoded::Other(Kind::Icmp));
        let quoted = joined(&[&[1, 4, 0, 0, 0, 0, 0, 0], &ipv6(UDP, &udp(VOICE))]);
        assert_decodes(Link::Ethernet, &ethernet(0x86dd, &ipv6(58, &quoted)), Decoded::Other(Kind::Icmp));
    }

    #[test]
    fn takes_a_segment() {
        let frame = ethernet(0x0800, &ipv4(TCP, &tcp(0xdead_beef, b"REGISTER")));
        let expected = |payload: &'static [u8], truncated| {
            Decoded::Segment(Segment {
                flow: Flow::new(
                    Endpoint::new(Address::v4(ALICE), 5060),
                    Endpoint::new(Address::v4(BOB), 5062),
                ),
                id: 0,
                sequence: 0xdead_beef,
                acknowledgment: 7,
                flags: crate::Flags(0b0001_1000),
                payload,
                truncated,
                packet: None,
                path: &Path::NONE,
            })
        };
        assert_decodes(Link::Ethernet, &joined(&[&frame, &[0xee; 6]]), expected(b"REGISTER", false));
        assert_decodes(Link::Ethernet, &frame[..frame.len() - 3], expected(b"REGIS", true));
        assert_decodes(Link::Ethernet, &frame[..57], Decoded::Undecodable(Reason::CutTransportHeader));
        let mut bad = frame;
        bad[14 + 20 + 12] = 0x40;
        assert_decodes(Link::Ethernet, &bad, Decoded::Undecodable(Reason::TransportLength));
    }

    #[test]
    fn lengths_bound_the_payload_and_padding_stays_out() {
        for trailer in [1, 11, 46, 400] {
            let padding = vec![0xee; trailer];
            for packet in [ipv4(UDP, &udp(VOICE)), ipv4_with(&[1; 8], UDP, &udp(VOICE))] {
                assert_decodes(
                    Link::Ethernet,
                    &ethernet(0x0800, &joined(&[&packet, &padding])),
                    voice(flow()),
                );
            }
            let v6 = joined(&[&ipv6(UDP, &udp(VOICE)), &padding]);
            assert_decodes(Link::Ethernet, &tagged(&[0x8100], 0x86dd, &v6), voice(flow_v6()));
            // The UDP length ends before the IP packet does.
            let inside = ipv4(UDP, &joined(&[&udp(VOICE), &padding]));
            assert_decodes(Link::Ethernet, &ethernet(0x0800, &inside), voice(flow()));
        }
    }

    #[test]
    fn reads_lengths_laxly() {
        let datagram = |payload: &'static [u8], truncated| {
            Decoded::Datagram(Datagram {
                flow: flow(),
                id: 0,
                payload,
                truncated,
                packet: None,
                path: &Path::NONE,
            })
        };
        let packet = ipv4(UDP, &udp(VOICE));
        let with = |at: usize, value: usize| {
            let mut packet = packet.clone();
            set(&mut packet, at, value);
            packet
        };
        // Segmentation offload leaves the total length to the card: the UDP length bounds the payload.
        assert_decodes(Link::RawIp, &joined(&[&with(2, 0), &[0xee; 9]]), datagram(VOICE, false));
        assert_decodes(Link::RawIp, &with(24, 0), datagram(VOICE, false));
        assert_decodes(Link::RawIp, &joined(&[&with(24, 0), &[0xee; 9]]), datagram(VOICE, false));
        assert_decodes(Link::RawIp, &with(24, 0)[..33], datagram(&VOICE[..5], true));
        assert_decodes(Link::RawIp, &with(24, 900), datagram(VOICE, true));
        assert_decodes(Link::RawIp, &joined(&[&with(24, 900), &[0xee; 9]]), datagram(VOICE, true));
        assert_decodes(Link::RawIp, &with(24, 7), Decoded::Undecodable(Reason::TransportLength));
        // All of the datagram is there, though not all that the IP header names.
        assert_decodes(Link::RawIp, &with(2, 500), datagram(VOICE, false));
        let mut offloaded = ipv6(UDP, &udp(VOICE));
        set(&mut offloaded, 4, 0);
        assert_decodes(Link::RawIp, &joined(&[&offloaded, &[0xee; 9]]), voice(flow_v6()));
    }

    #[test]
    fn a_frame_cut_anywhere_gives_what_it_holds() {
        let payload: Vec<u8> = (0..100).collect();
        let inner = udp(&payload);
        let frames = [
            ethernet(0x0800, &ipv4(UDP, &inner)),
            tagged(&[0x88a8, 0x8100, 0x8100, 0x8100], 0x0800, &ipv4_with(&[1; 16], UDP, &inner)),
            tagged(&[0x8100], 0x86dd, &ipv6(0, &extension(60, 16, &extension(UDP, 8, &inner)))),
            ethernet(0x0800, &ipv4(41, &ipv6(UDP, &inner))),
        ];
        for frame in frames {
            let headers = frame.len() - payload.len();
            let padded = joined(&[&frame, &[0xee; 20]]);
            for length in 0..=padded.len() {
                match decoder().decode(AT, Link::Ethernet, &padded[..length]) {
                    Decoded::Datagram(datagram) => {
                        assert!(length >= headers);
                        assert_eq!(datagram.payload, &payload[..payload.len().min(length - headers)]);
                        assert_eq!(datagram.truncated, length < frame.len(), "{length}");
                    }
                    Decoded::Undecodable(_) => assert!(length < headers, "{length}"),
                    other => panic!("{length}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn every_label_is_another() {
        let mut labels: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        labels.extend(Reason::ALL.iter().map(|reason| reason.as_str()));
        labels.extend(crate::FragmentResult::ALL.iter().map(|result| result.as_str()));
        assert!(labels.iter().all(|label| label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all);
    }
}
