//! The E-model: how content users would be with a connection, from what is known of it (ITU-T G.107, and G.107.1 for
//! wideband). It is made for planning; on one call its result is an estimate and is to be named as one.
//!
//! Numbers in, numbers out: nothing here knows of packets, files or time.

mod codec;
mod narrowband;
mod rating;
mod wideband;

pub use codec::{Band, Codec};
pub use narrowband::transmission_rating;
pub use rating::{Path, Rating, rate};
