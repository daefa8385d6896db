//! Just enough of pcap, pcapng, Ethernet, IP, UDP and RTP to know what a capture holds without asking the program.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// A frame of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// Nanoseconds since 1970.
    pub(crate) at_ns: i64,
    pub(crate) link: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What a frame of UDP carries.
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload: &'a [u8],
}

/// An RTP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rtp {
    pub(crate) at_ns: i64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) time_stamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

/// The frames of a capture file.
pub(crate) fn frames(path: &Path) -> Vec<Frame> {
    let file = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) { blocks(&file) } else { classic(&file) }
}

/// pcap, little-endian, in microseconds.
fn classic(file: &[u8]) -> Vec<Frame> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "a capture in microseconds, little-endian");
    let link = u32_le(file, 20);
    let (mut at, mut frames) = (24, Vec::new());
    while at < file.len() {
        let len = u32_le(file, at + 8) as usize;
        let at_ns = i64::from(u32_le(file, at)) * 1_000_000_000 + i64::from(u32_le(file, at + 4)) * 1000;
        frames.push(Frame { at_ns, link, bytes: file[at + 16..at + 16 + len].to_vec() });
        at += 16 + len;
    }
    frames
}

/// pcapng as the program writes it: one section, nanoseconds.
fn blocks(file: &[u8]) -> Vec<Frame> {
    let (mut at, mut links, mut frames) = (0, Vec::new(), Vec::new());
    while at < file.len() {
        let len = u32_le(file, at + 4) as usize;
        assert_eq!(u32_le(file, at + len - 4) as usize, len, "a block ends with its length");
        match u32_le(file, at) {
            1 => {
                links.push(u32_le(file, at + 8) & 0xffff);
                assert_eq!(file[at + 16..at + 21], [9, 0, 1, 0, 9], "nanoseconds");
            }
            6 => {
                let captured = u32_le(file, at + 20) as usize;
                frames.push(Frame {
                    at_ns: (i64::from(u32_le(file, at + 12)) << 32) + i64::from(u32_le(file, at + 16)),
                    link: links[u32_le(file, at + 8) as usize],
                    bytes: file[at + 28..at + 28 + captured].to_vec(),
                });
            }
            _ => {}
        }
        at += len;
    }
    frames
}

/// A capture of these Ethernet frames, as tcpdump writes it.
pub(crate) fn pcap(frames: &[Frame]) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for frame in frames {
        let len = frame.bytes.len() as u32;
        let seconds = (frame.at_ns / 1_000_000_000) as u32;
        let micros = (frame.at_ns % 1_000_000_000 / 1000) as u32;
        for word in [seconds, micros, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(&frame.bytes);
    }
    file
}

/// A capture of frames of any link types: pcapng with an interface for each, in nanoseconds.
pub(crate) fn pcapng(frames: &[Frame]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let len = (padded as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &vec![0; padded - body.len()], &len].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    let mut links: Vec<u32> = Vec::new();
    for frame in frames {
        let known = links.iter().position(|link| *link == frame.link);
        let interface = known.unwrap_or_else(|| {
            links.push(frame.link);
            // The resolution is 10^-9.
            file.extend(block(1, &words(&[frame.link, 0, 1 << 16 | 9, 9, 0])));
            links.len() - 1
        });
        let len = frame.bytes.len() as u32;
        let mut body = words(&[interface as u32, (frame.at_ns >> 32) as u32, frame.at_ns as u32, len, len]);
        body.extend(&frame.bytes);
        file.extend(block(6, &body));
    }
    file
}

/// The UDP datagram in an Ethernet frame, as much of it as was captured.
pub(crate) fn datagram(frame: &Frame) -> Option<Datagram<'_>> {
    assert_eq!(frame.link, 1, "Ethernet");
    let bytes = &frame.bytes;
    let (source, destination, udp): (IpAddr, IpAddr, &[u8]) = match u16_be(bytes, 12) {
        0x0800 if bytes[23] == 17 => {
            let address = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).expect("four").into();
            let end = bytes.len().min(14 + usize::from(u16_be(bytes, 16)));
            (address(26), address(30), bytes.get(14 + 4 * usize::from(bytes[14] & 15)..end)?)
        }
        0x86dd if bytes[20] == 17 => {
            let address = |at: usize| <[u8; 16]>::try_from(&bytes[at..at + 16]).expect("sixteen").into();
            (address(22), address(38), bytes.get(54..54 + usize::from(u16_be(bytes, 18)))?)
        }
        _ => return None,
    };
    Some(Datagram {
        source: SocketAddr::new(source, u16_be(udp, 0)),
        destination: SocketAddr::new(destination, u16_be(udp, 2)),
        payload: udp.get(8..)?,
    })
}

/// Every packet that could be RTP and is no RTCP (RFC 5761).
pub(crate) fn rtp(frames: &[Frame]) -> Vec<Rtp> {
    frames.iter().filter_map(|frame| rtp_of(frame.at_ns, &datagram(frame)?)).collect()
}

fn rtp_of(at_ns: i64, datagram: &Datagram<'_>) -> Option<Rtp> {
    let bytes = datagram.payload;
    if bytes.len() < 12 || bytes[0] >> 6 != 2 || (192..224).contains(&bytes[1]) {
        return None;
    }
    let mut at = 12 + 4 * usize::from(bytes[0] & 15);
    if bytes[0] & 0x10 != 0 {
        at += 4 + 4 * usize::from(u16_be(bytes, at + 2));
    }
    let padding = if bytes[0] & 0x20 != 0 { usize::from(*bytes.last()?) } else { 0 };
    Some(Rtp {
        at_ns,
        source: datagram.source,
        destination: datagram.destination,
        payload_type: bytes[1] & 0x7f,
        sequence: u16_be(bytes, 2),
        time_stamp: u32::from_be_bytes(bytes[4..8].try_into().ok()?),
        ssrc: u32::from_be_bytes(bytes[8..12].try_into().ok()?),
        payload: bytes.get(at..bytes.len() - padding)?.to_vec(),
    })
}

fn u16_be(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four octets"))
}
