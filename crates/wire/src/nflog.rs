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
