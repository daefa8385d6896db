//! What a stream's payloads are known by again where a relay sends them on: the digests of some of them, with their
//! times. Taken once the call is over, from the packets that are kept, so that the way of a packet pays nothing.
//!
//! Which payloads are taken depends on their content alone: a relay writes sequence numbers and time stamps anew, and
//! loses packets, and both sides must still choose the same ones.

use clock::Time;
use flow::Flow;
use rtp::{Medium, Seq, Stream};

use crate::side::Side;

/// One stream's share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Print {
    pub(crate) sender: Side,
    pub(crate) flow: Flow,
    /// In the order of their times.
    pub(crate) samples: Vec<Sample>,
}

/// A payload's digest, and when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    pub(crate) digest: u64,
    pub(crate) at: Time,
}

impl Print {
    /// The print of a stream that `sender` sent; `None` where too little of it tells it from another.
    pub(crate) fn of(stream: &Stream, sender: Side, medium: &dyn Medium) -> Option<Print> {
        let mut taking = Taking { mask: 0, taken: Vec::new() };
        stream.kept.payloads(medium).for_each(|(slot, payload)| {
            if tells_something(payload) && is_chosen(payload) {
                taking.take(digest(payload), slot.arrival(), slot.seq());
            }
        });
        let samples = taking.finish();
        (!samples.is_empty()).then_some(Print { sender, flow: stream.flow, samples })
    }

    /// Only the last so many samples. Whoever ends after this call was beside it until its end: its last moments are
    /// those in which both must have carried the same.
    pub(crate) fn keep_tail(&mut self, most: usize) {
        let from = self.samples.len().saturating_sub(most);
        self.samples = self.samples.split_off(from);
    }
}

/// The payloads chosen so far.
struct Taking {
    /// Of those chosen, kept is whose digest has none of these bits.
    mask: u64,
    taken: Vec<(Sample, Seq)>,
}

impl Taking {
    fn take(&mut self, digest: u64, at: Time, seq: Seq) {
        if digest & self.mask != 0 {
            return;
        }
        self.taken.push((Sample { digest, at }, seq));
        if self.taken.len() > MOST_SAMPLES {
            // A call of many hours is content with every second.
            self.mask = self.mask << 1 | 1;
            let mask = self.mask;
            self.taken.retain(|(sample, _)| sample.digest & mask == 0);
        }
    }

    /// Without what repeats: tones and looped music say the same in calls that have nothing to do with each other. A
    /// packet that came twice is none of that.
    fn finish(mut self) -> Vec<Sample> {
        self.taken.sort_by_key(|(sample, seq)| (sample.digest, seq.0, sample.at));
        self.taken.dedup_by_key(|(sample, seq)| (sample.digest, *seq));
        let single =
            self.taken.chunk_by(|(one, _), (other, _)| one.digest == other.digest).filter_map(|same| {
                match same {
                    [(sample, _)] => Some(*sample),
                    _ => None,
                }
            });
        let mut samples: Vec<Sample> = single.collect();
        samples.sort_by_key(|sample| (sample.at, sample.digest));
        samples
    }
}

/// Comfort noise, telephone-events and frames of silence are short, or one byte all through.
fn tells_something(payload: &[u8]) -> bool {
    let Some((first, rest)) = payload.split_first() else { return false };
    payload.len() >= SHORTEST && rest.iter().any(|byte| byte != first)
}

/// Whether a payload is one of those that are taken. Its first octets tell, so that seven in eight are not read in full.
fn is_chosen(payload: &[u8]) -> bool {
    digest(payload.get(..CHOSEN_BY).unwrap_or(payload)).is_multiple_of(ONE_IN)
}

/// Eight octets a step, mixed so that every bit of the outcome hangs on every bit of the payload. The same on every
/// machine; nobody who could choose payloads gains more by a collision than by sending the same payload twice.
fn digest(payload: &[u8]) -> u64 {
    let (words, rest) = payload.as_chunks::<8>();
    let step = |sum: u64, word: u64| {
        let product = u128::from(sum ^ word) * u128::from(MULTIPLIER);
        product as u64 ^ (product >> 64) as u64
    };
    let sum = words.iter().fold(payload.len() as u64, |sum, word| step(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, &byte| step(sum, u64::from(byte)));
    step(sum, 0)
}

/// The fractional part of the golden ratio, odd.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
/// One payload in so many is taken: six a second at 20 ms.
const ONE_IN: u64 = 8;
/// Four milliseconds of G.711.
const CHOSEN_BY: usize = 32;
/// About three hours of speech.
const MOST_SAMPLES: usize = 1 << 16;
/// A packet of 20 ms in G.729.
const SHORTEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(payloads: &[(u16, Vec<u8>)], mask: u64) -> Vec<Sample> {
        let mut taking = Taking { mask, taken: Vec::new() };
        for (n, (seq, payload)) in payloads.iter().enumerate() {
            taking.take(digest(payload), Time::from_ns(n as i64 * 20_000_000), Seq(*seq));
        }
        taking.finish()
    }

    fn payload(n: u32) -> Vec<u8> {
        (0..40u32)
            .flat_map(|k| (n.wrapping_mul(2_654_435_761) ^ k.wrapping_mul(40_503)).to_be_bytes())
            .collect()
    }

    #[test]
    fn one_in_eight_is_taken_and_a_bit_makes_another() {
        let all: Vec<(u16, Vec<u8>)> = (0..8000u32).map(|n| (n as u16, payload(n))).collect();
        let chosen: Vec<_> = all.iter().filter(|(_, payload)| is_chosen(payload)).cloned().collect();
        let taken = samples(&chosen, 0).len();
        assert!((800..1200).contains(&taken), "{taken}");
        let one = payload(1);
        let mut seen: Vec<u64> = (0..one.len() * 8)
            .map(|bit| {
                let mut other = one.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                digest(&other)
            })
            .chain([digest(&one), digest(&one[1..]), digest(&one[..one.len() - 1])])
            .collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn what_repeats_goes_and_what_came_twice_stays() {
        let told = |seqs: &[(u16, u32)]| {
            let packets: Vec<_> = seqs.iter().map(|&(seq, n)| (seq, payload(n))).collect();
            samples(&packets, 0).len()
        };
        assert_eq!(told(&[(1, 1), (2, 2), (3, 3)]), 3);
        assert_eq!(told(&[(1, 1), (2, 2), (1, 1), (3, 3)]), 3, "a packet doubled by the mirror");
        assert_eq!(told(&[(1, 1), (2, 2), (3, 1), (4, 2), (5, 3)]), 1, "a tone of two packets");
    }

    #[test]
    fn silence_and_short_payloads_tell_nothing() {
        assert!(
            !tells_something(&[0xff; 160]) && !tells_something(&payload(1)[..19]) && !tells_something(&[])
        );
        assert!(tells_something(&payload(1)[..20]));
    }

    #[test]
    fn a_long_call_stays_within_its_bound() {
        let mut taking = Taking { mask: 0, taken: Vec::new() };
        for n in 0..200_000u64 {
            taking.take(n.wrapping_mul(MULTIPLIER), Time::from_ns(n as i64), Seq(n as u16));
        }
        assert!(taking.taken.len() <= MOST_SAMPLES && taking.taken.len() > MOST_SAMPLES / 4);
    }
}
