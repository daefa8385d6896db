//! Classic pcap over a mapped file (draft-ietf-opsawg-pcap): a header of 24 bytes, then records.
//!
//! ```text
//!  0        4        8        12       16
//!  | sec    | frac   | caplen | wire   | caplen bytes ...      in the byte order of the header
//! ```

use clock::Time;

use crate::error::{Error, Progress, Why};
use crate::format::{Dialect, RECORD, SNIFF, word};
use crate::frame::{Frame, Head};
use crate::link;
use crate::map::Ahead;
use crate::medium::Mapping;

/// The most that a record may hold: libpcap's MAXIMUM_SNAPLEN.
pub(crate) const MAX_PACKET: u32 = 256 * 1024;

/// The records of one mapped file.
#[derive(Debug)]
pub(crate) struct Classic {
    mapping: Mapping,
    ahead: Ahead,
    dialect: Dialect,
    link: u32,
    head: Head,
    progress: Progress,
}

impl Classic {
    /// Reads the file's header; fails where it is cut.
    pub(crate) fn new(mapping: Mapping, dialect: Dialect, mut progress: Progress) -> Result<Classic, Error> {
        let Some(header) = mapping.bytes().first_chunk::<SNIFF>() else {
            return Err(progress.cut_short(SNIFF - mapping.bytes().len()));
        };
        let [.., a, b, c, d] = *header;
        let link = link::of_header(word([a, b, c, d], dialect.big_endian));
        progress.offset = SNIFF as u64;
        Ok(Classic { mapping, ahead: Ahead::default(), dialect, link, head: Head::default(), progress })
    }

    /// Steps to the next record and tells its time; `None` at the end.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, Error> {
        let next = self.progress.offset as usize;
        self.ahead.reach(&self.mapping.map, next);
        let rest = self.mapping.bytes().get(next..).unwrap_or_default();
        let Some((header, body)) = rest.split_first_chunk::<RECORD>() else {
            return if rest.is_empty() {
                Ok(None)
            } else {
                Err(self.progress.cut_short(RECORD - rest.len()))
            };
        };
        let [seconds, fraction, caplen, wire_len] = words(header, self.dialect.big_endian);
        let len = caplen as usize;
        if caplen > MAX_PACKET {
            return Err(self.progress.damaged(Why::PacketLength(caplen)));
        }
        if len > body.len() {
            return Err(self.progress.cut_short(len - body.len()));
        }
        // At most 2^32 s and as many units: far from what an i64 holds.
        let ns = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.dialect.unit_ns);
        let at = Time::from_ns(ns);
        self.head = Head { at, link: self.link, wire_len, start: next + RECORD, len, interface: 0 };
        self.progress.offset = (next + RECORD + len) as u64;
        self.progress.frames += 1;
        Ok(Some(at))
    }

    /// The record it stands at.
    #[inline]
    pub(crate) fn frame(&self) -> Frame<'_> {
        self.head.frame(self.mapping.bytes(), Some(self.mapping.begin))
    }

    /// How much of the file was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.progress.offset
    }
}

/// The four numbers of a record's header.
#[inline]
fn words(header: &[u8; RECORD], big_endian: bool) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *header;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(|bytes| word(bytes, big_endian))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Classic as Writer, Packet};

    #[test]
    fn reads_all_four_dialects() {
        let packets =
            [Packet::new(1_500_000_000_123_456_000, b"one"), Packet::new(1_500_000_001_000_001_000, b"")];
        for (big_endian, nanoseconds) in [(false, false), (false, true), (true, false), (true, true)] {
            let file = Writer { big_endian, nanoseconds, ..Writer::default() }.file(&packets);
            let (frames, errors) = testing::read(&[&file]);
            assert_eq!(frames, packets, "{big_endian} {nanoseconds}");
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    #[test]
    fn keeps_nanoseconds_and_reads_past_2038_and_odd_fractions() {
        let file = Writer { nanoseconds: true, ..Writer::default() }
            .file(&[Packet::new(3_000_000_000_123_456_789, b"x")]);
        assert_eq!(testing::read(&[&file]).0[0].at_ns, 3_000_000_000_123_456_789);

        let mut file = Writer::default().file(&[Packet::new(0, b"x")]);
        file[28..32].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(testing::read(&[&file]).0[0].at_ns, i64::from(u32::MAX) * 1000);
    }

    #[test]
    fn tells_a_length_that_is_impossible_from_one_that_is_cut() {
        let packets = [Packet::new(1, b"good"), Packet::new(2, b"bad")];
        let mut file = Writer { nanoseconds: true, ..Writer::default() }.file(&packets);
        let caplen = SNIFF + RECORD + 4 + 8;
        file[caplen..caplen + 4].copy_from_slice(&(MAX_PACKET + 1).to_le_bytes());
        let (frames, errors) = testing::read(&[&file]);
        assert_eq!(frames, &packets[..1]);
        assert!(matches!(
            errors[..],
            [Error::Damaged { offset: 44, frames: 1, why: Why::PacketLength(262_145), .. }]
        ));

        file[caplen..caplen + 4].copy_from_slice(&MAX_PACKET.to_le_bytes());
        let (frames, errors) = testing::read(&[&file]);
        assert_eq!(frames, &packets[..1]);
        assert!(matches!(errors[..], [Error::CutShort { offset: 44, frames: 1, missing: 262_141, .. }]));
    }
}
