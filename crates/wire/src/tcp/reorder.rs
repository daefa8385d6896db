//! One direction's octets, put in order: what is next goes through, what came too early waits.
//!
//! Sequence numbers (RFC 9293, section 3.4) are unrolled into positions of 64 bits, so that a wrap is no case of its
//! own.

use std::collections::BTreeMap;

use clock::Time;

/// The octets of one direction.
#[derive(Default, Debug)]
pub(crate) struct Reorder {
    /// The position of the next octet to hand on; `None` until one is known.
    next: Option<u64>,
    /// What waits, by the position of its first octet. None overlaps another, and none begins before `next`.
    waiting: BTreeMap<u64, Waiting>,
    weight: usize,
}

/// Octets behind a hole.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// When they were captured.
    pub(crate) at: Time,
    pub(crate) octets: Box<[u8]>,
}

/// Where a sequence number stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// At that position.
    At(u64),
    /// So far from all that was seen that it is of another connection, or behind a hole that nothing would fill.
    Elsewhere,
}

/// Farther from the next octet than that is elsewhere: more than any sender of SIP has under way.
const NEAR: i64 = 1 << 22;
/// What holding a piece takes beside its octets: so that many small ones are not cheap.
const PIECE: usize = 96;

impl Reorder {
    /// The direction's next octet has the sequence number `sequence`.
    pub(crate) fn begin(&mut self, sequence: u32) {
        // The first round lies a whole round above zero: what came before can be told, too.
        self.next = Some((1 << 32) + u64::from(sequence));
        self.clear();
    }

    /// Lets go of all that waits.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.weight = 0;
    }

    /// The position of a sequence number; where nothing is known yet, it is the beginning.
    pub(crate) fn place(&mut self, sequence: u32) -> Place {
        let Some(next) = self.next else {
            self.begin(sequence);
            return Place::At(self.next.unwrap_or_default());
        };
        let distance = i64::from(sequence.wrapping_sub(next as u32) as i32);
        if distance.abs() > NEAR {
            return Place::Elsewhere;
        }
        Place::At(next.saturating_add_signed(distance))
    }

    /// The position of the next octet.
    pub(crate) fn next(&self) -> Option<u64> {
        self.next
    }

    /// The part of `octets` that can be handed on at once, as nothing waits before it or within it.
    pub(crate) fn through<'a>(&mut self, start: u64, octets: &'a [u8]) -> Option<&'a [u8]> {
        let next = self.next.filter(|&next| start <= next && self.waiting.is_empty())?;
        let new = octets.get((next - start) as usize..).filter(|new| !new.is_empty())?;
        self.next = Some(next + new.len() as u64);
        Some(new)
    }

    /// Lets octets wait, as far as they are new.
    pub(crate) fn wait(&mut self, at: Time, start: u64, octets: &[u8]) {
        let end = start + octets.len() as u64;
        let mut from = self.next.map_or(start, |next| next.max(start));
        while from < end {
            let before = self.waiting.range(..=from).next_back();
            let held_to = before.map_or(0, |(start, held)| start + held.octets.len() as u64);
            if held_to > from {
                from = held_to;
                continue;
            }
            let to = self.waiting.range(from..).next().map_or(end, |(&start, _)| start.min(end));
            let part = octets.get((from - start) as usize..(to - start) as usize).unwrap_or_default();
            self.weight += part.len() + PIECE;
            self.waiting.insert(from, Waiting { at, octets: part.into() });
            from = to;
        }
    }

    /// The next of what waited, if nothing is missing before it.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.first_entry().filter(|first| Some(*first.key()) == self.next)?;
        let waiting = first.remove();
        self.weight -= waiting.octets.len() + PIECE;
        self.next = self.next.map(|next| next + waiting.octets.len() as u64);
        Some(waiting)
    }

    /// Gives up on what is missing before the first that waits. False where nothing waits.
    pub(crate) fn pass_over_hole(&mut self) -> bool {
        let Some((&first, _)) = self.waiting.first_key_value() else { return false };
        self.next = Some(first);
        true
    }

    /// Where the hole ends before which something waits, and since when.
    pub(crate) fn hole(&self) -> Option<(u64, Time)> {
        self.waiting.first_key_value().map(|(&start, waiting)| (start, waiting.at))
    }

    /// The bytes of memory that what waits takes.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Time = Time::from_ns(1);

    fn take(reorder: &mut Reorder, sequence: u32, octets: &[u8]) -> Vec<u8> {
        let Place::At(start) = reorder.place(sequence) else { return vec![] };
        let mut out = match reorder.through(start, octets) {
            Some(new) => new.to_vec(),
            None => {
                reorder.wait(AT, start, octets);
                vec![]
            }
        };
        out.extend(std::iter::from_fn(|| reorder.pop()).flat_map(|waiting| waiting.octets));
        out
    }

    #[test]
    fn what_came_first_wins() {
        let mut reorder = Reorder::default();
        reorder.begin(100);
        assert_eq!(take(&mut reorder, 103, b"defg"), b"");
        assert_eq!(take(&mut reorder, 102, b"cXXXXhi"), b"");
        assert_eq!(take(&mut reorder, 100, b"abYYYY"), b"abcdefghi");
        assert_eq!(take(&mut reorder, 108, b"?"), b"", "a keep-alive probe");
        assert_eq!(take(&mut reorder, 109, b"j"), b"j");
        assert_eq!((reorder.weight(), reorder.hole()), (0, None));
    }

    #[test]
    fn goes_on_behind_a_hole_and_over_a_wrap() {
        let mut reorder = Reorder::default();
        reorder.begin(u32::MAX - 1);
        assert_eq!(take(&mut reorder, u32::MAX - 1, b"abcd"), b"abcd");
        assert_eq!(take(&mut reorder, 5, b"hi"), b"");
        assert!(reorder.pass_over_hole());
        assert_eq!(reorder.pop().map(|waiting| waiting.octets), Some(b"hi"[..].into()));
        assert!(!reorder.pass_over_hole());
        assert_eq!(take(&mut reorder, 2, b"efghi"), b"", "too late");
        assert_eq!(reorder.place(7 + NEAR as u32 + 1), Place::Elsewhere);
        assert_eq!(reorder.place(7u32.wrapping_sub(NEAR as u32 + 1)), Place::Elsewhere);
    }

    proptest! {
        /// Against a map of octets, of which the first that came stays.
        #[test]
        fn hands_on_what_a_map_of_octets_would(
            first in any::<u32>(),
            segments in proptest::collection::vec((0u32..60, 0usize..12, any::<u8>()), 0..40),
        ) {
            let mut reorder = Reorder::default();
            reorder.begin(first);
            let (mut twin, mut next) = (BTreeMap::new(), 0u32);
            for (offset, len, fill) in segments {
                let octets: Vec<u8> = (0..len).map(|n| fill.wrapping_add(n as u8)).collect();
                for (n, &octet) in octets.iter().enumerate() {
                    twin.entry(offset + n as u32).or_insert(octet);
                }
                let mut expected = vec![];
                while let Some(&octet) = twin.get(&next) {
                    expected.push(octet);
                    next += 1;
                }
                prop_assert_eq!(take(&mut reorder, first.wrapping_add(offset), &octets), expected);
                let held = twin.range(next..).count();
                prop_assert!(reorder.weight() >= held && (held == 0) == (reorder.weight() == 0));
            }
        }
    }
}
