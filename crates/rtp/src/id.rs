//! The small numbers of RTP, each a type of its own so that none is taken for another (RFC 3550, section 5.1).

use std::fmt;

/// Synchronization source: who sends, as a random number of the sender's own choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ssrc(pub u32);

/// `0x8c62ec6e`, as every other tool shows it.
impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

impl fmt::Debug for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A sequence number as the packet carries it; it wraps after 65 535.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Seq(pub u16);

impl Seq {
    /// How far this number lies ahead of `earlier` by the shorter way round: -32 768 to 32 767.
    #[must_use]
    pub const fn ahead_of(self, earlier: Seq) -> i16 {
        self.0.wrapping_sub(earlier.0) as i16
    }
}

/// A sequence number extended by its cycles; it never wraps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ExtSeq(pub i64);

/// An RTP time stamp in units of the clock rate; it wraps after 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Ticks(pub u32);

impl Ticks {
    /// How far this time stamp lies ahead of `earlier` by the shorter way round.
    #[must_use]
    pub const fn ahead_of(self, earlier: Ticks) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }
}

/// What format the payload has (RFC 3551), by a number that the session description gives a meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct PayloadType(pub u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_across_the_wrap() {
        assert_eq!(Seq(2).ahead_of(Seq(65_534)), 4);
        assert_eq!(Seq(65_534).ahead_of(Seq(2)), -4);
        assert_eq!(Ticks(80).ahead_of(Ticks(u32::MAX - 79)), 160);
        assert_eq!(Ssrc(0x1f).to_string(), "0x0000001f");
    }
}
