//! Payloads to PCM: codecs, concealment, and the writing of a channel from payloads that each have their place. Beside
//! that, what can be done with PCM: digits heard in it, a lower rate, Opus.
//!
//! Nothing here knows RTP or files: a [`Cue`] says what sounds where, a [`Channel`] writes it.

mod channel;
mod codec;
mod concealment;
mod decoder;
mod encoder;
mod ledger;
mod likeness;
mod lowerer;
mod meter;
mod resampler;
mod tones;
mod track;

pub use channel::Channel;
pub use codec::{Codec, Foreign, Stream};
pub use decoder::{Decoded, Decoder};
pub use encoder::Encoder;
pub use ledger::{Interval, Ledger, Origin};
pub use likeness::Likeness;
pub use lowerer::Lowerer;
pub use meter::{Activity, ChannelLevels, Levels, Meter, SILENCE_DBOV, SecondLevel};
pub use tones::{Tone, Tones};
pub use track::{Cue, Cues, Elsewhere, Sound};
