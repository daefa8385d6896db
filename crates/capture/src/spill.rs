//! What no longer fits in memory, in a file without a name: written once, read where it lies, and its room used again
//! once nobody holds it.
//!
//! Only what comes by a stream needs it; the frames of a mapped file stay where they are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::{FallocateFlags, fallocate};

use crate::map::Map;

/// The writing end.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    shared: Arc<Shared>,
    /// The segment that is being filled, and how far it is.
    segment: usize,
    filled: u64,
    segment_size: u64,
}

/// The reading end; it reads what was written and is held, from any thread.
#[derive(Clone, Debug)]
pub struct Spilled(Arc<Shared>);

/// Keeps spilled bytes at their place; dropped, it gives their room back.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    segment: usize,
    /// Where in the file they are.
    at: u64,
    len: u64,
}

#[derive(Debug)]
struct Shared {
    file: OnceLock<File>,
    segments: Vec<Segment>,
    segment_size: u64,
    /// How many bytes were read of all.
    read: AtomicUsize,
}

/// A piece of the file, mapped when it is first read from, and how many hold something in it.
#[derive(Default, Debug)]
struct Segment {
    map: OnceLock<Map>,
    /// How often it is still to be let go of since something was read of it.
    letting_go: AtomicU8,
    holds: AtomicUsize,
}

/// The places of spilled bytes begin here, beyond any mapped file's.
const BASE: u64 = 1 << 62;
/// The file is mapped in pieces of this size.
const SEGMENT: u64 = 64 << 20;
/// So much is read before what was mapped of it is let go of.
const MOST_READ: usize = 4 << 20;
/// Whoever asked for bytes may look at them later, and be behind by some megabytes.
const TIMES: u8 = 4;
/// A quarter of a tebibyte at once; what is more is refused.
const MOST_SEGMENTS: usize = 4096;
/// The disk's room is given back in pieces of this size.
const PAGE: u64 = 4096;

impl Spill {
    /// Spills into `folder`. The file is made when the first bytes come.
    #[must_use]
    pub fn new(folder: &Path) -> Spill {
        Spill::with(folder, MOST_SEGMENTS, SEGMENT)
    }

    fn with(folder: &Path, segments: usize, segment_size: u64) -> Spill {
        let segments = (0..segments).map(|_| Segment::default()).collect();
        let shared =
            Arc::new(Shared { file: OnceLock::new(), segments, segment_size, read: AtomicUsize::new(0) });
        Spill { folder: folder.to_owned(), shared, segment: 0, filled: 0, segment_size }
    }

    /// The reading end.
    #[must_use]
    pub fn spilled(&self) -> Spilled {
        Spilled(Arc::clone(&self.shared))
    }

    /// Writes `bytes` and gives the number of their place, which is theirs as long as the hold lives.
    ///
    /// # Errors
    /// That of the file system, or that there is no more room.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<(u64, Hold)> {
        let len = bytes.len() as u64;
        // No piece crosses from one segment into the next.
        if len > self.segment_size - self.filled {
            self.begin_segment(len)?;
        }
        let begin = self.segment as u64 * self.segment_size;
        let at = begin + self.filled;
        let file = self.file()?;
        if file.metadata()?.len() < begin + self.segment_size {
            file.set_len(begin + self.segment_size)?;
        }
        file.write_all_at(bytes, at)?;
        self.filled += len;
        let held = self.shared.segments.get(self.segment).ok_or(io::ErrorKind::StorageFull)?;
        held.holds.fetch_add(1, Ordering::Relaxed);
        let hold = Hold { shared: Arc::clone(&self.shared), segment: self.segment, at, len };
        Ok((BASE + at, hold))
    }

    /// Moves on to the first segment of which nobody holds anything.
    fn begin_segment(&mut self, len: u64) -> io::Result<()> {
        // Whoever let go of the last of it had read it before.
        let is_free = |segment: &Segment| segment.holds.load(Ordering::Acquire) == 0;
        let free = self.shared.segments.iter().position(is_free);
        let free = free.filter(|_| len <= self.segment_size).ok_or(io::ErrorKind::StorageFull)?;
        (self.segment, self.filled) = (free, 0);
        Ok(())
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
        let size = self.0.segment_size;
        let (index, offset) = (at / size, at % size);
        let Segment { map, letting_go, .. } = self.0.segments.get(usize::try_from(index).ok()?)?;
        let map = match map.get() {
            Some(map) => map,
            None => {
                let new = Map::part(self.0.file.get()?, index * size, usize::try_from(size).ok()?).ok()?;
                map.get_or_init(|| new)
            }
        };
        letting_go.store(TIMES, Ordering::Relaxed);
        self.0.count_read(len);
        map.bytes().get(usize::try_from(offset).ok()?..)?.get(..len)
    }
}

impl Shared {
    /// A long call is gone through more than once, and is longer than memory: what was read of it is let go of.
    fn count_read(&self, len: usize) {
        let before = self.read.fetch_add(len, Ordering::Relaxed);
        if before / MOST_READ != before.wrapping_add(len) / MOST_READ {
            for segment in &self.segments {
                let times = segment.letting_go.load(Ordering::Relaxed);
                if let (1.., Some(map)) = (times, segment.map.get()) {
                    segment.letting_go.store(times - 1, Ordering::Relaxed);
                    map.release();
                }
            }
        }
    }
}

impl Drop for Hold {
    /// Gives the whole pages between its ends back to the disk at once, and the rest when its segment is used again.
    fn drop(&mut self) {
        let (begin, end) = (self.at.next_multiple_of(PAGE), (self.at + self.len) / PAGE * PAGE);
        if let Some(file) = self.shared.file.get().filter(|_| begin < end) {
            // Where the file system cannot, the segment is used again all the same.
            let _ =
                fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, begin, end - begin);
        }
        if let Some(segment) = self.shared.segments.get(self.segment) {
            segment.holds.fetch_sub(1, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn gives_back_what_was_put_from_another_thread_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path());
        let spilled = spill.spilled();
        assert_eq!(spilled.slice(BASE, 1), None, "nothing was spilled yet");
        let piece = |n: u8| vec![n; 20 << 20];
        let places: Vec<(u64, Hold)> = (0..7).map(|n| spill.put(&piece(n)).unwrap()).collect();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        std::thread::spawn(move || {
            for (n, (place, _hold)) in (0..7).zip(places) {
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

    #[test]
    fn room_is_used_again_once_nobody_holds_it() {
        const SIZE: u64 = 64 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::with(folder.path(), 4, SIZE);
        let spilled = spill.spilled();
        let piece = |n: u32| n.to_be_bytes().repeat(5000);
        // A long call holds one piece; of the others, the three latest are held.
        let (long, _long_hold) = spill.put(&piece(u32::MAX)).unwrap();
        let mut held = std::collections::VecDeque::new();
        for n in 0..1000 {
            held.push_back((n, spill.put(&piece(n)).unwrap()));
            held.drain(..held.len().saturating_sub(3));
            for (n, (place, _)) in &held {
                assert!(spilled.slice(*place, 20_000).unwrap() == piece(*n));
            }
        }
        assert!(spilled.slice(long, 20_000).unwrap() == piece(u32::MAX));
        let file = spill.file().unwrap().metadata().unwrap();
        assert!(file.len() <= 4 * SIZE);
        drop(held);
        let in_use = spill.file().unwrap().metadata().unwrap().blocks() * 512;
        assert!(in_use < 150_000, "holes where nothing is held: {in_use}");
    }

    #[test]
    fn what_is_held_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::with(folder.path(), 2, 8192);
        let held: Vec<(u64, Hold)> = (0..4).map(|n| spill.put(&[n; 4096]).unwrap()).collect();
        assert!(spill.put(b"x").is_err());
        let spilled = spill.spilled();
        for (n, (place, _)) in (0..4).zip(&held) {
            assert_eq!(spilled.slice(*place, 4096), Some(&[n; 4096][..]));
        }
        drop(held);
        assert!(spill.put(b"x").is_ok(), "and then there is room");
    }
}
