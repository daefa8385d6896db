//! The timeline held against the sender's own word: where arrivals put a moment of the stream, and what the sender's wall
//! clock said of that moment in its reports. Both move alike, or one of them is wrong.

use std::iter::Peekable;
use std::slice;

use clock::{Span, Time};
use rtp::{SenderClock, SenderTime, Sent, Talkspurt, Ticks};

/// What a stream's sender reports say of its timeline.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct ClockCheck {
    /// How many reports came.
    pub(crate) reports: u64,
    /// How much faster the time stamps run than the sender's own wall clock, in parts per million; `None` where the
    /// reports lie too close together to say.
    pub(crate) skew_ppm: Option<f64>,
    /// By how much the timeline departs from the sender's word at the most, in milliseconds: from the median of all.
    pub(crate) off_ms: f64,
}

impl ClockCheck {
    /// Whether one of the two must be wrong. Quartz that differs by 100 ppm makes half of this in four minutes.
    pub(crate) fn contradicts(&self) -> bool {
        self.reports >= FEWEST && self.off_ms > MOST_OFF_MS
    }
}

const FEWEST: u64 = 3;
const MOST_OFF_MS: f64 = 50.0;
/// Time stamps of milliseconds say nothing of the clock over less.
const LEAST_WALL_NS: i64 = 10_000_000_000;
/// A report speaks of the moment in which it is sent.
const FARTHEST_S: i64 = 30;

/// Goes along a stream's packets in the order of sending.
pub(crate) struct Checking<'a> {
    reports: u64,
    times: Peekable<slice::Iter<'a, SenderTime>>,
    first_at: Time,
    first_ticks: Ticks,
    clock_rate: i64,
    last: Option<(Sent, Talkspurt)>,
    found: Vec<Found>,
}

/// One moment by three clocks, in nanoseconds.
#[derive(Clone, Copy)]
struct Found {
    wall: i64,
    media: i64,
    placed: i64,
}

impl<'a> Checking<'a> {
    /// For a stream whose first packet came at `first_at` with the time stamp `first_ticks`.
    pub(crate) fn new(said: &'a SenderClock, first_at: Time, first_ticks: Ticks, clock_rate: i64) -> Self {
        let times = said.times.iter().peekable();
        Checking {
            reports: said.reports,
            times,
            first_at,
            first_ticks,
            clock_rate,
            last: None,
            found: vec![],
        }
    }

    pub(crate) fn handle_packet(&mut self, sent: &Sent, talkspurt: &Talkspurt) {
        let arrival = self.first_at + Span::from_ns(sent.arrival_ns);
        while let Some(time) = self.times.next_if(|time| time.at <= arrival) {
            self.compare(time, sent, talkspurt);
        }
        self.last = Some((*sent, *talkspurt));
    }

    /// Where the packet's talkspurt has the moment that the report speaks of.
    fn compare(&mut self, time: &SenderTime, sent: &Sent, talkspurt: &Talkspurt) {
        let here = Ticks(self.first_ticks.0.wrapping_add(sent.ticks as u32));
        let ahead = i64::from(time.ticks.ahead_of(here));
        if ahead.abs() > FARTHEST_S * self.clock_rate {
            return;
        }
        let ticks = sent.ticks + ahead;
        let since_start = self.ns_of(ticks - talkspurt.ticks);
        let drifted = (since_start as f64 * talkspurt.drift) as i64;
        let placed = (talkspurt.start - self.first_at).as_ns() + since_start + drifted;
        self.found.push(Found { wall: time.wall_ns, media: self.ns_of(ticks), placed });
    }

    fn ns_of(&self, ticks: i64) -> i64 {
        (i128::from(ticks) * 1_000_000_000 / i128::from(self.clock_rate)) as i64
    }

    pub(crate) fn finish(mut self) -> Option<ClockCheck> {
        if let Some((sent, talkspurt)) = self.last {
            while let Some(time) = self.times.next() {
                self.compare(time, &sent, &talkspurt);
            }
        }
        let (first, last) = (*self.found.first()?, *self.found.last()?);
        let wall = last.wall - first.wall;
        let skew_ppm =
            (wall >= LEAST_WALL_NS).then(|| ((last.media - first.media) as f64 / wall as f64 - 1.0) * 1e6);
        let mut offsets: Vec<i64> = self.found.iter().map(|found| found.wall - found.placed).collect();
        offsets.sort_unstable();
        let (least, most) = (*offsets.first()?, *offsets.last()?);
        let median = *offsets.get(offsets.len() / 2)?;
        let off_ms = (most - median).max(median - least) as f64 / 1e6;
        Some(ClockCheck { reports: self.reports, skew_ppm, off_ms })
    }
}

#[cfg(test)]
mod tests {
    use rtp::{ExtSeq, Reports, Sounding, Timeline};

    use super::*;

    const MS: i64 = 1_000_000;

    /// A sender report with the time `wall_ns` since 1900 (of a year with many seconds) beside `ticks`.
    fn report(wall_ns: i64, ticks: u32) -> Vec<u8> {
        let (seconds, rest) = (3_900_000_000 + wall_ns / 1_000_000_000, wall_ns % 1_000_000_000);
        let fraction = ((rest as u64) << 32) / 1_000_000_000;
        let ntp = (seconds as u64) << 32 | fraction;
        [&[0x80, 200, 0, 6, 0, 0, 0, 7][..], &ntp.to_be_bytes(), &ticks.to_be_bytes(), &[0; 8]].concat()
    }

    /// A minute of packets of 20 ms whose time stamps begin shortly before their wrap, `media_ppm` fast against the wall, and
    /// a report each 5 s by a wall clock that is `late` by then.
    fn check(media_ppm: i64, late: impl Fn(i64) -> i64) -> ClockCheck {
        const FIRST: u32 = u32::MAX - 50_000;
        let begin = Time::from_parts(1_700_000_000, 0);
        let mut reports = Reports::default();
        let arrival = |n: i64| n * 20 * MS - n * 20 * media_ppm;
        for second in (0..60).step_by(5) {
            let at = begin + Span::from_ns(arrival(second * 50));
            let ticks = FIRST.wrapping_add((second * 8000) as u32);
            reports.handle(at, &report(arrival(second * 50) + late(second), ticks));
        }
        let said = reports.clock_of(rtp::Ssrc(7)).unwrap().clone();
        let sounding = |n: i64| Sounding {
            sent: Sent { index: n as u32, seq: ExtSeq(n), ticks: n * 160, arrival_ns: arrival(n), era: 0 },
            duration_ticks: 160,
            lost_before: 0,
        };
        let timeline = Timeline::of(begin, 8000, || (0..3000).map(sounding));
        let mut placer = timeline.placer();
        let mut checking = Checking::new(&said, begin, Ticks(FIRST), 8000);
        for packet in (0..3000).map(sounding) {
            let (talkspurt, _) = placer.place(&packet);
            checking.handle_packet(&packet.sent, &talkspurt);
        }
        checking.finish().unwrap()
    }

    #[test]
    fn a_sender_that_agrees_is_off_by_nothing() {
        for ppm in [0, 300, -300] {
            let check = check(ppm, |_| 0);
            assert_eq!(check.reports, 12);
            assert!(check.off_ms < 0.5 && !check.contradicts(), "{check:?}");
            assert!((check.skew_ppm.unwrap() - ppm as f64).abs() < 1.0, "{check:?}");
        }
    }

    #[test]
    fn a_wall_clock_that_leaps_contradicts() {
        let check = check(0, |second| if second >= 40 { 300 * MS } else { 0 });
        assert!((check.off_ms - 300.0).abs() < 1.0 && check.contradicts(), "{check:?}");
    }
}
