//! Payloads to PCM: codecs, concealment, and the writing of a channel from payloads that each have their place.
//!
//! Nothing here knows RTP or files: a [`Cue`] says what sounds where, a [`Channel`] writes it.

mod channel;
mod codec;
mod concealment;
mod decoder;
mod ledger;
mod likeness;
mod meter;
mod resampler;
mod track;

pub use channel::Channel;
pub use codec::{Codec, Foreign, Stream};
pub use decoder::{Decoded, Decoder};
pub use ledger::{Interval, Ledger, Origin};
pub use likeness::Likeness;
pub use meter::{Activity, ChannelLevels, Levels, Meter, SILENCE_DBOV, SecondLevel};
pub use track::{Cue, Elsewhere, Sound};
