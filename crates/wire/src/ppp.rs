//! PPP (RFC 1661) and how it is framed: over Ethernet (RFC 2516), in HDLC-like framing (RFC 1662), and Cisco's HDLC,
//! which shares its link type.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::{Layer, number};
use crate::packet::{Kind, Packet, Reason};

const CUT: Packet<'static> = Packet::Undecodable(Reason::CutLinkHeader);

/// What a protocol number names.
pub(crate) fn open(protocol: u16, rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match protocol {
        0x0021 | 0x0057 => Continue(Layer::Ip(rest)),
        0x0281 | 0x0283 => Continue(Layer::Ether(0x8847, rest)),
        _ => Break(Packet::Other(Kind::Ppp)),
    }
}

/// A PPPoE session (RFC 2516, section 4): version and type, code, session, length, then PPP.
pub(crate) fn over_ethernet<'a>(rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([_, code, s0, s1, l0, l1], rest)) = rest.split_first_chunk::<6>() else { return Break(CUT) };
    if *code != 0 {
        return Break(Packet::Other(Kind::Ppp));
    }
    path.push(Wrapping::Pppoe, Some(number(&[*s0, *s1])));
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    match protocol(rest.get(..length).unwrap_or(rest)) {
        Some((protocol, rest)) => Continue(Layer::Ppp(protocol, rest)),
        None => Break(CUT),
    }
}

/// A frame with or without address and control, which both ends may have agreed to leave out.
pub(crate) fn framed(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match protocol(frame.strip_prefix(&[0xff, 3]).unwrap_or(frame)) {
        Some((protocol, rest)) => Continue(Layer::Ppp(protocol, rest)),
        None => Break(CUT),
    }
}

/// A frame on a serial line: PPP, or Cisco's HDLC with its address 0x0f (unicast) or 0x8f (multicast).
pub(crate) fn serial(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match frame.split_first_chunk::<4>() {
        Some(([0x0f | 0x8f, _, high, low], rest)) => {
            Continue(Layer::Ether(u16::from_be_bytes([*high, *low]), rest))
        }
        _ => framed(frame),
    }
}

/// The protocol number: two octets, or one where the first would be zero and was left out; the last octet is odd, no
/// other is (RFC 1661, sections 2 and 6.5).
pub(crate) fn protocol(frame: &[u8]) -> Option<(u16, &[u8])> {
    match frame {
        [one, rest @ ..] if one & 1 == 1 => Some((u16::from(*one), rest)),
        [high, low, rest @ ..] => Some((u16::from_be_bytes([*high, *low]), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{UDP, ipv4, joined, udp};

    #[test]
    fn takes_every_frame_apart() {
        let packet = ipv4(UDP, &udp(b"voice"));
        let expected = Continue(Layer::Ppp(0x21, &packet[..]));
        for header in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0xff, 3, 0x21], &[0x21]] {
            let frame = joined(&[header, &packet]);
            assert_eq!(framed(&frame), expected, "{header:x?}");
            assert_eq!(serial(&frame), expected, "{header:x?}");
        }
        let cisco = joined(&[&[0x0f, 0, 8, 0], &packet]);
        assert_eq!(serial(&cisco), Continue(Layer::Ether(0x0800, &packet)));
        for cut in [&[][..], &[0], &[0xff, 3], &[0xff, 3, 0xc0]] {
            assert_eq!(framed(cut), Break(CUT), "{cut:x?}");
        }
    }

    #[test]
    fn says_what_it_carries() {
        assert_eq!(open(0x57, &[1]), Continue(Layer::Ip(&[1])));
        assert_eq!(open(0x0281, &[1]), Continue(Layer::Ether(0x8847, &[1])));
        // Its own set-up, and what is compressed or encrypted.
        for protocol in [0xc021, 0x8021, 0x00fd] {
            assert_eq!(open(protocol, &[1]), Break(Packet::Other(Kind::Ppp)));
        }
    }
}
