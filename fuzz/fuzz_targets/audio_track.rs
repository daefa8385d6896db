//! Any cues, written window by window: the ledger adds up to what was asked for, and the other channel stays silent.
#![no_main]

use audio::{Channel, Codec, Cue, Cues, Origin, Sound};
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
    octets: u8,
    codec: u8,
    stream: u8,
    after_loss: bool,
}

const RATE: u32 = 48_000;
const CODECS: [(&str, u32); 8] = [
    ("PCMU", 8000),
    ("PCMA", 8000),
    ("G722", 8000),
    ("GSM", 8000),
    ("G726-24", 8000),
    ("L16", 44_100),
    ("CN", 8000),
    ("OPUS", 48_000),
];
const MOST_FRAMES: usize = 1 << 18;

fuzz_target!(|input: Input| {
    let payload: Vec<u8> = (0..=255).collect();
    let mut at = 0u64;
    let mut cues = Vec::new();
    for placed in &input.cues {
        at = (at + u64::from(placed.gap)).saturating_sub(u64::from(placed.overlap)).max(last(&cues));
        let (encoding, clock_rate) = CODECS[usize::from(placed.codec) % CODECS.len()];
        let codec = Codec::registered(encoding, clock_rate, 1, "").expect("a codec");
        let payload = &payload[..usize::from(placed.octets)];
        let samples = match codec {
            Codec::ComfortNoise(_) => u32::from(placed.gap) * 3,
            codec => codec.samples_in(payload) as u32,
        };
        let (stream, after_loss) = (u16::from(placed.stream % 10), placed.after_loss);
        let cue = Cue { at, sound: Sound::Payload(payload), samples, stream, codec, after_loss };
        at = cue.end(RATE);
        cues.push(cue);
    }
    let rates: Vec<u32> = cues.iter().map(|cue| cue.codec.sample_rate()).collect();
    let mut track = Channel::new(&|| Cues::new(cues.iter().copied()), &rates, &vec![], RATE);
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
