//! `sipreel selftest`, and what `record` does every so often: a call that never was goes the whole way of a packet, from a
//! frame to the audio on the store's own disk, is read back, and compared with what was said, sample by sample.
//!
//! It has a decoder, a tracker and a store of its own, so that no user's call, count or search can see it.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use call::End;
use clock::{Span, Time};
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use rehearsal::Call;
use seal::{Checks, Format, Keep, Layout, Rate, Settings, Shape, Silence};
use serde_json::json;
use store::{Durability, Outcome, Store};
use web::metrics::Metrics;

use crate::cli;
use crate::exit::Exit;
use crate::intake::Intake;

/// Runs one now, and tells how it went.
pub(crate) fn run(arguments: &cli::Selftest) -> anyhow::Result<Exit> {
    let store = Store::open(arguments.store.dir()?)?;
    let begun = Instant::now();
    let result = rehearse(&store, capture::live::now());
    let took = begun.elapsed().as_secs_f64();
    let failure = match result {
        Err(Failure::Store(error)) => return Err(error.into()),
        Err(Failure::Differs(what)) => Some(what),
        Ok(()) => None,
    };
    let mut out = stdout();
    if arguments.json {
        let result = if failure.is_none() { "passed" } else { "failed" };
        writeln!(out, "{}", json!({"result": result, "failure": failure, "took_s": took}))?;
    } else {
        let told = failure.as_ref().map_or_else(
            || format!("passed: a call was recorded and read back whole, in {:.0} ms", took * 1e3),
            |what| format!("failed: {what}"),
        );
        writeln!(out, "{told}")?;
    }
    Ok(if failure.is_some() { Exit::Findings } else { Exit::Done })
}

/// Why a self-test failed.
#[derive(Debug)]
enum Failure {
    /// The disk or the store.
    Store(store::Error),
    /// What was recorded is not what was said.
    Differs(String),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Failure {
        Failure::Store(error)
    }
}

/// Has a made-up call of that time recorded beside the recordings of `store`, and compares.
fn rehearse(store: &Store, now: Time) -> Result<(), Failure> {
    let call = Call::new(now);
    let stage = Stage::set_up(store.dir())?;
    let mut intake = Intake::new(call::Config::default(), wire::Limits::default());
    for frame in call.frames() {
        intake.handle_frame(&capture::Frame {
            at: frame.at,
            link: ETHERNET,
            bytes: &frame.bytes,
            wire_len: frame.bytes.len() as u32,
            place: None,
            origin: 0,
        });
    }
    intake.handle_end(End::CaptureEnd);
    let Some(ended) = intake.poll_call() else {
        return Err(Failure::Differs("no call was seen".to_owned()));
    };
    let sealed = seal::seal(&ended, &Nothing, &stage.store, &SETTINGS);
    if let Some(error) = sealed.error {
        return Err(Failure::Store(error));
    }
    let record = stage.store.record(&sealed.record.id)?;
    if record.outcome != Outcome::Recorded || record.call_id != call.call_id() {
        return Err(Failure::Differs(format!("the call became {}", record.outcome)));
    }
    let file = record.recording.map(|recording| stage.store.dir().join(recording.path));
    let path = file.ok_or_else(|| Failure::Differs("there is no audio".to_owned()))?;
    let wav = fs::read(&path).map_err(store::Error::io("read", &path))?;
    compare(&wav, call.said()).map_err(Failure::Differs)
}

/// LINKTYPE_ETHERNET.
const ETHERNET: u32 = 1;

const SETTINGS: Settings = Settings {
    keep: Keep::Signalling,
    show_digits: false,
    compress_packets: false,
    shape: Shape { format: Format::Wav, layout: Layout::Stereo, rate: Rate::Native },
    with_keys: false,
    silence: Silence { longest: Span::from_secs(3600), most: Span::from_secs(3600) },
    durability: Durability::Sync,
    checks: Checks::DEFAULT,
};

/// Holds `wav` against what the caller and the callee said.
fn compare(wav: &[u8], [caller, callee]: [&[i16]; 2]) -> Result<(), String> {
    let data = data(wav).ok_or("the audio is no WAV file")?;
    let (frames, _) = data.as_chunks::<4>();
    if frames.len() != caller.len() {
        return Err(format!("{} samples were recorded of {}", frames.len(), caller.len()));
    }
    let heard = frames.iter().map(|&[a, b, c, d]| (i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d])));
    let said = caller.iter().copied().zip(callee.iter().copied());
    match heard.zip(said).position(|(heard, said)| heard != said) {
        None => Ok(()),
        Some(at) => Err(format!("sample {at} is not the one that was said")),
    }
}

/// What the data chunk of a RIFF file holds.
fn data(wav: &[u8]) -> Option<&[u8]> {
    let mut rest = wav.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    loop {
        let (name, sized) = rest.split_at_checked(4)?;
        let (size, body) = sized.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        if name == b"data" {
            return body.get(..size);
        }
        rest = body.get(size + size % 2..)?;
    }
}

/// Packets of it are in memory.
struct Nothing;

impl rtp::Medium for Nothing {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

/// A store beside the recordings that is gone afterwards.
struct Stage {
    store: Store,
}

impl Stage {
    fn set_up(beside: &Path) -> Result<Stage, store::Error> {
        let folder = beside.join(format!("{STAGE}{}", std::process::id()));
        Stage::tear_down_abandoned(beside);
        Ok(Stage { store: Store::open(&folder)? })
    }

    /// What a self-test left that was killed.
    fn tear_down_abandoned(beside: &Path) {
        let folders = fs::read_dir(beside).into_iter().flatten().flatten();
        let stages = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(STAGE));
        for stage in stages {
            let made = stage.metadata().and_then(|metadata| metadata.modified());
            let age = made.ok().and_then(|made| made.elapsed().ok());
            if age.is_some_and(|age| age > NOBODYS) {
                // Where that fails, the next one tries again; it is in nobody's way.
                let _ = fs::remove_dir_all(stage.path());
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.store.dir());
    }
}

/// Begins the names of these folders in the store.
const STAGE: &str = "selftest-";
/// No self-test takes so long.
const NOBODYS: Duration = Duration::from_secs(3600);

/// Self-tests that go on beside a recorder until this is dropped.
pub(crate) struct Rehearsals {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rehearsals {
    /// One at once, and one each `interval`. What each finds is counted, and a failure is told.
    pub(crate) fn start(interval: Duration, store: Store, metrics: Arc<Metrics>) -> Rehearsals {
        let (stop, stopped) = bounded::<()>(1);
        let thread = thread::spawn(move || {
            loop {
                let now = capture::live::now();
                let result = rehearse(&store, now);
                metrics.update(|families| match &result {
                    Ok(()) => families.storage.selftest_passed_at(now.as_secs_f64()),
                    Err(_) => families.storage.selftest_failed(),
                });
                match result {
                    Ok(()) => {}
                    Err(Failure::Store(error)) => eprintln!("sipreel: the self-test failed: {error}"),
                    Err(Failure::Differs(what)) => eprintln!("sipreel: the self-test failed: {what}"),
                }
                if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Rehearsals { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Rehearsals {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ns(1_700_000_000_123_456_000);

    #[test]
    fn a_call_goes_the_whole_way_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let before = fs::read_dir(dir.path()).unwrap().count();
        rehearse(&store, NOW).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
    }

    #[test]
    fn one_sample_or_one_channel_that_is_wrong_is_found() {
        let wav = |frames: &[[i16; 2]]| {
            let data: Vec<u8> = frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()).collect();
            let size = (data.len() as u32).to_le_bytes();
            [b"RIFF", &[0; 4][..], b"WAVEfmt ", &[3, 0, 0, 0], &[1, 2, 3, 0], b"data", &size, &data].concat()
        };
        let said: [&[i16]; 2] = [&[1, 2, 3], &[4, 5, 6]];
        let good = wav(&[[1, 4], [2, 5], [3, 6]]);
        assert_eq!(compare(&good, said), Ok(()));
        for (frames, told) in [
            (&[[1, 4], [2, 5], [3, 7]][..], "sample 2 is not"),
            (&[[4, 1], [5, 2], [6, 3]], "sample 0 is not"),
            (&[[1, 4], [2, 5]], "2 samples were recorded of 3"),
        ] {
            assert!(compare(&wav(frames), said).unwrap_err().starts_with(told));
        }
        assert!(compare(good.get(..good.len() - 1).unwrap(), said).is_err());
        assert!(compare(b"RIFF", said).is_err());
    }

    #[test]
    fn a_store_that_fails_is_told_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(dir.path().join(format!("{STAGE}{}", std::process::id())), b"in the way").unwrap();
        assert!(matches!(rehearse(&store, NOW), Err(Failure::Store(_))));
    }
}
