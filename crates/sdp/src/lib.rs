//! Session descriptions (RFC 8866), as they come: read leniently and bounded, over `sdp-types`; and what an offer and
//! its answer agree upon (RFC 3264), down to who may send which payload type where.
//!
//! Nothing here knows of SIP or of RTP packets.

mod address;
mod agreement;
mod candidate;
mod crypto;
mod direction;
mod format;
mod lines;
mod media;
mod origin;
mod session;
mod source;

pub use crate::agreement::{Agreed, Hold, Way, agree};
pub use crate::candidate::Candidate;
pub use crate::crypto::{Crypto, InlineKey, blank_keys};
pub use crate::direction::Direction;
pub use crate::format::Format;
pub use crate::media::{Media, MediaKind};
pub use crate::origin::Origin;
pub use crate::session::{Omitted, ReadError, Session};
pub use crate::source::Source;
