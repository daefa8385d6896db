//! A file as chunks that are hashed one by one, so that a difference has a place: in a WAV its header and each second.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::record::RecordingFile;

/// How long a chunk is where nothing tells how long a second is.
const CHUNK: u64 = 1 << 20;

/// How a file is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Cut {
    /// Octets before the first second; zero where the file has no seconds.
    pub(super) header_bytes: u64,
    /// Octets of each chunk behind that; the last may be shorter.
    pub(super) chunk_bytes: u64,
}

impl Cut {
    /// For the audio that a record tells of, one second a chunk; for anything else, a mebibyte.
    pub(super) fn of(audio: Option<&RecordingFile>, bytes: u64) -> Cut {
        let seconds =
            audio.filter(|file| file.format == "wav" && file.encoding == "pcm_s16le").and_then(|file| {
                let frame = u64::from(file.channels) * 2;
                let header_bytes = bytes.checked_sub(file.frames.checked_mul(frame)?)?;
                let chunk_bytes = frame * u64::from(file.sample_rate);
                let fits = 1..=MOST;
                (fits.contains(&header_bytes) && fits.contains(&chunk_bytes))
                    .then_some(Cut { header_bytes, chunk_bytes })
            });
        seconds.unwrap_or(Cut { header_bytes: 0, chunk_bytes: CHUNK })
    }

    /// For a file of one chunk.
    pub(super) fn whole(bytes: u64) -> Cut {
        // One more, so that what was added shows.
        Cut { header_bytes: 0, chunk_bytes: bytes.saturating_add(1) }
    }

    /// The second that a chunk holds, where it holds one.
    pub(super) fn second(self, chunk: usize) -> Option<u64> {
        if self.header_bytes > 0 { (chunk as u64).checked_sub(1) } else { None }
    }

    fn len(self, chunk: usize) -> u64 {
        if chunk == 0 && self.header_bytes > 0 { self.header_bytes } else { self.chunk_bytes }
    }
}

/// Gives the hash of each chunk of a file to `take`, in order, until that says to stop.
pub(super) fn each(
    path: &Path,
    cut: Cut,
    mut take: impl FnMut(usize, &[u8], blake3::Hash) -> bool,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; cut.chunk_bytes.max(cut.header_bytes).min(MOST) as usize];
    for chunk in 0.. {
        let mut left = cut.len(chunk);
        let mut hash = blake3::Hasher::new();
        // A chunk of a file that we cut fits into the buffer; others are hashed in pieces all the same.
        while left > 0 {
            let wanted = left.min(buffer.len() as u64) as usize;
            let room = buffer.get_mut(..wanted).unwrap_or_default();
            let read = fill(&mut file, room)?;
            hash.update(room.get(..read).unwrap_or_default());
            left -= read as u64;
            if read < wanted {
                break;
            }
        }
        let count = cut.len(chunk) - left;
        if count == 0 || !take(chunk, buffer.get(..count as usize).unwrap_or_default(), hash.finalize()) {
            return Ok(());
        }
    }
    Ok(())
}

/// The most that is read at once.
const MOST: u64 = 4 << 20;

fn fill(file: &mut File, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
