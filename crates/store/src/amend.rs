//! A record that is written anew in its place: what became known of a call after it was published.
//!
//! The new call.json is written in a folder of its own under `open/` and renamed over the old one, so that whoever
//! reads finds one or the other, whole. A crash leaves at most that folder, which [`Store::remove_abandoned`] deletes.

use std::fs;

use crate::Error;
use crate::layout::Store;
use crate::record::Record;
use crate::recording::{BEING_AMENDED, Durability, delete, sync};

impl Store {
    /// Writes `record` in the place of the call's record. Its row in the index is left to whoever has that.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is no recording of that id any more, or that of the file system; the record then
    /// stands as it was.
    pub fn amend(&self, record: &Record, durability: Durability) -> Result<(), Error> {
        let place = self.recording(&record.id).join(Store::RECORD);
        if !place.is_file() {
            return Err(Error::Absent { id: record.id.to_string(), path: self.dir().to_path_buf() });
        }
        // Who cannot sign may not change what is signed.
        self.signer()?;
        let before = fs::read(&place).map_err(Error::io("read", &place))?;
        let before = blake3::hash(&before).to_hex();
        let folder = self.open_calls().join(format!("{}{BEING_AMENDED}", record.id));
        delete(&folder)?;
        fs::create_dir(&folder).map_err(Error::io("make the folder", &folder))?;
        let json = folder.join(Store::RECORD);
        let written = fs::write(&json, record.to_json() + "\n").map_err(Error::io("write", &json));
        let written =
            written.and_then(|()| if durability == Durability::Sync { sync(&json) } else { Ok(()) });
        let renamed =
            written.and_then(|()| fs::rename(&json, &place).map_err(Error::io("rename to", &place)));
        delete(&folder)?;
        renamed?;
        if durability == Durability::Sync {
            sync(&self.recording(&record.id))?;
        }
        self.sign_change(&record.id, &before, durability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::LinkReason;
    use crate::record::tests::full;
    use crate::recording::Recording;

    #[test]
    fn stands_in_the_place_of_the_old_one_and_beside_its_files() {
        for durability in [Durability::Sync, Durability::Fast] {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let mut record = full();
            assert!(matches!(store.amend(&record, durability), Err(Error::Absent { .. })));
            let recording = Recording::begin(&store, &record.id, durability).unwrap();
            fs::write(recording.path("call.wav"), b"RIFF").unwrap();
            let place = recording.publish(&record).unwrap();
            record.link(&record.id.clone(), "another", LinkReason::Refer);
            store.amend(&record, durability).unwrap();
            assert_eq!(store.record(&record.id).unwrap(), record);
            assert_eq!(fs::read(place.join("call.wav")).unwrap(), b"RIFF");
            assert_eq!(fs::read_dir(store.open_calls()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_a_crash_left_of_it_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let left = store.open_calls().join(format!("{}{BEING_AMENDED}", full().id));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("call.json"), b"{").unwrap();
        assert_eq!(store.remove_abandoned().unwrap(), []);
        assert!(!left.exists());
    }
}
