//! The store: `storage_*`, `seal_seconds`, `index_query_seconds`, `last_recording_completed_timestamp_seconds`.

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::Operation;
use super::families::{Labelled, Register, advance, observe, raise, set};

/// The disk, the index and the recordings.
#[derive(Debug)]
pub struct Storage {
    free: IntGauge,
    used: IntGauge,
    errors: Labelled<IntCounter>,
    query: Histogram,
    seal: Histogram,
    last_completed: Gauge,
    level: Labelled<IntGauge>,
    journal_lag: Gauge,
    journal_bytes: IntCounter,
    journal_missed: IntCounter,
    selftests: Labelled<IntCounter>,
    last_selftest: Gauge,
}

impl Storage {
    pub(super) fn register(register: &Register<'_>) -> Self {
        Storage {
            free: register.level("storage_free_bytes", "Bytes that the store's file system has left."),
            used: register.level("storage_used_bytes", "Bytes that the store takes."),
            errors: register.totals(
                "storage_errors_total",
                "Operations on the store that failed.",
                &[("op", Operation::NAMES)],
            ),
            query: register.histogram(
                "index_query_seconds",
                "How long a search of the index took.",
                QUERY_SECONDS,
            ),
            seal: register.histogram(
                "seal_seconds",
                "How long it took to make a recording of a call that was over.",
                SEAL_SECONDS,
            ),
            last_completed: register.time(
                "last_recording_completed_timestamp_seconds",
                "Unix time at which the newest recording got its final name; 0 before the first.",
            ),
            level: register.levels(
                "storage_watermark_reached",
                "Whether the disk has less left than a watermark: of warning, and of taking no new media.",
                ("watermark", &[WARN, STOP]),
            ),
            journal_lag: register
                .time("journal_lag_seconds", "How much of the open calls a crash would cost now."),
            journal_bytes: register
                .total("journal_bytes_total", "Bytes that were appended to the journals of open calls."),
            journal_missed: register.total(
                "journal_missed_packets_total",
                "Packets of open calls that stand in no journal: they are recorded unless there is a crash.",
            ),
            selftests: register.totals(
                "selftests_total",
                "Calls that were made up, recorded, read back and compared, by result.",
                &[("result", &[PASSED, FAILED])],
            ),
            last_selftest: register.time(
                "selftest_last_success_timestamp_seconds",
                "Unix time of the newest self-test that passed; 0 before the first.",
            ),
        }
    }

    /// Bytes left.
    pub fn set_free(&self, bytes: u64) {
        set(&self.free, bytes);
    }

    /// Bytes taken.
    pub fn set_used(&self, bytes: u64) {
        set(&self.used, bytes);
    }

    /// Which watermarks are reached.
    pub fn set_level(&self, warn: bool, stop: bool) {
        for (watermark, reached) in [(WARN, warn), (STOP, stop)] {
            if let Some(level) = self.level.child(&[watermark]) {
                level.set(i64::from(reached));
            }
        }
    }

    /// How far the journals are behind, and what was written to them and missed.
    pub fn set_journals(&self, lag_seconds: f64, bytes: u64, missed: u64) {
        self.journal_lag.set(lag_seconds);
        raise(&self.journal_bytes, bytes);
        raise(&self.journal_missed, missed);
    }

    /// An operation failed.
    pub fn failed(&self, operation: Operation) {
        if let Some(errors) = self.errors.child(&[operation.as_str()]) {
            errors.inc();
        }
    }

    /// All failures so far of an operation.
    pub fn set_errors(&self, operation: Operation, total: u64) {
        self.errors.raise(&[operation.as_str()], total);
    }

    /// How long a search took.
    pub fn observe_query(&self, seconds: f64) {
        observe(&self.query, seconds);
    }

    /// How long sealing a call took.
    pub fn observe_seal(&self, seconds: f64) {
        observe(&self.seal, seconds);
    }

    /// A self-test passed at that time, in seconds since the Unix epoch.
    pub fn selftest_passed_at(&self, seconds: f64) {
        self.selftest(PASSED);
        advance(&self.last_selftest, seconds);
    }

    /// A self-test failed.
    pub fn selftest_failed(&self) {
        self.selftest(FAILED);
    }

    fn selftest(&self, result: &str) {
        if let Some(tests) = self.selftests.child(&[result]) {
            tests.inc();
        }
    }

    /// When a recording was completed, in seconds since the Unix epoch; the newest stays.
    pub fn completed_at(&self, seconds: f64) {
        advance(&self.last_completed, seconds);
    }
}

const PASSED: &str = "passed";
const FAILED: &str = "failed";

/// The watermarks.
const WARN: &str = "warn";
const STOP: &str = "stop";

/// A search is to be done within a second over a million calls.
const QUERY_SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A short call takes milliseconds, hours of audio seconds, a slow disk longer.
const SEAL_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
