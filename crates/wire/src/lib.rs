//! A frame to a UDP datagram or to a TCP segment, and the segments of a connection to its byte streams.
//!
//! Link types, tags and tunnels come off, fragments are put together, and what is left is the innermost flow and
//! its payload. Nothing here knows what a payload means, and nothing that a frame holds can make it panic, loop or
//! grow without bound. Time is the capture's own, given with each frame.

mod decoder;
mod duplicates;
mod echoes;
mod erspan;
mod fast;
mod fragment;
mod fragment_counts;
mod fragments;
#[cfg(test)]
mod frames;
mod gre;
mod gtp;
mod ip;
mod l2tp;
mod label;
mod layer;
mod link;
mod mpls;
mod nflog;
mod packet;
mod partial;
mod plausible;
mod ppp;
#[cfg(test)]
mod stacks;
mod tag;
pub mod tcp;
mod transport;
mod tunnel;
mod tzsp;
mod ways;
mod wlan;
#[cfg(test)]
mod wrappers;

pub use decoder::{Decoded, Decoder};
pub use duplicates::{DuplicateCounts, Duplicates, Sighting};
pub use fragment_counts::{FragmentCounts, FragmentResult};
pub use fragments::Limits;
pub use link::Link;
pub use packet::{Datagram, Flags, Kind, Reason, Segment};
