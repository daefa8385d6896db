//! Opus (RFC 6716) in RTP (RFC 7587): 48 kHz, mixed down to one channel. What a packet holds is read here from its table
//! of contents (section 3.1); the decoding is the crate `opus-rs`'s.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Samples a second.
pub(crate) const SAMPLE_RATE: u32 = 48_000;
/// 120 ms: the longest packet there may be (section 3.2.5, R5).
const LONGEST_SAMPLES: usize = 5760;

/// How many samples `payload` holds; none where it breaks section 3.2.
pub(crate) fn samples_in(payload: &[u8]) -> usize {
    let Some(&toc) = payload.first() else { return 0 };
    let frames = match (toc & 3, payload.get(1)) {
        (0, _) => 1,
        (1 | 2, _) => 2,
        (_, Some(count)) => usize::from(count & 0x3f),
        (_, None) => 0,
    };
    let samples = frames * frame_samples(toc);
    if samples <= LONGEST_SAMPLES { samples } else { 0 }
}

/// Table 2 of section 3.1.
const fn frame_samples(toc: u8) -> usize {
    match (toc >> 3, toc >> 3 & 3) {
        (12..=15, config) => 480 << (config & 1),
        (0..=11, 3) => 2880,
        (0..=11, config) => 480 << config,
        (_, config) => 120 << config,
    }
}

/// A decoder's state.
pub(crate) struct Decoder {
    /// None where the last packet broke it: begun anew with the next.
    state: Option<opus_rs::OpusDecoder>,
    decoded: Vec<f32>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decoder").field("alive", &self.state.is_some()).finish_non_exhaustive()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { state: None, decoded: vec![0.0; LONGEST_SAMPLES] }
    }
}

impl Decoder {
    /// Appends the samples of `payload`, as many as [`samples_in`] says; silence for what is damaged.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let wanted = samples_in(payload);
        self.run(wanted, samples, |state, decoded| state.decode(payload, wanted, decoded));
    }

    /// Appends `wanted` samples, at most 120 ms, of what was lost right before `next`: from the copy of it that `next`
    /// may hold (section 2.1.7), else by the codec's own concealment. `next` itself is not consumed.
    pub(crate) fn recover(&mut self, next: &[u8], wanted: usize, samples: &mut Vec<i16>) {
        let wanted = wanted.min(LONGEST_SAMPLES) / STEP_SAMPLES * STEP_SAMPLES;
        self.run(wanted, samples, |state, decoded| state.decode_fec(next, wanted, decoded));
    }

    fn run(
        &mut self,
        wanted: usize,
        samples: &mut Vec<i16>,
        decode: impl FnOnce(&mut opus_rs::OpusDecoder, &mut [f32]) -> Result<usize, &'static str>,
    ) {
        let end = samples.len() + wanted;
        if self.state.is_none() {
            self.state = opus_rs::OpusDecoder::new(SAMPLE_RATE as i32, 1).ok();
        }
        if let (Some(state), Some(decoded)) = (&mut self.state, self.decoded.get_mut(..wanted)) {
            // It is a young library: a fault in it must not take the rest of the call along.
            match catch_unwind(AssertUnwindSafe(|| decode(state, decoded))) {
                Ok(Ok(count)) => samples.extend(decoded.iter().take(count).map(|&sample| to_pcm(sample))),
                Ok(Err(_)) => {}
                Err(_) => self.state = None,
            }
        }
        samples.resize(end, 0);
    }
}

/// 2.5 ms: what the codec counts in.
const STEP_SAMPLES: usize = 120;

fn to_pcm(sample: f32) -> i16 {
    // A number that is none becomes silence; the rest saturates.
    (sample * 32_768.0).round_ties_even() as i16
}
