//! The index from the files: built anew, or held against them after it was not closed.

use std::fmt;
use std::fs;

use crate::error::Error;
use crate::id::CallId;
use crate::index::Opened;
use crate::layout::Store;
use crate::query::Query;
use crate::record::Record;
use crate::table::Table;

/// Records put into one batch.
const BATCH: usize = 1000;
/// Files that are named; the rest is counted.
const NAMED: usize = 100;

/// What was read of a store's recordings.
#[derive(Debug, Default)]
pub struct Reindexed {
    /// Records read.
    pub records: u64,
    /// Recordings whose call.json cannot be read, or folders that cannot.
    pub unreadable: u64,
    /// The first of these, each with its path.
    pub first: Vec<Error>,
}

impl Reindexed {
    pub(crate) fn skip(&mut self, error: Error) {
        self.unreadable += 1;
        if self.first.len() < NAMED {
            self.first.push(error);
        }
    }
}

impl fmt::Display for Reindexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records read, {} unreadable", self.records, self.unreadable)?;
        self.first.first().map_or(Ok(()), |first| write!(f, " (the first: {first})"))
    }
}

/// Fills an empty table from the files.
pub(crate) fn fill(store: &Store, table: &Table) -> Result<Reindexed, Error> {
    let mut reindexed = Reindexed::default();
    table.set_unclean()?;
    let mut batch = Records { table, waiting: vec![] };
    for id in store.ids() {
        match id.and_then(|id| store.record(&id)) {
            Ok(record) => batch.put(record)?,
            Err(error) => {
                reindexed.skip(error);
                continue;
            }
        }
        reindexed.records += 1;
    }
    batch.write()?;
    table.set_clean()?;
    Ok(reindexed)
}

/// Brings a table that was not closed in step with the files. A call whose file cannot be read stays as it is.
///
/// Fails with [`Error::Damaged`] where the table does not agree with itself.
pub(crate) fn compare(store: &Store, table: &Table) -> Result<Opened, Error> {
    table.set_unclean()?;
    let (mut gone, mut stale) = (vec![], vec![]);
    let (mut walked, mut found) = (0, 0);
    for row in table.rows(Query::default().keys()) {
        let (key, line) = row?;
        let id = key.id().ok_or_else(|| table.unreadable())?;
        if table.row(&id)?.as_ref() != Some(&line) || line.row().is_none() {
            return Err(table.unreadable());
        }
        let indexed = table.record(&id)?;
        match fs::read(store.recording(&id).join(Store::RECORD)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                gone.push(id);
                continue;
            }
            Ok(json) if Some(json.trim_ascii_end()) != indexed.as_deref() => stale.push(id),
            _ => {}
        }
        walked += 1;
    }
    for id in store.ids().filter_map(Result::ok) {
        match table.row(&id)? {
            Some(_) => found += u64::from(store.recording(&id).join(Store::RECORD).exists()),
            None => stale.push(id),
        }
    }
    if found != walked {
        return Err(table.disagreement(walked, found));
    }

    let added = refresh(store, table, &stale)?;
    gone.iter().try_for_each(|id| table.remove(id))?;
    table.set_clean()?;
    let removed = gone.len() as u64;
    Ok(if added + removed == 0 { Opened::Fine } else { Opened::Repaired { added, removed } })
}

/// Reads those records again; gives how many could be.
fn refresh(store: &Store, table: &Table, ids: &[CallId]) -> Result<u64, Error> {
    let mut batch = Records { table, waiting: vec![] };
    let mut read = 0;
    for record in ids.iter().filter_map(|id| store.record(id).ok()) {
        batch.put(record)?;
        read += 1;
    }
    batch.write()?;
    Ok(read)
}

/// Records on their way into a table.
struct Records<'a> {
    table: &'a Table,
    waiting: Vec<Record>,
}

impl Records<'_> {
    fn put(&mut self, record: Record) -> Result<(), Error> {
        self.waiting.push(record);
        if self.waiting.len() < BATCH { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), Error> {
        self.table.insert(self.waiting.iter())?;
        self.waiting.clear();
        Ok(())
    }
}
