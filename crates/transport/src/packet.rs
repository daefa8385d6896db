//! A message as a packet of its own: raw IP and UDP before it, with the addresses and ports of its connection.
//!
//! UDP, whatever carried it: one datagram holds a whole message, and every tool that reads captures takes it for what
//! it is. Where it is longer than UDP's lengths can say, they are left at zero, as segmentation offload does.

use std::net::IpAddr;

use clock::Time;
use flow::Flow;

/// A message that a connection brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// When its last octet was captured.
    pub at: Time,
    /// Who sent it to whom.
    pub flow: Flow,
    packet: Vec<u8>,
    message_at: usize,
}

const UDP_HEADER: usize = 8;
const UDP: u8 = 17;

impl Received {
    pub(crate) fn new(at: Time, flow: Flow, message: &[u8]) -> Received {
        let mut udp = udp(flow, message);
        let (source, destination) = (flow.source.address.ip(), flow.destination.address.ip());
        let mut packet = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                ipv4(source.octets(), destination.octets(), udp.len())
            }
            (source, destination) => ipv6(octets_v6(source), octets_v6(destination), &mut udp),
        };
        let message_at = packet.len() + UDP_HEADER;
        packet.extend_from_slice(&udp);
        Received { at, flow, packet, message_at }
    }

    /// The message alone.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.packet.get(self.message_at..).unwrap_or_default()
    }

    /// The message with IP and UDP before it.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.packet
    }
}

fn octets_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// A length field, or zero where it cannot hold the length.
fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(0).to_be_bytes()
}

/// RFC 768, its checksum still at zero.
fn udp(flow: Flow, message: &[u8]) -> Vec<u8> {
    let ports = [flow.source.port.to_be_bytes(), flow.destination.port.to_be_bytes()].concat();
    let mut datagram = Vec::with_capacity(UDP_HEADER + message.len());
    datagram.extend_from_slice(&ports);
    datagram.extend_from_slice(&length(UDP_HEADER + message.len()));
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(message);
    datagram
}

/// RFC 791. UDP over it needs no checksum.
fn ipv4(source: [u8; 4], destination: [u8; 4], udp: usize) -> Vec<u8> {
    let [high, low] = length(20 + udp);
    // Don't fragment; 64 hops; no checksum yet.
    let mut header =
        [&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, UDP, 0, 0], &source[..], &destination].concat();
    let checksum = !sum(0, &header);
    overwrite(&mut header, 10, checksum);
    header
}

/// RFC 8200. UDP over it has to have its checksum (section 8.1).
fn ipv6(source: [u8; 16], destination: [u8; 16], udp: &mut [u8]) -> Vec<u8> {
    let [high, low] = length(udp.len());
    let header = [&[0x60, 0, 0, 0, high, low, UDP, 64], &source[..], &destination].concat();
    let (addresses, len) = ([source, destination].concat(), udp.len() as u32);
    let pseudo = u32::from(sum(u32::from(UDP) + (len >> 16) + (len & 0xffff), &addresses));
    // Zero would say that there is none.
    let checksum = match !sum(pseudo, udp) {
        0 => 0xffff,
        checksum => checksum,
    };
    overwrite(udp, 6, checksum);
    header
}

fn overwrite(octets: &mut [u8], at: usize, checksum: u16) {
    if let Some(place) = octets.get_mut(at..at + 2) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The sum of RFC 1071.
fn sum(start: u32, octets: &[u8]) -> u16 {
    let word = |pair: &[u8]| {
        let octet = |at: usize| u32::from(pair.get(at).copied().unwrap_or(0));
        octet(0) << 8 | octet(1)
    };
    let mut sum = octets.chunks(2).fold(start, |sum, pair| sum.wrapping_add(word(pair)));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use flow::Endpoint;
    use wire::{Decoded, Decoder, Limits, Link};

    use super::*;

    fn received(source: &str, destination: &str, len: usize) -> Received {
        let end = |text: &str| Endpoint::from(text.parse::<SocketAddr>().unwrap());
        Received::new(Time::default(), Flow::new(end(source), end(destination)), &vec![b'x'; len])
    }

    #[test]
    fn is_decoded_as_what_it_stands_for() {
        for (source, destination) in
            [("192.0.2.1:5060", "192.0.2.2:40000"), ("[2001:db8::1]:5061", "[::2]:5060")]
        {
            for len in [0, 1, 1500, 65_507, 65_508, 200_000] {
                let received = received(source, destination, len);
                let mut decoder = Decoder::new(Limits::default());
                let decoded = decoder.decode(received.at, Link::RawIp, received.packet());
                let Decoded::Datagram(datagram) = decoded else { panic!("{decoded:?}") };
                assert_eq!((datagram.flow, datagram.payload.len()), (received.flow, len));
                assert_eq!((datagram.payload, datagram.truncated), (received.message(), false));
            }
        }
    }

    #[test]
    fn its_checksums_are_right() {
        let v4 = received("192.0.2.1:5060", "192.0.2.2:40000", 333);
        assert_eq!(sum(0, &v4.packet()[..20]), 0xffff);
        for len in [333, 334] {
            let v6 = received("[2001:db8::1]:5061", "[::2]:5060", len);
            let pseudo = u32::from(UDP) + 8 + len as u32;
            assert_eq!(sum(pseudo, &v6.packet()[8..]), 0xffff);
        }
    }
}
