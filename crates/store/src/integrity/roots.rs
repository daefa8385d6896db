//! The days' Merkle roots, in a chain. A root is the BLAKE3 hash of a day's log up to some length; BLAKE3 is a Merkle
//! tree itself. A log that grows later, because a call of that day was changed or deleted, gets another root.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clock::Time;
use serde::{Deserialize, Serialize};

use super::{append, line};
use crate::error::Error;
use crate::layout::{Store, list};
use crate::timestamp;

/// One line of the chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// The day, as `2026/01/31`.
    pub day: String,
    /// When it was taken.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// Octets of the day's log that it is of.
    pub bytes: u64,
    /// Their BLAKE3 hash, in hexadecimal.
    pub root: String,
    /// The hash of the last line of the audit log then.
    pub audit: Option<String>,
    /// The BLAKE3 hash of the line before this one.
    pub previous: Option<String>,
}

impl Store {
    /// Takes the roots of the days whose logs have grown, and signs them behind those before; gives how many.
    ///
    /// # Errors
    /// That of the file system.
    pub fn seal_days(&self, at: Time) -> Result<u64, Error> {
        let logs = self.day_logs()?;
        if logs.is_empty() {
            return Ok(0);
        }
        let path = self.roots();
        let lock = self.integrity().join("roots.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(Error::io("open", &lock))?;
        self.give_to_owner(&lock)?;
        file.lock().map_err(Error::io("lock", &lock))?;
        let (mut sealed, mut previous, mut taken) = (BTreeMap::new(), None, 0);
        for text in lines(&path)? {
            previous = Some(blake3::hash(text.as_bytes()).to_hex().to_string());
            if let Ok(root) = serde_json::from_str::<Root>(&text) {
                sealed.insert(root.day, root.bytes);
            }
        }
        let audit = self.audit().head()?;
        for (day, log) in logs {
            let bytes = fs::metadata(&log).map_err(Error::io("look at", &log))?.len();
            if sealed.get(&day) == Some(&bytes) {
                continue;
            }
            let (bytes, root) = hash(&log, None)?;
            let root = Root { day, at, bytes, root, audit: audit.clone(), previous: previous.take() };
            let mut body = serde_json::to_string(&root).expect("a root has no map");
            body.truncate(body.len() - 1);
            let text = self.signer()?.sign(body);
            append(&path, &text, true)?;
            previous = Some(blake3::hash(text.as_bytes()).to_hex().to_string());
            taken += 1;
        }
        self.give_to_owner(&path).or(Ok(()))?;
        Ok(taken)
    }

    /// The chain of the days' roots as it stands, line by line.
    ///
    /// # Errors
    /// That of the file system.
    pub fn root_lines(&self) -> Result<Vec<String>, Error> {
        lines(&self.roots())
    }

    pub(super) fn roots(&self) -> PathBuf {
        self.integrity().join("roots.log")
    }

    /// The logs of the days, oldest first, each with its day as `2026/01/31`.
    pub(super) fn day_logs(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let mut logs = vec![];
        for year in folders(&self.integrity(), 4)? {
            for month in folders(&year, 2)? {
                let days =
                    list(&month)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "log"));
                logs.extend(days.filter_map(|path| {
                    let below = path.strip_prefix(self.integrity()).ok()?.with_extension("");
                    Some((below.to_str()?.to_owned(), path))
                }));
            }
        }
        Ok(logs)
    }
}

/// The lines of a log; none where there is none.
pub(super) fn lines(path: &Path) -> Result<Vec<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// The length and the hash of a log that may be growing, or of so many octets of it.
pub(super) fn hash(log: &Path, bytes: Option<u64>) -> Result<(u64, String), Error> {
    let file = File::open(log).map_err(Error::io("open", log))?;
    file.lock_shared().map_err(Error::io("lock", log))?;
    let length = file.metadata().map_err(Error::io("look at", log))?.len();
    drop(file.unlock());
    let mut hash = blake3::Hasher::new();
    let wanted = bytes.unwrap_or(length);
    hash.update_reader(file.take(wanted)).map_err(Error::io("read", log))?;
    Ok((hash.count(), hash.finalize().to_hex().to_string()))
}

fn folders(parent: &Path, name_len: usize) -> Result<Vec<PathBuf>, Error> {
    let fits = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == name_len) && path.is_dir();
    match list(parent) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        paths => Ok(paths?.into_iter().filter(fits).collect()),
    }
}

/// Holds the chain of roots against the logs; gives each that does not hold to `take`: its line, and the day's log
/// where that is what differs.
pub(super) fn check(store: &Store, mut take: impl FnMut(usize, Option<PathBuf>)) -> Result<(), Error> {
    let keys = store.sound_keys()?;
    let (mut previous, mut newest) = (None, BTreeMap::new());
    for (at, text) in (1..).zip(lines(&store.roots())?) {
        let root = serde_json::from_str::<Root>(&text).ok().filter(|root| root.previous == previous);
        previous = Some(blake3::hash(text.as_bytes()).to_hex().to_string());
        match root.filter(|_| line::is_signed(&text, &keys)) {
            Some(root) => drop(newest.insert(root.day.clone(), (at, root))),
            None => take(at, None),
        }
    }
    for (at, root) in newest.into_values() {
        let log = store.integrity().join(format!("{}.log", root.day));
        let is_there = log.exists() && hash(&log, Some(root.bytes))? == (root.bytes, root.root);
        if !is_there {
            take(at, Some(log));
        }
    }
    Ok(())
}
