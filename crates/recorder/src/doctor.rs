//! `sipreel doctor`: what is wrong with a mirror port or a capture, before anything is recorded from it.
//!
//! Frames go the same way as to a recording, as far as the calls; what would be recorded of each is examined, on a thread
//! of its own, and nothing is written.

use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use call::{Call, End};
use capture::Frame;
use capture::live::{Live, Origin};
use clock::Time;
use crossbeam_channel::{Sender, bounded};
use diagnosis::{Calls, Seen, findings};
use store::{Durability, Store};

use crate::cli::{Common, Doctor};
use crate::config::Settings;
use crate::exit::Exit;
use crate::intake::Intake;
use crate::progress::Progress;
use crate::replay;
use crate::sealers::Kept;
use crate::signals::Stop;
use crate::super_frames::SuperFrames;

pub(crate) fn run(arguments: &Doctor) -> anyhow::Result<Exit> {
    let config = arguments.store.config()?;
    let common = Common {
        store: arguments.store.clone(),
        tls_keylog: arguments.tls_keylog.clone(),
        ..Common::default()
    };
    let settings = Settings::new(&common, &config, Durability::Fast)?;
    let stop = Stop::listen().context("cannot listen for signals")?;
    let (seen, exit) = if arguments.interfaces.is_empty() {
        of_files(arguments, &settings, &stop)?
    } else {
        of_interfaces(arguments, &settings, config.live()?, &stop)?
    };
    let Some(mut seen) = seen else { return Ok(exit) };
    // Only of a store that is there: looking makes none.
    seen.free_bytes = Store::at(&settings.store).ok().and_then(|store| store.free_bytes().ok());
    let findings = findings(&seen);
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
    } else {
        write!(out, "{findings}")?;
    }
    Ok(exit.max(if findings.fault { Exit::Findings } else { Exit::Done }))
}

/// Looks at captures from their beginning to their end; sees nothing where none can be read.
fn of_files(arguments: &Doctor, settings: &Settings, stop: &Stop) -> anyhow::Result<(Option<Seen>, Exit)> {
    let filter = arguments.filter()?;
    let inputs = replay::inputs(&arguments.files)?;
    let (mut captures, refused) = capture::Replay::open(&inputs);
    let mut exit = Exit::Done;
    for error in &refused {
        eprintln!("sipreel: {error}");
        exit = exit.max(Exit::of_input(error));
    }
    if refused.len() == inputs.len() {
        return Ok((None, exit));
    }
    let progress = Progress::new(captures.bytes_total(), arguments.json);
    let mut look = Look::new(settings, captures.medium(), SuperFrames::anywhere())?;
    look.intake.filter_by(filter);
    let mut until_look = STRIDE;
    while !stop.is_asked() {
        while let Some(text) = captures.poll_key_log() {
            look.intake.handle_key_log(&text);
        }
        match captures.next() {
            Ok(Some(frame)) => look.handle_frame(&frame),
            Ok(None) => break,
            Err(error) => {
                progress.say(&format!("sipreel: {error}"));
                exit = exit.max(Exit::of_input(&error));
            }
        }
        until_look -= 1;
        if until_look == 0 {
            until_look = STRIDE;
            progress.show(captures.bytes_read(), captures.frames_read(), look.calls);
        }
    }
    progress.finish();
    Ok((Some(look.finish(End::CaptureEnd)), exit))
}

/// Frames between two looks at the progress bar.
const STRIDE: u64 = 4096;

/// Looks at interfaces for as long as was asked for.
fn of_interfaces(
    arguments: &Doctor,
    settings: &Settings,
    usual: capture::live::Options,
    stop: &Stop,
) -> anyhow::Result<(Option<Seen>, Exit)> {
    let filter = arguments.filter()?;
    let words = filter.as_ref().and_then(|filter| filter.read_as().map(str::to_owned));
    let options = capture::live::Options {
        interfaces: arguments.interfaces.clone(),
        filter: words.or_else(|| arguments.filter.clone()),
        agents: Vec::new(),
        ..usual
    };
    let mut live = Live::open(&options)?;
    let super_frames = SuperFrames::on(&options.interfaces);
    let mut look = Look::new(settings, capture::Medium::default(), super_frames)?;
    look.is_filtered = options.filter.is_some();
    eprintln!("looking at {} for {} s", options.interfaces.join(", "), arguments.time);
    let progress = Progress::new(None, arguments.json);
    let (begun, time) = (Instant::now(), Duration::from_secs_f64(arguments.time));
    let mut shown = begun;
    while begun.elapsed() < time && !stop.is_asked() && !live.is_over() {
        let taken = live.read(|_, frame| look.handle_frame(frame));
        while let Some(notice) = live.poll_notice() {
            progress.say(&format!("sipreel: {notice}"));
        }
        if shown.elapsed() >= SHOW_EACH {
            shown = Instant::now();
            let counts = look.intake.counts();
            progress.show(counts.bytes, counts.frames, look.calls);
        }
        if taken == 0 {
            live.wait(WAIT.min(time.saturating_sub(begun.elapsed())));
        }
    }
    live.end();
    live.read(|_, frame| look.handle_frame(frame));
    progress.finish();
    let drops = live.drops(Origin::Interface);
    let mut seen = look.finish(End::CaptureEnd);
    let lost = [("the kernel", drops.kernel), ("the network card", drops.card)];
    seen.dropped = lost.into_iter().filter(|(_, packets)| *packets > 0).collect();
    Ok((Some(seen), Exit::Done))
}

const WAIT: Duration = Duration::from_millis(100);
const SHOW_EACH: Duration = Duration::from_millis(250);

/// A look under way.
struct Look {
    intake: Intake,
    examiner: Examiner,
    is_filtered: bool,
    super_frames: SuperFrames,
    first_at: Option<Time>,
    /// Calls that were over so far.
    calls: u64,
}

impl Look {
    fn new(settings: &Settings, mapped: capture::Medium, super_frames: SuperFrames) -> anyhow::Result<Look> {
        let folder = std::env::temp_dir();
        let spill = capture::Spill::new(&folder);
        let kept = Kept { mapped, spilled: spill.spilled() };
        let mut intake = Intake::new(settings.call, settings.wire);
        intake.follow_connections(settings.tcp, settings.keys.clone());
        intake.spill_to(spill);
        let examiner = Examiner::start(kept, settings.seal)?;
        Ok(Look { intake, examiner, is_filtered: false, super_frames, first_at: None, calls: 0 })
    }

    fn handle_frame(&mut self, frame: &Frame<'_>) {
        self.first_at = Some(self.first_at.map_or(frame.at, |first| first.min(frame.at)));
        self.super_frames.saw(frame);
        self.intake.handle_frame(frame);
        self.examine();
    }

    fn examine(&mut self) {
        while let Some(call) = self.intake.poll_call() {
            self.calls += 1;
            self.examiner.handle_call(call);
        }
    }

    /// What was seen, once nothing comes any more.
    fn finish(mut self, end: End) -> Seen {
        self.intake.handle_end(end);
        self.examine();
        let calls = self.examiner.finish();
        let (counts, tracked) = (self.intake.counts(), self.intake.tracker().counts());
        let orphans = tracked.orphans;
        Seen {
            packets: counts.frames,
            seconds: self.first_at.map_or(0.0, |first| (counts.last_at - first).as_secs_f64()),
            requests: tracked.requests.iter().sum(),
            responses: tracked.responses.iter().sum(),
            copies: self.intake.copies(),
            cut: counts.truncated,
            super_frames: self.super_frames.seen,
            fragments_lost: self.intake.fragments().waiting,
            is_filtered: self.is_filtered || counts.filtered > 0,
            rtp_in_calls: tracked.rtp.attached,
            rtp_of_no_call: tracked.rtp.orphan,
            streams_of_no_call: orphans.unclaimed + orphans.ambiguous + orphans.evicted,
            dropped: Vec::new(),
            calls,
            free_bytes: None,
        }
    }
}

/// The thread that examines calls, so that the reading of an interface need not wait for it.
struct Examiner {
    calls: Sender<Call>,
    thread: JoinHandle<Calls>,
}

impl Examiner {
    fn start(kept: Kept, settings: seal::Settings) -> anyhow::Result<Examiner> {
        let (calls, to_examine) = bounded::<Call>(MOST_WAITING);
        let work = move || {
            let (mut all, folder) = (Calls::default(), std::env::temp_dir());
            for call in to_examine {
                let examine = || seal::examine(&call, &kept, &folder, &settings);
                // A fault of this program in one call must not cost the others theirs.
                if let Ok((record, audio_bytes)) = catch_unwind(AssertUnwindSafe(examine)) {
                    all.enter(&record, audio_bytes);
                }
            }
            all
        };
        let thread = thread::Builder::new().name("examiner".into()).spawn(work);
        Ok(Examiner { calls, thread: thread.context("cannot start a thread")? })
    }

    fn handle_call(&self, call: Call) {
        // It ends when this sender does, and not before.
        let _ = self.calls.send(call);
    }

    fn finish(self) -> Calls {
        drop(self.calls);
        self.thread.join().unwrap_or_default()
    }
}

/// Calls that may wait to be examined.
const MOST_WAITING: usize = 4096;
