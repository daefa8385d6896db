//! The coverage ledger: every call seen has one outcome, one row in the index, and its share in the metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::socket::Server;
use store::{Index, Outcome, Record, Store};
use web::metrics::Metrics;

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
    pub(crate) fn new(store: &Store, index: Index, metrics: Metrics) -> Ledger {
        let index = Arc::new(index);
        let answering = store::socket::serve(store, Arc::clone(&index)).ok();
        let (metrics, outcomes) = (Arc::new(metrics), BTreeMap::new());
        Ledger {
            index,
            answering,
            metrics,
            rows: Vec::new(),
            intervals: 0,
            outcomes,
            storage_errors: 0,
            audio_bytes: 0,
        }
    }

    /// Enters a call.
    pub(crate) fn enter(&mut self, done: Done) -> Result<(), store::Error> {
        metrics::enter(&self.metrics, &done);
        let record = done.sealed.record;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.storage_errors += u64::from(done.sealed.error.is_some());
        self.audio_bytes += record.recording.as_ref().map_or(0, |recording| recording.bytes);
        self.intervals += record.provenance.len();
        self.rows.push(record);
        if self.rows.len() >= BATCH || self.intervals >= MOST_INTERVALS { self.write_rows() } else { Ok(()) }
    }

    /// The metrics that the calls were entered into.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
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
