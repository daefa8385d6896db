//! A call's record in plain words: why each stream is in the call, which streams near it are not, and why it has all,
//! some or none of its audio.
//!
//! It knows a record and nothing else: no capture, no packets, no store on disk.

mod audio;
mod explanation;
mod stream;
mod words;

pub use explanation::{Explanation, explain};
