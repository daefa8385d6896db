//! Loss, jitter and level of each second, for plots: a text of comma-separated values beside the recording. A line a second,
//! counted from frame 0; nothing stands where nothing came.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use audio::Levels;
use call::{Both, Side};
use clock::{Span, Time};
use rtp::Jitter;

use crate::leg::Leg;
use crate::voice::Voice;

/// Its name in the folder of a recording.
pub(crate) const FILE: &str = "series.csv";

const HEADER: &str = "second,caller_packets,caller_lost,caller_jitter_ms,caller_level_dbov,\
                      callee_packets,callee_lost,callee_jitter_ms,callee_level_dbov\n";

/// What came of one leg in one second.
#[derive(Clone, Copy, Default)]
struct Second {
    packets: u32,
    lost: u32,
    /// The sum of the running estimate over the packets.
    jitter_ms: f32,
}

/// Writes the seconds of a recording, where `second_of` tells in which of them a time falls; gives how many there are.
pub(crate) fn write(
    path: &Path,
    legs: &Both<Leg<'_>>,
    levels: &Levels,
    second_of: &dyn Fn(Time) -> usize,
) -> Result<u64, store::Error> {
    let count = levels.channels.iter().map(|channel| channel.seconds.len()).max().unwrap_or(0);
    let both = Side::BOTH.map(|side| seconds(legs.of(side), count, second_of));
    let mut text = String::with_capacity(HEADER.len() + 48 * count);
    text += HEADER;
    for second in 0..count {
        let _ = write!(text, "{second}");
        for (channel, seconds) in levels.channels.iter().zip(&both) {
            let of = seconds.get(second).copied().unwrap_or_default();
            let jitter = (of.packets > 0).then(|| f64::from(of.jitter_ms) / f64::from(of.packets));
            let level = channel.seconds.get(second).map(|second| f64::from(second.dbov));
            let level = level.filter(|&level| level > audio::SILENCE_DBOV);
            let _ = write!(text, ",{},{},{},{}", of.packets, of.lost, cell(jitter, 3), cell(level, 1));
        }
        text.push('\n');
    }
    fs::write(path, text).map_err(store::Error::io("write", path))?;
    Ok(count as u64)
}

fn cell(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

fn seconds(leg: &Leg<'_>, count: usize, second_of: &dyn Fn(Time) -> usize) -> Vec<Second> {
    let mut seconds = vec![Second::default(); count];
    for voice in leg.heard() {
        gather(voice, &mut seconds, second_of);
    }
    seconds
}

fn gather(voice: &Voice<'_>, seconds: &mut [Second], second_of: &dyn Fn(Time) -> usize) {
    let mut jitter = Jitter::new(voice.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate));
    let mut jitter_ms = 0.0;
    for slot in voice.slots() {
        // The time stamps of others, telephone events among them, go their own ways.
        if slot.payload_type() == voice.payload_type {
            jitter_ms = jitter.arrive(&slot);
        }
        if let Some(second) = seconds.get_mut(second_of(slot.arrival())) {
            second.packets += 1;
            second.jitter_ms += jitter_ms as f32;
        }
    }
    for loss in &voice.losses.runs {
        // Each about where it would have come.
        let (span_ns, steps) = ((loss.to - loss.from).as_ns(), loss.packets.min(MOST_STEPS));
        let share = |of: i64, n: u64| (i128::from(of) * i128::from(n) / i128::from(steps + 1)) as i64;
        let packets = |n: u64| loss.packets * n / steps;
        for n in 1..=steps {
            let at = loss.from + Span::from_ns(share(span_ns, n));
            if let Some(second) = seconds.get_mut(second_of(at)) {
                let lost = u32::try_from(packets(n) - packets(n - 1)).unwrap_or(u32::MAX);
                second.lost = second.lost.saturating_add(lost);
            }
        }
    }
}

/// A run of more is told in so many parts.
const MOST_STEPS: u64 = 64;
