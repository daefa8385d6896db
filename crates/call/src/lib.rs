//! Dialogs, legs and the matcher: datagrams in, calls out.
//!
//! [`Tracker::handle_datagram`] takes a datagram, [`Tracker::poll_call`] gives the calls that are over. Time is the
//! capture's; nothing here reads a clock, opens a file or decodes audio.

mod arrival;
mod call;
mod calls;
mod claims;
mod config;
mod correlation;
mod counts;
mod dialog;
mod fill;
mod hindsight;
mod links;
mod matcher;
mod negotiation;
mod open_call;
mod payload_print;
mod placement;
mod relay;
mod replacement;
mod side;
mod sweep;
mod tracker;
mod waiting;

pub use arrival::Arrival;
pub use call::{Call, InfoKey, KeptMessage, Matched, State};
pub use config::{Config, Links, Patience};
pub use correlation::Correlation;
pub use counts::{Counts, OrphanCounts, RtpCounts};
pub use dialog::{Dialog, End, Phase};
pub use fill::{Fill, Fills};
pub use links::{LinkFills, LinkReason, LinkTable};
pub use matcher::Rule;
pub use negotiation::{Epoch, Hold, Naming, Negotiation};
pub use side::{Both, Side};
pub use tracker::Tracker;
