//! WAV files of 16-bit PCM, with RF64 (EBU Tech 3306) where the length does not fit into 32 bits.
//!
//! The number of samples is known before the first one, and what else there is to say of them only after the last: it
//! follows them in chunks of its own, which readers of audio pass over. The header's one number that depends on these is set
//! at the end, and is right without them until then.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::digest::{self, Digest};

/// Octets of a sample.
const SAMPLE: u64 = 2;
/// Sixteen pages, and small enough for a window to stay in the second-level cache.
const BLOCK: u64 = digest::BLOCK as u64;
/// What a 32-bit size says where the ds64 chunk holds the real one.
const IN_DS64: u32 = u32::MAX;
/// A hole smaller than a page of the file saves nothing.
const PAGE: u64 = 4096;
/// Octets of a RIFF header from its ninth on: `WAVE`, the fmt chunk, and the data chunk's name and size.
const RIFF_REST: u64 = 4 + 24 + 8;
/// The same of RF64, which has the ds64 chunk besides.
const RF64_REST: u64 = RIFF_REST + 36;
/// So much room a RIFF has for chunks behind its samples; with less of it, it is an RF64 from the start.
const CHUNKS: u64 = 64 << 20;
/// Octets of a chunk's name and size.
const CHUNK_HEADER: u64 = 8;

/// Writes one WAV file from its start to its end.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    hash: Digest,
    sample_rate: u32,
    channels: u16,
    promised: u64,
    frames: u64,
    bytes: u64,
}

/// A finished file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Octets, the header's included.
    pub bytes: u64,
    /// Frames of one sample a channel.
    pub frames: u64,
    /// The BLAKE3 hash of the file, in hexadecimal.
    pub blake3: String,
}

impl Writer {
    /// A new file at `path` that will hold exactly `frames` frames; replaces what is there.
    ///
    /// # Errors
    /// Where the file cannot be made or written.
    pub fn create(path: &Path, sample_rate: u32, channels: u16, frames: u64) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("make", path))?;
        let mut writer = Writer {
            file,
            path: path.to_path_buf(),
            hash: Digest::new(),
            sample_rate,
            channels,
            promised: frames,
            frames: 0,
            bytes: 0,
        };
        writer.put(&header(sample_rate, channels, frames, 0))?;
        Ok(writer)
    }

    /// How many frames bring the file to the end of its next 64 KiB: the size of window that costs the least, since
    /// then no page of the file and no chunk of the hash is begun by one window and ended by the next.
    #[must_use]
    pub fn frames_to_block(&self) -> u64 {
        let frame = SAMPLE * u64::from(self.channels.max(1));
        ((BLOCK - self.bytes % BLOCK) / frame).max(1)
    }

    /// Appends whole frames, the channels' samples in turn. Best called with windows of thousands of frames: each call
    /// is one write.
    ///
    /// # Errors
    /// Where the disk refuses, or the file would become longer than its header says; it is then of no use.
    pub fn write(&mut self, interleaved: &[i16]) -> Result<(), Error> {
        let channels = usize::from(self.channels.max(1));
        let given = self.frames + interleaved.len().div_ceil(channels) as u64;
        if given > self.promised || !interleaved.len().is_multiple_of(channels) {
            return Err(self.wrong_length(given));
        }
        let octets = octets(interleaved);
        if octets.len() as u64 >= PAGE && interleaved.iter().all(|&sample| sample == 0) {
            self.skip(&octets)?;
        } else {
            self.put(&octets)?;
        }
        self.frames = given;
        Ok(())
    }

    /// Ends the file, with a chunk named `name` of these `contents` behind the samples; without it where a file of less than
    /// 4 GiB has no room for it.
    ///
    /// # Errors
    /// Where fewer frames came than the header says.
    pub fn finish(mut self, name: [u8; 4], contents: &[u8]) -> Result<Written, Error> {
        if self.frames != self.promised {
            return Err(self.wrong_length(self.frames));
        }
        let length = CHUNK_HEADER + contents.len().next_multiple_of(2) as u64;
        let size = u32::try_from(contents.len()).ok();
        let size = size.filter(|_| is_rf64(self.data()) || fits_riff(self.data(), length));
        if let Some(size) = size {
            let padding: &[u8] = if contents.len().is_multiple_of(2) { &[] } else { &[0] };
            self.put(&[&name, &size.to_le_bytes()[..], contents, padding].concat())?;
        }
        self.close(size.map_or(0, |_| length))
    }

    /// Sets the header of a file that has `after` octets behind its samples.
    fn close(mut self, after: u64) -> Result<Written, Error> {
        // It may end in a hole.
        self.file.set_len(self.bytes).map_err(Error::io("write", &self.path))?;
        let header = header(self.sample_rate, self.channels, self.frames, after);
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("write", &self.path))?;
        self.file.write_all(&header).map_err(Error::io("write", &self.path))?;
        let blake3 = self.hash.finish(&header).to_hex().to_string();
        Ok(Written { bytes: self.bytes, frames: self.frames, blake3 })
    }

    /// Ends the file with its samples.
    ///
    /// # Errors
    /// Where fewer frames came than the header says.
    pub fn plain(self) -> Result<Written, Error> {
        if self.frames != self.promised {
            return Err(self.wrong_length(self.frames));
        }
        self.close(0)
    }

    /// Octets of samples that are promised.
    fn data(&self) -> u64 {
        self.promised.saturating_mul(SAMPLE * u64::from(self.channels))
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.file.write_all(octets).map_err(Error::io("write", &self.path))?;
        self.hash.update(octets);
        self.bytes += octets.len() as u64;
        Ok(())
    }

    /// Leaves a hole in the file for `zeros`: it reads the same and takes no room on the disk.
    fn skip(&mut self, zeros: &[u8]) -> Result<(), Error> {
        self.hash.update(zeros);
        self.bytes += zeros.len() as u64;
        self.file.seek(SeekFrom::Start(self.bytes)).map_err(Error::io("write", &self.path))?;
        Ok(())
    }

    fn wrong_length(&self, given: u64) -> Error {
        Error::Length { path: self.path.clone(), promised: self.promised, given }
    }
}

/// Whether so many octets of samples leave a RIFF no room for chunks behind them.
const fn is_rf64(data: u64) -> bool {
    !fits_riff(data, CHUNKS)
}

const fn fits_riff(data: u64, after: u64) -> bool {
    // IN_DS64 itself is no size: a reader of RF64 takes it for the mark.
    data.saturating_add(RIFF_REST).saturating_add(after) < IN_DS64 as u64
}

/// The header of a file of that many frames with so many octets of chunks behind them: 44 octets of RIFF, or 80 of RF64.
fn header(sample_rate: u32, channels: u16, frames: u64, after: u64) -> Vec<u8> {
    let frame = SAMPLE * u64::from(channels);
    let data = frames.saturating_mul(frame);
    let size = data.saturating_add(RIFF_REST).saturating_add(after);
    let short = (!is_rf64(data)).then(|| u32::try_from(size).unwrap_or(IN_DS64));

    let mut header = Vec::with_capacity(80);
    header.extend(if short.is_some() { b"RIFF" } else { b"RF64" });
    header.extend(short.unwrap_or(IN_DS64).to_le_bytes());
    header.extend(b"WAVE");
    if short.is_none() {
        header.extend(b"ds64");
        header.extend(28u32.to_le_bytes());
        header.extend(data.saturating_add(RF64_REST).saturating_add(after).to_le_bytes());
        header.extend(data.to_le_bytes());
        header.extend(frames.to_le_bytes());
        header.extend(0u32.to_le_bytes()); // no table of further chunks
    }
    header.extend(b"fmt ");
    header.extend(16u32.to_le_bytes());
    header.extend(1u16.to_le_bytes()); // WAVE_FORMAT_PCM
    header.extend(channels.to_le_bytes());
    header.extend(sample_rate.to_le_bytes());
    header.extend(sample_rate.saturating_mul(u32::try_from(frame).unwrap_or(u32::MAX)).to_le_bytes());
    header.extend(u16::try_from(frame).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(16u16.to_le_bytes()); // bits a sample
    header.extend(b"data");
    header.extend(short.map_or(IN_DS64, |_| u32::try_from(data).unwrap_or(IN_DS64)).to_le_bytes());
    header
}

/// The samples as the file has them, little-endian; the same memory where the machine has them so too.
fn octets(samples: &[i16]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(samples))
    } else {
        Cow::Owned(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Writer {
        /// Leaves a hole of silence, unhashed: a way to a file of many GiB that takes no time.
        fn leave_out(&mut self, frames: u64) {
            self.frames += frames;
            self.bytes += frames * SAMPLE * u64::from(self.channels);
            self.file.set_len(self.bytes).unwrap();
            self.file.seek(SeekFrom::End(0)).unwrap();
        }
    }

    proptest! {
        #[test]
        fn hound_reads_it_back(
            samples: Vec<(i16, i16)>,
            window in 1..50usize,
            rate in prop::sample::select(&[8000u32, 16_000, 48_000][..]),
            contents: Vec<u8>,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("call.wav");
            let interleaved: Vec<i16> = samples.iter().flat_map(|(left, right)| [*left, *right]).collect();
            let mut writer = Writer::create(&path, rate, 2, samples.len() as u64).unwrap();
            for window in interleaved.chunks(window * 2) {
                writer.write(window).unwrap();
            }
            let written = writer.finish(*b"note", &contents).unwrap();

            let mut reader = hound::WavReader::open(&path).unwrap();
            let spec = hound::WavSpec {
                channels: 2,
                sample_rate: rate,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            prop_assert_eq!(reader.spec(), spec);
            prop_assert_eq!(reader.samples::<i16>().collect::<Result<Vec<_>, _>>().unwrap(), interleaved);
            let file = std::fs::read(&path).unwrap();
            prop_assert_eq!(written.bytes, file.len() as u64);
            prop_assert_eq!(written.frames, samples.len() as u64);
            prop_assert_eq!(written.blake3, blake3::hash(&file).to_hex().to_string());
            let (riff, chunk) = file.split_at(44 + 4 * samples.len());
            prop_assert_eq!(riff[4..8].to_vec(), (file.len() as u32 - 8).to_le_bytes());
            let size = (contents.len() as u32).to_le_bytes();
            prop_assert_eq!(&chunk[..8], [*b"note", size].concat());
            prop_assert_eq!(&chunk[8..8 + contents.len()], &contents[..]);
            prop_assert!(chunk.len() % 2 == 0 && chunk.len() < 8 + contents.len() + 2);
        }
    }

    #[test]
    fn its_windows_end_on_blocks_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        for channels in [1, 2] {
            let mut writer = Writer::create(&dir.path().join("call.wav"), 8000, channels, 80_000).unwrap();
            for block in 1..3 {
                let samples = writer.frames_to_block() * u64::from(channels);
                writer.write(&vec![1; samples as usize]).unwrap();
                assert_eq!(writer.bytes, block * BLOCK);
            }
        }
    }

    #[test]
    fn its_header_byte_for_byte() {
        // The example of the contract: 96160 frames in 384684 octets.
        let expected: [&[u8]; 3] = [
            b"RIFF\xa4\xde\x05\x00WAVE",
            b"fmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00",
            b"data\x80\xde\x05\x00",
        ];
        assert_eq!(header(8000, 2, 96_160, 0), expected.concat());
        assert_eq!(44 + 96_160 * 4, 384_684);
    }

    #[test]
    fn rf64_from_the_first_length_that_does_not_fit() {
        let last = (u64::from(u32::MAX) - RIFF_REST - CHUNKS) / 4;
        assert_eq!((u64::from(u32::MAX) - RIFF_REST - CHUNKS) % 4, 3);
        assert_eq!(&header(8000, 2, last, CHUNKS)[..4], b"RIFF");
        assert_eq!(&header(8000, 2, last + 1, 0)[..4], b"RF64");

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.wav");
        let frames = 1 << 31; // 8 GiB
        let mut writer = Writer::create(&path, 8000, 2, frames).unwrap();
        writer.leave_out(frames - 1);
        writer.write(&[1, -2]).unwrap();
        let contents = [b'x'; 90];
        assert_eq!(writer.finish(*b"note", &contents).unwrap().bytes, 80 + (frames << 2) + 98);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 80 + (frames << 2) + 98);

        let mut head = [0; 80];
        std::io::Read::read_exact(&mut File::open(&path).unwrap(), &mut head).unwrap();
        let expected: [&[u8]; 8] = [
            b"RF64\xff\xff\xff\xffWAVE",
            b"ds64\x1c\x00\x00\x00",
            b"\xaa\x00\x00\x00\x02\x00\x00\x00", // the file but for its first eight octets: 8 GiB, 72 and the chunk
            b"\x00\x00\x00\x00\x02\x00\x00\x00", // the data: 8 GiB
            b"\x00\x00\x00\x80\x00\x00\x00\x00", // the frames: 2^31
            b"\x00\x00\x00\x00",
            b"fmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00",
            b"data\xff\xff\xff\xff",
        ];
        assert_eq!(head.to_vec(), expected.concat());
    }

    #[test]
    fn hours_of_silence_take_no_room() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.wav");
        let window = vec![0i16; 2 * 16_384];
        for ends_in_sound in [true, false] {
            let frames = 16_384 * 500 + u64::from(ends_in_sound);
            let mut writer = Writer::create(&path, 8000, 2, frames).unwrap();
            for _ in 0..500 {
                writer.write(&window).unwrap();
            }
            if ends_in_sound {
                writer.write(&[1, -2]).unwrap();
            }
            let written = writer.finish(*b"note", b"").unwrap();
            let file = std::fs::read(&path).unwrap();
            assert_eq!((written.bytes, file.len() as u64), (52 + 4 * frames, 52 + 4 * frames));
            assert_eq!(written.blake3, blake3::hash(&file).to_hex().to_string());
            assert!(std::fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20);
        }
    }

    #[test]
    fn refuses_a_count_that_was_not_promised() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.wav");
        let create = || Writer::create(&path, 8000, 2, 2).unwrap();
        let short = create().finish(*b"note", b"");
        assert!(matches!(short, Err(Error::Length { promised: 2, given: 0, .. })));
        assert!(matches!(create().write(&[0; 6]), Err(Error::Length { promised: 2, given: 3, .. })));
        assert!(matches!(create().write(&[0; 3]), Err(Error::Length { .. })));
        let mut whole = create();
        whole.write(&[0; 4]).unwrap();
        assert!(whole.finish(*b"note", b"").is_ok());
    }
}
