//! Tunnels over UDP, told by port and by content: a datagram at one of their ports that does not hold what it should
//! stays a datagram, since RTP may use any port.

use flow::{Path, Wrapping};

use crate::layer::{Layer, number};
use crate::packet::Datagram;
use crate::plausible::{is_ether, is_frame, is_ip};
use crate::{gtp, l2tp, tzsp};

// Ports that the IANA lists, but for Linux' older one of VXLAN.
const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const VXLAN_LINUX: u16 = 8472;
const TZSP: u16 = 37008;

/// Whether a datagram between those ports may be a tunnel's. It is asked of every packet.
#[inline(always)]
pub(crate) fn may_be(source: u16, destination: u16) -> bool {
    is_port(destination) || is_port(source)
}

#[inline(always)]
fn is_port(port: u16) -> bool {
    matches!(port, L2TP | GTP_U | VXLAN | VXLAN_GPE | GENEVE | VXLAN_LINUX | TZSP)
}

/// What the datagram wraps. An answer may come from a tunnel's port to wherever the asker sent from.
pub(crate) fn inner<'a>(datagram: &Datagram<'a>, path: &mut Path) -> Option<Layer<'a>> {
    let (source, destination) = (datagram.flow.source.port, datagram.flow.destination.port);
    if !may_be(source, destination) {
        return None;
    }
    let port = if is_port(destination) { destination } else { source };
    let (wrapping, number, layer) = match port {
        GTP_U => gtp::open(datagram.payload)?,
        VXLAN | VXLAN_LINUX => vxlan(datagram.payload)?,
        VXLAN_GPE => vxlan_gpe(datagram.payload)?,
        GENEVE => geneve(datagram.payload)?,
        TZSP => tzsp::open(datagram.payload)?,
        _ => l2tp::over_udp(datagram.payload)?,
    };
    path.push(wrapping, number);
    Some(layer)
}

/// RFC 7348, section 5: flags, reserved (24), network (24), reserved (8). The policy group of
/// draft-smith-vxlan-group-policy sets one more flag and uses what is reserved.
fn vxlan(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    let ([flags, r0, r1, r2, network @ .., last], frame) = octets.split_first_chunk::<8>()?;
    let is_plain = *flags == 0x08 && [*r0, *r1, *r2] == [0; 3];
    let has_group = *flags == 0x88;
    let fits = (is_plain || has_group) && *last == 0 && is_frame(frame);
    fits.then(|| (Wrapping::Vxlan, Some(number(network)), Layer::Frame(frame)))
}

/// draft-ietf-nvo3-vxlan-gpe: the last of the octets that were reserved names what comes next. Some senders forget the
/// flag that says so.
fn vxlan_gpe(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    const INSTANCE: u8 = 0x08;

    let ([flags, 0, 0, protocol, network @ .., 0], rest) = octets.split_first_chunk::<8>()? else {
        return vxlan(octets);
    };
    if *flags & INSTANCE == 0 || flags >> 6 != 0 {
        return None;
    }
    let layer = match protocol {
        1 | 2 => is_ip(rest).then_some(Layer::Ip(rest)),
        3 => is_frame(rest).then_some(Layer::Frame(rest)),
        5 => is_ether(0x8847, rest).then_some(Layer::Ether(0x8847, rest)),
        _ => return vxlan(octets),
    }?;
    Some((Wrapping::Vxlan, Some(number(network)), layer))
}

/// RFC 8926, section 3.4: version (2) and length of the options in words (6), flags, Ethernet type, network (24),
/// reserved, options.
fn geneve(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    const BRIDGED: u16 = 0x6558;

    let ([first, _, p0, p1, network @ .., 0], rest) = octets.split_first_chunk::<8>()? else { return None };
    if first >> 6 != 0 {
        return None;
    }
    let inner = rest.get(usize::from(first & 0x3f) * 4..)?;
    let layer = match u16::from_be_bytes([*p0, *p1]) {
        BRIDGED => is_frame(inner).then_some(Layer::Frame(inner)),
        other => is_ether(other, inner).then_some(Layer::Ether(other, inner)),
    }?;
    Some((Wrapping::Geneve, Some(number(network)), layer))
}
