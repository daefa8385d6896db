//! A recording in another lossless format: the same samples, and nothing else changed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use claxon::FlacReader;
use store::{flac, wav};

use crate::error::Error;

/// What audio is handed over as.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Format {
    /// As it stands in the store.
    #[default]
    Stored,
    /// WAV; a FLAC becomes one.
    Wav,
    /// FLAC; a WAV becomes one.
    Flac,
}

impl Format {
    /// The name that a file gets, where it is to become another one. What is Opus stays so: its samples are no longer
    /// those that were sent.
    pub(crate) fn renamed(self, name: &str) -> Option<String> {
        let (stem, ending) = name.rsplit_once('.')?;
        match (self, ending) {
            (Format::Flac, "wav") => Some(format!("{stem}.flac")),
            (Format::Wav, "flac") => Some(format!("{stem}.wav")),
            _ => None,
        }
    }
}

/// Samples handed to a writer at once.
const BLOCK: usize = 16_384;

/// Writes the samples of the WAV or FLAC `from` into the other format at `to`.
pub(crate) fn convert(from: &Path, to: &Path) -> Result<(), Error> {
    if from.extension().is_some_and(|ending| ending == "flac") { to_wav(from, to) } else { to_flac(from, to) }
}

fn to_flac(from: &Path, to: &Path) -> Result<(), Error> {
    let mut wav = Wav::open(from)?;
    let mut writer = flac::Writer::create(to, wav.sample_rate, wav.channels)?;
    let mut samples = Vec::with_capacity(BLOCK);
    while wav.read(&mut samples)? {
        writer.write(&samples)?;
    }
    writer.finish()?;
    Ok(())
}

fn to_wav(from: &Path, to: &Path) -> Result<(), Error> {
    let wrong = |why: claxon::Error| Error::Audio { path: from.to_owned(), why: why.to_string() };
    let mut flac = FlacReader::open(from).map_err(wrong)?;
    let info = flac.streaminfo();
    let channels = u16::try_from(info.channels).unwrap_or(1);
    let frames = info.samples.ok_or_else(|| Error::Audio {
        path: from.to_owned(),
        why: "it does not say how long it is".to_owned(),
    })?;
    let mut writer = wav::Writer::create(to, info.sample_rate, channels, frames)?;
    let mut blocks = flac.blocks();
    let (mut buffer, mut samples) = (Vec::new(), Vec::new());
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(wrong)? {
        samples.clear();
        for frame in 0..block.duration() {
            for channel in 0..block.channels() {
                // Ours have 16 bits.
                samples.push(i16::try_from(block.sample(channel, frame)).unwrap_or_default());
            }
        }
        writer.write(&samples)?;
        buffer = block.into_buffer();
    }
    writer.plain()?;
    Ok(())
}

/// The samples of a WAV of 16 bit.
struct Wav {
    path: PathBuf,
    file: BufReader<File>,
    sample_rate: u32,
    channels: u16,
    /// Octets of samples that are still to be read.
    left: u64,
}

impl Wav {
    fn open(path: &Path) -> Result<Wav, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let wav =
            Wav { path: path.to_owned(), file: BufReader::new(file), sample_rate: 0, channels: 0, left: 0 };
        wav.read_head()
    }

    /// Reads to the first sample: RIFF, or RF64 (EBU Tech 3306), whose chunk ds64 has the length.
    fn read_head(mut self) -> Result<Wav, Error> {
        let [magic, _, kind] = self.words()?;
        if !matches!(&magic, b"RIFF" | b"RF64") || &kind != b"WAVE" {
            return Err(self.wrong("it is no WAV"));
        }
        let mut long = None;
        loop {
            let [name, size] = self.words()?;
            let size = u32::from_le_bytes(size);
            match &name {
                b"fmt " => {
                    let [_, rate, _, _] = self.format(size)?;
                    self.sample_rate = rate;
                }
                b"ds64" => {
                    let [_, _, low, high] = self.words()?;
                    long =
                        Some(u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << 32);
                    self.skip(u64::from(size).saturating_sub(16))?;
                }
                b"data" => {
                    self.left = long.filter(|_| size == u32::MAX).unwrap_or_else(|| u64::from(size));
                    break;
                }
                _ => self.skip(u64::from(size).next_multiple_of(2))?,
            }
        }
        if self.channels == 0 || self.sample_rate == 0 {
            return Err(self.wrong("it does not say what its samples are"));
        }
        Ok(self)
    }

    /// The chunk `fmt `: its format and channels, its rate, and what is behind.
    fn format(&mut self, size: u32) -> Result<[u32; 4], Error> {
        let words: [[u8; 4]; 4] = self.words()?;
        let words = words.map(u32::from_le_bytes);
        let [first, _, _, last] = words;
        if size < 16 || first & 0xffff != 1 || last >> 16 != 16 {
            return Err(self.wrong("its samples are not PCM of 16 bit"));
        }
        self.channels = (first >> 16) as u16;
        self.skip(u64::from(size - 16).next_multiple_of(2))?;
        Ok(words)
    }

    /// The next samples; false where there are none left.
    fn read(&mut self, samples: &mut Vec<i16>) -> Result<bool, Error> {
        let frame = 2 * usize::from(self.channels);
        let most = (BLOCK - BLOCK % frame) as u64;
        let mut octets = vec![0; self.left.min(most) as usize];
        self.file.read_exact(&mut octets).map_err(Error::io("read", &self.path))?;
        self.left -= octets.len() as u64;
        samples.clear();
        samples.extend(octets.as_chunks().0.iter().map(|&sample| i16::from_le_bytes(sample)));
        Ok(!samples.is_empty())
    }

    fn words<const N: usize>(&mut self) -> Result<[[u8; 4]; N], Error> {
        let mut words = [[0; 4]; N];
        self.file.read_exact(words.as_flattened_mut()).map_err(Error::io("read", &self.path))?;
        Ok(words)
    }

    fn skip(&mut self, octets: u64) -> Result<(), Error> {
        let skipped = std::io::copy(&mut self.file.by_ref().take(octets), &mut std::io::sink());
        skipped.map_err(Error::io("read", &self.path))?;
        Ok(())
    }

    fn wrong(&self, why: &str) -> Error {
        Error::Audio { path: self.path.clone(), why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(frames: usize) -> Vec<i16> {
        (0..frames * 2).map(|n| ((n * 7919) % 65_536) as u16 as i16).collect()
    }

    #[test]
    fn there_and_back_no_sample_changes() {
        let dir = tempfile::tempdir().unwrap();
        let [wav, flac, again] = ["a.wav", "a.flac", "b.wav"].map(|name| dir.path().join(name));
        let samples = samples(20_001);
        let mut writer = wav::Writer::create(&wav, 16_000, 2, 20_001).unwrap();
        writer.write(&samples).unwrap();
        writer.finish(*b"prov", b"{}x").unwrap();
        convert(&wav, &flac).unwrap();
        convert(&flac, &again).unwrap();
        for path in [&wav, &again] {
            let mut read = hound::WavReader::open(path).unwrap();
            assert_eq!((read.spec().sample_rate, read.spec().channels), (16_000, 2));
            assert_eq!(read.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), samples);
        }
    }

    #[test]
    fn what_is_no_wav_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        for (octets, said) in
            [(&b"RIFF\0\0\0\0WAVE"[..], "read"), (b"RIFX\0\0\0\0WAVE", "no WAV"), (b"", "read")]
        {
            std::fs::write(&path, octets).unwrap();
            let error = convert(&path, &dir.path().join("a.flac")).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("a.wav"), "{error}");
        }
    }

    #[test]
    fn only_lossless_audio_is_made_over() {
        assert_eq!(Format::Flac.renamed("caller.wav").as_deref(), Some("caller.flac"));
        assert_eq!(Format::Wav.renamed("call.flac").as_deref(), Some("call.wav"));
        for (format, name) in
            [(Format::Flac, "call.opus"), (Format::Wav, "call.wav"), (Format::Stored, "call.wav")]
        {
            assert_eq!(format.renamed(name), None);
        }
    }
}
