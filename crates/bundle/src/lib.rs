//! Recorded calls made ready for somebody else: a folder or an archive that can be opened without this program.
//!
//! ```text
//! BUNDLE/index.html      the calls, to look at and to listen to; it asks nothing of any network
//! BUNDLE/README.txt      what is here, for whoever gets it
//! BUNDLE/ID/             one call (where it is the only one, its files stand in BUNDLE itself)
//!           call.wav, call.json, call.pcapng, series.csv      as they are in the store
//!           ladder.txt, ladder.svg, index.html                its signalling as pictures, its page
//! BUNDLE/manifest.json   each file with its length and hashes, and what was changed for this bundle
//! BUNDLE/SHA256SUMS      the same for `sha256sum -c`
//! BUNDLE/proofs/         what the store signed of these calls, the keys, and a script that checks both
//! ```
//!
//! The same calls and the same choices give the same octets.

mod audio;
mod bundle;
mod call;
mod error;
mod mask;
mod page;
mod proofs;
mod sink;
mod strip;
mod sums;
mod words;

pub use audio::Format;
pub use bundle::{Bundle, Choices};
pub use error::Error;
pub use mask::{Mask, Masks};
pub use sink::Place;
