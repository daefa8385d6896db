//! A call that is over: what its signalling said, and each side's streams.

use clock::Time;
use flow::Endpoint;
use rtp::Stream;
use sdp::MediaKind;

use crate::dialog::{Dialog, End};
use crate::matcher::Rule;
use crate::negotiation::Negotiation;
use crate::side::{Both, Side};

/// A call with everything that was gathered of it.
#[derive(Debug)]
pub struct Call {
    /// Counts the calls in the order of their end.
    pub number: u64,
    /// The signalling.
    pub dialog: Dialog,
    /// The session descriptions.
    pub negotiation: Negotiation,
    /// Each side's streams, in the order of their first packets.
    pub legs: Both<Vec<Matched>>,
    /// The messages, as captured.
    pub messages: Vec<KeptMessage>,
    /// Messages that were not kept because there were too many.
    pub messages_dropped: u64,
    /// RTCP packets, as captured, where packets are kept.
    pub reports: Vec<KeptMessage>,
    /// Keys that were sent by SIP INFO.
    pub info_digits: Vec<InfoKey>,
    /// The dialog whose place its INVITE was to take.
    pub replaces: Option<sip::Replaces>,
    /// Where each side's first message came from.
    pub signalling: Both<Option<Endpoint>>,
    /// Streams that this call and another could claim with equal right.
    pub ambiguous_streams: u32,
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
    /// By which rule it was found.
    pub rule: Rule,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
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
            (Some(_), ..) if hung_up => State::Completed,
            (Some(_), ..) => State::Incomplete,
            (None, ..) if self.dialog.joined_late => State::Incomplete,
            (None, End::Rejected, Some(408 | 500..=599)) => State::Failed,
            (None, End::Rejected, _) => State::Rejected,
            (None, End::Cancel | End::ByeCaller | End::ByeCallee, _) => State::Cancelled,
            (None, ..) => State::Unanswered,
        }
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
        let surer = (1000.0 * (1.0 - self.confidence)) as i64;
        let shorter = std::cmp::Reverse(self.stream.kept.len());
        (self.rule, surer, shorter, self.stream.first_at, self.stream.ssrc, self.stream.flow)
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> Endpoint {
        self.stream.flow.source
    }
}
