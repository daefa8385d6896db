//! The payload of AMR and AMR-WB (RFC 4867, section 4): frames of speech, each announced in a table of contents, with
//! all fields on octets or without a bit between them.

/// How the fields are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Section 4.4: each field begins an octet.
    OctetAligned,
    /// Section 4.3: no bit is left between fields.
    BandwidthEfficient,
}

/// Octets are read where a frame ends in the middle of one.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Bits of the frame of each type; none for what is no speech.
    bits: [Option<u16>; 16],
    silence: u8,
}

#[rustfmt::skip]
pub(crate) const NARROW: Kind = Kind {
    bits: [
        Some(95), Some(103), Some(118), Some(134), Some(148), Some(159), Some(204), Some(244),
        None, None, None, None, None, None, None, None,
    ],
    silence: 8,
};

#[rustfmt::skip]
pub(crate) const WIDE: Kind = Kind {
    bits: [
        Some(132), Some(177), Some(253), Some(285), Some(317), Some(365), Some(397), Some(461), Some(477),
        None, None, None, None, None, None, None,
    ],
    silence: 9,
};

/// Section 4.3.2: nothing was sent.
const NO_DATA: u8 = 15;

/// One frame of speech: its type and quality as the storage format has them (section 5.3), and where its bits begin.
pub(crate) struct Frame {
    toc: u8,
    at_bit: usize,
    bits: usize,
}

impl Packing {
    /// The packing that `parameters` agree on (section 8.1); none where they ask for what is not read here.
    #[must_use]
    pub fn of(parameters: &str) -> Option<Packing> {
        let on = |name| parameter(parameters, name).is_some_and(|value| value != "0");
        if on("crc") || on("robust-sorting") || parameter(parameters, "interleaving").is_some() {
            return None;
        }
        Some(if on("octet-align") { Packing::OctetAligned } else { Packing::BandwidthEfficient })
    }

    /// The frames of `payload`, where all of it is speech and none is missing.
    pub(crate) fn frames(self, payload: &[u8], kind: &Kind) -> Vec<Frame> {
        let Some((types, mut at_bit)) = self.contents(payload) else { return Vec::new() };
        let mut frames = Vec::with_capacity(types.len());
        for toc in types {
            let bits = kind.bits.get(usize::from(toc >> 3 & 15)).copied().flatten();
            let Some(bits) = bits.map(usize::from) else { return Vec::new() };
            frames.push(Frame { toc, at_bit, bits });
            at_bit += if self == Packing::OctetAligned { bits.next_multiple_of(8) } else { bits };
        }
        if at_bit > payload.len() * 8 { Vec::new() } else { frames }
    }

    /// Appends the frames of `payload` in the storage format.
    pub(crate) fn append(self, payload: &[u8], kind: &Kind, stream: &mut Vec<u8>) {
        for frame in self.frames(payload, kind) {
            stream.push(frame.toc);
            let octet =
                |at: usize| (0..8).fold(0, |octet, bit| octet << 1 | taken(payload, &frame, at + bit));
            stream.extend((0..frame.bits).step_by(8).map(octet));
        }
    }

    /// Whether `payload` says that there is nothing to hear.
    pub(crate) fn is_silence(self, payload: &[u8], kind: &Kind) -> bool {
        self.contents(payload).is_some_and(|(types, _)| {
            types.iter().any(|toc| [kind.silence, NO_DATA].contains(&(toc >> 3 & 15)))
        })
    }

    /// The table of contents, as octets of the storage format, and the bit after it. After four bits of mode request
    /// comes an entry a frame: whether another follows, the type, the quality.
    fn contents(self, payload: &[u8]) -> Option<(Vec<u8>, usize)> {
        let (mut at, width) = if self == Packing::OctetAligned { (8, 8) } else { (4, 6) };
        let mut types = Vec::new();
        loop {
            let entry = (at..at + 6).try_fold(0, |entry, place| Some(entry << 1 | bit(payload, place)?))?;
            at += width;
            types.push((entry & 0x1f) << 2);
            if entry & 0x20 == 0 {
                return Some((types, at));
            }
        }
    }
}

fn taken(payload: &[u8], frame: &Frame, at: usize) -> u8 {
    if at < frame.bits { bit(payload, frame.at_bit + at).unwrap_or(0) } else { 0 }
}

/// The bit at `place`, the highest of the first octet being the first.
fn bit(payload: &[u8], place: usize) -> Option<u8> {
    payload.get(place / 8).map(|octet| octet >> (7 - place % 8) & 1)
}

/// The value of a format parameter: `octet-align=1; mode-set=7`.
pub(crate) fn parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    parameters.split(';').find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
