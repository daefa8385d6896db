//! The journals of the open calls: the reading thread hands over what came of each call since it last did, a thread of
//! its own writes and syncs it. The reading thread never waits for the disk: while the disk is behind, nothing more is
//! handed over, and what came stays in memory, where it is kept until the call is sealed in any case.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use call::{Call, CallKey, SoFar, Tracker};
use crossbeam_channel::{Receiver, Sender, bounded};
use rtp::Medium;
use seal::journal::{Mark, Passage, id};
use store::{CallId, Store};

/// What is known of the journals.
pub(crate) struct Journal {
    interval: Duration,
    open: BTreeMap<CallKey, Entry>,
    /// Calls that are over and not yet recorded, by their number.
    sealing: BTreeMap<u64, Closed>,
    /// Where the next round goes on: behind this one.
    behind: Option<CallKey>,
    /// When the round began that is under way.
    round_began: Instant,
    next_pass: Instant,
    removals: Vec<CallId>,
    /// What is left to write of calls that are over and could not be recorded.
    rests: Vec<(CallId, Passage)>,
    to_disk: Sender<Work>,
    disk: Arc<Disk>,
    thread: JoinHandle<()>,
}

/// A call's journal while it is open.
struct Entry {
    id: CallId,
    mark: Mark,
    /// Packets that the journal lacks.
    missed: u64,
}

/// A journal that ends.
struct Closed {
    id: CallId,
    /// What was not handed over yet.
    rest: Option<Passage>,
}

/// A pass: what goes to the disk, and is synced together.
struct Work {
    appends: Vec<(CallId, Passage)>,
    removals: Vec<CallId>,
    /// What came before is in this pass or in one before it.
    complete_until: Option<Instant>,
}

/// What the writing thread tells.
#[derive(Default)]
struct Disk(Mutex<Told>);

#[derive(Default)]
struct Told {
    synced_until: Option<Instant>,
    written_bytes: u64,
    /// Packets that could not be written, by call.
    missed: BTreeMap<CallId, u64>,
    error: Option<String>,
}

/// What metrics and status say of the journals.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Standing {
    /// How far the disk is behind; nothing where no call is open.
    pub(crate) lag: Duration,
    /// Bytes that were appended.
    pub(crate) bytes: u64,
    /// Packets that stand in no journal, and were lost with a crash.
    pub(crate) missed: u64,
}

/// Passes that may wait for the disk.
const QUEUE: usize = 1;
/// What one pass may hold; a round of all calls that brings more takes several.
const PASS_BYTES: usize = 64 << 20;

impl Journal {
    /// Begins with nothing; each call is at most `interval` behind, as long as the disk follows.
    pub(crate) fn start(store: Store, interval: Duration) -> Journal {
        let (to_disk, work) = bounded(QUEUE);
        let disk = Arc::new(Disk::default());
        let writing = Arc::clone(&disk);
        let thread = thread::spawn(move || write_all(&store, &work, &writing));
        let now = Instant::now();
        Journal {
            interval,
            open: BTreeMap::new(),
            sealing: BTreeMap::new(),
            behind: None,
            round_began: now,
            next_pass: now,
            removals: Vec::new(),
            rests: Vec::new(),
            to_disk,
            disk,
            thread,
        }
    }

    /// How far it may be behind from now on.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Writes on, where it is time. To be asked several times an interval.
    pub(crate) fn handle_tick(&mut self, tracker: &Tracker, medium: &dyn Medium) -> u64 {
        let missed = self.take_missed();
        let now = Instant::now();
        if now >= self.next_pass && !self.to_disk.is_full() {
            // Half is for the way to the disk.
            self.next_pass = now + self.interval / 2;
            self.pass(now, tracker, medium);
        }
        missed
    }

    /// Hands over what came of the calls since the last round, up to the size of a pass.
    fn pass(&mut self, now: Instant, tracker: &Tracker, medium: &dyn Medium) {
        if self.behind.is_none() {
            self.round_began = now;
        }
        let (mut appends, mut bytes) = (self.take_rests(), 0);
        let behind = self.behind.take();
        for key in tracker.open_keys().into_iter().filter(|&key| Some(key) > behind) {
            let Some(so_far) = tracker.so_far(key) else { continue };
            let entry = self.open.entry(key).or_insert_with(|| Entry::of(&so_far));
            let passage = entry.pass(&so_far, medium);
            if !passage.bytes.is_empty() {
                bytes += passage.bytes.len();
                appends.push((entry.id.clone(), passage));
            }
            if bytes >= PASS_BYTES {
                self.behind = Some(key);
                self.next_pass = now;
                break;
            }
        }
        let complete_until = self.behind.is_none().then_some(self.round_began);
        let work = Work { appends, removals: std::mem::take(&mut self.removals), complete_until };
        // There was room, and nobody else puts anything in.
        let _ = self.to_disk.try_send(work);
    }

    /// A call is over. What is not written yet goes along with the next pass, unless the call is sealed before. One that
    /// has no journal gets one only where it `waits`.
    pub(crate) fn handle_closed(&mut self, call: &mut Call, waits: bool, medium: &dyn Medium) {
        let so_far = SoFar::of(call);
        let known = self.open.remove(&call.key);
        let Some(mut entry) = known.or_else(|| waits.then(|| Entry::of(&so_far))) else { return };
        let rest = entry.pass(&so_far, medium);
        let rest = Some(rest).filter(|rest| !rest.bytes.is_empty());
        self.sealing.insert(call.number, Closed { id: entry.id, rest });
        if entry.missed > 0 {
            call.notes.push(GAP);
        }
    }

    /// The call of that number is recorded: its journal goes. One that could not be written keeps it, for the next start.
    pub(crate) fn handle_sealed(&mut self, number: u64, is_written: bool) {
        if let Some(closed) = self.sealing.remove(&number) {
            let id = closed.id.clone();
            self.removals.extend(is_written.then_some(closed.id));
            // Of one that could not be written, the rest goes along with the next pass.
            self.rests.extend(closed.rest.filter(|_| !is_written).map(|rest| (id, rest)));
        }
    }

    /// Brings all of the calls that are over to the disk, until `deadline` at the latest.
    pub(crate) fn flush(&mut self, deadline: Instant) {
        let (appends, removals) = (self.take_rests(), std::mem::take(&mut self.removals));
        let now = Instant::now();
        let work = Work { appends, removals, complete_until: Some(now) };
        if self.to_disk.send_deadline(work, deadline).is_err() {
            return;
        }
        while Instant::now() < deadline && self.disk.told().synced_until < Some(now) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Deletes the journals of what was recorded, and ends the thread; gives up at `deadline`.
    pub(crate) fn finish(mut self, deadline: Instant) {
        self.flush(deadline);
        drop(self.to_disk);
        if Instant::now() < deadline {
            let _ = self.thread.join();
        }
    }

    /// How the journals are.
    pub(crate) fn standing(&self, missed: u64) -> Standing {
        let told = self.disk.told();
        let since = told.synced_until.unwrap_or(self.round_began);
        let idle = self.open.is_empty() && self.sealing.is_empty();
        let lag = if idle { Duration::ZERO } else { since.elapsed() };
        Standing { lag, bytes: told.written_bytes, missed }
    }

    /// What the disk refused last, once.
    pub(crate) fn poll_error(&self) -> Option<String> {
        self.disk.told().error.take()
    }

    fn take_rests(&mut self) -> Vec<(CallId, Passage)> {
        let rest = |closed: &mut Closed| Some((closed.id.clone(), closed.rest.take()?));
        let mut rests = std::mem::take(&mut self.rests);
        rests.extend(self.sealing.values_mut().filter_map(rest));
        rests
    }

    /// Takes what the disk refused into account; gives how many packets that is.
    fn take_missed(&mut self) -> u64 {
        let missed = std::mem::take(&mut self.disk.told().missed);
        if !missed.is_empty() {
            for entry in self.open.values_mut() {
                entry.missed += missed.get(&entry.id).copied().unwrap_or(0);
            }
        }
        missed.values().sum()
    }
}

/// The flag of a call whose journal is not whole.
const GAP: &str = "journal_gap";

impl Entry {
    fn of(so_far: &SoFar<'_>) -> Entry {
        Entry { id: id(so_far), mark: Mark::default(), missed: 0 }
    }

    fn pass(&mut self, so_far: &SoFar<'_>, medium: &dyn Medium) -> Passage {
        // A packet that fits into no pcapng came out of none, and out of no interface.
        let passage = self.mark.pass(so_far, medium).unwrap_or_default();
        self.missed += passage.missed;
        passage
    }
}

impl Disk {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing thread.
fn write_all(store: &Store, work: &Receiver<Work>, disk: &Disk) {
    for Work { appends, removals, complete_until } in work {
        let mut written = 0;
        for (id, passage) in &appends {
            match store.append_to_journal(id, &passage.bytes) {
                Ok(()) => written += passage.bytes.len() as u64,
                Err(error) => {
                    let mut told = disk.told();
                    *told.missed.entry(id.clone()).or_default() += passage.packets;
                    told.error = Some(error.to_string());
                }
            }
        }
        let synced = if written > 0 { store.sync_journals() } else { Ok(()) };
        let removed = removals.iter().map(|id| store.remove_journal(id)).filter_map(Result::err).next_back();
        let mut told = disk.told();
        told.written_bytes += written;
        if let Some(error) = synced.as_ref().err().or(removed.as_ref()) {
            told.error = Some(error.to_string());
        }
        if synced.is_ok() && complete_until.is_some() {
            told.synced_until = complete_until;
        }
    }
}
