//! The audio of a call: both legs decoded into their channels, window by window, and written as they are made.

use std::path::Path;

use audio::{Channel, Interval, Ledger, Levels, Meter, Origin};
use call::{Both, Epoch};
use clock::{Span, Time};

use crate::hold;
use crate::leg::Leg;
use crate::silence::{self, Cut, Silence};
use crate::voice;

/// The audio that was written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// When sample 0 belongs.
    pub(crate) started_at: Time,
    pub(crate) sample_rate: u32,
    pub(crate) written: store::wav::Written,
    /// The silence that was left out.
    pub(crate) cuts: Vec<Cut>,
    /// How loud it is.
    pub(crate) levels: Levels,
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

/// Writes the call's audio to `path`; `None` where there is nothing to hear. Silence in `epochs` of a hold is told as such.
pub(crate) fn render(
    legs: &Both<Leg<'_>>,
    epochs: &[Epoch],
    silence: &Silence,
    path: &Path,
) -> Result<Option<Rendered>, store::Error> {
    let Some(origin) = [legs.caller.starts_at(), legs.callee.starts_at()].into_iter().flatten().min() else {
        return Ok(None);
    };
    // The highest there is: what was sent at it stands bit-exact.
    let rates = [legs.caller.sample_rate(), legs.callee.sample_rate()];
    let rate = rates.into_iter().flatten().max().unwrap_or(NARROWBAND);
    let mut cues = [legs.caller.cues(origin, rate), legs.callee.cues(origin, rate)];
    let (lead, cuts) = silence::shorten(&mut cues, silence, rate);
    let lead_ns = u128::from(lead) * 1_000_000_000 / u128::from(rate);
    let started_at = origin + Span::from_ns(i64::try_from(lead_ns).unwrap_or(i64::MAX));
    let frames = cues.iter().flatten().map(|cue| cue.end(rate)).max().unwrap_or(0);
    let held = hold::spans(epochs, started_at, rate, frames, &cuts);
    let held = cues.each_ref().map(|cues| hold::without_losses(&held, cues, rate));
    let mut writer = store::wav::Writer::create(path, rate, CHANNELS, frames)?;
    let [caller, callee] = cues;
    let elsewhere = [legs.caller.elsewhere(), legs.callee.elsewhere()];
    let mut channels = [Channel::new(caller, &elsewhere[0], rate), Channel::new(callee, &elsewhere[1], rate)];
    let mut meter = Meter::new(rate);
    let mut window = Vec::new();
    let mut left = frames;
    while left > 0 {
        // It stays in the second-level cache from decoding through hashing to writing.
        let count = left.min(writer.frames_to_block());
        window.clear();
        window.resize(count as usize * usize::from(CHANNELS), 0i16);
        for (number, channel) in channels.iter_mut().enumerate() {
            channel.fill(&mut window, number);
        }
        meter.listen(&window);
        writer.write(&window)?;
        left -= count;
    }
    let mut ledgers = channels.map(Channel::into_ledger);
    let sample =
        |at: Time| hold::place(u64::try_from(voice::samples(at - started_at, rate)).unwrap_or(0), &cuts);
    for ((ledger, held), leg) in ledgers.iter_mut().zip(&held).zip([&legs.caller, &legs.callee]) {
        let lost = leg.not_captured().into_iter().map(|(from, to)| (sample(from), sample(to)));
        ledger.mark_not_captured(&lost.collect::<Vec<_>>());
        ledger.mark_hold(held);
    }
    let (written, levels) = (writer.finish()?, meter.finish());
    Ok(Some(Rendered { started_at, sample_rate: rate, written, cuts, levels, ledgers }))
}

/// Where nothing that sounds has a rate.
const NARROWBAND: u32 = 8000;
pub(crate) const CHANNELS: u16 = 2;
