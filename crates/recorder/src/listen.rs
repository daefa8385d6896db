//! `sipreel calls listen`: the sound of a call that goes on, as it stands in its journal.
//!
//! The recorder is not asked, and pays nothing: the journal is a capture that grows, and what it holds goes the ordinary
//! way, again and again, to what its recording would be if the call ended now. What was not heard yet of that is handed on,
//! but for the last second, which is not settled. Once the call is over the rest comes from its recording.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write, stdout};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use capture::{Input, Spill};
use clock::Time;
use seal::Preview;
use store::audit::{Action, Outcome};
use store::{CallId, Durability, RecordingFile, Store};

use crate::cli::{Common, Listen};
use crate::config::Settings;
use crate::exit::Exit;
use crate::log::Log;
use crate::recovery;
use crate::sealers::Kept;

/// So much of what came last may still change.
const UNSETTLED_S: u64 = 1;
/// How often the journal is looked at, if it takes no longer.
const EVERY: Duration = Duration::from_millis(500);
/// Of a long call each look takes longer: no more than one part in so many of a processor's time goes into it.
const SHARE: u32 = 4;
/// A call that is over is recorded within that time, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(arguments: &Listen) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls listen", &arguments.why);
    let mut deed = log.deed(Action::Listen, Some(&arguments.id));
    if !store.may_listen() {
        deed.result = Outcome::Refused;
        log.tell(&deed);
        eprintln!(
            "sipreel: its recorder allows nobody to listen; `listeners = true` in [record] of its configuration does"
        );
        return Ok(Exit::Permission);
    }
    let journal = store.journal(&arguments.id);
    if !journal.exists() {
        deed.result = Outcome::Failed;
        log.tell(&deed);
        match store.record(&arguments.id) {
            Ok(_) => eprintln!("sipreel: {} is over; `sipreel calls export` hands it over", arguments.id),
            Err(_) => eprintln!("sipreel: no call {} goes on in {}", arguments.id, store.dir().display()),
        }
        return Ok(Exit::Findings);
    }
    // Who cannot be told of does not listen.
    store.audit().append(&deed)?;
    let config = arguments.store.config()?;
    let common = Common { store: arguments.store.clone(), ..Common::default() };
    let mut settings = Settings::new(&common, &config, Durability::Fast)?;
    settings.seal.show_digits = false;
    follow(&store, &arguments.id, &settings, arguments.from_start)
}

/// Hands on what is heard until the call is over: from now on, or from its beginning.
fn follow(store: &Store, id: &CallId, settings: &Settings, from_start: bool) -> anyhow::Result<Exit> {
    let scratch = tempfile::tempdir().context("cannot make a folder for what is decoded")?;
    let mut heard = Heard::new(stdout().lock(), from_start);
    let journal = store.journal(id);
    let mut length = 0;
    while let Ok(now) = fs::metadata(&journal) {
        let mut pause = EVERY;
        if now.len() != length {
            let begun = Instant::now();
            let preview = look(&journal, id, scratch.path(), settings, heard.next());
            // A player takes what it is given in its own time, which is no work of ours.
            pause = pause.max(begun.elapsed() * SHARE);
            preview.map_or(Ok(()), |preview| heard.take(&preview))?;
        }
        length = now.len();
        thread::sleep(pause);
    }
    let begun = Instant::now();
    while store.record(id).is_err() && begun.elapsed() < PATIENCE {
        thread::sleep(EVERY);
    }
    match store.record(id)?.recording {
        Some(recording) => heard.take_rest(store, &recording)?,
        None => eprintln!("sipreel: nothing of it could be heard"),
    }
    Ok(Exit::Done)
}

/// What can be heard by now of the call whose journal that is, from the time on that was not handed on yet.
fn look(
    journal: &Path,
    id: &CallId,
    scratch: &Path,
    settings: &Settings,
    next: (Option<Time>, Option<u32>),
) -> Option<Preview> {
    let (captures, refused) = capture::Replay::open(&[Input::File(journal.to_owned())]);
    if !refused.is_empty() {
        return None;
    }
    let medium = Kept { mapped: captures.medium(), spilled: Spill::new(scratch).spilled() };
    // A section that is being written ends it for now.
    let (calls, _) = recovery::read(captures, settings);
    let call = calls.iter().find(|call| seal::id(call) == *id)?;
    seal::preview(call, &medium, scratch, &settings.seal, next)
}

/// What was handed on so far, as a WAV without an end.
struct Heard<W> {
    out: W,
    /// Whether it begins where the call did, and not where that is now.
    from_start: bool,
    /// When the first frame belongs, and the rate.
    begun: Option<(Time, u32)>,
    frames: u64,
}

impl<W: Write> Heard<W> {
    fn new(out: W, from_start: bool) -> Self {
        Heard { out, from_start, begun: None, frames: 0 }
    }

    /// From when on it is to go on, and at which rate.
    fn next(&self) -> (Option<Time>, Option<u32>) {
        let at = |(started_at, rate)| started_at + span(self.frames, rate);
        (self.begun.map(at), self.begun.map(|(_, rate)| rate))
    }

    fn take(&mut self, preview: &Preview) -> io::Result<()> {
        let rate = preview.sample_rate;
        let new = preview.samples.len() as u64 / 2;
        let settled = new.saturating_sub(u64::from(rate) * UNSETTLED_S);
        if settled == 0 {
            return Ok(());
        }
        if self.begun.is_none() {
            let passed = if self.from_start { 0 } else { settled };
            self.begun = Some((preview.started_at + span(passed, rate), rate));
            self.out.write_all(&endless_header(rate))?;
            if passed > 0 {
                return self.out.flush();
            }
        }
        let samples = preview.samples.iter().take(2 * settled as usize);
        let octets: Vec<u8> = samples.flat_map(|sample| sample.to_le_bytes()).collect();
        self.frames += settled;
        self.out.write_all(&octets)?;
        self.out.flush()
    }

    /// What its recording holds beyond that, where it is a WAV of the same rate with both parties.
    fn take_rest(&mut self, store: &Store, recording: &RecordingFile) -> anyhow::Result<()> {
        let is_alike =
            recording.encoding == "pcm_s16le" && recording.channels == 2 && recording.files.is_empty();
        let rate = self.begun.map_or(recording.sample_rate, |(_, rate)| rate);
        if !is_alike || rate != recording.sample_rate || !recording.cuts.is_empty() {
            eprintln!("sipreel: the last moment of it stands only in its recording");
            return Ok(());
        }
        if self.begun.is_none() {
            self.out.write_all(&endless_header(rate))?;
        }
        let path = store.dir().join(&recording.path);
        let told = || format!("{}: cannot be read", path.display());
        let mut file = BufReader::new(File::open(&path).with_context(told)?);
        let mut magic = [0; 4];
        file.read_exact(&mut magic).with_context(told)?;
        let header = if &magic == b"RF64" { 80 } else { 44 };
        let from = self
            .next()
            .0
            .zip(recording.started_at)
            .map_or(0, |(next, started_at)| frames(next - started_at, rate));
        let from = from.min(recording.frames);
        file.seek(SeekFrom::Start(header + 4 * from)).with_context(told)?;
        io::copy(&mut file.take(4 * (recording.frames - from)), &mut self.out)?;
        self.out.flush()?;
        Ok(())
    }
}

fn span(frames: u64, rate: u32) -> clock::Span {
    clock::Span::from_ns((u128::from(frames) * 1_000_000_000 / u128::from(rate.max(1))) as i64)
}

/// The frames of a span, to the nearest.
fn frames(span: clock::Span, rate: u32) -> u64 {
    let exact = (i128::from(span.as_ns()) * i128::from(rate) + 500_000_000).div_euclid(1_000_000_000);
    u64::try_from(exact).unwrap_or(0)
}

/// The header of a WAV of two channels of which nobody knows how long it gets: both sizes are the largest there are, which
/// players take for that.
fn endless_header(rate: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF\xff\xff\xff\xffWAVEfmt ");
    header.extend(16u32.to_le_bytes());
    header.extend([1u16, 2].map(u16::to_le_bytes).as_flattened());
    header.extend([rate, rate * 4].map(u32::to_le_bytes).as_flattened());
    header.extend([4u16, 16].map(u16::to_le_bytes).as_flattened());
    header.extend(b"data\xff\xff\xff\xff");
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(from: u64, frames: u64) -> Preview {
        let samples = (2 * from..2 * frames).map(|n| n as i16).collect();
        Preview { started_at: Time::from_parts(1_700_000_000, 0), sample_rate: 8000, frames, samples }
    }

    #[test]
    fn each_frame_is_handed_on_once_and_the_last_second_waits() {
        let mut heard = Heard::new(Vec::new(), true);
        assert_eq!(heard.next(), (None, None));
        heard.take(&preview(0, 4000)).unwrap();
        assert!(heard.out.is_empty(), "half a second is not settled");
        heard.take(&preview(0, 12_000)).unwrap();
        let next = Time::from_parts(1_700_000_000, 500_000_000);
        assert_eq!(heard.next(), (Some(next), Some(8000)));
        heard.take(&preview(4000, 20_000)).unwrap();
        let samples: Vec<i16> =
            heard.out[44..].as_chunks().0.iter().map(|&octets| i16::from_le_bytes(octets)).collect();
        assert_eq!(samples, (0..24_000).map(|n| n as i16).collect::<Vec<_>>());
    }

    #[test]
    fn who_comes_late_hears_what_comes_from_then_on() {
        let mut heard = Heard::new(Vec::new(), false);
        heard.take(&preview(0, 20_000)).unwrap();
        assert_eq!(heard.out.len(), 44, "the header, and no sound yet");
        assert_eq!(heard.next().0, Some(Time::from_parts(1_700_000_001, 500_000_000)));
        heard.take(&preview(12_000, 28_000)).unwrap();
        let first = i16::from_le_bytes([heard.out[44], heard.out[45]]);
        assert_eq!((first, heard.out.len()), (24_000, 44 + 4 * 8000));
    }
}
