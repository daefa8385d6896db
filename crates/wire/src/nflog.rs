//! What Linux' firewall logs of a packet: attributes, one of which is the packet (LINKTYPE_NFLOG of tcpdump.org).

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};

const INET: u8 = 2;
const INET6: u8 = 10;
const PAYLOAD: u16 = 9;
/// Length and type of an attribute, in the byte order of the capturing machine: little-endian is assumed.
const ATTRIBUTE: usize = 4;

/// Family, version, resource (16 bits), then attributes on multiples of four octets.
pub(crate) fn open(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    let Some(([family, 0, _, _], mut rest)) = frame.split_first_chunk::<4>() else {
        return Break(Packet::Undecodable(Reason::CutLinkHeader));
    };
    if ![INET, INET6].contains(family) {
        return Break(Packet::Other(Kind::OtherNetwork));
    }
    while let Some(([l0, l1, t0, t1], value)) = rest.split_first_chunk::<ATTRIBUTE>() {
        let length = usize::from(u16::from_le_bytes([*l0, *l1]));
        let Some(octets) = length.checked_sub(ATTRIBUTE) else { break };
        if u16::from_le_bytes([*t0, *t1]) == PAYLOAD {
            return Continue(Layer::Ip(value.get(..octets).unwrap_or(value)));
        }
        rest = value.get(octets.next_multiple_of(4)..).unwrap_or_default();
    }
    Break(Packet::Undecodable(Reason::CutLinkHeader))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{UDP, ipv4, joined, udp};

    #[test]
    fn finds_the_packet_among_the_attributes() {
        let packet = ipv4(UDP, &udp(b"voice"));
        let length = (4 + packet.len()) as u8;
        // A prefix of an odd length, padded; the packet; its mark behind it.
        let frame = |family: u8| {
            let prefix = [7, 0, 10, 0, b'r', b't', b'p', 0];
            joined(&[
                &[family, 0, 0, 0],
                &prefix,
                &[length, 0, 9, 0],
                &packet,
                &[0; 3],
                &[8, 0, 2, 0, 1, 1, 1, 1],
            ])
        };
        assert_eq!(open(&frame(INET)), Continue(Layer::Ip(&packet)));
        assert_eq!(open(&frame(7)), Break(Packet::Other(Kind::OtherNetwork)));
        let whole = frame(INET);
        for end in 0..16 {
            assert_eq!(open(&whole[..end]), Break(Packet::Undecodable(Reason::CutLinkHeader)), "{end}");
        }
        assert_eq!(open(&whole[..40]), Continue(Layer::Ip(&packet[..24])));
        // Attributes of no length, and without the packet.
        for attributes in [[0, 0, 1, 0], [3, 0, 1, 0], [4, 0, 1, 0]] {
            let frame = joined(&[&[INET, 0, 0, 0], &attributes.repeat(9)]);
            assert_eq!(open(&frame), Break(Packet::Undecodable(Reason::CutLinkHeader)));
        }
    }
}
