//! What a sender's own reports say of its clock: which time stamp its wall clock stands beside (RFC 3550, section 6.4.1).
//!
//! It moves no audio: not every sender has a wall clock worth the name. It is what the timeline, which goes by arrivals
//! alone, is held against.

use clock::Time;

use crate::id::{Ssrc, Ticks};

/// A sender report's word on the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderTime {
    /// When the report came.
    pub at: Time,
    /// The sender's wall clock, in nanoseconds since 1900.
    pub wall_ns: i64,
    /// The time stamp of the moment.
    pub ticks: Ticks,
}

impl SenderTime {
    /// From the 64 bits of a time of NTP; `None` where the sender says that it has none.
    pub(crate) fn new(at: Time, ntp: u64, ticks: Ticks) -> Option<SenderTime> {
        let (seconds, fraction) = (ntp >> 32, ntp & 0xffff_ffff);
        let wall_ns = seconds as i64 * 1_000_000_000 + ((fraction * 1_000_000_000) >> 32) as i64;
        (seconds > 0).then_some(SenderTime { at, wall_ns, ticks })
    }
}

/// What one sender said, evenly thinned out where it said much.
#[derive(Clone, PartialEq, Debug)]
pub struct SenderClock {
    /// Who.
    pub sender: Ssrc,
    /// How many reports it sent; what is seen on several hops counts once.
    pub reports: u64,
    /// Some of them, in the order of their coming.
    pub times: Vec<SenderTime>,
    /// One in so many is kept.
    every: u64,
    last: SenderTime,
}

impl SenderClock {
    pub(crate) fn new(sender: Ssrc, first: SenderTime) -> SenderClock {
        SenderClock { sender, reports: 1, times: vec![first], every: 1, last: first }
    }

    pub(crate) fn push(&mut self, time: SenderTime) {
        let is_again = time.wall_ns == self.last.wall_ns && time.ticks == self.last.ticks;
        if is_again {
            return;
        }
        self.last = time;
        if self.reports.is_multiple_of(self.every) {
            self.times.push(time);
        }
        self.reports += 1;
        if self.times.len() > MOST_TIMES {
            let mut is_kept = false;
            self.times.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.every *= 2;
        }
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<SenderClock>() + self.times.capacity() * size_of::<SenderTime>()
    }
}

/// A sender reports every five seconds: five minutes, and of a longer call as many.
const MOST_TIMES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Span;

    fn time(n: i64) -> SenderTime {
        let ntp = ((3_900_000_000 + 5 * n as u64) << 32) | 0x8000_0000;
        let at = Time::default() + Span::from_secs(5 * n);
        SenderTime::new(at, ntp, Ticks((n * 40_000) as u32)).unwrap()
    }

    #[test]
    fn a_time_of_ntp_is_read_to_the_nanosecond() {
        let read = |ntp| SenderTime::new(Time::default(), ntp, Ticks(0)).map(|time| time.wall_ns);
        assert_eq!(read(0x0000_0002_8000_0000), Some(2_500_000_000));
        assert_eq!(read(0x0000_0001_0000_0001), Some(1_000_000_000));
        assert_eq!(read(0xffff_ffff_ffff_ffff), Some(4_294_967_295_999_999_999));
        assert_eq!(read(0x0000_0000_ffff_ffff), None, "a sender without a wall clock");
    }

    #[test]
    fn a_day_of_reports_takes_no_more_room_than_minutes() {
        let mut clock = SenderClock::new(Ssrc(1), time(0));
        for n in 1..17_280 {
            clock.push(time(n));
            // The same on the next hop.
            clock.push(SenderTime { at: time(n).at + Span::from_ms(1), ..time(n) });
        }
        assert_eq!(clock.reports, 17_280);
        assert!((MOST_TIMES / 2..=MOST_TIMES).contains(&clock.times.len()), "{}", clock.times.len());
        let steps: Vec<i64> = clock.times.windows(2).map(|pair| pair[1].wall_ns - pair[0].wall_ns).collect();
        assert!(steps.iter().all(|&step| step == steps[0]), "evenly: {steps:?}");
        assert_eq!(clock.times[0], time(0));
    }
}
