//! What came in a second, from what two moments count.

use serde::Serialize;

use super::present::{Present, tenths};
use crate::status::Dropped;

/// A second's share of what came between two moments.
#[derive(Serialize, Clone, Copy, PartialEq, Default, Debug)]
pub(crate) struct Rates {
    pub(crate) packets: f64,
    /// Calls that began.
    pub(crate) calls: f64,
    /// Calls that got their outcome.
    pub(crate) ended: f64,
    /// Packets that were lost, whoever lost them.
    pub(crate) dropped: f64,
}

impl Rates {
    /// `None` where another recorder began between the two, or no time passed.
    pub(crate) fn between(before: &Present, now: &Present) -> Option<Rates> {
        let time = now.uptime_s - before.uptime_s;
        if time <= 0.0 || now.status.seen < before.status.seen {
            return None;
        }
        let rate =
            |count: fn(&Present) -> u64| tenths(count(now).saturating_sub(count(before)) as f64 / time);
        Some(Rates {
            packets: rate(|at| at.status.packets),
            calls: rate(|at| at.status.seen),
            ended: rate(|at| at.status.outcomes.values().sum()),
            dropped: rate(|at| {
                let Dropped { interface, kernel, queue, disk } = at.status.dropped;
                interface + kernel + queue + disk
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn at(uptime_s: f64, packets: u64, seen: u64) -> Present {
        let mut status = Status { packets, seen, ..Status::default() };
        status.outcomes.insert("recorded".to_owned(), seen / 2);
        status.dropped.kernel = packets / 100;
        Present { uptime_s, status, ..Present::default() }
    }

    #[test]
    fn a_second_has_its_share() {
        let rates = Rates::between(&at(10.0, 1000, 4), &at(12.0, 5000, 10)).unwrap();
        assert_eq!(rates, Rates { packets: 2000.0, calls: 3.0, ended: 1.5, dropped: 20.0 });
    }

    #[test]
    fn another_recorder_has_no_share_of_the_one_before() {
        assert_eq!(Rates::between(&at(10.0, 1000, 4), &at(1.0, 5000, 10)), None);
        assert_eq!(Rates::between(&at(10.0, 1000, 4), &at(12.0, 10, 1)), None);
        assert_eq!(Rates::between(&at(10.0, 1000, 4), &at(10.0, 1000, 4)), None);
    }
}
