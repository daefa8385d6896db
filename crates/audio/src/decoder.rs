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

    /// Packets, each behind its length.
    fn packets(file: &[u8]) -> Vec<&[u8]> {
        let (mut rest, mut packets) = (file, vec![]);
        while let [high, low, more @ ..] = rest {
            let (packet, more) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            packets.push(packet);
            rest = more;
        }
        packets
    }

    /// In dB: the level of `expected` against what `made` has besides.
    fn likeness(made: &[i16], expected: &[i16]) -> f64 {
        let energy =
            |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample.powi(2)).sum::<f64>();
        let signal = energy(&mut expected.iter().map(|&sample| sample.into()));
        let noise = energy(
            &mut made.iter().zip(expected).map(|(&made, &sample)| f64::from(made) - f64::from(sample)),
        );
        10.0 * (signal / noise.max(1e-9)).log10()
    }

    #[test]
    fn opus_is_what_libopus_makes_of_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/codecs/");
        for name in ["opus_speech", "opus_stereo"] {
            let file = std::fs::read(format!("{folder}{name}.bin")).unwrap();
            let expected = std::fs::read(format!("{folder}{name}.pcm")).unwrap();
            let expected: Vec<i16> =
                expected.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
            let (mut decoder, mut samples) = (Decoder::new(Codec::Opus), vec![]);
            for packet in packets(&file) {
                assert_eq!(Codec::Opus.samples_in(packet), 960);
                decoder.decode(packet, &mut samples);
            }
            assert_eq!(samples.len(), expected.len(), "{name}");
            let likeness = likeness(&samples, &expected);
            println!("{name}: {likeness:.1} dB");
            assert!(likeness > 40.0, "{name}: {likeness:.1} dB");
        }
    }

    #[test]
    fn opus_gives_a_lost_packet_back_from_the_next_one() {
        let file =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/codecs/opus_speech.bin"));
        let file = file.unwrap();
        let packets = packets(&file);
        let expected =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/codecs/opus_lost.pcm"));
        let expected: Vec<i16> =
            expected.unwrap().as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
        let (mut decoder, mut samples) = (Decoder::new(Codec::Opus), vec![]);
        for (n, packet) in packets.iter().enumerate() {
            match packets.get(n + 1) {
                // One in five is lost.
                Some(next) if n % 5 == 4 => assert!(decoder.recover(next, 960, &mut samples)),
                _ => decoder.decode(packet, &mut samples),
            }
        }
        assert_eq!(samples.len(), expected.len());
        let likeness = likeness(&samples, &expected);
        println!("one in five lost: {likeness:.1} dB");
        assert!(likeness > 40.0, "{likeness:.1} dB");
    }

    #[test]
    fn damaged_opus_is_silence_of_its_length() {
        let mut decoder = Decoder::new(Codec::Opus);
        for packet in [&[0xff, 0xff, 0xff][..], &[0x03], &[0x0b, 0x3f, 0, 0], &[0x78, 1, 2, 3, 4, 5]] {
            let mut samples = vec![];
            decoder.decode(packet, &mut samples);
            assert_eq!(samples.len(), Codec::Opus.samples_in(packet), "{packet:?}");
        }
        assert_eq!(Codec::Opus.samples_in(&[0x0b, 0x3f]), 0, "more than 120 ms");
    }
}
