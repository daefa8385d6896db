//! Media is turned away for a time, but not that of calls that go on.

use clock::Time;

/// Since when no new media is taken, and how much was turned away.
#[derive(Default, Debug)]
pub(crate) struct Admission {
    shut_since: Option<Time>,
    turned_away: u64,
}

impl Admission {
    pub(crate) fn set(&mut self, now: Time, admits: bool) {
        self.shut_since = if admits { None } else { self.shut_since.or(Some(now)) };
    }

    /// Since when, while it is so.
    pub(crate) fn shut_since(&self) -> Option<Time> {
        self.shut_since
    }

    pub(crate) fn turn_away(&mut self) {
        self.turned_away += 1;
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }
}
