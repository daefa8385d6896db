//! What of a packet sounds: a packet may hold more than one thing, and what is heard may have come in a later one.

use audio::{Codec, Sound};
use rtp::Sounding;

/// A piece of audio of one codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) codec: Codec,
    pub(crate) sound: Sound<'a>,
    /// At the codec's rate.
    pub(crate) samples: u32,
}

impl Part<'_> {
    /// Whether the other party can be heard in it.
    pub(crate) const fn is_heard(&self) -> bool {
        !matches!(self.codec, Codec::ComfortNoise(_))
    }
}

/// A part and where it stands among the others of its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) sounding: Sounding,
    pub(crate) part: Part<'a>,
}
