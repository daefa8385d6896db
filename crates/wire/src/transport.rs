//! UDP (RFC 768) and TCP (RFC 9293) headers. What the streams of TCP hold is put in order elsewhere.

use etherparse::err::tcp::HeaderSliceError;
use etherparse::{TcpSlice, UdpSlice};
use flow::{Address, Endpoint, Flow, Path};

use crate::packet::{Datagram, Flags, Packet, Reason, Segment};

const UDP_HEADER: u16 = 8;

/// A datagram in the payload of an IP packet, which is `cut` where the frame holds less than its header says. A
/// length of zero, as a jumbogram (RFC 2675) or segmentation offload leaves it, is the rest of the packet.
pub(crate) fn udp<'a>(addresses: (Address, Address), id: u16, octets: &'a [u8], cut: bool) -> Packet<'a> {
    let Ok(udp) = UdpSlice::from_slice_lax(octets) else {
        return Packet::Undecodable(Reason::CutTransportHeader);
    };
    if (1..UDP_HEADER).contains(&udp.length()) {
        return Packet::Undecodable(Reason::TransportLength);
    }
    Packet::Datagram(Datagram {
        flow: flow(addresses, udp.source_port(), udp.destination_port()),
        id,
        payload: udp.payload(),
        truncated: usize::from(udp.length()) > octets.len() || (udp.length() == 0 && cut),
        packet: None,
        path: &Path::NONE,
    })
}

/// A segment in the payload of an IP packet; TCP has no length of its own.
pub(crate) fn tcp<'a>(addresses: (Address, Address), id: u16, octets: &'a [u8], cut: bool) -> Packet<'a> {
    let tcp = match TcpSlice::from_slice(octets) {
        Ok(tcp) => tcp,
        Err(HeaderSliceError::Len(_)) => return Packet::Undecodable(Reason::CutTransportHeader),
        Err(HeaderSliceError::Content(_)) => return Packet::Undecodable(Reason::TransportLength),
    };
    Packet::Segment(Segment {
        flow: flow(addresses, tcp.source_port(), tcp.destination_port()),
        id,
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.acknowledgment_number(),
        flags: Flags(octets.get(13).copied().unwrap_or_default()),
        payload: tcp.payload(),
        truncated: cut,
        packet: None,
        path: &Path::NONE,
    })
}

fn flow((source, destination): (Address, Address), source_port: u16, destination_port: u16) -> Flow {
    Flow::new(Endpoint::new(source, source_port), Endpoint::new(destination, destination_port))
}
