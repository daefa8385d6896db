//! Chunks: what a HEP packet is made of.
//!
//! ```text
//!  0                   1                   2                   3
//! +-------------------------------+-------------------------------+
//! |           vendor              |             type              |
//! +-------------------------------+-------------------------------+
//! | length, these 6 octets and all|  value ...
//! +-------------------------------+------------------------------
//! ```

use crate::refused::Refused;

/// One chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chunk<'a> {
    /// Whose type it is; 0 for the types that all vendors share.
    pub(crate) vendor: u16,
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
}

/// The types that all vendors share, as far as they are read here.
pub(crate) mod kind {
    pub(crate) const TRANSPORT: u16 = 0x02;
    pub(crate) const SOURCE_V4: u16 = 0x03;
    pub(crate) const DESTINATION_V4: u16 = 0x04;
    pub(crate) const SOURCE_V6: u16 = 0x05;
    pub(crate) const DESTINATION_V6: u16 = 0x06;
    pub(crate) const SOURCE_PORT: u16 = 0x07;
    pub(crate) const DESTINATION_PORT: u16 = 0x08;
    pub(crate) const SECONDS: u16 = 0x09;
    pub(crate) const MICROSECONDS: u16 = 0x0a;
    pub(crate) const CONTENTS: u16 = 0x0b;
    pub(crate) const AGENT: u16 = 0x0c;
    pub(crate) const KEY: u16 = 0x0e;
    pub(crate) const PAYLOAD: u16 = 0x0f;
    pub(crate) const PACKED_PAYLOAD: u16 = 0x10;
    pub(crate) const CORRELATION: u16 = 0x11;
    pub(crate) const VLAN: u16 = 0x12;
}

/// The chunks behind a packet's header, one after the other; after a refusal there is none.
pub(crate) struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Chunks<'a> {
        Chunks(bytes)
    }

    fn split(bytes: &'a [u8]) -> Option<(Chunk<'a>, &'a [u8])> {
        let (&[v0, v1, k0, k1, l0, l1], _) = bytes.split_first_chunk::<HEADER>()?;
        let (whole, rest) = bytes.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        let value = whole.get(HEADER..)?;
        let (vendor, kind) = (u16::from_be_bytes([v0, v1]), u16::from_be_bytes([k0, k1]));
        Some((Chunk { vendor, kind, value }, rest))
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let split = Chunks::split(self.0);
        self.0 = split.map_or(&[], |(_, rest)| rest);
        Some(split.map(|(chunk, _)| chunk).ok_or(Refused::Chunk))
    }
}

/// Vendor, type and length.
const HEADER: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_after_the_other_and_stops_at_a_bad_one() {
        let bytes = b"\0\0\0\x01\0\x07\x02\0\x10\0\x02\0\x08ab\0\0\0\x03\0\x05";
        let chunks: Vec<_> = Chunks::new(bytes).collect();
        let expected = [
            Ok(Chunk { vendor: 0, kind: 1, value: b"\x02" }),
            Ok(Chunk { vendor: 16, kind: 2, value: b"ab" }),
            Err(Refused::Chunk),
        ];
        assert_eq!(chunks, expected);
    }

    #[test]
    fn a_chunk_that_is_cut_is_refused_wherever_it_is_cut() {
        let bytes = b"\0\0\0\x01\0\x08ab";
        for len in 1..bytes.len() {
            assert_eq!(Chunks::new(&bytes[..len]).collect::<Vec<_>>(), [Err(Refused::Chunk)]);
        }
        assert_eq!(Chunks::new(b"").count(), 0);
    }
}
