//! Tags between the addresses of an Ethernet frame and what it carries: VLAN tags (IEEE 802.1Q, 802.1ad), the service
//! tag of a provider backbone bridge (IEEE 802.1ah) and VN-Tag (IEEE 802.1Qbh).

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::{Layer, number};
use crate::packet::{Packet, Reason};

const CUT: Packet<'_> = Packet::Undecodable(Reason::CutLinkHeader);

/// Priority and identifier, then the Ethernet type of what is tagged.
pub(crate) fn vlan<'a>(rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([i0, i1, t0, t1], rest)) = rest.split_first_chunk::<4>() else { return Break(CUT) };
    path.push(Wrapping::Vlan, Some(u32::from(u16::from_be_bytes([*i0, *i1]) & 0x0fff)));
    Continue(Layer::Ether(u16::from_be_bytes([*t0, *t1]), rest))
}

/// Priority and flags, 24 bits of service, then the customer's whole frame.
pub(crate) fn backbone<'a>(rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([_, service @ ..], frame)) = rest.split_first_chunk::<4>() else { return Break(CUT) };
    path.push(Wrapping::Pbb, Some(number(service)));
    Continue(Layer::Frame(frame))
}

/// ```text
/// |D|P|  destination (14)  |L|R|ver|  source (12)  |  Ethernet type of what is tagged  |
/// ```
/// Only a frame on its way to a station (D) names a destination.
pub(crate) fn vn<'a>(rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([d0, d1, s0, s1, t0, t1], rest)) = rest.split_first_chunk::<6>() else { return Break(CUT) };
    let (destination, source) = (u16::from_be_bytes([*d0, *d1]), u16::from_be_bytes([*s0, *s1]));
    let interface = if destination & 0x8000 != 0 { destination & 0x3fff } else { source & 0x0fff };
    path.push(Wrapping::VnTag, Some(u32::from(interface)));
    Continue(Layer::Ether(u16::from_be_bytes([*t0, *t1]), rest))
}
