//! Calls that were open when their recorder ended: each journal is replayed through the ordinary way and sealed with
//! what it holds. It runs beside the recording, which cannot wait.
//!
//! A journal goes only once its recording is published. One whose call is recorded already was left by a crash between
//! the two, and goes at once: the recording holds more than it. So a crash at any point costs nothing but the repetition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use call::{Call, End};
use capture::{Input, Medium, Spill};
use crossbeam_channel::{Receiver, Sender, bounded};
use store::{CallId, Store};

use crate::config::Settings;
use crate::intake::Intake;
use crate::sealers::{Done, Kept, Workshop};

/// The thread that recovers, and what it has done so far.
pub(crate) struct Recovery {
    found: Receiver<Found>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What became of a journal.
pub(crate) enum Found {
    /// A call was sealed.
    Call(Box<Done>),
    /// It holds no call that is worth a record, or cannot be read: it stays.
    Nothing(CallId, String),
    /// That was the last; so many calls were recovered.
    End(u64),
}

/// The flag of a call that a journal gave.
const RECOVERED: &str = "recovered";
/// Sealed calls that may wait to be entered.
const QUEUE: usize = 64;

impl Recovery {
    /// Begins to recover those calls.
    pub(crate) fn start(ids: Vec<CallId>, store: Store, settings: Arc<Settings>) -> Recovery {
        let (to_run, found) = bounded(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let worker = Worker { store, settings, to_run };
            let calls = ids.iter().take_while(|_| !stopped.load(Ordering::Relaxed));
            let calls: u64 = calls.map(|id| worker.recover(id)).sum();
            let _ = worker.to_run.send(Found::End(calls));
        });
        Recovery { found, stop, thread: Some(thread) }
    }

    /// What was found since this was last asked, without waiting.
    pub(crate) fn poll(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Waits for the journal that is under way, until `deadline`; those behind it stay for the next start.
    pub(crate) fn stop(&mut self, deadline: Instant, mut enter: impl FnMut(Found)) {
        self.stop.store(true, Ordering::Relaxed);
        while let Ok(found) = self.found.recv_deadline(deadline) {
            enter(found);
        }
        if let Some(thread) = self.thread.take().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

struct Worker {
    store: Store,
    settings: Arc<Settings>,
    to_run: Sender<Found>,
}

impl Worker {
    /// Gives how many calls the journal gave.
    fn recover(&self, id: &CallId) -> u64 {
        let mut recovered = 0;
        if self.store.record(id).is_err() {
            let (captures, refused) = capture::Replay::open(&[Input::File(self.store.journal(id))]);
            let workshop = self.workshop(captures.medium());
            let (calls, torn) = read(captures, &self.settings);
            let why = refused.first().map(ToString::to_string).or(torn);
            if let Some(why) = why.filter(|_| calls.is_empty()) {
                let _ = self.to_run.send(Found::Nothing(id.clone(), why));
                return 0;
            }
            for mut call in calls {
                // Recorded before the crash, under the id that its first messages gave it.
                if self.store.record(&seal::id(&call)).is_ok() {
                    continue;
                }
                call.notes.push(RECOVERED);
                let done = workshop.seal(call);
                let is_written = done.sealed.error.is_none();
                recovered += 1;
                if self.to_run.send(Found::Call(Box::new(done))).is_err() || !is_written {
                    return recovered;
                }
            }
        }
        if let Err(error) = self.store.remove_journal(id) {
            let _ = self.to_run.send(Found::Nothing(id.clone(), error.to_string()));
        }
        recovered
    }

    fn workshop(&self, mapped: Medium) -> Workshop {
        let spilled = Spill::new(self.store.dir()).spilled();
        Workshop {
            store: self.store.clone(),
            medium: Kept { mapped, spilled },
            settings: self.settings.seal,
            link_headers: self.settings.links.headers.clone(),
        }
    }
}

/// The calls of a journal, and what reading it ended with: a torn end is ordinary.
pub(crate) fn read(mut captures: capture::Replay, settings: &Settings) -> (Vec<Call>, Option<String>) {
    let mut intake = Intake::new(settings.call, settings.wire);
    let mut torn = None;
    loop {
        match captures.next() {
            Ok(Some(frame)) => intake.handle_frame(&frame),
            Ok(None) => break,
            Err(error) => torn = Some(error.to_string()),
        }
    }
    intake.handle_end(End::Shutdown);
    (std::iter::from_fn(|| intake.poll_call()).collect(), torn)
}
