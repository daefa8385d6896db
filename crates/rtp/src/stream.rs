//! One stream of RTP: its packets, whether it proved to be one, and what goes on where it stands (RFC 3550, section 3).

use clock::{Span, Time};
use flow::{Flow, Path};

use crate::id::{Seq, Ssrc, Ticks};
use crate::kept::Kept;
use crate::packet::Packet;

/// One SSRC from one source address to one destination.
#[derive(Debug)]
pub struct Stream {
    /// From where to where.
    pub flow: Flow,
    /// Who sends.
    pub ssrc: Ssrc,
    /// What the packet was wrapped in by which it proved to be a stream.
    pub path: Path,
    /// Its packets.
    pub kept: Kept,
    /// When the first packet that is kept of it came.
    pub first_at: Time,
    /// When its last packet came.
    pub last_at: Time,
    pub(crate) valid: bool,
    pub(crate) owner: Option<u32>,
    pub(crate) contested: bool,
    pub(crate) last_seq: Seq,
    pub(crate) last_ticks: Ticks,
    pub(crate) generation: u32,
}

impl Stream {
    /// A source that was heard once, which has nothing kept yet.
    pub(crate) fn begin(key: Key, at: Time, generation: u32) -> Stream {
        Stream {
            flow: key.flow,
            ssrc: key.ssrc,
            path: Path::NONE,
            kept: Kept::default(),
            first_at: at,
            last_at: at,
            valid: false,
            owner: None,
            contested: false,
            last_seq: Seq::default(),
            last_ticks: Ticks::default(),
            generation,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key { flow: self.flow, ssrc: self.ssrc }
    }

    /// Whether `packet` goes on where the stream stands: near in number, time stamp and time.
    pub(crate) fn is_continued_by(&self, packet: &Packet<'_>, at: Time) -> bool {
        let ahead = packet.seq.ahead_of(self.last_seq);
        let ticks = packet.ticks.ahead_of(self.last_ticks);
        // What overtook it came just now: after a pause a lower number is another beginning.
        let longest = if ahead > 0 { LONGEST_PAUSE } else { LONGEST_OVERTAKING };
        at - self.last_at <= longest
            && (-100..=1000).contains(&ahead)
            && ticks.unsigned_abs() <= FARTHEST_TICKS
    }

    /// Whether a second packet followed the first in sequence.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.valid
    }

    /// Who claimed the stream, by [`crate::Streams::claim`].
    #[must_use]
    pub fn owner(&self) -> Option<u32> {
        self.owner
    }
}

/// A stream in the table; it stays good until the stream leaves the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StreamId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// What tells a stream from others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) flow: Flow,
    pub(crate) ssrc: Ssrc,
}

/// A contested stream that was silent for longer is another one when it comes back.
const LONGEST_PAUSE: Span = Span::from_ms(2000);
/// A packet that comes so much later than one that was sent after it is late beyond what networks do.
const LONGEST_OVERTAKING: Span = Span::from_ms(100);
/// Ten seconds of the fastest clock rate in use, 48 000 Hz.
const FARTHEST_TICKS: u32 = 480_000;
