//! pcapng, mapped or from a stream: whole blocks, handed to their [`Section`].

use std::io::{self, BufReader, PipeReader, Read};

use clock::Time;

use crate::error::{Error, Progress, Why};
use crate::feed::Feed;
use crate::frame::{Frame, Head};
use crate::lost::Lost;
use crate::map::Ahead;
use crate::medium::Mapping;
use crate::section::{FIRST, Section, Shape};

/// The blocks of one mapped file.
#[derive(Debug)]
pub(crate) struct Mapped {
    mapping: Mapping,
    ahead: Ahead,
    section: Section,
    head: Head,
    progress: Progress,
}

impl Mapped {
    pub(crate) fn new(mapping: Mapping, progress: Progress) -> Mapped {
        Mapped {
            mapping,
            ahead: Ahead::default(),
            section: Section::default(),
            head: Head::default(),
            progress,
        }
    }

    /// Steps to the next packet and tells its time; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, Error> {
        loop {
            let start = self.progress.offset as usize;
            self.ahead.reach(&self.mapping.map, start);
            let rest = self.mapping.bytes().get(start..).unwrap_or_default();
            let Some(first) = rest.first_chunk::<FIRST>() else {
                return if rest.is_empty() {
                    Ok(None)
                } else {
                    Err(self.progress.cut_short(FIRST - rest.len()))
                };
            };
            let shape = self.section.shape(*first).map_err(|why| self.progress.damaged(why))?;
            let len = shape.len as usize;
            let Some(block) = rest.get(..len) else {
                return Err(self.progress.cut_short(len - rest.len()));
            };
            let packet = whole(&mut self.section, shape, block).map_err(|why| self.progress.damaged(why))?;
            self.progress.offset += u64::from(shape.len);
            if let Some(head) = packet {
                self.head = Head { start: start + head.start, ..head };
                self.progress.frames += 1;
                return Ok(Some(head.at));
            }
        }
    }

    /// The packet it stands at.
    pub(crate) fn frame(&self) -> Frame<'_> {
        self.head.frame(self.mapping.bytes(), Some(self.mapping.begin))
    }

    /// The next key log that stood before that packet.
    #[inline]
    pub(crate) fn poll_key_log(&mut self) -> Option<Vec<u8>> {
        self.section.poll_key_log()
    }

    /// What the capture lost before that packet.
    #[inline]
    pub(crate) fn poll_lost(&mut self) -> Option<Lost> {
        self.section.poll_lost()
    }

    /// How much of the file was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.progress.offset
    }
}

/// The blocks of one stream. One block is held at a time, and only where it matters.
#[derive(Debug)]
pub(crate) struct Streamed {
    // Dropped before the feed, which may be waiting to write to it.
    pipe: BufReader<PipeReader>,
    feed: Feed,
    section: Section,
    block: Vec<u8>,
    head: Head,
    progress: Progress,
}

impl Streamed {
    pub(crate) fn new(pipe: PipeReader, feed: Feed, progress: Progress) -> Streamed {
        Streamed {
            pipe: BufReader::with_capacity(64 * 1024, pipe),
            feed,
            section: Section::default(),
            block: Vec::new(),
            head: Head::default(),
            progress,
        }
    }

    /// Steps to the next packet and tells its time; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, Error> {
        loop {
            self.block.clear();
            self.fill(FIRST)?;
            let Some(first) = self.block.first_chunk::<FIRST>() else {
                return Ok(None);
            };
            let shape = self.section.shape(*first).map_err(|why| self.progress.damaged(why))?;
            let packet = if shape.matters() {
                self.fill(shape.len as usize)?;
                whole(&mut self.section, shape, &self.block)
            } else {
                self.pass_over(shape)?;
                self.section.check_end(shape, self.end()).map(|()| None)
            };
            let packet = packet.map_err(|why| self.progress.damaged(why))?;
            self.progress.offset += u64::from(shape.len);
            if let Some(head) = packet {
                self.head = head;
                self.progress.frames += 1;
                return Ok(Some(head.at));
            }
        }
    }

    /// The packet it stands at.
    pub(crate) fn frame(&self) -> Frame<'_> {
        self.head.frame(&self.block, None)
    }

    /// The next key log that stood before that packet.
    #[inline]
    pub(crate) fn poll_key_log(&mut self) -> Option<Vec<u8>> {
        self.section.poll_key_log()
    }

    /// What the capture lost before that packet.
    #[inline]
    pub(crate) fn poll_lost(&mut self) -> Option<Lost> {
        self.section.poll_lost()
    }

    /// How much of the input was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.feed.bytes_read()
    }

    /// Reads until the block held is `len` bytes long; leaves it empty where the input ends before it begins.
    fn fill(&mut self, len: usize) -> Result<(), Error> {
        let missing = len.saturating_sub(self.block.len());
        let read = (&mut self.pipe).take(missing as u64).read_to_end(&mut self.block);
        let read = read.map_err(|source| self.progress.damaged(Why::Read(source)))?;
        if read < missing { self.ended(missing - read) } else { Ok(()) }
    }

    /// Reads past a block, keeping only its last four bytes at the end of what is held.
    fn pass_over(&mut self, shape: Shape) -> Result<(), Error> {
        let Some(middle) = (shape.len as usize).checked_sub(FIRST + 4) else {
            return Ok(());
        };
        let passed = io::copy(&mut (&mut self.pipe).take(middle as u64), &mut io::sink());
        let passed = passed.map_err(|source| self.progress.damaged(Why::Read(source)))? as usize;
        if passed < middle {
            return self.ended(middle - passed + 4);
        }
        self.fill(FIRST + 4)
    }

    /// The last four bytes of what is held.
    fn end(&self) -> [u8; 4] {
        self.block.last_chunk().copied().unwrap_or_default()
    }

    /// The pipe is at its end, `missing` bytes before the block is: was that all, or what went wrong?
    fn ended(&mut self, missing: usize) -> Result<(), Error> {
        self.feed.end().map_err(|why| self.progress.damaged(why))?;
        if self.block.is_empty() { Ok(()) } else { Err(self.progress.cut_short(missing)) }
    }
}

/// The packet in a whole block, if there is one.
fn whole(section: &mut Section, shape: Shape, block: &[u8]) -> Result<Option<Head>, Why> {
    section.check_end(shape, block.last_chunk().copied().unwrap_or_default())?;
    if shape.matters() { section.read(shape, block) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Blocks, Packet};

    /// The frames of a file, which must be the same read as a mapping and as a stream.
    fn read(file: &[u8]) -> (Vec<Packet>, Vec<Error>) {
        let (frames, errors) = testing::read(&[file]);
        let (streamed, streamed_errors) = testing::read(&[&testing::gzip(file)]);
        assert_eq!(frames, streamed);
        let why = |errors: &[Error]| {
            errors
                .iter()
                .map(|error| match error {
                    Error::Damaged { offset, frames, why, .. } => format!("{offset} {frames} {why}"),
                    other => panic!("{other}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(why(&errors), why(&streamed_errors));
        (frames, errors)
    }

    fn packet(at_ns: i64, link: u32, bytes: &[u8], wire_len: u32) -> Packet {
        Packet { at_ns, link, bytes: bytes.to_vec(), wire_len }
    }

    #[test]
    fn reads_mixed_links_clocks_and_sections_of_both_byte_orders() {
        for big_endian in [false, true] {
            let file = Blocks::new(big_endian)
                .interface(1, 0, None, 0)
                .interface(113, 0, Some(9), -2)
                .interface(101, 0, Some(0x80 | 10), 1_700_000_000)
                .block(0x0bad_cafe, |out| out.put(b"unknown!"))
                .block(0x0bad_cafe, |out| out)
                .enhanced(1, 5_000_000_001, b"sll")
                .enhanced(0, 7_000_001, b"ethernet")
                .enhanced(2, 512, b"")
                .obsolete(1, 6_000_000_000, b"obsolete")
                .section(!big_endian)
                .interface(276, 0, Some(6), 0)
                .enhanced(0, 9_000_000, b"next section")
                .file();
            let (frames, errors) = read(&file);
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!(
                frames,
                [
                    packet(3_000_000_001, 113, b"sll", 4),
                    packet(7_000_001_000, 1, b"ethernet", 9),
                    packet(1_700_000_000_500_000_000, 101, b"", 1),
                    packet(4_000_000_000, 113, b"obsolete", 8),
                    packet(9_000_000_000, 276, b"next section", 13),
                ]
            );
        }
    }

    #[test]
    fn gives_a_simple_packet_the_time_before_it_and_no_padding() {
        let file = Blocks::new(true)
            .interface(1, 6, None, 0)
            .simple(5, b"early")
            .enhanced(0, 3, b"timed")
            .simple(99, b"cut at")
            .file();
        let expected =
            [packet(0, 1, b"early", 5), packet(3000, 1, b"timed", 6), packet(3000, 1, b"cut at", 99)];
        assert_eq!(read(&file).0, expected);
    }

    #[test]
    fn stops_at_a_damaged_block_and_says_where() {
        let good = Blocks::new(false).interface(1, 0, None, 0).enhanced(0, 1, b"good").file();
        let start = good.len();
        let next = Blocks::new(false)
            .interface(1, 0, None, 0)
            .enhanced(0, 1, b"good")
            .enhanced(0, 2, b"next")
            .file();
        // Where in the next block, what is written there, and what is said of it.
        let damages: [(usize, u32, &str); 9] = [
            (4, 0, "a block of 0 bytes"),
            (4, 1, "a block of 1 bytes"),
            (4, 8, "a block of 8 bytes"),
            (4, 49, "a block of 49 bytes"),
            (4, 0xffff_fffc, "a block of 4294967292 bytes"),
            (4, 12, "a block of 12 bytes that ends as one of 0"),
            (8, 5, "a packet of interface 5, which is not described"),
            (20, u32::MAX, "a block of type 0x6 with impossible contents"),
            (20, 40, "a block of type 0x6 with impossible contents"),
        ];
        for (at, value, said) in damages {
            let mut file = next.clone();
            file[start + at..start + at + 4].copy_from_slice(&value.to_le_bytes());
            let (frames, errors) = read(&file);
            assert_eq!(frames.len(), 1);
            let [Error::Damaged { offset, frames: 1, ref why, .. }] = errors[..] else {
                panic!("{errors:?}")
            };
            assert_eq!((offset, why.to_string().as_str()), (start as u64, said));
        }
    }

    #[test]
    fn bounds_packets_and_interfaces() {
        let file =
            Blocks::new(false).interface(1, 0, None, 0).enhanced(0, 1, &vec![0; 256 * 1024 + 1]).file();
        assert!(matches!(read(&file).1[..], [Error::Damaged { why: Why::PacketLength(262_145), .. }]));
        let file =
            Blocks::new(false).interface(1, 0, None, 0).enhanced(0, 1, &vec![0; 2 * 1024 * 1024]).file();
        assert!(matches!(read(&file).1[..], [Error::Damaged { why: Why::BlockLength(_), .. }]));
        let many = (0..65_537).fold(Blocks::new(false), |blocks, _| blocks.interface(1, 0, None, 0));
        assert!(matches!(read(&many.file()).1[..], [Error::Damaged { why: Why::Interfaces(65_536), .. }]));
    }

    #[test]
    fn passes_over_a_long_block_that_does_not_matter() {
        let file = Blocks::new(false).block(10, |out| out.put(&[7; 3_000_000])).interface(1, 0, None, 0);
        assert_eq!(read(&file.enhanced(0, 1, b"after").file()).0.len(), 1);
    }

    #[test]
    fn hands_on_the_key_logs_before_their_packets() {
        const KEY_LOG: u32 = 0x544c_534b;
        for big_endian in [false, true] {
            let file = Blocks::new(big_endian)
                .block(10, |out| out.u32(KEY_LOG).u32(5).padded(b"first"))
                .block(10, |out| out.u32(0x5747_4b4c).u32(9).padded(b"WireGuard"))
                .block(10, |out| out.u32(KEY_LOG).u32(400).padded(b"cut"))
                .block(10, |out| out.u32(KEY_LOG))
                .interface(1, 0, None, 0)
                .enhanced(0, 1, b"packet")
                .block(10, |out| out.u32(KEY_LOG).u32(4).padded(b"next"))
                .enhanced(0, 2, b"packet")
                .file();
            for file in [file.clone(), testing::gzip(&file)] {
                let (_folder, mut replay, errors) = testing::open(&[&file]);
                let logs = |replay: &mut crate::Replay| {
                    std::iter::from_fn(|| replay.poll_key_log())
                        .map(|log| log.escape_ascii().to_string())
                        .collect::<Vec<_>>()
                };
                assert!(errors.is_empty() && logs(&mut replay).is_empty());
                assert!(replay.next().unwrap().is_some());
                assert_eq!(logs(&mut replay), ["first"]);
                assert!(replay.next().unwrap().is_some());
                assert_eq!(logs(&mut replay), ["next"]);
                assert!(replay.next().unwrap().is_none());
            }
        }
    }
}
