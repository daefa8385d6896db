//! How a phone's user would have heard a stream: what came too late for a playout buffer is lost to a listener, though
//! the recording has it. From that and from the losses follows the estimate of ITU-T G.107.

use clock::{Span, Time};
use emodel::{Codec, Path, Rating};
use rtp::Timeline;

use crate::voice::Voice;

/// The playout buffer of the phone that is assumed: what came later than that after the earliest is late.
pub(crate) const PLAYOUT: Span = Span::from_ms(60);

/// By how much the packets of a stream came later than the earliest would have, in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Delays {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Packets that came too late to be played.
    late: usize,
}

impl Delays {
    /// Those of the packets of `timeline`, whose arrivals are counted from `first_at`; `None` where there are none.
    pub(crate) fn of(timeline: &Timeline, first_at: Time, clock_rate: u32) -> Option<Delays> {
        let tick_ms = 1000.0 / f64::from(clock_rate.max(1));
        let mut delays = Vec::with_capacity(timeline.packets.len());
        for talkspurt in &timeline.talkspurts {
            let start_ms = milliseconds(talkspurt.start - first_at);
            for packet in timeline.packets.get(talkspurt.packets.clone()).unwrap_or_default() {
                let into_ms =
                    (packet.sent.ticks - talkspurt.ticks) as f64 * tick_ms * (1.0 + talkspurt.drift);
                delays.push((packet.sent.arrival_ns as f64 / 1e6 - start_ms - into_ms).max(0.0));
            }
        }
        delays.sort_unstable_by(f64::total_cmp);
        let last = delays.len().checked_sub(1)?;
        let within = |share: f64| delays.get((share * last as f64).ceil() as usize).copied().unwrap_or(0.0);
        let late = delays.len() - delays.partition_point(|&delay_ms| delay_ms <= milliseconds(PLAYOUT));
        Some(Delays { p50: within(0.5), p95: within(0.95), p99: within(0.99), max: within(1.0), late })
    }
}

fn milliseconds(span: Span) -> f64 {
    span.as_ns() as f64 / 1e6
}

/// What a listener of all these streams in turn would have said, each given with how many packets of it the capture lost:
/// the listener heard those. `None` where the model does not hold for one of them.
pub(crate) fn rating<'v, 'a: 'v>(voices: impl Iterator<Item = (&'v Voice<'a>, u64)>) -> Option<Rating> {
    let mut rated: Vec<(f64, Rating)> = Vec::new();
    for (voice, not_captured) in voices.filter(|(voice, _)| voice.sounds()) {
        rated.push((voice.timeline.packets.len() as f64, rate(voice, not_captured)?));
    }
    let all: f64 = rated.iter().map(|(packets, _)| packets).sum();
    let mean = |of: fn(&Rating) -> f64| rated.iter().map(|(packets, one)| packets / all * of(one)).sum();
    let longest = rated.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(Rating { r: mean(|one| one.r), mos: mean(|one| one.mos), model: longest.1.model })
}

fn rate(voice: &Voice<'_>, not_captured: u64) -> Option<Rating> {
    let (name, _) = voice.format.as_ref()?;
    let codec = Codec::of_encoding(name, None)?;
    let statistics = &voice.statistics;
    let came = statistics.packets.saturating_sub(statistics.duplicates);
    let expected = (came + statistics.lost).max(1);
    let unheard =
        statistics.lost.saturating_sub(not_captured) + voice.delays.map_or(0, |delays| delays.late as u64);
    let delay_ms = milliseconds(PLAYOUT) + statistics.ptime_ms;
    let loss_ratio = unheard as f64 / expected as f64;
    emodel::rate(codec, Path { delay_ms, loss_ratio, burst_ratio: voice.bursts.burst_ratio() })
}

#[cfg(test)]
mod tests {
    use rtp::{ExtSeq, Sent, Sounding};

    use super::*;

    /// A stream of 20 ms a packet, each later than it should be by so many milliseconds.
    fn delays(late_ms: &[i64]) -> Option<Delays> {
        let sounding = (0i64..).zip(late_ms).map(|(n, late_ms)| Sounding {
            sent: Sent {
                index: n as u32,
                seq: ExtSeq(n),
                ticks: 160 * n,
                arrival_ns: (20 * n + late_ms) * 1_000_000,
                era: 0,
            },
            duration_ticks: 160,
            lost_before: 0,
        });
        let first_at = Time::from_parts(1_700_000_000, 0);
        Delays::of(&Timeline::new(first_at, 8000, sounding.collect()), first_at, 8000)
    }

    #[test]
    fn each_packet_is_held_against_the_earliest() {
        let mut late_ms = [0; 200];
        assert_eq!(delays(&late_ms), Some(Delays { p50: 0.0, p95: 0.0, p99: 0.0, max: 0.0, late: 0 }));
        for (at, ms) in [(50, 61), (60, 90), (70, 60), (80, 59), (90, 10), (100, 10)] {
            late_ms[at] = ms;
        }
        let told = delays(&late_ms).unwrap();
        assert_eq!((told.p50, told.p95, told.max, told.late), (0.0, 0.0, 90.0, 2), "{told:?}");
        assert!((59.0..=61.0).contains(&told.p99), "{told:?}");
        assert_eq!(delays(&[]), None);
    }
}
