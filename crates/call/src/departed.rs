//! The Call-IDs of calls that were closed lately: what comes of them late is a straggler and begins no call of its own.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashSet;

use crate::fill::Fill;

/// Call-IDs as hashes, the oldest first to be forgotten.
#[derive(Default, Debug)]
pub(crate) struct Departed {
    state: RandomState,
    known: HashSet<u64, RandomState>,
    in_order: VecDeque<u64>,
    forgotten: u64,
}

impl Departed {
    pub(crate) fn note(&mut self, call_id: &str) {
        let hash = self.state.hash_one(call_id);
        if !self.known.insert(hash) {
            return;
        }
        self.in_order.push_back(hash);
        if self.in_order.len() > MOST_DEPARTED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten += 1;
        }
    }

    /// How many are known, and how many had to be forgotten.
    pub(crate) fn fill(&self) -> Fill {
        Fill::new(self.known.len(), MOST_DEPARTED, self.forgotten)
    }

    pub(crate) fn knows(&self, call_id: &str) -> bool {
        self.known.contains(&self.state.hash_one(call_id))
    }
}

/// Ten minutes at a hundred calls a second; two megabytes.
const MOST_DEPARTED: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let mut departed = Departed::default();
        for n in 0..MOST_DEPARTED + 10 {
            departed.note(&n.to_string());
            departed.note(&n.to_string());
        }
        assert_eq!(departed.fill(), Fill::new(MOST_DEPARTED, MOST_DEPARTED, 10));
        assert!(!departed.knows("9") && departed.knows("10") && departed.knows("65545"));
        assert_eq!((departed.known.len(), departed.in_order.len()), (MOST_DEPARTED, MOST_DEPARTED));
    }
}
