//! The audit log: who did what with which call, when, why, and how it ended.
//!
//! `STORE/audit.log` is lines of JSON, only ever appended to, under a lock on the file, and synced. Each line ends with
//! the BLAKE3 hash of all of it that stands before `,"hash":`, and holds the hash of the line before it, so that no
//! line can be changed, taken out or put in without breaking the chain. That the end was not cut off only a line that
//! is kept elsewhere can show: integrity roots hold one.

mod entry;
mod tail;
mod verdict;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;

pub use entry::{Action, Deed, Entry, Outcome};
pub use verdict::{Break, Broken, Verdict};

use crate::error::Error;
use crate::layout::Store;
use crate::recording::sync;

/// The audit log of a store. Holds nothing open.
#[derive(Clone, Debug)]
pub struct Audit {
    store: Store,
}

impl Store {
    /// The store's audit log.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit { store: self.clone() }
    }
}

impl Audit {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.store.dir().join("audit.log")
    }

    /// Appends a line about `deed`; it is on the disk when this returns. Gives the line as it was written.
    ///
    /// A last line that a crash cut short is taken off, and a line of its own tells that.
    ///
    /// # Errors
    /// That of the file system; [`Error::Audit`] where the last line is none of ours: nothing is put behind it.
    pub fn append(&self, deed: &Deed) -> Result<Entry, Error> {
        let path = self.path();
        let is_new = !path.exists();
        let options = File::options().create(true).read(true).append(true).open(&path);
        let mut file = options.map_err(Error::io("open", &path))?;
        file.lock().map_err(Error::io("lock", &path))?;
        if is_new {
            self.store.give_to_owner(&path)?;
        }
        let broken = || Error::Audit { path: path.clone() };
        let tail = tail::read(&mut file).map_err(Error::io("read", &path))?;
        let mut last = match &tail.last {
            Some(line) => Some(Entry::parse(line).ok_or_else(broken)?),
            None => None,
        };
        if tail.torn > 0 {
            file.set_len(tail.whole).map_err(Error::io("repair", &path))?;
            last = Some(Entry::new(&deed.mended(tail.torn), last.as_ref()));
            write(&mut file, last.as_ref()).map_err(Error::io("write", &path))?;
        }
        let entry = Entry::new(deed, last.as_ref());
        write(&mut file, Some(&entry)).map_err(Error::io("write", &path))?;
        file.sync_data().map_err(Error::io("sync", &path))?;
        if is_new {
            sync(self.store.dir())?;
        }
        Ok(entry)
    }

    /// Gives each line to `take`, in order, with its number in the file and as it ends. A store of which
    /// nothing was logged has no lines. Whoever appends waits meanwhile, so that each line is whole.
    ///
    /// # Errors
    /// That of the file system, or what `take` returns.
    pub fn lines(&self, mut take: impl FnMut(u64, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let path = self.path();
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(Error::io("open", &path))?,
        };
        file.lock_shared().map_err(Error::io("lock", &path))?;
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let mut line = vec![];
        for number in 1.. {
            line.clear();
            // A line is never longer than ours may be; what is longer comes in pieces, none of which is a line.
            let mut bounded = (&mut reader).take(entry::MOST_LINE as u64 + 1);
            let read = bounded.read_until(b'\n', &mut line).map_err(Error::io("read", &path))?;
            if read == 0 {
                break;
            }
            take(number, &line)?;
        }
        Ok(())
    }

    /// The hash of the last line, if there is one.
    ///
    /// # Errors
    /// That of the file system.
    pub(crate) fn head(&self) -> Result<Option<String>, Error> {
        let path = self.path();
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Error::io("open", &path))?,
        };
        file.lock_shared().map_err(Error::io("lock", &path))?;
        let tail = tail::read(&mut file).map_err(Error::io("read", &path))?;
        Ok(tail.last.and_then(|line| Entry::parse(&line)).map(|entry| entry.hash))
    }

    /// Every line that can be read, to `take`; gives how many cannot.
    ///
    /// # Errors
    /// As with [`Audit::lines`].
    pub fn entries(&self, mut take: impl FnMut(Entry) -> Result<(), Error>) -> Result<u64, Error> {
        let mut unreadable = 0;
        self.lines(|_, line| match line.strip_suffix(b"\n").and_then(Entry::parse) {
            Some(entry) => take(entry),
            None => {
                unreadable += 1;
                Ok(())
            }
        })?;
        Ok(unreadable)
    }

    /// Holds every line against its hash and the line before it, and says which is the first that breaks.
    ///
    /// # Errors
    /// That of the file system.
    pub fn verify(&self) -> Result<Verdict, Error> {
        let mut chain = verdict::Chain::default();
        self.lines(|number, line| {
            chain.handle_line(number, line);
            Ok(())
        })?;
        Ok(chain.verdict())
    }
}

fn write(file: &mut File, entry: Option<&Entry>) -> std::io::Result<()> {
    let line = entry.map(|entry| entry.to_line() + "\n").unwrap_or_default();
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use clock::Time;
    use proptest::prelude::*;
    use std::fs;

    pub(super) fn deed(n: i64) -> Deed {
        let actor = Actor { uid: 1000, user: Some("ana".into()), by: "calls show".into() };
        let mut deed = Deed::new(Time::from_ns(n * 1_000_000_000), actor, Action::Show);
        deed.reason = Some("asked by \"the\ndesk\"".into());
        deed.detail = serde_json::json!({ "n": n });
        deed
    }

    fn log(lines: i64) -> (tempfile::TempDir, Audit) {
        let dir = tempfile::tempdir().unwrap();
        let audit = Store::open(dir.path()).unwrap().audit();
        (0..lines).for_each(|n| drop(audit.append(&deed(n)).unwrap()));
        (dir, audit)
    }

    fn entries(audit: &Audit) -> Vec<Entry> {
        let mut entries = vec![];
        let unreadable = audit.entries(|entry| {
            entries.push(entry);
            Ok(())
        });
        assert_eq!(unreadable.unwrap(), 0);
        entries
    }

    #[test]
    fn lines_stand_in_a_chain_and_verify() {
        let (_dir, audit) = log(5);
        let entries = entries(&audit);
        assert_eq!(entries.len(), 5);
        assert_eq!(entries.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(entries.windows(2).all(|pair| pair[1].previous.as_deref() == Some(&pair[0].hash)));
        assert_eq!(entries[4].reason.as_deref(), Some("asked by \"the\ndesk\""));
        let verdict = audit.verify().unwrap();
        assert_eq!((verdict.lines, verdict.broken), (5, None));
        assert_eq!(verdict.head.as_deref(), Some(entries[4].hash.as_str()));
        let nothing = log(0).1.verify().unwrap();
        assert_eq!((nothing.lines, nothing.broken, nothing.head), (0, None, None));
    }

    #[test]
    fn anybody_can_hash_a_line() {
        let (_dir, audit) = log(1);
        let text = fs::read_to_string(audit.path()).unwrap();
        let (body, hash) = text.split_once(",\"hash\":\"").unwrap();
        assert_eq!(hash.strip_suffix("\"}\n").unwrap(), blake3::hash(body.as_bytes()).to_hex().as_str());
    }

    #[test]
    fn a_torn_line_is_taken_off_and_told() {
        let (_dir, audit) = log(2);
        let whole = fs::read(audit.path()).unwrap();
        for torn in 1..40 {
            let mut bytes = whole.clone();
            bytes.truncate(whole.len() - torn);
            fs::write(audit.path(), &bytes).unwrap();
            assert_eq!(audit.verify().unwrap().broken.map(|broken| broken.line), Some(2), "{torn}");
            audit.append(&deed(7)).unwrap();
            let entries = entries(&audit);
            assert_eq!(entries.len(), 3);
            assert_eq!(entries[1].action, "mend");
            assert_eq!(entries[1].detail["torn_bytes"], bytes.len() - entries[0].to_line().len() - 1);
            assert_eq!(entries[2].detail["n"], 7);
            assert_eq!(audit.verify().unwrap().broken, None);
        }
    }

    #[test]
    fn nothing_is_put_behind_what_is_no_line() {
        let (_dir, audit) = log(1);
        for foreign in [&b"rubbish\n"[..], b"\n", &[b'x'; 300_000], &[b'\n'; 300_000], b"{\"n\":2}\n"] {
            let mut bytes = fs::read(audit.path()).unwrap();
            let before = bytes.len();
            bytes.extend(foreign);
            if !foreign.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            fs::write(audit.path(), &bytes).unwrap();
            let told = audit.append(&deed(1)).unwrap_err().to_string();
            assert!(told.contains("audit.log") && told.contains("sipreel audit verify"), "{told}");
            assert_eq!(audit.verify().unwrap().broken.unwrap().line, 2);
            bytes.truncate(before);
            fs::write(audit.path(), &bytes).unwrap();
        }
        audit.append(&deed(1)).unwrap();
    }

    #[test]
    fn many_append_at_once_and_no_line_is_lost() {
        let (_dir, audit) = log(0);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let audit = audit.clone();
                std::thread::spawn(move || {
                    (0..25).for_each(|n| drop(audit.append(&deed(thread * 100 + n)).unwrap()));
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(audit.verify().unwrap().broken, None);
        assert_eq!(entries(&audit).len(), 100);
    }

    #[test]
    fn a_line_is_never_longer_than_it_may_be() {
        let (_dir, audit) = log(0);
        let mut long = deed(1);
        long.detail = serde_json::json!({ "text": "\u{1}".repeat(1 << 20) });
        long.reason = Some("\"".repeat(1 << 20));
        audit.append(&long).unwrap();
        audit.append(&deed(2)).unwrap();
        assert!(fs::metadata(audit.path()).unwrap().len() < 2 * entry::MOST_LINE as u64);
        assert_eq!(audit.verify().unwrap().broken, None);
        assert!(entries(&audit)[0].detail["left_out_bytes"].as_u64().unwrap() > 1 << 20);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn any_change_breaks_the_chain(at in 0.0..1.0f64, bit in 0..8u32, kind in 0..3) {
            let (_dir, audit) = log(6);
            let mut bytes = fs::read(audit.path()).unwrap();
            let place = (bytes.len() as f64 * at) as usize;
            let line = bytes[..place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            match kind {
                0 => bytes[place] ^= 1 << bit,
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, b'0' + bit as u8),
            }
            fs::write(audit.path(), &bytes).unwrap();
            let broken = audit.verify().unwrap().broken.unwrap();
            // A line feed that is gone joins two lines: the first of them is the one that breaks.
            prop_assert_eq!(broken.line, line);
        }

        #[test]
        fn lines_that_change_places_or_go_break_the_chain(from in 0..5usize, to in 0..5usize) {
            let (_dir, audit) = log(6);
            let text = fs::read_to_string(audit.path()).unwrap();
            let mut lines: Vec<_> = text.lines().collect();
            if from == to { lines.remove(from); } else { lines.swap(from, to); }
            fs::write(audit.path(), lines.join("\n") + "\n").unwrap();
            prop_assert_eq!(audit.verify().unwrap().broken.unwrap().line, from.min(to) as u64 + 1);
        }
    }
}
