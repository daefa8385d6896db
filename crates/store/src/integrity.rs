//! Whether the recordings are as they were sealed: hashes of each file in chunks, signed when a call is published,
//! changed or deleted, in a log for each day; and the logs' hashes signed in a chain.
//!
//! ```text
//! STORE/integrity/2026/01/31.log     statements about the calls of that day, one a line, each signed
//! STORE/integrity/roots.log          the BLAKE3 hash of each day's log so far: its Merkle root, each line signed
//!                                    and with the hash of the line before
//! STORE/keys/signing.key             the Ed25519 seed, for its owner alone     STORE/keys/ID.pem  public keys
//! ```
//!
//! A statement that a crash kept from being written leaves its call unsigned: [`Store::verify`] tells, and
//! [`Store::sign_new`] signs it then.

mod chunks;
mod key;
mod line;
mod roots;
mod statement;
mod verify;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub use key::{KeyName, PublicKey};
pub use roots::Root;
pub use verify::{Fault, Finding, Verified};

use crate::error::Error;
use crate::id::CallId;
use crate::layout::{Store, list};
use crate::record::Record;
use crate::recording::{Durability, sync};
pub(crate) use key::Signer;
use statement::{SignedFile, Statement, What};

impl Store {
    /// Signs the files of a call as they are, all of them.
    pub(crate) fn sign(&self, record: &Record, durability: Durability) -> Result<(), Error> {
        let files = list(&self.recording(&record.id))?;
        let files = files.iter().map(|path| SignedFile::of(path, Some(record))).collect::<Result<_, _>>()?;
        self.state(&Statement { call: record.id.clone(), what: What::Sealed { files } }, durability)
    }

    /// Signs that a call's record was changed, and from what.
    pub(crate) fn sign_change(&self, id: &CallId, before: &str, durability: Durability) -> Result<(), Error> {
        let file = SignedFile::of(&self.recording(id).join(Store::RECORD), None)?;
        let what = What::Changed { previous: before.to_owned(), file };
        self.state(&Statement { call: id.clone(), what }, durability)
    }

    /// Signs that a call was deleted, and that its tombstone is this one.
    pub(crate) fn sign_deletion(&self, id: &CallId, tombstone: &[u8]) -> Result<(), Error> {
        let what = What::Deleted { tombstone: blake3::hash(tombstone).to_hex().to_string() };
        self.state(&Statement { call: id.clone(), what }, Durability::Sync)
    }

    /// Signs the calls that have no statement: those of earlier versions, and those that a crash left without. Gives
    /// how many.
    ///
    /// # Errors
    /// That of the file system.
    pub fn sign_new(&self) -> Result<u64, Error> {
        let mut signed = 0;
        let mut day: (PathBuf, Option<verify::Day>) = Default::default();
        for id in self.ids() {
            let id = id?;
            let path = self.day_log(&id);
            if day.0 != path {
                day = (path.clone(), verify::Day::read(self, &path)?);
            }
            if day.1.as_ref().is_some_and(|day| day.states.contains_key(&id)) {
                continue;
            }
            // What cannot be read is told by `verify`.
            if let Ok(record) = self.record(&id) {
                self.sign(&record, Durability::Sync)?;
                signed += 1;
            }
        }
        Ok(signed)
    }

    /// What was signed about these calls, as it stands in the logs of their days, oldest first.
    ///
    /// # Errors
    /// That of the file system.
    pub fn statements(&self, calls: &BTreeSet<CallId>) -> Result<Vec<String>, Error> {
        let days: BTreeSet<PathBuf> = calls.iter().map(|id| self.day_log(id)).collect();
        let mut found = vec![];
        for day in days {
            let about =
                |line: &str| serde_json::from_str::<Statement>(line).ok().map(|statement| statement.call);
            let is_wanted = |line: &String| about(line).is_some_and(|call| calls.contains(&call));
            found.extend(roots::lines(&day)?.into_iter().filter(is_wanted));
        }
        Ok(found)
    }

    /// Appends a statement to the log of the call's day.
    fn state(&self, statement: &Statement, durability: Durability) -> Result<(), Error> {
        let signer = self.signer()?;
        let path = self.day_log(&statement.call);
        let folder = path.parent().unwrap_or(self.dir());
        let is_new = !path.exists();
        if is_new {
            self.make_folders(folder)?;
        }
        let line = signer.sign(statement.to_body());
        append(&path, &line, durability == Durability::Sync)?;
        if is_new {
            self.give_to_owner(&path)?;
            if durability == Durability::Sync {
                sync(folder)?;
            }
        }
        Ok(())
    }

    /// Makes a folder of the store, and those above it, as the store's owner's.
    fn make_folders(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        let mut below = folder.ancestors().take_while(|above| *above != self.dir());
        below.try_for_each(|made| self.give_to_owner(made))
    }

    pub(crate) fn signer(&self) -> Result<Signer, Error> {
        let mut known = self.key().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*known {
            Some(signer) => Ok(signer.clone()),
            None => Ok(known.insert(Signer::open(self)?).clone()),
        }
    }

    fn integrity(&self) -> PathBuf {
        self.dir().join("integrity")
    }

    fn day_log(&self, id: &CallId) -> PathBuf {
        self.integrity().join(format!("{}.log", id.day()))
    }
}

/// Appends a line under the file's lock. What a crash left of a line before it is ended, and is no line then.
fn append(path: &Path, line: &str, is_durable: bool) -> Result<(), Error> {
    let options = File::options().create(true).read(true).append(true).open(path);
    let mut file = options.map_err(Error::io("open", path))?;
    file.lock().map_err(Error::io("lock", path))?;
    let mut text = String::with_capacity(line.len() + 2);
    if !ends_a_line(&mut file).map_err(Error::io("read", path))? {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    if is_durable { file.sync_data().map_err(Error::io("sync", path)) } else { Ok(()) }
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::audit::{Action, Deed};
    use crate::hold::Holds;
    use crate::query::Query;
    use crate::record::tests::full;
    use crate::recording::Recording;
    use clock::{Span, Time};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    /// Three and a half seconds at 8000 Hz, in two channels, behind a header.
    const WAV: usize = 44 + 4 * 28_000;

    fn publish(store: &Store, n: i64) -> Record {
        let mut record = full();
        let at = record.id.time() + Span::from_secs(n);
        record.id = CallId::new(at, &n.to_string(), "");
        let recording = Recording::begin(store, &record.id, Durability::Fast).unwrap();
        let audio: Vec<u8> = (0..WAV).map(|at| (at as i64 * (n + 7) / 5 % 251) as u8).collect();
        fs::write(recording.path("call.wav"), &audio).unwrap();
        fs::write(recording.path("call.pcapng"), vec![n as u8; 3000]).unwrap();
        let file = record.recording.as_mut().unwrap();
        file.path = format!("{}/call.wav", Store::relative(&record.id));
        (file.frames, file.bytes) = (28_000, WAV as u64);
        file.blake3 = blake3::hash(&audio).to_hex().to_string();
        assert!(store.publish(recording, &mut record).unwrap().is_none());
        record
    }

    fn deed(id: &CallId, action: Action) -> Deed {
        Deed { call: Some(id.clone()), ..Deed::new(Time::from_ns(1), Actor::default(), action) }
    }

    /// A call as it was sealed, one that was changed, one that was deleted, and the day's root.
    fn store() -> (tempfile::TempDir, Store, [Record; 3]) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let records = [0, 1, 2].map(|n| publish(&store, n));
        for n in 0..2 {
            let tag = format!("case={n}").parse().unwrap();
            let tagged = store.edit(&deed(&records[1].id, Action::Tag), |record| {
                record.tag(&[tag]).unwrap();
                Ok(())
            });
            assert_eq!(tagged.unwrap().tags["case"], n.to_string());
        }
        store.delete(&deed(&records[2].id, Action::Delete), &Holds::default(), |_| Ok(())).unwrap();
        assert_eq!(store.seal_days(Time::from_ns(2)).unwrap(), 1);
        assert_eq!(store.seal_days(Time::from_ns(3)).unwrap(), 0, "nothing has changed");
        (dir, store, records)
    }

    fn findings(store: &Store) -> Vec<Finding> {
        let mut findings = vec![];
        store.verify(&Query::default(), None, |finding| findings.push(finding)).unwrap();
        findings
    }

    #[test]
    fn what_is_as_it_was_signed_has_no_findings() {
        let (_dir, store, records) = store();
        let verified = store.verify(&Query::default(), None, |finding| panic!("{finding:?}")).unwrap();
        let sizes = store.size(&records[0].id) + store.size(&records[1].id);
        let expected = Verified { calls: 2, files: 6, bytes: sizes, deleted: 1, findings: 0 };
        assert_eq!(verified, expected);
        let one = store.verify(&Query::default(), Some(&records[0].id), |_| ()).unwrap();
        assert_eq!((one.calls, one.deleted), (1, 0));
        let late = Query { since: Some(records[1].id.time()), ..Query::default() };
        assert_eq!(store.verify(&late, None, |_| ()).unwrap().calls, 1);
        // Recorded anew, it is signed anew.
        publish(&store, 0);
        assert_eq!(findings(&store), []);
        assert_eq!(store.seal_days(Time::from_ns(4)).unwrap(), 1);
        assert_eq!(findings(&store), []);
    }

    #[test]
    fn what_differs_has_its_second() {
        let (_dir, store, records) = store();
        let wav = store.recording(&records[0].id).join("call.wav");
        let whole = fs::read(&wav).unwrap();
        for (at, second, from) in [
            (0, None, 0),
            (43, None, 0),
            (44, Some(0), 44),
            (32_043, Some(0), 44),
            (32_044, Some(1), 32_044),
            (WAV - 1, Some(3), 96_044),
        ] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&wav, &bytes).unwrap();
            let finding = Finding {
                fault: Fault::Changed,
                path: format!("{}/call.wav", Store::relative(&records[0].id)),
                call: Some(records[0].id.clone()),
                second,
                at: Some(from),
            };
            assert_eq!(findings(&store), [finding], "{at}");
        }
        for (length, fault) in [
            (WAV - 1, Fault::Changed),
            (WAV + 1, Fault::Changed),
            (96_044, Fault::Length),
            (0, Fault::Length),
        ] {
            let mut bytes = whole.clone();
            bytes.resize(length, 0);
            fs::write(&wav, &bytes).unwrap();
            assert_eq!(findings(&store)[0].fault, fault, "{length}");
        }
        fs::remove_file(&wav).unwrap();
        assert_eq!(findings(&store)[0].fault, Fault::Missing);
    }

    #[test]
    fn what_nobody_signed_is_told_and_can_be_signed() {
        let (_dir, store, records) = store();
        let mut stranger = full();
        stranger.id = CallId::new(stranger.id.time(), "stranger", "");
        Recording::begin(&store, &stranger.id, Durability::Fast).unwrap().publish(&stranger).unwrap();
        fs::write(store.recording(&records[0].id).join("note.txt"), b"x").unwrap();
        let faults: Vec<_> =
            findings(&store).iter().map(|finding| (finding.fault, finding.path.clone())).collect();
        let note = format!("{}/note.txt", Store::relative(&records[0].id));
        assert_eq!(faults, [(Fault::Unsigned, Store::relative(&stranger.id)), (Fault::Unsigned, note)]);
        fs::remove_file(store.recording(&records[0].id).join("note.txt")).unwrap();
        assert_eq!(store.sign_new().unwrap(), 1);
        assert_eq!(findings(&store), []);
        assert_eq!(store.sign_new().unwrap(), 0);
    }

    #[test]
    fn a_call_that_comes_back_from_the_dead_or_an_older_record_is_found() {
        let (_dir, store, records) = store();
        let place = store.recording(&records[2].id);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("call.json"), records[2].to_json() + "\n").unwrap();
        // The record as it was before it was tagged.
        fs::write(store.recording(&records[1].id).join("call.json"), records[1].to_json() + "\n").unwrap();
        let faults: Vec<_> = findings(&store).iter().map(|finding| finding.fault).collect();
        assert_eq!(faults, [Fault::Changed, Fault::Deleted]);
    }

    #[test]
    fn what_a_crash_left_of_a_line_does_not_spoil_the_next() {
        let (_dir, store, records) = store();
        let log = store.day_log(&records[0].id);
        let torn = [fs::read(&log).unwrap(), b"{\"call\":".to_vec()].concat();
        fs::write(&log, torn).unwrap();
        publish(&store, 5);
        let faults: Vec<_> = findings(&store).iter().map(|finding| finding.fault).collect();
        assert_eq!(faults, [Fault::Line]);
    }

    #[test]
    fn the_key_is_for_its_owner_alone_and_one_for_all() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, store, _) = store();
        let key = dir.path().join("keys/signing.key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let names: Vec<_> = store.public_keys().unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(names.len(), 1);
        // Another process takes the same; a new key signs beside the old one.
        publish(&Store::open(dir.path()).unwrap(), 8);
        assert_eq!(store.public_keys().unwrap().len(), 1);
        fs::remove_file(&key).unwrap();
        publish(&Store::open(dir.path()).unwrap(), 9);
        assert_eq!(store.public_keys().unwrap().len(), 2);
        assert_eq!(findings(&store), []);
        fs::write(&key, b"short").unwrap();
        let told = Store::open(dir.path()).unwrap().signer().unwrap_err().to_string();
        assert!(told.contains("signing.key is no Ed25519 key"), "{told}");
    }

    fn tree(folder: &Path) -> Vec<PathBuf> {
        let deeper = |path: PathBuf| if path.is_dir() { tree(&path) } else { vec![path] };
        list(folder).unwrap().into_iter().flat_map(deeper).collect()
    }

    #[test]
    fn one_bit_anywhere_is_found() {
        let (dir, store, records) = store();
        let files: Vec<PathBuf> = ["recordings", "integrity", "tombstones", "keys"]
            .iter()
            .flat_map(|folder| tree(&dir.path().join(folder)))
            .filter(|path| !path.ends_with("roots.lock"))
            .collect();
        assert_eq!(files.len(), 3 + 3 + 2 + 1 + 2);
        let anywhere = (any::<prop::sample::Index>(), 0.0..1.0f64, 0..8u32);
        let mut runner = TestRunner::new_with_rng(
            Config { failure_persistence: None, ..Config::default() },
            TestRng::deterministic_rng(RngAlgorithm::ChaCha),
        );
        let searched = runner.run(&anywhere, |(file, at, bit)| {
            let path = file.get(&files);
            let whole = fs::read(path).unwrap();
            let mut bytes = whole.clone();
            let place = (bytes.len() as f64 * at) as usize;
            bytes[place] ^= 1 << bit;
            fs::write(path, bytes).unwrap();
            let mut findings = vec![];
            store.verify(&Query::default(), None, |finding| findings.push(finding)).unwrap();
            fs::write(path, whole).unwrap();
            let named = path.strip_prefix(dir.path()).unwrap().display().to_string();
            prop_assert!(findings.iter().any(|finding| finding.path == named), "{named}: {findings:?}");
            if path.ends_with("call.wav") {
                prop_assert_eq!(findings[0].second, place.checked_sub(44).map(|at| at as u64 / 32_000));
                prop_assert!(records.iter().any(|record| findings[0].call.as_ref() == Some(&record.id)));
            }
            Ok(())
        });
        searched.unwrap();
        assert_eq!(findings(&store), []);
    }
}
