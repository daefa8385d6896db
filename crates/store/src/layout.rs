//! Where things are in a store.
//!
//! ```text
//! STORE/recordings/2026/01/31/ID/{call.json, call.wav, call.pcapng}     whole, always
//! STORE/open/ID/    a call being recorded, or left by a crash     open/ID.tmp/  being rendered     open/ID.old/  replaced
//!                   open/ID.new/  its record written anew
//! STORE/audit.log   who did what     STORE/records.lock  held while a record is changed     STORE/stale/  what the index lacks
//! STORE/integrity/  what was signed of the recordings     STORE/keys/  by which keys
//! STORE/holds.json  what must not be deleted     STORE/tombstones/2026/01/31/ID.json  what was     open/ID.gone/  being deleted
//! STORE/listeners   there while calls that go on may be heard
//! STORE/index/      sled     STORE/index.lock  held by its owner     STORE/sipreel.sock  where its owner answers
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clock::Time;

use crate::Error;
use crate::id::CallId;
use crate::integrity::Signer;
use crate::record::Record;
use crate::retention::Retention;

/// A store's folder. Cheap to clone; holds nothing open.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    /// By which the calls that are published from here on are kept.
    retention: Arc<Retention>,
    /// What signs, once it was needed.
    key: Arc<Mutex<Option<Signer>>>,
}

impl Store {
    /// The name of a record in its recording's folder.
    pub const RECORD: &str = "call.json";
    /// The name of the kept packets there.
    pub const PACKETS: &str = "call.pcapng";
    /// The same where they are compressed by zstd.
    pub const PACKED_PACKETS: &str = "call.pcapng.zst";

    /// Where the packets of a call are, if some were kept.
    #[must_use]
    pub fn packets(&self, id: &CallId) -> Option<PathBuf> {
        let names = [Store::PACKETS, Store::PACKED_PACKETS];
        names.iter().map(|name| self.recording(id).join(name)).find(|path| path.exists())
    }

    /// The store at `dir` for writing: makes what is missing of it.
    ///
    /// # Errors
    /// Where a folder cannot be made or nothing can be written in it.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Store { dir: dir.into(), retention: Arc::default(), key: Arc::default() };
        for folder in [store.recordings(), store.open_calls()] {
            fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
            let probe = folder.join(format!(".probe-{}", std::process::id()));
            fs::write(&probe, b"").map_err(Error::io("write in", &folder))?;
            fs::remove_file(&probe).map_err(Error::io("delete in", &folder))?;
        }
        Ok(store)
    }

    /// The store at `dir` for reading; nothing is made or written.
    ///
    /// # Errors
    /// Where there is no store.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let store = Store { dir: dir.into(), retention: Arc::default(), key: Arc::default() };
        let recordings = store.recordings();
        fs::read_dir(&recordings).map_err(Error::io("read the recordings in", &recordings))?;
        Ok(store)
    }

    /// The same store, whose calls are kept by these classes from here on.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Store { retention: Arc::new(retention), ..self }
    }

    pub(crate) fn key(&self) -> &Mutex<Option<Signer>> {
        &self.key
    }

    /// The classes by which calls are kept.
    #[must_use]
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// The id of the call that was invited then, by its Call-ID and From tag.
    #[must_use]
    pub fn id(invited_at: Time, call_id: &str, from_tag: &str) -> CallId {
        CallId::new(invited_at, call_id, from_tag)
    }

    /// The store's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of a recording; the id alone says where it is.
    #[must_use]
    pub fn recording(&self, id: &CallId) -> PathBuf {
        self.dir.join(Store::relative(id))
    }

    /// The same relative to the store, as records have it: `recordings/2026/01/31/ID`.
    #[must_use]
    pub fn relative(id: &CallId) -> String {
        format!("recordings/{}/{id}", id.day())
    }

    /// The record of one call, from its file.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is no such call, [`Error::Record`] where its call.json is damaged.
    pub fn record(&self, id: &CallId) -> Result<Record, Error> {
        let path = self.recording(id).join(Store::RECORD);
        match fs::read(&path) {
            Ok(json) => Record::from_json(&json).map_err(|source| Error::Record { path, source }),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                Err(Error::Absent { id: id.to_string(), path: self.dir.clone() })
            }
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// The ids of all recordings, oldest first; what is no recording is passed over.
    ///
    /// # Errors
    /// Where a folder cannot be read; the walk goes on behind it.
    pub fn ids(&self) -> impl Iterator<Item = Result<CallId, Error>> + use<> {
        let store = self.clone();
        // One day's names at a time is what this holds.
        let years = folders(Ok(self.recordings()), 4).into_iter();
        let days = years.flat_map(|year| folders(year, 2)).flat_map(|month| folders(month, 2));
        days.flat_map(|day| folders(day, 32))
            .filter_map(move |path| path.map(|path| store.id_at(&path)).transpose())
    }

    /// The id of the recording at a path, if it stands where its id says.
    fn id_at(&self, path: &Path) -> Option<CallId> {
        let id: CallId = path.file_name()?.to_str()?.parse().ok()?;
        (self.recording(&id) == path).then_some(id)
    }

    pub(crate) fn recordings(&self) -> PathBuf {
        self.dir.join("recordings")
    }

    pub(crate) fn open_calls(&self) -> PathBuf {
        self.dir.join("open")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    pub(crate) fn index_lock(&self) -> PathBuf {
        self.dir.join("index.lock")
    }

    /// What root makes in a store belongs to whoever the store belongs to: a recorder has to write there, too.
    pub(crate) fn give_to_owner(&self, path: &Path) -> Result<(), Error> {
        let owner = fs::metadata(&self.dir).map_err(Error::io("read the rights of", &self.dir))?;
        let made = fs::metadata(path).map_err(Error::io("read the rights of", path))?;
        if made.uid() != owner.uid() {
            // Who is not root may not give it away; it is theirs then.
            let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()));
        }
        Ok(())
    }

    /// Whether calls that go on may be heard: what its recorder said last.
    #[must_use]
    pub fn may_listen(&self) -> bool {
        self.listeners().exists()
    }

    /// Says whether they may.
    ///
    /// # Errors
    /// That of the file system.
    pub fn allow_listeners(&self, allowed: bool) -> Result<(), Error> {
        let path = self.listeners();
        if allowed {
            fs::write(&path, b"").map_err(Error::io("write", &path))?;
            return self.give_to_owner(&path);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("delete", &path)(error)),
            _ => Ok(()),
        }
    }

    fn listeners(&self) -> PathBuf {
        self.dir.join("listeners")
    }

    /// Where the owner of the index answers.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("sipreel.sock")
    }
}

/// What is in a folder, in the order of the names.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("list", folder))?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(Error::io("list", folder))?;
    paths.sort_unstable();
    Ok(paths)
}

/// The folders in a folder whose name has that many bytes.
fn folders(parent: Result<PathBuf, Error>, name_len: usize) -> Vec<Result<PathBuf, Error>> {
    let fits = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == name_len) && path.is_dir();
    match parent.and_then(|parent| list(&parent)) {
        Ok(paths) => paths.into_iter().filter(fits).map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_found_by_its_id_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("new/store")).unwrap();
        let at = Time::from_rfc3339("2026-01-31T23:59:59.999999999Z").unwrap();
        let id = Store::id(at, "a", "b");
        assert!(store.recording(&id).starts_with(store.dir().join("recordings/2026/01/31")));
        assert!(store.recording(&id).ends_with(id.as_str()));
        assert!(matches!(store.record(&id), Err(Error::Absent { .. })));
    }

    #[test]
    fn walks_the_recordings_by_time_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let days =
            ["2026-02-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-31T10:00:00Z", "2026-01-31T09:00:00Z"];
        let mut ids: Vec<_> = days.map(|day| Store::id(Time::from_rfc3339(day).unwrap(), day, "")).into();
        for id in &ids {
            fs::create_dir_all(store.recording(id)).unwrap();
        }
        ids.sort_unstable();
        let stray = store.recordings().join("2026/01/30").join(ids[0].as_str());
        fs::create_dir_all(stray).unwrap();
        fs::create_dir_all(store.recordings().join("2026/01/31/lost+found")).unwrap();
        fs::write(store.recordings().join("2026/notes"), b"").unwrap();
        assert_eq!(store.ids().collect::<Result<Vec<_>, _>>().unwrap(), ids);
    }

    #[test]
    fn says_what_cannot_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let message = Store::open(&file).unwrap_err().to_string();
        assert!(message.contains("make the folder") && message.contains("file/recordings"), "{message}");
        assert!(Store::at(dir.path()).is_err());
    }
}
