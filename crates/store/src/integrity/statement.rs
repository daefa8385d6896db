//! What the store's key signs about a call: that it was sealed, that its record was changed, that it was deleted.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chunks::{self, Cut};
use crate::error::Error;
use crate::id::CallId;
use crate::record::Record;

/// A statement about a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) call: CallId,
    #[serde(flatten)]
    pub(super) what: What,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "snake_case")]
pub(super) enum What {
    /// It was published with these files and no others.
    Sealed { files: Vec<SignedFile> },
    /// Its record was changed.
    Changed {
        /// The hash that it had before.
        previous: String,
        file: SignedFile,
    },
    /// It was deleted.
    Deleted {
        /// The hash of its tombstone.
        tombstone: String,
    },
}

impl Statement {
    /// As an object of JSON without its last brace.
    pub(super) fn to_body(&self) -> String {
        let mut json = serde_json::to_string(self).expect("a statement has no map with keys other than text");
        json.truncate(json.len() - 1);
        json
    }
}

/// A file and its hashes, in hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SignedFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Of the whole file.
    pub(super) blake3: String,
    /// How it is cut, where it is more than one chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<Cut>,
    /// Of each chunk, one behind the other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) chunks: String,
}

impl SignedFile {
    /// Hashes a file. Of the audio that the record tells of, the hash of the whole is known.
    pub(super) fn of(path: &Path, record: Option<&Record>) -> Result<SignedFile, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let audio = record.and_then(|record| record.recording.as_ref());
        let audio = audio.filter(|audio| Path::new(&audio.path).file_name() == path.file_name());
        let bytes = fs::metadata(path).map_err(Error::io("look at", path))?.len();
        let known = audio.filter(|audio| audio.bytes == bytes).map(|audio| audio.blake3.clone());
        let cut = Cut::of(audio, bytes);
        let (mut count, mut chunks, mut whole) = (0, String::new(), blake3::Hasher::new());
        let read = chunks::each(path, cut, |_, chunk, hash| {
            count += 1;
            chunks.push_str(&hash.to_hex());
            if known.is_none() {
                whole.update(chunk);
            }
            true
        });
        read.map_err(Error::io("read", path))?;
        let blake3 = known.unwrap_or_else(|| whole.finalize().to_hex().to_string());
        let is_one = count <= 1;
        let (cut, chunks) = if is_one { (None, String::new()) } else { (Some(cut), chunks) };
        Ok(SignedFile { name, bytes, blake3, cut, chunks })
    }

    /// The hash that a chunk has to have.
    pub(super) fn chunk(&self, chunk: usize) -> Option<&str> {
        match self.cut {
            Some(_) => self.chunks.get(chunk * 64..chunk * 64 + 64),
            None => Some(self.blake3.as_str()).filter(|_| chunk == 0),
        }
    }
}
