//! The coverage ledger: every call seen has one outcome, one row in the index, and its share in the metrics.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use call::Correlation;
use store::socket::Server;
use store::{Index, Outcome, Record, Store};
use web::metrics::Metrics;

use crate::conversation::Conversations;
use crate::metrics;
use crate::sealers::Done;
use crate::status::{self, Status};
use crate::top::{Ended, Present};

/// Takes sealed calls in the order of their ends.
pub(crate) struct Ledger {
    store: Store,
    /// Nothing while it cannot be used: then the recordings stand for themselves.
    index: Option<Arc<Index>>,
    /// Whether calls come once, so that a failing index must not end the run.
    is_live: bool,
    failed_at: Instant,
    /// Answers the other commands while this one holds the index.
    answering: Option<Server>,
    metrics: Arc<Metrics>,
    rows: Vec<Record>,
    /// Intervals of provenance in `rows`: of what a record holds, all that a long call makes long.
    intervals: usize,
    conversations: Conversations,
    outcomes: BTreeMap<Outcome, u64>,
    storage_errors: u64,
    audio_bytes: u64,
    /// Calls that an earlier recorder had seen.
    recovered: u64,
    /// When the newest recorded call ended.
    last_recording_at: Option<String>,
    /// The last calls, the last first.
    last: VecDeque<Ended>,
}

/// Calls that have their outcome.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Entered {
    pub(crate) calls: u64,
    /// Of these, those that an earlier recorder had seen.
    pub(crate) recovered: u64,
}

/// Between two times that an index is opened which failed.
const BETWEEN_TRIES: Duration = Duration::from_secs(5);
/// Last calls that are remembered.
const MOST_LAST: usize = 16;
/// Rows that go into the index together.
const BATCH: usize = 256;
/// Sixteen megabytes or so.
const MOST_INTERVALS: usize = 1 << 18;

impl Ledger {
    /// A ledger over `index`, which it also opens to other commands; where that fails they read the files.
    pub(crate) fn new(store: &Store, index: Index, metrics: Metrics, conversations: Conversations) -> Ledger {
        let index = Arc::new(index);
        let answering = store::socket::serve(store, Arc::clone(&index)).ok();
        let (metrics, outcomes) = (Arc::new(metrics), BTreeMap::new());
        Ledger {
            store: store.clone(),
            index: Some(index),
            is_live: false,
            failed_at: Instant::now(),
            answering,
            metrics,
            rows: Vec::new(),
            intervals: 0,
            conversations,
            outcomes,
            storage_errors: 0,
            audio_bytes: 0,
            recovered: 0,
            last_recording_at: None,
            last: VecDeque::new(),
        }
    }

    /// Enters a call.
    pub(crate) fn enter(&mut self, done: Done) -> Result<(), store::Error> {
        metrics::enter(&self.metrics, &done);
        let Done { sealed, correlation, .. } = done;
        let mut record = sealed.record;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.last.truncate(MOST_LAST - 1);
        self.last.push_front(Ended::of(&record));
        if record.recording.is_some() {
            self.last_recording_at = status::ended_at(&record).max(self.last_recording_at.take());
        }
        self.audio_bytes += record.recording.as_ref().map_or(0, |recording| recording.bytes);
        match (sealed.error, correlation) {
            (Some(_), _) => self.storage_errors += 1,
            (None, Some(correlation)) => self.link(&mut record, correlation),
            (None, None) => {}
        }
        self.put(record);
        if self.rows.len() >= BATCH || self.intervals >= MOST_INTERVALS { self.write_rows() } else { Ok(()) }
    }

    /// Enters a call that an earlier recorder saw, and this one sealed.
    pub(crate) fn enter_recovered(&mut self, done: Done) -> Result<(), store::Error> {
        self.recovered += 1;
        self.metrics.update(|families| families.calls.opened());
        self.enter(done)
    }

    /// What is known here of how all is.
    pub(crate) fn status(&self) -> Status {
        let mut status = Status::of_outcomes(self.outcomes());
        (status.recovered, status.disk.used_bytes) = (self.recovered, self.audio_bytes);
        status.last_recording_at.clone_from(&self.last_recording_at);
        status
    }

    /// What those hear who ask how it is.
    pub(crate) fn tell(&self, status: &Status) {
        if let Some(answering) = &self.answering {
            answering.tell(status.to_json());
        }
    }

    /// Whether somebody waits to hear what is going on.
    pub(crate) fn is_asked(&self) -> bool {
        self.answering.as_ref().is_some_and(Server::is_asked)
    }

    /// What is going on, but for the last calls, which are added here.
    pub(crate) fn tell_present(&self, mut present: Present) {
        if let Some(answering) = &self.answering {
            present.last.extend(self.last.iter().cloned());
            // Of numbers and words nothing fails.
            answering.tell_present(serde_json::to_string(&present).unwrap_or_default());
        }
    }

    /// How many calls have their outcome.
    pub(crate) fn entered(&self) -> Entered {
        Entered { calls: self.calls(), recovered: self.recovered }
    }

    /// From here on an index that fails costs no call.
    pub(crate) fn go_live(&mut self) {
        self.is_live = true;
    }

    /// Opens an index again that failed, once in a while; it is brought in step with the recordings then.
    pub(crate) fn mend(&mut self) {
        if self.index.is_some() || self.failed_at.elapsed() < BETWEEN_TRIES {
            return;
        }
        self.failed_at = Instant::now();
        if let Ok((index, opened)) = Index::open(&self.store)
            && index.announce().is_ok()
        {
            eprintln!("sipreel: {opened}");
            let index = Arc::new(index);
            self.answering = store::socket::serve(&self.store, Arc::clone(&index)).ok();
            self.index = Some(index);
        }
    }

    fn give_up_index(&mut self, error: &store::Error) {
        eprintln!("sipreel: searches read the files until the index can be used again: {error}");
        self.answering = None;
        self.failed_at = Instant::now();
        if let Some(index) = self.index.take().and_then(Arc::into_inner) {
            index.abandon();
        }
    }

    /// Links a call with those before it.
    fn link(&mut self, record: &mut Record, correlation: Correlation) {
        match self.conversations.enter(record, correlation, &mut self.rows) {
            Ok(amended) => amended.into_iter().for_each(|record| self.put(record)),
            Err(error) => {
                // Its audio is safe; the links that could not be written are found again by another replay.
                eprintln!("sipreel: {}: cannot be linked: {error}", record.id);
                self.storage_errors += 1;
            }
        }
    }

    fn put(&mut self, record: Record) {
        self.intervals += record.provenance.len();
        self.rows.push(record);
    }

    /// The metrics that the calls were entered into, and their links.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        metrics::count_links(&self.metrics, &self.conversations);
        &self.metrics
    }

    /// The index, for as long as it can be used.
    pub(crate) fn index(&self) -> Weak<Index> {
        self.index.as_ref().map_or_else(Weak::new, Arc::downgrade)
    }

    /// Calls entered so far.
    pub(crate) fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Calls by outcome; none at zero.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        self.outcomes.iter().map(|(&outcome, &count)| (outcome, count))
    }

    /// Octets of audio that were written.
    pub(crate) fn audio_bytes(&self) -> u64 {
        self.audio_bytes
    }

    /// How many calls could not be written.
    pub(crate) fn storage_errors(&self) -> u64 {
        self.storage_errors
    }

    /// Writes what is left and closes the index.
    pub(crate) fn close(mut self) -> Result<(), store::Error> {
        self.write_rows()?;
        drop(self.answering);
        self.index.and_then(Arc::into_inner).map_or(Ok(()), Index::close)
    }

    /// Brings what was entered so far into the index, where searches find it.
    pub(crate) fn write_rows(&mut self) -> Result<(), store::Error> {
        match self.index.as_ref().map(|index| index.insert(&self.rows)) {
            Some(Err(error)) if self.is_live => self.give_up_index(&error),
            Some(inserted) => inserted?,
            None => {}
        }
        // Without an index, those that have no file come back with the next one; the files tell the others.
        self.rows.retain(|row| self.index.is_none() && row.outcome == Outcome::StorageError);
        self.rows.truncate(BATCH / 2);
        self.intervals = 0;
        Ok(())
    }
}
