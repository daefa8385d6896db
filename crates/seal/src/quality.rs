//! What is told of a recording's sound in its record: levels, findings with their flags, and the file of each second.

use audio::ChannelLevels;
use call::{Both, Call, Side};
use clock::Time;
use store::{Levels, Record, Recording, Score, Series, Store};

use crate::checks::{self, Checks, Recorded};
use crate::hold;
use crate::leg::Leg;
use crate::render::Rendered;
use crate::series;
use crate::voice;

/// Adds the levels of both legs, what the checks found, and a flag for each kind of it.
pub(crate) fn describe(
    record: &mut Record,
    call: &Call,
    legs: &Both<Leg<'_>>,
    rendered: &Rendered,
    checks: &Checks,
) {
    for (leg, levels) in record.legs.iter_mut().zip(&rendered.levels.channels) {
        leg.levels = Some(told(levels));
    }
    let (rate, frames) = (rendered.sample_rate, rendered.frames);
    let epochs = call.negotiation.epochs();
    // A fax is none that anybody listens to.
    let answered = call.dialog.answered_at.or(call.was_answered().then_some(rendered.started_at));
    let answered = answered.filter(|_| !call.negotiation.is_fax());
    let recorded = Recorded {
        levels: &rendered.levels,
        rate,
        duration_s: frames as f64 / f64::from(rate.max(1)),
        // The second in which it was answered is half a ringing.
        answered_s: answered.map(|at| rendered.sample_at(at).div_ceil(u64::from(rate.max(1)))),
        held: &hold::spans(epochs, rendered.started_at, rate, frames, &rendered.cuts),
        sounds: Side::BOTH.map(|side| legs.of(side).sounds()),
    };
    record.findings = checks::findings(&recorded, checks);
    record.flags.extend(record.findings.iter().map(|found| found.flag.as_str().to_owned()));
}

/// Writes the file of each second into the folder of the recording.
pub(crate) fn write_series(
    record: &mut Record,
    legs: &Both<Leg<'_>>,
    rendered: &Rendered,
    recording: &Recording,
) -> Result<(), store::Error> {
    let second_of = |at: Time| (rendered.sample_at(at) / u64::from(rendered.sample_rate.max(1))) as usize;
    let seconds = series::write(&recording.path(series::FILE), legs, &rendered.levels, &second_of)?;
    let path = format!("{}/{}", Store::relative(&record.id), series::FILE);
    record.series = Some(Series { path, seconds });
    Ok(())
}

impl Rendered {
    /// The sample that was sent at `at`, as far as it is in the recording; the first where it is from before.
    fn sample_at(&self, at: Time) -> u64 {
        let uncut = voice::samples(at - self.started_at, self.sample_rate);
        hold::place(u64::try_from(uncut).unwrap_or(0), &self.cuts)
    }
}

fn told(levels: &ChannelLevels) -> Levels {
    let activity = levels.activity();
    Levels {
        active_dbov: activity.map(|activity| Score::new(activity.dbov)),
        activity: Score::new(activity.map_or(0.0, |activity| activity.share)),
        noise_dbov: levels.noise_dbov().map(Score::new),
        peak_dbov: levels.peak_dbov().map(Score::new),
        clipped_samples: levels.clipped,
    }
}
