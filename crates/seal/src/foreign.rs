//! What is decoded elsewhere of a stream, before it is placed: its frames go to the system's decoder in one go, and the
//! samples wait in a file without a name until they are written.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use audio::{Codec, Decoded, Foreign, Sound, Stream};
use ffmpeg::{Ffmpeg, Task};

use crate::part::Part;
use crate::sorter::Sorted;

/// Who decodes what is foreign here, if anybody does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreigners<'a> {
    pub(crate) ffmpeg: Option<&'a Ffmpeg>,
    /// The folder for what is decoded.
    pub(crate) folder: &'a Path,
}

/// Has what is foreign in `sorted` decoded, and gives where it can be read. What nobody decodes is taken out, and
/// counted.
pub(crate) fn decode(sorted: &mut Sorted<'_>, foreigners: &Foreigners<'_>) -> Option<Box<dyn Decoded>> {
    // A stream has one such codec; where it should have more, the others are left out.
    let foreign = sorted.parts.iter().find_map(foreign_of)?;
    let decoded = foreigners.decode(foreign, &sorted.parts);
    let is_kept =
        |part: &Part<'_>| foreign_of(part).is_none_or(|other| other == foreign && decoded.is_some());
    let kept: Vec<bool> = sorted.parts.iter().map(is_kept).collect();
    sorted.undecoded += kept.iter().filter(|kept| !**kept).count() as u64;
    let mut keeps = kept.iter();
    sorted.sounding.retain(|_| keeps.next().copied().unwrap_or(false));
    let mut keeps = kept.iter();
    sorted.parts.retain(|_| keeps.next().copied().unwrap_or(false));
    let mut from = 0;
    for part in sorted.parts.iter_mut().filter(|part| foreign_of(part).is_some()) {
        part.sound = Sound::Decoded(from);
        from += u64::from(part.samples);
    }
    decoded.map(|file| Box::new(InFile(file)) as Box<dyn Decoded>)
}

const fn foreign_of(part: &Part<'_>) -> Option<Foreign> {
    match part.codec {
        Codec::Foreign(foreign) => Some(foreign),
        _ => None,
    }
}

impl Foreigners<'_> {
    fn decode(&self, foreign: Foreign, parts: &[Part<'_>]) -> Option<File> {
        let ffmpeg = self.ffmpeg?;
        let parts = parts.iter().filter(|part| foreign_of(part) == Some(foreign));
        let samples = parts.clone().map(|part| u64::from(part.samples)).sum();
        let task = Task { container: foreign.container(), samples, sample_rate: foreign.sample_rate() };
        let file = tempfile::tempfile_in(self.folder).ok()?;
        let feed = |stdin: &mut dyn Write| {
            let mut frames = Vec::new();
            let mut stream = Stream::new(foreign, &mut frames);
            for part in parts {
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
