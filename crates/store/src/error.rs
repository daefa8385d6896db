//! What can go wrong with a store: which step, on which path, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::CallId;

/// A step that did not work. [`Error::is_permission`] parts exit code 4 from 5.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused by its rights.
    #[error("cannot {step} {}: permission denied; run as its owner or choose another store", path.display())]
    Denied {
        /// What was being done.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// Any other refusal of the file system: a full disk, a path that is a file, a broken device.
    #[error("cannot {step} {}: {source}", path.display())]
    Io {
        /// What was being done.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// Another process holds the index; it answers over the store's socket.
    #[error("the index of {} is held by another sipreel: stop that one, wait for it to end, or take another store", path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// The index does not hold together; the recordings are not touched by that.
    #[error("the index {} is damaged: {damage}; `sipreel reindex` builds it anew from the recordings", path.display())]
    Damaged {
        /// The index's folder.
        path: PathBuf,
        /// How it showed.
        damage: Damage,
    },
    /// Text that is not the id of a call.
    #[error("{text:?} is no id of a call; one looks like 20260131T101502.123456Z-1f2e3d4c")]
    Id {
        /// The text as it was given.
        text: String,
    },
    /// No call of that id is in the store.
    #[error("there is no call {id} in {}", path.display())]
    Absent {
        /// The id that was asked for.
        id: String,
        /// The store's folder.
        path: PathBuf,
    },
    /// A call.json that cannot be read as a record.
    #[error("{} is no record: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Where its JSON fails.
        source: serde_json::Error,
    },
    /// A WAV whose samples do not come out at the length its header says.
    #[error("{}: its header promises {promised} frames, it was given {given}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Frames the header was written for.
        promised: u64,
        /// Frames that were written, or would have been.
        given: u64,
    },
    /// A rule forbids it; nothing was changed.
    #[error("{id}: {why}")]
    Refused {
        /// The call.
        id: CallId,
        /// Which rule.
        why: String,
    },
    /// The list of holds cannot be read; without it nothing is deleted.
    #[error("{} is no list of holds ({source}); nothing is deleted until it is mended", path.display())]
    Holds {
        /// The file.
        path: PathBuf,
        /// Where its JSON fails.
        source: serde_json::Error,
    },
    /// A file of the store's keys is none.
    #[error("{} is no Ed25519 key; put it back from where it was kept safe", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// No such hold, or no longer.
    #[error("there is no hold {id}; `sipreel hold list` tells which there are")]
    NoHold {
        /// Its name.
        id: String,
    },
    /// A list is as long as it may be.
    #[error("{} has {most} entries, which is the most that it may have", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// How long it may be.
        most: usize,
    },
    /// The last line of the audit log is none of this program's.
    #[error("{}: its last line was changed; `sipreel audit verify` tells which lines hold; move the file aside to begin a new log", path.display())]
    Audit {
        /// The log.
        path: PathBuf,
    },
    /// The owner of the index gave no usable answer.
    #[error("the process that holds the index of {} answered: {answer}", path.display())]
    Answer {
        /// The socket.
        path: PathBuf,
        /// What it said, or how its answer ended.
        answer: String,
    },
}

impl Error {
    /// Names the step and the path of an I/O error; made to stand in `map_err`.
    pub fn io<'a>(step: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
        move |source| {
            let path = path.to_path_buf();
            match source.kind() {
                io::ErrorKind::PermissionDenied => Error::Denied { step, path, source },
                _ => Error::Io { step, path, source },
            }
        }
    }

    /// Whether rights are what is missing, rather than storage.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, Error::Denied { .. })
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// How an index showed that it cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The engine returned an error.
    #[error("{0}")]
    Engine(sled::Error),
    /// The engine panicked.
    #[error("its engine gave up ({0})")]
    Panicked(String),
    /// It was written in another format.
    #[error("it is of format {found:?}, this program writes {expected:?}")]
    Format {
        /// The format that it names.
        found: String,
        /// The format of this program.
        expected: &'static str,
    },
    /// Walking its rows and looking them up gave different answers.
    #[error("a walk finds {walked} rows and a look-up {found}")]
    Disagreement {
        /// Rows that the walk found and that have a recording.
        walked: u64,
        /// Recordings that a look-up found.
        found: u64,
    },
    /// A row that is none of ours.
    #[error("a row cannot be read")]
    Row,
}
