//! Kept packets to the picture of their signalling: who sent which SIP message to whom, and when.
//!
//! [`Ladder::read`] takes the messages out of a capture file, [`Ladder::draw`] makes text of them for a terminal, and
//! [`Ladder::svg`] a picture for a page.
//! Only what came in UDP datagrams is read; media is passed over.

mod hosts;
mod ladder;
mod picture;
mod step;
mod svg;
mod text;

pub use ladder::Ladder;
pub use step::Step;
