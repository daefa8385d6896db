//! Silence that was agreed upon: while a call is on hold (RFC 3264, section 8.4) either party may send nothing. What was
//! sent and lost is no such silence.

use audio::Cue;
use call::{Epoch, Hold};
use clock::Time;

use crate::silence::Cut;
use crate::voice;

/// The samples of a recording of `rate` that begins at `started_at`, lasts `frames`, and leaves `cuts` out, during which
/// `epochs`, in their order, tell of a hold; as pairs of the first sample and the one after the last, in order.
pub(crate) fn spans(
    epochs: &[Epoch],
    started_at: Time,
    rate: u32,
    frames: u64,
    cuts: &[Cut],
) -> Vec<(u64, u64)> {
    let sample = |at: Time| {
        let uncut = u64::try_from(voice::samples(at - started_at, rate)).unwrap_or(0);
        place(uncut, cuts).min(frames)
    };
    let ends = epochs.iter().skip(1).map(|next| sample(next.from)).chain([frames]);
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (epoch, to) in epochs.iter().zip(ends).filter(|(epoch, _)| epoch.hold != Hold::None) {
        let from = sample(epoch.from);
        match spans.last_mut() {
            Some((_, end)) if *end == from => *end = to.max(from),
            _ => spans.push((from, to.max(from))),
        }
    }
    spans.retain(|(from, to)| from < to);
    spans
}

/// Where in the recording the sample stands that would be number `uncut` if nothing had been left out.
pub(crate) fn place(uncut: u64, cuts: &[Cut]) -> u64 {
    let mut shift = 0;
    for cut in cuts {
        let into = uncut.saturating_sub(cut.at.saturating_add(shift));
        if into < cut.left_out {
            return uncut - shift - into;
        }
        shift += cut.left_out;
    }
    uncut.saturating_sub(shift)
}

/// What is left of `held` in a channel of `cues`, both in order, without the gaps that losses left. Where packets are missing
/// before a long gap, nobody can tell how much of it they were: all of it counts as lost.
pub(crate) fn without_losses(held: &[(u64, u64)], cues: &[Cue<'_>], rate: u32) -> Vec<(u64, u64)> {
    if held.is_empty() {
        return Vec::new();
    }
    let mut end = 0;
    let mut losses: Vec<(u64, u64)> = Vec::new();
    for cue in cues {
        if cue.after_loss && end < cue.at {
            losses.push((end, cue.at));
        }
        end = end.max(cue.end(rate));
    }
    let mut left = Vec::new();
    for &(mut from, to) in held {
        let first = losses.partition_point(|&(_, end)| end <= from);
        for &(gap, end) in losses.iter().skip(first).take_while(|&&(gap, _)| gap < to) {
            if from < gap {
                left.push((from, gap));
            }
            from = end;
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use audio::{Codec, Sound};
    use clock::Span;

    use super::*;

    const RATE: u32 = 8000;

    fn at_s(second: i64) -> Time {
        Time::from_parts(1_700_000_000, 0) + Span::from_secs(second)
    }

    fn spans_s(epochs: &[(i64, Hold)], length_s: u64, cuts_s: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let epochs: Vec<Epoch> =
            epochs.iter().map(|&(second, hold)| Epoch { from: at_s(second), hold }).collect();
        let cuts: Vec<Cut> =
            cuts_s.iter().map(|&(at, left_out)| Cut { at: at * 8000, left_out: left_out * 8000 }).collect();
        let spans = spans(&epochs, at_s(0), RATE, length_s * 8000, &cuts);
        spans.into_iter().map(|(from, to)| (from / 8000, to / 8000)).collect()
    }

    #[test]
    fn a_hold_lasts_until_it_is_taken_back() {
        use Hold::{Both, Callee, Caller, None};
        assert_eq!(spans_s(&[(-2, None), (5, Caller), (9, None)], 20, &[]), [(5, 9)]);
        assert_eq!(spans_s(&[(-2, None), (5, Caller), (9, Both), (12, Callee)], 20, &[]), [(5, 20)]);
        assert_eq!(spans_s(&[(-2, Caller), (3, None)], 20, &[]), [(0, 3)], "from before the first sample");
        assert_eq!(spans_s(&[(-2, None), (30, Caller)], 20, &[]), [], "after the last");
        assert_eq!(spans_s(&[], 20, &[]), []);
    }

    #[test]
    fn what_is_left_out_of_the_recording_counts_for_nothing() {
        // Ten seconds are gone at the sixth, five more at what is then the eighth.
        let cuts = [(6, 10), (8, 5)];
        for (hold, expected) in [
            ((2, 5), vec![(2, 5)]),
            ((5, 17), vec![(5, 7)]),
            ((8, 12), vec![]),
            ((10, 17), vec![(6, 7)]),
            ((17, 30), vec![(7, 15)]),
        ] {
            let (from, to) = hold;
            let epochs = [(from, Hold::Callee), (to, Hold::None)];
            assert_eq!(spans_s(&epochs, 20, &cuts), expected, "{hold:?}");
        }
    }

    /// What is left of a hold, with cues of a second each: where they begin, and whether packets are missing before.
    fn left_s(held_s: &[(u64, u64)], cues_s: &[(u64, bool)]) -> Vec<(u64, u64)> {
        let codec = Codec::registered("PCMU", RATE, 1, "").unwrap();
        let cue = |&(at, after_loss): &(u64, bool)| Cue {
            at: at * 8000,
            sound: Sound::Payload(&[0; 8000]),
            samples: 8000,
            stream: 0,
            codec,
            after_loss,
        };
        let cues: Vec<Cue<'_>> = cues_s.iter().map(cue).collect();
        let held: Vec<(u64, u64)> = held_s.iter().map(|&(from, to)| (from * 8000, to * 8000)).collect();
        let left = without_losses(&held, &cues, RATE);
        left.into_iter().map(|(from, to)| (from / 8000, to / 8000)).collect()
    }

    #[test]
    fn a_gap_that_a_loss_left_is_no_hold() {
        let held = [(5, 20), (30, 40)];
        assert_eq!(left_s(&held, &[(0, false), (10, false), (25, false)]), held, "pauses");
        assert_eq!(
            left_s(&held, &[(7, false), (10, true), (15, true)]),
            [(5, 8), (10, 11), (15, 20), (30, 40)]
        );
        assert_eq!(left_s(&held, &[(0, false), (24, true)]), [(30, 40)], "a gap over all of the first");
        assert_eq!(left_s(&held, &[(0, false), (2, true), (18, false), (35, true)]), [(5, 19), (35, 40)]);
        assert_eq!(left_s(&held, &[]), held);
        assert_eq!(left_s(&[], &[(0, false), (2, true)]), []);
    }
}
