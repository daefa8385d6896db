//! Payloads to PCM: codecs, concealment, and the writing of a channel from payloads that each have their place.
//!
//! Nothing here knows RTP or files: a [`Cue`] says what sounds where, a [`Track`] writes it.

mod codec;
mod ledger;
mod tones;
mod track;

pub use codec::Codec;
pub use ledger::{Interval, Ledger, Origin};
pub use tones::{Tone, Tones};
pub use track::{Cue, Track};
