//! The coverage ledger: every call seen has one outcome, one row in the index, and its share in the metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use call::Correlation;
use store::socket::Server;
use store::{Index, Outcome, Record, Store};
use web::metrics::Metrics;

use crate::conversation::Conversations;
use crate::metrics;
use crate::sealers::Done;

/// Takes sealed calls in the order of their ends.
pub(crate) struct Ledger {
    index: Arc<Index>,
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
}

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
            index,
            answering,
            metrics,
            rows: Vec::new(),
            intervals: 0,
            conversations,
            outcomes,
            storage_errors: 0,
            audio_bytes: 0,
        }
    }

    /// Enters a call.
    pub(crate) fn enter(&mut self, done: Done) -> Result<(), store::Error> {
        metrics::enter(&self.metrics, &done);
        let Done { sealed, correlation, .. } = done;
        let mut record = sealed.record;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.audio_bytes += record.recording.as_ref().map_or(0, |recording| recording.bytes);
        match (sealed.error, correlation) {
            (Some(_), _) => self.storage_errors += 1,
            (None, Some(correlation)) => self.link(&mut record, correlation),
            (None, None) => {}
        }
        self.put(record);
        if self.rows.len() >= BATCH || self.intervals >= MOST_INTERVALS { self.write_rows() } else { Ok(()) }
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

    /// The index.
    pub(crate) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
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
        Arc::into_inner(self.index).map_or(Ok(()), Index::close)
    }

    /// Brings what was entered so far into the index, where searches find it.
    pub(crate) fn write_rows(&mut self) -> Result<(), store::Error> {
        self.index.insert(&self.rows)?;
        self.rows.clear();
        self.intervals = 0;
        Ok(())
    }
}
