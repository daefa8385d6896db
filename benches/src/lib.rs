//! Traffic made for measuring: whole calls, signalling and media, from a seed.
//!
//! The same [`Load`] gives the same frames, byte for byte, on every machine. Nothing here is meant to be realistic
//! about failure: calls are set up, talk and end in order. What goes wrong on a network is drawn on top of them as
//! jitter and loss.

pub mod call;
pub mod ether;
pub mod held;
pub mod media;
pub mod pcap;
pub mod rng;
pub mod traffic;
pub mod voice;

pub use held::Held;
pub use traffic::{Load, Traffic};
