//! A frame to a UDP datagram or to a TCP segment, and the segments of a connection to its byte streams.
//!
//! Link types, tags and tunnels come off, fragments are put together, and what is left is the innermost flow and
//! its payload. Nothing here knows what a payload means, and nothing that a frame holds can make it panic, loop or
//! grow without bound. Time is the capture's own, given with each frame.

mod decoder;
mod duplicates;
mod fast;
mod fragment;
mod fragments;
#[cfg(test)]
mod frames;
mod ip;
mod label;
mod layer;
mod link;
mod packet;
mod partial;
pub mod tcp;
mod transport;
mod ways;

pub use decoder::{Decoded, Decoder};
pub use duplicates::{DuplicateCounts, Duplicates, Sighting};
pub use fragments::{FragmentCounts, FragmentResult, Limits};
pub use link::Link;
pub use packet::{Datagram, Flags, Kind, Reason, Segment};
