//! Fragments counted by what became of them.

use crate::labels;

labels! {
    /// What became of a fragment.
    FragmentResult {
        /// Its packet came together.
        Reassembled = "reassembled",
        /// The rest of its packet did not come in time.
        TimedOut = "timed_out",
        /// It had come before.
        Duplicate = "duplicate",
        /// It, or another of its packet, overlapped what was there or contradicted it.
        Overlapping = "overlapping",
        /// It had to make room.
        Evicted = "evicted",
        /// The snap length had cut it.
        Truncated = "truncated",
        /// No packet can have such a fragment, or so many of them.
        Malformed = "malformed",
    }
}

/// Fragments counted. Those received are those that wait and those of each result, together.
#[derive(Clone, Debug, Default)]
pub struct FragmentCounts {
    /// All fragments that came, of packets that may carry UDP or TCP.
    pub received: u64,
    /// Fragments that wait for the rest of their packet.
    pub waiting: u64,
    /// Packets that they are of.
    pub packets: usize,
    /// Bytes of memory that they take.
    pub bytes: usize,
    /// Fragments that had to make room because of the bytes, among those of [`FragmentResult::Evicted`].
    pub evicted_for_bytes: u64,
    results: [u64; FragmentResult::ALL.len()],
}

impl FragmentCounts {
    /// Fragments of which `result` became.
    #[must_use]
    pub fn of(&self, result: FragmentResult) -> u64 {
        self.results.get(result as usize).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, result: FragmentResult, fragments: u64) {
        if let Some(count) = self.results.get_mut(result as usize) {
            *count += fragments;
        }
    }
}
