//! The frame that nearly all frames are: Ethernet, at most one tag, IP without options or fragmentation, UDP, whole.
//!
//! It is told by a handful of comparisons; whatever is not quite so is left to `layer`, which comes to the same.
//! All of it is inlined by force: a datagram handed on through memory costs as much again (8.3 ns against 5.1).

use flow::{Address, Endpoint, Flow, Path};

use crate::packet::Datagram;
use crate::tunnel;

/// The datagram in a plain frame, and the identifier of its VLAN where it has a tag; `None` says nothing of what else
/// it may be.
#[inline(always)]
pub(crate) fn plain(frame: &[u8]) -> Option<(Datagram<'_>, Option<u16>)> {
    let ([.., high, low], rest) = frame.split_first_chunk::<14>()?;
    match u16::from_be_bytes([*high, *low]) {
        0x0800 => Some((ipv4(rest)?, None)),
        0x86dd => Some((ipv6(rest)?, None)),
        0x8100 => {
            let ([i0, i1, high, low], rest) = rest.split_first_chunk::<4>()?;
            let datagram = match u16::from_be_bytes([*high, *low]) {
                0x0800 => ipv4(rest)?,
                0x86dd => ipv6(rest)?,
                _ => return None,
            };
            Some((datagram, Some(u16::from_be_bytes([*i0, *i1]) & 0x0fff)))
        }
        _ => None,
    }
}

#[inline(always)]
fn ipv4(packet: &[u8]) -> Option<Datagram<'_>> {
    let (header, rest) = packet.split_first_chunk::<28>()?;
    let [0x45, _, t0, t1, i0, i1, f0, f1, _, 17, _, _, s0, s1, s2, s3, d0, d1, d2, d3, udp @ ..] = header
    else {
        return None;
    };
    // More fragments, or an offset.
    if u16::from_be_bytes([*f0, *f1]) & 0x3fff != 0 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([*t0, *t1])).checked_sub(20)?;
    let source = Address::v4([*s0, *s1, *s2, *s3]);
    let destination = Address::v4([*d0, *d1, *d2, *d3]);
    let datagram = datagram(source, destination, udp, length, rest)?;
    Some(Datagram { id: u16::from_be_bytes([*i0, *i1]), ..datagram })
}

#[inline(always)]
fn ipv6(packet: &[u8]) -> Option<Datagram<'_>> {
    let (header, rest) = packet.split_first_chunk::<48>()?;
    let ([first, _, _, _, t0, t1, 17, _], addresses) = header.split_first_chunk::<8>()? else {
        return None;
    };
    if first >> 4 != 6 {
        return None;
    }
    let (source, rest_of_header) = addresses.split_first_chunk::<16>()?;
    let (destination, udp) = rest_of_header.split_first_chunk::<16>()?;
    let length = usize::from(u16::from_be_bytes([*t0, *t1]));
    datagram(Address::v6(*source), Address::v6(*destination), udp.first_chunk()?, length, rest)
}

/// The datagram of a UDP header and the octets behind it, in an IP payload of `length`: all lengths must agree.
#[inline(always)]
fn datagram<'a>(
    source: Address,
    destination: Address,
    udp: &[u8; 8],
    length: usize,
    rest: &'a [u8],
) -> Option<Datagram<'a>> {
    let [s0, s1, d0, d1, l0, l1, _, _] = *udp;
    let octets = usize::from(u16::from_be_bytes([l0, l1]));
    let carried = length.checked_sub(8)?;
    let (source_port, destination_port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    if octets > length || carried > rest.len() || tunnel::may_be(source_port, destination_port) {
        return None;
    }
    Some(Datagram {
        flow: Flow::new(Endpoint::new(source, source_port), Endpoint::new(destination, destination_port)),
        id: 0,
        payload: rest.get(..octets.checked_sub(8)?)?,
        truncated: false,
        packet: None,
        path: &Path::NONE,
    })
}

#[cfg(test)]
mod tests {
    use flow::{Path, Wrapping};
    use proptest::prelude::*;

    use super::plain;
    use crate::frames::*;
    use crate::layer;
    use crate::link::Link;
    use crate::packet::Packet;

    #[test]
    fn takes_the_plain_frames_and_no_other() {
        let voice = udp(b"voice");
        let (v4, v6) = (ipv4(UDP, &voice), ipv6(UDP, &voice));
        for frame in [
            ethernet(0x0800, &v4),
            ethernet(0x86dd, &v6),
            tagged(&[0x8100], 0x0800, &v4),
            tagged(&[0x8100], 0x86dd, &v6),
        ] {
            assert_eq!(payload(&frame), Some(&b"voice"[..]));
            assert_eq!(payload(&joined(&[&frame, &[0; 20]])), Some(&b"voice"[..]));
            assert_eq!(payload(&frame[..frame.len() - 1]), None);
        }
        for other in [
            ethernet(0x0800, &ipv4_with(&[1; 4], UDP, &voice)),
            ethernet(0x0800, &ipv4(TCP, &tcp(1, b"OPTIONS sip:x"))),
            ethernet(0x0800, &ipv4_fragment(1, UDP, &[0; 80], 0..40)),
            ethernet(0x0800, &ipv4_fragment(1, UDP, &[0; 80], 40..80)),
            ethernet(0x86dd, &ipv6(60, &extension(UDP, 8, &voice))),
            ethernet(0x86dd, &v4),
        ] {
            assert_eq!(payload(&other), None);
        }
    }

    fn payload(frame: &[u8]) -> Option<&[u8]> {
        plain(frame).map(|(datagram, _)| datagram.payload)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn what_it_takes_the_walk_takes_the_same(sort in 0..4usize, seed: u64) {
            // The first four are the plain ones.
            let (_, frame) = of_every_sort().swap_remove(sort);
            let frame = mutated(frame, &mut Seeded(seed));
            if let Some((datagram, vlan)) = plain(&frame) {
                let mut path = Path::NONE;
                prop_assert_eq!(layer::decode(Link::Ethernet, &frame, &mut path), Packet::Datagram(datagram));
                let expected = vlan.map_or(Path::NONE, |vlan| Path::of(Wrapping::Vlan, Some(vlan.into())));
                prop_assert_eq!(path, expected);
            }
        }
    }
}
