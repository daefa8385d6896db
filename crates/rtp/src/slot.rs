//! What is kept of one packet: small numbers that say what its header said and where its bytes are. Where those bytes are
//! read is not known here.

use clock::Time;

use crate::id::{PayloadType, Seq, Ssrc, Ticks};

/// What is kept of one packet: its header's fields, its arrival, and where its bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    pub(crate) arrival: Time,
    pub(crate) place: u64,
    pub(crate) ticks: Ticks,
    pub(crate) seq: Seq,
    pub(crate) frame_len: u16,
    pub(crate) body_at: u16,
    pub(crate) body_len: u16,
    pub(crate) link: u16,
    pub(crate) type_and_marker: u8,
    pub(crate) held: Held,
}

/// Where the bytes are, and how long the header is that stands before the payload there: in words of 32 bit, zero where
/// it was not kept. A byte of both, so that a slot stays small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held(pub(crate) u8);

impl Held {
    const MAPPED: u8 = 0x80;

    pub(crate) fn new(is_mapped: bool, header_len: usize) -> Held {
        let words = u8::try_from(header_len / 4).ok().filter(|&words| words < Held::MAPPED).unwrap_or(0);
        Held(words | if is_mapped { Held::MAPPED } else { 0 })
    }

    pub(crate) const fn is_mapped(self) -> bool {
        self.0 & Held::MAPPED != 0
    }

    pub(crate) const fn header_len(self) -> usize {
        4 * (self.0 & !Held::MAPPED) as usize
    }
}

impl Slot {
    /// When the packet was captured.
    #[must_use]
    pub fn arrival(&self) -> Time {
        self.arrival
    }

    /// Its RTP time stamp.
    #[must_use]
    pub fn ticks(&self) -> Ticks {
        self.ticks
    }

    /// Its sequence number.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Its payload type.
    #[must_use]
    pub fn payload_type(&self) -> PayloadType {
        PayloadType(self.type_and_marker & 0x7f)
    }

    /// Its marker bit.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.type_and_marker & 0x80 != 0
    }

    /// The header of a packet of this slot that has neither CSRC list nor extension: what any other header is kept as
    /// bytes for.
    #[must_use]
    pub fn plain_header(&self, ssrc: Ssrc) -> [u8; 12] {
        let ([s0, s1], [t0, t1, t2, t3]) = (self.seq.0.to_be_bytes(), self.ticks.0.to_be_bytes());
        let [r0, r1, r2, r3] = ssrc.0.to_be_bytes();
        [0x80, self.type_and_marker, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]
    }

    /// How many bytes stand behind its header: the payload, padding and what encryption adds.
    #[must_use]
    pub fn body_len(&self) -> usize {
        usize::from(self.body_len)
    }
}

/// Where what stands behind the RTP header does so in its frame, in numbers that fit a slot.
pub(crate) struct Extent {
    pub(crate) frame_len: u16,
    pub(crate) body_at: u16,
    pub(crate) body_len: u16,
}

impl Extent {
    /// `None` where the body lies outside the frame, or the frame is a super-frame of more than 65 535 bytes.
    pub(crate) fn of(body: &[u8], frame: &[u8]) -> Option<Extent> {
        let at = (body.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
        let fits = at.checked_add(body.len())? <= frame.len();
        let frame_len = u16::try_from(frame.len()).ok()?;
        fits.then_some(Extent { frame_len, body_at: at as u16, body_len: body.len() as u16 })
    }

    pub(crate) fn without_frame(header: usize, body: usize) -> Extent {
        let clamped = |len: usize| len.min(usize::from(u16::MAX)) as u16;
        Extent { frame_len: clamped(header + body), body_at: clamped(header), body_len: clamped(body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_stays_small() {
        assert_eq!(size_of::<Slot>(), 32, "a million packets of open calls must stay under 40 MB");
    }
}
