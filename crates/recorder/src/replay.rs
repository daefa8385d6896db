//! `sipreel replay`: capture files to recordings. One thread reads and sorts, the others seal.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use call::{End, Links};
use capture::Input;
use rtp::Copying;
use seal::{Settings, Silence};
use store::{Durability, Index, Opened, Store};

use crate::cli::{Digits, Keep, Replay};
use crate::exit::Exit;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::metrics;
use crate::progress::Progress;
use crate::sealers::{Kept, Sealers};
use crate::signals::Stop;
use crate::summary::summary;

pub(crate) fn run(arguments: &Replay) -> anyhow::Result<Exit> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let inputs = inputs(arguments)?;
    let (captures, refused) = capture::Replay::open(&inputs);
    let mut exit = Exit::Done;
    for error in &refused {
        eprintln!("sipreel: {error}");
        exit = exit.max(Exit::of_input(error));
    }
    if refused.len() == inputs.len() {
        return Ok(exit);
    }
    let store = Store::open(&arguments.store.store)?;
    store.remove_abandoned()?;
    let links = Links { headers: arguments.link_header.clone(), ..Links::default() };
    let ledger = Ledger::new(&store, open_index(&store)?, links);
    let mut run = Run::new(arguments, captures, store, ledger);
    exit = exit.max(run.read_all(&stop)?);
    exit = exit.max(run.finish()?);
    Ok(exit)
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

/// The inputs named; a pattern that names no file itself stands for those that it fits.
fn inputs(arguments: &Replay) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for name in arguments.files.iter().chain(&arguments.read) {
        let is_pattern = name.contains(['*', '?', '[']) && !std::path::Path::new(name).exists();
        if name == "-" {
            inputs.push(Input::Stdin);
        } else if is_pattern {
            let fitting = glob::glob(name).with_context(|| format!("{name}: not a pattern"))?;
            let before = inputs.len();
            inputs.extend(fitting.flatten().map(Input::File));
            if inputs.len() == before {
                inputs.push(Input::File(name.into()));
            }
        } else {
            inputs.push(Input::File(name.into()));
        }
    }
    Ok(inputs)
}

/// One replay under way.
struct Run<'a> {
    arguments: &'a Replay,
    captures: capture::Replay,
    intake: Intake,
    sealers: Sealers,
    ledger: Ledger,
    progress: Progress,
    store: Store,
}

/// Frames between two looks at the signals, the progress bar and what the sealers have done.
const STRIDE: u64 = 4096;

impl<'a> Run<'a> {
    fn new(arguments: &'a Replay, captures: capture::Replay, store: Store, ledger: Ledger) -> Run<'a> {
        let copying = if arguments.keep == Keep::All { Copying::Frames } else { Copying::Payloads };
        let settings = Settings {
            keep: match arguments.keep {
                Keep::None => seal::Keep::None,
                Keep::Signalling => seal::Keep::Signalling,
                Keep::All => seal::Keep::All,
            },
            show_digits: arguments.digits == Digits::Keep,
            with_keys: arguments.with_keys,
            silence: Silence::default(),
            // The capture is still there: after a loss of power it is replayed again.
            durability: Durability::Fast,
        };
        let threads = arguments.threads.map_or_else(processors, usize::from);
        let spill = capture::Spill::new(store.dir());
        let kept = Kept { mapped: captures.medium(), spilled: spill.spilled() };
        let sealers = Sealers::new(threads, store.clone(), kept, settings, arguments.link_header.clone());
        let progress = Progress::new(captures.bytes_total(), arguments.quiet);
        let config = call::Config { copying, ..call::Config::default() };
        let mut intake = Intake::new(config, wire::Limits::default());
        intake.spill_to(spill);
        Run { arguments, captures, intake, sealers, ledger, progress, store }
    }

    /// Reads to the end, or until asked to stop.
    fn read_all(&mut self, stop: &Stop) -> anyhow::Result<Exit> {
        let mut until_look = STRIDE;
        let mut exit = Exit::Done;
        let mut end = End::CaptureEnd;
        loop {
            match self.captures.next() {
                Ok(Some(frame)) => self.intake.handle_frame(&frame),
                Ok(None) => break,
                Err(error) => {
                    self.progress.say(&format!("sipreel: {error}"));
                    exit = exit.max(Exit::of_input(&error));
                }
            }
            while let Some(call) = self.intake.poll_call() {
                self.sealers.handle_call(call);
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = STRIDE;
                self.enter_done()?;
                self.progress.show(
                    self.captures.bytes_read(),
                    self.captures.frames_read(),
                    self.ledger.calls(),
                );
                if stop.is_asked() {
                    end = End::Shutdown;
                    break;
                }
            }
        }
        self.intake.handle_end(end);
        while let Some(call) = self.intake.poll_call() {
            self.sealers.handle_call(call);
        }
        Ok(exit)
    }

    /// Seals what is left, closes the index and tells what was seen.
    fn finish(mut self) -> anyhow::Result<Exit> {
        self.sealers.finish();
        self.enter_done()?;
        self.progress.finish();
        if !self.arguments.quiet {
            eprint!("{}", summary(&self.intake, &self.ledger));
        }
        if let Some(path) = &self.arguments.metrics {
            fs::write(path, self.metrics())
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        let exit = if self.ledger.storage_errors() > 0 { Exit::Storage } else { Exit::Done };
        self.ledger.close()?;
        Ok(exit)
    }

    /// The metrics as they stand, in the text format of Prometheus.
    fn metrics(&self) -> String {
        let metrics = self.ledger.metrics();
        metrics::count(metrics, &self.intake, self.ledger.calls());
        metrics.update(|families| {
            if let Ok(free) = self.store.free_bytes() {
                families.storage.set_free(free);
            }
            families.storage.set_used(self.ledger.audio_bytes());
        });
        metrics.encode()
    }

    fn enter_done(&mut self) -> Result<(), store::Error> {
        while let Some(done) = self.sealers.poll_done() {
            let record = &done.sealed.record;
            if let Some(error) = &done.sealed.error {
                self.progress.say(&format!("sipreel: {}: {error}", record.id));
            }
            if self.arguments.verbose {
                self.progress.say(&format!("{}  {}  {}", record.id, record.state, record.outcome));
            }
            self.ledger.enter(done)?;
        }
        Ok(())
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
