//! Bounded tables: `table_entries`, `table_limit`, `table_evictions_total`.

use prometheus::{IntCounter, IntGauge};

use super::Table;
use super::families::{Labelled, Register};

/// How full each table is, and what had to make room.
#[derive(Debug)]
pub struct Tables {
    entries: Labelled<IntGauge>,
    limit: Labelled<IntGauge>,
    evictions: Labelled<IntCounter>,
}

impl Tables {
    pub(super) fn register(register: &Register<'_>) -> Self {
        let table = ("table", Table::NAMES);
        Tables {
            entries: register.levels("table_entries", "Entries, or bytes, in a bounded table.", table),
            limit: register.levels("table_limit", "Entries, or bytes, that a bounded table may hold.", table),
            evictions: register.totals(
                "table_evictions_total",
                "Entries that had to make room in a full table, or found none.",
                &[table],
            ),
        }
    }

    /// Entries now and at most, and all evictions so far.
    pub fn set(&self, table: Table, entries: u64, limit: u64, evictions: u64) {
        self.set_entries(table, entries);
        self.set_limit(table, limit);
        self.set_evictions(table, evictions);
    }

    /// Entries now.
    pub fn set_entries(&self, table: Table, entries: u64) {
        self.entries.set(&[table.as_str()], entries);
    }

    /// Entries that there may be.
    pub fn set_limit(&self, table: Table, limit: u64) {
        self.limit.set(&[table.as_str()], limit);
    }

    /// All evictions so far.
    pub fn set_evictions(&self, table: Table, total: u64) {
        self.evictions.raise(&[table.as_str()], total);
    }
}
