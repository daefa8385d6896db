//! The metrics of the contract: every family and every label from the first scrape on, at zero.
//!
//! Each group of families has its file; what a value means is said there, in its HELP. No time is measured here.

mod calls;
mod capture;
mod families;
mod labels;
mod media;
mod sip;
mod storage;
mod tables;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{Registry, TextEncoder};

use families::Register;

pub use calls::Calls;
pub use capture::Capture;
pub use labels::{Disposition, Labels, Operation, OrphanReason, Source, SrtpResult, Stage, Table};
pub use media::Media;
pub use sip::Sip;
pub use storage::Storage;
pub use tables::Tables;

/// All metrics of one recorder. A scrape never sees half of an [`update`](Self::update).
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Mutex<Families>,
}

/// The families, by what they are about.
#[derive(Debug)]
pub struct Families {
    /// Calls: seen, ended, going on.
    pub calls: Calls,
    /// Frames, and what was lost before they became packets.
    pub capture: Capture,
    /// SIP messages.
    pub sip: Sip,
    /// RTP, streams and audio.
    pub media: Media,
    /// How full the bounded tables are.
    pub tables: Tables,
    /// The disk, the index and the recordings on it.
    pub storage: Storage,
}

impl Metrics {
    /// Registers every family for a build of `version` and `revision`, with the closed sets that other crates own.
    #[must_use]
    pub fn new(version: &str, revision: &str, labels: &Labels<'_>) -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        register.build(version, revision);
        let families = Families {
            calls: Calls::register(&register, labels),
            capture: Capture::register(&register, labels),
            sip: Sip::register(&register, labels),
            media: Media::register(&register, labels),
            tables: Tables::register(&register),
            storage: Storage::register(&register),
        };
        Metrics { registry, families: Mutex::new(families) }
    }

    /// Adds the process's own families (`process_*`: memory, processor time, open files), where the system has them.
    /// They differ from run to run, so they are for what is scraped and not for what is compared.
    #[must_use]
    pub fn with_process(self) -> Self {
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            self.registry
                .register(Box::new(process))
                .expect("its names have another prefix, and it moves in once");
        }
        self
    }

    /// Sets and adds values. What belongs together (a call that ended and the calls still active) goes in one update.
    pub fn update<T>(&self, set: impl FnOnce(&Families) -> T) -> T {
        set(&self.lock())
    }

    /// All families in Prometheus' text format 0.0.4, by name, their children by label.
    #[must_use]
    pub fn encode(&self) -> String {
        let _families = self.lock();
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("a gathered family has a name and a child, and a string takes every write")
    }

    /// Checks that every call seen is either active or has one outcome.
    ///
    /// # Errors
    /// Gives the three numbers when they do not add up.
    pub fn sum_rule(&self) -> Result<(), Unbalanced> {
        self.lock().calls.sum_rule()
    }

    /// The lock guards no invariant that a panic could break: every value is whole by itself.
    fn lock(&self) -> MutexGuard<'_, Families> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls that do not add up: a call was lost, or counted twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unbalanced {
    /// Calls seen.
    pub seen: u64,
    /// Calls without an outcome yet; below zero when more ended than began.
    pub active: i64,
    /// Calls with an outcome.
    pub ended: u64,
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unbalanced { seen, active, ended } = self;
        write!(f, "{seen} calls were seen, but {ended} have an outcome and {active} are active")
    }
}

impl std::error::Error for Unbalanced {}

#[cfg(test)]
mod tests;
