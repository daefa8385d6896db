//! How a phone's user would have heard a stream: what came too late for a playout buffer is lost to a listener, though
//! the recording has it. From that and from the losses follows the estimate of ITU-T G.107.

use clock::{Span, Time};
use emodel::{Codec, Path, Rating};
use rtp::{Sent, Talkspurt};

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

/// Gathers them, packet by packet.
#[derive(Debug)]
pub(crate) struct DelayGatherer {
    first_at: Time,
    tick_ms: f64,
    /// As they came, as long as they are few.
    each_ms: Vec<f64>,
    /// Else how often each came, told in microseconds.
    counts: Vec<u32>,
    max_ms: f64,
    packets: u64,
    late: usize,
    most: usize,
}

impl DelayGatherer {
    /// For packets whose arrivals are counted from `first_at`.
    pub(crate) fn new(first_at: Time, clock_rate: u32) -> DelayGatherer {
        DelayGatherer {
            first_at,
            tick_ms: 1000.0 / f64::from(clock_rate.max(1)),
            each_ms: Vec::new(),
            counts: Vec::new(),
            max_ms: 0.0,
            packets: 0,
            late: 0,
            most: MOST_DELAYS,
        }
    }

    /// Takes a packet of that talkspurt.
    pub(crate) fn handle_packet(&mut self, sent: &Sent, talkspurt: &Talkspurt) {
        let start_ms = milliseconds(talkspurt.start - self.first_at);
        let into_ms = (sent.ticks - talkspurt.ticks) as f64 * self.tick_ms * (1.0 + talkspurt.drift);
        let delay_ms = (sent.arrival_ns as f64 / 1e6 - start_ms - into_ms).max(0.0);
        self.packets += 1;
        self.max_ms = self.max_ms.max(delay_ms);
        self.late += usize::from(delay_ms > milliseconds(PLAYOUT));
        if self.counts.is_empty() && self.each_ms.len() < self.most {
            self.each_ms.push(delay_ms);
            return;
        }
        if self.counts.is_empty() {
            self.counts = vec![0; COUNTED_US];
            std::mem::take(&mut self.each_ms).into_iter().for_each(|delay_ms| self.count(delay_ms));
        }
        self.count(delay_ms);
    }

    fn count(&mut self, delay_ms: f64) {
        let place = ((delay_ms * 1000.0).round() as usize).min(COUNTED_US - 1);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }

    /// `None` where there were no packets.
    pub(crate) fn finish(mut self) -> Option<Delays> {
        self.each_ms.sort_unstable_by(f64::total_cmp);
        let last = self.packets.checked_sub(1)?;
        let within = |share: f64| self.number((share * last as f64).ceil() as u64);
        let (p50, p95, p99) = (within(0.5), within(0.95), within(0.99));
        Some(Delays { p50, p95, p99, max: self.max_ms, late: self.late })
    }

    /// The delay that so many are not above.
    fn number(&self, number: u64) -> f64 {
        if self.counts.is_empty() {
            return self.each_ms.get(number as usize).copied().unwrap_or(0.0);
        }
        let mut below = 0;
        let place = self.counts.iter().position(|&count| {
            below += u64::from(count);
            below > number
        });
        // All that are longer than what is counted one by one stand in the last place.
        place.filter(|&place| place < COUNTED_US - 1).map_or(self.max_ms, |place| place as f64 / 1000.0)
    }
}

/// Of more packets, an hour and a half of 20 ms, the delays are told to the microsecond and no more exactly, which is how
/// a record tells them.
const MOST_DELAYS: usize = 1 << 18;
/// Those of less than a second are told apart.
const COUNTED_US: usize = 1_000_000;

fn milliseconds(span: Span) -> f64 {
    span.as_ns() as f64 / 1e6
}

/// What a listener of all these streams in turn would have said, each given with how many packets of it the capture lost:
/// the listener heard those. `None` where the model does not hold for one of them.
pub(crate) fn rating<'v, 'a: 'v>(voices: impl Iterator<Item = (&'v Voice<'a>, u64)>) -> Option<Rating> {
    let mut rated: Vec<(f64, Rating)> = Vec::new();
    for (voice, not_captured) in voices.filter(|(voice, _)| voice.sounds()) {
        rated.push((voice.timeline.packets as f64, rate(voice, not_captured)?));
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
    use rtp::{ExtSeq, Sounding, Timeline};

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
        let packets: Vec<Sounding> = sounding.collect();
        let one_by_one = gathered(&packets, packets.len());
        assert_eq!(gathered(&packets, packets.len() / 2), one_by_one, "counted by the microsecond");
        one_by_one
    }

    fn gathered(packets: &[Sounding], most: usize) -> Option<Delays> {
        let first_at = Time::from_parts(1_700_000_000, 0);
        let timeline = Timeline::of(first_at, 8000, || packets.iter().copied());
        let (mut placer, mut delays) = (timeline.placer(), DelayGatherer::new(first_at, 8000));
        delays.most = most;
        for packet in packets {
            delays.handle_packet(&packet.sent, &placer.place(packet).0);
        }
        delays.finish()
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
