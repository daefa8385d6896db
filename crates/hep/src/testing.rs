//! For the tests: a packet of a real agent, and packets built chunk by chunk without the code that reads them.

use std::net::SocketAddr;

use flow::Endpoint;

use crate::packet::{Contents, Packet};

/// From `fixtures/hep/kamailio_siptrace.pcap`: kamailio 5.6.3, siptrace with `hep_version` 3 and `hep_capture_id` 77.
pub(crate) const KAMAILIO: &[u8] = include_bytes!("../testdata/kamailio_siptrace_ack.hep");

pub(crate) fn endpoint(text: &str) -> Endpoint {
    text.parse::<SocketAddr>().unwrap().into()
}

/// The packet as an agent would send it.
pub(crate) fn build(packet: &Packet<'_>) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut put = |kind: u16, value: &[u8]| {
        chunks.extend([0, 0]);
        chunks.extend(kind.to_be_bytes());
        chunks.extend(u16::try_from(6 + value.len()).unwrap().to_be_bytes());
        chunks.extend_from_slice(value);
    };
    if let Some(flow) = packet.flow {
        let ends = [(flow.source, 0), (flow.destination, 1)];
        for (end, which) in ends {
            match end.address.ip() {
                std::net::IpAddr::V4(v4) => put(3 + which, &v4.octets()),
                std::net::IpAddr::V6(v6) => put(5 + which, &v6.octets()),
            }
            put(7 + which, &end.port.to_be_bytes());
        }
    }
    packet.transport.into_iter().for_each(|number| put(2, &[number]));
    if let Some(at) = packet.at {
        let ns = at.as_ns();
        put(9, &u32::try_from(ns / 1_000_000_000).unwrap().to_be_bytes());
        put(10, &u32::try_from(ns % 1_000_000_000 / 1000).unwrap().to_be_bytes());
    }
    match packet.contents {
        Contents::Sip => put(11, &[1]),
        Contents::Rtp => put(11, &[4]),
        Contents::Rtcp => put(11, &[5]),
        Contents::Other(number) => put(11, &[number]),
        Contents::Unknown => {}
    }
    packet.agent.into_iter().for_each(|number| put(12, &number.to_be_bytes()));
    packet.key.into_iter().for_each(|key| put(14, key));
    packet.payload.into_iter().for_each(|payload| put(15, payload));
    packet.packed.into_iter().for_each(|packed| put(16, packed));
    packet.correlation.into_iter().for_each(|correlation| put(17, correlation));
    packet.vlan.into_iter().for_each(|vlan| put(18, &vlan.to_be_bytes()));
    let length = u16::try_from(6 + chunks.len()).unwrap();
    [&b"HEP3"[..], &length.to_be_bytes(), &chunks].concat()
}
