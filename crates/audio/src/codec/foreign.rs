//! Codecs that are decoded elsewhere, by a program of the system: what a payload of theirs holds, and the stream of
//! frames that such a program reads. Nothing is decoded here.

use super::amr;

/// Such a codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// ITU-T G.729 at 8 kbit/s, with or without annexes A and B: frames of 10 octets and 10 ms.
    G729,
    /// ITU-T G.723.1: frames of 30 ms whose first two bits tell their length.
    G723,
    /// iLBC (RFC 3952) in frames of 20 ms and 38 octets.
    Ilbc20,
    /// iLBC in frames of 30 ms and 50 octets.
    Ilbc30,
    /// AMR (RFC 4867).
    Amr(amr::Packing),
    /// AMR-WB (RFC 4867).
    AmrWb(amr::Packing),
}

impl Foreign {
    /// The codec registered as `encoding` for RTP, with the parameters that were agreed.
    #[must_use]
    pub fn registered(encoding: &str, clock_rate: u32, parameters: &str) -> Option<Foreign> {
        match (encoding, clock_rate) {
            ("G729" | "G729A" | "G729B" | "G729AB", 8000) => Some(Foreign::G729),
            ("G723", 8000) => Some(Foreign::G723),
            // RFC 3952, section 4.1: without a word, 30 ms.
            ("ILBC", 8000) if amr::parameter(parameters, "mode") == Some("20") => Some(Foreign::Ilbc20),
            ("ILBC", 8000) => Some(Foreign::Ilbc30),
            ("AMR", 8000) => amr::Packing::of(parameters).map(Foreign::Amr),
            ("AMR-WB", 16_000) => amr::Packing::of(parameters).map(Foreign::AmrWb),
            _ => None,
        }
    }

    /// Samples a second.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Foreign::AmrWb(_) => 16_000,
            _ => 8000,
        }
    }

    /// How many samples the speech in `payload` lasts; none where it is no speech, or broken.
    #[must_use]
    pub fn samples_in(self, payload: &[u8]) -> usize {
        match self {
            Foreign::G729 => payload.len() / 10 * 80,
            Foreign::G723 => g723_frames(payload).count() * 240,
            Foreign::Ilbc20 => payload.len() / 38 * 160,
            Foreign::Ilbc30 => payload.len() / 50 * 240,
            Foreign::Amr(packing) => packing.frames(payload, &amr::NARROW).len() * 160,
            Foreign::AmrWb(packing) => packing.frames(payload, &amr::WIDE).len() * 320,
        }
    }

    /// Whether it could have made `payload`, by its size.
    pub(crate) fn fits(self, payload: &[u8]) -> bool {
        match self {
            Foreign::G729 => matches!(payload.len() % 10, 0 | 2),
            Foreign::G723 => g723_frames(payload).map(<[u8]>::len).sum::<usize>() == payload.len(),
            Foreign::Ilbc20 => payload.len().is_multiple_of(38),
            Foreign::Ilbc30 => payload.len().is_multiple_of(50),
            Foreign::Amr(_) | Foreign::AmrWb(_) => {
                self.samples_in(payload) > 0 || self.silence(payload).is_some()
            }
        }
    }

    /// The name that the program knows the stream of frames by.
    #[must_use]
    pub const fn container(self) -> &'static str {
        match self {
            Foreign::G729 => "g729",
            Foreign::G723 => "g723_1",
            Foreign::Ilbc20 | Foreign::Ilbc30 => "ilbc",
            Foreign::Amr(_) | Foreign::AmrWb(_) => "amr",
        }
    }

    /// What such a stream begins with.
    #[must_use]
    pub const fn header(self) -> &'static [u8] {
        match self {
            Foreign::G729 | Foreign::G723 => b"",
            Foreign::Ilbc20 => b"#!iLBC20\n",
            Foreign::Ilbc30 => b"#!iLBC30\n",
            Foreign::Amr(_) => b"#!AMR\n",
            Foreign::AmrWb(_) => b"#!AMR-WB\n",
        }
    }

    /// Appends the frames of `payload` to such a stream: as many as [`Foreign::samples_in`] counts.
    pub fn append(self, payload: &[u8], stream: &mut Vec<u8>) {
        let whole = |octets: usize| payload.get(..payload.len() / octets * octets).unwrap_or_default();
        match self {
            Foreign::G729 => stream.extend(whole(10)),
            Foreign::G723 => g723_frames(payload).for_each(|frame| stream.extend(frame)),
            Foreign::Ilbc20 => stream.extend(whole(38)),
            Foreign::Ilbc30 => stream.extend(whole(50)),
            Foreign::Amr(packing) => packing.append(payload, &amr::NARROW, stream),
            Foreign::AmrWb(packing) => packing.append(payload, &amr::WIDE, stream),
        }
    }

    /// The comfort noise (RFC 3389) that comes closest to a frame that describes silence, where `payload` ends in one.
    #[must_use]
    pub fn silence(self, payload: &[u8]) -> Option<&'static [u8]> {
        match self {
            // G.729 annex B, table B.2: 15 bits, the last five of which are the gain.
            Foreign::G729 if payload.len() % 10 == 2 => {
                let gain = payload.last()? >> 1 & 0x1f;
                Some(noise(noise_level(gain)))
            }
            Foreign::Amr(packing) => packing.is_silence(payload, &amr::NARROW).then_some(noise(SOFT)),
            Foreign::AmrWb(packing) => packing.is_silence(payload, &amr::WIDE).then_some(noise(SOFT)),
            _ => None,
        }
    }
}

/// G.729 annex B, clause B.4.2.1: the energy is -12 dB, then from -4 to 8 in steps of 4, then on to 66 in steps of 2, by
/// a sample of 16 bits against 1.
fn noise_level(gain: u8) -> u8 {
    let energy_db = match i32::from(gain) {
        0 => -12,
        gain @ 1..=4 => gain * 4 - 8,
        gain => gain * 2,
    };
    (90 - energy_db).clamp(0, 127) as u8
}

/// A payload of comfort noise of that level, without a colour.
fn noise(level: u8) -> &'static [u8] {
    let at = usize::from(level);
    LEVELS.get(at..=at).unwrap_or_default()
}

static LEVELS: [u8; 128] = {
    let mut levels = [0u8; 128];
    let mut at = 0;
    while at < 128 {
        let (_, rest) = levels.split_at_mut(at);
        if let [level, ..] = rest {
            *level = at as u8;
        }
        at += 1;
    }
    levels
};

/// In dB below overload: for codecs whose description of silence is not read.
const SOFT: u8 = 70;

/// The whole frames of a payload of G.723.1 (RFC 3551, section 4.5.3).
fn g723_frames(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let octets = match rest.first()? & 3 {
            0 => 24,
            1 => 20,
            2 => 4,
            _ => 1,
        };
        let (frame, later) = rest.split_at_checked(octets)?;
        rest = later;
        Some(frame)
    })
}
