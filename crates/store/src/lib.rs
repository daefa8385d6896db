//! Recordings, records, kept packets and the index.
//!
//! The recording is the database: each call has a folder with its audio, its packets and its record as JSON. The
//! index only makes finding fast and can always be built anew from the files. Nothing here knows of SIP, SDP, RTP or
//! codecs: it takes and gives plain values.

mod actor;
mod amend;
mod attachment;
pub mod audit;
mod bits;
mod delete;
mod digest;
mod edit;
mod error;
mod evidence;
mod fax;
mod find;
mod finding;
pub mod flac;
mod hold;
mod id;
mod index;
pub mod integrity;
mod journal;
mod layout;
mod leg;
mod number;
pub mod opus;
mod outcome;
mod pattern;
pub mod pcapng;
mod query;
mod rebuild;
mod record;
mod recording;
mod reported;
pub mod retention;
mod row;
mod signalling;
pub mod socket;
mod space;
mod table;
mod timestamp;
mod told;
pub mod wav;

pub use actor::Actor;
pub use attachment::{BadAttachment, Note, Tag, commands};
pub use delete::{GoneFile, Tombstone};
pub use error::{Damage, Error};
pub use evidence::{Match, Named, RefusedStream, Witness};
pub use fax::{Fax, FaxStream};
pub use find::{Records, Source, each, settle};
pub use finding::{Finding, Levels, Series};
pub use hold::{Held, Hold as LegalHold, Holds};
pub use id::CallId;
pub use index::{Index, Opened};
pub use layout::Store;
pub use leg::{Bursts, ClockCheck, Delays, Digit, Jitter, Leg, Mos, Ssrc, StreamRecord};
pub use number::{Milliseconds, Ppm, Score, Seconds};
pub use outcome::{
    DigitMethod, EndReason, FindingKind, Hold, LinkReason, Outcome, Provenance, RefusalReason, ReportMethod,
    Role, State, Unknown,
};
pub use pattern::Pattern;
pub use query::{Query, TagQuery};
pub use rebuild::Reindexed;
pub use record::{AudioFile, Cut, Epoch, Identities, Interval, Link, Party, Policy, Record, RecordingFile};
pub use recording::{Abandoned, Durability, Recording};
pub use reported::{Figure, Reported};
pub use signalling::{ForkRecord, ForkStream, RedirectRecord, SessionTimer, TextMessage, UserAgents};
pub use space::Usage;
