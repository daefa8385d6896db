//! What a store's recordings take up, counted from their records and not from the disk.

use crate::error::Error;
use crate::index::Index;
use crate::layout::Store;

/// Recordings and the octets of their audio.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Calls that have a record.
    pub records: u64,
    /// Octets of their audio files.
    pub bytes: u64,
}

impl Store {
    /// Octets that this program may still write on the store's file system.
    ///
    /// # Errors
    /// That of the file system.
    pub fn free_bytes(&self) -> Result<u64, Error> {
        let space = rustix::fs::statvfs(self.dir())
            .map_err(|error| Error::io("ask for the space of", self.dir())(error.into()))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

impl Index {
    /// Counts the whole index: a second for a million calls. Count on from there.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn usage(&self) -> Result<Usage, Error> {
        self.rows().try_fold(Usage::default(), |usage, row| {
            let (_, line) = row?;
            let row = line.row().ok_or_else(|| self.unreadable())?;
            Ok(Usage { records: usage.records + 1, bytes: usage.bytes + row.bytes })
        })
    }
}
