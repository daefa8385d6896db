//! Recordings, records, kept packets and the index.
//!
//! The recording is the database: each call has a folder with its audio, its packets and its record as JSON. The
//! index only makes finding fast and can always be built anew from the files. Nothing here knows of SIP, SDP, RTP or
//! codecs: it takes and gives plain values.

mod amend;
mod error;
mod evidence;
mod find;
mod finding;
mod id;
mod index;
mod layout;
mod leg;
mod number;
mod outcome;
mod pattern;
pub mod pcapng;
mod query;
mod rebuild;
mod record;
mod recording;
mod reported;
mod row;
mod signalling;
pub mod socket;
mod space;
mod table;
mod timestamp;
pub mod wav;

pub use error::{Damage, Error};
pub use evidence::{Match, Named, RefusedStream, Witness};
pub use find::{Records, Source};
pub use finding::{Finding, Levels, Series};
pub use id::CallId;
pub use index::{Index, Opened};
pub use layout::Store;
pub use leg::{Bursts, Delays, Digit, Jitter, Leg, Mos, Ssrc, StreamRecord};
pub use number::{Milliseconds, Ppm, Score, Seconds};
pub use outcome::{
    DigitMethod, EndReason, FindingKind, Hold, LinkReason, Outcome, Provenance, RefusalReason, ReportMethod,
    Role, State, Unknown,
};
pub use pattern::Pattern;
pub use query::Query;
pub use rebuild::Reindexed;
pub use record::{Cut, Epoch, Identities, Interval, Link, Party, Policy, Record, RecordingFile};
pub use recording::{Abandoned, Durability, Recording};
pub use reported::{Figure, Reported};
pub use signalling::{ForkRecord, ForkStream, RedirectRecord, SessionTimer, TextMessage, UserAgents};
pub use space::Usage;
