//! The walk through a frame's headers, one layer a step, down to a transport or to where it ends.
//!
//! A new encapsulation is a new arm here: it takes its header off and names the layer that comes next.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use crate::ip;
use crate::link::Link;
use crate::packet::{Kind, Packet, Reason};

/// Tags and tunnels one in the other. The deepest real stacks (a tagged mirror of a tagged, labelled tunnel)
/// have about ten.
const MAX_DEPTH: usize = 16;

/// What stands next in the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layer<'a> {
    /// An Ethernet type (or the length of an IEEE 802.3 frame) and what follows it.
    Ether(u16, &'a [u8]),
    /// A PPP protocol number (RFC 1661) and what follows it.
    Ppp(u16, &'a [u8]),
    /// IP of the version that its first four bits say.
    Ip(&'a [u8]),
}

/// Everything of a frame but the putting together of fragments.
pub(crate) fn decode(link: Link, frame: &[u8]) -> Packet<'_> {
    match link.open(frame) {
        Continue(layer) => walk(layer),
        Break(packet) => packet,
    }
}

/// Opens layer after layer.
pub(crate) fn walk(mut layer: Layer<'_>) -> Packet<'_> {
    for _ in 0..MAX_DEPTH {
        let step = match layer {
            Layer::Ether(ether_type, rest) => ether(ether_type, rest),
            Layer::Ppp(protocol, rest) => ppp(protocol, rest),
            Layer::Ip(packet) => ip::open(packet),
        };
        match step {
            Continue(inner) => layer = inner,
            Break(packet) => return packet,
        }
    }
    Packet::Undecodable(Reason::TooDeep)
}

fn ether(ether_type: u16, rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match ether_type {
        0x0800 | 0x86dd => Continue(Layer::Ip(rest)),
        // IEEE 802.1Q, 802.1ad, and what was in use before 802.1ad had a number.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => tag(rest),
        0x8864 => pppoe(rest),
        0x8863 => Break(Packet::Other(Kind::Ppp)),
        0x0806 | 0x8035 => Break(Packet::Other(Kind::Arp)),
        // MPLS, VN-Tag, provider backbone bridges, ERSPAN, bridged Ethernet, MACsec.
        0x8847 | 0x8848 | 0x8926 | 0x88e7 | 0x88be | 0x22eb | 0x6558 | 0x88e5 => {
            Break(Packet::Other(Kind::Tunnel))
        }
        length @ 0..0x0600 => llc(usize::from(length), rest),
        _ => Break(Packet::Other(Kind::OtherNetwork)),
    }
}

/// A VLAN tag: priority and identifier, then the Ethernet type of what is tagged.
fn tag(rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match rest.split_first_chunk::<4>() {
        Some(([_, _, high, low], rest)) => Continue(Layer::Ether(u16::from_be_bytes([*high, *low]), rest)),
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

/// IEEE 802.2: only the SNAP form with an Ethernet type in it can hold IP (RFC 1042).
fn llc(length: usize, rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match rest.get(..length).unwrap_or(rest).split_first_chunk::<8>() {
        Some(([0xaa, 0xaa, 3, 0, 0, 0, high, low], rest)) => {
            Continue(Layer::Ether(u16::from_be_bytes([*high, *low]), rest))
        }
        _ => Break(Packet::Other(Kind::Llc)),
    }
}

/// A PPPoE session (RFC 2516, section 4): version and type, code, session, length, then PPP.
fn pppoe(rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    let Some(([_, code, _, _, high, low], rest)) = rest.split_first_chunk::<6>() else {
        return Break(Packet::Undecodable(Reason::CutLinkHeader));
    };
    if *code != 0 {
        return Break(Packet::Other(Kind::Ppp));
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match rest.get(..length).unwrap_or(rest).split_first_chunk::<2>() {
        Some((protocol, rest)) => Continue(Layer::Ppp(u16::from_be_bytes(*protocol), rest)),
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

fn ppp(protocol: u16, rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match protocol {
        0x0021 | 0x0057 => Continue(Layer::Ip(rest)),
        0x0281 | 0x0283 => Break(Packet::Other(Kind::Tunnel)),
        _ => Break(Packet::Other(Kind::Ppp)),
    }
}
