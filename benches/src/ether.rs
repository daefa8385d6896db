//! UDP datagrams in IPv4 packets in Ethernet frames, lengths and checksums right (RFC 768, RFC 791).

use std::net::SocketAddrV4;

/// Who sends to whom, and how the network is asked to treat it.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Who sends.
    pub source: SocketAddrV4,
    /// Who receives.
    pub destination: SocketAddrV4,
    /// The type of service octet: 0xb8 is expedited forwarding, for media.
    pub service: u8,
}

impl Path {
    /// The way back.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Path { source: self.destination, destination: self.source, service: self.service }
    }

    /// Puts the frame that carries `payload` into `frame`, in place of what was there; `id` tells it from the
    /// sender's other packets. A payload beyond 65507 bytes is cut to that.
    pub fn write_frame(&self, id: u16, payload: &[u8], frame: &mut Vec<u8>) {
        let payload = payload.get(..MOST_PAYLOAD).unwrap_or(payload);
        let udp_length = (payload.len() + 8) as u16;
        let (source, destination) = (self.source.ip().octets(), self.destination.ip().octets());

        frame.clear();
        for mac_of in [destination, source] {
            frame.extend([0x02, 0x00]);
            frame.extend(mac_of);
        }
        frame.extend(ETHERTYPE_IPV4);

        let mut ip = [0; 20];
        let length = (udp_length + 20).to_be_bytes();
        ip[..4].copy_from_slice(&[0x45, self.service, length[0], length[1]]);
        ip[4..6].copy_from_slice(&id.to_be_bytes());
        ip[6..10].copy_from_slice(&[DONT_FRAGMENT, 0, 64, PROTOCOL_UDP]);
        ip[12..16].copy_from_slice(&source);
        ip[16..].copy_from_slice(&destination);
        let checksum = checksum(&[&ip]);
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        frame.extend(ip);

        let mut udp = [0; 8];
        udp[..2].copy_from_slice(&self.source.port().to_be_bytes());
        udp[2..4].copy_from_slice(&self.destination.port().to_be_bytes());
        udp[4..6].copy_from_slice(&udp_length.to_be_bytes());
        let checksum = udp_checksum(&source, &destination, &udp, payload);
        udp[6..].copy_from_slice(&checksum.to_be_bytes());
        frame.extend(udp);
        frame.extend(payload);
    }
}

const MOST_PAYLOAD: usize = 65_507;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const DONT_FRAGMENT: u8 = 0x40;
const PROTOCOL_UDP: u8 = 17;

/// Over the pseudo header too; a sum of zero is sent as its other form, for zero says that there is none.
fn udp_checksum(source: &[u8; 4], destination: &[u8; 4], udp: &[u8; 8], payload: &[u8]) -> u16 {
    let protocol_and_length = [0, PROTOCOL_UDP, udp[4], udp[5]];
    match checksum(&[source, destination, &protocol_and_length, udp, payload]) {
        0 => 0xffff,
        sum => sum,
    }
}

/// The Internet checksum (RFC 1071) of `parts` in a row, of which only the last may have an odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (words, odd) = part.as_chunks::<2>();
        sum += words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>();
        sum += odd.first().map_or(0, |&last| u64::from(last) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Path {
        let source = "192.0.2.10:20000".parse().unwrap();
        Path { source, destination: "198.51.100.20:30000".parse().unwrap(), service: 0xb8 }
    }

    #[test]
    fn sums_as_rfc_1071_shows() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&bytes]), !0xddf2);
        assert_eq!(checksum(&[&bytes[..4], &bytes[4..7]]), !0xdcfb);
    }

    #[test]
    fn a_receiver_finds_both_checksums_right() {
        for payload in [&b""[..], b"odd", b"even", &[0xff; 160]] {
            let mut frame = vec![1; 9];
            path().write_frame(7, payload, &mut frame);
            assert_eq!(frame.len(), 42 + payload.len());
            let (ip, udp) = frame[14..].split_at(20);
            assert_eq!(checksum(&[ip]), 0);
            assert_eq!(checksum(&[&ip[12..], &[0, 17, udp[4], udp[5]], udp]), 0);
            assert_eq!(&udp[8..], payload);
        }
    }

    #[test]
    fn writes_the_headers_in_network_order() {
        let mut frame = Vec::new();
        path().write_frame(0x1234, b"", &mut frame);
        let expected = [
            0x02, 0, 198, 51, 100, 20, 0x02, 0, 192, 0, 2, 10, 0x08, 0x00, // Ethernet
            0x45, 0xb8, 0, 28, 0x12, 0x34, 0x40, 0, 64, 17, 0x3b, 0x93, 192, 0, 2, 10, 198, 51, 100,
            20, // IPv4
            0x4e, 0x20, 0x75, 0x30, 0, 8, // UDP; its checksum is tested above
        ];
        assert_eq!(frame[..40], expected);
    }
}
