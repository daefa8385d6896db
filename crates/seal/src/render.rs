//! The audio of a call: both legs decoded into their channels, window by window, and written as they are made.

use std::path::Path;

use audio::{Cue, Interval, Ledger, Origin, Track};
use call::Both;
use clock::{Span, Time};

use crate::leg::Leg;
use crate::silence::{self, Cut, Silence};

/// The audio that was written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// When sample 0 belongs.
    pub(crate) started_at: Time,
    pub(crate) sample_rate: u32,
    pub(crate) written: store::wav::Written,
    /// The silence that was left out.
    pub(crate) cuts: Vec<Cut>,
    ledgers: [Ledger; 2],
}

impl Rendered {
    /// Every interval of both channels, channel by channel.
    pub(crate) fn intervals(&self) -> impl Iterator<Item = (u16, &Interval)> {
        let channels = (0u16..).zip(&self.ledgers);
        channels
            .flat_map(|(channel, ledger)| ledger.intervals().iter().map(move |interval| (channel, interval)))
    }

    /// Samples of both channels by origin.
    pub(crate) fn origins(&self) -> Vec<(Origin, u64)> {
        let samples = |origin| self.ledgers.iter().map(|ledger| ledger.samples_of(origin)).sum();
        Origin::ALL.iter().map(|&origin| (origin, samples(origin))).collect()
    }
}

/// Writes the call's audio to `path`; `None` where there is nothing to hear.
pub(crate) fn render(
    legs: &Both<Leg<'_>>,
    silence: &Silence,
    path: &Path,
) -> Result<Option<Rendered>, store::Error> {
    let Some(origin) = [legs.caller.starts_at(), legs.callee.starts_at()].into_iter().flatten().min() else {
        return Ok(None);
    };
    let mut cues = [legs.caller.cues(origin, SAMPLE_RATE), legs.callee.cues(origin, SAMPLE_RATE)];
    let (lead, cuts) = silence::shorten(&mut cues, silence, SAMPLE_RATE);
    let lead_ns = u128::from(lead) * 1_000_000_000 / u128::from(SAMPLE_RATE);
    let started_at = origin + Span::from_ns(i64::try_from(lead_ns).unwrap_or(i64::MAX));
    let frames = cues.iter().flatten().map(end_of).max().unwrap_or(0);
    let mut writer = store::wav::Writer::create(path, SAMPLE_RATE, CHANNELS, frames)?;
    let [caller, callee] = cues;
    let mut tracks = [Track::new(caller), Track::new(callee)];
    let mut window = Vec::new();
    let mut left = frames;
    while left > 0 {
        // It stays in the second-level cache from decoding through hashing to writing.
        let count = left.min(writer.frames_to_block());
        window.clear();
        window.resize(count as usize * usize::from(CHANNELS), 0i16);
        for (channel, track) in tracks.iter_mut().enumerate() {
            track.fill(&mut window, channel);
        }
        writer.write(&window)?;
        left -= count;
    }
    let ledgers = tracks.map(Track::into_ledger);
    Ok(Some(Rendered { started_at, sample_rate: SAMPLE_RATE, written: writer.finish()?, cuts, ledgers }))
}

fn end_of(cue: &Cue<'_>) -> u64 {
    cue.at + cue.codec.samples_in(cue.payload.len()) as u64
}

/// Every codec that can be decoded so far is narrowband.
const SAMPLE_RATE: u32 = 8000;
pub(crate) const CHANNELS: u16 = 2;
