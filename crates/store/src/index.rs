//! The index of a store: its records in the order of time, for searches.
//!
//! Made of the recordings' call.json files and never more than they are: an index that is damaged, of another format
//! or missing is built anew from them when it is opened.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Damage, Error};
use crate::id::CallId;
use crate::layout::Store;
use crate::query::Query;
use crate::rebuild::{self, Reindexed};
use crate::record::Record;
use crate::table::{Key, Line, Table, set_aside};

/// Records put into one batch.
const BATCH: usize = 1000;
/// Calls that are remembered as read from their files; a process that inserts nothing needs none of them.
const MOST_REFRESHED: usize = 1 << 16;

/// The open index of a store. One process has it at a time; its threads may share it.
#[derive(Debug)]
pub struct Index {
    table: Table,
    store: Store,
    changes: Mutex<Changes>,
    /// Held as long as the index is open; released behind the table.
    _lock: File,
}

/// What was changed since the index was opened.
#[derive(Default, Debug)]
struct Changes {
    /// Whether the table is no longer known to be clean.
    is_unclean: bool,
    /// Calls that were read from their files since the last insert. A record of one that is inserted next may have been
    /// read before that.
    refreshed: BTreeSet<CallId>,
}

/// What opening an index took.
#[derive(Debug)]
pub enum Opened {
    /// It was in order.
    Fine,
    /// Its owner had ended without closing it; it was brought in step with the recordings.
    Repaired {
        /// Calls that it lacked or had otherwise.
        added: u64,
        /// Calls that are no longer there.
        removed: u64,
    },
    /// It was built anew from the recordings.
    Rebuilt {
        /// Where the old one is, if there was one.
        aside: Option<PathBuf>,
        /// What was wrong with it.
        why: Option<Damage>,
        /// What was read.
        reindexed: Reindexed,
    },
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Opened::Fine => f.write_str("the index is in order"),
            Opened::Repaired { added, removed } => {
                write!(f, "the index was not closed: {added} calls brought up to date, {removed} taken out")
            }
            Opened::Rebuilt { aside, why, reindexed } => {
                f.write_str("the index was ")?;
                match why {
                    Some(why) => write!(f, "damaged ({why}) and is built anew: {reindexed}")?,
                    None => write!(f, "missing and is built anew: {reindexed}")?,
                }
                aside.as_ref().map_or(Ok(()), |aside| write!(f, "; the old one is in {}", aside.display()))
            }
        }
    }
}

impl Index {
    /// Opens the index of a store, and says what that took. One that cannot be trusted is put aside and built anew.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it; that of the file system otherwise.
    pub fn open(store: &Store) -> Result<(Self, Opened), Error> {
        let lock = Index::lock(store)?;
        let missing = !store.index().exists();
        match Table::open(&store.index()).and_then(|table| Index::check(store, table, missing)) {
            Ok((table, opened)) => {
                let index = Index::new(store, table, lock);
                index.refresh()?;
                Ok((index, opened))
            }
            Err(Error::Damaged { damage, .. }) => Index::build(store, lock, Some(damage)),
            Err(error) => Err(error),
        }
    }

    /// Builds the index of a store anew, from its recordings alone.
    ///
    /// # Errors
    /// As with [`Index::open`]. A call.json that cannot be read is named in the answer and is no error.
    pub fn reindex(store: &Store) -> Result<(Self, Reindexed), Error> {
        let lock = Index::lock(store)?;
        match fs::remove_dir_all(store.index()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("delete", &store.index())(error));
            }
            _ => {}
        }
        let table = Table::open(&store.index())?;
        let reindexed = rebuild::fill(store, &table)?;
        Ok((Index::new(store, table, lock), reindexed))
    }

    fn new(store: &Store, table: Table, lock: File) -> Index {
        Index { table, store: store.clone(), changes: Mutex::default(), _lock: lock }
    }

    /// Gives up an index that showed damage while it was open, and builds it anew.
    ///
    /// # Errors
    /// As with [`Index::open`].
    pub(crate) fn replace(self, store: &Store, damage: Damage) -> Result<(Self, Opened), Error> {
        // Not to be closed in good order: the next to open this one, wherever it is then, is to look at it closely.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).is_unclean = false;
        drop(self);
        Index::build(store, Index::lock(store)?, Some(damage))
    }

    fn lock(store: &Store) -> Result<File, Error> {
        let path = store.index_lock();
        let options = File::options().create(true).truncate(false).write(true).open(&path);
        let file = options.map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Locked { path: store.dir().to_path_buf() }),
            Err(fs::TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
        }
    }

    /// Believes a table that was closed; holds one that was not against the recordings.
    fn check(store: &Store, table: Table, missing: bool) -> Result<(Table, Opened), Error> {
        if table.is_clean()? {
            return Ok((table, Opened::Fine));
        }
        let opened = if missing {
            let reindexed = rebuild::fill(store, &table)?;
            let nothing = reindexed.records == 0 && reindexed.unreadable == 0;
            if nothing { Opened::Fine } else { Opened::Rebuilt { aside: None, why: None, reindexed } }
        } else {
            rebuild::compare(store, &table)?
        };
        Ok((table, opened))
    }

    fn build(store: &Store, lock: File, why: Option<Damage>) -> Result<(Self, Opened), Error> {
        let aside = Some(set_aside(&store.index())?);
        let table = Table::open(&store.index())?;
        let reindexed = rebuild::fill(store, &table)?;
        let index = Index::new(store, table, lock);
        Ok((index, Opened::Rebuilt { aside, why, reindexed }))
    }

    /// Recordings are to appear in the store from here on, and their rows only later: until the index is closed, whoever
    /// opens it holds it against the files.
    ///
    /// # Errors
    /// [`Error::Damaged`], or that of the file system.
    pub fn announce(&self) -> Result<(), Error> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        self.table.set_unclean_now()?;
        changes.is_unclean = true;
        Ok(())
    }

    /// Puts records in, each in the place of an earlier one of its id. They are found at once; they outlast a crash
    /// because their files do.
    ///
    /// # Errors
    /// [`Error::Damaged`], or that of the file system; some of the records may be in.
    pub fn insert(&self, records: &[Record]) -> Result<(), Error> {
        if records.is_empty() {
            // Nothing is on its way: what was read from the files is newer than all that may come.
            self.changes.lock().unwrap_or_else(PoisonError::into_inner).refreshed.clear();
            return Ok(());
        }
        self.change(|table, refreshed| {
            records.chunks(BATCH).try_for_each(|records| table.insert(records.iter()))?;
            let newer = std::mem::take(refreshed);
            records
                .iter()
                .filter(|record| newer.contains(&record.id))
                .try_for_each(|record| self.reread(&record.id))
        })
    }

    /// Brings in what others than the owner of this index changed in the files, or deleted.
    ///
    /// # Errors
    /// As with [`Index::insert`]; what was not brought in stays marked.
    pub fn refresh(&self) -> Result<(), Error> {
        let stale = self.store.stale_calls()?;
        if stale.is_empty() {
            return Ok(());
        }
        self.change(|_, refreshed| {
            for (id, mark) in stale {
                // First: what is changed from here on is marked anew, and the table counts as torn already.
                match fs::remove_file(&mark) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::io("delete", &mark)(error));
                    }
                    _ => self.reread(&id)?,
                }
                if refreshed.len() >= MOST_REFRESHED {
                    refreshed.clear();
                }
                refreshed.insert(id);
            }
            Ok(())
        })
    }

    /// Brings one call in step with its file.
    fn reread(&self, id: &CallId) -> Result<(), Error> {
        match self.store.record(id) {
            Ok(record) => self.table.insert([record].iter()),
            Err(Error::Absent { .. }) => self.table.remove(id),
            // A file that cannot be read is told where it is looked for; its row stays.
            Err(_) => Ok(()),
        }
    }

    /// Takes a call out; nothing where it is not in.
    ///
    /// # Errors
    /// As with [`Index::insert`].
    pub fn remove(&self, id: &CallId) -> Result<(), Error> {
        self.change(|table, _| table.remove(id))
    }

    fn change(
        &self,
        change: impl FnOnce(&Table, &mut BTreeSet<CallId>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if !changes.is_unclean {
            self.table.set_unclean()?;
            changes.is_unclean = true;
        }
        change(&self.table, &mut changes.refreshed)
    }

    /// The record of one call.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn record(&self, id: &CallId) -> Result<Option<Record>, Error> {
        let mut json = self.table.record(id)?;
        if json.is_none() {
            // Without a record there may be a row only while a change is under way.
            let _unchanging = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            json = self.table.record(id)?;
            if json.is_none() && self.table.row(id)?.is_some() {
                return Err(self.table.unreadable());
            }
        }
        json.map(|json| Record::from_json(&json).map_err(|_| self.table.unreadable())).transpose()
    }

    /// The records that fit, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`]; then build the index anew and ask again.
    pub fn query(&self, query: &Query) -> Result<Vec<Record>, Error> {
        let mut records = vec![];
        self.each(query, |record| {
            records.push(record);
            Ok(())
        })?;
        Ok(records)
    }

    /// Gives each record that fits to `take`, oldest first, and ends with its first error. Without a limit no more
    /// than one record is held at a time.
    ///
    /// # Errors
    /// [`Error::Damaged`], or what `take` returns.
    pub fn each(
        &self,
        query: &Query,
        mut take: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let fitting = |found: Result<(Key, Line), Error>| -> Option<Result<CallId, Error>> {
            let (key, line) = match found {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            match line.row() {
                Some(row) if !query.fits(&row) => None,
                Some(_) => Some(key.id().ok_or_else(|| self.table.unreadable())),
                None => Some(Err(self.table.unreadable())),
            }
        };
        // A call that is taken out while this goes on is left out.
        let mut give = |id: &CallId| self.record(id)?.map_or(Ok(()), &mut take);
        let rows = self.table.rows(query.keys());
        match query.limit {
            None => rows.filter_map(fitting).try_for_each(|id| give(&id?)),
            Some(limit) => {
                let newest = rows.rev().filter_map(fitting).take(limit).collect::<Result<Vec<_>, _>>()?;
                newest.iter().rev().try_for_each(give)
            }
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<(Key, Line), Error>> {
        self.table.rows(Query::default().keys())
    }

    pub(crate) fn unreadable(&self) -> Error {
        self.table.unreadable()
    }

    /// Writes everything out and closes in good order, so that the next to open it need not look closely. Dropping
    /// it does the same but cannot say how it went.
    ///
    /// # Errors
    /// That of the file system.
    pub fn close(self) -> Result<(), Error> {
        self.settle()
    }

    /// Lets go of an index that failed: whoever opens it next brings it in step with the recordings.
    pub fn abandon(self) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).is_unclean = false;
    }

    fn settle(&self) -> Result<(), Error> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut changes.is_unclean) { self.table.set_clean() } else { Ok(()) }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // An index that cannot be closed counts as unclosed, and is looked at closely when it is next opened.
        let _ = self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, State};
    use crate::query::tests::{naive, queries, records};
    use crate::recording::{Durability, Recording};
    use clock::Time;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A store with that many calls, a second apart.
    fn store_with(calls: i64) -> (tempfile::TempDir, Store, Vec<Record>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let records: Vec<_> = (0..calls).map(|n| publish(&store, n, Outcome::Recorded)).collect();
        (dir, store, records)
    }

    fn publish(store: &Store, n: i64, outcome: Outcome) -> Record {
        let id = CallId::new(Time::from_ns((1_769_903_000 + n) * 1_000_000_000), &n.to_string(), "tag");
        let mut record = Record::new(id, n.to_string(), State::Completed, outcome);
        record.caller.user = Some(format!("+4930{n:06}"));
        // As long as a record is in the field.
        record.tags.insert("note".into(), "x".repeat(600));
        Recording::begin(store, &record.id, Durability::Fast).unwrap().publish(&record).unwrap();
        record
    }

    fn all(index: &Index) -> Vec<Record> {
        index.query(&Query::default()).unwrap()
    }

    #[test]
    fn is_empty_then_filled_then_still_filled() {
        let (_dir, store, records) = store_with(0);
        assert!(records.is_empty());
        let (index, opened) = Index::open(&store).unwrap();
        assert!(matches!(opened, Opened::Fine), "{opened}");
        let records: Vec<_> = (0..5).map(|n| publish(&store, n, Outcome::Recorded)).collect();
        index.insert(&records).unwrap();
        index.insert(&records[2..3]).unwrap();
        assert_eq!(all(&index), records);
        assert_eq!(index.usage().unwrap().records, 5);
        index.close().unwrap();

        let (index, opened) = Index::open(&store).unwrap();
        assert!(matches!(opened, Opened::Fine), "{opened}");
        assert_eq!(all(&index), records);
        assert_eq!(index.record(&records[1].id).unwrap().as_ref(), Some(&records[1]));
        index.remove(&records[1].id).unwrap();
        index.remove(&records[1].id).unwrap();
        assert_eq!(index.record(&records[1].id).unwrap(), None);
        assert_eq!(all(&index).len(), 4);
    }

    #[test]
    fn the_newest_come_oldest_first() {
        let (_dir, store, records) = store_with(20);
        let (index, _) = Index::open(&store).unwrap();
        let newest = |limit| index.query(&Query { limit: Some(limit), ..Query::default() }).unwrap();
        assert_eq!(newest(3), records[17..]);
        assert_eq!(newest(0), []);
        assert_eq!(newest(99), records);
        let backwards =
            Query { since: Some(Time::from_ns(9)), until: Some(Time::from_ns(3)), ..Query::default() };
        assert_eq!(index.query(&backwards).unwrap(), []);
    }

    #[test]
    fn one_process_has_it_at_a_time() {
        let (_dir, store, _) = store_with(1);
        let first = Index::open(&store).unwrap();
        assert!(matches!(Index::open(&store), Err(Error::Locked { .. })));
        assert!(matches!(Index::reindex(&store), Err(Error::Locked { .. })));
        drop(first);
        assert!(Index::open(&store).is_ok());
    }

    #[test]
    fn a_missing_one_is_built_from_the_files() {
        let (_dir, store, records) = store_with(3);
        let broken = store.recording(&records[0].id).join("call.json");
        fs::write(&broken, b"{\"schema\":1").unwrap();
        let (index, opened) = Index::open(&store).unwrap();
        let line = opened.to_string();
        assert!(line.contains("missing") && line.contains("2 records read, 1 unreadable"), "{line}");
        assert!(line.contains(broken.to_str().unwrap()), "{line}");
        assert_eq!(all(&index), records[1..]);
    }

    #[test]
    fn reindex_forgets_what_the_files_do_not_say() {
        let (_dir, store, records) = store_with(3);
        let (index, _) = Index::open(&store).unwrap();
        index.close().unwrap();
        fs::remove_dir_all(store.recording(&records[1].id)).unwrap();
        let (index, reindexed) = Index::reindex(&store).unwrap();
        assert_eq!((reindexed.records, reindexed.unreadable), (2, 0));
        assert_eq!(all(&index), [records[0].clone(), records[2].clone()]);
    }

    /// Ends without closing, as by kill -9: the files of a running index are copied to another store.
    fn killed(store: &Store, index: &Index) -> (tempfile::TempDir, Store) {
        // What the engine still holds in memory is lost with it.
        assert!(index.changes.lock().unwrap().is_unclean);
        let dir = tempfile::tempdir().unwrap();
        copy(store.dir(), dir.path());
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    fn copy(from: &std::path::Path, to: &std::path::Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }

    #[test]
    fn after_a_crash_it_is_brought_in_step_with_the_files() {
        let (_dir, store, mut records) = store_with(50);
        let (index, _) = Index::open(&store).unwrap();
        records[7] = publish(&store, 7, Outcome::OneWay);
        index.insert(&records[7..8]).unwrap();
        records.push(publish(&store, 50, Outcome::Recorded));
        index.insert(&records[50..]).unwrap();
        let (_other_dir, other) = killed(&store, &index);
        fs::remove_dir_all(other.recording(&records[0].id)).unwrap();

        let (index, opened) = Index::open(&other).unwrap();
        assert!(matches!(opened, Opened::Repaired { removed: 1, .. }), "{opened}");
        assert_eq!(all(&index), records[1..]);
        drop(index);
        assert!(matches!(Index::open(&other).unwrap().1, Opened::Fine));
    }

    #[test]
    fn what_was_announced_is_found_though_no_row_of_it_was_written() {
        let (_dir, store, mut records) = store_with(3);
        drop(Index::open(&store).unwrap());
        let (index, opened) = Index::open(&store).unwrap();
        assert!(matches!(opened, Opened::Fine), "{opened}");
        index.announce().unwrap();
        records.push(publish(&store, 3, Outcome::Recorded));
        let (_other_dir, other) = killed(&store, &index);
        let (index, opened) = Index::open(&other).unwrap();
        assert!(matches!(opened, Opened::Repaired { added: 1, removed: 0 }), "{opened}");
        assert_eq!(all(&index), records);
    }

    #[test]
    fn another_format_is_put_aside() {
        let (_dir, store, records) = store_with(2);
        drop(Index::open(&store).unwrap());
        let db = sled::open(store.index()).unwrap();
        db.insert("format", "0").unwrap();
        db.flush().unwrap();
        drop(db);
        let (index, opened) = Index::open(&store).unwrap();
        let line = opened.to_string();
        assert!(line.contains("format \"0\"") && line.contains("index.damaged-1"), "{line}");
        assert_eq!(all(&index), records);
    }

    /// Damages the index's file in one way after another; each time every answer has to be right.
    fn survives(damages: &[fn(&mut Vec<u8>)]) {
        let (_dir, store, records) = store_with(400);
        for damage in damages {
            Index::reindex(&store).unwrap().0.close().unwrap();
            let file = store.index().join("db");
            let mut bytes = fs::read(&file).unwrap();
            assert!(bytes.len() > 250_000, "{}", bytes.len());
            damage(&mut bytes);
            fs::write(&file, bytes).unwrap();
            for _ in 0..2 {
                let found = crate::Records::find(&store, &Query::default()).unwrap();
                assert!(matches!(found.source, crate::Source::Index(_)), "{:?}", found.source);
                assert_eq!(found.records, records);
            }
        }
    }

    /// Zeroes so many bytes, so far before the end.
    fn zero(bytes: &mut [u8], before_end: usize, count: usize) {
        let start = bytes.len() - before_end;
        bytes[start..start + count].fill(0);
    }

    #[test]
    fn a_zeroed_tail_does_not_matter() {
        survives(&[
            |bytes| zero(bytes, 1, 1),
            |bytes| zero(bytes, 100, 100),
            |bytes| zero(bytes, 4096, 4096),
            |bytes| zero(bytes, 100_000, 100_000),
            |bytes| zero(bytes, 250_000, 250_000),
        ]);
    }

    #[test]
    fn a_cut_tail_does_not_matter() {
        survives(&[
            |bytes| bytes.truncate(bytes.len() - 1),
            |bytes| bytes.truncate(bytes.len() - 4096),
            |bytes| bytes.truncate(bytes.len() - 100_000),
            Vec::clear,
        ]);
    }

    #[test]
    fn damage_in_the_middle_does_not_matter() {
        survives(&[
            |bytes| bytes[..4096].fill(0),
            |bytes| zero(bytes, 200_000, 4096),
            |bytes| {
                zero(bytes, 50_000, 10);
            },
        ]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn agrees_with_a_filter(records in records(), queries in proptest::collection::vec(queries(), 20)) {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let (index, _) = Index::open(&store).unwrap();
            index.insert(&records).unwrap();
            let byid: BTreeMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
            for query in queries {
                let mut expected: Vec<_> = byid.values().filter(|record| naive(&query, record)).cloned().collect();
                let limit = query.limit.unwrap_or(usize::MAX);
                expected.drain(..expected.len().saturating_sub(limit));
                prop_assert_eq!(index.query(&query).unwrap(), expected);
            }
        }
    }
}
