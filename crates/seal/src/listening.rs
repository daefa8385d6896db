//! How a phone's user would have heard a stream: what came too late for a playout buffer is lost to a listener, though
//! the recording has it. From that and from the losses follows the estimate of ITU-T G.107.

use clock::Span;
use emodel::{Codec, Path, Rating};

use crate::voice::Voice;

/// The playout buffer of the phone that is assumed: what came later than that after the earliest is late.
pub(crate) const PLAYOUT: Span = Span::from_ms(60);

/// By how much packets came later than the earliest would have, sorted, in milliseconds.
#[derive(Debug)]
pub(crate) struct Delays(Vec<f64>);

impl Delays {
    pub(crate) fn of(voice: &Voice<'_>) -> Delays {
        let clock_rate = voice.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate).max(1);
        let tick_ms = 1000.0 / f64::from(clock_rate);
        let mut delays = Vec::with_capacity(voice.timeline.packets.len());
        for talkspurt in &voice.timeline.talkspurts {
            let start_ms = (talkspurt.start - voice.first_at).as_ns() as f64 / 1e6;
            for packet in voice.timeline.packets.get(talkspurt.packets.clone()).unwrap_or_default() {
                let into_ms =
                    (packet.sent.ticks - talkspurt.ticks) as f64 * tick_ms * (1.0 + talkspurt.drift);
                delays.push((packet.sent.arrival_ns as f64 / 1e6 - start_ms - into_ms).max(0.0));
            }
        }
        delays.sort_unstable_by(f64::total_cmp);
        Delays(delays)
    }

    /// The delay that the `share` of packets, 0 to 1, stay within.
    pub(crate) fn within(&self, share: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        self.0.get((share * last as f64).ceil() as usize).copied()
    }

    /// Packets that came too late to be played.
    fn late(&self) -> usize {
        self.0.len() - self.0.partition_point(|&delay_ms| delay_ms <= PLAYOUT.as_ns() as f64 / 1e6)
    }
}

/// What a listener of all these streams in turn would have said; `None` where the model does not hold for one of them.
pub(crate) fn rating<'v, 'a: 'v>(voices: impl Iterator<Item = &'v Voice<'a>>) -> Option<Rating> {
    let mut rated: Vec<(f64, Rating)> = Vec::new();
    for voice in voices.filter(|voice| voice.sounds()) {
        rated.push((voice.timeline.packets.len() as f64, rate(voice)?));
    }
    let all: f64 = rated.iter().map(|(packets, _)| packets).sum();
    let mean = |of: fn(&Rating) -> f64| rated.iter().map(|(packets, one)| packets / all * of(one)).sum();
    let longest = rated.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(Rating { r: mean(|one| one.r), mos: mean(|one| one.mos), model: longest.1.model })
}

fn rate(voice: &Voice<'_>) -> Option<Rating> {
    let (name, _) = voice.format.as_ref()?;
    let codec = Codec::of_encoding(name, None)?;
    let statistics = &voice.statistics;
    let came = statistics.packets.saturating_sub(statistics.duplicates);
    let expected = (came + statistics.lost).max(1);
    let unheard = statistics.lost + Delays::of(voice).late() as u64;
    let delay_ms = PLAYOUT.as_ns() as f64 / 1e6 + statistics.ptime_ms;
    let loss_ratio = unheard as f64 / expected as f64;
    emodel::rate(codec, Path { delay_ms, loss_ratio, burst_ratio: voice.bursts.burst_ratio() })
}
