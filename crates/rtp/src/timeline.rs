//! The place of every audio packet of a stream in time: time stamps place it within the stream, arrivals place the
//! stream in the call.
//!
//! A stream falls into *sections* where the sender's time stamps leap or run backward against what arrival allows, and
//! a section into *talkspurts* at pauses. Within a talkspurt samples stay contiguous and exact; at its start it is set
//! where the sender's clock says, so that drift is paid back in the pause before it.

use std::ops::Range;

use clock::{Span, Time};

use crate::envelope::{Delay, Line};
use crate::sequence::Sent;

/// An audio packet in the order of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sounding {
    /// The packet.
    pub sent: Sent,
    /// How many ticks its audio lasts.
    pub duration_ticks: u32,
    /// How many packets are missing between the audio packet before it and this one.
    pub lost_before: u32,
}

/// Why there may be a gap before a talkspurt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// It is the first.
    Nothing,
    /// The time stamps skip a span and no packet is missing: silence suppression (RFC 3551, section 4.1).
    Silence,
    /// Packets are missing.
    Loss,
    /// The time stamps leapt, ran backward or began anew; only arrival tells.
    Leap,
}

/// A span of audio without a pause; packets lost inside it leave gaps of exactly their length.
#[derive(Clone, PartialEq, Debug)]
pub struct Talkspurt {
    /// Where its first sample belongs.
    pub start: Time,
    /// The unwrapped time stamp of its first packet.
    pub ticks: i64,
    /// Which of the packets are in it.
    pub packets: Range<usize>,
    /// What came before.
    pub before: Before,
    /// How much later than the samples before it, in seconds a second, each sample belongs by the capture's clock: a
    /// slow sender's drift is above zero.
    pub drift: f64,
}

/// Where everything belongs.
#[derive(Clone, PartialEq, Debug)]
pub struct Timeline {
    /// The audio packets in the order of sending.
    pub packets: Vec<Sounding>,
    /// The talkspurts in the order of sending.
    pub talkspurts: Vec<Talkspurt>,
    /// How much faster the sender's clock runs than the capture's, in parts per million, by the longest section.
    pub skew_ppm: Option<f64>,
    /// How often the time stamps leapt or began anew.
    pub leaps: u32,
}

impl Timeline {
    /// Places `packets`, whose arrivals are counted from `first_arrival`, by a clock of `clock_rate` ticks a second.
    #[must_use]
    pub fn new(first_arrival: Time, clock_rate: u32, packets: Vec<Sounding>) -> Timeline {
        let rate = i64::from(clock_rate.max(1));
        // Whole seconds and the rest by themselves: a rest is below 2^32, so that no product needs 128 bits.
        let ns_of = |ticks: i64| {
            let exact =
                (ticks / rate).saturating_mul(NS_PER_S).saturating_add(ticks % rate * NS_PER_S / rate);
            exact.clamp(-FARTHEST_NS, FARTHEST_NS)
        };
        let delays: Vec<Delay> =
            packets.iter().map(|packet| delay(packet, ns_of(packet.sent.ticks))).collect();
        let mut timeline = Timeline { packets, talkspurts: Vec::new(), skew_ppm: None, leaps: 0 };
        let mut longest = 0;
        for section in sections(&timeline.packets, &delays) {
            let line = Line::under(delays.get(section.clone()).unwrap_or_default());
            if section.len() > longest {
                longest = section.len();
                timeline.skew_ppm = line.skew_ppm();
            }
            let place = |ticks| first_arrival + Span::from_ns(line.place_ns(ns_of(ticks)));
            timeline.cut_into_talkspurts(section, line.drift(), place);
        }
        timeline
    }

    fn cut_into_talkspurts(&mut self, section: Range<usize>, drift: f64, place: impl Fn(i64) -> Time) {
        let mut before = if section.start == 0 { Before::Nothing } else { Before::Leap };
        self.leaps += u32::from(before == Before::Leap);
        let mut start = section.start;
        while start < section.end {
            let Some(packets) = self.packets.get(start..section.end) else { return };
            let Some(first) = packets.first() else { return };
            let pause =
                packets.iter().zip(packets.iter().skip(1)).position(|(one, next)| ends_talkspurt(one, next));
            let end = pause.map_or(section.end, |at| start + at + 1);
            let ticks = first.sent.ticks;
            self.talkspurts.push(Talkspurt {
                start: place(ticks),
                ticks,
                packets: start..end,
                before,
                drift,
            });
            before = match self.packets.get(end) {
                Some(next) if next.lost_before > 0 => Before::Loss,
                _ => Before::Silence,
            };
            start = end;
        }
    }
}

const NS_PER_S: i64 = 1_000_000_000;

fn delay(packet: &Sounding, sent_ns: i64) -> Delay {
    Delay { sent_ns, behind_ns: packet.sent.arrival_ns.clamp(-FARTHEST_NS, FARTHEST_NS) - sent_ns }
}

/// 73 years: so the difference of two delays still fits, whatever clock rate and time stamps a capture tells of.
const FARTHEST_NS: i64 = i64::MAX / 4;

fn gap_ticks(one: &Sounding, next: &Sounding) -> i64 {
    next.sent.ticks - one.sent.ticks - i64::from(one.duration_ticks)
}

/// A gap that is silence suppression, or a loss too long to be concealed.
fn ends_talkspurt(one: &Sounding, next: &Sounding) -> bool {
    let gap = gap_ticks(one, next);
    gap > 0 && (next.lost_before == 0 || gap > CONCEALED_PACKETS * i64::from(one.duration_ticks))
}

/// More than what is concealed (60 ms) at any usual packet time.
const CONCEALED_PACKETS: i64 = 8;

/// The spans between leaps.
fn sections(packets: &[Sounding], delays: &[Delay]) -> Vec<Range<usize>> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (n, pair) in packets.windows(2).enumerate() {
        let (at, [one, next]) = (n + 1, pair) else { continue };
        let broken =
            one.sent.era != next.sent.era || gap_ticks(one, next) < -i64::from(one.duration_ticks) / 2;
        if broken || leaps(delays, start, at) {
            sections.push(start..at);
            start = at;
        }
    }
    if start < packets.len() {
        sections.push(start..packets.len());
    }
    sections
}

/// Whether the sender's clock is another one from packet `at` on. A stall of the network looks alike at first, but its
/// packets catch up; hence the look at the packets around.
fn leaps(delays: &[Delay], section_start: usize, at: usize) -> bool {
    let behind = |n: usize| delays.get(n).map_or(0, |delay| delay.behind_ns);
    if (behind(at) - behind(at - 1)).abs() <= LEAP_NS {
        return false;
    }
    let least = |range: Range<usize>| {
        delays.get(range).and_then(|some| some.iter().map(|delay| delay.behind_ns).min())
    };
    let before = least(section_start.max(at.saturating_sub(NEIGHBOURS))..at);
    let after = least(at..delays.len().min(at + NEIGHBOURS));
    before.zip(after).is_some_and(|(before, after)| (after - before).abs() > LEAP_NS)
}

/// What a listener hears as out of place; no quartz drifts that far within the neighbourhood.
const LEAP_NS: i64 = 100_000_000;
/// Five seconds of packets of 20 ms.
const NEIGHBOURS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExtSeq;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// Packets of 20 ms at 8000 Hz: number, time stamp, arrival in ns.
    fn sounding(packets: &[(i64, i64, i64)]) -> Vec<Sounding> {
        let mut last = None;
        let one = |(index, &(seq, ticks, arrival_ns)): (usize, &(i64, i64, i64))| {
            let lost_before = last.map_or(0, |last| seq - last - 1) as u32;
            last = Some(seq);
            let sent = Sent { index: index as u32, seq: ExtSeq(seq), ticks, arrival_ns, era: 0 };
            Sounding { sent, duration_ticks: 160, lost_before }
        };
        packets.iter().enumerate().map(one).collect()
    }

    fn timeline(packets: &[(i64, i64, i64)]) -> Timeline {
        Timeline::new(Time::default(), 8000, sounding(packets))
    }

    fn starts_ms(timeline: &Timeline) -> Vec<f64> {
        timeline.talkspurts.iter().map(|talkspurt| (talkspurt.start - Time::default()).as_ms_f64()).collect()
    }

    #[test]
    fn six_stalls_of_300_ms_move_nothing() {
        let stalled =
            |n: i64| if n % 100 >= 50 && n % 100 < 65 { (n / 100 * 100 + 65) * 20 * MS } else { n * 20 * MS };
        let packets: Vec<_> = (0..600).map(|n| (n, n * 160, stalled(n))).collect();
        let timeline = timeline(&packets);
        assert_eq!(timeline.talkspurts.len(), 1, "{:?}", timeline.talkspurts);
        assert_eq!((starts_ms(&timeline), timeline.leaps), (vec![0.0], 0));
    }

    #[test]
    fn silence_suppression_begins_a_talkspurt_where_the_time_stamp_says() {
        let timeline = timeline(&[(0, 0, 0), (1, 160, 20 * MS), (2, 8000, 1003 * MS), (3, 8160, 1020 * MS)]);
        assert_eq!(starts_ms(&timeline), [0.0, 1000.0]);
        assert_eq!(timeline.talkspurts[1].before, Before::Silence);
    }

    #[test]
    fn a_short_loss_stays_inside_and_a_long_one_ends_the_talkspurt() {
        let timeline = timeline(&[(0, 0, 0), (3, 480, 60 * MS), (103, 16_480, 2060 * MS)]);
        assert_eq!(
            timeline.talkspurts.iter().map(|spurt| spurt.before).collect::<Vec<_>>(),
            [Before::Nothing, Before::Loss]
        );
        assert_eq!(starts_ms(&timeline), [0.0, 2060.0]);
    }

    #[test]
    fn a_leap_forward_makes_no_hours_of_silence() {
        let packets: Vec<_> =
            (0..200).map(|n| (n, n * 160 + i64::from(n >= 100) * 28_800_000, n * 20 * MS)).collect();
        let timeline = timeline(&packets);
        assert_eq!(starts_ms(&timeline), [0.0, 2000.0]);
        assert_eq!((timeline.talkspurts[1].before, timeline.leaps), (Before::Leap, 1));
    }

    #[test]
    fn a_leap_backward_overwrites_no_past() {
        let packets: Vec<_> =
            (0..200).map(|n| (n, n * 160 - i64::from(n >= 100) * 8000, n * 20 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), [0.0, 2000.0]);
    }

    #[test]
    fn a_pause_that_the_time_stamps_deny_is_told_by_arrival() {
        let packets: Vec<_> =
            (0..600).map(|n| (n, n * 160, n * 20 * MS + i64::from(n >= 300) * 5000 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), [0.0, 11_000.0]);
    }

    #[test]
    fn a_sender_whose_time_stamps_stand_still_is_placed_by_arrival() {
        let packets: Vec<_> = (0..10).map(|n| (n, 0, n * 20 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), (0..10).map(|n| f64::from(n) * 20.0).collect::<Vec<_>>());
    }

    #[test]
    fn drift_is_paid_back_in_the_pause() {
        // The sender's clock is 300 ppm fast and speaks for 30 s, pauses for 1 s, and speaks for 30 s.
        let ticks = |n: i64| n * 160 + i64::from(n >= 1500) * 8000;
        let arrival = |n: i64| (ticks(n) as f64 / 8000.0 * 1e9 / 1.0003) as i64;
        let packets: Vec<_> = (0..3000).map(|n| (n, ticks(n), arrival(n))).collect();
        let timeline = timeline(&packets);
        assert!((timeline.skew_ppm.unwrap() - 300.0).abs() < 0.5);
        assert_eq!(timeline.talkspurts.len(), 2);
        assert!((starts_ms(&timeline)[1] - arrival(1500) as f64 / 1e6).abs() < 0.001);
    }

    #[test]
    fn times_that_cannot_be_are_borne() {
        let ends = [0, i64::MAX, i64::MIN, 1 << 40, 0];
        let packets: Vec<_> =
            ends.iter().enumerate().map(|(n, &at)| (n as i64, n as i64 * i64::from(i32::MAX), at)).collect();
        for clock_rate in [0, 1, 8000, u32::MAX] {
            let timeline = Timeline::new(Time::from_ns(i64::MAX), clock_rate, sounding(&packets));
            let placed: usize = timeline.talkspurts.iter().map(|talkspurt| talkspurt.packets.len()).sum();
            assert_eq!(placed, ends.len());
        }
    }

    proptest! {
        /// The naive twin knows the sender's clock; whatever the network did, every talkspurt starts within 1 ms of it
        /// as long as some packets came without delay.
        #[test]
        fn every_talkspurt_stands_where_the_sender_set_it(
            skew_ppm in -300i64..300,
            fate in prop::collection::vec((0u8..20, 0i64..80, 0i64..40), 800..1500),
        ) {
            let (mut ticks, mut sent, mut truth) = (0, Vec::new(), Vec::new());
            for (n, &(luck, jitter_ms, pause)) in fate.iter().enumerate() {
                ticks += 160 + i64::from(luck == 19) * pause * 160;
                let at = (ticks as f64 / 8000.0 * 1e9 * (1.0 - skew_ppm as f64 / 1e6)) as i64;
                truth.push((ticks, at));
                if luck > 1 {
                    let jitter = if luck % 4 == 0 { 0 } else { jitter_ms * MS };
                    sent.push((n as i64, ticks, at + jitter));
                }
            }
            let timeline = timeline(&sent);
            let place = |ticks: i64| truth.iter().find(|(other, _)| *other == ticks).unwrap().1;
            for talkspurt in &timeline.talkspurts {
                let error_ns = talkspurt.start.as_ns() - place(talkspurt.ticks);
                prop_assert!(error_ns.abs() < MS, "{} ns at {}", error_ns, talkspurt.ticks);
            }
            let placed: usize = timeline.talkspurts.iter().map(|talkspurt| talkspurt.packets.len()).sum();
            prop_assert_eq!(placed, sent.len(), "no packet is thrown away");
        }
    }
}
