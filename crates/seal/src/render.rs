//! The audio of a call: both legs decoded into their channels, window by window, and written as they are made.

use audio::{Channel, Interval, Ledger, Levels, Meter, Origin};
use call::{Both, Call};
use clock::{Span, Time};
use store::Recording;

use crate::Settings;
use crate::digits::{self, Pressed};
use crate::hold;
use crate::leg::Leg;
use crate::mask::{Heard, Mask};
use crate::output::{Audio, Finished, Output};
use crate::score::Score;
use crate::shape::Shape;
use crate::silence::{Cut, Plan};
use crate::voice;

/// The audio that was written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// When sample 0 belongs.
    pub(crate) started_at: Time,
    /// What cuts, digits and levels are counted at, and how many samples there are at it.
    pub(crate) sample_rate: u32,
    pub(crate) frames: u64,
    /// What the files are, and what their intervals are counted at.
    pub(crate) shape: Shape,
    pub(crate) file_rate: u32,
    pub(crate) files: Vec<Audio>,
    /// The silence that was left out.
    pub(crate) cuts: Vec<Cut>,
    /// Where each is, and how much was left out up to there.
    shifts: Vec<(u64, u64)>,
    /// The digits that were heard, and what was blanked.
    pub(crate) heard: Heard,
    /// How loud it is.
    pub(crate) levels: Levels,
    ledgers: [Ledger; 2],
    /// What was to stay in memory.
    pub(crate) tail: Vec<i16>,
}

/// Where the samples go.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'r> {
    /// Into files.
    Recording(&'r Recording),
    /// Into memory, from that time on; all of them where none is told.
    Memory(Option<Time>),
}

impl Rendered {
    /// When the sample number `at` belongs.
    pub(crate) fn time_of(&self, at: u64) -> Time {
        let cuts = self.shifts.partition_point(|shift| shift.0 <= at);
        let left_out = cuts.checked_sub(1).and_then(|last| self.shifts.get(last)).map_or(0, |shift| shift.1);
        self.started_at + span(at.saturating_add(left_out), self.sample_rate)
    }

    /// What was blanked, by the clock.
    pub(crate) fn masked(&self) -> Vec<(Time, Time)> {
        self.heard.masked.iter().map(|&(from, to)| (self.time_of(from), self.time_of(to))).collect()
    }

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

/// Writes the call's audio to `destination`; `None` where there is nothing to hear. Silence in a hold is told as such, and where
/// digits are masked, they are those of `pressed` and all that are heard.
pub(crate) fn render(
    call: &Call,
    legs: &Both<Leg<'_>>,
    pressed: &[Pressed],
    settings: &Settings,
    destination: Destination<'_>,
) -> Result<Option<Rendered>, store::Error> {
    let Some(origin) = [legs.caller.starts_at(), legs.callee.starts_at()].into_iter().flatten().min() else {
        return Ok(None);
    };
    // The highest there is: what was sent at it stands bit-exact.
    let rates = [legs.caller.sample_rate(), legs.callee.sample_rate()];
    let native = rates.into_iter().flatten().max().unwrap_or(NARROWBAND);
    let shape = settings.shape;
    let file_rate = shape.rate_for(native);
    let rate = native.max(file_rate);
    let legs = [&legs.caller, &legs.callee];
    let scores = legs.map(|leg| Score::new(leg, origin, rate));
    let plan = Plan::of(scores.each_ref().map(Score::cues), &settings.silence, rate);
    let (frames, started_at) = (plan.frames, origin + span(plan.lead, rate));
    let held = hold::spans(call.negotiation.epochs(), started_at, rate, frames, &plan.cuts);
    let held = scores.each_ref().map(|score| hold::without_losses(&held, plan.moved(score.cues()), rate));
    let sample =
        |at: Time| hold::place(u64::try_from(voice::samples(at - started_at, rate)).unwrap_or(0), &plan.cuts);
    let mask = Mask::new(rate, !settings.show_digits, &digits::spans(pressed, sample));
    let rates = (rate, file_rate);
    let mut output = match destination {
        Destination::Recording(recording) => Output::create(recording, shape, rates, frames)?,
        Destination::Memory(from) => {
            let from = from.map_or(0, |from| voice::samples(from - started_at, file_rate));
            Output::tail(shape, rates, frames, u64::try_from(from).unwrap_or(0))
        }
    };
    let ([caller, callee], [callers, callees]) = (legs, &scores);
    let channels = [(caller, callers), (callee, callees)].map(|(leg, score)| {
        Channel::new(&|| plan.moved(score.cues()), &leg.sample_rates(), &leg.elsewhere(), rate)
    });
    let mut meter = Meter::new(rate);
    let (mut ledgers, heard) = write(channels, frames, (mask, &mut meter), &mut output)?;
    for ((ledger, held), leg) in ledgers.iter_mut().zip(&held).zip(legs) {
        let lost = leg.not_captured().into_iter().map(|(from, to)| (sample(from), sample(to)));
        ledger.mark_not_captured(&lost.collect::<Vec<_>>());
        ledger.mark_hold(held);
        ledger.mark_masked(&heard.masked);
    }
    let Finished { files, ledgers, tail } = output.finish(&ledgers)?;
    let (cuts, shifts) = (plan.cuts.clone(), shifts(&plan.cuts));
    Ok(Some(Rendered {
        started_at,
        sample_rate: rate,
        frames,
        shape,
        file_rate,
        files,
        cuts,
        shifts,
        heard,
        levels: meter.finish(),
        ledgers,
        tail,
    }))
}

fn shifts(cuts: &[Cut]) -> Vec<(u64, u64)> {
    let left_out = cuts.iter().scan(0u64, |left_out, cut| {
        *left_out = left_out.saturating_add(cut.left_out);
        Some((cut.at, *left_out))
    });
    left_out.collect()
}

/// Makes the samples of both channels, block by block, and writes them once it is sure which of them are to be blanked.
fn write(
    mut channels: [Channel<'_>; 2],
    frames: u64,
    (mut mask, meter): (Mask, &mut Meter),
    output: &mut Output,
) -> Result<([Ledger; 2], Heard), store::Error> {
    let mut window: Vec<i16> = Vec::new();
    let (mut made, mut done) = (0, 0);
    while done < frames {
        // It stays in the second-level cache from decoding through hashing to writing.
        let settled = (done + output.frames_to_block()).min(frames);
        let until = (settled + mask.held_back()).min(frames);
        let from = window.len();
        window.resize(stereo(until - done), 0i16);
        let new = window.get_mut(from..).unwrap_or_default();
        for (number, channel) in channels.iter_mut().enumerate() {
            channel.fill(new, number);
        }
        mask.listen(new);
        // Before anything is blanked: a digit that is masked is no silence.
        meter.listen(new);
        if made < frames && until == frames {
            mask.finish_listening();
        }
        made = until;
        let now = window.get_mut(..stereo(settled - done)).unwrap_or_default();
        mask.blank(done, now);
        output.write(now)?;
        window.drain(..stereo(settled - done));
        done = settled;
    }
    Ok((channels.map(Channel::into_ledger), mask.into_heard(frames)))
}

/// Samples of so many frames.
const fn stereo(frames: u64) -> usize {
    frames as usize * 2
}

/// So many samples as a span of time.
fn span(samples: u64, rate: u32) -> Span {
    let ns = u128::from(samples) * 1_000_000_000 / u128::from(rate);
    Span::from_ns(i64::try_from(ns).unwrap_or(i64::MAX))
}

/// Where nothing that sounds has a rate.
const NARROWBAND: u32 = 8000;
