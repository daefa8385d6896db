//! Fragments that were seen a moment ago, remembered after their packet came together.

use std::collections::VecDeque;

use clock::{Span, Time};
use foldhash::quality::RandomState;
use hashbrown::HashSet;

/// Digests of fragments whose packets came together a moment ago. A mirror of two ports shows each fragment twice,
/// and the second of the last one must not begin a packet that never ends.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    prints: HashSet<u64, RandomState>,
    order: VecDeque<(Time, u64)>,
}

impl Echoes {
    const MOST: usize = 4096;
    const LIFETIME: Span = Span::from_secs(1);

    pub(crate) fn add(&mut self, at: Time, prints: impl Iterator<Item = u64>) {
        for print in prints {
            if self.prints.insert(print) {
                self.order.push_back((at, print));
            }
        }
        while self.order.len() > Self::MOST {
            self.drop_oldest();
        }
    }

    pub(crate) fn contains(&mut self, at: Time, print: u64) -> bool {
        while self.order.front().is_some_and(|(then, _)| is_past(at, *then, Self::LIFETIME)) {
            self.drop_oldest();
        }
        self.prints.contains(&print)
    }

    fn drop_oldest(&mut self) {
        if let Some((_, print)) = self.order.pop_front() {
            self.prints.remove(&print);
        }
    }
}

/// More than `span` lies between the two times, in either direction.
pub(crate) fn is_past(at: Time, then: Time, span: Span) -> bool {
    at - then > span || then - at > span
}
