//! GRE: version 0 (RFC 2784, RFC 2890, and the routing of RFC 1701, which is not followed), and version 1, which PPTP
//! puts around PPP (RFC 2637, section 4.1).

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::{Layer, number};
use crate::packet::{Kind, Packet, Reason};
use crate::{erspan, ppp};

const CUT: Packet<'static> = Packet::Undecodable(Reason::CutTunnelHeader);

// The flags, in the first two octets.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

// What may be inside (Ethernet types).
const BRIDGED: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const PPP: u16 = 0x880b;
const FIRST_ETHER_TYPE: u16 = 0x0600;

/// Flags and version, protocol, and the fields that the flags name.
pub(crate) fn open<'a>(packet: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([f0, f1, p0, p1], rest)) = packet.split_first_chunk::<4>() else { return Break(CUT) };
    let (flags, protocol) = (u16::from_be_bytes([*f0, *f1]), u16::from_be_bytes([*p0, *p1]));
    match flags & VERSION {
        0 if flags & ROUTING == 0 => plain(flags, protocol, rest, path),
        1 if protocol == PPP && flags & KEY != 0 => enhanced(flags, rest, path),
        _ => Break(Packet::Other(Kind::Tunnel)),
    }
}

fn plain<'a>(
    flags: u16,
    protocol: u16,
    rest: &'a [u8],
    path: &mut Path,
) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some((_, rest)) = field(flags, CHECKSUM, rest) else { return Break(CUT) };
    let Some((key, rest)) = field(flags, KEY, rest) else { return Break(CUT) };
    let Some((sequence, inner)) = field(flags, SEQUENCE, rest) else { return Break(CUT) };
    match protocol {
        ERSPAN => return erspan::early(sequence.is_some(), inner, path),
        ERSPAN_III => return erspan::third(inner, path),
        _ => path.push(Wrapping::Gre, key),
    }
    match protocol {
        BRIDGED => Continue(Layer::Frame(inner)),
        PPP => ppp::framed(inner),
        // A keep-alive, and other numbers that are no Ethernet type.
        0..FIRST_ETHER_TYPE => Break(Packet::Other(Kind::Tunnel)),
        _ => Continue(Layer::Ether(protocol, inner)),
    }
}

/// A field of four octets, which is there where `flags` has `flag`; `None` where it is cut.
fn field(flags: u16, flag: u16, octets: &[u8]) -> Option<(Option<u32>, &[u8])> {
    if flags & flag == 0 {
        return Some((None, octets));
    }
    let (field, rest) = octets.split_first_chunk::<4>()?;
    Some((Some(u32::from_be_bytes(*field)), rest))
}

/// Length and call stand in the place of the key. A packet may carry an acknowledgment and nothing else.
fn enhanced<'a>(flags: u16, rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let Some(([l0, l1, call @ ..], rest)) = rest.split_first_chunk::<4>() else { return Break(CUT) };
    let Some((sequence, rest)) = field(flags, SEQUENCE, rest) else { return Break(CUT) };
    let Some((_, rest)) = field(flags, ACKNOWLEDGMENT, rest) else { return Break(CUT) };
    if sequence.is_none() {
        return Break(Packet::Other(Kind::Tunnel));
    }
    path.push(Wrapping::Pptp, Some(number(call)));
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    ppp::framed(rest.get(..length).unwrap_or(rest))
}
