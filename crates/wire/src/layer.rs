//! The walk through a frame's headers, one layer a step, down to a transport or to where it ends.
//!
//! A new encapsulation is a new arm here or in `ip`: its own file takes its header off, notes it in the path and names
//! the layer that comes next.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::Path;

use crate::link::{self, Link};
use crate::packet::{Kind, Packet, Reason};
use crate::{ip, mpls, ppp, tag};

/// Tags and tunnels one in the other. The deepest real stacks (a tagged mirror of a tagged, labelled tunnel)
/// take about fifteen steps, three a tunnel.
const MAX_DEPTH: usize = 32;

/// What stands next in the frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layer<'a> {
    /// A whole Ethernet frame.
    Frame(&'a [u8]),
    /// An Ethernet type (or the length of an IEEE 802.3 frame) and what follows it.
    Ether(u16, &'a [u8]),
    /// A PPP protocol number (RFC 1661) and what follows it.
    Ppp(u16, &'a [u8]),
    /// IP of the version that its first four bits say.
    Ip(&'a [u8]),
}

/// Everything of a frame but the putting together of fragments. What it was wrapped in is added to `path`.
pub(crate) fn decode<'a>(link: Link, frame: &'a [u8], path: &mut Path) -> Packet<'a> {
    match link.open(frame, path) {
        Continue(layer) => walk(layer, path),
        Break(packet) => packet,
    }
}

/// Opens layer after layer.
pub(crate) fn walk<'a>(mut layer: Layer<'a>, path: &mut Path) -> Packet<'a> {
    for _ in 0..MAX_DEPTH {
        let step = match layer {
            Layer::Frame(frame) => link::ethernet(frame),
            Layer::Ether(ether_type, rest) => ether(ether_type, rest, path),
            Layer::Ppp(protocol, rest) => ppp::open(protocol, rest),
            Layer::Ip(packet) => ip::open(packet, path),
        };
        match step {
            Continue(inner) => layer = inner,
            Break(packet) => return packet,
        }
    }
    Packet::Undecodable(Reason::TooDeep)
}

fn ether<'a>(ether_type: u16, rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    match ether_type {
        0x0800 | 0x86dd => Continue(Layer::Ip(rest)),
        // IEEE 802.1Q, 802.1ad, and what was in use before 802.1ad had a number.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => tag::vlan(rest, path),
        0x8847 | 0x8848 => mpls::open(rest, path),
        0x8926 => tag::vn(rest, path),
        0x88e7 => tag::backbone(rest, path),
        0x6558 => Continue(Layer::Frame(rest)),
        0x8864 => ppp::over_ethernet(rest, path),
        0x8863 => Break(Packet::Other(Kind::Ppp)),
        0x0806 | 0x8035 => Break(Packet::Other(Kind::Arp)),
        // ERSPAN without GRE, MACsec.
        0x88be | 0x22eb | 0x88e5 => Break(Packet::Other(Kind::Tunnel)),
        length @ 0..0x0600 => llc(usize::from(length), rest),
        _ => Break(Packet::Other(Kind::OtherNetwork)),
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

/// A number of up to four octets in network byte order.
pub(crate) fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}
