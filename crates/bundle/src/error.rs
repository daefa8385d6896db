//! What can go wrong while calls are made ready.

use std::io;
use std::path::{Path, PathBuf};

/// Why a bundle was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder.
    #[error("cannot {step} {}: {source}", path.display())]
    Io {
        /// What was being done.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Kept packets that are no capture.
    #[error("no ladder: {0}")]
    Ladder(String),
    /// A recording that is not what its name says.
    #[error("{}: {why}; `sipreel verify` tells whether it was changed", path.display())]
    Audio {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The place is taken.
    #[error("{}: holds something else already; export into another folder", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { step, path, source }
    }
}
