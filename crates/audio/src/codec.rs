//! The codecs that can be decoded, a closed set: from a payload to 16 bit samples.

use g711::Law;

/// A codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// ITU-T G.711.
    G711(Law),
}

impl Codec {
    /// The codec registered as `encoding` for RTP (RFC 3551, section 6); `None` where it cannot be decoded.
    #[must_use]
    pub fn registered(encoding: &str, clock_rate: u32, channels: u8) -> Option<Codec> {
        match (encoding, clock_rate, channels) {
            ("PCMU", 8000, 1) => Some(Codec::G711(Law::Mu)),
            ("PCMA", 8000, 1) => Some(Codec::G711(Law::A)),
            _ => None,
        }
    }

    /// Samples a second of what is decoded.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Codec::G711(_) => 8000,
        }
    }

    /// How many samples a payload of `octets` holds.
    #[must_use]
    pub const fn samples_in(self, octets: usize) -> usize {
        match self {
            Codec::G711(_) => octets,
        }
    }

    /// Decodes `payload` without its first `skip` samples into one channel of interleaved stereo `frames`, as far as
    /// they reach. Gives the number of samples written.
    pub fn decode_interleaved(
        self,
        payload: &[u8],
        skip: usize,
        frames: &mut [i16],
        channel: usize,
    ) -> usize {
        match self {
            Codec::G711(law) => {
                let rest = payload.get(skip..).unwrap_or_default();
                g711::decode_interleaved(law, rest, frames, channel)
            }
        }
    }

    /// Decodes `payload` into `samples`, as far as they reach. Gives the number of samples written.
    pub fn decode(self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Codec::G711(law) => g711::decode_into(law, payload, samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_g711_by_its_registered_names() {
        assert_eq!(Codec::registered("PCMU", 8000, 1), Some(Codec::G711(Law::Mu)));
        assert_eq!(Codec::registered("PCMA", 8000, 1), Some(Codec::G711(Law::A)));
        assert_eq!(Codec::registered("G729", 8000, 1), None);
        assert_eq!(Codec::registered("PCMU", 16_000, 1), None);
    }

    #[test]
    fn skips_into_a_payload() {
        let mut frames = [9i16; 6];
        let written = Codec::G711(Law::A).decode_interleaved(&[0xd5, 0x55, 0xd5], 1, &mut frames, 1);
        assert_eq!((written, frames), (2, [9, -8, 9, 8, 9, 9]));
        assert_eq!(Codec::G711(Law::A).decode_interleaved(&[0xd5], 5, &mut frames, 1), 0);
    }
}
