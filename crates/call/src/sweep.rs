//! When the tables are to be looked through for what is past its time, by a clock made of packets' time stamps. A few
//! of these are wrong in a damaged capture, and calls that are running must not end for it: a leap forward is
//! believed once several packets in a row agree on it, a leap back once in a while.

use clock::{Span, Time};

/// The time, and when to look next.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// `None` before the first packet, which is believed at once.
    now: Option<Time>,
    next: Time,
    /// How often time passed since it was set back.
    since_set_back: u32,
    /// Packets in a row that come after a leap, the earliest of their times, and the last.
    leaping: u32,
    leap_to: Time,
    leapt_at: Time,
}

impl Sweep {
    /// A packet came `at` that time: the time by which what is due is due, if it is to be looked for.
    pub(crate) fn handle(&mut self, at: Time) -> Option<Time> {
        self.since_set_back = self.since_set_back.saturating_add(1);
        let Some(now) = self.now else { return self.sweep_at(at) };
        if now - at > STEADY && self.since_set_back >= BETWEEN_SET_BACKS {
            // The clock was set back, or this stamp is wrong: nobody waits until the old time comes round.
            (self.now, self.next, self.since_set_back) = (Some(at), at + SWEEP, 0);
        }
        if at < self.next {
            self.leaping = 0;
            return None;
        }
        let at = if at - now > STEADY { self.leap(at, at - now)? } else { at };
        self.sweep_at(at)
    }

    /// No packet comes any more: a leap that none has contradicted.
    pub(crate) fn end(&mut self) -> Option<Time> {
        if self.leaping > 0 { self.sweep_at(self.leap_to) } else { None }
    }

    fn sweep_at(&mut self, at: Time) -> Option<Time> {
        let now = self.now.map_or(at, |now| now.max(at));
        (self.leaping, self.now, self.next) = (0, Some(now), now + SWEEP);
        Some(now)
    }

    /// Where a leap over so much time leads, once it is believed.
    fn leap(&mut self, at: Time, over: Span) -> Option<Time> {
        let agrees = self.leapt_at - at <= STEADY && at - self.leapt_at <= QUIET;
        self.leapt_at = at;
        if self.leaping > 0 && agrees {
            (self.leaping, self.leap_to) = (self.leaping + 1, self.leap_to.min(at));
        } else {
            (self.leaping, self.leap_to) = (1, at);
        }
        let believed = if over > LONG { BELIEVED_OF_LONG } else { BELIEVED };
        (self.leaping >= believed).then_some(self.leap_to)
    }
}

impl Default for Sweep {
    fn default() -> Sweep {
        let never = Time::default();
        let (next, leap_to, leapt_at) = (never, never, never);
        Sweep { now: None, next, since_set_back: BETWEEN_SET_BACKS, leaping: 0, leap_to, leapt_at }
    }
}

/// How often the tables are looked through.
const SWEEP: Span = Span::from_ms(1000);
/// Captures are out of order by less where several queues fill one, and busy ones are silent for no longer.
const STEADY: Span = Span::from_secs(10);
/// Packets that may follow each other on a network that is nearly silent.
const QUIET: Span = Span::from_secs(600);
/// So many packets in a row have no wrong stamps that agree by chance.
const BELIEVED: u32 = 3;
/// Captures have no longer pauses, but behind each other may be of different months.
const LONG: Span = Span::from_secs(30 * 86_400);
/// Damage often puts all bits to one, which is the year 2106 each time.
const BELIEVED_OF_LONG: u32 = 16;
/// Each time is followed by a sweep: a capture whose time leaps to and fro must not make one a packet.
const BETWEEN_SET_BACKS: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which is looked, of packets that come at these.
    fn looks(sweep: &mut Sweep, seconds: &[i64]) -> Vec<i64> {
        let at = |&seconds: &i64| Time::from_parts(seconds, 0);
        seconds.iter().filter_map(|one| Some(sweep.handle(at(one))?.as_ns() / 1_000_000_000)).collect()
    }

    fn running() -> Sweep {
        let mut sweep = Sweep::default();
        assert_eq!(looks(&mut sweep, &[1000, 1000, 1001]), [1000, 1001]);
        sweep
    }

    #[test]
    fn looks_once_a_second() {
        assert_eq!(looks(&mut running(), &[1001, 1002, 1002, 1001, 1003, 1012]), [1002, 1003, 1012]);
    }

    #[test]
    fn a_wrong_stamp_is_not_believed() {
        let mut sweep = running();
        assert_eq!(looks(&mut sweep, &[9_000_000, 1002, 9_000_000, 9_000_001, 1003]), [1002, 1003]);
        assert_eq!(looks(&mut sweep, &[5_000_000, 6_000_000, 7_000_000, 8_000_000, 1004]), [1004]);
        assert_eq!(looks(&mut sweep, &[vec![4_294_967_295; 15], vec![1005]].concat()), [1005]);
        // One far back sets it back for three packets.
        assert_eq!(looks(&mut sweep, &[0, 1006, 1007, 1008, 1009]), [1006, 1009]);
    }

    #[test]
    fn captures_of_different_years_may_follow_each_other() {
        let later: Vec<i64> = (0..20).map(|n| 1_000_000_000 + n / 4).collect();
        assert_eq!(looks(&mut running(), &later), [1_000_000_000, 1_000_000_004]);
        // Fewer packets of the later one than would be believed: the end of the input makes it sure.
        let mut sweep = running();
        assert_eq!(looks(&mut sweep, &later[..4]), [0_i64; 0]);
        assert_eq!(sweep.end(), Some(Time::from_parts(1_000_000_000, 0)));
    }

    #[test]
    fn a_pause_is_believed_where_it_ended() {
        assert_eq!(looks(&mut running(), &[5000, 5000, 5000, 5001]), [5000, 5001]);
        // Out of order, and on a network that is nearly silent.
        assert_eq!(looks(&mut running(), &[5004, 5000, 5009]), [5000]);
        assert_eq!(looks(&mut running(), &[2000, 2300, 2800, 3300, 3800, 4300]), [2000, 3300]);
        let mut sweep = running();
        assert_eq!(looks(&mut sweep, &[5000, 5001]), [0_i64; 0]);
        assert_eq!(sweep.end(), Some(Time::from_parts(5000, 0)));
        assert_eq!(sweep.end(), None);
    }
}
