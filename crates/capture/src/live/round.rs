//! What several agents sent by the time of one look, in the order of its times: connections are read one after the other,
//! and an answer must not overtake its question for it.

use clock::Time;

use crate::frame::Frame;
use crate::link;

/// Frames of the link type raw IP that wait for the end of the round.
#[derive(Default)]
pub(crate) struct Round {
    waiting: Vec<Waiting>,
    bytes: Vec<u8>,
}

struct Waiting {
    at: Time,
    /// Where its bytes stand; by this, frames of one time stay in the order in which they came.
    start: usize,
    len: usize,
    origin: u32,
}

/// What a round may hold before it is handed on, in bytes.
const MOST: usize = 4 << 20;

impl Round {
    /// Takes a frame. Where the round is full with it, it must be handed on.
    pub(crate) fn push(&mut self, at: Time, origin: u32, bytes: &[u8]) {
        self.waiting.push(Waiting { at, start: self.bytes.len(), len: bytes.len(), origin });
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether it holds as much as it may.
    pub(crate) const fn is_full(&self) -> bool {
        self.bytes.len() >= MOST
    }

    /// Hands on what waits, the earliest first, and begins anew.
    pub(crate) fn hand_on(&mut self, take: &mut impl FnMut(&Frame<'_>)) {
        self.waiting.sort_unstable_by_key(|frame| (frame.at, frame.start));
        for Waiting { at, start, len, origin } in self.waiting.drain(..) {
            let bytes = self.bytes.get(start..).and_then(|rest| rest.get(..len)).unwrap_or_default();
            let wire_len = bytes.len() as u32;
            take(&Frame { at, link: link::RAW, bytes, wire_len, place: None, origin });
        }
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_frame_comes_once_in_the_order_of_times(
            frames in vec((0i64..8, vec(any::<u8>(), 1..9)), 0..40),
        ) {
            let mut expected: Vec<(i64, u32, Vec<u8>)> =
                (0u32..).zip(&frames).map(|(n, (ns, bytes))| (*ns, n, bytes.clone())).collect();
            expected.sort_by_key(|(ns, ..)| *ns);
            let mut round = Round::default();
            for _ in 0..2 {
                for (origin, (ns, bytes)) in (0u32..).zip(&frames) {
                    round.push(Time::from_ns(*ns), origin, bytes);
                }
                let mut came = Vec::new();
                round.hand_on(&mut |frame| came.push((frame.at.as_ns(), frame.origin, frame.bytes.to_vec())));
                prop_assert_eq!(&came, &expected);
            }
        }
    }

    #[test]
    fn it_is_full_before_it_grows_without_bound() {
        let (mut round, mut pushed) = (Round::default(), 0);
        while !round.is_full() {
            round.push(Time::from_ns(0), 0, &[0; 65_536]);
            pushed += 1;
        }
        assert_eq!(pushed, 64);
        let mut came = 0;
        round.hand_on(&mut |_| came += 1);
        assert_eq!((came, round.is_full()), (64, false));
    }
}
