//! What a running recorder does on the side: deleting what its classes no longer keep, slowly, and signing the roots of
//! the days, on a thread of its own, so that no call waits for it.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use store::audit::Action;
use store::{Error, Index, Store};

use crate::cli::{self, Why};
use crate::config::{Config, Pace};
use crate::log::Log;
use crate::sweep::Sweep;

/// The thread; it ends when this is dropped.
pub(crate) struct Upkeep {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Deletions after which the index follows.
const BATCH: u64 = 64;

impl Upkeep {
    /// Finishes deletions that a crash interrupted, and begins. Only the owner of the index may.
    pub(crate) fn start(store: &Store, index: Weak<Index>, pace: Pace) -> anyhow::Result<Upkeep> {
        let log = Log::new(store, "recorder", &Why::default());
        if !store.finish_deletions(cli::now(), log.actor())?.is_empty() {
            refresh(&index)?;
        }
        let (stop, stopped) = channel();
        let worker = Worker { store: store.clone(), index, pace, log, stopped };
        let thread = thread::Builder::new().name("upkeep".into()).spawn(move || worker.work())?;
        Ok(Upkeep { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

/// Logs that a recorder begins, and by which configuration: where its hash is another than at the last beginning, that
/// was changed.
pub(crate) fn log_start(store: &Store, config: &Config) {
    let log = Log::new(store, "recorder", &Why::default());
    let mut deed = log.deed(Action::Configuration, None);
    if let Some((path, blake3)) = config.fingerprint() {
        deed.detail = serde_json::json!({ "file": path.display().to_string(), "blake3": blake3 });
    }
    log.tell(&deed);
}

/// Has the index follow what was changed; one that comes later does so when it is opened.
fn refresh(index: &Weak<Index>) -> Result<(), Error> {
    index.upgrade().map_or(Ok(()), |index| index.refresh())
}

struct Worker {
    store: Store,
    index: Weak<Index>,
    pace: Pace,
    log: Log,
    stopped: Receiver<()>,
}

impl Worker {
    fn work(&self) {
        while self.waited(self.pace.every) {
            if let Err(error) = self.sweep() {
                eprintln!("sipreel: retention: {error}");
            }
            if let Err(error) = self.store.seal_days(cli::now()) {
                eprintln!("sipreel: the days cannot be signed: {error}");
            }
        }
    }

    /// Waits so long; false where it is asked to stop.
    fn waited(&self, time: Duration) -> bool {
        self.stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    fn sweep(&self) -> Result<(), Error> {
        let (store, now) = (&self.store, cli::now());
        if store.retention().classes.is_empty() {
            return Ok(());
        }
        let sweep = Sweep { store, retention: store.retention(), log: &self.log, now };
        let holds = store.holds()?;
        // Without an index that can be used, the calls wait.
        let Some(index) = self.index.upgrade() else { return Ok(()) };
        let due = sweep.due(&holds, |query, take| index.each(query, take))?;
        drop(index);
        let (mut calls, mut bytes) = (0_u64, 0);
        for due in &due {
            // Somebody may have put a hold there since.
            if sweep.delete(due, &store.holds()?)? {
                calls += 1;
                bytes += due.bytes;
                if calls.is_multiple_of(BATCH) {
                    refresh(&self.index)?;
                }
            }
            if !self.waited(self.pace.between) {
                break;
            }
        }
        if calls > 0 {
            refresh(&self.index)?;
            let mut deed = self.log.deed(Action::Retention, None);
            deed.detail = serde_json::json!({ "deleted": calls, "bytes": bytes });
            store.audit().append(&deed)?;
        }
        Ok(())
    }
}
