//! A call that is over: what its signalling said, and each side's streams.

use clock::Time;
use flow::Endpoint;
use rtp::Stream;
use rtp::srtp::MasterKey;
use sdp::MediaKind;

use crate::arrival::Arrival;
use crate::claims::CallKey;
use crate::dialog::{Dialog, End};
use crate::evidence::Reason;
use crate::fax::Fax;
use crate::forks::Fork;
use crate::losses::CaptureLoss;
use crate::negotiation::Negotiation;
use crate::refusal::Refused;
use crate::side::{Both, Side};
use crate::text::Text;
use crate::voice_quality::VoiceQuality;

/// A call with everything that was gathered of it.
#[derive(Debug)]
pub struct Call {
    /// Counts the calls in the order of their end.
    pub number: u64,
    /// What it was known by while it was open.
    pub key: CallKey,
    /// Flags that whoever recorded it has to add.
    pub notes: Vec<&'static str>,
    /// The signalling.
    pub dialog: Dialog,
    /// The session descriptions.
    pub negotiation: Negotiation,
    /// Each side's streams, in the order of their first packets.
    pub legs: Both<Vec<Matched>>,
    /// The early dialogs that did not become the call, in the order of their first responses.
    pub forks: Vec<Fork>,
    /// What the parties wrote to each other.
    pub texts: Vec<Text>,
    /// The messages, as captured.
    pub messages: Vec<KeptMessage>,
    /// Messages that were not kept because there were too many.
    pub messages_dropped: u64,
    /// RTCP packets, as captured, where packets are kept.
    pub reports: Vec<KeptMessage>,
    /// Keys of its media that no description names: whoever saw a handshake over its flows adds them.
    pub media_keys: Vec<MasterKey>,
    /// What the far ends report of its streams by RTCP.
    pub reported: Box<rtp::Reports>,
    /// What phones report of it by SIP, in the order in which it came.
    pub voice_quality: Vec<VoiceQuality>,
    /// What came of a fax.
    pub fax: Fax,
    /// Keys that were sent by SIP INFO.
    pub info_digits: Vec<InfoKey>,
    /// Streams near it that are not its own, the nearest first.
    pub refused: Vec<Refused>,
    /// Whether its signalling was seen; where not, its dialog is but a name.
    pub is_signalled: bool,
    /// The dialog whose place its INVITE was to take.
    pub replaces: Option<sip::Replaces>,
    /// Where each side's first message came from.
    pub signalling: Both<Option<Endpoint>>,
    /// Streams that this call and another could claim with equal right.
    pub ambiguous_streams: u32,
    /// When the capture lost packets, in the order of time.
    pub capture_losses: Vec<CaptureLoss>,
    /// How it ended.
    pub end: End,
    /// When it ended: by its signalling, else with its last packet.
    pub ended_at: Time,
    /// Packets that came later are not the call's.
    pub media_until: Option<Time>,
}

/// A stream and why it is in the call.
#[derive(Debug)]
pub struct Matched {
    /// The stream.
    pub stream: Stream,
    /// By which rule it was found, how sure that is, and what speaks for it.
    pub why: Reason,
    /// What it carries by the session description.
    pub kind: MediaKind,
}

/// A SIP message or RTCP packet as it was captured.
#[derive(Clone, Debug)]
pub struct KeptMessage {
    /// When.
    pub at: Time,
    /// The link type of the frame.
    pub link: u32,
    /// The frame.
    pub frame: Box<[u8]>,
    /// Where in it the datagram's payload stands.
    pub payload_at: usize,
    /// Whether it carries a dialled key.
    pub has_digit: bool,
    /// Whether the same message was seen before on the same way.
    pub retransmission: bool,
}

impl KeptMessage {
    /// The frame that brought the datagram.
    pub(crate) fn of(arrival: &Arrival<'_>) -> Option<KeptMessage> {
        let frame = arrival.frame.bytes;
        let payload_at = (arrival.payload.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
        Some(KeptMessage {
            at: arrival.at,
            link: arrival.frame.link,
            frame: frame.into(),
            payload_at,
            has_digit: false,
            retransmission: false,
        })
    }

    /// How many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<KeptMessage>() + self.frame.len()
    }
}

/// A key sent by SIP INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InfoKey {
    /// Who pressed it.
    pub side: Side,
    /// The key.
    pub digit: char,
    /// When the message came.
    pub at: Time,
    /// How long it was pressed, where the message says.
    pub duration_ms: Option<u32>,
}

/// What became of a call, seen from its signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Answered and hung up.
    Completed,
    /// Given up before an answer.
    Cancelled,
    /// Refused by the other side.
    Rejected,
    /// Not carried through by the network.
    Failed,
    /// No final response came.
    Unanswered,
    /// Answered, and its end or its beginning was not seen.
    Incomplete,
}

impl Call {
    /// What became of it.
    #[must_use]
    pub fn state(&self) -> State {
        // That another call took its place says why it ended, and not how.
        let end = self.dialog.end.filter(|_| self.end == End::Replaced).unwrap_or(self.end);
        let hung_up = matches!(end, End::ByeCaller | End::ByeCallee);
        match (self.dialog.answered_at, end, self.dialog.status_code) {
            // What refused it or gave it up was seen, even where its INVITE was not.
            (None, End::Rejected, Some(408 | 500..=599)) => State::Failed,
            (None, End::Rejected, _) => State::Rejected,
            (None, End::Cancel, _) => State::Cancelled,
            _ if self.dialog.joined_late => State::Incomplete,
            (Some(_), ..) if hung_up => State::Completed,
            (Some(_), ..) => State::Incomplete,
            (None, ..) if hung_up => State::Cancelled,
            (None, ..) => State::Unanswered,
        }
    }

    /// Whether it was answered, as far as one can tell: a call that was joined in its middle may have been before.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        let maybe = self.dialog.joined_late && self.dialog.ringing_at.is_none();
        self.dialog.answered_at.is_some() || (maybe && self.state() == State::Incomplete)
    }

    /// How many of the messages were retransmissions.
    #[must_use]
    pub fn retransmissions(&self) -> usize {
        self.messages.iter().filter(|message| message.retransmission).count()
    }

    /// The format that `number` stands for in `sender`'s stream.
    #[must_use]
    pub fn format(&self, sender: Side, number: u8, at: Time) -> Option<&sdp::Format> {
        self.negotiation.format(sender.other(), number, at)
    }
}

impl Matched {
    /// Which of two streams of one leg sounds where they overlap, the lesser before the greater: the stronger match,
    /// then the longer one, then the earlier.
    #[must_use]
    pub fn precedence(&self) -> impl Ord + use<> {
        let surer = (1000.0 * (1.0 - self.why.confidence)) as i64;
        let shorter = std::cmp::Reverse(self.stream.kept.len());
        (self.why.rule, surer, shorter, self.stream.first_at, self.stream.ssrc, self.stream.flow)
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> Endpoint {
        self.stream.flow.source
    }
}
