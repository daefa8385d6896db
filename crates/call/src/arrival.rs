//! What comes in: a datagram, with when, whence and in which frame.

use clock::Time;
use flow::{Flow, Path};
use rtp::Frame;

/// A UDP datagram and the frame in which it came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When it was captured.
    pub at: Time,
    /// From where to where.
    pub flow: Flow,
    /// What it was wrapped in.
    pub path: &'a Path,
    /// What the datagram carries.
    pub payload: &'a [u8],
    /// The whole frame.
    pub frame: Frame<'a>,
}
