//! A record that somebody changes: under the lock of the records, written in the audit log, and known to the index.
//!
//! Whoever changes a record or deletes one holds `STORE/records.lock` from reading it to having written it, so that no
//! change is lost. What another process than the index's owner changed has a mark under `STORE/stale/` from before the
//! change until the index holds it; see [`Index::refresh`](crate::Index::refresh).

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::audit::{Deed, Outcome};
use crate::error::Error;
use crate::id::CallId;
use crate::layout::{Store, list};
use crate::record::Record;
use crate::recording::{Durability, Recording, sync};

impl Store {
    /// Changes a call's record as its file has it now, and gives it as it is then.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is no such call; what `change` returns, and that of the file system: the record
    /// then stands as it was.
    pub fn change(
        &self,
        id: &CallId,
        durability: Durability,
        change: impl FnOnce(&mut Record) -> Result<(), Error>,
    ) -> Result<Record, Error> {
        let _lock = self.lock_records()?;
        let mut record = self.record(id)?;
        change(&mut record)?;
        self.amend(&record, durability)?;
        Ok(record)
    }

    /// The same for a person's change, which `deed` tells of: it stands in the audit log before it is made, as done or
    /// as refused. Its call has to be named. The index is to be brought in step afterwards.
    ///
    /// # Errors
    /// As with [`Store::change`], and where the log cannot be written: then nothing is changed.
    pub fn edit(
        &self,
        deed: &Deed,
        change: impl FnOnce(&mut Record) -> Result<(), Error>,
    ) -> Result<Record, Error> {
        let Some(id) = &deed.call else {
            return Err(Error::Absent { id: "without an id".to_owned(), path: self.dir().to_owned() });
        };
        let _lock = self.lock_records()?;
        let mut deed = deed.clone();
        let changed = self.record(id).and_then(|mut record| change(&mut record).map(|()| record));
        let done = changed.and_then(|record| {
            self.mark_stale(id)?;
            self.audit().append(&deed)?;
            self.amend(&record, Durability::Sync).map(|()| record)
        });
        if let Err(error) = &done {
            let is_refused = matches!(error, Error::Refused { .. });
            deed.result = if is_refused { Outcome::Refused } else { Outcome::Failed };
            deed.detail = serde_json::json!({ "error": error.to_string() });
            self.audit().append(&deed)?;
        }
        done
    }

    /// Publishes a recording, to be kept by the store's classes. It may replace an older one of the same call: what
    /// people attached to that stays, and it is kept as long as that would have been. All that stands in `record` then.
    ///
    /// # Errors
    /// As with [`Recording::publish`].
    ///
    /// The call is signed then; where that fails, it is there all the same, and what is given back says why it is not
    /// signed.
    pub fn publish(&self, recording: Recording, record: &mut Record) -> Result<Option<Error>, Error> {
        let durability = recording.durability();
        if !self.recording(&record.id).is_dir() {
            record.policy = self.retention().decide(record);
            recording.publish(record)?;
            return Ok(self.sign(record, durability).err());
        }
        let _lock = self.lock_records()?;
        let older = self.record(&record.id).ok();
        let before = older.as_ref().map(|older| older.policy.clone());
        if let Some(older) = older {
            record.inherit(older);
        }
        let decided = self.retention().decide(record);
        record.policy = match before {
            Some(before) if self.retention().classes.is_empty() => before,
            Some(before) if before.is_lowered_by(&decided) => before,
            _ => decided,
        };
        recording.publish(record)?;
        Ok(self.sign(record, durability).err())
    }

    /// Held while records are changed or deleted; given back when it is dropped.
    pub(crate) fn lock_records(&self) -> Result<File, Error> {
        let path = self.dir().join("records.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Error::io("open", &path))?;
        self.give_to_owner(&path)?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(file)
    }

    /// Notes that the index may no longer hold a call as its file does.
    pub(crate) fn mark_stale(&self, id: &CallId) -> Result<(), Error> {
        let folder = self.stale();
        fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        self.give_to_owner(&folder)?;
        let mark = folder.join(id.as_str());
        File::create(&mark).map_err(Error::io("make", &mark))?;
        sync(&folder)
    }

    /// The calls that are marked, each with its mark.
    pub(crate) fn stale_calls(&self) -> Result<Vec<(CallId, PathBuf)>, Error> {
        match list(&self.stale()) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            marks => Ok(marks?.into_iter().filter_map(marked).collect()),
        }
    }

    fn stale(&self) -> PathBuf {
        self.dir().join("stale")
    }
}

fn marked(mark: PathBuf) -> Option<(CallId, PathBuf)> {
    Some((mark.file_name()?.to_str()?.parse().ok()?, mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::attachment::Tag;
    use crate::audit::Action;
    use crate::index::Index;
    use crate::record::tests::full;
    use crate::{Query, Records};
    use std::sync::Arc;

    fn one_call() -> (tempfile::TempDir, Store, Record) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        Recording::begin(&store, &record.id, Durability::Fast).unwrap().publish(&record).unwrap();
        (dir, store, record)
    }

    fn deed(id: &CallId) -> Deed {
        Deed { call: Some(id.clone()), ..Deed::new(id.time(), Actor::default(), Action::Tag) }
    }

    fn tagging(tag: &str) -> impl FnOnce(&mut Record) -> Result<(), Error> {
        let tag: Tag = tag.parse().unwrap();
        move |record| {
            record.tag(&[tag]).map_err(|why| Error::Refused { id: record.id.clone(), why: why.to_string() })
        }
    }

    #[test]
    fn a_change_is_logged_and_found_once_the_index_knows() {
        let (_dir, store, record) = one_call();
        Index::open(&store).unwrap().0.close().unwrap();
        let changed = store.edit(&deed(&record.id), tagging("case=1")).unwrap();
        assert_eq!(store.record(&record.id).unwrap(), changed);
        assert_eq!(store.stale_calls().unwrap().len(), 1);
        // A crash before the index is told: whoever opens it next does that.
        let found = Records::find(&store, &Query::default()).unwrap().records;
        assert_eq!(found, [changed]);
        assert!(store.stale_calls().unwrap().is_empty());
        assert_eq!(store.audit().verify().unwrap().lines, 1);
    }

    #[test]
    fn what_is_refused_or_fails_changes_nothing_and_is_logged() {
        let (_dir, store, record) = one_call();
        let refuse = |record: &mut Record| Err(Error::Refused { id: record.id.clone(), why: "no".into() });
        assert!(store.edit(&deed(&record.id), refuse).is_err());
        let absent = "20260131T101502.123456Z-00000000".parse().unwrap();
        assert!(matches!(store.edit(&deed(&absent), |_| Ok(())), Err(Error::Absent { .. })));
        let mut results = vec![];
        store
            .audit()
            .entries(|entry| {
                results.push(entry.result);
                Ok(())
            })
            .unwrap();
        assert_eq!(results, [Outcome::Refused, Outcome::Failed]);
        assert_eq!(store.record(&record.id).unwrap(), record);
    }

    #[test]
    fn a_row_that_was_on_its_way_does_not_undo_a_change() {
        let (_dir, store, record) = one_call();
        let (index, _) = Index::open(&store).unwrap();
        let changed = store.edit(&deed(&record.id), tagging("case=1")).unwrap();
        index.refresh().unwrap();
        assert_eq!(index.query(&Query::default()).unwrap(), std::slice::from_ref(&changed));
        // The recorder read this record before it was changed.
        index.insert(&[record]).unwrap();
        assert_eq!(index.query(&Query::default()).unwrap(), [changed]);
    }

    #[test]
    fn what_was_attached_outlives_a_recording_made_anew() {
        let (_dir, store, mut record) = one_call();
        store.edit(&deed(&record.id), tagging("case=1")).unwrap();
        let recording = Recording::begin(&store, &record.id, Durability::Fast).unwrap();
        store.publish(recording, &mut record).unwrap();
        assert_eq!(record.tags["case"], "1");
        assert_eq!(store.record(&record.id).unwrap(), record);
    }

    #[test]
    fn no_change_of_many_is_lost() {
        let (_dir, store, record) = one_call();
        let store = Arc::new(store);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (store, id) = (Arc::clone(&store), record.id.clone());
                std::thread::spawn(move || {
                    for n in 0..8 {
                        store.edit(&deed(&id), tagging(&format!("k{thread}.{n}=v"))).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(store.record(&record.id).unwrap().tags.len(), 32);
        assert_eq!(store.audit().verify().unwrap().lines, 32);
    }
}
