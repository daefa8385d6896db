//! Captures that lie before us, merged by time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;

use clock::Time;

use crate::error::Error;
use crate::frame::{Frame, Place};
use crate::input::{Input, Opened, Reader};
use crate::lost::Lost;
use crate::medium::{Mapping, Medium};

/// The frames of several captures, in the order of their times.
///
/// Within one input the order is that of the input, even where its times run backwards; between inputs the earlier frame
/// comes first, and of frames of one time that of the input named first. So the same inputs give the same sequence.
///
/// Each packed input and each stream has a thread and a pipe of its own, all open at once.
pub struct Replay {
    readers: Vec<Reader>,
    /// How many readers have been asked for their first frame.
    asked: usize,
    /// The reader whose frame was lent last.
    front: Option<usize>,
    /// The others, each with the time of the frame it stands at.
    behind: BinaryHeap<Reverse<(Time, usize)>>,
    medium: Medium,
    key_logs: VecDeque<Vec<u8>>,
    lost: VecDeque<Lost>,
    bytes_total: Option<u64>,
    frames: u64,
}

impl Replay {
    /// Opens every input. Those that cannot be read are left out, and an error tells why for each.
    ///
    /// Waits for the first bytes of standard input and of named pipes.
    #[must_use]
    pub fn open(inputs: &[Input]) -> (Replay, Vec<Error>) {
        let mut readers = Vec::with_capacity(inputs.len());
        let (mut mappings, mut errors) = (Vec::new(), Vec::new());
        let mut bytes_total = Some(0);
        for (index, input) in inputs.iter().enumerate() {
            if *input == Input::Stdin && inputs.iter().take(index).any(|earlier| earlier == input) {
                errors.push(Error::io(input.path(), io::ErrorKind::ResourceBusy.into()));
                continue;
            }
            let begin = mappings.last().map_or(Place::FIRST, Mapping::end);
            match Opened::new(input, begin) {
                Ok(opened) => {
                    readers.push(opened.reader);
                    mappings.extend(opened.mapping);
                    bytes_total = bytes_total.zip(opened.size).map(|(total, size)| total + size);
                }
                Err(error) => errors.push(error),
            }
        }
        let behind = BinaryHeap::with_capacity(readers.len());
        let medium = Medium::new(mappings);
        let (key_logs, lost) = (VecDeque::new(), VecDeque::new());
        let replay =
            Replay { readers, asked: 0, front: None, behind, medium, key_logs, lost, bytes_total, frames: 0 };
        (replay, errors)
    }

    /// The next frame, lent until the next call; `None` once every input is at its end.
    ///
    /// An error tells of one input that is damaged or cut. That one is over; the next call goes on with the others.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend its items")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.asked < self.readers.len() {
            self.ask_all()?;
        }
        let first = match self.front.take() {
            Some(front) => self.step(front)?,
            None => None,
        };
        self.front = first.or_else(|| self.behind.pop().map(|Reverse((_, reader))| reader));
        let Some((number, reader)) = self.front.and_then(|front| Some((front, self.readers.get(front)?)))
        else {
            return Ok(None);
        };
        self.frames += 1;
        let frame = reader.frame();
        // Interfaces have 16 bits of it: they are no more than that.
        Ok(Some(Frame { origin: (number as u32) << 16 | frame.origin, ..frame }))
    }

    /// How many bytes all inputs have, packed as they are; `None` where a stream is among them.
    #[must_use]
    pub fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// How many of the inputs' bytes were read; of packed inputs a little ahead of the frames.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.readers.iter().map(Reader::bytes_read).sum()
    }

    /// The next key log of TLS (NSS) that stood in a pcapng before the frame that was lent last, or before it in time.
    pub fn poll_key_log(&mut self) -> Option<Vec<u8>> {
        self.key_logs.pop_front()
    }

    /// What one of the captures lost before the frame that was lent last, or before it in time.
    pub fn poll_lost(&mut self) -> Option<Lost> {
        self.lost.pop_front()
    }

    /// How many frames were lent.
    #[must_use]
    pub fn frames_read(&self) -> u64 {
        self.frames
    }

    /// The mapped inputs, for whoever keeps a [`Place`].
    #[must_use]
    pub fn medium(&self) -> Medium {
        self.medium.clone()
    }

    /// Asks each reader for its first frame; an error leaves the rest for the next call.
    #[cold]
    fn ask_all(&mut self) -> Result<(), Error> {
        while let Some(reader) = self.readers.get_mut(self.asked) {
            let index = self.asked;
            self.asked += 1;
            let at = reader.advance()?;
            self.key_logs.extend(std::iter::from_fn(|| reader.poll_key_log()));
            self.lost.extend(std::iter::from_fn(|| reader.poll_lost()));
            if let Some(at) = at {
                self.behind.push(Reverse((at, index)));
            }
        }
        Ok(())
    }

    /// Steps the reader at the front on, and tells which is at the front then; `None` where it has ended.
    #[inline]
    fn step(&mut self, front: usize) -> Result<Option<usize>, Error> {
        let Some(reader) = self.readers.get_mut(front) else {
            return Ok(None);
        };
        let Some(at) = reader.advance()? else {
            return Ok(None);
        };
        while let Some(key_log) = reader.poll_key_log() {
            self.key_logs.push_back(key_log);
        }
        while let Some(lost) = reader.poll_lost() {
            self.lost.push_back(lost);
        }
        // While this one goes on to be the earliest, as in files that follow each other, the heap stays as it is.
        match self.behind.peek_mut() {
            Some(mut earliest) if earliest.0 < (at, front) => {
                let Reverse((_, first)) = std::mem::replace(&mut *earliest, Reverse((at, front)));
                Ok(Some(first))
            }
            _ => Ok(Some(front)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, Blocks, Classic, Packet};
    use crate::{Source, Why};

    const NANO: Classic =
        Classic { big_endian: false, nanoseconds: true, snaplen: 65_535, network: 1, modified: false };

    fn packets(times: &[i64], name: &str) -> Vec<Packet> {
        let packet = |(index, &at): (usize, &i64)| Packet::new(at, format!("{name}{index}").as_bytes());
        times.iter().enumerate().map(packet).collect()
    }

    fn names(packets: &[Packet]) -> Vec<&str> {
        packets.iter().map(|packet| std::str::from_utf8(&packet.bytes).unwrap()).collect()
    }

    #[test]
    fn merges_by_time_then_by_order_of_inputs() {
        let a = NANO.file(&packets(&[5, 20, 20], "a"));
        let b = testing::gzip(&NANO.file(&packets(&[1, 20, 30], "b")));
        let c =
            Blocks::new(true).interface(1, 0, Some(9), 0).enhanced(0, 6, b"c0").enhanced(0, 20, b"c1").file();
        let (frames, errors) = testing::read(&[&a, &b, &c]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(names(&frames), ["b0", "a0", "c0", "a1", "a2", "b1", "c1", "b2"]);
        let (frames, _) = testing::read(&[&c, &b, &a]);
        assert_eq!(names(&frames), ["b0", "a0", "c0", "c1", "b1", "a1", "a2", "b2"]);
    }

    #[test]
    fn frames_say_which_interface_of_which_input_they_are_of() {
        let classic = NANO.file(&packets(&[1, 4], "a"));
        let blocks = Blocks::new(true).interface(1, 0, Some(9), 0).interface(1, 0, Some(9), 0);
        let blocks = blocks.enhanced(1, 2, b"b").enhanced(0, 3, b"b").obsolete(1, 5, b"b").file();
        let (_folder, mut replay, errors) = testing::open(&[&classic, &testing::gzip(&blocks), &classic]);
        assert!(errors.is_empty());
        let mut origins = Vec::new();
        while let Some(frame) = replay.next().unwrap() {
            origins.push((frame.at.as_ns(), frame.origin));
        }
        let (first, second, third) = (0, 1 << 16, 2 << 16);
        let expected = [(1, first), (1, third), (2, second + 1), (3, second), (4, first), (4, third)];
        assert_eq!(origins, [&expected[..], &[(5, second + 1)]].concat());
    }

    #[test]
    fn keeps_the_order_of_a_file_whose_times_run_backwards() {
        let a = NANO.file(&packets(&[10, 3, 12], "a"));
        let b = NANO.file(&packets(&[5, 11], "b"));
        assert_eq!(names(&testing::read(&[&a]).0), ["a0", "a1", "a2"]);
        assert_eq!(names(&testing::read(&[&a, &b]).0), ["b0", "a0", "a1", "b1", "a2"]);
    }

    #[test]
    fn one_bad_input_does_not_lose_the_others() {
        let good = NANO.file(&packets(&[1, 4], "good"));
        let mut cut = NANO.file(&packets(&[2, 3], "cut"));
        cut.pop();
        let (_folder, paths) = testing::files(&[&good, b"", b"\x7fELF and so on", &cut]);
        let mut inputs: Vec<Input> = paths.into_iter().map(Input::File).collect();
        inputs.insert(1, Input::File("/nowhere/at/all".into()));
        inputs.push(Input::File("/".into()));
        let (mut replay, mut errors) = Replay::open(&inputs);
        assert_eq!(replay.bytes_total(), Some((good.len() + cut.len()) as u64));
        let frames = testing::drain(&mut replay, &mut errors);
        assert_eq!(names(&frames), ["good0", "cut0", "good1"]);
        assert!(matches!(
            &errors[..],
            [
                Error::NotFound { .. },
                Error::NotACapture { magic: None, .. },
                Error::NotACapture { magic: Some([0x7f, b'E', b'L', b'F']), .. },
                Error::Unreadable { .. },
                Error::CutShort { offset: 44, frames: 1, missing: 1, .. },
            ]
        ));
        assert_eq!(errors[4].path(), inputs[4].path());
        // What is read of a cut file is what was whole.
        assert_eq!(replay.bytes_read(), good.len() as u64 + 44);
    }

    #[test]
    fn packed_files_give_the_frames_of_plain_ones() {
        // Longer than the snapshot length that the header tells, and than a pipe holds.
        let many: Vec<Packet> = (0..3000)
            .map(|n| Packet::new(1_700_000_000_000_000_000 + n * 1_000_000, &[n as u8; 100]))
            .collect();
        let blocks = many.iter().fold(Blocks::new(false).interface(1, 0, Some(9), 0), |blocks, packet| {
            blocks.enhanced(0, packet.at_ns as u64, &packet.bytes).block(0xbad, |out| out.u32(7).u32(9))
        });
        let blocks = blocks.file();
        for big_endian in [false, true] {
            let classic = Classic { big_endian, snaplen: 64, ..Classic::default() }.file(&many);
            for (plain, records) in [(&classic, true), (&blocks, false)] {
                let (expected, errors) = testing::read(&[plain]);
                assert!(errors.is_empty() && expected.len() == many.len());
                assert!(!records || expected == many);
                for pack in [testing::gzip, testing::zstd, testing::lz4] {
                    let (one, errors) = testing::read(&[&pack(plain)]);
                    assert!(errors.is_empty(), "{errors:?}");
                    assert!(one == expected);
                    // Packed in parts that follow each other, and cut where no record ends.
                    let (head, tail) = plain.split_at(plain.len() / 2 + 1);
                    let (parts, errors) = testing::read(&[&[pack(head), pack(tail)].concat()]);
                    assert!(errors.is_empty(), "{errors:?}");
                    assert!(parts == expected);
                }
            }
        }
    }

    #[test]
    fn a_damaged_packing_keeps_what_was_unpacked() {
        let many: Vec<Packet> = (0..20_000_u32)
            .map(|n| Packet::new(i64::from(n), &n.wrapping_mul(0x9e37_79b9).to_le_bytes()))
            .collect();
        let blocks = many.iter().fold(Blocks::new(false).interface(1, 0, Some(9), 0), |blocks, packet| {
            blocks.enhanced(0, packet.at_ns as u64, &packet.bytes)
        });
        for plain in [NANO.file(&many), blocks.file()] {
            for pack in [testing::gzip, testing::zstd, testing::lz4] {
                let packed = pack(&plain);
                let (frames, errors) = testing::read(&[&packed[..packed.len() * 9 / 10]]);
                let [Error::Damaged { frames: before, why: Why::Packed { .. }, .. }] = errors[..] else {
                    panic!("{errors:?}");
                };
                assert_eq!(before, frames.len() as u64);
                assert!(frames.len() < many.len());
                assert!(frames.iter().zip(&many).all(|(read, written)| read.bytes == written.bytes));
            }
        }
        let (frames, errors) = testing::read(&[&testing::gzip(b"a letter")]);
        assert!(frames.is_empty());
        assert!(matches!(errors[..], [Error::NotACapture { magic: Some([b'a', b' ', b'l', b'e']), .. }]));
    }

    #[test]
    fn a_stream_that_nobody_reads_to_its_end_ends() {
        let big = NANO.file(&vec![Packet::new(0, &[0; 1000]); 1000]);
        for file in
            [testing::zstd(&big), testing::gzip(&Blocks::new(false).block(5, |out| out.put(&big)).file())]
        {
            let (_folder, mut replay, errors) = testing::open(&[&file]);
            assert!(errors.is_empty());
            assert_eq!(replay.bytes_total(), Some(file.len() as u64));
            let _ = Source::next(&mut replay);
            // Hangs where the thread behind the pipe does not end.
            drop(replay);
        }
    }

    #[test]
    fn reads_a_named_pipe() {
        let many = packets(&[1, 2, 3], "p");
        let (_folder, paths) = testing::files(&[b""]);
        let name = paths[0].with_extension("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&name).status().unwrap().success());
        let (file, to) = (testing::gzip(&NANO.file(&many)), name.clone());
        let writer = std::thread::spawn(move || std::fs::write(to, file).unwrap());
        let (mut replay, mut errors) = Replay::open(&[Input::File(name)]);
        assert_eq!(replay.bytes_total(), None);
        assert_eq!(testing::drain(&mut replay, &mut errors), many);
        assert!(errors.is_empty());
        writer.join().unwrap();
    }

    #[test]
    fn may_be_moved_to_another_thread() {
        fn moved<T: Send>(_: T) {}
        moved(Replay::open(&[]).0);
        assert!(Replay::open(&[]).0.next().unwrap().is_none());
    }

    #[test]
    fn the_medium_outlives_the_replay() {
        let file = NANO.file(&packets(&[1], "kept"));
        let (_folder, mut replay, _) = testing::open(&[&file]);
        let place = replay.next().unwrap().unwrap().place.unwrap();
        let medium = replay.medium();
        drop(replay);
        assert_eq!(medium.slice(place.offset(1), 4), Some(&b"ept0"[..]));
    }

    /// Small captures of every reader: a classic file, one in blocks, one for libpcap.
    fn samples() -> Vec<Vec<u8>> {
        let some = packets(&[1, 2, 3], "some");
        let blocks = Blocks::new(true).interface(1, 0, Some(9), 0).enhanced(0, 7, b"first");
        let blocks = blocks.block(5, |out| out.u32(0).u32(1)).section(false).interface(101, 0, None, 0);
        let blocks = blocks.simple(9, b"simple").obsolete(0, 8, b"obsolete");
        let modified = Classic { modified: true, ..Classic::default() };
        vec![
            NANO.file(&some),
            Classic { big_endian: true, ..NANO }.file(&some),
            blocks.file(),
            modified.file(&some),
        ]
    }

    #[test]
    fn keeps_what_is_whole_wherever_a_file_is_cut() {
        for file in samples() {
            let (whole, errors) = testing::read(&[&file]);
            assert!(errors.is_empty() && whole.len() == 3, "{errors:?}");
            for cut in 0..file.len() {
                let (frames, errors) = testing::read(&[&file[..cut]]);
                assert_eq!(frames, whole[..frames.len()], "cut at {cut}");
                match &errors[..] {
                    [] => assert!(frames.len() < 3),
                    [Error::NotACapture { .. }] => assert!(cut < 4),
                    [Error::CutShort { offset, missing, .. }] => {
                        assert!(*offset <= cut as u64 && cut as u64 + missing <= file.len() as u64);
                    }
                    _ => panic!("cut at {cut}: {errors:?}"),
                }
                let (packed, packed_errors) = testing::read(&[&testing::zstd(&file[..cut])]);
                assert_eq!(packed, frames, "cut at {cut} and packed");
                let said = |errors: &[Error]| {
                    errors
                        .iter()
                        .map(|error| error.to_string().split_once(": ").unwrap().1.to_owned())
                        .collect::<Vec<_>>()
                };
                assert_eq!(said(&packed_errors), said(&errors), "cut at {cut} and packed");
            }
        }
    }

    proptest! {
        #[test]
        fn merging_is_sorting_where_each_file_is_sorted(
            mut times in prop::collection::vec(prop::collection::vec(0..50_i64, 0..12), 1..5),
        ) {
            let mut expected = Vec::new();
            let mut files = Vec::new();
            for (index, times) in times.iter_mut().enumerate() {
                times.sort_unstable();
                let packets = packets(times, &format!("{index}."));
                files.push(NANO.file(&packets));
                expected.extend(packets);
            }
            // Stable: what was written first of one time stays first.
            expected.sort_by_key(|packet| packet.at_ns);
            let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(testing::read(&files).0, expected);
        }

        #[test]
        fn classic_files_come_back_as_written(
            written in prop::collection::vec((0..4_000_000_000_000_000_000_i64, prop::collection::vec(any::<u8>(), 0..80)), 0..20),
            big_endian: bool,
            packed: bool,
        ) {
            let packets: Vec<Packet> = written.iter().map(|(at, bytes)| Packet::new(*at, bytes)).collect();
            let file = Classic { big_endian, ..NANO }.file(&packets);
            let file = if packed { testing::lz4(&file) } else { file };
            prop_assert_eq!(testing::read(&[&file]).0, packets);
        }

        #[test]
        fn damaged_files_never_stop_it(
            sample in 0..4_usize,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            packed: bool,
        ) {
            let mut file = samples().swap_remove(sample);
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let file = if packed { testing::gzip(&file) } else { file };
            let (frames, errors) = testing::read(&[&file]);
            prop_assert!(frames.len() <= 40 && errors.len() <= 1);
        }
    }
}
