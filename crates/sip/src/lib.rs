//! SIP messages (RFC 3261) as a passive watcher must read them: leniently, from bytes, without loss of what a
//! recording hangs on (Call-ID, tags, CSeq, addresses, body).
//!
//! [`sniff`] tells SIP by content, [`Message::read`] borrows one message, [`Framer`] cuts a byte stream.
//! Typed parts go through `rsip` where it understands the whole of them, and through a reader of our own where it
//! does not. Nothing here knows of SDP, of RTP or of time.

mod body;
pub mod charging_vector;
mod cseq;
pub mod dtmf_relay;
mod framer;
pub mod framing;
mod header;
mod lines;
mod list;
mod message;
mod method;
mod name_address;
mod refer_to;
mod replaces;
mod session_id;
mod start_line;
mod text;
mod uri;
mod via;
pub mod voice_quality;

pub use crate::body::Part;
pub use crate::cseq::CSeq;
pub use crate::dtmf_relay as dtmf;
pub use crate::framer::Framer;
pub use crate::header::HeaderName;
pub use crate::message::{Message, ReadError};
pub use crate::method::Method;
pub use crate::name_address::NameAddress;
pub use crate::refer_to::ReferTo;
pub use crate::replaces::Replaces;
pub use crate::session_id::SessionUuid;
pub use crate::start_line::{StartLine, StatusClass, sniff};
pub use crate::uri::UriView;
pub use crate::via::Via;
