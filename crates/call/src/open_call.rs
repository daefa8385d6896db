//! A call in progress: its signalling, its descriptions, its messages, and the streams that are its own.

use clock::{Span, Time};
use flow::{Endpoint, Flow};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rtp::StreamId;
use sdp::MediaKind;
use sip::{CSeq, Message, Method, StartLine};
use std::hash::BuildHasher;

use crate::arrival::Arrival;
use crate::brought::Brought;
use crate::call::{InfoKey, KeptMessage};
use crate::claims::Claimed;
use crate::config::Patience;
use crate::dialog::{Dialog, End, Phase};
use crate::evidence::Reason;
use crate::fax::Fax;
use crate::forks::{Forks, may_describe};
use crate::negotiation::Negotiation;
use crate::replacement;
use crate::side::{Both, Side};
use crate::tags::Tags;
use crate::text::Texts;
use crate::voice_quality::{self, VoiceQuality};

#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) dialog: Dialog,
    pub(crate) negotiation: Negotiation,
    pub(crate) forks: Forks,
    pub(crate) texts: Texts,
    pub(crate) claimed: Claimed,
    pub(crate) attached: Vec<Attached>,
    pub(crate) messages: Vec<KeptMessage>,
    pub(crate) messages_dropped: u64,
    pub(crate) reports: Vec<KeptMessage>,
    pub(crate) fax: Fax,
    /// What the far ends report of its streams.
    pub(crate) reported: Box<rtp::Reports>,
    pub(crate) voice_quality: Vec<VoiceQuality>,
    pub(crate) info_digits: Vec<InfoKey>,
    pub(crate) ambiguous_streams: u32,
    /// Where each side's first message came from.
    pub(crate) signalling: Both<Option<Endpoint>>,
    /// When its last media packet came, as far as that was looked at.
    pub(crate) last_media_at: Option<Time>,
    /// Whether a newer call speaks where this one did.
    pub(crate) ports_reused: bool,
    /// Whether nothing is known of it but its media.
    pub(crate) is_unsignalled: bool,
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
    /// There is no signalling.
    Unsignalled,
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
    pub(crate) const ALL: [Standing; 6] = [
        Standing::Unsignalled,
        Standing::Over,
        Standing::Unheard,
        Standing::Ringing,
        Standing::Answered,
        Standing::Speaking,
    ];
}

/// A stream of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attached {
    pub(crate) id: StreamId,
    pub(crate) sender: Side,
    pub(crate) why: Reason,
    pub(crate) kind: MediaKind,
}

impl OpenCall {
    pub(crate) fn begin(message: &Message<'_>, tags: &Tags, at: Time) -> Option<OpenCall> {
        let dialog = Dialog::begin(message, tags, at)?;
        Some(OpenCall { replaces: replacement::asked_by(message), ..OpenCall::new(dialog) })
    }

    /// A call of which only media is seen.
    pub(crate) fn unsignalled(call_id: String, at: Time) -> OpenCall {
        OpenCall { is_unsignalled: true, ..OpenCall::new(Dialog::unseen(call_id, at)) }
    }

    fn new(dialog: Dialog) -> OpenCall {
        OpenCall {
            dialog,
            negotiation: Negotiation::default(),
            forks: Forks::default(),
            texts: Texts::default(),
            claimed: Claimed::default(),
            attached: Vec::new(),
            messages: Vec::new(),
            messages_dropped: 0,
            reports: Vec::new(),
            fax: Fax::default(),
            reported: Box::default(),
            voice_quality: Vec::new(),
            info_digits: Vec::new(),
            ambiguous_streams: 0,
            signalling: Both::default(),
            last_media_at: None,
            ports_reused: false,
            is_unsignalled: false,
            replaces: None,
            replaced: false,
            kept_bytes: 0,
            report_bytes: 0,
            seen: HashSet::default(),
        }
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
        let kept = KeptMessage::of(arrival);
        match kept.map(|kept| KeptMessage { has_digit: digit.is_some(), retransmission, ..kept }) {
            Some(kept) if self.has_room_for(&kept, room) => {
                self.kept_bytes += kept.weight();
                self.messages.push(kept);
            }
            _ => self.messages_dropped += 1,
        }
        retransmission
    }

    /// Takes in what the message says of the dialog.
    pub(crate) fn handle_message(&mut self, message: &Message<'_>, tags: &Tags, from: Side, at: Time) {
        let answered_before = self.dialog.phase() == Phase::Answered;
        self.dialog.handle_message(message, tags, from, at);
        self.forks.handle_answer(&mut self.negotiation, &self.dialog);
        let in_dialog = |cseq: CSeq| match cseq.method {
            Method::Invite => answered_before,
            method => matches!(method, Method::Update | Method::Prack),
        };
        if !may_describe(message) && message.cseq().is_some_and(in_dialog) {
            self.forks.handle_refusal(&mut self.negotiation, message, tags, from);
        }
    }

    /// Takes in what the message says of the session; `None` where it says nothing, an error where that is unreadable.
    pub(crate) fn handle_description(
        &mut self,
        message: &Message<'_>,
        tags: &Tags,
        from: Side,
        arrival: &Arrival<'_>,
    ) -> Result<Option<Brought>, sdp::ReadError> {
        let Some(body) = message.session_description().filter(|_| may_describe(message)) else {
            return Ok(None);
        };
        let session = sdp::Session::read(body)?;
        let said = (&session, message, tags);
        Ok(Some(self.forks.handle_description(&mut self.negotiation, &self.dialog, said, from, arrival)))
    }

    /// Takes in what a datagram of RTCP reports; what is encrypted is not misread.
    pub(crate) fn hear_report(&mut self, arrival: &Arrival<'_>) {
        if self.negotiation.is_secure() {
            self.reported.handle_encrypted();
        } else {
            self.reported.handle(arrival.at, arrival.payload);
        }
    }

    pub(crate) fn keep_report(&mut self, arrival: &Arrival<'_>, room: usize) {
        if let Some(kept) = KeptMessage::of(arrival)
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
        let forks = self.forks.weight() + self.texts.weight();
        let said = self.dialog.weight() + self.negotiation.weight() + self.claimed.weight() + forks;
        let reported =
            size_of::<rtp::Reports>() + self.reported.weight() + voice_quality::weight(&self.voice_quality);
        size_of::<OpenCall>()
            + self.kept_bytes
            + self.report_bytes
            + self.fax.weight()
            + lists
            + said
            + reported
    }

    pub(crate) fn standing(&self) -> Standing {
        match self.dialog.phase() {
            _ if self.is_unsignalled => Standing::Unsignalled,
            Phase::Over => Standing::Over,
            Phase::Refused if !self.dialog.may_be_retried() => Standing::Over,
            _ if self.last_media_at.is_some() => Standing::Speaking,
            Phase::Answered => Standing::Answered,
            _ if self.dialog.ringing_at.is_some() => Standing::Ringing,
            _ => Standing::Unheard,
        }
    }

    /// When the call, as it stands, is to be looked at again, and how it ends if nothing has changed by then.
    pub(crate) fn deadline(&self, patience: &Patience) -> (Time, End) {
        let last_at = self.dialog.last_at;
        match self.dialog.phase() {
            _ if self.is_unsignalled => (self.quiet_since() + patience.unsignalled, End::MediaTimeout),
            Phase::Calling if self.dialog.end.is_some() => (last_at + patience.challenge, End::Cancel),
            Phase::Calling if self.dialog.joined_late => {
                (self.quiet_since() + patience.media, End::MediaTimeout)
            }
            Phase::Calling => (last_at + patience.ringing, End::MediaTimeout),
            Phase::Refused if self.dialog.may_be_retried() => (last_at + patience.challenge, End::Rejected),
            Phase::Refused => (last_at + patience.linger, End::Rejected),
            Phase::Answered if self.ports_reused => (self.quiet_since() + patience.linger, End::PortReuse),
            Phase::Answered => {
                let (silence, session) = (self.silence_until(patience), self.session_until(patience));
                session.filter(|(until, _)| *until < silence.0).unwrap_or(silence)
            }
            Phase::Over => {
                let ended_at = self.dialog.ended_at.unwrap_or(last_at);
                let lingering = (last_at + patience.linger).min(ended_at + patience.challenge);
                (lingering, self.dialog.end.unwrap_or(End::Cancel))
            }
        }
    }

    /// How long an answered call may be silent: who holds need not send.
    fn silence_until(&self, patience: &Patience) -> (Time, End) {
        let silent = self.last_media_at.is_none() || self.negotiation.is_on_hold();
        let patience = if silent { patience.no_media } else { patience.media };
        (self.quiet_since() + patience, End::MediaTimeout)
    }

    /// When a session that nobody refreshes is over; what still speaks shows that it is not.
    fn session_until(&self, patience: &Patience) -> Option<(Time, End)> {
        let expires_at = self.dialog.session_timer?.expires_at;
        let until = (expires_at + patience.linger).max(self.quiet_since() + patience.challenge);
        Some((until, End::SessionTimer))
    }

    fn quiet_since(&self) -> Time {
        self.last_media_at.map_or(self.dialog.last_at, |media| media.max(self.dialog.last_at))
    }

    /// Until when a packet may still be the call's.
    pub(crate) fn media_until(&self, grace: Span) -> Option<Time> {
        let over = matches!(self.dialog.phase(), Phase::Over) || self.is_refused_for_good();
        self.dialog.ended_at.filter(|_| over).map(|ended| ended + grace)
    }

    fn is_refused_for_good(&self) -> bool {
        self.dialog.phase() == Phase::Refused && !self.dialog.may_be_retried()
    }
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
