//! The packets in the bytes of a TCP connection: one behind the other, each with its length in its header.
//!
//! Where something else stands between them, the next `HEP3` is looked for and what lies before it is counted.

use crate::packet::{HEADER, MAGIC};

/// Takes bytes as they come and gives whole packets. It holds less than two packets, of 64 KiB at most, and what was
/// last pushed.
#[derive(Default, Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Where the next packet begins in `buffer`.
    at: usize,
    skipped: u64,
}

impl Framer {
    /// Takes in what came next. Then [`Framer::next_packet`] is to be asked until it has none.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet.
    pub fn next_packet(&mut self) -> Option<&[u8]> {
        loop {
            self.synchronise();
            let rest = self.buffer.get(self.at..)?;
            let length = usize::from(u16::from_be_bytes(*rest.get(MAGIC.len()..)?.first_chunk()?));
            if length < HEADER {
                self.skip(MAGIC.len());
                continue;
            }
            rest.get(..length)?;
            let begin = self.at;
            self.at += length;
            return self.buffer.get(begin..self.at);
        }
    }

    /// Bytes that belonged to no packet.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Moves on to where a packet begins, or may begin when more bytes come.
    fn synchronise(&mut self) {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let begins = |at: &usize| {
            let head = rest.get(*at..).unwrap_or_default();
            head.starts_with(MAGIC) || MAGIC.starts_with(head)
        };
        let next = (0..rest.len()).find(begins).unwrap_or(rest.len());
        self.skip(next);
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.skipped += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(contents: &[u8]) -> Vec<u8> {
        let length = (HEADER + contents.len()) as u16;
        [MAGIC.as_slice(), &length.to_be_bytes(), contents].concat()
    }

    /// All packets, where the bytes come in such pieces; and how many bytes were skipped.
    fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, u64) {
        let (mut framer, mut packets) = (Framer::default(), Vec::new());
        for piece in pieces {
            framer.push(piece);
            while let Some(packet) = framer.next_packet() {
                packets.push(packet.to_vec());
            }
            assert!(framer.buffer.len() - framer.at < 65_536);
        }
        (packets, framer.skipped())
    }

    #[test]
    fn every_split_gives_the_same() {
        let packets = [framed(b"one"), framed(b""), framed(b"HEP and HE and H"), framed(&[7; 300])];
        let bytes = packets.concat();
        for at in 0..=bytes.len() {
            let (one, other) = bytes.split_at(at);
            assert_eq!(read([one, other].into_iter()), (packets.to_vec(), 0), "split at {at}");
        }
        assert_eq!(read(bytes.chunks(1)), (packets.to_vec(), 0));
    }

    #[test]
    fn finds_its_way_after_rubbish() {
        let rubbish = b"GET / HTTP/1.1\r\n\r\nHEP2HEHEP";
        let bytes =
            [rubbish, &framed(b"one")[..], b"\0\0", &framed(b"two"), b"HEP3\0\x05", &framed(b"three")];
        let bytes = bytes.concat();
        let expected = vec![framed(b"one"), framed(b"two"), framed(b"three")];
        for size in [1, 2, 3, 7, bytes.len()] {
            assert_eq!(read(bytes.chunks(size)), (expected.clone(), rubbish.len() as u64 + 2 + 6));
        }
    }

    #[test]
    fn holds_no_more_than_a_packet_of_what_never_becomes_one() {
        let mut framer = Framer::default();
        for _ in 0..1000 {
            framer.push(&[b'x'; 4096]);
            assert_eq!(framer.next_packet(), None);
            assert!(framer.buffer.len() <= 4096);
        }
        framer.push(b"HEP3\xff\xff");
        for _ in 0..15 {
            framer.push(&[0; 4096]);
            assert_eq!(framer.next_packet(), None);
        }
        framer.push(&[0; 4096]);
        assert_eq!(framer.next_packet().map(<[u8]>::len), Some(65_535));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8),
            rubbish in "[A-Z3]{0,12}",
            size in 1..40usize,
        ) {
            let mut bytes = rubbish.into_bytes();
            contents.iter().for_each(|contents| bytes.extend(framed(contents)));
            prop_assert_eq!(read(bytes.chunks(size)), read(std::iter::once(&bytes[..])));
        }
    }
}
