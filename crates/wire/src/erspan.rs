//! ERSPAN, a mirror port's frames over GRE (draft-foschiano-erspan): type I without a header of its own, types II
//! and III with one.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};
use crate::plausible::is_frame;

const CUT: Packet<'static> = Packet::Undecodable(Reason::CutTunnelHeader);

/// Type I or II, which share a protocol number: the GRE header has a `sequence` number in front of type II alone. A few
/// senders of type II leave it out, so the content has a say.
///
/// ```text
/// |ver (4)|  VLAN (12)  |cos (3)|en (2)|T|  session (10)  |  reserved (12)  |  index (20)  |
/// ```
pub(crate) fn early<'a>(
    sequence: bool,
    octets: &'a [u8],
    path: &mut Path,
) -> ControlFlow<Packet<'a>, Layer<'a>> {
    const SECOND: u8 = 1;

    let Some(([first, _, s0, s1, ..], frame)) = octets.split_first_chunk::<8>() else { return Break(CUT) };
    let has_header = first >> 4 == SECOND && (sequence || (!is_frame(octets) && is_frame(frame)));
    if has_header {
        path.push(Wrapping::Erspan, Some(session(*s0, *s1)));
        Continue(Layer::Frame(frame))
    } else if sequence {
        Break(Packet::Other(Kind::Tunnel))
    } else {
        path.push(Wrapping::Erspan, None);
        Continue(Layer::Frame(octets))
    }
}

/// Type III: twelve octets, and eight more where the last bit says so.
///
/// ```text
/// |ver (4)|  VLAN (12)  |cos (3)|bso (2)|T|  session (10)  |  time stamp (32)  |
/// |  group tag (16)  |P|frame type (5)|hardware (6)|D|unit (2)|O|
/// ```
pub(crate) fn third<'a>(octets: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    const THIRD: u8 = 2;
    const SUBHEADER: usize = 8;
    const ETHERNET: u8 = 0;
    const IP: u8 = 2;

    let Some(([first, _, s0, s1, _, _, _, _, _, _, kind, last], rest)) = octets.split_first_chunk::<12>()
    else {
        return Break(CUT);
    };
    if first >> 4 != THIRD {
        return Break(Packet::Other(Kind::Tunnel));
    }
    path.push(Wrapping::Erspan, Some(session(*s0, *s1)));
    let subheader = if last & 1 == 1 { SUBHEADER } else { 0 };
    match (rest.get(subheader..), kind >> 2 & 0x1f) {
        (None, _) => Break(CUT),
        (Some(frame), ETHERNET) => Continue(Layer::Frame(frame)),
        (Some(packet), IP) => Continue(Layer::Ip(packet)),
        _ => Break(Packet::Other(Kind::Tunnel)),
    }
}

fn session(high: u8, low: u8) -> u32 {
    u32::from(u16::from_be_bytes([high, low]) & 0x03ff)
}
