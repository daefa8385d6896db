//! RTP and RTCP as a watcher sees them (RFC 3550): packets, streams, their order, their place in time, their statistics.
//!
//! A stream knows nothing of calls. Packets are kept as they came and looked at with hindsight once the call is over.

mod archive;
mod bounds;
mod bursts;
mod compound;
mod demux;
mod envelope;
mod event;
mod extended;
mod id;
mod kept;
mod losses;
mod packet;
mod reception;
mod reported;
mod rtcp;
mod section;
mod sender_clock;
mod sequence;
mod slot;
pub mod srtp;
mod statistics;
mod stream;
mod streams;
mod stun;
mod timeline;

pub use bounds::{Evicted, Forgotten, Limits};
pub use bursts::{BurstGatherer, Bursts, GAP_MINIMUM};
pub use demux::{Kind, kind};
pub use event::{EventPayload, Events, TelephoneEvent};
pub use id::{ExtSeq, PayloadType, Seq, Ssrc, Ticks};
pub use kept::{Copying, Frame, Freed, Hold, Kept, KeptFrame, Latest, Medium, Overflow};
pub use losses::{Loss, LossGatherer, Losses};
pub use packet::{Packet, is_padded, unpadded};
pub use reported::{Figure, ReceptionFigures, Reported, Reports, SummaryFigures, VoipFigures};
pub use rtcp::Report;
pub use sender_clock::{SenderClock, SenderTime};
pub use sequence::{Irregularities, Sent, Sequence};
pub use slot::Slot;
pub use statistics::{Jitter, Statistics, Steps};
pub use stream::{Stream, StreamId};
pub use streams::{Disposition, Dropped, Streams};
pub use stun::Check;
pub use timeline::{Before, Placer, Sounding, Talkspurt, Timeline};
