//! What was seen of a mirror port or a capture, in plain words: what is missing from it, who loses it, and what to do.
//!
//! It knows counts and records. Where packets come from and how they are read is not known here.

mod calls;
mod finding;
mod rules;
mod seen;

pub use calls::Calls;
pub use finding::{Finding, Findings};
pub use rules::findings;
pub use seen::Seen;
