//! Dialogs, legs and the matcher: datagrams in, calls out.
//!
//! [`Tracker::handle_datagram`] takes a datagram, [`Tracker::poll_call`] gives the calls that are over. Time is the
//! capture's; nothing here reads a clock, opens a file or decodes audio.

mod arrival;
mod branch;
mod call;
mod calls;
mod claims;
mod config;
mod counts;
mod departed;
mod dialog;
mod fill;
mod forks;
mod hindsight;
mod hops;
mod identities;
mod join;
mod matcher;
mod negotiation;
mod open_call;
mod parties;
mod placement;
mod redirect;
mod session_timer;
mod side;
mod sweep;
mod tags;
mod text;
mod tracker;
mod waiting;

pub use arrival::Arrival;
pub use branch::Branch;
pub use call::{Call, InfoKey, KeptMessage, Matched, State};
pub use config::{Config, Patience};
pub use counts::{Counts, OrphanCounts, RtpCounts, TextCounts};
pub use dialog::{Dialog, End, Phase};
pub use fill::{Fill, Fills};
pub use forks::Fork;
pub use identities::Identities;
pub use matcher::Rule;
pub use negotiation::{Epoch, Hold, Naming, Negotiation};
pub use redirect::Redirect;
pub use session_timer::SessionTimer;
pub use side::{Both, Side};
pub use text::Text;
pub use tracker::Tracker;
