//! What a live recording does against crashes and full disks: journals, the recovery of those that the last recorder left,
//! and watermarks of the disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call::Call;
use capture::{Medium, Spilled};
use store::{CallId, Store};

use crate::config::{Live, Settings};
use crate::intake::Intake;
use crate::journal::{Journal, Standing};
use crate::recovery::{Found, Recovery};
use crate::sealers::Kept;
use crate::watermarks::{Level, Watermarks};

/// The parts, and what they have counted.
pub(crate) struct Precautions {
    journal: Journal,
    recovery: Option<Recovery>,
    watermarks: Watermarks,
    /// Read again for the journals.
    kept: Kept,
    /// Packets that stand in no journal.
    missed: u64,
    stop_timeout: Duration,
}

/// What is to be done, or said.
pub(crate) enum Matter {
    /// A line for the user.
    Say(String),
    /// A call of a journal was sealed.
    Recovered(Box<crate::sealers::Done>),
}

impl Precautions {
    /// Begins to recover the calls of the journals that were left, and to write others.
    pub(crate) fn start(
        store: &Store,
        left: Vec<CallId>,
        settings: &Arc<Settings>,
        live: &Live,
        spilled: Spilled,
    ) -> Precautions {
        let recovery = (!left.is_empty()).then(|| Recovery::start(left, store.clone(), Arc::clone(settings)));
        Precautions {
            journal: Journal::start(store.clone(), live.journal_interval),
            recovery,
            watermarks: Watermarks::new(store.clone(), live.disk),
            kept: Kept { mapped: Medium::default(), spilled },
            missed: 0,
            stop_timeout: live.stop_timeout,
        }
    }

    /// Takes over what of a configuration may change while calls are recorded.
    pub(crate) fn set(&mut self, live: &Live) {
        self.journal.set_interval(live.journal_interval);
        self.watermarks.set(live.disk);
        self.stop_timeout = live.stop_timeout;
    }

    /// Looks after all of it; to be called several times a second.
    pub(crate) fn handle_tick(&mut self, intake: &mut Intake) -> Vec<Matter> {
        let mut matters = Vec::new();
        if let Some(told) = self.watermarks.look(intake.counts().last_at) {
            matters.push(Matter::Say(told));
            intake.admit_media(self.watermarks.level() != Level::Full);
        }
        self.missed += self.journal.handle_tick(intake.tracker(), &self.kept);
        if let Some(error) = self.journal.poll_error() {
            matters.push(Matter::Say(format!("the journal of open calls cannot be written: {error}")));
        }
        matters.extend(std::iter::from_fn(|| self.recovery.as_ref()?.poll()).filter_map(matter));
        matters
    }

    /// A call is over; it `waits` where no sealer is free.
    pub(crate) fn handle_closed(&mut self, call: &mut Call, waits: bool) {
        if self.watermarks.was_full_during(call) {
            call.notes.push(seal::DISK_FULL);
        }
        self.journal.handle_closed(call, waits, &self.kept);
    }

    /// A call is sealed, or could not be written.
    pub(crate) fn handle_sealed(&mut self, number: u64, is_written: bool) {
        self.journal.handle_sealed(number, is_written);
    }

    /// When what is being finished has to be over, if it begins now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.stop_timeout
    }

    /// All calls are over: what is not sealed in time stands in the journals from here on.
    pub(crate) fn flush(&mut self, deadline: Instant) {
        self.journal.flush(deadline);
    }

    /// Ends the threads; what is not done by `deadline` is left to the next start.
    pub(crate) fn finish(mut self, deadline: Instant) -> Vec<Matter> {
        let mut matters = Vec::new();
        if let Some(mut recovery) = self.recovery.take() {
            recovery.stop(deadline, |found| matters.extend(matter(found)));
        }
        self.journal.finish(deadline);
        matters
    }

    /// How the journals are.
    pub(crate) fn journals(&self) -> Standing {
        self.journal.standing(self.missed)
    }

    /// How full the disk is.
    pub(crate) fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }
}

fn matter(found: Found) -> Option<Matter> {
    match found {
        Found::Call(done) => Some(Matter::Recovered(done)),
        Found::Nothing(id, why) => Some(Matter::Say(format!("{id}: its journal cannot be recovered: {why}"))),
        Found::End(0) => None,
        Found::End(calls) => {
            Some(Matter::Say(format!("{calls} calls recovered that were open when the last recorder ended")))
        }
    }
}
