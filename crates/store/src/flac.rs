//! FLAC files (RFC 9639) of 16-bit PCM: what is written is read back to the sample.
//!
//! Channels are coded apart, since what two parties say is not alike. Each block of a channel takes the cheapest of a constant,
//! the fixed predictors (section 9.2.5) and the samples as they are.

mod rice;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use md5::{Digest as _, Md5};

use crate::Error;
use crate::bits::Bits;
use crate::digest::Digest;
use crate::wav::Written;
use rice::Coding;

/// Frames of audio in a frame of the file.
const BLOCK: usize = 4096;
/// `fLaC`, a header of four octets, and the block of the stream's facts, which is the last of metadata.
const FACTS_AT: usize = 8;
const FACTS: usize = 34;
/// More there is no room for.
const MOST_FRAMES: u64 = (1 << 36) - 1;
const SAMPLE_BITS: u32 = 16;

/// Writes one FLAC file from its start to its end.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    hash: Digest,
    bytes: u64,
    sample_rate: u32,
    channels: u16,
    frames: u64,
    /// Interleaved samples of the block that is being filled.
    block: Vec<i16>,
    blocks: u64,
    /// Octets of the smallest and the largest frame.
    sizes: Option<(u32, u32)>,
    md5: Md5,
}

impl Writer {
    /// A new file at `path`; replaces what is there.
    ///
    /// # Errors
    /// Where the file cannot be made or written.
    pub fn create(path: &Path, sample_rate: u32, channels: u16) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("make", path))?;
        let mut writer = Writer {
            file,
            path: path.to_path_buf(),
            hash: Digest::new(),
            bytes: 0,
            sample_rate,
            channels: channels.clamp(1, 2),
            frames: 0,
            block: Vec::new(),
            blocks: 0,
            sizes: None,
            md5: Md5::new(),
        };
        let head = writer.head([0; 16]);
        writer.put(&head)?;
        Ok(writer)
    }

    /// Appends whole frames, the channels' samples in turn.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&mut self, interleaved: &[i16]) -> Result<(), Error> {
        let whole = BLOCK * usize::from(self.channels);
        let mut rest = interleaved;
        while !rest.is_empty() {
            let (now, later) = rest.split_at((whole - self.block.len()).min(rest.len()));
            self.block.extend_from_slice(now);
            if self.block.len() == whole {
                self.write_block()?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn finish(mut self) -> Result<Written, Error> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let sum: [u8; 16] = std::mem::take(&mut self.md5).finalize().into();
        let head = self.head(sum);
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("write", &self.path))?;
        self.file.write_all(&head).map_err(Error::io("write", &self.path))?;
        let blake3 = self.hash.finish(&head).to_hex().to_string();
        Ok(Written { bytes: self.bytes, frames: self.frames, blake3 })
    }

    /// Section 8.2. What is only known at the end is unknown, and zero, until then.
    fn head(&self, md5: [u8; 16]) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put_octets(b"fLaC");
        bits.put(0x80, 8); // the last block of metadata, of the stream's facts
        bits.put(FACTS as u64, 24);
        let (smallest, largest) = self.sizes.unwrap_or_default();
        bits.put(BLOCK as u64, 16);
        bits.put(BLOCK as u64, 16);
        bits.put(smallest.into(), 24);
        bits.put(largest.into(), 24);
        bits.put(self.sample_rate.min(0xf_ffff).into(), 20);
        bits.put(u64::from(self.channels) - 1, 3);
        bits.put(u64::from(SAMPLE_BITS) - 1, 5);
        bits.put(if self.frames <= MOST_FRAMES { self.frames } else { 0 }, 36);
        bits.put_octets(&md5);
        debug_assert_eq!(bits.octets().len(), FACTS_AT + FACTS);
        bits.into_octets()
    }

    fn write_block(&mut self) -> Result<(), Error> {
        let channels = usize::from(self.channels);
        let count = self.block.len() / channels;
        for sample in &self.block {
            self.md5.update(sample.to_le_bytes());
        }
        let mut bits = Bits::default();
        frame_header(&mut bits, self.blocks, count, self.channels);
        for channel in 0..channels {
            let samples: Vec<i32> =
                self.block.iter().skip(channel).step_by(channels).map(|&sample| i32::from(sample)).collect();
            subframe(&mut bits, &samples);
        }
        bits.pad();
        let sum = crc16(bits.octets());
        bits.put(sum.into(), 16);
        let size = bits.octets().len() as u32;
        let (smallest, largest) = self.sizes.unwrap_or((size, size));
        self.sizes = Some((smallest.min(size), largest.max(size)));
        self.put(bits.octets())?;
        self.frames += count as u64;
        self.blocks += 1;
        self.block.clear();
        Ok(())
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.file.write_all(octets).map_err(Error::io("write", &self.path))?;
        self.hash.update(octets);
        self.bytes += octets.len() as u64;
        Ok(())
    }
}

/// Section 9.1: blocks of one size, the last of which may be shorter; the rate stands in the stream's facts.
fn frame_header(bits: &mut Bits, number: u64, count: usize, channels: u16) {
    bits.put(0xfff8, 16);
    let whole = count == BLOCK;
    bits.put(if whole { 0b1100 } else { 0b0111 }, 4);
    bits.put(0, 4); // the rate
    bits.put(u64::from(channels) - 1, 4);
    bits.put(0b100, 3); // 16 bits a sample
    bits.put(0, 1);
    put_number(bits, number);
    if !whole {
        bits.put(count as u64 - 1, 16);
    }
    let sum = crc8(bits.octets());
    bits.put(sum.into(), 8);
}

/// A number as UTF-8 would have it, in up to seven octets (section 9.1.5).
fn put_number(bits: &mut Bits, number: u64) {
    let long = 64 - number.leading_zeros();
    if long <= 7 {
        bits.put(number, 8);
        return;
    }
    // Each further octet holds six bits more, and costs the first one.
    let more = (1..=6).find(|more| long <= 6 * more + 6 - more).unwrap_or(6);
    let mark = 0xff00 >> (more + 1) & 0xff;
    bits.put(mark | number >> (6 * more) & (0x3f >> more), 8);
    for at in (0..more).rev() {
        bits.put(0x80 | number >> (6 * at) & 0x3f, 8);
    }
}

/// One channel of a block, the cheapest way (section 9.2).
fn subframe(bits: &mut Bits, samples: &[i32]) {
    let first = samples.first().copied().unwrap_or(0);
    if samples.iter().all(|&sample| sample == first) {
        bits.put(0, 8);
        bits.put_signed(first, SAMPLE_BITS);
        return;
    }
    let (order, residual) = predicted(samples);
    let coding = Coding::cheapest(&residual, samples.len(), order);
    let as_they_are = samples.len() as u64 * u64::from(SAMPLE_BITS);
    if coding.cost + order as u64 * u64::from(SAMPLE_BITS) >= as_they_are {
        bits.put(0b10, 8);
        samples.iter().for_each(|&sample| bits.put_signed(sample, SAMPLE_BITS));
        return;
    }
    bits.put((0b00_1000 | order as u64) << 1, 8);
    samples.iter().take(order).for_each(|&sample| bits.put_signed(sample, SAMPLE_BITS));
    coding.write(bits, &residual, samples.len(), order);
}

/// The order of the fixed predictor that errs the least, and by how much it errs at each sample after its first ones.
fn predicted(samples: &[i32]) -> (usize, Vec<i32>) {
    let mut best: Option<(u64, usize, Vec<i32>)> = None;
    let mut errors = samples.to_vec();
    for order in 0..=MOST_ORDER.min(samples.len().saturating_sub(1)) {
        if order > 0 {
            errors = errors.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).collect();
        }
        let sum: u64 = errors.iter().map(|error| u64::from(error.unsigned_abs())).sum();
        if best.as_ref().is_none_or(|(least, ..)| sum < *least) {
            best = Some((sum, order, errors.clone()));
        }
    }
    best.map_or((0, Vec::new()), |(_, order, errors)| (order, errors))
}

/// Differences of differences, four times over.
const MOST_ORDER: usize = 4;

/// x^8 + x^2 + x + 1.
fn crc8(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| {
        (0..8).fold(sum ^ octet, |sum, _| if sum & 0x80 == 0 { sum << 1 } else { sum << 1 ^ 0x07 })
    })
}

/// x^16 + x^15 + x^2 + 1.
fn crc16(octets: &[u8]) -> u16 {
    octets.iter().fold(0, |sum, &octet| {
        let at = usize::from((sum >> 8) as u8 ^ octet);
        sum << 8 ^ CRC16.get(at).copied().unwrap_or(0)
    })
}

static CRC16: LazyLock<[u16; 256]> = LazyLock::new(|| {
    let shifted = |sum: u16, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x8005 };
    std::array::from_fn(|at| (0..8).fold((at as u16) << 8, shifted))
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(rate: u32, channels: u16, interleaved: &[i16], piece: usize) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.flac");
        let mut writer = Writer::create(&path, rate, channels).unwrap();
        for piece in interleaved.chunks(piece * usize::from(channels)) {
            writer.write(piece).unwrap();
        }
        let written = writer.finish().unwrap();
        let file = std::fs::read(&path).unwrap();
        assert_eq!(written.bytes, file.len() as u64);
        assert_eq!(written.frames, (interleaved.len() / usize::from(channels)) as u64);
        assert_eq!(written.blake3, blake3::hash(&file).to_hex().to_string());
        file
    }

    fn read(file: &[u8]) -> (u32, u32, Vec<i32>) {
        let mut reader = claxon::FlacReader::new(file).unwrap();
        let facts = reader.streaminfo();
        let samples = reader.samples().collect::<Result<_, _>>().unwrap();
        (facts.sample_rate, facts.channels, samples)
    }

    fn assert_lossless(rate: u32, channels: u16, interleaved: &[i16], piece: usize) {
        let expected: Vec<i32> = interleaved.iter().map(|&sample| sample.into()).collect();
        assert_eq!(read(&file(rate, channels, interleaved, piece)), (rate, channels.into(), expected));
    }

    #[test]
    fn another_reader_reads_every_kind_of_block_to_the_sample() {
        let noise = |n: usize| (n as u32).wrapping_mul(2_654_435_761).rotate_left(7) as i16;
        type Make = fn(usize) -> i16;
        let kinds: [(&str, Make); 6] = [
            ("silence", |_| 0),
            ("an offset", |_| -7),
            ("noise as it is", |n| (n as u32).wrapping_mul(2_654_435_761).rotate_left(7) as i16),
            ("extremes", |n| if n % 3 == 0 { i16::MIN } else { i16::MAX }),
            ("a sine", |n| ((n as f64 / 20.0).sin() * 12_000.0) as i16),
            ("a slope", |n| (n * 3 % 30_000) as i16),
        ];
        for (kind, make) in kinds {
            for count in [1, 2, 3, 5, 4095, 4096, 4097, 10_000] {
                let mono: Vec<i16> = (0..count).map(make).collect();
                assert_lossless(8000, 1, &mono, 1000);
                let stereo: Vec<i16> =
                    mono.iter().enumerate().flat_map(|(n, &one)| [one, noise(n) >> 8]).collect();
                assert_lossless(44_100, 2, &stereo, 777);
            }
            let size = file(8000, 1, &(0..40_960).map(make).collect::<Vec<_>>(), 4096).len();
            assert!(size < 2 * 40_960 + 400, "{kind}: {size}");
        }
    }

    #[test]
    fn the_number_of_a_frame_takes_as_many_octets_as_it_needs() {
        let put = |number| {
            let mut bits = Bits::default();
            put_number(&mut bits, number);
            bits.into_octets()
        };
        assert_eq!(put(0x7f), [0x7f]);
        assert_eq!(put(0x80), "\u{80}".as_bytes());
        assert_eq!(put(0x7ff), "\u{7ff}".as_bytes());
        assert_eq!(put(0x800), "\u{800}".as_bytes());
        assert_eq!(put(0xffff), "\u{ffff}".as_bytes());
        assert_eq!(put(0x1_0000), "\u{10000}".as_bytes());
        assert_eq!(put(0x3ff_ffff), [0xfb, 0xbf, 0xbf, 0xbf, 0xbf]);
        assert_eq!(put(0x7fff_ffff), [0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]);
        assert_eq!(put(0xf_ffff_ffff), [0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]);
    }

    #[test]
    fn speech_takes_less_room() {
        let wav = include_bytes!("../../../fixtures/speech/alice.wav");
        let (_, pcm) = wav.split_at(44);
        let samples: Vec<i16> =
            pcm.as_chunks::<2>().0.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect();
        let size = file(8000, 1, &samples, 4096).len();
        assert!(size * 10 < pcm.len() * 8, "{size} of {}", pcm.len());
        assert_lossless(8000, 1, &samples, 160);
    }

    proptest! {
        #[test]
        fn any_samples_come_back(
            samples in prop::collection::vec(any::<(i16, i16)>(), 0..9000),
            shift in 0..16u32,
            piece in 1..5000usize,
        ) {
            let interleaved: Vec<i16> = samples.iter().flat_map(|&(one, other)| [one >> shift, other]).collect();
            if !interleaved.is_empty() {
                assert_lossless(16_000, 2, &interleaved, piece);
            }
        }
    }
}
