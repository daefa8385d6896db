//! What is decoded elsewhere of a stream, before it is placed: its frames go to the system's decoder in one go, and the
//! samples wait in a file without a name until they are written. AMR goes to the system's library where it has one, which
//! gives the standard's samples to the bit, and to its program otherwise.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use audio::{Codec, Decoded, Foreign, Sound, Stream};
use ffmpeg::{Ffmpeg, Task};

use crate::part::Part;

/// Who decodes what is foreign here, if anybody does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreigners<'a> {
    pub(crate) ffmpeg: Option<&'a Ffmpeg>,
    /// The folder for what is decoded.
    pub(crate) folder: &'a Path,
}

/// Has the parts of `foreign` decoded, which `parts` gives each time it is asked together with all others, and gives
/// where the samples can be read; `None` where nobody decodes it.
pub(crate) fn decode<'a, I: Iterator<Item = Part<'a>>>(
    foreign: Foreign,
    parts: impl Fn() -> I + Sync,
    foreigners: &Foreigners<'_>,
) -> Option<Box<dyn Decoded>> {
    let of_it = || parts().filter(|part| part.codec == Codec::Foreign(foreign));
    let file = foreigners.decode(foreign, of_it)?;
    Some(Box::new(InFile(file)))
}

impl Foreigners<'_> {
    fn decode<'a, I: Iterator<Item = Part<'a>>>(
        &self,
        foreign: Foreign,
        parts: impl Fn() -> I + Sync,
    ) -> Option<File> {
        let file = tempfile::tempfile_in(self.folder).ok()?;
        if let Some(decoder) = band(foreign).and_then(opencore::Decoder::new) {
            return decode_here(foreign, decoder, parts(), &file).is_ok().then_some(file);
        }
        let ffmpeg = self.ffmpeg?;
        let samples = parts().map(|part| u64::from(part.samples)).sum();
        let (container, better) = (foreign.container(), foreign.better_decoder());
        let task = Task { container, better, samples, sample_rate: foreign.sample_rate() };
        let feed = |stdin: &mut dyn Write| {
            let mut frames = Vec::new();
            let mut stream = Stream::new(foreign, &mut frames);
            for part in parts() {
                if let Sound::Payload(payload) = part.sound {
                    stream.append(payload, &mut frames);
                    stdin.write_all(&frames)?;
                    frames.clear();
                }
            }
            stdin.write_all(&frames)
        };
        ffmpeg.decode(task, &file, feed).ok()?;
        Some(file)
    }
}

fn band(foreign: Foreign) -> Option<opencore::Band> {
    match foreign {
        Foreign::Amr(_) => Some(opencore::Band::Narrow),
        Foreign::AmrWb(_) => Some(opencore::Band::Wide),
        _ => None,
    }
}

/// Decodes what sounds of `parts` into `file`.
fn decode_here<'a>(
    foreign: Foreign,
    mut decoder: opencore::Decoder,
    parts: impl Iterator<Item = Part<'a>>,
    file: &File,
) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    let (mut frames, mut samples) = (Vec::new(), Vec::new());
    let mut stream = Stream::new(foreign, &mut frames);
    for part in parts {
        let Sound::Payload(payload) = part.sound else { continue };
        frames.clear();
        stream.append(payload, &mut frames);
        samples.clear();
        decoder.decode(&frames, &mut samples);
        // As many as the part was found to hold, whatever its frames say.
        samples.resize(part.samples as usize, 0);
        samples.iter().try_for_each(|sample| out.write_all(&sample.to_le_bytes()))?;
    }
    out.flush()
}

/// Samples in a file, the lower octet first.
#[derive(Debug)]
struct InFile(File);

impl Decoded for InFile {
    fn read(&self, from: u64, samples: &mut [i16]) {
        let mut octets = vec![0; 2 * samples.len()];
        // It is as long as it was found to be; if the disk fails now, the writing of the recording will tell.
        let read = self.0.read_exact_at(&mut octets, 2 * from);
        let (pairs, _) = octets.as_chunks::<2>();
        for (sample, &pair) in samples.iter_mut().zip(pairs) {
            *sample = if read.is_ok() { i16::from_le_bytes(pair) } else { 0 };
        }
    }
}
