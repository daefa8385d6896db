//! Any cues, written window by window: the ledger adds up to what was asked for, and the other channel stays silent.
#![no_main]

use audio::{Codec, Cue, Origin, Track};
use g711::Law;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    cues: Vec<Placed>,
    windows: Vec<u16>,
    right: bool,
}

#[derive(Arbitrary, Debug)]
struct Placed {
    gap: u16,
    /// How far the cue lies over the end of those before it.
    overlap: u8,
    samples: u8,
    a_law: bool,
    after_loss: bool,
}

const MOST_FRAMES: usize = 1 << 18;

fuzz_target!(|input: Input| {
    let payload: Vec<u8> = (0..=255).collect();
    let mut at = 0u64;
    let mut cues = Vec::new();
    for placed in &input.cues {
        at = (at + u64::from(placed.gap)).saturating_sub(u64::from(placed.overlap)).max(last(&cues));
        let codec = Codec::G711(if placed.a_law { Law::A } else { Law::Mu });
        let payload = &payload[..usize::from(placed.samples)];
        cues.push(Cue { at, codec, payload, after_loss: placed.after_loss });
        at += u64::from(placed.samples);
    }
    let mut track = Track::new(cues);
    let (channel, mut total) = (usize::from(input.right), 0);
    for &window in &input.windows {
        let count = usize::from(window).min(MOST_FRAMES - total);
        let mut frames = vec![0i16; 2 * count];
        track.fill(&mut frames, channel);
        assert!(frames.iter().skip(1 - channel).step_by(2).all(|&sample| sample == 0));
        total += count;
    }
    let ledger = track.into_ledger();
    let mut end = 0;
    for interval in ledger.intervals() {
        assert!(interval.from == end && interval.to > interval.from, "end to end from sample 0");
        end = interval.to;
    }
    assert_eq!((end, ledger.end()), (total as u64, total as u64));
    assert_eq!(Origin::ALL.iter().map(|&origin| ledger.samples_of(origin)).sum::<u64>(), end);
    assert!(ledger.intervals().windows(2).all(|pair| pair[0].origin != pair[1].origin));
});

/// Cues come in the order of their places.
fn last(cues: &[Cue<'_>]) -> u64 {
    cues.last().map_or(0, |cue| cue.at)
}
