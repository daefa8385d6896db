//! What no longer fits in memory, in a file without a name: written once, read where it lies.
//!
//! Only what comes by a stream needs it; the frames of a mapped file stay where they are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::map::Map;

/// The writing end.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    shared: Arc<Shared>,
    end: u64,
}

/// The reading end; it reads what was written, from any thread.
#[derive(Clone, Debug)]
pub struct Spilled(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: OnceLock<File>,
    segments: Vec<OnceLock<Map>>,
}

/// The places of spilled bytes begin here, beyond any mapped file's.
const BASE: u64 = 1 << 62;
/// The file is mapped in pieces of this size, each when it is first read from.
const SEGMENT: u64 = 64 << 20;
/// A quarter of a tebibyte; what is more is refused.
const MOST_SEGMENTS: usize = 4096;

impl Spill {
    /// Spills into `folder`. The file is made when the first bytes come.
    #[must_use]
    pub fn new(folder: &Path) -> Spill {
        let segments = (0..MOST_SEGMENTS).map(|_| OnceLock::new()).collect();
        Spill {
            folder: folder.to_owned(),
            shared: Arc::new(Shared { file: OnceLock::new(), segments }),
            end: 0,
        }
    }

    /// The reading end.
    #[must_use]
    pub fn spilled(&self) -> Spilled {
        Spilled(Arc::clone(&self.shared))
    }

    /// Writes `bytes` and gives the number of their place.
    ///
    /// # Errors
    /// That of the file system, or that there is no more room.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let len = bytes.len() as u64;
        let left = SEGMENT - self.end % SEGMENT;
        // No piece crosses from one segment into the next.
        let at = if len <= left { self.end } else { self.end + left };
        if len > SEGMENT || at + len > SEGMENT * MOST_SEGMENTS as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.file()?;
        file.set_len((at / SEGMENT + 1) * SEGMENT)?;
        file.write_all_at(bytes, at)?;
        self.end = at + len;
        Ok(BASE + at)
    }

    fn file(&self) -> io::Result<&File> {
        if let Some(file) = self.shared.file.get() {
            return Ok(file);
        }
        let path = self.folder.join(format!(".spill-{}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        // Without a name it is gone with this program, however that ends.
        fs::remove_file(&path)?;
        Ok(self.shared.file.get_or_init(|| file))
    }
}

impl Spilled {
    /// The `len` bytes from the place of that number on; `None` where nothing was spilled.
    #[must_use]
    pub fn slice(&self, place: u64, len: usize) -> Option<&[u8]> {
        let at = place.checked_sub(BASE)?;
        let (index, offset) = (at / SEGMENT, at % SEGMENT);
        let segment = self.0.segments.get(usize::try_from(index).ok()?)?;
        let map = match segment.get() {
            Some(map) => map,
            None => {
                let map = Map::part(self.0.file.get()?, index * SEGMENT, SEGMENT as usize).ok()?;
                segment.get_or_init(|| map)
            }
        };
        map.bytes().get(usize::try_from(offset).ok()?..)?.get(..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_put_from_another_thread_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path());
        let spilled = spill.spilled();
        assert_eq!(spilled.slice(BASE, 1), None, "nothing was spilled yet");
        let piece = |n: u8| vec![n; 20 << 20];
        let places: Vec<u64> = (0..7).map(|n| spill.put(&piece(n)).unwrap()).collect();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        std::thread::spawn(move || {
            for (n, place) in (0..7).zip(places) {
                assert!(spilled.slice(place + 5, (20 << 20) - 5).unwrap().iter().all(|&byte| byte == n));
            }
            assert_eq!(spilled.slice(7, 1), None, "a place of a mapped file");
        })
        .join()
        .unwrap();
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Spill::new(&folder.path().join("absent")).put(b"x").is_err());
        assert!(Spill::new(folder.path()).put(&vec![0; SEGMENT as usize + 1]).is_err());
    }
}
