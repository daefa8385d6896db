//! The coverage ledger: every call seen has one outcome, one row in the index, and its share in the metrics.

use std::collections::BTreeMap;

use store::{Index, Outcome, Record};

use crate::sealers::Done;

/// Takes sealed calls in the order of their ends.
pub(crate) struct Ledger {
    index: Index,
    rows: Vec<Record>,
    outcomes: BTreeMap<Outcome, u64>,
    storage_errors: u64,
}

/// Rows that go into the index together.
const BATCH: usize = 256;

impl Ledger {
    pub(crate) fn new(index: Index) -> Ledger {
        Ledger { index, rows: Vec::new(), outcomes: BTreeMap::new(), storage_errors: 0 }
    }

    /// Enters a call.
    pub(crate) fn enter(&mut self, done: Done) -> Result<(), store::Error> {
        let record = done.sealed.record;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        self.storage_errors += u64::from(done.sealed.error.is_some());
        self.rows.push(record);
        if self.rows.len() >= BATCH { self.write_rows() } else { Ok(()) }
    }

    /// Calls entered so far.
    pub(crate) fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Calls by outcome; none at zero.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        self.outcomes.iter().map(|(&outcome, &count)| (outcome, count))
    }

    /// How many calls could not be written.
    pub(crate) fn storage_errors(&self) -> u64 {
        self.storage_errors
    }

    /// Writes what is left and closes the index.
    pub(crate) fn close(mut self) -> Result<(), store::Error> {
        self.write_rows()?;
        self.index.close()
    }

    fn write_rows(&mut self) -> Result<(), store::Error> {
        self.index.insert(&self.rows)?;
        self.rows.clear();
        Ok(())
    }
}
