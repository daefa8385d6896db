//! Link types of captures, and their headers down to the first network header.
//!
//! Numbers and layouts: the registry of link-layer header types at tcpdump.org. What comes after is `layer`'s.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::Path;

use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};
use crate::{nflog, ppp, wlan};

/// The link type of a capture, as its file or its interface names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Link {
    /// IEEE 802.3 Ethernet.
    Ethernet,
    /// An IP packet, its version in its first four bits.
    RawIp,
    /// BSD loopback: the address family in the byte order of the capturing machine.
    Null,
    /// OpenBSD loopback: the address family in network byte order.
    Loop,
    /// Linux "cooked" capture, version 1.
    LinuxSll,
    /// Linux "cooked" capture, version 2.
    LinuxSll2,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// IEEE 802.11, without a header of the radio's.
    Wlan,
    /// IEEE 802.11 behind a radiotap header.
    Radiotap,
    /// PPP.
    Ppp,
    /// PPP in HDLC-like framing, or Cisco's HDLC.
    PppSerial,
    /// Cisco's HDLC.
    CiscoHdlc,
    /// A PPPoE session without its Ethernet header.
    Pppoe,
    /// The log of Linux' firewall.
    Nflog,
    /// A link type that is not understood, by its number.
    Unknown(u32),
}

/// By `LINKTYPE_` or `DLT_` number: the two differ for raw IP alone, which is 12 or 14 as a `DLT_`.
impl From<u32> for Link {
    fn from(number: u32) -> Self {
        match number {
            0 => Link::Null,
            1 => Link::Ethernet,
            9 => Link::Ppp,
            12 | 14 | 101 => Link::RawIp,
            50 => Link::PppSerial,
            51 => Link::Pppoe,
            104 => Link::CiscoHdlc,
            105 => Link::Wlan,
            108 => Link::Loop,
            113 => Link::LinuxSll,
            127 => Link::Radiotap,
            228 => Link::Ipv4,
            229 => Link::Ipv6,
            239 => Link::Nflog,
            276 => Link::LinuxSll2,
            other => Link::Unknown(other),
        }
    }
}

impl Link {
    /// Takes the link's own header off.
    pub(crate) fn open<'a>(self, frame: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
        match self {
            Link::Ethernet => ethernet(frame),
            Link::RawIp | Link::Ipv4 | Link::Ipv6 => Continue(Layer::Ip(frame)),
            Link::Null | Link::Loop => loopback(frame),
            Link::LinuxSll => sll(frame),
            Link::LinuxSll2 => sll2(frame),
            Link::Wlan => wlan::open(frame),
            Link::Radiotap => wlan::radiotap(frame),
            Link::Ppp => ppp::framed(frame),
            Link::PppSerial | Link::CiscoHdlc => ppp::serial(frame),
            Link::Pppoe => ppp::over_ethernet(frame, path),
            Link::Nflog => nflog::open(frame),
            Link::Unknown(_) => Break(Packet::Undecodable(Reason::LinkType)),
        }
    }
}

/// Two addresses and the type of what follows.
pub(crate) fn ethernet(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match frame.split_first_chunk::<14>() {
        Some(([.., high, low], rest)) => Continue(Layer::Ether(u16::from_be_bytes([*high, *low]), rest)),
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

/// Four octets of address family. A family is a small number, so the smaller of the two readings is the one meant.
fn loopback(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    const AF_INET: u32 = 2;
    // Linux; NetBSD and OpenBSD; FreeBSD; macOS.
    const AF_INET6: [u32; 4] = [10, 24, 28, 30];

    let Some((family, rest)) = frame.split_first_chunk::<4>() else {
        return Break(Packet::Undecodable(Reason::CutLinkHeader));
    };
    let family = u32::from_be_bytes(*family).min(u32::from_le_bytes(*family));
    if family == AF_INET || AF_INET6.contains(&family) {
        Continue(Layer::Ip(rest))
    } else {
        Break(Packet::Other(Kind::OtherNetwork))
    }
}

/// Version 1: packet type, ARPHRD type, address length (2 octets each), address (8), protocol (2).
fn sll(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match frame.split_first_chunk::<16>() {
        Some(([_, _, h0, h1, .., p0, p1], rest)) => {
            cooked(u16::from_be_bytes([*h0, *h1]), u16::from_be_bytes([*p0, *p1]), rest)
        }
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

/// Version 2: protocol, reserved (2 each), interface (4), ARPHRD type (2), packet type, address length (1 each),
/// address (8).
fn sll2(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    match frame.split_first_chunk::<20>() {
        Some(([p0, p1, _, _, _, _, _, _, h0, h1, ..], rest)) => {
            cooked(u16::from_be_bytes([*h0, *h1]), u16::from_be_bytes([*p0, *p1]), rest)
        }
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

/// The protocol is an Ethernet type, but for a few kinds of hardware and for the small numbers that Linux uses
/// for frames without one.
fn cooked(hardware: u16, protocol: u16, rest: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    // 802.11 bare, with Prism and with radiotap headers; netlink.
    const NO_ETHER_TYPE: [u16; 4] = [801, 802, 803, 824];
    const FIRST_ETHER_TYPE: u16 = 0x0600;

    if NO_ETHER_TYPE.contains(&hardware) {
        Break(Packet::Other(Kind::OtherNetwork))
    } else if protocol < FIRST_ETHER_TYPE {
        Break(Packet::Other(Kind::Llc))
    } else {
        Continue(Layer::Ether(protocol, rest))
    }
}
