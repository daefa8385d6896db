//! Codecs that are decoded elsewhere, by a program of the system: what a payload of theirs holds, and the stream of
//! frames that such a program reads. Nothing is decoded here.

use super::{amr, speex};

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
    /// Speex (RFC 5574).
    Speex(speex::Band),
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
            ("SPEEX", _) => speex::Band::of(clock_rate).map(Foreign::Speex),
            _ => None,
        }
    }

    /// Samples a second.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Foreign::AmrWb(_) => 16_000,
            Foreign::Speex(band) => band.sample_rate(),
            _ => 8000,
        }
    }

    /// The codec as `payload` shows it: of iLBC's two frames, the one that its size fits, whatever was said.
    pub(crate) const fn shown_by(self, payload: &[u8]) -> Foreign {
        match self {
            Foreign::Ilbc20 | Foreign::Ilbc30 => match (payload.len() % 38, payload.len() % 50) {
                (0, 1..) => Foreign::Ilbc20,
                (1.., 0) => Foreign::Ilbc30,
                _ => self,
            },
            other => other,
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
            Foreign::Speex(band) => band.samples_in(payload),
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
            Foreign::Speex(band) => band.samples_in(payload) > 0,
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
            Foreign::Speex(_) => "ogg",
        }
    }

    /// The name of a decoder that the program may have been built with and that gives what the codec's makers have: of
    /// wideband Speex its own departs from that by as much as a sixth.
    #[must_use]
    pub const fn better_decoder(self) -> Option<&'static str> {
        match self {
            Foreign::Speex(_) => Some("libspeex"),
            _ => None,
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

/// A stream of frames as the program reads it, in the making.
#[derive(Debug)]
pub struct Stream {
    foreign: Foreign,
    ogg: speex::Ogg,
}

impl Stream {
    /// A stream that holds nothing yet; appends what it begins with to `octets`.
    #[must_use]
    pub fn new(foreign: Foreign, octets: &mut Vec<u8>) -> Stream {
        let mut stream = Stream { foreign, ogg: speex::Ogg::default() };
        match foreign {
            Foreign::G729 | Foreign::G723 => {}
            Foreign::Ilbc20 => octets.extend(b"#!iLBC20\n"),
            Foreign::Ilbc30 => octets.extend(b"#!iLBC30\n"),
            Foreign::Amr(_) => octets.extend(b"#!AMR\n"),
            Foreign::AmrWb(_) => octets.extend(b"#!AMR-WB\n"),
            Foreign::Speex(band) => band.header(&mut stream.ogg, octets),
        }
        stream
    }

    /// Appends the frames of `payload` to `octets`: as many as [`Foreign::samples_in`] counts.
    pub fn append(&mut self, payload: &[u8], octets: &mut Vec<u8>) {
        let whole = |frame: usize| payload.get(..payload.len() / frame * frame).unwrap_or_default();
        match self.foreign {
            Foreign::G729 => octets.extend(whole(10)),
            Foreign::G723 => g723_frames(payload).for_each(|frame| octets.extend(frame)),
            Foreign::Ilbc20 => octets.extend(whole(38)),
            Foreign::Ilbc30 => octets.extend(whole(50)),
            Foreign::Amr(packing) => packing.append(payload, &amr::NARROW, octets),
            Foreign::AmrWb(packing) => packing.append(payload, &amr::WIDE, octets),
            Foreign::Speex(band) => band.append(payload, &mut self.ogg, octets),
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
    .take(MOST_FRAMES)
}

/// A second: nobody sends more at once, and a frame of one octet must not make a minute of a packet.
const MOST_FRAMES: usize = 33;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amr_is_read_in_both_packings() {
        let speech: Vec<u8> = (0..31).map(|n| n * 7 + 1).collect();
        // Mode 7 (12.2 kbit/s): 244 bits. Octets: mode request, table of contents, 31 octets with four bits of padding.
        let mut aligned = vec![0xf0, 7 << 3 | 4];
        aligned.extend(&speech);
        let last = aligned.len() - 1;
        aligned[last] &= 0xf0;
        // The same without padding: four bits, six bits, 244 bits.
        let bit = |octets: &[u8], at: usize| octets[at / 8] >> (7 - at % 8) & 1;
        let mut all: Vec<u8> = (0..4).map(|at| bit(&aligned, at)).collect();
        all.extend((8..14).map(|at| bit(&aligned, at)));
        all.extend((16..16 + 244).map(|at| bit(&aligned, at)));
        all.resize(all.len().next_multiple_of(8), 0);
        let efficient: Vec<u8> =
            all.chunks(8).map(|bits| bits.iter().fold(0, |octet, bit| octet << 1 | bit)).collect();
        for (payload, parameters) in [(&aligned, "octet-align=1"), (&efficient, "")] {
            let amr = Foreign::registered("AMR", 8000, parameters).unwrap();
            assert_eq!((amr.samples_in(payload), amr.silence(payload)), (160, None), "{parameters}");
            let mut octets = vec![];
            Stream::new(amr, &mut octets).append(payload, &mut octets);
            assert_eq!(octets[..6], *b"#!AMR\n");
            assert_eq!(octets[6..], aligned[1..], "{parameters}");
            assert_eq!(amr.samples_in(&payload[..payload.len() - 1]), 0, "a part of a frame is none");
        }
    }

    #[test]
    fn frames_of_silence_become_noise() {
        let amr = Foreign::registered("AMR", 8000, "octet-align=1").unwrap();
        let sid = [0xf0, 8 << 3 | 4, 1, 2, 3, 4, 5];
        assert_eq!((amr.samples_in(&sid), amr.silence(&sid)), (0, Some(&[SOFT][..])));
        // Ten octets of speech, and a description of silence whose gain is 20: 40 dB.
        let g729 = [&[0x55; 10][..], &[0, 20 << 1]].concat();
        assert_eq!(Foreign::G729.samples_in(&g729), 80);
        assert_eq!(Foreign::G729.silence(&g729), Some(&[50][..]));
        assert_eq!(Foreign::G729.silence(&g729[..10]), None);
    }

    #[test]
    fn frames_of_ilbc_are_told_by_their_size() {
        let (short, long) = (Foreign::Ilbc20, Foreign::Ilbc30);
        for said in [short, long] {
            assert_eq!((said.shown_by(&[0; 38]), said.shown_by(&[0; 76])), (short, short));
            assert_eq!((said.shown_by(&[0; 50]), said.shown_by(&[0; 100])), (long, long));
            assert_eq!((said.shown_by(&[0; 1900]), said.shown_by(&[0; 7])), (said, said));
        }
    }

    #[test]
    fn what_is_not_read_here_is_not_known() {
        for parameters in ["crc=1", "octet-align=1; robust-sorting=1", "interleaving=4; octet-align=1"] {
            assert_eq!(Foreign::registered("AMR", 8000, parameters), None, "{parameters}");
        }
        assert_eq!(Foreign::registered("AMR", 16_000, ""), None);
        assert_eq!(Foreign::registered("SPEEX", 44_100, ""), None);
    }
}
