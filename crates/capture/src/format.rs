//! What an input is, by its first bytes.

use std::fmt;

/// How many first bytes tell what an input is: the header of a classic file.
pub(crate) const SNIFF: usize = 24;

/// How long the header of a classic record is.
pub(crate) const RECORD: usize = 16;

/// How an input is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several.
    Zstd,
    /// The LZ4 frame format, one frame or several.
    Lz4,
}

impl Packing {
    /// The packing that `head` begins with.
    pub(crate) fn of(head: &[u8]) -> Option<Packing> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Packing::Lz4),
            _ => None,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Lz4 => "lz4",
        })
    }
}

/// Which capture format an input has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// pcap, version 2.4.
    Classic(Dialect),
    /// A relative or an ancestor of classic pcap, which libpcap knows.
    Odd {
        /// How long the header of a record is.
        record: usize,
    },
    /// pcapng.
    Blocks,
}

/// How a classic file writes its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dialect {
    pub(crate) big_endian: bool,
    /// What one unit of a time stamp's fraction is worth: 1000 or 1 nanoseconds.
    pub(crate) unit_ns: u32,
}

impl Format {
    /// The format that `head` begins with; a head shorter than [`SNIFF`] is that of a shorter input.
    pub(crate) fn of(head: &[u8]) -> Option<Format> {
        let (&magic, rest) = head.split_first_chunk::<4>()?;
        if magic == section_header() {
            return is_byte_order(rest.get(4..8)).then_some(Format::Blocks);
        }
        [false, true].into_iter().find_map(|big_endian| Format::classic(magic, rest, big_endian))
    }

    fn classic(magic: [u8; 4], rest: &[u8], big_endian: bool) -> Option<Format> {
        let unit_ns = match word(magic, big_endian) {
            0xa1b2_c3d4 => 1000,
            0xa1b2_3c4d => 1,
            // Kuznetzov's patch of tcpdump: interface, protocol and packet type stand before each packet.
            0xa1b2_cd34 => return Some(Format::Odd { record: RECORD + 8 }),
            _ => return None,
        };
        let current = rest.first_chunk::<4>().is_none_or(|&version| version == current_version(big_endian));
        Some(if current {
            Format::Classic(Dialect { big_endian, unit_ns })
        } else {
            Format::Odd { record: RECORD }
        })
    }
}

/// Four bytes as a number in either byte order.
#[inline]
pub(crate) fn word(bytes: [u8; 4], big_endian: bool) -> u32 {
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// The block type of a section header, the same in both byte orders.
const fn section_header() -> [u8; 4] {
    pcap_parser::SHB_MAGIC.to_le_bytes()
}

/// Whether a section's byte-order magic stands where it should; one that is cut off is not held against it.
fn is_byte_order(bytes: Option<&[u8]>) -> bool {
    bytes.is_none_or(|bytes| matches!(bytes, [0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a]))
}

const fn current_version(big_endian: bool) -> [u8; 4] {
    if big_endian { [0, 2, 0, 4] } else { [2, 0, 4, 0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classic(big_endian: bool, unit_ns: u32) -> Option<Format> {
        Some(Format::Classic(Dialect { big_endian, unit_ns }))
    }

    #[test]
    fn tells_formats_by_their_magic() {
        assert_eq!(Format::of(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00"), classic(false, 1000));
        assert_eq!(Format::of(b"\xa1\xb2\xc3\xd4\x00\x02\x00\x04"), classic(true, 1000));
        assert_eq!(Format::of(b"\x4d\x3c\xb2\xa1\x02\x00\x04\x00"), classic(false, 1));
        assert_eq!(Format::of(b"\xa1\xb2\x3c\x4d"), classic(true, 1));
        assert_eq!(Format::of(b"\xd4\xc3\xb2\xa1\x02\x00\x03\x00"), Some(Format::Odd { record: 16 }));
        assert_eq!(Format::of(b"\x34\xcd\xb2\xa1\x02\x00\x04\x00"), Some(Format::Odd { record: 24 }));
        assert_eq!(Format::of(b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a"), Some(Format::Blocks));
        assert_eq!(Format::of(b"\x0a\x0d\x0d\x0a\x1c\x00"), Some(Format::Blocks));
        assert_eq!(Format::of(b"\n\r\r\nsome text"), None);
        assert_eq!(Format::of(b"\x7fELF"), None);
        assert_eq!(Format::of(b"\xd4\xc3\xb2"), None);
        assert_eq!(Format::of(b""), None);
    }

    #[test]
    fn tells_packings_by_their_magic() {
        assert_eq!(Packing::of(b"\x1f\x8b\x08\x00"), Some(Packing::Gzip));
        assert_eq!(Packing::of(b"\x28\xb5\x2f\xfd"), Some(Packing::Zstd));
        assert_eq!(Packing::of(b"\x04\x22\x4d\x18"), Some(Packing::Lz4));
        assert_eq!(Packing::of(b"\x1f\x8b"), None);
    }
}
