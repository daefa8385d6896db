//! What a party says: codes of G.711 that no two parties and no two moments share, so that a sample that is lost,
//! doubled, moved or on the other channel shows.

use g711::Law;

/// A seeded sequence of codes (a 64-bit congruential generator, of which the upper bits are used).
pub(crate) struct Speech(u64);

impl Speech {
    pub(crate) fn new(seed: u64) -> Speech {
        Speech(seed)
    }

    /// The next codes, as many as a packet holds.
    pub(crate) fn packet(&mut self) -> [u8; SAMPLES] {
        std::array::from_fn(|_| self.code())
    }

    fn code(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }
}

/// Samples of a packet: 20 ms.
pub(crate) const SAMPLES: usize = 160;

/// How the codes sound.
pub(crate) fn decoded(codes: &[u8]) -> impl Iterator<Item = i16> {
    codes.iter().map(|&code| g711::decode(Law::Mu, code))
}
