//! Captures made by hand, in every dialect, and a replay of them; for tests only.

use std::io::Write;
use std::path::PathBuf;

use clock::Time;
use tempfile::TempDir;

use crate::{Error, Input, Replay};

/// A frame with its own bytes, to write and to compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Packet {
    pub(crate) at_ns: i64,
    pub(crate) link: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_len: u32,
}

impl Packet {
    pub(crate) fn new(at_ns: i64, bytes: &[u8]) -> Packet {
        Packet { at_ns, link: 1, bytes: bytes.to_vec(), wire_len: bytes.len() as u32 }
    }
}

/// A writer of classic pcap.
#[derive(Clone, Copy)]
pub(crate) struct Classic {
    pub(crate) big_endian: bool,
    pub(crate) nanoseconds: bool,
    pub(crate) snaplen: u32,
    pub(crate) network: u32,
    /// The header of Kuznetzov's patch, with eight bytes more a record.
    pub(crate) modified: bool,
}

impl Default for Classic {
    fn default() -> Self {
        Classic { big_endian: false, nanoseconds: false, snaplen: 65_535, network: 1, modified: false }
    }
}

impl Classic {
    pub(crate) fn file(self, packets: &[Packet]) -> Vec<u8> {
        let magic = match (self.modified, self.nanoseconds) {
            (true, _) => 0xa1b2_cd34,
            (_, true) => 0xa1b2_3c4d,
            _ => 0xa1b2_c3d4,
        };
        let mut out = Out { bytes: Vec::new(), big_endian: self.big_endian };
        out.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(self.snaplen).u32(self.network);
        for packet in packets {
            let (seconds, ns) = (packet.at_ns / 1_000_000_000, (packet.at_ns % 1_000_000_000) as u32);
            out.u32(seconds as u32).u32(if self.nanoseconds { ns } else { ns / 1000 });
            out.u32(packet.bytes.len() as u32).u32(packet.wire_len);
            if self.modified {
                out.u32(1).u16(0x0800).u16(0);
            }
            out.bytes.extend(&packet.bytes);
        }
        out.bytes
    }
}

/// A writer of pcapng, block by block.
pub(crate) struct Blocks(Out);

impl Blocks {
    /// Begins with a section header.
    pub(crate) fn new(big_endian: bool) -> Blocks {
        Blocks(Out { bytes: Vec::new(), big_endian: false }).section(big_endian)
    }

    pub(crate) fn section(mut self, big_endian: bool) -> Blocks {
        self.0.big_endian = big_endian;
        self.block(0x0a0d_0d0a, |out| out.u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX))
    }

    pub(crate) fn interface(self, link: u16, snaplen: u32, resolution: Option<u8>, offset_s: i64) -> Blocks {
        self.block(1, |out| {
            out.u16(link).u16(0).u32(snaplen);
            if let Some(resolution) = resolution {
                out.u16(9).u16(1).put(&[resolution, 0, 0, 0]);
            }
            if offset_s != 0 {
                let (high, low) = ((offset_s as u64 >> 32) as u32, offset_s as u32);
                let halves = if out.big_endian { [high, low] } else { [low, high] };
                out.u16(14).u16(8).u32(halves[0]).u32(halves[1]);
            }
            out.u16(0).u16(0)
        })
    }

    pub(crate) fn enhanced(self, interface: u32, stamp: u64, bytes: &[u8]) -> Blocks {
        self.block(6, |out| {
            out.u32(interface).u32((stamp >> 32) as u32).u32(stamp as u32);
            out.u32(bytes.len() as u32).u32(bytes.len() as u32 + 1).padded(bytes);
            // epb_flags, and the end of the options.
            out.u16(2).u16(4).u32(1).u16(0).u16(0)
        })
    }

    pub(crate) fn simple(self, wire_len: u32, bytes: &[u8]) -> Blocks {
        self.block(3, |out| out.u32(wire_len).padded(bytes))
    }

    pub(crate) fn obsolete(self, interface: u16, stamp: u64, bytes: &[u8]) -> Blocks {
        self.block(2, |out| {
            out.u16(interface).u16(0).u32((stamp >> 32) as u32).u32(stamp as u32);
            out.u32(bytes.len() as u32).u32(bytes.len() as u32).padded(bytes)
        })
    }

    pub(crate) fn block(mut self, kind: u32, contents: impl FnOnce(&mut Out) -> &mut Out) -> Blocks {
        let start = self.0.bytes.len();
        self.0.u32(kind).u32(0);
        contents(&mut self.0);
        let len = (self.0.bytes.len() - start + 4) as u32;
        self.0.u32(len);
        let stated = if self.0.big_endian { len.to_be_bytes() } else { len.to_le_bytes() };
        self.0.bytes[start + 4..start + 8].copy_from_slice(&stated);
        self
    }

    pub(crate) fn file(self) -> Vec<u8> {
        self.0.bytes
    }
}

/// Numbers in either byte order.
pub(crate) struct Out {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Out {
    pub(crate) fn u16(&mut self, value: u16) -> &mut Out {
        self.put(&if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() })
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Out {
        self.put(&if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() })
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Out {
        self.bytes.extend(bytes);
        self
    }

    pub(crate) fn padded(&mut self, bytes: &[u8]) -> &mut Out {
        // Padding that would show if it were taken for a part of the packet.
        self.put(bytes).put(&[0xee; 3][..bytes.len().next_multiple_of(4) - bytes.len()])
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes each of `contents` into a file of its own.
pub(crate) fn files(contents: &[&[u8]]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let name = |(index, bytes): (usize, &&[u8])| {
        let path = folder.path().join(index.to_string());
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = contents.iter().enumerate().map(name).collect();
    (folder, paths)
}

/// Opens files with these contents; the errors of opening come first in what [`read`] gives.
pub(crate) fn open(contents: &[&[u8]]) -> (TempDir, Replay, Vec<Error>) {
    let (folder, paths) = files(contents);
    let inputs: Vec<Input> = paths.into_iter().map(Input::File).collect();
    let (replay, errors) = Replay::open(&inputs);
    (folder, replay, errors)
}

/// Every frame and every error of files with these contents.
pub(crate) fn read(contents: &[&[u8]]) -> (Vec<Packet>, Vec<Error>) {
    let (_folder, mut replay, mut errors) = open(contents);
    let packets = drain(&mut replay, &mut errors);
    (packets, errors)
}

/// Every frame that is left, checked against the medium where it has a place.
pub(crate) fn drain(replay: &mut Replay, errors: &mut Vec<Error>) -> Vec<Packet> {
    let medium = replay.medium();
    let mut packets = Vec::new();
    loop {
        match replay.next() {
            Ok(Some(frame)) => {
                if let Some(place) = frame.place {
                    assert_eq!(medium.slice(place, frame.bytes.len()), Some(frame.bytes));
                }
                let (at_ns, bytes) = (Time::as_ns(frame.at), frame.bytes.to_vec());
                packets.push(Packet { at_ns, link: frame.link, bytes, wire_len: frame.wire_len });
            }
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(replay.frames_read(), packets.len() as u64);
    packets
}
