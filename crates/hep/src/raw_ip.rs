//! A datagram as an IP packet: what an agent sends has lost its headers, and a capture file wants some.

use std::net::IpAddr;

use flow::Flow;

use crate::inflate::LARGEST_PAYLOAD;

/// Writes the IP packet of a UDP datagram into `packet`, in place of what was in it: a frame of the link type raw IP.
///
/// Where the ends are of two families, IPv6 holds both. A payload that no datagram can hold is cut.
pub fn raw_ip(flow: Flow, payload: &[u8], packet: &mut Vec<u8>) {
    let payload = payload.get(..LARGEST_PAYLOAD).unwrap_or(payload);
    packet.clear();
    match (flow.source.address.ip(), flow.destination.address.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = (IPV4 + UDP + payload.len()) as u16;
            // Version and header length, no service, the length; no fragments; 64 hops, UDP, the sum still open.
            packet.extend([0x45, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, PROTOCOL, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            let sum = !fold(sum(packet));
            if let Some(place) = packet.get_mut(10..12) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
            // In IPv4 a datagram may go without a sum (RFC 768), and nobody knows which one this had.
            udp(flow, payload, 0, packet);
        }
        (source, destination) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(((UDP + payload.len()) as u16).to_be_bytes());
            packet.extend([PROTOCOL, 64]);
            for address in [source, destination] {
                packet.extend(v6(address));
            }
            let checksum = checksum_v6(flow, payload, packet.get(8..IPV6).unwrap_or_default());
            udp(flow, payload, checksum, packet);
        }
    }
}

fn udp(flow: Flow, payload: &[u8], checksum: u16, packet: &mut Vec<u8>) {
    for number in [flow.source.port, flow.destination.port, (UDP + payload.len()) as u16, checksum] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend_from_slice(payload);
}

/// Over pseudo header, header and data (RFC 8200, section 8.1).
fn checksum_v6(flow: Flow, payload: &[u8], addresses: &[u8]) -> u16 {
    let length = (UDP + payload.len()) as u64;
    // The length stands in the pseudo header and in the header.
    let ports = u64::from(flow.source.port) + u64::from(flow.destination.port);
    let whole = sum(addresses) + 2 * length + u64::from(PROTOCOL) + ports + sum(payload);
    match !fold(whole) {
        // Zero would say that there is none.
        0 => 0xffff,
        checksum => checksum,
    }
}

/// The sum of 16-bit words, of RFC 1071.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |&byte| u64::from(byte) << 8);
    words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>() + last
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
/// UDP, in the registry of IP.
const PROTOCOL: u8 = 17;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::endpoint;

    fn built(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
        let mut packet = b"before".to_vec();
        raw_ip(Flow::new(endpoint(from), endpoint(to)), payload, &mut packet);
        packet
    }

    #[test]
    fn writes_ipv4_with_a_sum_over_its_header() {
        let packet = built("192.0.2.1:5060", "198.51.100.2:5062", b"abc");
        assert_eq!(packet[..10], [0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17]);
        assert_eq!(fold(sum(&packet[..20])), 0xffff);
        assert_eq!(packet[12..20], [192, 0, 2, 1, 198, 51, 100, 2]);
        assert_eq!(packet[20..], *b"\x13\xc4\x13\xc6\0\x0b\0\0abc");
    }

    #[test]
    fn writes_ipv6_with_a_sum_over_all() {
        for payload in [&b"even"[..], b"odd", b""] {
            let packet = built("[2001:db8::1]:5060", "[2001:db8::2]:5062", payload);
            assert_eq!((packet[0], packet[6], packet.len()), (0x60, 17, 48 + payload.len()));
            let length = (8 + payload.len()) as u64;
            let pseudo = sum(&packet[8..40]) + length + 17;
            assert_eq!(fold(pseudo + sum(&packet[40..])), 0xffff);
        }
        assert_eq!(built("192.0.2.1:1", "[2001:db8::2]:2", b"")[0], 0x60, "two families");
    }

    #[test]
    fn the_largest_payload_fits_and_a_larger_one_is_cut() {
        for size in [LARGEST_PAYLOAD, LARGEST_PAYLOAD + 9] {
            let packet = built("192.0.2.1:5060", "198.51.100.2:5062", &vec![7; size]);
            assert_eq!((packet.len(), &packet[2..4]), (65_535, &[0xff, 0xff][..]));
        }
    }
}
