//! The fragments that wait for the rest of their packet: any order, duplicates, bounded in packets, in bytes and in
//! time, and every fragment counted by what became of it. What one packet's fragments make is `partial`'s part.
//!
//! Overlapping fragments are refused with their whole packet (RFC 5722): no honest sender makes them, and what
//! they mean is what the receiver makes of them.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use clock::{Span, Time};
use foldhash::quality::RandomState;
use hashbrown::HashMap;

use crate::echoes::{Echoes, is_past};
use crate::fragment::{Fragment, Key};
use crate::fragment_counts::{FragmentCounts, FragmentResult};
use crate::partial::{Fit, Partial};

/// The bounds of what is remembered of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Packets of which fragments wait.
    pub packets: usize,
    /// Bytes of memory that they take.
    pub bytes: usize,
    /// How long after a packet's first fragment came the rest may come, by capture time.
    pub timeout: Span,
    /// Packets that are remembered, to know their copies by.
    pub duplicates: usize,
    /// How far from a packet its copies may be, before or behind it, by capture time.
    pub duplicate_window: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            packets: 4096,
            bytes: 32 << 20,
            timeout: Span::from_secs(30),
            // What 8000 calls send in the window.
            duplicates: 1 << 18,
            duplicate_window: Span::from_ms(300),
        }
    }
}

/// What [`Fragments::add`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Added {
    /// It waits, or had come before.
    Held,
    /// It was the last that was missing: the packet is in the buffer.
    Whole,
    /// It and all of its packet are gone.
    Refused,
}

/// Packets by what their fragments have in common.
#[derive(Debug)]
pub(crate) struct Fragments {
    limits: Limits,
    counts: FragmentCounts,
    partials: HashMap<Key, Partial, RandomState>,
    /// The packets' keys in the order in which they began.
    order: BTreeMap<u64, Key>,
    begun: u64,
    /// When the fragment before came.
    before: Time,
    echoes: Echoes,
    digest: RandomState,
}

impl Fragments {
    pub(crate) fn new(limits: Limits) -> Self {
        Fragments {
            limits,
            counts: FragmentCounts::default(),
            partials: HashMap::with_hasher(RandomState::default()),
            order: BTreeMap::new(),
            begun: 0,
            before: Time::default(),
            echoes: Echoes::default(),
            digest: RandomState::default(),
        }
    }

    pub(crate) fn counts(&self) -> &FragmentCounts {
        &self.counts
    }

    /// Takes a fragment in. Where it completes its packet, the packet replaces what is in `whole`.
    pub(crate) fn add(&mut self, at: Time, fragment: &Fragment<'_>, whole: &mut Vec<u8>) -> Added {
        self.counts.received += 1;
        self.expire(at);
        self.before = at;
        if fragment.truncated || !fragment.is_sound() {
            let result =
                if fragment.truncated { FragmentResult::Truncated } else { FragmentResult::Malformed };
            self.counts.add(result, 1);
            return Added::Refused;
        }
        if self.is_late(at, &fragment.key) {
            self.forget(&fragment.key, FragmentResult::TimedOut);
        }
        let print = self.digest.hash_one((fragment.key, fragment.offset, fragment.more, fragment.payload));
        let is_echo = self.echoes.contains(at, print) && !self.partials.contains_key(&fragment.key);
        if is_echo {
            self.counts.add(FragmentResult::Duplicate, 1);
            return Added::Held;
        }
        let added = self.fit(at, fragment, print, whole);
        self.make_room();
        added
    }

    fn fit(&mut self, at: Time, fragment: &Fragment<'_>, print: u64, whole: &mut Vec<u8>) -> Added {
        let partial = self.partials.entry(fragment.key).or_insert_with(|| {
            self.begun += 1;
            self.order.insert(self.begun, fragment.key);
            Partial::new(at, self.begun)
        });
        let before = partial.bytes();
        match partial.add(fragment, print) {
            Fit::Kept => {
                self.counts.waiting += 1;
                self.counts.bytes += partial.bytes() - before;
                self.counts.packets = self.partials.len();
                self.join(at, fragment.key, whole)
            }
            Fit::Duplicate => {
                self.counts.add(FragmentResult::Duplicate, 1);
                Added::Held
            }
            // What waits is of an older packet; this one is of a packet that begins anew.
            Fit::Reused => {
                self.forget(&fragment.key, FragmentResult::Overlapping);
                self.fit(at, fragment, print, whole)
            }
            Fit::Overlapping => self.refuse(&fragment.key, FragmentResult::Overlapping),
            Fit::TooMany => self.refuse(&fragment.key, FragmentResult::Malformed),
        }
    }

    /// Puts the packet together, if nothing of it is missing.
    fn join(&mut self, at: Time, key: Key, whole: &mut Vec<u8>) -> Added {
        let Some(partial) = self.partials.get(&key).filter(|partial| partial.is_complete()) else {
            return Added::Held;
        };
        let fits = partial.join(whole);
        self.echoes.add(at, partial.prints());
        self.forget(&key, if fits { FragmentResult::Reassembled } else { FragmentResult::Malformed });
        if fits { Added::Whole } else { Added::Refused }
    }

    /// Counts a fragment that was not kept, and drops its packet for it.
    fn refuse(&mut self, key: &Key, result: FragmentResult) -> Added {
        self.counts.add(result, 1);
        self.forget(key, result);
        Added::Refused
    }

    /// Takes a packet out; its fragments came to `result`.
    fn forget(&mut self, key: &Key, result: FragmentResult) {
        if let Some(partial) = self.partials.remove(key) {
            self.order.remove(&partial.serial);
            self.counts.add(result, partial.fragments());
            self.counts.waiting -= partial.fragments();
            self.counts.bytes -= partial.bytes();
            self.counts.packets = self.partials.len();
        }
    }

    /// Drops the packets that waited too long, from the oldest on. It is done once one is found in time: where
    /// the capture's clock leaps, a packet may outlast its time until its next fragment or until room is short. One
    /// fragment alone may have a wrong stamp: the one before must say the same.
    fn expire(&mut self, at: Time) {
        let before = self.before;
        while let Some(key) = self.oldest().filter(|key| self.is_late(at, key) && self.is_late(before, key)) {
            self.forget(&key, FragmentResult::TimedOut);
        }
    }

    /// A clock that was set back makes a packet as old as one that ran on.
    fn is_late(&self, at: Time, key: &Key) -> bool {
        self.partials.get(key).is_some_and(|partial| is_past(at, partial.began, self.limits.timeout))
    }

    fn make_room(&mut self) {
        while self.counts.packets > self.limits.packets || self.counts.bytes > self.limits.bytes {
            let Some(oldest) = self.oldest() else { break };
            if self.counts.bytes > self.limits.bytes {
                let fragments = self.partials.get(&oldest).map_or(0, Partial::fragments);
                self.counts.evicted_for_bytes += fragments;
            }
            self.forget(&oldest, FragmentResult::Evicted);
        }
    }

    fn oldest(&self) -> Option<Key> {
        self.order.first_key_value().map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests;
