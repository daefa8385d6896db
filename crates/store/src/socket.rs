//! The owner of the index answers the searches of other processes over a socket in the store's folder.
//!
//! A connection is one question: a line with a [`Query`] as JSON goes in; a line for each record comes out, then
//! `{"end":{"records":N}}` or `{"end":{"error":"..."}}`. An answer without its end is none. `{"refresh":true}` says
//! that records were changed in their files; no record comes back. The question `"status"` gets one line of JSON,
//! whatever the owner last said of itself, and then the end; `"present"` the same of what is going on at that moment.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, mem};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::index::Index;
use crate::layout::Store;
use crate::query::Query;
use crate::record::Record;
use crate::told::Told;

/// The longest question.
const QUESTION_BYTES: u64 = 64 << 10;
/// How long a peer may keep the other side waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the last line of an answer begins with; a record never does.
const END: &str = "{\"end\":";

/// The question that is no search.
const REFRESH: &[u8] = br#"{"refresh":true}"#;

/// What may be asked.
enum Question {
    Search(Box<Query>),
    Refresh,
    Status,
    Present,
}

/// The last line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Records(u64),
    Error(String),
}

/// A thread that answers, one question at a time, until this is dropped.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

/// The question after the status.
const STATUS: &str = "\"status\"";
/// The question after what is going on.
const PRESENT: &str = "\"present\"";
/// How long the owner may take to say what is going on; other questions wait meanwhile.
const OWNERS_PATIENCE: Duration = Duration::from_secs(3);

/// Answers searches of that index over the store's socket. A socket that a crash left is replaced: who has the index
/// is the only one to serve.
///
/// # Errors
/// Where the socket cannot be made; its path may have about 100 octets.
pub fn serve(store: &Store, index: Arc<Index>) -> Result<Server, Error> {
    let path = store.socket();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("replace", &path)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(Error::io("listen at", &path))?;
    // Who may read the recordings through their group may ask for them.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660))
        .map_err(Error::io("set the rights of", &path))?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let told = Arc::new(Told::default());
    let heard = Arc::clone(&told);
    let thread = thread::Builder::new().name("index-socket".into()).spawn(move || {
        for peer in listener.incoming() {
            if stopped.load(Ordering::Acquire) {
                return;
            }
            match peer {
                // A peer that went away has its reasons.
                Ok(peer) => drop(answer(&peer, &index, &heard)),
                // Out of descriptors: give others time to close some.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    });
    let thread = thread.map_err(Error::io("start a thread for", &path))?;
    Ok(Server { path, stop, told, thread: Some(thread) })
}

impl Server {
    /// From here on, `status` is the answer to who asks for it: one line of JSON.
    pub fn tell(&self, status: String) {
        self.told.set_status(status);
    }

    /// Whether somebody waits to hear what is going on.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.told.is_asked()
    }

    /// What is going on, one line of JSON, for whoever asked.
    pub fn tell_present(&self, present: String) {
        self.told.set_present(present);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.told.close();
        let woken = UnixStream::connect(&self.path);
        if let (Ok(_), Some(thread)) = (woken, mem::take(&mut self.thread)) {
            // A panic of that thread was printed; there is nothing left to do about it.
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn answer(peer: &UnixStream, index: &Index, told: &Told) -> io::Result<()> {
    peer.set_read_timeout(Some(PATIENCE))?;
    peer.set_write_timeout(Some(PATIENCE))?;
    let mut out = BufWriter::new(peer);
    let end = match question(peer)? {
        Ok(Question::Search(query)) => records(&mut out, index, &query)?,
        Ok(Question::Refresh) => match index.refresh() {
            Ok(()) => End::Records(0),
            Err(error) => End::Error(error.to_string()),
        },
        Ok(Question::Status) => line(&mut out, told.status())?,
        // One that never told its status tells nothing else.
        Ok(Question::Present) if told.status().is_none() => line(&mut out, None)?,
        Ok(Question::Present) => match told.present(OWNERS_PATIENCE) {
            Some(present) => line(&mut out, Some(present))?,
            None => End::Error("the recorder is too busy to answer, or ends".to_owned()),
        },
        Err(refusal) => End::Error(refusal),
    };
    serde_json::to_writer(&mut out, &Answer::End(end))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes what the owner says.
fn line(out: &mut impl Write, said: Option<String>) -> io::Result<End> {
    let Some(said) = said else { return Ok(End::Error("it is no recorder".to_owned())) };
    writeln!(out, "{said}")?;
    Ok(End::Records(0))
}

/// Reads the question; the inner error is for the peer to know.
fn question(peer: &UnixStream) -> io::Result<Result<Question, String>> {
    let mut line = vec![];
    BufReader::new(Read::take(peer, QUESTION_BYTES)).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Ok(Err(format!("no question of one line and at most {QUESTION_BYTES} octets")));
    }
    if line.trim_ascii() == STATUS.as_bytes() {
        return Ok(Ok(Question::Status));
    }
    if line.trim_ascii() == PRESENT.as_bytes() {
        return Ok(Ok(Question::Present));
    }
    if line.trim_ascii() == REFRESH {
        return Ok(Ok(Question::Refresh));
    }
    let query = serde_json::from_slice(&line).map(|query| Question::Search(Box::new(query)));
    Ok(query.map_err(|error| error.to_string()))
}

/// Writes the records; the error is that of the connection.
fn records(out: &mut impl Write, index: &Index, query: &Query) -> io::Result<End> {
    let mut count = 0;
    let mut broken = None;
    let told = index.each(query, |record| {
        count += 1;
        let written = out.write_all(record.to_json().as_bytes()).and_then(|()| out.write_all(b"\n"));
        written.map_err(|error| {
            let kind = error.kind();
            broken = Some(error);
            Error::io("answer at", Path::new("the socket"))(kind.into())
        })
    });
    match (broken, told) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Ok(End::Error(error.to_string())),
        (None, Ok(())) => Ok(End::Records(count)),
    }
}

/// Asks the process that has the index of a store.
///
/// # Errors
/// [`Error::Io`] where nobody answers, [`Error::Answer`] where the answer is a refusal or breaks off.
pub fn ask(store: &Store, query: &Query) -> Result<Vec<Record>, Error> {
    let mut records = vec![];
    ask_each(store, query, |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// The same, one record at a time, up to the first error of `take`. Only without an error were they all of them.
///
/// # Errors
/// As with [`ask`], or what `take` returns.
pub fn ask_each(
    store: &Store,
    query: &Query,
    take: impl FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = store.socket();
    let peer = UnixStream::connect(&path).map_err(Error::io("ask at", &path))?;
    let question = serde_json::to_vec(query).expect("a search has no map with keys other than text");
    answers(&peer, &question, &path, take)
}

/// Tells the process that has the index of a store that records were changed in their files.
///
/// # Errors
/// As with [`ask`].
pub fn refresh(store: &Store) -> Result<(), Error> {
    let path = store.socket();
    let peer = UnixStream::connect(&path).map_err(Error::io("ask at", &path))?;
    answers(&peer, REFRESH, &path, |_| Ok(()))
}

fn answers(
    peer: &UnixStream,
    question: &[u8],
    path: &Path,
    mut take: impl FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let lines = put(peer, question).map_err(Error::io("ask at", path))?;
    let refused = |answer: String| Error::Answer { path: path.to_path_buf(), answer };
    for (taken, line) in (0_u64..).zip(lines) {
        let line = line.map_err(Error::io("read the answer at", path))?;
        if line.starts_with(END) {
            return match serde_json::from_str(&line) {
                Ok(Answer::End(End::Records(count))) if count == taken => Ok(()),
                Ok(Answer::End(End::Error(error))) => Err(refused(error)),
                _ => Err(refused(line)),
            };
        }
        let record = Record::from_json(line.as_bytes()).map_err(|error| refused(error.to_string()))?;
        take(record)?;
    }
    Err(refused("it broke off".to_owned()))
}

/// Asks the process that has the index of a store how it is; gives one line of JSON.
///
/// # Errors
/// [`Error::Io`] where nobody answers, [`Error::Answer`] where it is no recorder.
pub fn ask_status(store: &Store) -> Result<String, Error> {
    ask_line(store, STATUS)
}

/// Asks the recorder that has the index of a store what is going on; gives one line of JSON.
///
/// # Errors
/// As with [`ask_status`].
pub fn ask_present(store: &Store) -> Result<String, Error> {
    ask_line(store, PRESENT)
}

fn ask_line(store: &Store, question: &str) -> Result<String, Error> {
    let path = store.socket();
    let peer = UnixStream::connect(&path).map_err(Error::io("ask at", &path))?;
    let lines = put(&peer, question.as_bytes()).map_err(Error::io("ask at", &path))?;
    let lines: io::Result<Vec<String>> = lines.collect();
    let lines = lines.map_err(Error::io("read the answer at", &path))?;
    match lines.as_slice() {
        [said, end] if end.starts_with(END) => Ok(said.clone()),
        other => Err(Error::Answer { path, answer: other.join(" ") }),
    }
}

fn put<'a>(peer: &'a UnixStream, question: &[u8]) -> io::Result<io::Lines<BufReader<&'a UnixStream>>> {
    // A search of a million calls may take seconds before its first record.
    peer.set_read_timeout(Some(PATIENCE * 6))?;
    peer.set_write_timeout(Some(PATIENCE))?;
    let line = [question, b"\n"].concat();
    let mut out = peer;
    out.write_all(&line)?;
    Ok(BufReader::new(peer).lines())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;
    use crate::record::tests::full;

    fn serving() -> (tempfile::TempDir, Store, Server) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(store.socket(), b"left by a crash").unwrap();
        let (index, _) = Index::open(&store).unwrap();
        index.insert(&[full()]).unwrap();
        let server = serve(&store, Arc::new(index)).unwrap();
        (dir, store, server)
    }

    /// What comes back for a line as it stands.
    fn raw(store: &Store, question: &[u8]) -> String {
        let mut peer = UnixStream::connect(store.socket()).unwrap();
        peer.write_all(question).unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn another_process_gets_the_same_answer() {
        let (_dir, store, server) = serving();
        assert_eq!(ask(&store, &Query::default()).unwrap(), [full()]);
        let nobody = Query { from: Some(Pattern::new("carol")), ..Query::default() };
        assert_eq!(ask(&store, &nobody).unwrap(), []);
        let found = crate::Records::find(&store, &Query::default()).unwrap();
        assert!(matches!(found.source, crate::Source::Owner));
        assert_eq!(found.records, [full()]);
        drop(server);
        assert!(!store.socket().exists());
        assert!(matches!(ask(&store, &Query::default()), Err(Error::Io { .. })));
    }

    #[test]
    fn a_change_in_the_files_is_found_once_it_is_told() {
        let (_dir, store, _server) = serving();
        let mut record = full();
        record.flags.insert("told".into());
        crate::Recording::begin(&store, &record.id, crate::Durability::Fast)
            .unwrap()
            .publish(&record)
            .unwrap();
        assert_eq!(ask(&store, &Query::default()).unwrap(), [full()]);
        store.mark_stale(&record.id).unwrap();
        refresh(&store).unwrap();
        assert_eq!(ask(&store, &Query::default()).unwrap(), [record]);
    }

    #[test]
    fn refuses_what_is_no_question_and_goes_on() {
        let (_dir, store, _server) = serving();
        for question in
            [&b"\n"[..], b"{\"from\":", b"{\"form\":\"x\"}\n", b"", b"\xff\xfe\n", &[b' '; 100_000]]
        {
            // An over-long question may be cut off before it is all written.
            if question.len() < 100 {
                let answer = raw(&store, question);
                assert!(answer.starts_with("{\"end\":{\"error\":") && answer.ends_with("\"}}\n"), "{answer}");
            } else if let Ok(mut peer) = UnixStream::connect(store.socket()) {
                let _ = peer.write_all(question);
            }
        }
        let answer = raw(&store, b"{}\n");
        assert_eq!(answer, full().to_json() + "\n{\"end\":{\"records\":1}}\n");
    }

    #[test]
    fn without_an_owner_that_answers_the_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        let recording = crate::Recording::begin(&store, &record.id, crate::Durability::Fast).unwrap();
        recording.publish(&record).unwrap();
        let _held = Index::open(&store).unwrap();
        let found = crate::Records::find(&store, &Query { limit: Some(1), ..Query::default() }).unwrap();
        assert!(matches!(found.source, crate::Source::Files(_)));
        assert_eq!(found.records, [record]);
    }

    #[test]
    fn the_owner_tells_how_it_is() {
        let (_dir, store, server) = serving();
        assert!(matches!(ask_status(&store), Err(Error::Answer { .. })));
        assert!(matches!(ask_present(&store), Err(Error::Answer { .. })));
        server.tell("{\"seen\":1}".to_owned());
        assert_eq!(ask_status(&store).unwrap(), "{\"seen\":1}");
        thread::scope(|scope| {
            let asking = scope.spawn(|| ask_present(&store).unwrap());
            while !server.is_asked() {
                thread::yield_now();
            }
            server.tell_present("{\"calls\":[]}".to_owned());
            assert_eq!(asking.join().unwrap(), "{\"calls\":[]}");
        });
        drop(server);
        assert!(matches!(ask_status(&store), Err(Error::Io { .. })));
    }
}
