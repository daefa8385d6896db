//! The two laws as one choice: single codes, and runs of them.

use crate::{A_TO_LINEAR, MU_TO_LINEAR, a, mu};

/// Which of the two companding laws of G.711 a stream is coded by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Law {
    /// u-law, RTP's `PCMU` (payload type 0).
    Mu,
    /// A-law, RTP's `PCMA` (payload type 8).
    A,
}

impl Law {
    /// The linear value of each code.
    fn table(self) -> &'static [i16; 256] {
        match self {
            Law::Mu => &MU_TO_LINEAR,
            Law::A => &A_TO_LINEAR,
        }
    }
}

/// The linear value of one code.
#[must_use]
pub fn decode(law: Law, code: u8) -> i16 {
    entry(law.table(), code)
}

/// The code whose interval holds `sample`, as the ITU's tool library (G.191) chooses it.
#[must_use]
pub fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::Mu => mu::compress(sample),
        Law::A => a::compress(sample),
    }
}

/// Decodes as many codes as both slices have room for, and says how many those were; the rest of `out` stays.
pub fn decode_into(law: Law, codes: &[u8], out: &mut [i16]) -> usize {
    let table = law.table();
    for (sample, &code) in out.iter_mut().zip(codes) {
        *sample = entry(table, code);
    }
    codes.len().min(out.len())
}

/// Decodes into one channel (0 or 1) of interleaved stereo, the other stays as it is; says how many frames were
/// written. There is no third channel: any other number writes nothing.
pub fn decode_interleaved(law: Law, codes: &[u8], out: &mut [i16], channel: usize) -> usize {
    let table = law.table();
    let (frames, _) = out.as_chunks_mut::<2>();
    let count = codes.len().min(frames.len());
    // A loop for each channel, so that neither asks at every sample which one it is.
    match channel {
        0 => frames.iter_mut().zip(codes).for_each(|([left, _], &code)| *left = entry(table, code)),
        1 => frames.iter_mut().zip(codes).for_each(|([_, right], &code)| *right = entry(table, code)),
        _ => return 0,
    }
    count
}

/// There is an entry for every code, so nothing is left to check at run time.
#[inline]
fn entry(table: &[i16; 256], code: u8) -> i16 {
    table.get(usize::from(code)).copied().unwrap_or(0)
}

/// Encodes as many samples as both slices have room for, and says how many those were; the rest of `out` stays.
pub fn encode_into(law: Law, samples: &[i16], out: &mut [u8]) -> usize {
    fn run(samples: &[i16], out: &mut [u8], compress: impl Fn(i16) -> u8) {
        for (code, &sample) in out.iter_mut().zip(samples) {
            *code = compress(sample);
        }
    }
    match law {
        Law::Mu => run(samples, out, mu::compress),
        Law::A => run(samples, out, a::compress),
    }
    samples.len().min(out.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    const LAWS: [Law; 2] = [Law::Mu, Law::A];

    /// The decoder output values of the positive codes, inside out, straight from tables 1a and 2a: each segment
    /// is (decision value it begins at, intervals, size of an interval), and a value is the middle of its interval.
    fn table_of_the_standard(law: Law) -> Vec<i32> {
        let (scale, segments): (i32, &[(i32, i32, i32)]) = match law {
            Law::Mu => (
                4,
                &[
                    (1, 15, 2),
                    (31, 16, 4),
                    (95, 16, 8),
                    (223, 16, 16),
                    (479, 16, 32),
                    (991, 16, 64),
                    (2015, 16, 128),
                    (4063, 16, 256),
                ],
            ),
            Law::A => (
                8,
                &[
                    (0, 32, 2),
                    (64, 16, 4),
                    (128, 16, 8),
                    (256, 16, 16),
                    (512, 16, 32),
                    (1024, 16, 64),
                    (2048, 16, 128),
                ],
            ),
        };
        // u-law alone has a first interval of one unit, 0 to 1, whose value is zero.
        let mut values = if law == Law::Mu { vec![0] } else { vec![] };
        for &(begin, intervals, size) in segments {
            values.extend((0..intervals).map(|n| (begin + n * size + size / 2) * scale));
        }
        values
    }

    #[test]
    fn decodes_as_the_tables_of_the_standard() {
        for law in LAWS {
            let values = table_of_the_standard(law);
            assert_eq!(values.len(), 128);
            for (n, &value) in values.iter().enumerate() {
                // Signal 0 of u-law is sent as 1111 1111, and 0 of A-law as 1101 0101.
                let positive = n as u8 ^ if law == Law::Mu { 0xff } else { 0xd5 };
                assert_eq!(i32::from(decode(law, positive)), value, "{law:?} {positive:#04x}");
                assert_eq!(
                    i32::from(decode(law, positive ^ 0x80)),
                    -value,
                    "{law:?} {positive:#04x} negative"
                );
            }
        }
    }

    #[test]
    fn has_the_values_at_the_ends_of_the_tables() {
        assert_eq!([0x80, 0x00, 0xff, 0x7f].map(|c| decode(Law::Mu, c)), [32_124, -32_124, 0, 0]);
        assert_eq!([0xaa, 0x2a, 0xd5, 0x55].map(|c| decode(Law::A, c)), [32_256, -32_256, 8, -8]);
    }

    #[test]
    fn decodes_as_an_independent_decoder() {
        for code in 0..=255 {
            assert_eq!(decode(Law::Mu, code), decode_ulaw(code));
            assert_eq!(decode(Law::A, code), decode_alaw(code));
        }
    }

    #[test]
    fn encodes_every_sample_as_an_independent_encoder() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode(Law::Mu, sample), encode_ulaw(sample), "{sample}");
            assert_eq!(encode(Law::A, sample), encode_alaw(sample), "{sample}");
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for law in LAWS {
            for code in 0..=255 {
                // u-law has two zeros, and a linear zero is the positive one.
                let expected = if law == Law::Mu && code == 0x7f { 0xff } else { code };
                assert_eq!(encode(law, decode(law, code)), expected, "{law:?} {code:#04x}");
            }
        }
    }

    #[test]
    fn a_third_channel_is_not_written() {
        let mut out = [7; 8];
        assert_eq!(decode_interleaved(Law::A, &[0; 4], &mut out, 2), 0);
        assert_eq!(out, [7; 8]);
    }

    proptest! {
        #[test]
        fn runs_are_single_codes_in_a_row(codes: Vec<u8>, room in 0_usize..600, channel in 0_usize..2) {
            for law in LAWS {
                let mut mono = vec![7; room];
                let count = decode_into(law, &codes, &mut mono);
                prop_assert_eq!(count, codes.len().min(room));
                for (n, &sample) in mono.iter().enumerate() {
                    prop_assert_eq!(sample, if n < count { decode(law, codes[n]) } else { 7 });
                }

                let mut stereo = vec![7; room];
                let frames = decode_interleaved(law, &codes, &mut stereo, channel);
                prop_assert_eq!(frames, codes.len().min(room / 2));
                for (n, &sample) in stereo.iter().enumerate() {
                    let written = n % 2 == channel && n / 2 < frames;
                    prop_assert_eq!(sample, if written { decode(law, codes[n / 2]) } else { 7 });
                }

                let mut back = vec![0; room];
                prop_assert_eq!(encode_into(law, &mono[..count], &mut back), count);
                for n in 0..count {
                    prop_assert_eq!(back[n], encode(law, mono[n]));
                }
            }
        }
    }
}
