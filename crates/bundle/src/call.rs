//! The files of one call, as they stand in its store and as they are handed over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ladder::Ladder;
use store::{Record, Store};

use crate::audio::{self, Format};
use crate::error::Error;

/// A file to be handed over.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) content: Content,
    /// What was done to it; none where it is as it stands in the store, or not of the store.
    pub(crate) changed: Option<&'static str>,
    /// Whether the store signed it as it is.
    pub(crate) is_signed: bool,
}

/// Where its octets are.
pub(crate) enum Content {
    Octets(Vec<u8>),
    File(PathBuf),
}

impl Content {
    /// How many octets, and where they are read.
    pub(crate) fn open(&self) -> Result<(u64, Box<dyn io::Read + '_>), Error> {
        match self {
            Content::Octets(octets) => Ok((octets.len() as u64, Box::new(octets.as_slice()))),
            Content::File(path) => {
                let file = File::open(path).map_err(Error::io("open", path))?;
                let bytes = file.metadata().map_err(Error::io("look at", path))?.len();
                Ok((bytes, Box::new(file)))
            }
        }
    }
}

impl Entry {
    pub(crate) fn made(name: &str, text: impl Into<Vec<u8>>) -> Entry {
        Entry {
            name: name.to_owned(),
            content: Content::Octets(text.into()),
            changed: None,
            is_signed: false,
        }
    }

    fn stored(path: PathBuf) -> Option<Entry> {
        let name = path.file_name()?.to_str()?.to_owned();
        let is_there = path.exists();
        is_there.then_some(Entry { name, content: Content::File(path), changed: None, is_signed: true })
    }
}

/// The audio of a call. What has to be made over is, in the folder `beside`.
pub(crate) fn sound(
    store: &Store,
    record: &Record,
    format: Format,
    beside: &Path,
) -> Result<Vec<Entry>, Error> {
    let folder = store.recording(&record.id);
    let mut entries = vec![];
    for name in names(record) {
        let stored = folder.join(name);
        match format.renamed(name).filter(|_| stored.exists()) {
            None => entries.extend(Entry::stored(stored)),
            Some(name) => {
                let path = beside.join(&name);
                audio::convert(&stored, &path)?;
                let changed = Some("made over from the recording, sample for sample");
                entries.push(Entry { name, content: Content::File(path), changed, is_signed: false });
            }
        }
    }
    Ok(entries)
}

/// The names of a call's audio files.
fn names(record: &Record) -> Vec<&str> {
    let Some(recording) = &record.recording else { return vec![] };
    let others = recording.files.iter().skip(1).map(|file| file.path.as_str());
    let paths = std::iter::once(recording.path.as_str()).chain(others);
    // A record is a file that anybody may have written: only its own folder's files are taken by their names.
    paths
        .filter_map(|path| path.rsplit('/').next())
        .filter(|name| !matches!(*name, "" | "." | ".."))
        .collect()
}

/// The record as it stands in the store, or `masked`.
pub(crate) fn record(store: &Store, record: &Record, masked: Option<&Record>) -> Option<Entry> {
    match masked {
        None => Entry::stored(store.recording(&record.id).join(Store::RECORD)),
        Some(masked) => {
            Some(Entry { changed: Some("masked"), ..Entry::made(Store::RECORD, masked.to_json() + "\n") })
        }
    }
}

/// The figures by the second, and their text.
pub(crate) fn series(store: &Store, record: &Record) -> (Option<Entry>, String) {
    let path = store.recording(&record.id).join("series.csv");
    let text = fs::read_to_string(&path).unwrap_or_default();
    (Entry::stored(path), text)
}

/// The kept packets, where there are some.
pub(crate) fn packets(store: &Store, record: &Record) -> Option<Entry> {
    store.packets(&record.id).and_then(Entry::stored)
}

/// Its signalling, where it was kept.
pub(crate) fn ladder(store: &Store, record: &Record) -> Result<Option<Ladder>, Error> {
    let Some(path) = store.packets(&record.id) else { return Ok(None) };
    Ladder::read(&path).map(Some).map_err(|error| Error::Ladder(format!("{}: {error}", path.display())))
}
