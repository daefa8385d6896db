//! A codec at work: what it remembers from payload to payload of one stream.

use std::fmt::Debug;

use crate::codec::{Codec, comfort_noise, g722, g726, gsm, opus};

/// Samples that were decoded elsewhere, for the codecs that are foreign here.
pub trait Decoded: Debug {
    /// Reads the samples from number `from` on; silence where there are none.
    fn read(&self, from: u64, samples: &mut [i16]);
}

/// A decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    state: State,
}

#[derive(Debug)]
enum State {
    Stateless,
    G722(Box<g722::Decoder>),
    G726(g726::Format, Box<g726::Decoder>),
    Gsm(Box<gsm::Decoder>),
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    /// A decoder that has heard nothing yet.
    #[must_use]
    pub fn new(codec: Codec) -> Decoder {
        let state = match codec {
            Codec::G722 => State::G722(Box::default()),
            Codec::G726(format) => State::G726(format, Box::new(g726::Decoder::new(format))),
            Codec::Gsm => State::Gsm(Box::default()),
            Codec::Opus => State::Opus(Box::default()),
            _ => State::Stateless,
        };
        Decoder { codec, state }
    }

    /// What it decodes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends the samples of `payload`: exactly as many as the codec counts in it.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        match &mut self.state {
            State::G722(decoder) => decoder.decode(payload, samples),
            State::G726(format, decoder) => decoder.decode(*format, payload, samples),
            State::Gsm(decoder) => decoder.decode(payload, samples),
            State::Opus(decoder) => decoder.decode(payload, samples),
            State::Stateless => match self.codec {
                Codec::G711(law) => {
                    let from = samples.len();
                    samples.resize(from + payload.len(), 0);
                    g711::decode_into(law, payload, samples.get_mut(from..).unwrap_or_default());
                }
                Codec::Linear(format) => format.decode(payload, samples),
                _ => samples.resize(samples.len() + self.codec.samples_in(payload), 0),
            },
        }
    }

    /// Appends `wanted` samples of what was lost right before `next`, where the codec has a way of its own to make them
    /// up. Gives whether it has.
    pub(crate) fn recover(&mut self, next: &[u8], wanted: usize, samples: &mut Vec<i16>) -> bool {
        let State::Opus(decoder) = &mut self.state else { return false };
        decoder.recover(next, wanted, samples);
        true
    }
}

/// Comfort noise at work.
pub(crate) type Noise = comfort_noise::Noise;

#[cfg(test)]
mod tests {
    use super::*;

    /// Payloads, and what other software made of them: `fixtures/codecs/README.md` tells which.
    fn assert_reference(codec: Codec, name: &str, packet: usize) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/codecs/");
        let read = |file: &str| std::fs::read(format!("{folder}{file}")).unwrap();
        let (payloads, expected) =
            (read(&format!("{name}.bin")), read(&format!("{}.pcm", name.trim_end_matches("_aal2"))));
        let expected: Vec<i16> =
            expected.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
        let (mut decoder, mut samples) = (Decoder::new(codec), vec![]);
        for payload in payloads.chunks(packet) {
            let from = samples.len();
            decoder.decode(payload, &mut samples);
            assert_eq!(samples.len() - from, codec.samples_in(payload), "{name}");
        }
        assert_eq!(samples.len(), expected.len(), "{name}");
        let wrong = samples.iter().zip(&expected).position(|(made, expected)| made != expected);
        assert_eq!(wrong, None, "{name}: the first sample that differs");
    }

    fn named(encoding: &str, clock_rate: u32, channels: u8) -> Codec {
        Codec::registered(encoding, clock_rate, channels, "").unwrap()
    }

    #[test]
    fn g722_is_exact() {
        assert_reference(Codec::G722, "g722", 160);
        assert_reference(Codec::G722, "g722", 7);
    }

    #[test]
    fn g726_is_exact_at_every_rate_in_both_packings() {
        for (rate, packet) in [(16, 40), (24, 60), (32, 80), (40, 100)] {
            assert_reference(named(&format!("G726-{rate}"), 8000, 1), &format!("g726_{rate}"), packet);
            assert_reference(
                named(&format!("AAL2-G726-{rate}"), 8000, 1),
                &format!("g726_{rate}_aal2"),
                packet,
            );
        }
    }

    #[test]
    fn gsm_is_exact() {
        assert_reference(Codec::Gsm, "gsm", 33);
        assert_reference(Codec::Gsm, "gsm", 66);
    }
}
