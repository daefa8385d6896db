//! Frames made again, for packets of which only payload and header were kept: IP and UDP around them, without a link
//! layer.

use std::borrow::Cow;
use std::net::IpAddr;

use flow::{Endpoint, Flow};
use rtp::{KeptFrame, Medium, Slot, Stream};

/// LINKTYPE_RAW: an IP packet and nothing before it.
const RAW: u32 = 101;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;

/// A frame and where the RTP packet's parts stand in it.
pub(crate) struct Rebuilt<'a> {
    pub(crate) frame: KeptFrame<'a>,
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// Every packet of `stream` as a frame: as it was captured where all of them were kept whole, else made again. Each is
/// made as it is asked for.
pub(crate) fn frames<'a>(
    stream: &'a Stream,
    medium: &'a dyn Medium,
) -> Box<dyn Iterator<Item = Rebuilt<'a>> + 'a> {
    let kept = &stream.kept;
    if kept.frames(medium).count() == kept.len() {
        return Box::new(
            kept.frames(medium).map(|frame| Rebuilt { bytes: Cow::Borrowed(frame.bytes), frame }),
        );
    }
    let packets = kept.bodies(medium).zip(kept.headers(medium));
    Box::new(packets.map(|((slot, body), header)| rebuild(stream, &slot, header, body)))
}

/// The latest `count` packets of `stream` in the same way, as far as they are in memory.
pub(crate) fn latest<'a>(
    stream: &'a Stream,
    count: usize,
    medium: &'a dyn Medium,
) -> impl Iterator<Item = Rebuilt<'a>> {
    stream.kept.latest(count, medium).map(|latest| match latest.frame {
        Some(frame) => Rebuilt { bytes: Cow::Borrowed(frame.bytes), frame },
        None => rebuild(stream, &latest.slot, latest.header, latest.body),
    })
}

fn rebuild<'a>(stream: &Stream, slot: &Slot, header: Option<&[u8]>, body: &[u8]) -> Rebuilt<'a> {
    let plain = slot.plain_header(stream.ssrc);
    let header = header.unwrap_or(&plain);
    let bytes = datagram(stream.flow, &[header, body].concat());
    let frame = KeptFrame {
        arrival: slot.arrival(),
        link: RAW,
        bytes: &[],
        body: (bytes.len() - body.len(), body.len()),
        is_padded: rtp::is_padded(header),
        payload_type: slot.payload_type(),
    };
    Rebuilt { frame, bytes: Cow::Owned(bytes) }
}

/// An IP packet of `flow` that carries `data` by UDP.
fn datagram(flow: Flow, data: &[u8]) -> Vec<u8> {
    let length = (UDP_HEADER + data.len()) as u16;
    let port = |endpoint: Endpoint| endpoint.port.to_be_bytes();
    let (source, destination) = (flow.source.address.ip(), flow.destination.address.ip());
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, UDP, 0, 0];
            header.extend(source.octets());
            header.extend(destination.octets());
            put(&mut header, 2, 20 + length);
            let sum = checksum(&[&header]);
            put(&mut header, 10, sum);
            header
        }
        (source, destination) => {
            let v6 = |address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let mut header = vec![0x60, 0, 0, 0, 0, 0, UDP, 64];
            put(&mut header, 4, length);
            header.extend(v6(source).octets());
            header.extend(v6(destination).octets());
            header
        }
    };
    let mut udp = [port(flow.source), port(flow.destination), length.to_be_bytes(), [0, 0]].concat();
    // The pseudo header: both addresses, which end the IP header in either version, the length and the protocol.
    let addresses = if source.is_ipv4() && destination.is_ipv4() { 8 } else { 32 };
    let (_, addresses) = packet.split_at(packet.len() - addresses);
    let [high, low] = length.to_be_bytes();
    let sum = checksum(&[addresses, &[high, low, 0, UDP], &udp, data]);
    // Zero would say that there is none (RFC 768).
    put(&mut udp, 6, if sum == 0 { 0xffff } else { sum });
    packet.extend(udp);
    packet.extend(data);
    packet
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    for (place, octet) in bytes.iter_mut().skip(at).zip(value.to_be_bytes()) {
        *place = octet;
    }
}

/// RFC 1071, over parts that are all but the last of an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2)).map(|pair| {
        u64::from(pair.first().copied().unwrap_or(0)) << 8 | u64::from(pair.get(1).copied().unwrap_or(0))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Time;
    use flow::Address;
    use wire::{Decoded, Decoder, Link};

    #[test]
    fn what_is_made_again_is_read_again() {
        let v4 = |host| Address::v4([192, 0, 2, host]);
        let v6 = |host| Address::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        for (source, destination) in [(v4(1), v4(2)), (v6(1), v6(2))] {
            let flow = Flow::new(Endpoint::new(source, 4000), Endpoint::new(destination, 6001));
            for data in [&b"even"[..], b"odd", b""] {
                let packet = datagram(flow, data);
                let mut decoder = Decoder::new(wire::Limits::default());
                let Decoded::Datagram(read) = decoder.decode(Time::default(), Link::from(RAW), &packet)
                else {
                    panic!("{packet:?}")
                };
                assert_eq!((read.flow, read.payload), (flow, data));
                // A sum over everything, its own place included, comes out as zero.
                let (header, udp) = packet.split_at(packet.len() - UDP_HEADER - data.len());
                let addresses = if source == v4(1) { &header[12..] } else { &header[8..] };
                let length = (udp.len() as u16).to_be_bytes();
                assert_eq!(checksum(&[addresses, &[length[0], length[1], 0, UDP], udp]), 0);
            }
        }
    }
}
