//! The audio files of a call: stereo samples in, block by block, and the files that were asked for out.

use audio::{Encoder, Ledger, Lowerer};
use store::wav::Written;
use store::{Recording, flac, opus, wav};

use crate::provenance;
use crate::shape::{Format, Layout, Shape};

/// Both parties' channels in the making.
pub(crate) struct Output {
    shape: Shape,
    rate: u32,
    /// Frames that come in, and that go out.
    frames: (u64, u64),
    /// Where the files' rate is below what comes in.
    lowered: Option<[Lowerer; 2]>,
    writers: Vec<(String, Writer)>,
    /// What stays in memory, where that was asked for.
    tail: Option<Tail>,
    samples: Vec<i16>,
}

/// The end of a recording, in memory.
struct Tail {
    /// Samples that are not wanted any more.
    skipped: u64,
    kept: Vec<i16>,
}

/// What came of it.
pub(crate) struct Finished {
    pub(crate) files: Vec<Audio>,
    /// The intervals of both channels at the files' rate.
    pub(crate) ledgers: [Ledger; 2],
    /// The stereo samples that were to stay in memory.
    pub(crate) tail: Vec<i16>,
}

/// A file that was written.
#[derive(Debug)]
pub(crate) struct Audio {
    pub(crate) name: String,
    pub(crate) written: Written,
}

enum Writer {
    Wav(wav::Writer),
    Flac(flac::Writer),
    Opus(OpusWriter),
}

impl Output {
    /// For `frames` frames at `rate`, which become files of `file_rate`, no higher, in the folder of `recording`.
    pub(crate) fn create(
        recording: &Recording,
        shape: Shape,
        (rate, file_rate): (u32, u32),
        frames: u64,
    ) -> Result<Self, store::Error> {
        let mut output = Output::without_files(shape, (rate, file_rate), frames);
        let (_, file_frames) = output.frames;
        let channels = shape.channels();
        for name in shape.names() {
            let path = recording.path(&name);
            let writer = match shape.format {
                Format::Wav => Writer::Wav(wav::Writer::create(&path, file_rate, channels, file_frames)?),
                Format::Flac => Writer::Flac(flac::Writer::create(&path, file_rate, channels)?),
                Format::Opus => {
                    let writer = opus::Writer::create(&path, file_rate, channels, OpusWriter::SKIP)?;
                    Writer::Opus(OpusWriter::new(writer, file_rate, channels))
                }
            };
            output.writers.push((name, writer));
        }
        Ok(output)
    }

    /// The same in memory, from frame `from` of the rate `file_rate` on.
    pub(crate) fn tail(shape: Shape, rates: (u32, u32), frames: u64, from: u64) -> Self {
        let tail = Some(Tail { skipped: from.saturating_mul(2), kept: Vec::new() });
        Output { tail, ..Output::without_files(shape, rates, frames) }
    }

    fn without_files(shape: Shape, (rate, file_rate): (u32, u32), frames: u64) -> Self {
        let lowered = (file_rate < rate).then(|| [(); 2].map(|()| Lowerer::new(rate, file_rate)));
        let file_frames = lowered.as_ref().map_or(frames, |[one, _]| one.samples_of(frames));
        let (writers, samples) = (Vec::new(), Vec::new());
        Output {
            shape,
            rate: file_rate,
            frames: (frames, file_frames),
            lowered,
            writers,
            tail: None,
            samples,
        }
    }

    /// How many frames are best written at once.
    pub(crate) fn frames_to_block(&self) -> u64 {
        match self.writers.first() {
            Some((_, Writer::Wav(writer))) if self.lowered.is_none() => writer.frames_to_block(),
            _ => BLOCK,
        }
    }

    /// Takes in the stereo samples that follow.
    pub(crate) fn write(&mut self, stereo: &[i16]) -> Result<(), store::Error> {
        let Some(lowerers) = &mut self.lowered else { return self.put(stereo) };
        let mut sides = [Vec::new(), Vec::new()];
        for (channel, (lowerer, side)) in lowerers.iter_mut().zip(&mut sides).enumerate() {
            lowerer.lower(stereo.iter().skip(channel).step_by(2).copied(), side);
        }
        self.put(&interleaved(&sides))
    }

    /// Ends the files. `ledgers` are of what came in, and are given back as of the files.
    pub(crate) fn finish(mut self, ledgers: &[Ledger; 2]) -> Result<Finished, store::Error> {
        let (frames, file_frames) = self.frames;
        if let Some(lowerers) = self.lowered.take() {
            let mut sides = [Vec::new(), Vec::new()];
            for (lowerer, side) in lowerers.into_iter().zip(&mut sides) {
                lowerer.finish(frames, side);
            }
            self.put(&interleaved(&sides))?;
        }
        let ledgers = ledgers.each_ref().map(|ledger| ledger.scaled(frames, file_frames));
        let mut files = Vec::new();
        for (at, (name, writer)) in self.writers.into_iter().enumerate() {
            let written = match writer {
                Writer::Wav(writer) => {
                    let its = match self.shape.layout {
                        Layout::Separate => ledgers.get(at..=at).unwrap_or_default(),
                        Layout::Stereo | Layout::Mono => &ledgers[..],
                    };
                    let json = provenance::json(its, self.rate, file_frames);
                    writer.finish(provenance::CHUNK, json.as_bytes())?
                }
                Writer::Flac(writer) => writer.finish()?,
                Writer::Opus(writer) => writer.finish(file_frames, self.rate)?,
            };
            files.push(Audio { name, written });
        }
        let tail = self.tail.map(|tail| tail.kept).unwrap_or_default();
        Ok(Finished { files, ledgers, tail })
    }

    /// Writes stereo samples of the files' rate.
    fn put(&mut self, stereo: &[i16]) -> Result<(), store::Error> {
        if let Some(tail) = &mut self.tail {
            let skipped = usize::try_from(tail.skipped).unwrap_or(usize::MAX).min(stereo.len());
            tail.skipped -= skipped as u64;
            tail.kept.extend(stereo.iter().skip(skipped));
        }
        for (at, (_, writer)) in self.writers.iter_mut().enumerate() {
            self.samples.clear();
            match self.shape.layout {
                Layout::Stereo => {
                    writer.write(stereo)?;
                    continue;
                }
                Layout::Mono => self.samples.extend(stereo.chunks_exact(2).map(mixed)),
                Layout::Separate => self.samples.extend(stereo.iter().skip(at).step_by(2)),
            }
            writer.write(&self.samples)?;
        }
        Ok(())
    }
}

/// Two seconds of most calls.
const BLOCK: u64 = 16_384;

/// One party alone stands as it was; where both are too loud together, as loud as there is.
fn mixed(frame: &[i16]) -> i16 {
    frame.iter().copied().fold(0, i16::saturating_add)
}

fn interleaved([left, right]: &[Vec<i16>; 2]) -> Vec<i16> {
    left.iter().zip(right).flat_map(|(&left, &right)| [left, right]).collect()
}

impl Writer {
    fn write(&mut self, interleaved: &[i16]) -> Result<(), store::Error> {
        match self {
            Writer::Wav(writer) => writer.write(interleaved),
            Writer::Flac(writer) => writer.write(interleaved),
            Writer::Opus(writer) => writer.write(interleaved),
        }
    }
}

/// Encodes each channel for itself.
struct OpusWriter {
    writer: opus::Writer,
    encoders: Vec<Encoder>,
    /// Interleaved samples that do not fill a packet yet.
    samples: Vec<i16>,
    frame: usize,
}

impl OpusWriter {
    /// By so many ticks of 48 kHz an encoder is behind.
    const SKIP: u16 = 312;

    fn new(writer: opus::Writer, rate: u32, channels: u16) -> Self {
        let encoders: Vec<Encoder> = (0..channels).filter_map(|_| Encoder::new(rate)).collect();
        let frame = encoders.first().map_or(1, Encoder::frame);
        OpusWriter { writer, encoders, samples: Vec::new(), frame }
    }

    fn write(&mut self, interleaved: &[i16]) -> Result<(), store::Error> {
        self.samples.extend_from_slice(interleaved);
        let (channels, mut used) = (self.encoders.len().max(1), 0);
        while let Some(now) = self.samples.get(used..used + channels * self.frame) {
            let mut packets = Vec::with_capacity(channels);
            for (channel, encoder) in self.encoders.iter_mut().enumerate() {
                let samples: Vec<i16> = now.iter().skip(channel).step_by(channels).copied().collect();
                packets.push(encoder.encode(&samples).unwrap_or(SILENCE));
            }
            self.writer.write(&packets)?;
            used += channels * self.frame;
        }
        self.samples.drain(..used);
        Ok(())
    }

    fn finish(mut self, frames: u64, rate: u32) -> Result<Written, store::Error> {
        // What the encoder is behind by, and what is left of a packet.
        let channels = self.encoders.len().max(1);
        let behind = (usize::from(Self::SKIP) * rate as usize).div_ceil(48_000);
        let whole = (self.samples.len() / channels + behind).next_multiple_of(self.frame);
        self.write(&vec![0; whole * channels - self.samples.len()])?;
        self.writer.finish(frames, rate)
    }
}

/// A packet with nothing in it, which a decoder fills by what was before (RFC 6716, section 3.2.1): narrowband, 20 ms.
const SILENCE: &[u8] = &[0x08];
