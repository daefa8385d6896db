//! Every file held against what was signed of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::statement::{SignedFile, Statement, What};
use super::{chunks, line, roots};
use crate::error::Error;
use crate::id::CallId;
use crate::layout::{Store, list};
use crate::query::Query;

/// What a look at everything gave.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Verified {
    /// Calls that were looked at.
    pub calls: u64,
    /// Their files.
    pub files: u64,
    /// Octets in those.
    pub bytes: u64,
    /// Calls that were deleted, and whose tombstones hold.
    pub deleted: u64,
    /// Findings that were given.
    pub findings: u64,
}

/// Something that is not as it was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub fault: Fault,
    /// The file, relative to the store.
    pub path: String,
    /// The call that it belongs to.
    pub call: Option<CallId>,
    /// The first second of audio that differs, from the beginning of the file; none where its header does.
    pub second: Option<u64>,
    /// Where the first chunk that differs begins, or the line of a log.
    pub at: Option<u64>,
}

/// How something is not as it was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It has other octets.
    Changed,
    /// It has another length.
    Length,
    /// It is gone.
    Missing,
    /// Nobody signed it.
    Unsigned,
    /// A call that was deleted is there.
    Deleted,
    /// A line of a log has no signature that holds.
    Line,
    /// A line says that it follows another than the one before it.
    Order,
    /// A day's log is not what its root was taken of.
    Root,
    /// A key was changed.
    Key,
}

/// What the log of a day says of its calls, each at its latest.
pub(super) struct Day {
    path: PathBuf,
    length: u64,
    pub(super) states: BTreeMap<CallId, State>,
    /// Lines that do not hold, and why.
    bad: Vec<(u64, Fault)>,
}

/// What is known of a call.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct State {
    /// Where the statement about all its files stands.
    sealed: Option<(u64, usize)>,
    /// Its record, where that was changed since.
    record: Option<SignedFile>,
    /// The hash that its record has by now.
    record_hash: String,
    /// The hash of its tombstone.
    tombstone: Option<String>,
}

/// The longest line: a call of a week.
const MOST_LINE: u64 = 64 << 20;

impl Day {
    /// Reads a day's log; `None` where there is none.
    pub(super) fn read(store: &Store, path: &Path) -> Result<Option<Day>, Error> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Error::io("open", path))?,
        };
        file.lock_shared().map_err(Error::io("lock", path))?;
        let length = file.metadata().map_err(Error::io("look at", path))?.len();
        // It only grows: as far as it went then, nobody changes it.
        file.unlock().map_err(Error::io("unlock", path))?;
        let keys = store.sound_keys()?;
        let mut day = Day { path: path.to_path_buf(), length, states: BTreeMap::new(), bad: vec![] };
        let (mut reader, mut text, mut offset) = (BufReader::new(file.take(length)), vec![], 0);
        for number in 1.. {
            text.clear();
            let read = (&mut reader).take(MOST_LINE).read_until(b'\n', &mut text);
            let read = read.map_err(Error::io("read", path))?;
            if read == 0 {
                break;
            }
            let line = std::str::from_utf8(&text).ok().and_then(|text| text.strip_suffix('\n'));
            let statement: Option<Statement> = line
                .filter(|line| line::is_signed(line, &keys))
                .and_then(|line| serde_json::from_str(line).ok());
            match statement {
                Some(statement) if store.day_log(&statement.call) == path => {
                    if !day.handle(statement, (offset, read)) {
                        day.bad.push((number, Fault::Order));
                    }
                }
                _ => day.bad.push((number, Fault::Line)),
            }
            offset += read as u64;
        }
        Ok(Some(day))
    }

    /// Takes a statement in; false where it does not follow the one before.
    fn handle(&mut self, statement: Statement, place: (u64, usize)) -> bool {
        match statement.what {
            What::Sealed { files } => {
                let state = self.states.entry(statement.call).or_default();
                let record = files.iter().find(|file| file.name == Store::RECORD);
                let record_hash = record.map(|file| file.blake3.clone()).unwrap_or_default();
                *state = State { sealed: Some(place), record: None, record_hash, tombstone: None };
                true
            }
            What::Changed { previous, file } => {
                // Of a call that nobody sealed nothing is known by that: it stays unsigned.
                let Some(state) = self.states.get_mut(&statement.call) else { return true };
                let follows = previous == state.record_hash;
                state.record_hash.clone_from(&file.blake3);
                state.record = Some(file);
                follows
            }
            What::Deleted { tombstone } => {
                let state = State { tombstone: Some(tombstone), ..State::default() };
                self.states.insert(statement.call, state);
                true
            }
        }
    }

    /// The files of a call as they were signed last.
    fn files(&self, state: &State) -> Result<Vec<SignedFile>, Error> {
        let Some((offset, length)) = state.sealed else { return Ok(state.record.iter().cloned().collect()) };
        let path = &self.path;
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", path))?;
        let mut text = vec![0; length];
        file.read_exact(&mut text).map_err(Error::io("read", path))?;
        let statement: Option<Statement> = serde_json::from_slice(&text).ok();
        let mut files = match statement.map(|statement| statement.what) {
            Some(What::Sealed { files }) => files,
            _ => vec![],
        };
        if let Some(record) = &state.record {
            files.retain(|file| file.name != record.name);
            files.push(record.clone());
        }
        Ok(files)
    }

    fn has_grown(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|log| log.len() != self.length)
    }
}

impl Store {
    /// Holds the files of every call of that time, or of one, against what was signed of them, and the logs against
    /// their signatures and roots; gives what is not as it was to `take`. May run beside a recorder.
    ///
    /// # Errors
    /// That of the file system; a file that cannot be read is a finding.
    pub fn verify(
        &self,
        query: &Query,
        one: Option<&CallId>,
        mut take: impl FnMut(Finding),
    ) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let mut found = vec![];
        let mut tell = |verified: &mut Verified, found: &mut Vec<Finding>| {
            verified.findings += found.len() as u64;
            found.drain(..).for_each(&mut take);
        };
        found.extend(self.changed_keys()?.iter().map(|path| Finding {
            fault: Fault::Key,
            path: self.relative_to(path),
            call: None,
            second: None,
            at: None,
        }));
        roots::check(self, |line, log| {
            let fault = if log.is_some() { Fault::Root } else { Fault::Line };
            let path = self.relative_to(log.as_deref().unwrap_or(&self.roots()));
            found.push(Finding { fault, path, call: None, second: None, at: Some(line as u64) });
        })?;
        tell(&mut verified, &mut found);
        let mut days: BTreeMap<PathBuf, Vec<CallId>> = BTreeMap::new();
        for (_, log) in self.day_logs()? {
            days.insert(log, vec![]);
        }
        for id in self.ids() {
            let id = id?;
            days.entry(self.day_log(&id)).or_default().push(id);
        }
        let asked = |id: &CallId| one.is_none_or(|one| one == id) && query.spans(id);
        for (log, there) in days {
            if one.is_some_and(|one| self.day_log(one) != log) {
                continue;
            }
            let there: Vec<CallId> = there.into_iter().filter(asked).collect();
            self.verify_day(&log, &there, &asked, &mut verified, &mut found)?;
            tell(&mut verified, &mut found);
        }
        Ok(verified)
    }

    fn verify_day(
        &self,
        log: &Path,
        there: &[CallId],
        asked: &dyn Fn(&CallId) -> bool,
        verified: &mut Verified,
        found: &mut Vec<Finding>,
    ) -> Result<(), Error> {
        let mut day = Day::read(self, log)?;
        let has = |day: &Option<Day>, id| day.as_ref().is_some_and(|day| day.states.contains_key(id));
        if there.iter().any(|id| !has(&day, id)) {
            // A call that was published this moment is being signed.
            thread::sleep(Duration::from_millis(300));
            day = Day::read(self, log)?;
        }
        for id in there.iter().filter(|id| !has(&day, id)) {
            let (fault, path) = (Fault::Unsigned, Store::relative(id));
            found.push(Finding { fault, path, call: Some(id.clone()), second: None, at: None });
        }
        let Some(day) = day else { return Ok(()) };
        for &(line, fault) in &day.bad {
            let path = self.relative_to(log);
            found.push(Finding { fault, path, call: None, second: None, at: Some(line) });
        }
        for (id, state) in day.states.iter().filter(|(id, _)| asked(id)) {
            let mut of_call = self.verify_call(id, state, &day, verified)?;
            if !of_call.is_empty() && day.has_grown() {
                // It was changed meanwhile: once more, while nobody may.
                let _lock = self.lock_records().ok();
                if let Some(day) = Day::read(self, log)? {
                    let state = day.states.get(id).cloned().unwrap_or_default();
                    of_call = self.verify_call(id, &state, &day, &mut Verified::default())?;
                }
            }
            found.append(&mut of_call);
        }
        Ok(())
    }

    fn verify_call(
        &self,
        id: &CallId,
        state: &State,
        day: &Day,
        verified: &mut Verified,
    ) -> Result<Vec<Finding>, Error> {
        let folder = self.recording(id);
        let finding = |fault, path: &Path| Finding {
            fault,
            path: self.relative_to(path),
            call: Some(id.clone()),
            second: None,
            at: None,
        };
        if let Some(hash) = &state.tombstone {
            let place = self.tombstone_place(id);
            let laid = fs::read(&place).ok().map(|bytes| blake3::hash(&bytes).to_hex().to_string());
            verified.deleted += 1;
            return Ok(match laid {
                _ if folder.exists() => vec![finding(Fault::Deleted, &folder)],
                None => vec![finding(Fault::Missing, &place)],
                Some(laid) if laid != *hash => vec![finding(Fault::Changed, &place)],
                Some(_) => vec![],
            });
        }
        verified.calls += 1;
        let signed = day.files(state)?;
        let mut found = vec![];
        for file in &signed {
            let path = folder.join(&file.name);
            verified.files += 1;
            verified.bytes += file.bytes;
            match difference(&path, file) {
                Ok(None) => {}
                Ok(Some(Difference { fault, second, at })) => {
                    found.push(Finding { second, at: Some(at), ..finding(fault, &path) });
                }
                Err(_) => found.push(finding(Fault::Missing, &path)),
            }
        }
        let is_known =
            |path: &PathBuf| signed.iter().any(|file| path.file_name() == Some(file.name.as_ref()));
        let others = list(&folder).unwrap_or_default().into_iter().filter(|path| !is_known(path));
        found.extend(others.map(|path| finding(Fault::Unsigned, &path)));
        Ok(found)
    }

    fn relative_to(&self, path: &Path) -> String {
        path.strip_prefix(self.dir()).unwrap_or(path).display().to_string()
    }
}

struct Difference {
    fault: Fault,
    second: Option<u64>,
    at: u64,
}

/// How a file differs from what was signed: in which second, and from where on.
fn difference(path: &Path, signed: &SignedFile) -> io::Result<Option<Difference>> {
    let cut = signed.cut.unwrap_or_else(|| chunks::Cut::whole(signed.bytes));
    let (mut at, mut length) = (None, 0);
    chunks::each(path, cut, |chunk, bytes, hash| {
        let is_same = signed.chunk(chunk).is_some_and(|expected| expected == hash.to_hex().as_str());
        if !is_same {
            at = Some((chunk, length));
        }
        length += bytes.len() as u64;
        is_same
    })?;
    let is_of_length = path.metadata()?.len() == signed.bytes;
    Ok(match at {
        Some((chunk, offset)) => {
            Some(Difference { fault: Fault::Changed, second: cut.second(chunk), at: offset })
        }
        None if is_of_length => None,
        None => Some(Difference { fault: Fault::Length, second: None, at: length }),
    })
}
