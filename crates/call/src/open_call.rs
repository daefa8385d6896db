//! A call in progress: its signalling, its descriptions, its messages, and the streams that are its own.

use clock::{Span, Time};
use flow::{Endpoint, Flow};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rtp::StreamId;
use sdp::MediaKind;
use sip::{Message, Method, StartLine};
use std::hash::BuildHasher;

use crate::arrival::Arrival;
use crate::call::{InfoKey, KeptMessage};
use crate::claims::Claimed;
use crate::config::Patience;
use crate::dialog::{Dialog, End, Phase};
use crate::matcher::Rule;
use crate::negotiation::Negotiation;
use crate::replacement;
use crate::side::{Both, Side};

#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) dialog: Dialog,
    pub(crate) negotiation: Negotiation,
    pub(crate) claimed: Claimed,
    pub(crate) attached: Vec<Attached>,
    pub(crate) messages: Vec<KeptMessage>,
    pub(crate) messages_dropped: u64,
    pub(crate) reports: Vec<KeptMessage>,
    pub(crate) info_digits: Vec<InfoKey>,
    pub(crate) ambiguous_streams: u32,
    /// Where each side's first message came from.
    pub(crate) signalling: Both<Option<Endpoint>>,
    /// When its last media packet came, as far as that was looked at.
    pub(crate) last_media_at: Option<Time>,
    /// Whether a newer call speaks where this one did.
    pub(crate) ports_reused: bool,
    /// The dialog whose place its INVITE is to take.
    pub(crate) replaces: Option<sip::Replaces>,
    /// Whether another call took its place.
    pub(crate) replaced: bool,
    kept_bytes: usize,
    report_bytes: usize,
    seen: HashSet<u64, FixedState>,
}

/// How much a call has to show for itself: what is less goes first where there is no room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// It is over and waits for stragglers.
    Over,
    /// Nobody has answered its INVITE with more than a 100.
    Unheard,
    /// The callee rings.
    Ringing,
    /// Answered, and no media was seen.
    Answered,
    /// Media came.
    Speaking,
}

impl Standing {
    pub(crate) const ALL: [Standing; 5] =
        [Standing::Over, Standing::Unheard, Standing::Ringing, Standing::Answered, Standing::Speaking];
}

/// A stream of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    pub(crate) id: StreamId,
    pub(crate) sender: Side,
    pub(crate) rule: Rule,
    pub(crate) confidence: f64,
    pub(crate) kind: MediaKind,
}

impl OpenCall {
    pub(crate) fn begin(message: &Message<'_>, at: Time) -> Option<OpenCall> {
        Some(OpenCall {
            dialog: Dialog::begin(message, at)?,
            negotiation: Negotiation::default(),
            claimed: Claimed::default(),
            attached: Vec::new(),
            messages: Vec::new(),
            messages_dropped: 0,
            reports: Vec::new(),
            info_digits: Vec::new(),
            ambiguous_streams: 0,
            signalling: Both::default(),
            last_media_at: None,
            ports_reused: false,
            replaces: replacement::asked_by(message),
            replaced: false,
            kept_bytes: 0,
            report_bytes: 0,
            seen: HashSet::default(),
        })
    }

    /// Keeps the message as captured where the call then holds no more than `room` bytes, and tells whether it was
    /// seen before on the same way: the same transaction, method or status, and flow (RFC 3261, section 17).
    pub(crate) fn keep_message(
        &mut self,
        message: &Message<'_>,
        arrival: &Arrival<'_>,
        from: Side,
        room: usize,
    ) -> bool {
        self.signalling.of_mut(from).get_or_insert(arrival.flow.source);
        let retransmission =
            self.seen.len() < MOST_MESSAGES && !self.seen.insert(identity(message, arrival.flow));
        let digit = sip::dtmf_relay::digits(message);
        if let Some(key) = digit.filter(|_| !retransmission && self.info_digits.len() < MOST_MESSAGES) {
            let (digit, at, duration_ms) = (key.digit, arrival.at, key.duration_ms);
            self.info_digits.push(InfoKey { side: from, digit, at, duration_ms });
        }
        match kept(arrival, digit.is_some(), retransmission) {
            Some(kept) if self.has_room_for(&kept, room) => {
                self.kept_bytes += kept.weight();
                self.messages.push(kept);
            }
            _ => self.messages_dropped += 1,
        }
        retransmission
    }

    pub(crate) fn keep_report(&mut self, arrival: &Arrival<'_>, room: usize) {
        if let Some(kept) = kept(arrival, false, false)
            && self.reports.len() < MOST_REPORTS
            && self.report_bytes + kept.weight() <= MOST_REPORT_BYTES.min(room)
        {
            self.report_bytes += kept.weight();
            self.reports.push(kept);
        }
    }

    fn has_room_for(&self, kept: &KeptMessage, room: usize) -> bool {
        self.messages.len() < MOST_MESSAGES && self.kept_bytes + kept.weight() <= MOST_BYTES.min(room)
    }

    /// About how many bytes it holds; the packets of its streams are counted with those.
    pub(crate) fn weight(&self) -> usize {
        let lists = self.seen.len() * SEEN_WEIGHT + self.info_digits.len() * size_of::<InfoKey>();
        let said = self.dialog.weight() + self.negotiation.weight() + self.claimed.weight();
        size_of::<OpenCall>() + self.kept_bytes + self.report_bytes + lists + said
    }

    pub(crate) fn standing(&self) -> Standing {
        match self.dialog.phase() {
            Phase::Over => Standing::Over,
            Phase::Refused if !self.is_challenged() => Standing::Over,
            _ if self.last_media_at.is_some() => Standing::Speaking,
            Phase::Answered => Standing::Answered,
            _ if self.dialog.ringing_at.is_some() => Standing::Ringing,
            _ => Standing::Unheard,
        }
    }

    /// When the call, as it stands, is to be looked at again, and how it ends if nothing has changed by then.
    pub(crate) fn deadline(&self, patience: &Patience) -> (Time, End) {
        let quiet_since =
            self.last_media_at.map_or(self.dialog.last_at, |media| media.max(self.dialog.last_at));
        match self.dialog.phase() {
            Phase::Calling if self.dialog.joined_late => (quiet_since + patience.media, End::MediaTimeout),
            Phase::Calling if self.dialog.end.is_some() => {
                (self.dialog.last_at + patience.challenge, End::Cancel)
            }
            Phase::Calling => (self.dialog.last_at + patience.ringing, End::MediaTimeout),
            Phase::Refused if self.is_challenged() => {
                (self.dialog.last_at + patience.challenge, End::Rejected)
            }
            Phase::Refused => (self.dialog.last_at + patience.linger, End::Rejected),
            Phase::Answered if self.ports_reused => (quiet_since + patience.linger, End::PortReuse),
            Phase::Answered if self.last_media_at.is_none() => {
                (quiet_since + patience.no_media, End::MediaTimeout)
            }
            Phase::Answered => (quiet_since + patience.media, End::MediaTimeout),
            Phase::Over => {
                let ended_at = self.dialog.ended_at.unwrap_or(self.dialog.last_at);
                let lingering = (self.dialog.last_at + patience.linger).min(ended_at + patience.challenge);
                (lingering, self.dialog.end.unwrap_or(End::Cancel))
            }
        }
    }

    /// Until when a packet may still be the call's.
    pub(crate) fn media_until(&self, grace: Span) -> Option<Time> {
        let over = matches!(self.dialog.phase(), Phase::Over) || self.is_refused_for_good();
        self.dialog.ended_at.filter(|_| over).map(|ended| ended + grace)
    }

    fn is_challenged(&self) -> bool {
        matches!(self.dialog.status_code, Some(401 | 407))
    }

    fn is_refused_for_good(&self) -> bool {
        self.dialog.phase() == Phase::Refused && !self.is_challenged()
    }
}

fn kept(arrival: &Arrival<'_>, has_digit: bool, retransmission: bool) -> Option<KeptMessage> {
    let payload_at = (arrival.payload.as_ptr() as usize).checked_sub(arrival.frame.bytes.as_ptr() as usize)?;
    let frame = arrival.frame.bytes.into();
    Some(KeptMessage {
        at: arrival.at,
        link: arrival.frame.link,
        frame,
        payload_at,
        has_digit,
        retransmission,
    })
}

/// What two sendings of one message have in common. A fixed seed will do: the set is one call's and bounded.
fn identity(message: &Message<'_>, flow: Flow) -> u64 {
    let what = match message.start() {
        StartLine::Request { method: Method::Other, token, .. } => {
            token.iter().map(|&byte| u64::from(byte)).sum()
        }
        StartLine::Request { method, .. } => *method as u64,
        StartLine::Status { code, .. } => 1000 + u64::from(*code),
    };
    let cseq = message.cseq().map(|cseq| (cseq.number, cseq.method as u64));
    FixedState::default().hash_one((message.branch(), cseq, what, flow, message.to().and_then(|to| to.tag)))
}

/// A call whose signalling is longer than that is being used for something else.
const MOST_MESSAGES: usize = 1000;
const MOST_BYTES: usize = 2 << 20;
/// A day of reports, one each five seconds.
const MOST_REPORTS: usize = 20_000;
const MOST_REPORT_BYTES: usize = 4 << 20;
/// A hash in its table.
const SEEN_WEIGHT: usize = 16;
