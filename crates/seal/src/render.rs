//! The audio of a call: both legs decoded into their channels, window by window, and written as they are made.

use std::path::Path;

use audio::{Channel, Interval, Ledger, Origin};
use call::{Both, Epoch};
use clock::{Span, Time};

use crate::hold;
use crate::leg::Leg;
use crate::score::Score;
use crate::silence::{Cut, Plan, Silence};

/// The audio that was written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// When sample 0 belongs.
    pub(crate) started_at: Time,
    pub(crate) sample_rate: u32,
    pub(crate) written: store::wav::Written,
    /// The silence that was left out.
    pub(crate) cuts: Vec<Cut>,
    /// Of both channels.
    ledgers: Vec<Ledger>,
}

impl Rendered {
    /// Every interval of both channels, channel by channel.
    pub(crate) fn intervals(&self) -> impl Iterator<Item = (u16, &Interval)> {
        let channels = (0u16..).zip(&self.ledgers);
        channels
            .flat_map(|(channel, ledger)| ledger.intervals().iter().map(move |interval| (channel, interval)))
    }

    /// So many samples of a channel may have been told together in its intervals that are not of one origin.
    pub(crate) fn grain(&self) -> u64 {
        self.ledgers.iter().map(Ledger::grain).max().unwrap_or(0)
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
    let legs = [&legs.caller, &legs.callee];
    let scores = legs.map(|leg| Score::new(leg, origin, rate));
    let plan = Plan::of(scores.each_ref().map(Score::cues), silence, rate);
    let (lead, frames) = (plan.lead, plan.frames);
    let lead_ns = u128::from(lead) * 1_000_000_000 / u128::from(rate);
    let started_at = origin + Span::from_ns(i64::try_from(lead_ns).unwrap_or(i64::MAX));
    let held = hold::spans(epochs, started_at, rate, frames, &plan.cuts);
    let held = scores.each_ref().map(|score| hold::without_losses(&held, plan.moved(score.cues()), rate));
    let mut writer = store::wav::Writer::create(path, rate, CHANNELS, frames)?;
    let mut channels: Vec<Channel<'_>> = legs
        .iter()
        .zip(&scores)
        .map(|(leg, score)| {
            Channel::new(&|| plan.moved(score.cues()), &leg.sample_rates(), &leg.elsewhere(), rate)
        })
        .collect();
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
        writer.write(&window)?;
        left -= count;
    }
    let mut ledgers: Vec<Ledger> = channels.into_iter().map(Channel::into_ledger).collect();
    for (ledger, held) in ledgers.iter_mut().zip(&held) {
        ledger.mark_hold(held);
    }
    let (written, cuts) = (writer.finish()?, plan.cuts);
    Ok(Some(Rendered { started_at, sample_rate: rate, written, cuts, ledgers }))
}

/// Where nothing that sounds has a rate.
const NARROWBAND: u32 = 8000;
pub(crate) const CHANNELS: u16 = 2;
