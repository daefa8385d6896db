//! Frames of several interfaces in the order of their times.
//!
//! A mirror may bring one direction on one port and the other on the next, and an answer must not overtake its question.
//! So a frame waits until each of the others has shown a later one, or until nothing earlier can come any more.

use clock::{Span, Time};

use crate::frame::{Frame, Head};

/// How long a frame waits for the other interfaces at the most; each shows what it has within some ten milliseconds.
const HOLD: Span = Span::from_ms(50);

/// Something that gives frames without waiting for them.
pub(crate) trait Gives {
    /// Hands the next frame to `take`, if there is one.
    fn give(&mut self, take: impl FnOnce(&Frame<'_>));
}

/// A giver and the frame of it that comes next.
pub(crate) struct Lane<G> {
    pub(crate) giver: G,
    head: Option<Head>,
    bytes: Vec<u8>,
}

impl<G: Gives> Lane<G> {
    pub(crate) fn new(giver: G) -> Lane<G> {
        Lane { giver, head: None, bytes: Vec::new() }
    }

    /// Whether a frame stands here and waits.
    pub(crate) fn is_held(&self) -> bool {
        self.head.is_some()
    }

    /// Makes sure that the next frame stands here; whether there is one.
    fn show(&mut self) -> bool {
        if self.head.is_none() {
            let (head, bytes) = (&mut self.head, &mut self.bytes);
            self.giver.give(|frame| {
                bytes.clear();
                bytes.extend_from_slice(frame.bytes);
                let Frame { at, link, wire_len, origin, .. } = *frame;
                let interface = origin as u16;
                *head = Some(Head { at, link, wire_len, start: 0, len: frame.bytes.len(), interface });
            });
        }
        self.head.is_some()
    }
}

/// Hands up to `most` frames on, as far as they need not wait at `now`; without `now` none waits. Gives how many.
pub(crate) fn merge<G: Gives>(
    lanes: &mut [Lane<G>],
    now: Option<Time>,
    most: usize,
    take: &mut impl FnMut(&Frame<'_>),
) -> usize {
    // Every one is asked, whatever the others showed.
    let shown = lanes.iter_mut().filter_map(|lane| lane.show().then_some(())).count();
    let mut all_shown = shown == lanes.len();
    for taken in 0..most {
        let heads = lanes.iter().enumerate().filter_map(|(n, lane)| Some((lane.head?.at, n)));
        let Some((at, first)) = heads.min() else { return taken };
        if !all_shown && now.is_some_and(|now| waits(at, now)) {
            return taken;
        }
        let Some(lane) = lanes.get_mut(first) else { return taken };
        if let Some(head) = lane.head.take() {
            take(&head.frame(&lane.bytes, None));
        }
        all_shown &= lane.show();
    }
    most
}

/// Whether something earlier than `at` may still come. A time far ahead is that of a clock that was set back since.
fn waits(at: Time, now: Time) -> bool {
    let age = now - at;
    -HOLD < age && age < HOLD
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    struct Queue(VecDeque<i64>);

    impl Gives for Queue {
        fn give(&mut self, take: impl FnOnce(&Frame<'_>)) {
            if let Some(ms) = self.0.pop_front() {
                let bytes = ms.to_be_bytes();
                take(&Frame { at: at(ms), link: 1, bytes: &bytes, wire_len: 8, place: None, origin: 0 });
            }
        }
    }

    fn at(ms: i64) -> Time {
        Time::from_ns(ms * 1_000_000)
    }

    fn lanes(queues: &[&[i64]]) -> Vec<Lane<Queue>> {
        queues.iter().map(|queue| Lane::new(Queue(queue.iter().copied().collect()))).collect()
    }

    fn merged(lanes: &mut [Lane<Queue>], now: Option<i64>) -> Vec<i64> {
        let mut taken = Vec::new();
        merge(lanes, now.map(at), 1000, &mut |frame| {
            taken.push(i64::from_be_bytes(frame.bytes.try_into().unwrap()));
        });
        taken
    }

    #[test]
    fn a_frame_waits_for_what_may_come_before_it() {
        let mut lanes = lanes(&[&[100, 103], &[101]]);
        assert_eq!(merged(&mut lanes, Some(110)), [100, 101], "who knows what follows 101");
        assert!(lanes[0].is_held());
        lanes[1].giver.0.push_back(102);
        assert_eq!(merged(&mut lanes, Some(115)), [102]);
        assert_eq!(merged(&mut lanes, Some(152)), []);
        assert_eq!(merged(&mut lanes, Some(153)), [103], "nothing did");
    }

    #[test]
    fn none_waits_at_the_end_or_for_a_clock_that_was_set_back() {
        let mut three = lanes(&[&[5, 9], &[7], &[]]);
        assert_eq!(merged(&mut three, Some(6)), []);
        assert_eq!(merged(&mut three, None), [5, 7, 9]);
        assert_eq!(merged(&mut lanes(&[&[5000], &[]]), Some(0)), [5000]);
    }

    #[test]
    fn one_go_has_an_end() {
        let mut two = lanes(&[&[1, 2, 3], &[]]);
        assert_eq!(merge(&mut two, None, 2, &mut |_| {}), 2);
        assert_eq!(merged(&mut two, None), [3]);
    }

    proptest! {
        #[test]
        fn what_was_captured_in_time_comes_in_order(
            mut queues in proptest::collection::vec(proptest::collection::vec(0..1000i64, 0..40), 1..4),
            delays in proptest::collection::vec(0..10i64, 4),
        ) {
            queues.iter_mut().for_each(|queue| queue.sort_unstable());
            let mut lanes = lanes(&vec![&[][..]; queues.len()]);
            let mut taken = Vec::new();
            for now in (0..1100).step_by(7) {
                for ((queue, lane), delay) in queues.iter_mut().zip(&mut lanes).zip(&delays) {
                    let shown = queue.partition_point(|&ms| ms + delay <= now);
                    lane.giver.0.extend(queue.drain(..shown));
                }
                taken.extend(merged(&mut lanes, Some(now)));
            }
            taken.extend(merged(&mut lanes, None));
            prop_assert!(taken.is_sorted());
            prop_assert!(queues.iter().all(Vec::is_empty) && lanes.iter().all(|lane| lane.giver.0.is_empty()));
        }
    }
}
