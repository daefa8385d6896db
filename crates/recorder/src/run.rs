//! One recording under way, wherever its frames come from: one thread reads and sorts, the others seal.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use call::{Call, End};
use capture::{Frame, Medium};
use clock::Time;
use store::{Index, Opened, Store};
use web::metrics::{Metrics, Source};

use crate::cli::Common;
use crate::config::Settings;
use crate::conversation::Conversations;
use crate::exit::Exit;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::metrics;
use crate::progress::Progress;
use crate::sealers::{Kept, Sealers};
use crate::sources::{Seen, Sources};
use crate::summary::summary;

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
        let ledger = Ledger::new(&store, open_index(&store)?, metrics, conversations);
        let spill = capture::Spill::new(store.dir());
        let kept = Kept { mapped, spilled: spill.spilled() };
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
        let (sources, waiting) = (Sources::default(), VecDeque::new());
        Ok(Run { sources, progress, common, intake, sealers, waiting, ledger, store })
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
        self.intake.handle_frame(frame);
        self.sources.of_mut(source).saw(frame, self.intake.copies() - before);
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
        while let Some(call) = self.waiting.pop_front().or_else(|| self.intake.poll_call()) {
            self.sealers.handle_call(call);
        }
    }

    /// The same without waiting, until too many calls wait: what is live cannot.
    pub(crate) fn seal_without_waiting(&mut self) {
        self.waiting.extend(std::iter::from_fn(|| self.intake.poll_call()));
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
        while let Some(done) = self.sealers.poll_done() {
            let record = &done.sealed.record;
            if let Some(error) = &done.sealed.error {
                self.progress.say(&format!("sipreel: {}: {error}", record.id));
            }
            if self.common.verbose {
                self.progress.say(&format!("{}  {}  {}", record.id, record.state, record.outcome));
            }
            self.ledger.enter(done)?;
        }
        Ok(())
    }

    /// Brings the entered calls into the index, where other commands find them.
    pub(crate) fn write_rows(&mut self) -> Result<(), store::Error> {
        self.ledger.write_rows()
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
        metrics::count(metrics, &self.intake, &self.sources, self.ledger.calls());
        metrics.update(|families| {
            if let Ok(free) = self.store.free_bytes() {
                families.storage.set_free(free);
            }
            families.storage.set_used(self.ledger.audio_bytes());
        });
        metrics
    }

    /// Seals what is left, closes the index and tells what was seen.
    pub(crate) fn finish(mut self) -> anyhow::Result<Exit> {
        self.seal();
        self.sealers.finish();
        self.enter_done()?;
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
        Ok(exit)
    }
}

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
