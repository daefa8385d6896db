//! The codecs, a closed set: what a payload of each holds. What they remember from payload to payload is in `decoder`.

pub(crate) mod amr;
pub(crate) mod comfort_noise;
pub(crate) mod foreign;
pub(crate) mod g722;
pub(crate) mod g726;
pub(crate) mod gsm;
pub(crate) mod linear;
pub(crate) mod opus;
pub(crate) mod speex;

use g711::Law;

pub use foreign::{Foreign, Stream};

/// A codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// ITU-T G.711.
    G711(Law),
    /// ITU-T G.722 at 64 kbit/s.
    G722,
    /// ITU-T G.726.
    G726(g726::Format),
    /// GSM 06.10 full rate.
    Gsm,
    /// Samples as they are.
    Linear(linear::Format),
    /// Opus (RFC 6716).
    Opus,
    /// Comfort noise (RFC 3389), made at this rate: it lasts until something else comes.
    ComfortNoise(NoiseRate),
    /// A codec that somebody else decodes.
    Foreign(Foreign),
}

/// A rate that comfort noise is sent at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoiseRate {
    /// 8 kHz: payload type 13.
    Narrow,
    /// 16 kHz.
    Wide,
}

impl Codec {
    /// The codec registered as `encoding`, in upper case, for RTP (RFC 3551, section 6), with the format parameters that
    /// go with it; `None` where nobody can decode it.
    #[must_use]
    pub fn registered(encoding: &str, clock_rate: u32, channels: u8, parameters: &str) -> Option<Codec> {
        match (encoding, clock_rate, channels) {
            ("PCMU", 8000, 1) => Some(Codec::G711(Law::Mu)),
            ("PCMA", 8000, 1) => Some(Codec::G711(Law::A)),
            ("G722", 8000, 1) => Some(Codec::G722),
            ("GSM", 8000, 1) => Some(Codec::Gsm),
            ("L16", ..) => linear::Format::registered(clock_rate, channels).map(Codec::Linear),
            // RFC 7587, section 7: always said to be two channels; some say nothing.
            ("OPUS", opus::SAMPLE_RATE, 1..=2) => Some(Codec::Opus),
            ("CN", 8000, 1) => Some(Codec::ComfortNoise(NoiseRate::Narrow)),
            ("CN", 16_000, 1) => Some(Codec::ComfortNoise(NoiseRate::Wide)),
            (_, 8000, 1) if let Some(format) = g726::Format::registered(encoding) => {
                Some(Codec::G726(format))
            }
            (.., 1) => Foreign::registered(encoding, clock_rate, parameters).map(Codec::Foreign),
            _ => None,
        }
    }

    /// Samples a second of what is decoded.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Codec::G711(_) | Codec::G726(_) | Codec::Gsm | Codec::ComfortNoise(NoiseRate::Narrow) => 8000,
            Codec::G722 | Codec::ComfortNoise(NoiseRate::Wide) => 16_000,
            Codec::Linear(format) => format.sample_rate(),
            Codec::Opus => opus::SAMPLE_RATE,
            Codec::Foreign(foreign) => foreign.sample_rate(),
        }
    }

    /// How many samples `payload` holds; none where it is no payload of this codec, or one of comfort noise.
    #[must_use]
    pub fn samples_in(self, payload: &[u8]) -> usize {
        match self {
            Codec::G711(_) => payload.len(),
            Codec::G722 => 2 * payload.len(),
            Codec::G726(format) => format.samples_in(payload.len()),
            Codec::Gsm => payload.len() / gsm::FRAME_OCTETS * gsm::FRAME_SAMPLES,
            Codec::Linear(format) => format.samples_in(payload.len()),
            Codec::Opus => opus::samples_in(payload),
            Codec::ComfortNoise(_) => 0,
            Codec::Foreign(foreign) => foreign.samples_in(payload),
        }
    }

    /// The codec as `payload` shows it, where what was said leaves a choice.
    #[must_use]
    pub const fn shown_by(self, payload: &[u8]) -> Codec {
        match self {
            Codec::Foreign(foreign) => Codec::Foreign(foreign.shown_by(payload)),
            other => other,
        }
    }

    /// Whether it could have made `payload`, by its size.
    #[must_use]
    pub fn fits(self, payload: &[u8]) -> bool {
        match self {
            Codec::G711(_) | Codec::G722 | Codec::G726(_) | Codec::ComfortNoise(_) => true,
            Codec::Gsm => payload.len().is_multiple_of(gsm::FRAME_OCTETS),
            Codec::Linear(format) => format.fits(payload.len()),
            Codec::Opus => opus::samples_in(payload) > 0,
            Codec::Foreign(foreign) => foreign.fits(payload),
        }
    }

    /// Comfort noise of the usual kind.
    pub const NARROW_NOISE: Codec = Codec::ComfortNoise(NoiseRate::Narrow);

    /// Whether it has a way of its own to make up what was lost.
    pub(crate) const fn conceals(self) -> bool {
        matches!(self, Codec::Opus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(encoding: &str, clock_rate: u32, channels: u8) -> Option<Codec> {
        Codec::registered(encoding, clock_rate, channels, "")
    }

    #[test]
    fn codecs_are_known_by_their_registered_names() {
        assert_eq!(named("PCMU", 8000, 1), Some(Codec::G711(Law::Mu)));
        assert_eq!(named("PCMA", 8000, 1), Some(Codec::G711(Law::A)));
        assert_eq!(named("PCMU", 16_000, 1), None);
        assert_eq!(named("G722", 8000, 1).map(Codec::sample_rate), Some(16_000));
        assert_eq!(named("G729", 8000, 1), Some(Codec::Foreign(Foreign::G729)));
        assert_eq!(named("ILBC", 8000, 1), Some(Codec::Foreign(Foreign::Ilbc30)));
        let ilbc = Codec::registered("ILBC", 8000, 1, "mode=20");
        assert_eq!(ilbc, Some(Codec::Foreign(Foreign::Ilbc20)));
        assert_eq!(named("OPUS", 48_000, 2), Some(Codec::Opus));
        assert_eq!(named("EVS", 16_000, 1), None);
        for rate in ["16", "24", "32", "40"] {
            let both = ["", "AAL2-"].map(|packing| named(&format!("{packing}G726-{rate}"), 8000, 1));
            assert!(both.iter().all(Option::is_some) && both[0] != both[1], "{rate}");
        }
    }

    #[test]
    fn a_payload_tells_how_long_it_lasts() {
        let samples = |encoding: &str, clock_rate, octets: usize| {
            named(encoding, clock_rate, 1).unwrap().samples_in(&vec![0; octets])
        };
        for (encoding, clock_rate, octets, count) in [
            ("PCMU", 8000, 160, 160),
            ("G722", 8000, 160, 320),
            ("GSM", 8000, 66, 320),
            ("G726-16", 8000, 40, 160),
            ("G726-24", 8000, 60, 160),
            ("G726-40", 8000, 100, 160),
            ("L16", 16_000, 640, 320),
            ("G729", 8000, 20, 160),
            ("G729", 8000, 22, 160),
            ("G723", 8000, 24, 240),
            ("ILBC", 8000, 50, 240),
            ("CN", 8000, 1, 0),
        ] {
            assert_eq!(samples(encoding, clock_rate, octets), count, "{encoding} {octets}");
        }
    }
}
