//! What the recorder says about itself over HTTP: the metrics, whether it lives, whether it records.
//!
//! Everything comes in as plain values: nothing here knows a packet, a call or a file.

pub mod metrics;
mod server;

pub use server::{Error, Server, Stop};
