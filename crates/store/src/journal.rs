//! Journals of open calls: `open/ID/journal.pcapng`, appended to while the call goes on, and gone once its recording is
//! published. What they hold is a capture file to this crate.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::id::CallId;
use crate::layout::Store;
use crate::recording;

/// What the folder of an open call holds.
const JOURNAL: &str = "journal.pcapng";
/// Whoever may read the recordings by their group may read these.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

impl Store {
    /// Where the journal of a call is.
    #[must_use]
    pub fn journal(&self, id: &CallId) -> PathBuf {
        self.journal_folder(id).join(JOURNAL)
    }

    /// Appends to the journal of a call, which is made with its folder where it is not there yet. Either all is
    /// appended, or nothing.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn append_to_journal(&self, id: &CallId, bytes: &[u8]) -> Result<(), Error> {
        let path = self.journal(id);
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = self.journal_folder(id);
                let made = DirBuilder::new().mode(FOLDER_MODE).create(&folder);
                made.map_err(Error::io("make the folder", &folder))?;
                open(&path)
            }
            opened => opened,
        };
        file.and_then(|file| append(file, bytes)).map_err(Error::io("append to", &path))
    }

    /// Has everything that was appended written to the disk, of whatever call.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn sync_journals(&self) -> Result<(), Error> {
        let folder = self.open_calls();
        let synced = File::open(&folder).and_then(|file| Ok(rustix::fs::syncfs(&file)?));
        synced.map_err(Error::io("sync the file system of", &folder))
    }

    /// Deletes the journal of a call and its folder, if they are there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_journal(&self, id: &CallId) -> Result<(), Error> {
        recording::delete(&self.journal_folder(id))
    }

    fn journal_folder(&self, id: &CallId) -> PathBuf {
        self.open_calls().join(id.as_str())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}

fn append(mut file: File, bytes: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        // Half a block would hide what is appended behind it.
        let _ = file.set_len(before);
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::record::tests::full;

    #[test]
    fn grows_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = full().id;
        store.append_to_journal(&id, b"one").unwrap();
        store.append_to_journal(&id, b"two").unwrap();
        store.sync_journals().unwrap();
        let path = store.journal(&id);
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        // As far as the umask lets them have it.
        assert_eq!(mode(&path) & !FILE_MODE, 0);
        assert_eq!(mode(path.parent().unwrap()) & !FOLDER_MODE, 0);
        assert_eq!(store.remove_abandoned().unwrap(), std::slice::from_ref(&id));
        store.remove_journal(&id).unwrap();
        store.remove_journal(&id).unwrap();
        assert_eq!(store.remove_abandoned().unwrap(), []);
    }
}
