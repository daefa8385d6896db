//! What the recorder says about itself over HTTP: the metrics, whether it lives, whether it records.
//!
//! Everything comes in as plain values: nothing here knows a packet, a call or a file.

mod metrics;
mod server;

pub use metrics::{
    Calls, Capture, Disposition, Families, Labels, Media, Metrics, Operation, OrphanReason, Sip, Source,
    Stage, Storage, Table, Tables, Unbalanced,
};
pub use server::{Error, Server, Stop};
