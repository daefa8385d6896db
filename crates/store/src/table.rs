//! The one place that touches sled: rows and records by the id of their call, kept at arm's length.
//!
//! Rows are what a search walks over; the records, ten times as long, stand in a tree of their own and are fetched for
//! what was found. A row goes in before its record and out before it, so that no record is found by an older row.
//!
//! sled 0.34 may panic over a damaged file instead of saying so; every step is taken under `catch_unwind` and comes
//! back as [`Damage`]. What is in here is never the only copy of anything.

use std::cell::Cell;
use std::fs::{self, File};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use sled::{IVec, Mode};

use crate::error::{Damage, Error};
use crate::id::CallId;
use crate::record::Record;
use crate::row::Row;

/// What the engine may hold of the file in memory.
const CACHE_BYTES: u64 = 16 << 20;
/// The layout of rows; another one means to build the index anew.
const FORMAT: &str = "2";
/// Keys of the engine's default tree, beside the rows.
const FORMAT_KEY: &str = "format";
const CLEAN_KEY: &str = "clean";

/// The rows and the records of an index.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    db: sled::Db,
    rows: sled::Tree,
    records: sled::Tree,
}

impl Table {
    /// Opens the table in a folder, which is made where it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut tries = 50;
        let opened = loop {
            let config = sled::Config::new()
                .path(path)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .mode(Mode::HighThroughput);
            // A table closed a moment ago may still be held by a thread of the engine that is on its way out.
            match guarded(|| config.open()) {
                Err(Damage::Engine(error)) if is_held(&error) && tries > 0 => tries -= 1,
                opened => break opened,
            }
            thread::sleep(Duration::from_millis(20));
        };
        let parts =
            opened.and_then(|db| guarded(|| Ok((db.open_tree("rows")?, db.open_tree("records")?, db))));
        let (rows, records, db) = parts.map_err(|damage| damage.of(path))?;
        let table = Table { path: path.to_path_buf(), db, rows, records };
        table.settle_format()?;
        Ok(table)
    }

    /// Writes the format into a new table; checks it in an old one.
    fn settle_format(&self) -> Result<(), Error> {
        let found = self.guarded(|| self.db.get(FORMAT_KEY))?;
        match found.as_deref() {
            Some(found) if found == FORMAT.as_bytes() => Ok(()),
            None if self.guarded(|| Ok(self.rows.is_empty()))? => {
                self.guarded(|| self.db.insert(FORMAT_KEY, FORMAT)).map(drop)
            }
            found => {
                let found = String::from_utf8_lossy(found.unwrap_or_default()).into_owned();
                Err(Damage::Format { found, expected: FORMAT }.of(&self.path))
            }
        }
    }

    /// Whether everything that was ever put in was closed in good order.
    pub(crate) fn is_clean(&self) -> Result<bool, Error> {
        self.guarded(|| self.db.contains_key(CLEAN_KEY))
    }

    /// To be called before the first change: from here on the table counts as torn until [`Table::set_clean`].
    pub(crate) fn set_unclean(&self) -> Result<(), Error> {
        // The engine's log is in order: no change can outlive this mark.
        self.guarded(|| self.db.remove(CLEAN_KEY)).map(drop)
    }

    /// The same, and on the disk before anything else happens.
    pub(crate) fn set_unclean_now(&self) -> Result<(), Error> {
        self.set_unclean()?;
        self.sync()
    }

    /// Syncs everything, and only then says so in the table.
    pub(crate) fn set_clean(&self) -> Result<(), Error> {
        self.sync()?;
        self.guarded(|| self.db.insert(CLEAN_KEY, "yes"))?;
        self.sync()
    }

    /// The engine's own flush does not reach the drive; the files' sync does.
    fn sync(&self) -> Result<(), Error> {
        self.guarded(|| self.db.flush())?;
        let path = self.path.join("db");
        File::open(&path).and_then(|file| file.sync_data()).map_err(Error::io("sync", &path))
    }

    /// The row of one call.
    pub(crate) fn row(&self, id: &CallId) -> Result<Option<Line>, Error> {
        Ok(self.guarded(|| self.rows.get(id.as_str()))?.map(Line))
    }

    /// The JSON of one call's record.
    pub(crate) fn record(&self, id: &CallId) -> Result<Option<IVec>, Error> {
        self.guarded(|| self.records.get(id.as_str()))
    }

    /// Puts records in.
    pub(crate) fn insert<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Result<(), Error> {
        let (mut lines, mut jsons) = (sled::Batch::default(), sled::Batch::default());
        for record in records {
            lines.insert(record.id.as_str(), Row::line(record).into_bytes());
            jsons.insert(record.id.as_str(), record.to_json().into_bytes());
        }
        self.guarded(|| self.rows.apply_batch(lines))?;
        self.guarded(|| self.records.apply_batch(jsons))
    }

    /// Takes a call out.
    pub(crate) fn remove(&self, id: &CallId) -> Result<(), Error> {
        self.guarded(|| self.rows.remove(id.as_str()))?;
        self.guarded(|| self.records.remove(id.as_str())).map(drop)
    }

    /// The rows between two keys, from either end.
    pub(crate) fn rows(&self, keys: Range<String>) -> Rows<'_> {
        let keys = if keys.is_empty() { String::new()..String::new() } else { keys };
        Rows { table: self, rows: self.rows.range(keys.start.into_bytes()..keys.end.into_bytes()) }
    }

    /// The error of a row that cannot be read.
    pub(crate) fn unreadable(&self) -> Error {
        Damage::Row.of(&self.path)
    }

    /// The error of a walk that disagrees with the look-ups.
    pub(crate) fn disagreement(&self, walked: u64, found: u64) -> Error {
        Damage::Disagreement { walked, found }.of(&self.path)
    }

    fn guarded<T>(&self, step: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
        guarded(step).map_err(|damage| damage.of(&self.path))
    }
}

/// The key of a row: an id that is read where it is wanted.
#[derive(Debug)]
pub(crate) struct Key(IVec);

impl Key {
    pub(crate) fn id(&self) -> Option<CallId> {
        std::str::from_utf8(&self.0).ok()?.parse().ok()
    }
}

/// The line of a row, as it is stored.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Line(IVec);

impl Line {
    pub(crate) fn row(&self) -> Option<Row<'_>> {
        Row::parse(std::str::from_utf8(&self.0).ok()?)
    }
}

/// A walk over rows; it ends at the first error.
pub(crate) struct Rows<'a> {
    table: &'a Table,
    rows: sled::Iter,
}

impl Iterator for Rows<'_> {
    type Item = Result<(Key, Line), Error>;
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.table.guarded(|| self.rows.next().transpose());
        step.transpose().map(|row| row.map(|(key, line)| (Key(key), Line(line))))
    }
}

impl DoubleEndedIterator for Rows<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let step = self.table.guarded(|| self.rows.next_back().transpose());
        step.transpose().map(|row| row.map(|(key, line)| (Key(key), Line(line))))
    }
}

impl Damage {
    /// The error that it is for whoever opened the table. A full disk or a missing right is no damage.
    fn of(self, path: &Path) -> Error {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match self {
            Damage::Engine(error) if is_held(&error) => Error::Locked { path: path.to_path_buf() },
            Damage::Engine(sled::Error::Io(error))
                if matches!(
                    error.kind(),
                    PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
                ) =>
            {
                Error::io("use the index", path)(error)
            }
            damage => Error::Damaged { path: path.to_path_buf(), damage },
        }
    }
}

/// Whether it says that another has the file; the engine has no kind of its own for that.
fn is_held(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// Takes a step of the engine; a panic in it is an error and prints nothing.
fn guarded<T>(step: impl FnOnce() -> sled::Result<T>) -> Result<T, Damage> {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });

    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(step));
    QUIET.set(false);
    match outcome {
        Ok(result) => result.map_err(Damage::Engine),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            Err(Damage::Panicked(text.lines().next().unwrap_or_default().to_owned()))
        }
    }
}

/// Renames a damaged table's folder out of the way; gives where it is now. Three are kept, to be looked at or deleted.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let numbered = |n| path.with_extension(format!("damaged-{n}"));
    let aside = (1..3).map(numbered).find(|aside| !aside.exists()).unwrap_or_else(|| numbered(3));
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(Error::io("delete", &aside))?;
    }
    fs::rename(path, &aside).map_err(Error::io("put aside", path))?;
    Ok(aside)
}
