//! The payload of Speex (RFC 5574): frames of 20 ms without a bit between them, ended by a terminator or by the payload.
//! What a frame is made of is told by its first bits (the Speex manual, sections 8.4 and 9.3); for a decoder each goes
//! into a packet of its own, in an Ogg stream (RFC 3533).

/// Frames of which the first band is at 8 kHz; above it may stand a second one, and a third.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
    /// 32 kHz.
    UltraWide,
}

impl Band {
    /// The band of that clock.
    pub(crate) const fn of(clock_rate: u32) -> Option<Band> {
        match clock_rate {
            8000 => Some(Band::Narrow),
            16_000 => Some(Band::Wide),
            32_000 => Some(Band::UltraWide),
            _ => None,
        }
    }

    pub(crate) const fn sample_rate(self) -> u32 {
        8000 << self as u32
    }

    const fn frame_samples(self) -> usize {
        160 << self as usize
    }

    pub(crate) fn samples_in(self, payload: &[u8]) -> usize {
        self.frames(payload).len() * self.frame_samples()
    }

    /// The first and the past bit of each frame.
    fn frames(self, payload: &[u8]) -> Vec<(usize, usize)> {
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some(end) = self.frame_end(payload, at).filter(|_| frames.len() < MOST_FRAMES) {
            frames.push((at, end));
            at = end;
        }
        frames
    }

    /// Where the frame that begins at bit `at` ends; `None` for a terminator, for what is no frame, and for a part of one.
    fn frame_end(self, payload: &[u8], at: usize) -> Option<usize> {
        let mode = bits(payload, at, 5)?;
        let mut end = at + NARROW_BITS.get(mode).copied().filter(|&length| length > 0)?;
        for _ in 0..self as usize {
            // A frame need not have the bands above; the next frame begins with a bit that is not set.
            match bits(payload, end, 4) {
                Some(mode) if mode & 8 != 0 => {
                    end += WIDE_BITS.get(mode & 7).copied().filter(|&length| length > 0)?;
                }
                _ => break,
            }
        }
        (end <= 8 * payload.len()).then_some(end)
    }

    /// The two packets that an Ogg stream of Speex begins with.
    pub(crate) fn header(self, ogg: &mut Ogg, stream: &mut Vec<u8>) {
        let mut header = Vec::with_capacity(80);
        header.extend(b"Speex   ");
        header.extend(b"1.2.1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let samples = self.frame_samples() as u32;
        // Version, size, rate, mode, version of the bits, channels, bit rate (unknown), frame, VBR, frames a packet.
        for field in [1, 80, self.sample_rate(), self as u32, 4, 1, u32::MAX, samples, 0, 1, 0, 0, 0] {
            header.extend(field.to_le_bytes());
        }
        ogg.page(&header, 0, stream);
        // No vendor, no comments.
        ogg.page(&[0; 8], 0, stream);
    }

    /// Appends each frame of `payload` as a packet.
    pub(crate) fn append(self, payload: &[u8], ogg: &mut Ogg, stream: &mut Vec<u8>) {
        for (from, to) in self.frames(payload) {
            let mut packet: Vec<u8> = (from..to)
                .step_by(8)
                .map(|at| {
                    let width = (to - at).min(8);
                    // Behind the last bit stands a terminator: a zero, and ones.
                    let rest = 0x7fu8.checked_shr(width as u32).unwrap_or(0);
                    (bits(payload, at, width).unwrap_or(0) << (8 - width)) as u8 | rest
                })
                .collect();
            // Where the last octet was full it begins here, and otherwise goes on.
            packet.push(if (to - from).is_multiple_of(8) { 0x7f } else { 0xff });
            ogg.page(&packet, self.frame_samples() as u64, stream);
        }
    }
}

/// A second: nobody sends more at once, and a frame of five bits must not make a minute of a packet.
const MOST_FRAMES: usize = 50;

/// So many bits from bit `at` on.
fn bits(payload: &[u8], at: usize, width: usize) -> Option<usize> {
    (at..at + width).try_fold(0, |value, place| {
        let octet = payload.get(place / 8)?;
        Some(value << 1 | usize::from(octet >> (7 - place % 8) & 1))
    })
}

/// Bits of a frame by its first five, of which the first is zero: those of the nine modes, and what is no frame.
const NARROW_BITS: [usize; 16] = [5, 43, 119, 160, 220, 300, 364, 492, 79, 0, 0, 0, 0, 0, 0, 0];
/// Bits of a band above, by the three after a one.
const WIDE_BITS: [usize; 8] = [4, 36, 112, 192, 352, 0, 0, 0];

/// An Ogg stream in the making, a packet a page.
#[derive(Default, Debug)]
pub(crate) struct Ogg {
    pages: u32,
    samples: u64,
}

impl Ogg {
    /// Appends a page with `packet`, which lasts so long. No packet here is as long as 255 octets.
    fn page(&mut self, packet: &[u8], samples: u64, stream: &mut Vec<u8>) {
        self.samples += samples;
        let begin = stream.len();
        stream.extend(b"OggS\0");
        stream.push(if self.pages == 0 { FIRST } else { 0 });
        stream.extend(self.samples.to_le_bytes());
        stream.extend(SERIAL.to_le_bytes());
        stream.extend(self.pages.to_le_bytes());
        stream.extend([0; 4]);
        stream.extend([1, packet.len().min(254) as u8]);
        stream.extend(packet.iter().take(254));
        let sum = checksum(stream.get(begin..).unwrap_or_default());
        for (place, octet) in stream.iter_mut().skip(begin + 22).zip(sum.to_le_bytes()) {
            *place = octet;
        }
        self.pages = self.pages.wrapping_add(1);
    }
}

const FIRST: u8 = 2;
const SERIAL: u32 = 1;

/// RFC 3533, section 6: CRC of 32 bits, not reflected.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum: u32, &octet| {
        (0..8).fold(sum ^ u32::from(octet) << 24, |sum, _| {
            let carry = if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            sum << 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_by_their_bits() {
        // Mode 3 (8 kbit/s) has 160 bits; two of them and a terminator.
        let mut frame = [0u8; 20];
        frame[0] = 3 << 3;
        let two = [&frame[..], &frame[..], &[0x7f]].concat();
        assert_eq!(Band::Narrow.samples_in(&frame), 160);
        assert_eq!(Band::Narrow.samples_in(&two), 320);
        assert_eq!(Band::Narrow.samples_in(&two[..39]), 160, "half a frame is none");
        // Above it 36 bits of a second band: a one, then mode 1.
        let wide = [&frame[..], &[0x90, 0, 0, 0, 0x07]].concat();
        assert_eq!(Band::Wide.frames(&wide), [(0, 196)]);
        assert_eq!(Band::Wide.samples_in(&wide), 320);
        for none in [&b""[..], &[0x7f], &[0xff; 40], &[0x78; 40]] {
            assert_eq!(Band::Wide.samples_in(none), 0, "{none:?}");
        }
    }

    #[test]
    fn pages_have_their_checksum() {
        // RFC 3533's polynomial over the digits: CRC-32/MPEG-2 without its initial ones.
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
        let (mut ogg, mut stream) = (Ogg::default(), vec![]);
        ogg.page(b"abc", 160, &mut stream);
        assert_eq!((&stream[..4], stream[26], stream[27], &stream[28..]), (&b"OggS"[..], 1, 3, &b"abc"[..]));
    }
}
