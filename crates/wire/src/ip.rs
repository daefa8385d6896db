//! IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers, laxly: a frame that the snap length cut, and one
//! whose length the sending machine left to its network card, give what they hold.
//!
//! Checksums are not asked: a capture on the sending machine sees them before they are right.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use etherparse::LaxIpSlice;
use etherparse::err::ip::{HeaderError, LaxHeaderSliceError};
use etherparse::err::ipv6_exts::HeaderSliceError;
use flow::{Address, Path, Wrapping};

use crate::fragment::Fragment;
use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};
use crate::{gre, l2tp, transport, tunnel};

// Protocol numbers (IANA).
pub(crate) const IPV4: u8 = 4;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const IPV6: u8 = 41;
pub(crate) const GRE: u8 = 47;
pub(crate) const ETHER_IP: u8 = 97;
pub(crate) const L2TP: u8 = 115;
pub(crate) const MPLS: u8 = 137;

/// Takes the IP headers off and opens what they carry.
pub(crate) fn open<'a>(packet: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let (ip, stopped) = match LaxIpSlice::from_slice(packet) {
        Ok(sliced) => sliced,
        Err(LaxHeaderSliceError::Len(_)) => return undecodable(Reason::CutIpHeader),
        Err(LaxHeaderSliceError::Content(HeaderError::UnsupportedIpVersion { .. })) => {
            return undecodable(Reason::IpVersion);
        }
        Err(LaxHeaderSliceError::Content(HeaderError::Ipv4HeaderLengthSmallerThanHeader { .. })) => {
            return undecodable(Reason::IpLength);
        }
    };
    if let LaxIpSlice::Ipv4(v4) = &ip
        && (1..v4.header().slice().len()).contains(&usize::from(v4.header().total_len()))
    {
        return undecodable(Reason::IpLength);
    }
    // Before what the slices say of extension headers: behind the fragment header of any but the first fragment
    // stands no header, whatever they made of it.
    if let Some(fragment) = Fragment::of(packet, &ip) {
        let is_kept = fragment.may_lead_to_transport();
        return Break(if is_kept {
            Packet::Fragment(fragment)
        } else {
            Packet::Other(kind(fragment.protocol))
        });
    }
    match stopped {
        None => carried(&ip, path),
        Some((HeaderSliceError::Len(_), _)) => undecodable(Reason::CutIpHeader),
        Some((HeaderSliceError::Content(_), _)) => undecodable(Reason::IpExtension),
    }
}

fn undecodable<'a>(reason: Reason) -> ControlFlow<Packet<'a>, Layer<'a>> {
    Break(Packet::Undecodable(reason))
}

fn carried<'a>(ip: &LaxIpSlice<'a>, path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    let inner = ip.payload();
    // A fragment whose own lengths hide where its payload ends: its octets are no transport header.
    if inner.fragmented {
        return undecodable(Reason::IpLength);
    }
    match inner.ip_number.0 {
        IPV4 | IPV6 => {
            path.push(Wrapping::IpInIp, None);
            Continue(Layer::Ip(inner.payload))
        }
        UDP => match transport::udp(addresses(ip), identification(ip), inner.payload, inner.incomplete) {
            Packet::Datagram(datagram) => match tunnel::inner(&datagram, path) {
                Some(layer) => Continue(layer),
                None => Break(Packet::Datagram(datagram)),
            },
            packet => Break(packet),
        },
        GRE => gre::open(inner.payload, path),
        L2TP => l2tp::over_ip(inner.payload, path),
        MPLS => Continue(Layer::Ether(0x8847, inner.payload)),
        ETHER_IP => ether_ip(inner.payload, path),
        TCP => Break(transport::tcp(addresses(ip), identification(ip), inner.payload, inner.incomplete)),
        protocol => Break(Packet::Other(kind(protocol))),
    }
}

/// Version 3 and twelve bits of zero, then an Ethernet frame (RFC 3378).
fn ether_ip<'a>(packet: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    match packet.split_first_chunk::<2>() {
        Some(([0x30, 0], frame)) => {
            path.push(Wrapping::EtherIp, None);
            Continue(Layer::Frame(frame))
        }
        Some(_) => Break(Packet::Other(Kind::Tunnel)),
        None => undecodable(Reason::CutTunnelHeader),
    }
}

/// What the sender tells its packets apart by; IPv6 has it in fragments alone.
fn identification(ip: &LaxIpSlice<'_>) -> u16 {
    match ip {
        LaxIpSlice::Ipv4(v4) => v4.header().identification(),
        LaxIpSlice::Ipv6(_) => 0,
    }
}

/// Source and destination.
pub(crate) fn addresses(ip: &LaxIpSlice<'_>) -> (Address, Address) {
    match ip {
        LaxIpSlice::Ipv4(v4) => (Address::v4(v4.header().source()), Address::v4(v4.header().destination())),
        LaxIpSlice::Ipv6(v6) => (Address::v6(v6.header().source()), Address::v6(v6.header().destination())),
    }
}

fn kind(protocol: u8) -> Kind {
    match protocol {
        1 | 58 => Kind::Icmp,
        2 => Kind::Igmp,
        50 => Kind::Esp,
        132 => Kind::Sctp,
        GRE | ETHER_IP | L2TP | MPLS => Kind::Tunnel,
        _ => Kind::OtherTransport,
    }
}
