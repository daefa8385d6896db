//! What a listener would complain of, found by numbers: levels, clipping, dead air, a party that is never heard, noise, an
//! echo. Each with the interval that raised it, to the second.

use audio::{ChannelLevels, Levels, SecondLevel};
use clock::Span;
use store::{Finding, FindingKind, Score, Seconds};

/// From where on something is worth a word.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Checks {
    /// What is no louder is silence.
    pub silence_dbov: f64,
    /// Neither party is heard for so long.
    pub dead_air: Span,
    /// One party speaks for so long and the other is silent throughout.
    pub one_way: Span,
    /// Speech is fainter.
    pub low_dbov: f64,
    /// Speech is louder.
    pub high_dbov: f64,
    /// What is no speech is louder.
    pub noise_dbov: f64,
    /// So many of a second's samples stand at full scale.
    pub clipping_ratio: f64,
    /// The levels of both channels rise and fall together so much.
    pub echo_correlation: f64,
}

impl Checks {
    /// What is found where nobody says otherwise.
    pub const DEFAULT: Checks = Checks {
        silence_dbov: -60.0,
        dead_air: Span::from_secs(10),
        one_way: Span::from_secs(20),
        low_dbov: -40.0,
        high_dbov: -10.0,
        noise_dbov: -40.0,
        clipping_ratio: 0.001,
        echo_correlation: 0.95,
    };
}

impl Default for Checks {
    fn default() -> Checks {
        Checks::DEFAULT
    }
}

/// What the recording is, beside its levels.
pub(crate) struct Recorded<'a> {
    pub(crate) levels: &'a Levels,
    pub(crate) rate: u32,
    pub(crate) duration_s: f64,
    /// From which second on the parties talk to each other; `None` where nobody answered.
    pub(crate) answered_s: Option<u64>,
    /// When the call is on hold, in samples.
    pub(crate) held: &'a [(u64, u64)],
    /// Which legs have audio at all.
    pub(crate) sounds: [bool; 2],
}

/// Everything that was found, in the order of the flags' names, by channel and time.
pub(crate) fn findings(recorded: &Recorded<'_>, checks: &Checks) -> Vec<Finding> {
    let mut found = Vec::new();
    for (channel, levels) in (0u16..).zip(&recorded.levels.channels) {
        clipping(recorded, checks, channel, levels, &mut found);
        loudness(recorded, checks, channel, levels, &mut found);
    }
    dead_air(recorded, checks, &mut found);
    one_way(recorded, checks, &mut found);
    echo(recorded, checks, &mut found);
    let place = |finding: &Finding| (finding.flag.as_str(), finding.channel, finding.from_s.value());
    found.sort_by(|one, other| place(one).partial_cmp(&place(other)).unwrap_or(std::cmp::Ordering::Equal));
    found
}

impl Recorded<'_> {
    fn finding(
        &self,
        flag: FindingKind,
        channel: Option<u16>,
        (from, to): (u64, u64),
        value: f64,
    ) -> Finding {
        let seconds = |second: u64| Seconds::new((second as f64).min(self.duration_s));
        Finding { flag, channel, from_s: seconds(from), to_s: seconds(to), value: Score::new(value) }
    }

    /// Whether the parties could talk to each other throughout that second.
    fn is_talk(&self, second: u64) -> bool {
        let (from, to) = (second * u64::from(self.rate), (second + 1) * u64::from(self.rate));
        let is_held = self.held.iter().any(|&(begin, end)| begin < to && from < end);
        self.answered_s.is_some_and(|answered| answered <= second) && !is_held
    }

    /// Both channels' levels of each second.
    fn seconds(&self) -> impl Iterator<Item = (u64, [SecondLevel; 2])> {
        let [caller, callee] = &self.levels.channels;
        let both = caller.seconds.iter().zip(&callee.seconds).map(|(&one, &other)| [one, other]);
        (0..).zip(both)
    }
}

fn clipping(
    recorded: &Recorded<'_>,
    checks: &Checks,
    channel: u16,
    levels: &ChannelLevels,
    found: &mut Vec<Finding>,
) {
    let share = |second: &SecondLevel| f64::from(second.clipped) / f64::from(recorded.rate.max(1));
    let clipped = levels.seconds.iter().map(|second| share(second) >= checks.clipping_ratio);
    for (from, to) in runs(clipped, 1) {
        let within = levels.seconds.get(from as usize..to as usize).unwrap_or_default();
        let worst = within.iter().map(share).fold(0.0, f64::max);
        found.push(recorded.finding(FindingKind::Clipping, Some(channel), (from, to), worst));
    }
}

/// Faint or loud speech, and noise between: of the whole, since a word or two tells nothing.
fn loudness(
    recorded: &Recorded<'_>,
    checks: &Checks,
    channel: u16,
    levels: &ChannelLevels,
    found: &mut Vec<Finding>,
) {
    let heard = |second: &SecondLevel| f64::from(second.loudest_dbov) > checks.silence_dbov;
    let first = levels.seconds.iter().position(heard);
    let last = levels.seconds.iter().rposition(heard);
    let Some(((first, last), activity)) = first.zip(last).zip(levels.activity()) else { return };
    let whole = (first as u64, last as u64 + 1);
    let mut note = |flag, value| found.push(recorded.finding(flag, Some(channel), whole, value));
    if activity.share * recorded.duration_s >= LEAST_SPEECH_S {
        if activity.dbov < checks.low_dbov {
            note(FindingKind::LowLevel, activity.dbov);
        } else if activity.dbov > checks.high_dbov {
            note(FindingKind::HighLevel, activity.dbov);
        }
    }
    let long_enough = (last - first) as f64 >= LEAST_NOISE_S;
    if let Some(noise) = levels.noise_dbov().filter(|&noise| long_enough && noise > checks.noise_dbov)
        && activity.dbov - noise >= LEAST_CONTRAST_DB
    {
        note(FindingKind::Noise, noise);
    }
}

fn dead_air(recorded: &Recorded<'_>, checks: &Checks, found: &mut Vec<Finding>) {
    let silent = |second: SecondLevel| f64::from(second.loudest_dbov) <= checks.silence_dbov;
    let dead = recorded.seconds().map(|(at, both)| both.into_iter().all(silent) && recorded.is_talk(at));
    for (from, to) in runs(dead, 0) {
        let seconds = (to as f64).min(recorded.duration_s) - from as f64;
        if seconds >= checks.dead_air.as_secs_f64() {
            found.push(recorded.finding(FindingKind::DeadAir, None, (from, to), seconds));
        }
    }
}

/// A party that was never heard while it could have been, and the other one was.
fn one_way(recorded: &Recorded<'_>, checks: &Checks, found: &mut Vec<Finding>) {
    let loud = |second: SecondLevel| f64::from(second.loudest_dbov) > checks.silence_dbov;
    let mut heard = [0u64; 2];
    let mut talk: Option<(u64, u64)> = None;
    for (at, both) in recorded.seconds().filter(|(at, _)| recorded.is_talk(*at)) {
        talk = Some((talk.map_or(at, |(from, _)| from), at + 1));
        for (count, second) in heard.iter_mut().zip(both) {
            *count += u64::from(loud(second));
        }
    }
    let Some(talk) = talk else { return };
    let [caller, callee] = heard;
    for (channel, own, others) in [(0u16, caller, callee), (1, callee, caller)] {
        let is_missing = recorded.sounds.get(usize::from(channel)) == Some(&false);
        let long_enough = others as f64 >= checks.one_way.as_secs_f64();
        if own == 0 && others > 0 && (is_missing || long_enough) {
            found.push(recorded.finding(FindingKind::OneWay, Some(channel), talk, others as f64));
        }
    }
}

fn echo(recorded: &Recorded<'_>, checks: &Checks, found: &mut Vec<Finding>) {
    let alike = recorded.levels.likeness.filter(|alike| alike.correlation >= checks.echo_correlation);
    if let Some(alike) = alike {
        // Of what is heard twice, the later one is the echo.
        let channel = u16::from(alike.lag_ms >= 0);
        let whole =
            (0, recorded.levels.channels.iter().map(|levels| levels.seconds.len()).max().unwrap_or(0));
        let whole = (whole.0, whole.1 as u64);
        found.push(recorded.finding(FindingKind::Echo, Some(channel), whole, alike.correlation));
    }
}

/// Seconds in a row that are marked, each run as its first second and the one after its last; up to `bridged` seconds between
/// two belong to them. Past [`MOST_RUNS`] all that follow are one.
fn runs(marked: impl Iterator<Item = bool>, bridged: u64) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for (second, _) in (0u64..).zip(marked).filter(|(_, is)| *is) {
        let is_full = runs.len() >= MOST_RUNS;
        match runs.last_mut() {
            Some((_, end)) if second <= *end + bridged || is_full => *end = second + 1,
            _ => runs.push((second, second + 1)),
        }
    }
    runs
}

const LEAST_SPEECH_S: f64 = 3.0;
const LEAST_NOISE_S: f64 = 10.0;
/// Music, or a tone, is nothing but what it is: noise has something above it.
const LEAST_CONTRAST_DB: f64 = 6.0;
const MOST_RUNS: usize = 64;

#[cfg(test)]
mod tests {
    use audio::Meter;

    use super::*;

    const RATE: u32 = 8000;

    /// A recording of one height in each second and channel: of a square wave, which full scale clips.
    fn levels(seconds: &[[i16; 2]]) -> Levels {
        let mut meter = Meter::new(RATE);
        for &[caller, callee] in seconds {
            let second: Vec<i16> = (0..8000)
                .flat_map(|n| [caller, callee].map(|height| if n % 2 == 0 { height } else { -height }))
                .collect();
            meter.listen(&second);
        }
        meter.finish()
    }

    /// Flag, channel, from, to.
    fn found(
        seconds: &[[i16; 2]],
        answered_s: Option<u64>,
        held_s: &[(u64, u64)],
    ) -> Vec<(String, i32, u64, u64)> {
        let levels = levels(seconds);
        let held: Vec<_> = held_s.iter().map(|&(from, to)| (from * 8000, to * 8000)).collect();
        let sounds = [0, 1].map(|channel| seconds.iter().any(|second| second[channel] != 0));
        let recorded = Recorded {
            levels: &levels,
            rate: RATE,
            duration_s: seconds.len() as f64,
            answered_s,
            held: &held,
            sounds,
        };
        let whole = |seconds: Seconds| seconds.value() as u64;
        findings(&recorded, &Checks::default())
            .into_iter()
            .map(|found| {
                let channel = found.channel.map_or(-1, i32::from);
                (found.flag.to_string(), channel, whole(found.from_s), whole(found.to_s))
            })
            .collect()
    }

    fn flag(flag: &str, channel: i32, from: u64, to: u64) -> (String, i32, u64, u64) {
        (flag.to_owned(), channel, from, to)
    }

    /// Both speak in turn, a second each.
    fn talk(seconds: usize) -> Vec<[i16; 2]> {
        (0..seconds).map(|n| if n % 2 == 0 { [2000, 1] } else { [1, 2000] }).collect()
    }

    #[test]
    fn an_ordinary_call_raises_nothing() {
        assert_eq!(found(&talk(60), Some(0), &[]), []);
        assert_eq!(found(&talk(1), Some(0), &[]), []);
        assert_eq!(found(&[], Some(0), &[]), []);
    }

    #[test]
    fn nobody_is_heard_for_long() {
        let mut seconds = talk(50);
        seconds[20..32].fill([1, 0]);
        seconds[40..49].fill([0, 0]);
        assert_eq!(found(&seconds, Some(0), &[]), [flag("dead_air", -1, 20, 32)]);
        assert_eq!(found(&seconds, Some(0), &[(25, 26)]), [], "two halves of it, and a hold");
        assert_eq!(found(&seconds, Some(25), &[]), [], "most of it before the answer");
        assert_eq!(found(&seconds, None, &[]), []);
    }

    #[test]
    fn one_party_is_never_heard() {
        let mut seconds: Vec<_> = talk(60).into_iter().map(|[caller, _]| [caller, 1]).collect();
        assert_eq!(found(&seconds, Some(0), &[]), [flag("one_way", 1, 0, 60)]);
        assert_eq!(found(&seconds, Some(30), &[]), [], "for too short a time to tell");
        seconds.iter_mut().for_each(|second| second[1] = 0);
        assert_eq!(found(&seconds, Some(30), &[]), [flag("one_way", 1, 30, 60)], "nothing came at all");
        seconds[40][1] = 500;
        assert_eq!(found(&seconds, Some(0), &[]), []);
    }

    #[test]
    fn too_loud_and_too_faint_are_told() {
        let mut seconds = talk(40);
        seconds.iter_mut().for_each(|second| second[0] /= 10);
        seconds[10][1] = 32_124;
        seconds[12][1] = 32_124;
        let faint = flag("low_level", 0, 0, 39);
        let expected = [flag("clipping", 1, 10, 13), faint.clone()];
        assert_eq!(
            found(&seconds, Some(0), &[]),
            expected,
            "two words that are too loud make no loud speech"
        );
        seconds.iter_mut().for_each(|second| second[1] = if second[1] > 1 { 12_000 } else { 1 });
        assert_eq!(found(&seconds, Some(0), &[]), [flag("high_level", 1, 1, 40), faint]);
    }

    #[test]
    fn noise_is_what_goes_on_under_speech_and_music_is_none() {
        let noisy: Vec<_> = talk(40).into_iter().map(|[caller, callee]| [caller.max(700), callee]).collect();
        assert_eq!(found(&noisy, Some(0), &[]), [flag("noise", 0, 0, 40)]);
        let music: Vec<_> = talk(40).into_iter().map(|[_, callee]| [2000, callee]).collect();
        assert_eq!(found(&music, Some(0), &[]), []);
    }

    #[test]
    fn what_comes_back_is_an_echo() {
        let voice: Vec<i16> = (0..40).map(|n| if n * n % 7 < 3 { 3000 } else { 40 }).collect();
        let echo: Vec<_> = voice.iter().map(|&height| [height, height / 2]).collect();
        assert_eq!(found(&echo, Some(0), &[]), [flag("echo", 1, 0, 40)]);
    }

    #[test]
    fn there_are_no_more_runs_than_may_be() {
        let runs = runs((0..1000).map(|n| n % 4 == 0), 0);
        assert_eq!((runs.len(), runs.last().unwrap().1), (MOST_RUNS, 997));
    }
}
