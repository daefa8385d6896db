//! The pool that seals calls: closed calls go in by one bounded channel, records come back by another, and are handed
//! on in the order in which the calls ended, whichever thread was faster.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use call::{Call, Correlation};
use capture::{Medium, Place, Spilled};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};
use seal::{Sealed, Settings};
use store::Store;

/// A sealed call and how long it took.
pub(crate) struct Done {
    pub(crate) sealed: Sealed,
    /// What it says of its place in a conversation; nothing where that met a fault of this program.
    pub(crate) correlation: Option<Correlation>,
    pub(crate) took: Duration,
    /// The call once more, where the disk was too full for it.
    pub(crate) unwritten: Option<Box<Call>>,
}

/// What every sealer works with.
pub(crate) struct Workshop {
    pub(crate) store: Store,
    pub(crate) medium: Kept,
    pub(crate) settings: Settings,
    /// Headers whose values name a conversation.
    pub(crate) link_headers: Vec<String>,
}

/// The threads, or, with one thread in all, the caller's own.
pub(crate) struct Sealers {
    workshop: Arc<Workshop>,
    pool: Option<Pool>,
    /// What came back before its turn.
    early: BTreeMap<u64, Done>,
    next: u64,
    /// Calls that were handed in and are not polled yet.
    under_way: usize,
}

struct Pool {
    calls: Sender<Call>,
    done: Receiver<Done>,
    threads: Vec<JoinHandle<()>>,
}

impl Sealers {
    /// With one thread, calls are sealed where they are handed in; with more, beside the reading.
    pub(crate) fn new(
        threads: usize,
        store: Store,
        medium: Kept,
        settings: Settings,
        link_headers: Vec<String>,
    ) -> Sealers {
        let workshop = Arc::new(Workshop { store, medium, settings, link_headers });
        let pool = (threads > 1).then(|| Pool::new(threads, &workshop));
        Sealers { workshop, pool, early: BTreeMap::new(), next: 0, under_way: 0 }
    }

    /// Hands a call in; waits while all are busy and the queue is full, and takes in what is done meanwhile.
    pub(crate) fn handle_call(&mut self, call: Call) {
        let mut waiting = self.offer(call);
        while let Some(call) = waiting {
            if let Some(pool) = &self.pool {
                select! {
                    recv(pool.done) -> done => self.early.extend(done.map(|done| (done.sealed.number, done))),
                    default(Duration::from_millis(1)) => {}
                }
            }
            waiting = self.offer(call);
        }
    }

    /// Hands a call in, unless all are busy and the queue is full: then it comes back. With one thread it is sealed
    /// at once.
    pub(crate) fn offer(&mut self, call: Call) -> Option<Call> {
        match &self.pool {
            Some(pool) => {
                let refused = pool.calls.try_send(call).err().map(TrySendError::into_inner);
                self.under_way += usize::from(refused.is_none());
                refused
            }
            None => {
                let done = self.workshop.seal(call);
                self.under_way += 1;
                self.early.insert(done.sealed.number, done);
                None
            }
        }
    }

    /// The next sealed call in the order of the calls' ends, if it is done.
    pub(crate) fn poll_done(&mut self) -> Option<Done> {
        if let Some(pool) = &self.pool {
            self.early.extend(pool.done.try_iter().map(|done| (done.sealed.number, done)));
        }
        // One that was handed in again had its turn before.
        let again =
            self.early.first_key_value().map(|(&number, _)| number).filter(|&first| first < self.next);
        let done = self.early.remove(&again.unwrap_or(self.next))?;
        self.next += u64::from(again.is_none());
        self.under_way -= 1;
        Some(done)
    }

    /// Calls that were handed in and are not polled yet.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// What is under way is left to itself.
    pub(crate) fn abandon(&mut self) {
        self.pool = None;
    }

    /// No more calls come: waits for those under way. Afterwards everything can be polled.
    pub(crate) fn finish(&mut self) {
        let Some(Pool { calls, done, threads }) = self.pool.take() else { return };
        drop(calls);
        self.early.extend(done.iter().map(|done| (done.sealed.number, done)));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Pool {
    fn new(threads: usize, workshop: &Arc<Workshop>) -> Pool {
        let (calls, to_seal) = bounded::<Call>(QUEUE);
        let (finished, done) = bounded(QUEUE);
        let work = |_| {
            let (workshop, to_seal, finished) = (Arc::clone(workshop), to_seal.clone(), finished.clone());
            thread::spawn(move || {
                // Of this thread alone, as Linux has it. Where it is refused, it goes without.
                let _ = rustix::process::nice(GENTLY);
                for call in to_seal {
                    if finished.send(workshop.seal(call)).is_err() {
                        return;
                    }
                }
            })
        };
        Pool { threads: (0..threads).map(work).collect(), calls, done }
    }
}

impl Workshop {
    pub(crate) fn seal(&self, call: Call) -> Done {
        let begun = Instant::now();
        // A fault in one call's audio must not cost the others theirs, nor the ledger its sum.
        let seal = || seal::seal(&call, &self.medium, &self.store, &self.settings);
        let sealed = catch_unwind(AssertUnwindSafe(seal)).unwrap_or_else(|_| seal::give_up(&call));
        let correlate = || Correlation::of(&call, &self.link_headers, &self.medium);
        let correlation = catch_unwind(AssertUnwindSafe(correlate)).ok();
        let is_full = sealed.error.as_ref().is_some_and(store::Error::is_full);
        Done { sealed, correlation, took: begun.elapsed(), unwritten: is_full.then(|| Box::new(call)) }
    }
}

/// A call can wait; packets cannot. On two processors, one of which the sender had, a recorder whose sealers were as urgent as
/// its reader lost a third of 160 000 packets a second.
const GENTLY: i32 = 10;

/// Calls that wait; each may hold some hundred kilobytes of packets.
const QUEUE: usize = 16;

/// Where the packets' bytes are that are not in memory: in the mapped captures, or spilled.
pub(crate) struct Kept {
    pub(crate) mapped: Medium,
    pub(crate) spilled: Spilled,
}

impl rtp::Medium for Kept {
    fn slice(&self, place: u64, len: usize) -> Option<&[u8]> {
        let mapped = Place::from_number(place).and_then(|place| self.mapped.slice(place, len));
        mapped.or_else(|| self.spilled.slice(place, len))
    }
}
