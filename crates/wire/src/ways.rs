//! The ways on which a packet without a number was seen, and how often on each.
//!
//! Each mirror shows each sending once. So what a way shows for the n-th time was sent n times at least, and whatever
//! falls short of the most that any way has shown is a copy:
//!
//! ```text
//! way A (ms)   0        100               sent at 0 and at 100
//! way B            30        130          copies of both, whatever comes first at B
//! seen       new copy   new copy
//! ```

use clock::{Span, Time};

/// More mirrors than that show one packet hardly ever; what comes by a further one is a copy.
const WAYS: usize = 4;

/// Within so little time one way shows the same packet twice: a switch that mirrors its way in and its way out. No
/// sender repeats a message so soon.
const ECHO: Span = Span::from_ms(5);

/// The ways of one packet.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Ways([Way; WAYS]);

/// One way: `times` is 0 where there is none.
#[derive(Clone, Copy, Default, Debug)]
struct Way {
    mark: u32,
    /// When it showed the packet last, in milliseconds; enough of them for the time that a packet is remembered.
    last_ms: u16,
    times: u8,
}

impl Ways {
    /// The packet is seen on the way of that `mark`: whether it was sent anew.
    pub(crate) fn handle(&mut self, mark: u32, at: Time) -> bool {
        let most = self.most();
        let now_ms = (at.as_ns() / 1_000_000) as u16;
        let Some(way) = self.0.iter_mut().find(|way| way.mark == mark || way.times == 0) else {
            return false;
        };
        let is_echo = way.times > 0 && is_echo(now_ms, way.last_ms);
        (way.mark, way.last_ms) = (mark, now_ms);
        if is_echo {
            return false;
        }
        way.times += 1;
        way.times > most
    }

    /// The most that any way has shown. Long rows are counted from a later begin: what is more stays more.
    fn most(&mut self) -> u8 {
        let most = self.0.iter().map(|way| way.times).max().unwrap_or_default();
        if most < u8::MAX {
            return most;
        }
        for way in self.0.iter_mut().filter(|way| way.times > 0) {
            way.times = way.times.saturating_sub(u8::MAX / 2).max(1);
        }
        most - u8::MAX / 2
    }
}

fn is_echo(now_ms: u16, then_ms: u16) -> bool {
    let apart = now_ms.wrapping_sub(then_ms).cast_signed();
    Span::from_ms(i64::from(apart.unsigned_abs())) <= ECHO
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is new of sightings by way and milliseconds.
    fn new(sightings: &[(u32, i64)]) -> Vec<bool> {
        let mut ways = Ways::default();
        let at = |ms| Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms);
        sightings.iter().map(|&(mark, ms)| ways.handle(mark, at(ms))).collect()
    }

    #[test]
    fn each_way_shows_each_sending_once() {
        assert_eq!(new(&[(7, 0), (8, 30), (7, 100), (8, 130)]), [true, false, true, false]);
        // The second mirror is slower than the sender's patience, or leads once.
        assert_eq!(new(&[(7, 0), (7, 100), (8, 250), (8, 350)]), [true, true, false, false]);
        assert_eq!(new(&[(7, 0), (8, 3), (8, 100), (7, 103)]), [true, false, true, false]);
    }

    #[test]
    fn a_mirror_of_both_ways_shows_all_twice() {
        let sightings = [(7, 0), (7, 1), (8, 200), (8, 201), (7, 250), (7, 250), (8, 260)];
        assert_eq!(new(&sightings), [true, false, false, false, true, false, false]);
        // Near the turn of the milliseconds that are kept, and with the clock a little back.
        assert_eq!(
            new(&[(7, 65_536 * 9 - 1), (7, 65_536 * 9 + 1), (7, 65_536 * 9 - 2)]),
            [true, false, false]
        );
    }

    #[test]
    fn a_long_row_goes_on() {
        let sightings: Vec<(u32, i64)> = (0..2000).flat_map(|n| [(7, n * 10), (8, n * 10)]).collect();
        let new = new(&sightings);
        assert!(new.chunks(2).all(|pair| pair == [true, false]));
    }

    #[test]
    fn a_mark_of_zero_is_one_like_others() {
        assert_eq!(new(&[(0, 0), (1, 0), (0, 50), (1, 50), (0, 100)]), [true, false, true, false, true]);
    }

    #[test]
    fn ways_beyond_the_fourth_show_copies() {
        let sightings: Vec<(u32, i64)> = (1..=9).map(|mark| (mark, 0)).collect();
        assert_eq!(new(&sightings).iter().filter(|&&new| new).count(), 1);
    }
}
