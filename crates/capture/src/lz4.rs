//! The LZ4 frame format, read to its end: several frames, and a cut one is told from a whole one.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

/// The contents of LZ4 frames that follow each other.
///
/// The decoder alone stops after the first frame, and takes an input that is cut between two blocks for a whole one.
pub(crate) struct Lz4<R: BufRead>(FrameDecoder<Tail<R>>);

impl<R: BufRead> Lz4<R> {
    pub(crate) fn new(input: R) -> Lz4<R> {
        Lz4(FrameDecoder::new(Tail { input, last: [0xff; 8] }))
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            // A frame ended, or the input did. Each turn takes at least the magic of one more frame.
            let tail = self.0.get_mut();
            if tail.input.fill_buf()?.is_empty() {
                return if tail.is_whole() { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

/// An input of which the last bytes are remembered.
struct Tail<R> {
    input: R,
    last: [u8; 8],
}

impl<R> Tail<R> {
    /// Whether an end mark stands at the end, alone or before a checksum.
    fn is_whole(&self) -> bool {
        self.last.as_chunks::<4>().0.contains(&[0; 4])
    }

    fn remember(&mut self, bytes: &[u8]) {
        let tail = bytes.last_chunk::<8>().map_or(bytes, |tail| tail);
        self.last.rotate_left(tail.len());
        if let Some(end) = self.last.len().checked_sub(tail.len()).and_then(|kept| self.last.get_mut(kept..))
        {
            end.copy_from_slice(tail);
        }
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.remember(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn reads_frames_that_follow_each_other() {
        let packed = [testing::lz4(b"one "), testing::lz4(b"two")].concat();
        let mut text = String::new();
        Lz4::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn misses_the_end_wherever_it_is_cut() {
        let packed = testing::lz4(&b"some text that is no secret".repeat(20));
        for cut in 1..packed.len() {
            let whole = Lz4::new(&packed[..cut]).read_to_end(&mut Vec::new());
            assert!(whole.is_err(), "cut at {cut} of {}", packed.len());
        }
    }
}
