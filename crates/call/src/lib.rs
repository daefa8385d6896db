//! Dialogs, legs and the matcher: datagrams in, calls out.
//!
//! [`Tracker::handle_datagram`] takes a datagram, [`Tracker::poll_call`] gives the calls that are over. Time is the
//! capture's; nothing here reads a clock, opens a file or decodes audio.

mod arrival;
mod branch;
mod brought;
mod call;
mod calls;
mod claims;
mod config;
mod correlation;
mod counts;
mod departed;
mod described;
mod dialog;
mod evidence;
mod fill;
mod forks;
mod hearsay;
mod hindsight;
mod hops;
mod identities;
mod join;
mod kinds;
mod links;
mod matcher;
mod negotiation;
mod open_call;
mod owners;
mod parties;
mod payload_print;
mod placement;
mod redirect;
mod refusal;
mod relay;
mod release;
mod replacement;
mod second_thoughts;
mod session_timer;
mod side;
mod sweep;
mod tags;
mod text;
mod tracker;
mod unsignalled;
mod waiting;

pub use arrival::Arrival;
pub use branch::Branch;
pub use brought::Naming;
pub use call::{Call, InfoKey, KeptMessage, Matched, State};
pub use config::{Config, Links, Orphans, Patience};
pub use correlation::Correlation;
pub use counts::{Counts, OrphanCounts, RtpCounts, TextCounts};
pub use dialog::{Dialog, End, Phase};
pub use evidence::{Evidence, How, Reason, Rule, StreamEnd, Witness};
pub use fill::{Fill, Fills};
pub use forks::Fork;
pub use identities::Identities;
pub use links::{LinkFills, LinkReason, LinkTable};
pub use negotiation::{Epoch, Hold, Negotiation};
pub use redirect::Redirect;
pub use refusal::{Refusal, Refused};
pub use session_timer::SessionTimer;
pub use side::{Both, Side};
pub use text::Text;
pub use tracker::Tracker;
