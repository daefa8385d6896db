//! A recording being made, and its publication.
//!
//! A folder under `recordings/` is always whole: whatever is read there was written to its last byte before the
//! folder got its name. To keep it so, a recording is published in these steps:
//!
//! 1. All files, call.json last, are written in a folder under `open/`.
//! 2. With [`Durability::Sync`], each file and then the folder are synced.
//! 3. The folder of the day is made, and with `Sync` the folders that hold it are synced.
//! 4. An older recording of the same call is renamed to `open/ID.old`.
//! 5. The new folder is renamed to its final name.
//! 6. With `Sync`, the folders of the day and of the open calls are synced.
//! 7. What step 4 put aside is deleted.
//!
//! A crash between 4 and 5 leaves no recording of that call; [`Store::remove_abandoned`] puts the older one back.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::id::CallId;
use crate::layout::{Store, list};
use crate::record::Record;

/// Whether a published recording has to outlive a loss of power.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Synced to the disk: for live calls, which come once.
    Sync,
    /// Left to the system's time: for a replay, whose capture is still there.
    Fast,
}

/// A folder of a call under `open/`, owned by who makes its files.
///
/// Dropped without being published, it is deleted: what it is made of is still there, in a capture or a journal.
#[derive(Debug)]
pub struct Recording {
    store: Store,
    id: CallId,
    durability: Durability,
    folder: PathBuf,
    done: bool,
}

impl Recording {
    /// Makes the call's folder, which is empty then.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn begin(store: &Store, id: &CallId, durability: Durability) -> Result<Self, Error> {
        let folder = store.open_calls().join(format!("{id}{BEING_RENDERED}"));
        delete(&folder)?;
        fs::create_dir(&folder).map_err(Error::io("make the folder", &folder))?;
        Ok(Recording { store: store.clone(), id: id.clone(), durability, folder, done: false })
    }

    /// The call's id.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// What it has to outlive.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Where a file of the recording is to be written until it is published.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes call.json and gives the whole folder its final name, which it returns. It stands in for any older
    /// recording of the same call.
    ///
    /// # Errors
    /// Where a step fails; the recording has then not appeared, and an older one is still there.
    pub fn publish(mut self, record: &Record) -> Result<PathBuf, Error> {
        let json = self.path(Store::RECORD);
        fs::write(&json, record.to_json() + "\n").map_err(Error::io("write", &json))?;
        let place = self.store.recording(&self.id);
        let day = place.parent().unwrap_or(self.store.dir());
        if self.durability == Durability::Sync {
            sync_files(&self.folder)?;
        }
        self.make_day(day)?;
        let older = self.rename_to(&place)?;
        self.done = true;
        if self.durability == Durability::Sync {
            sync(day)?;
            sync(&self.store.open_calls())?;
        }
        if let Some(older) = older {
            delete(&older)?;
        }
        Ok(place)
    }

    /// Deletes what was written so far.
    ///
    /// # Errors
    /// Where the folder cannot be deleted.
    pub fn discard(mut self) -> Result<(), Error> {
        self.done = true;
        delete(&self.folder)
    }

    /// Makes the folders of the day; synced, so that they are there when what they will hold is.
    fn make_day(&self, day: &Path) -> Result<(), Error> {
        if day.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(day).map_err(Error::io("make the folder", day))?;
        if self.durability == Durability::Sync {
            // The day, the month and the year each became an entry of the folder above.
            day.ancestors().skip(1).take(3).try_for_each(sync)?;
        }
        Ok(())
    }

    /// Steps 4 and 5; gives where the older recording is now, if there was one.
    fn rename_to(&self, place: &Path) -> Result<Option<PathBuf>, Error> {
        let renamed = match fs::rename(&self.folder, place) {
            Ok(()) => return Ok(None),
            Err(error) => error,
        };
        if !place.is_dir() {
            return Err(Error::io("rename to", place)(renamed));
        }
        let aside = self.store.open_calls().join(format!("{}{REPLACED}", self.id));
        delete(&aside)?;
        fs::rename(place, &aside).map_err(Error::io("put aside", place))?;
        if let Err(error) = fs::rename(&self.folder, place) {
            fs::rename(&aside, place).map_err(Error::io("put back", place))?;
            return Err(Error::io("rename to", place)(error));
        }
        Ok(Some(aside))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.done {
            // Nobody is left to tell: what stays is found by `Store::abandoned`.
            let _ = delete(&self.folder);
        }
    }
}

/// Behind the id in the name of a folder that is being filled.
const BEING_RENDERED: &str = ".tmp";
/// Behind the id of a recording whose record is written anew.
pub(crate) const BEING_AMENDED: &str = ".new";
/// Behind the id of a recording that a newer one of the same call replaces.
const REPLACED: &str = ".old";

/// A folder that was left under `open/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Abandoned {
    /// A live call whose recorder ended: to be recovered from its journal.
    Live(CallId),
    /// A recording or a record that was not finished: what it is made of is still there, this can go.
    Rendering(PathBuf),
    /// An older recording put aside: it goes, or goes back where the newer one did not come.
    Replaced(CallId, PathBuf),
}

impl Store {
    /// What is under `open/`, in the order of its names. Only the owner of the index may ask: to anyone else,
    /// folders in use look the same.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn abandoned(&self) -> Result<Vec<Abandoned>, Error> {
        Ok(list(&self.open_calls())?.into_iter().filter_map(left_over).collect())
    }

    /// Deletes what a replay left and settles what was being replaced. Live calls stay; gives their ids.
    ///
    /// # Errors
    /// Where a folder cannot be deleted or put back.
    pub fn remove_abandoned(&self) -> Result<Vec<CallId>, Error> {
        let mut live = vec![];
        for folder in self.abandoned()? {
            match folder {
                Abandoned::Live(id) => live.push(id),
                Abandoned::Rendering(path) => delete(&path)?,
                Abandoned::Replaced(id, path) => {
                    let place = self.recording(&id);
                    match fs::rename(&path, &place) {
                        Err(_) if place.is_dir() => delete(&path)?,
                        back => back.map_err(Error::io("put back", &place))?,
                    }
                }
            }
        }
        Ok(live)
    }
}

fn left_over(path: PathBuf) -> Option<Abandoned> {
    let name = path.file_name()?.to_str()?;
    if let Some(id) = name.strip_suffix(REPLACED) {
        return Some(Abandoned::Replaced(id.parse().ok()?, path));
    }
    match name.strip_suffix(BEING_RENDERED).or_else(|| name.strip_suffix(BEING_AMENDED)) {
        Some(id) => id.parse::<CallId>().ok().map(|_| Abandoned::Rendering(path)),
        None => name.parse().ok().map(Abandoned::Live),
    }
}

/// Syncs the files of a folder, and the folder.
fn sync_files(folder: &Path) -> Result<(), Error> {
    list(folder)?.iter().try_for_each(|file| sync(file))?;
    sync(folder)
}

/// Syncs a file, or a folder's list of names.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

/// Deletes a folder, if there is one.
pub(crate) fn delete(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        deleted => deleted.map_err(Error::io("delete", folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::full;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn appears_whole_and_at_once() {
        for durability in [Durability::Sync, Durability::Fast] {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let record = full();
            let recording = Recording::begin(&store, &record.id, durability).unwrap();
            fs::write(recording.path("call.wav"), b"RIFF").unwrap();
            assert_eq!(names(&store.recordings()), [""; 0]);
            let place = recording.publish(&record).unwrap();
            assert_eq!(place, store.recording(&record.id));
            assert_eq!(names(&place), ["call.json", "call.wav"]);
            assert_eq!(fs::read_to_string(place.join("call.json")).unwrap(), record.to_json() + "\n");
            assert_eq!(store.record(&record.id).unwrap(), record);
            assert_eq!(names(&store.open_calls()), [""; 0]);
        }
    }

    #[test]
    fn replaces_an_older_recording_of_the_same_call() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut record = full();
        let older = Recording::begin(&store, &record.id, Durability::Fast).unwrap();
        fs::write(older.path("call.wav"), b"old").unwrap();
        older.publish(&record).unwrap();

        record.call_id = "again".into();
        let newer = Recording::begin(&store, &record.id, Durability::Fast).unwrap();
        let place = newer.publish(&record).unwrap();
        assert_eq!(names(&place), ["call.json"]);
        assert_eq!(store.record(&record.id).unwrap().call_id, "again");
        assert_eq!(names(&store.open_calls()), [""; 0]);
    }

    #[test]
    fn unpublished_it_is_deleted_and_its_journal_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = full().id;
        for durability in [Durability::Fast, Durability::Sync] {
            drop(Recording::begin(&store, &id, durability).unwrap());
            assert_eq!(store.abandoned().unwrap(), []);
        }
        store.append_to_journal(&id, b"journal").unwrap();
        drop(Recording::begin(&store, &id, Durability::Sync).unwrap());
        assert_eq!(store.abandoned().unwrap(), [Abandoned::Live(id.clone())]);
        let recording = Recording::begin(&store, &id, Durability::Sync).unwrap();
        assert_eq!(names(&recording.publish(&full()).unwrap()), ["call.json"]);
        assert_eq!(store.remove_abandoned().unwrap(), [id]);
    }

    #[test]
    fn settles_what_a_crash_left() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        let place = Recording::begin(&store, &record.id, Durability::Fast).unwrap().publish(&record).unwrap();
        // Between steps 4 and 5: the older one is aside, the newer one is not there.
        let aside = store.open_calls().join(format!("{}.old", record.id));
        fs::rename(&place, &aside).unwrap();
        fs::create_dir(store.open_calls().join(format!("{}.tmp", record.id))).unwrap();
        fs::write(store.open_calls().join("notes.txt"), b"").unwrap();
        assert_eq!(store.abandoned().unwrap().len(), 2);
        assert_eq!(store.remove_abandoned().unwrap(), []);
        assert_eq!(store.record(&record.id).unwrap(), record);
        // Between steps 6 and 7: both are there, the older one goes.
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("call.json"), b"old").unwrap();
        store.remove_abandoned().unwrap();
        assert_eq!(store.record(&record.id).unwrap(), record);
        assert_eq!(names(&store.open_calls()), ["notes.txt"]);
    }

    #[test]
    fn a_failed_publication_leaves_the_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        Recording::begin(&store, &record.id, Durability::Fast).unwrap().publish(&record).unwrap();
        let newer = Recording::begin(&store, &record.id, Durability::Fast).unwrap();
        fs::remove_dir(&newer.folder).unwrap();
        assert!(newer.publish(&record).is_err());
        assert_eq!(store.record(&record.id).unwrap(), record);
    }
}
