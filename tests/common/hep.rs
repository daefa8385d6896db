//! HEP version 3 as a capture agent would send it, written without the program's own reader.

use super::capture::{Datagram, Frame, datagram};

/// The datagram in a frame, as an agent passes it on; `None` where the frame holds none.
pub(crate) fn packet(frame: &Frame, key: Option<&str>) -> Option<Vec<u8>> {
    let Datagram { source, destination, payload } = datagram(frame)?;
    let mut packet = b"HEP3\0\0".to_vec();
    let mut chunk = |kind: u8, value: &[u8]| {
        packet.extend([0, 0, 0, kind]);
        packet.extend(u16::try_from(6 + value.len()).expect("it fits").to_be_bytes());
        packet.extend(value);
    };
    match (source.ip(), destination.ip()) {
        (std::net::IpAddr::V4(source), std::net::IpAddr::V4(destination)) => {
            chunk(1, &[2]);
            chunk(3, &source.octets());
            chunk(4, &destination.octets());
        }
        (std::net::IpAddr::V6(source), std::net::IpAddr::V6(destination)) => {
            chunk(1, &[10]);
            chunk(5, &source.octets());
            chunk(6, &destination.octets());
        }
        mixed => panic!("{mixed:?}"),
    }
    chunk(2, &[17]);
    chunk(7, &source.port().to_be_bytes());
    chunk(8, &destination.port().to_be_bytes());
    chunk(9, &u32::try_from(frame.at_ns / 1_000_000_000).expect("it fits").to_be_bytes());
    chunk(10, &u32::try_from(frame.at_ns % 1_000_000_000 / 1000).expect("it fits").to_be_bytes());
    chunk(11, &[contents(payload)]);
    chunk(12, &2001u32.to_be_bytes());
    if let Some(key) = key {
        chunk(14, key.as_bytes());
    }
    chunk(15, payload);
    let length = u16::try_from(packet.len()).expect("it fits").to_be_bytes();
    packet[4..6].copy_from_slice(&length);
    Some(packet)
}

/// The agent's word for SIP, RTP or RTCP (RFC 5761 parts the latter two).
fn contents(payload: &[u8]) -> u8 {
    match payload {
        [first, second, ..] if first >> 6 == 2 => 4 + u8::from((192..224).contains(second)),
        _ => 1,
    }
}
