//! Silence that one party imposed on the other: while a call is on hold, who sends nothing was told not to (RFC 3264,
//! section 8.4).

use call::{Epoch, Hold};
use clock::{Span, Time};

use crate::silence::Cut;

/// The samples of a recording of `rate` that begins at `started_at`, lasts `frames`, and leaves `cuts` out, during which
/// `epochs`, in their order, tell of a hold; as pairs of the first sample and the one after the last, in order.
pub(crate) fn spans(
    epochs: &[Epoch],
    started_at: Time,
    rate: u32,
    frames: u64,
    cuts: &[Cut],
) -> Vec<(u64, u64)> {
    let sample = |at: Time| place(samples(at - started_at, rate), cuts).min(frames);
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
fn place(uncut: u64, cuts: &[Cut]) -> u64 {
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

/// How many samples `span` takes; none where it is before the recording.
fn samples(span: Span, rate: u32) -> u64 {
    let ns = u128::from(span.as_ns().max(0).unsigned_abs());
    u64::try_from(ns * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
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
}
