//! Interfaces and capture files to frames.
//!
//! A [`Replay`] reads capture files and standard input and lends one [`Frame`] after the other, merged by time. Plain
//! files are mapped and their frames are never copied: a [`Place`] finds the bytes again in the [`Medium`] for as long
//! as one of its clones lives. What a frame carries is not known here.

mod blocks;
mod classic;
mod error;
mod feed;
mod filter;
mod format;
mod frame;
mod input;
mod libpcap;
mod link;
pub mod live;
mod lost;
mod lz4;
mod map;
mod medium;
mod replay;
mod section;
mod source;
mod spill;
mod widening;

pub use error::{Error, Why};
pub use filter::{Filter, FilterError};
pub use format::Packing;
pub use frame::{Frame, Place};
pub use input::Input;
pub use lost::Lost;
pub use medium::Medium;
pub use replay::Replay;
pub use source::Source;
pub use spill::{Hold, Spill, Spilled};

#[cfg(test)]
mod testing;
