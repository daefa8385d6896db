//! A call that is deleted: audio, packets, record and row as one step that a crash cannot half do.
//!
//! Under the lock of the records:
//!
//! 1. The index's mark is set, and `open/ID.gone/` is made with the tombstone in it, synced: who, when, why, and the
//!    hashes of what was there.
//! 2. A line in the audit log says that the call is deleted.
//! 3. The call's folder is renamed into `open/ID.gone/`: from here on there is no such call.
//! 4. The tombstone goes to its place, and `open/ID.gone` is deleted: audio first, then packets, then the record.
//! 5. The index follows, and the mark goes.
//!
//! A crash before 3 leaves the call as it was, one after it leaves no call; [`Store::finish_deletions`] settles which
//! and says so in the log.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::audit::{Action, Deed, Outcome};
use crate::error::Error;
use crate::hold::Holds;
use crate::id::CallId;
use crate::layout::{Store, list};
use crate::record::Record;
use crate::recording::{delete, sync};
use crate::timestamp;

/// Behind the id in the name of the folder of a call that is being deleted.
const BEING_DELETED: &str = ".gone";
const TOMBSTONE: &str = "tombstone.json";
/// The name that the call's folder has in there.
const CALL: &str = "call";

/// What is left of a call that was deleted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tombstone {
    /// The call.
    pub id: CallId,
    /// When it was deleted.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// By whom.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// The rule that it was kept by, if there was one.
    pub rule: Option<String>,
    /// What was there.
    pub files: Vec<GoneFile>,
}

/// A file that was deleted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GoneFile {
    /// Its name in the call's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The BLAKE3 hash of what was in it, in hexadecimal.
    pub blake3: String,
}

impl Store {
    /// Deletes the call that `deed` names, if no hold of `holds` and no word of `allows` forbids it; the error of
    /// `allows` says why. Both are asked about the record as it is then. The index is to be brought in step.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Absent`], or that of the file system: then the call is still there, or gone for
    /// good once [`Store::finish_deletions`] ran.
    pub fn delete(
        &self,
        deed: &Deed,
        holds: &Holds,
        allows: impl FnOnce(&Record) -> Result<(), String>,
    ) -> Result<Tombstone, Error> {
        let Some(id) = &deed.call else {
            return Err(Error::Absent { id: "without an id".to_owned(), path: self.dir().to_owned() });
        };
        let _lock = self.lock_records()?;
        let record = self.record(id)?;
        let held = holds.over(&record).map(|hold| format!("{hold} holds it"));
        if let Some(why) = held.or_else(|| allows(&record).err()) {
            let detail = serde_json::json!({ "why": why });
            self.audit().append(&Deed { result: Outcome::Refused, detail, ..deed.clone() })?;
            return Err(Error::Refused { id: id.clone(), why });
        }
        let gone = self.gone(id);
        delete(&gone)?;
        self.mark_stale(id)?;
        let tombstone = self.lay_tombstone(&gone, &record, deed)?;
        let detail = serde_json::json!({ "rule": tombstone.rule, "files": tombstone.files.len() });
        self.audit().append(&Deed { detail, ..deed.clone() })?;
        let place = self.recording(id);
        fs::rename(&place, gone.join(CALL)).map_err(Error::io("put aside", &place))?;
        sync(place.parent().unwrap_or(self.dir()))?;
        sync(&gone)?;
        self.bury(id, &gone)?;
        Ok(tombstone)
    }

    /// Brings to an end what a crash interrupted, as `actor` at that time; gives the calls that are gone by it. Nobody
    /// deletes meanwhile.
    ///
    /// # Errors
    /// That of the file system.
    pub fn finish_deletions(&self, at: Time, actor: &Actor) -> Result<Vec<CallId>, Error> {
        let _lock = self.lock_records()?;
        let mut finished = vec![];
        for gone in list(&self.open_calls())? {
            let Some(id) = interrupted(&gone) else { continue };
            let is_gone = gone.join(CALL).is_dir();
            let mut deed = Deed::new(at, actor.clone(), Action::Delete);
            deed.call = Some(id.clone());
            let (result, what) =
                if is_gone { (Outcome::Done, "finished") } else { (Outcome::Failed, "undone") };
            deed.result = result;
            deed.detail = serde_json::json!({ "after_a_crash": what });
            self.mark_stale(&id)?;
            self.audit().append(&deed)?;
            if is_gone {
                self.bury(&id, &gone)?;
                finished.push(id);
            } else {
                // Without the call in it there is only a tombstone for one that is not dead, or that is buried.
                delete(&gone)?;
            }
        }
        Ok(finished)
    }

    /// What is left of a call that was deleted, if it was.
    ///
    /// # Errors
    /// That of the file system, and [`Error::Record`] where it cannot be read.
    pub fn tombstone(&self, id: &CallId) -> Result<Option<Tombstone>, Error> {
        let path = self.tombstone_place(id);
        match fs::read(&path) {
            Ok(json) => {
                serde_json::from_slice(&json).map(Some).map_err(|source| Error::Record { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Octets of a call's files.
    #[must_use]
    pub fn size(&self, id: &CallId) -> u64 {
        let files = list(&self.recording(id)).unwrap_or_default();
        files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
    }

    fn lay_tombstone(&self, gone: &Path, record: &Record, deed: &Deed) -> Result<Tombstone, Error> {
        let files = list(&self.recording(&record.id))?;
        let tombstone = Tombstone {
            id: record.id.clone(),
            at: deed.at,
            actor: deed.actor.clone(),
            reason: deed.reason.clone().unwrap_or_default(),
            rule: record.policy.rule.clone(),
            files: files.iter().map(|file| gone_file(file)).collect::<Result<_, _>>()?,
        };
        fs::create_dir(gone).map_err(Error::io("make the folder", gone))?;
        let path = gone.join(TOMBSTONE);
        let json = serde_json::to_vec(&tombstone).expect("it has no map");
        fs::write(&path, json).map_err(Error::io("write", &path))?;
        sync(&path)?;
        sync(gone)?;
        sync(&self.open_calls())?;
        Ok(tombstone)
    }

    /// Step 4.
    fn bury(&self, id: &CallId, gone: &Path) -> Result<(), Error> {
        let (laid, place) = (gone.join(TOMBSTONE), self.tombstone_place(id));
        if laid.exists() {
            let json = fs::read(&laid).map_err(Error::io("read", &laid))?;
            let day = place.parent().unwrap_or(self.dir());
            self.sign_deletion(id, &json)?;
            fs::create_dir_all(day).map_err(Error::io("make the folder", day))?;
            fs::rename(&laid, &place).map_err(Error::io("rename to", &place))?;
            sync(day)?;
        }
        let mut files = list(&gone.join(CALL))?;
        files.sort_by_key(|file| last_to_go(file));
        for file in files {
            fs::remove_file(&file).map_err(Error::io("delete", &file))?;
        }
        delete(gone)?;
        sync(&self.open_calls())
    }

    fn gone(&self, id: &CallId) -> PathBuf {
        self.open_calls().join(format!("{id}{BEING_DELETED}"))
    }

    pub(crate) fn tombstone_place(&self, id: &CallId) -> PathBuf {
        self.dir().join("tombstones").join(id.day()).join(format!("{id}.json"))
    }
}

fn interrupted(gone: &Path) -> Option<CallId> {
    gone.file_name()?.to_str()?.strip_suffix(BEING_DELETED)?.parse().ok()
}

/// Audio, then packets and what else there may be, then the record.
fn last_to_go(file: &Path) -> u8 {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        Store::RECORD => 2,
        name if name.contains(".pcap") => 1,
        _ => 0,
    }
}

fn gone_file(path: &Path) -> Result<GoneFile, Error> {
    let mut hash = blake3::Hasher::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    hash.update_reader(file).map_err(Error::io("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(GoneFile { name, bytes: hash.count(), blake3: hash.finalize().to_hex().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::Held;
    use crate::index::Index;
    use crate::query::Query;
    use crate::record::tests::full;
    use crate::recording::{Durability, Recording};

    fn one_call() -> (tempfile::TempDir, Store, Record) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        publish(&store, &record);
        (dir, store, record)
    }

    fn publish(store: &Store, record: &Record) {
        let recording = Recording::begin(store, &record.id, Durability::Fast).unwrap();
        fs::write(recording.path("call.wav"), b"RIFF").unwrap();
        fs::write(recording.path("call.pcapng"), b"\n\r\r\n").unwrap();
        recording.publish(record).unwrap();
    }

    fn deed(id: &CallId) -> Deed {
        let mut deed = Deed::new(id.time(), Actor { uid: 7, ..Actor::default() }, Action::Delete);
        (deed.call, deed.reason) = (Some(id.clone()), Some("asked to".into()));
        deed
    }

    fn nothing_left(store: &Store, id: &CallId) {
        assert!(!store.recording(id).exists());
        assert_eq!(fs::read_dir(store.open_calls()).unwrap().count(), 0);
        let tombstone = store.tombstone(id).unwrap().unwrap();
        assert_eq!((tombstone.reason.as_str(), tombstone.actor.uid), ("asked to", 7));
        let names: Vec<_> = tombstone.files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
        assert_eq!(names[1..], [("call.pcapng", 4), ("call.wav", 4)]);
        assert_eq!(tombstone.files[2].blake3, blake3::hash(b"RIFF").to_hex().as_str());
        let (index, _) = Index::open(store).unwrap();
        assert!(index.query(&Query::default()).unwrap().is_empty());
        assert_eq!(store.audit().verify().unwrap().broken, None);
    }

    #[test]
    fn nothing_stays_but_a_tombstone() {
        let (_dir, store, record) = one_call();
        Index::open(&store).unwrap().0.close().unwrap();
        assert_eq!(store.size(&record.id), 8 + record.to_json().len() as u64 + 1);
        assert_eq!(store.tombstone(&record.id).unwrap(), None);
        let tombstone = store.delete(&deed(&record.id), &Holds::default(), |_| Ok(())).unwrap();
        assert_eq!(store.tombstone(&record.id).unwrap(), Some(tombstone));
        nothing_left(&store, &record.id);
        assert!(matches!(
            store.delete(&deed(&record.id), &Holds::default(), |_| Ok(())),
            Err(Error::Absent { .. })
        ));
    }

    #[test]
    fn what_is_held_or_not_allowed_stays() {
        let (_dir, store, record) = one_call();
        let hold = Deed { action: Action::Hold, ..deed(&record.id) };
        store.hold(&hold, "legal", "case", Held::Call(record.id.clone())).unwrap();
        let told =
            store.delete(&deed(&record.id), &store.holds().unwrap(), |_| Ok(())).unwrap_err().to_string();
        assert!(told.contains("hold-") && told.contains("holds it"), "{told}");
        let told = store.delete(&deed(&record.id), &Holds::default(), |_| Err("not yet".into())).unwrap_err();
        assert!(told.to_string().contains("not yet"));
        assert_eq!(store.record(&record.id).unwrap(), record);
        let mut refused = 0;
        store
            .audit()
            .entries(|entry| {
                refused += u32::from(entry.result == Outcome::Refused);
                Ok(())
            })
            .unwrap();
        assert_eq!(refused, 2);
    }

    /// The store as a crash leaves it after each step: of every file system call that the deletion makes, so many
    /// were made.
    #[test]
    fn a_crash_at_any_step_leaves_all_or_nothing() {
        for step in 0..7 {
            let (_dir, store, record) = one_call();
            Index::open(&store).unwrap().0.close().unwrap();
            let (id, gone) = (&record.id, store.gone(&record.id));
            let steps: [&dyn Fn(); 6] = [
                &|| store.mark_stale(id).unwrap(),
                &|| drop(store.lay_tombstone(&gone, &record, &deed(id)).unwrap()),
                &|| fs::rename(store.recording(id), gone.join(CALL)).unwrap(),
                &|| {
                    fs::create_dir_all(store.tombstone_place(id).parent().unwrap()).unwrap();
                    fs::rename(gone.join(TOMBSTONE), store.tombstone_place(id)).unwrap();
                },
                &|| fs::remove_file(gone.join(CALL).join("call.wav")).unwrap(),
                &|| delete(&gone.join(CALL)).unwrap(),
            ];
            steps[..step.min(6)].iter().for_each(|step| step());
            if step == 1 {
                fs::create_dir(&gone).unwrap();
            }
            assert!(store.remove_abandoned().unwrap().is_empty(), "the recorder's own start leaves it alone");
            let finished = store.finish_deletions(id.time(), &Actor::default()).unwrap();
            if step < 3 {
                assert!(finished.is_empty(), "{step}");
                assert_eq!(store.record(id).unwrap(), record);
                assert_eq!(store.size(id), 8 + record.to_json().len() as u64 + 1);
                assert_eq!(store.tombstone(id).unwrap(), None);
                let (index, _) = Index::open(&store).unwrap();
                assert_eq!(index.query(&Query::default()).unwrap().len(), 1);
                drop(index);
                store.delete(&deed(id), &Holds::default(), |_| Ok(())).unwrap();
            }
            nothing_left(&store, id);
        }
    }
}
