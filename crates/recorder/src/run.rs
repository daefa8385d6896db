//! One recording under way, wherever its frames come from: one thread reads and sorts, the others seal.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use call::{Call, End};
use capture::{Frame, Medium};
use clock::Time;
use store::{CallId, Index, Opened, Store};
use web::metrics::{Metrics, Source};

use crate::cli::{self, Common};
use crate::config::{Live, Settings};
use crate::conversation::Conversations;
use crate::exit::Exit;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::metrics;
use crate::precautions::{Matter, Precautions};
use crate::progress::Progress;
use crate::sealers::{Done, Kept, Sealers};
use crate::sources::{Seen, Sources};
use crate::status::Status;
use crate::summary::summary;
use crate::top::Present;
use crate::watermarks::Level;

/// The parts of a run, and what the user wants to hear of it.
pub(crate) struct Run<'a> {
    pub(crate) sources: Sources,
    pub(crate) progress: Progress,
    common: &'a Common,
    intake: Intake,
    sealers: Sealers,
    /// Calls that are over while all sealers are busy.
    waiting: VecDeque<Call>,
    ledger: Ledger,
    store: Store,
    precautions: Option<Precautions>,
    /// Sealed once the disk has room, or at the end.
    unwritten: VecDeque<Call>,
    tried_at: Instant,
    spilled: capture::Spilled,
    began: Instant,
}

/// Calls that may wait for a sealer before the reading waits for them, where it may not wait before.
const MOST_WAITING: usize = 4096;

impl<'a> Run<'a> {
    /// Begins a run in `store`. Frames whose bytes lie in `mapped` are not copied.
    pub(crate) fn new(
        common: &'a Common,
        settings: &Settings,
        store: Store,
        mapped: Medium,
        (progress, metrics): (Progress, Metrics),
    ) -> anyhow::Result<Run<'a>> {
        let conversations = Conversations::new(&store, settings.seal.durability, settings.links.clone());
        let index = open_index(&store)?;
        index.announce()?;
        let ledger = Ledger::new(&store, index, metrics, conversations);
        let spill = capture::Spill::new(store.dir());
        let spilled = spill.spilled();
        let kept = Kept { mapped, spilled: spilled.clone() };
        let sealers = Sealers::new(
            settings.threads,
            store.clone(),
            kept,
            settings.seal,
            settings.links.headers.clone(),
        );
        let mut intake = Intake::new(settings.call, settings.wire);
        intake.follow_connections(settings.tcp, settings.keys.clone());
        intake.spill_to(spill);
        let (sources, waiting, unwritten) = (Sources::default(), VecDeque::new(), VecDeque::new());
        let precautions = None;
        Ok(Run {
            sources,
            progress,
            common,
            intake,
            sealers,
            waiting,
            ledger,
            store,
            precautions,
            unwritten,
            tried_at: Instant::now(),
            spilled,
            began: Instant::now(),
        })
    }

    /// From here on the run guards against crashes and full disks; `left` are the calls that were open at the last crash.
    pub(crate) fn take_precautions(&mut self, left: Vec<CallId>, settings: &Arc<Settings>, live: &Live) {
        self.ledger.go_live();
        let spilled = self.spilled.clone();
        self.precautions = Some(Precautions::start(&self.store, left, settings, live, spilled));
    }

    /// What may change on the way did.
    pub(crate) fn reconfigure(&mut self, live: &Live) {
        if let Some(precautions) = &mut self.precautions {
            precautions.set(live);
        }
    }

    /// Looks after journals, recovery and disk.
    pub(crate) fn look_after(&mut self) -> Result<(), store::Error> {
        let Some(precautions) = &mut self.precautions else { return Ok(()) };
        let matters = precautions.handle_tick(&mut self.intake);
        self.ledger.mend();
        if self.tried_at.elapsed() >= BETWEEN_TRIES {
            self.try_again();
        }
        self.settle(matters)
    }

    fn settle(&mut self, matters: Vec<Matter>) -> Result<(), store::Error> {
        for matter in matters {
            match matter {
                Matter::Say(line) => self.progress.say(&format!("sipreel: {line}")),
                Matter::Recovered(done) => {
                    self.tell(&done);
                    self.ledger.enter_recovered(*done)?;
                }
            }
        }
        Ok(())
    }

    /// The next call that is over.
    fn poll_call(&mut self) -> Option<Call> {
        let mut call = self.intake.poll_call()?;
        if let Some(precautions) = &mut self.precautions {
            precautions.handle_closed(&mut call, !self.waiting.is_empty());
        }
        Some(call)
    }

    /// Takes in a frame of captures, all of which are counted at the end by [`Run::handle_end_of_files`].
    #[inline]
    pub(crate) fn handle_frame(&mut self, frame: &Frame<'_>) {
        self.intake.handle_frame(frame);
    }

    /// Takes in a frame of that kind of source.
    #[inline]
    pub(crate) fn handle_frame_of(&mut self, source: Source, frame: &Frame<'_>) {
        let before = self.intake.copies();
        let before_disk = self.intake.turned_away();
        self.intake.handle_frame(frame);
        let seen = self.sources.of_mut(source);
        seen.saw(frame, self.intake.copies() - before);
        seen.turned_away += self.intake.turned_away() - before_disk;
    }

    /// The capture itself holds keys.
    pub(crate) fn handle_key_log(&mut self, text: &[u8]) {
        self.intake.handle_key_log(text);
    }

    /// The capture lost so many packets in that while.
    pub(crate) fn handle_capture_loss(&mut self, from: Time, to: Time, packets: u64) {
        self.intake.handle_capture_loss(from, to, packets);
    }

    /// From here on, only frames that fit `filter` are looked at.
    pub(crate) fn filter_by(&mut self, filter: Option<capture::Filter>) {
        self.intake.filter_by(filter);
    }

    /// Says of which link types frames cannot be filtered.
    pub(crate) fn tell_unfiltered(&mut self) {
        while let Some(refused) = self.intake.poll_unfiltered() {
            self.progress.say(&format!("sipreel: {refused}"));
        }
    }

    /// Time passed without a frame.
    pub(crate) fn handle_time(&mut self, now: Time) {
        self.intake.handle_time(now);
    }

    /// The input is over.
    pub(crate) fn handle_end(&mut self, end: End) {
        self.intake.handle_end(end);
    }

    /// The input is over, and captures were all of it.
    pub(crate) fn handle_end_of_files(&mut self, end: End) {
        self.handle_end(end);
        let (counts, copies) = (self.intake.counts(), self.intake.copies());
        let (packets, bytes, last_at) = (counts.frames, counts.bytes, counts.last_at);
        *self.sources.of_mut(Source::File) = Seen { packets, bytes, last_at, copies, ..Seen::default() };
    }

    /// Has the calls sealed that are over, and waits while all sealers are busy: what is read can wait.
    #[inline]
    pub(crate) fn seal(&mut self) {
        while let Some(call) = self.waiting.pop_front().or_else(|| self.poll_call()) {
            self.sealers.handle_call(call);
        }
    }

    /// The same without waiting, until too many calls wait: what is live cannot.
    pub(crate) fn seal_without_waiting(&mut self) {
        while let Some(call) = self.poll_call() {
            self.waiting.push_back(call);
        }
        while let Some(call) = self.waiting.pop_front() {
            if self.waiting.len() >= MOST_WAITING {
                self.sealers.handle_call(call);
            } else if let Some(refused) = self.sealers.offer(call) {
                self.waiting.push_front(refused);
                return;
            }
        }
    }

    /// Enters the calls that are sealed.
    pub(crate) fn enter_done(&mut self) -> Result<(), store::Error> {
        while let Some(mut done) = self.sealers.poll_done() {
            let is_live = self.precautions.is_some();
            if let Some(call) =
                done.unwritten.take().filter(|_| is_live && self.unwritten.len() < MOST_UNWRITTEN)
            {
                self.unwritten.push_back(*call);
                continue;
            }
            if let Some(precautions) = &mut self.precautions {
                precautions.handle_sealed(done.sealed.number, done.sealed.error.is_none());
            }
            self.tell(&done);
            self.ledger.enter(done)?;
        }
        Ok(())
    }

    /// Has those sealed once more for which the disk was too full.
    fn try_again(&mut self) {
        self.tried_at = Instant::now();
        self.waiting.extend(self.unwritten.drain(..));
    }

    fn tell(&self, done: &Done) {
        let record = &done.sealed.record;
        if let Some(error) = &done.sealed.error {
            self.progress.say(&format!("sipreel: {}: {error}", record.id));
        }
        if self.common.verbose {
            self.progress.say(&format!("{}  {}  {}", record.id, record.state, record.outcome));
        }
    }

    /// Brings the entered calls into the index, where other commands find them.
    pub(crate) fn write_rows(&mut self) -> Result<(), store::Error> {
        self.ledger.write_rows()
    }

    /// The index, for who looks after the store meanwhile; to be held for no longer than a question takes.
    pub(crate) fn index(&self) -> Weak<Index> {
        self.ledger.index()
    }

    /// Calls that have their outcome.
    pub(crate) fn calls(&self) -> u64 {
        self.ledger.calls()
    }

    /// Frames that came so far, and their bytes.
    pub(crate) fn seen(&self) -> (u64, u64) {
        (self.intake.counts().frames, self.intake.counts().bytes)
    }

    /// The metrics, brought up to date.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        let metrics = self.ledger.metrics();
        metrics::count(metrics, &self.intake, &self.sources, self.ledger.entered());
        metrics.update(|families| {
            if let Some(precautions) = &self.precautions {
                let (journals, level) = (precautions.journals(), precautions.watermarks().level());
                families.storage.set_journals(journals.lag.as_secs_f64(), journals.bytes, journals.missed);
                families.storage.set_level(level >= Level::Low, level == Level::Full);
            }
            if let Ok(free) = self.store.free_bytes() {
                families.storage.set_free(free);
            }
            families.storage.set_used(self.ledger.audio_bytes());
        });
        metrics
    }

    /// How all is, which those hear who ask from here on.
    pub(crate) fn tell_status(&self) -> Status {
        let mut status = self.ledger.status();
        status.recording = true;
        let seen = self.intake.tracker().counts().calls_seen + status.recovered;
        (status.active, status.seen) = (seen - self.ledger.calls(), seen);
        status.packets = self.intake.counts().frames;
        status.dropped = self.sources.dropped();
        if let Some(precautions) = &self.precautions {
            let watermarks = precautions.watermarks();
            status.journal = precautions.journals().into();
            (status.disk.free_bytes, status.disk.level) = (watermarks.free(), watermarks.level().to_string());
        }
        self.ledger.tell(&status);
        if self.ledger.is_asked() {
            self.ledger.tell_present(self.present(status.clone()));
        }
        status
    }

    /// What is going on, but for the last calls.
    fn present(&self, status: Status) -> Present {
        let calls = Present::calls_of(self.intake.tracker(), self.intake.counts().last_at);
        let uptime_s = self.began.elapsed().as_secs_f64();
        Present { at: cli::now().to_rfc3339(), uptime_s, status, calls, last: Vec::new() }
    }

    /// Seals what is left, as far as there is time: the rest stands in the journals for the next start.
    fn finish_by(&mut self, deadline: Instant) -> Result<(), store::Error> {
        while let Some(call) = self.poll_call() {
            self.waiting.push_back(call);
        }
        if let Some(precautions) = &mut self.precautions {
            precautions.flush(deadline);
        }
        // Once more, and for the last time.
        self.try_again();
        loop {
            self.seal_without_waiting();
            self.enter_done()?;
            if (self.waiting.is_empty() && self.sealers.under_way() == 0) || Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        let left = self.waiting.len() + self.sealers.under_way() + self.unwritten.len();
        if left > 0 {
            self.progress
                .say(&format!("sipreel: {left} calls are not written yet; the next start finishes them"));
            self.sealers.abandon();
        } else {
            self.sealers.finish();
        }
        let matters = self.precautions.take().map(|precautions| precautions.finish(deadline));
        self.settle(matters.unwrap_or_default())
    }

    /// Seals what is left, closes the index and tells what was seen.
    pub(crate) fn finish(mut self) -> anyhow::Result<Exit> {
        let deadline = self.precautions.as_ref().map(Precautions::deadline);
        match deadline {
            Some(deadline) => self.finish_by(deadline)?,
            None => {
                self.seal();
                self.sealers.finish();
                self.enter_done()?;
            }
        }
        self.progress.finish();
        if !self.common.quiet {
            eprint!("{}", summary(&self.intake, &self.sources, &self.ledger));
        }
        let metrics = self.metrics();
        if let Some(path) = &self.common.metrics {
            fs::write(path, metrics.encode())
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        let exit = if self.ledger.storage_errors() > 0 { Exit::Storage } else { Exit::Done };
        self.ledger.close()?;
        self.store.seal_days(cli::now())?;
        Ok(exit)
    }
}

/// Between two times that calls are tried for which the disk was too full.
const BETWEEN_TRIES: Duration = Duration::from_secs(5);
/// Calls that may wait for room on the disk; those behind them are told to be lost.
const MOST_UNWRITTEN: usize = 1024;

/// The index, with a word where it was not in order.
pub(crate) fn open_index(store: &Store) -> Result<Index, store::Error> {
    let begun = Instant::now();
    let (index, opened) = loop {
        match Index::open(store) {
            // A search holds it for a moment.
            Err(store::Error::Locked { .. }) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(50));
            }
            opened => break opened?,
        }
    };
    if !matches!(opened, Opened::Fine) {
        eprintln!("sipreel: {opened}");
    }
    Ok(index)
}

const PATIENCE: Duration = Duration::from_secs(2);
