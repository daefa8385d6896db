//! What became of an INVITE and of the dialog that it set up (RFC 3261, sections 12, 13 and 15): a small machine that
//! takes messages and knows nothing of media.

use std::borrow::Cow;

use clock::Time;
use sip::{Message, Method, NameAddress, StartLine};

use crate::side::Side;

/// The state of a call's signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Invited, and no final response yet.
    Calling,
    /// Asked for credentials (401, 407) or told to try otherwise; the same caller may invite again.
    Refused,
    /// Answered.
    Answered,
    /// Ended by a BYE, or given up by a CANCEL.
    Over,
}

/// How a call came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The caller hung up.
    ByeCaller,
    /// The callee hung up.
    ByeCallee,
    /// The caller gave up before an answer.
    Cancel,
    /// A final response other than 2xx.
    Rejected,
    /// Neither media nor signalling came any more.
    MediaTimeout,
    /// Another call took its place.
    Replaced,
    /// A newer call claimed its ports.
    PortReuse,
    /// The input ended first.
    CaptureEnd,
    /// The recorder was stopped first.
    Shutdown,
}

/// The signalling of one call: its parties, its times, its state.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// The Call-ID.
    pub call_id: String,
    /// From of the first INVITE.
    pub caller: NameAddress,
    /// To of the first INVITE, with the tag of the answer once there is one.
    pub callee: NameAddress,
    /// The Request-URI of the first INVITE.
    pub request_uri: String,
    /// P-Asserted-Identity (RFC 3325) of either side.
    pub p_asserted: Vec<String>,
    /// Diversion (RFC 5806).
    pub diversion: Vec<String>,
    /// When the first INVITE came.
    pub invited_at: Time,
    /// When the first provisional response beyond 100 came.
    pub ringing_at: Option<Time>,
    /// When the first 2xx to the INVITE came.
    pub answered_at: Option<Time>,
    /// When the call ended, by its signalling.
    pub ended_at: Option<Time>,
    /// How it ended, by its signalling.
    pub end: Option<End>,
    /// The last final response to the INVITE.
    pub status_code: Option<u16>,
    /// When the last message came.
    pub last_at: Time,
    /// Whether the capture began after the call had.
    pub joined_late: bool,
    phase: Phase,
    invite: u32,
}

impl Dialog {
    /// A call that begins with the INVITE `message`; `None` where it is none, or names no caller.
    pub(crate) fn begin(message: &Message<'_>, at: Time) -> Option<Dialog> {
        let StartLine::Request { method: Method::Invite, uri, .. } = message.start() else { return None };
        let callee = message.to()?;
        let joined_late = callee.tag.is_some();
        let mut dialog = Dialog {
            call_id: message.call_id()?.into_owned(),
            caller: message.from()?,
            callee,
            request_uri: uri.to_string(),
            p_asserted: Vec::new(),
            diversion: message.named("Diversion").take(MOST_IDENTITIES).map(Cow::into_owned).collect(),
            invited_at: at,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            end: None,
            status_code: None,
            last_at: at,
            joined_late,
            phase: Phase::Calling,
            invite: message.cseq()?.number,
        };
        dialog.note_identities(message);
        Some(dialog)
    }

    /// The dialog of a call whose signalling was not seen: nothing but a name for it.
    pub(crate) fn unseen(call_id: String, at: Time) -> Dialog {
        Dialog {
            call_id,
            caller: NameAddress::default(),
            callee: NameAddress::default(),
            request_uri: String::new(),
            p_asserted: Vec::new(),
            diversion: Vec::new(),
            invited_at: at,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            end: None,
            status_code: None,
            last_at: at,
            joined_late: true,
            phase: Phase::Calling,
            invite: 0,
        }
    }

    /// The state.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Who sent the message, if its tags are this call's: a response comes from the other side than its From. Where
    /// the tags tell nothing (RFC 2543 knew none), `from_caller` says whether it came from where the INVITE did.
    pub(crate) fn sender(&self, tags: &Tags, from_caller: bool) -> Option<Side> {
        let Tags { from, to, is_response } = tags;
        if from == to && *from == self.caller.tag {
            return Some(if from_caller { Side::Caller } else { Side::Callee });
        }
        let requester = if *from == self.caller.tag {
            Side::Caller
        } else if *to == self.caller.tag {
            Side::Callee
        } else {
            return None;
        };
        Some(if *is_response { requester.other() } else { requester })
    }

    /// About how many bytes it holds, the table's key among them.
    pub(crate) fn weight(&self) -> usize {
        let values = self.p_asserted.iter().chain(&self.diversion).map(String::len).sum::<usize>();
        2 * self.call_id.len()
            + weight_of(&self.caller)
            + weight_of(&self.callee)
            + self.request_uri.len()
            + values
    }

    /// Whether this INVITE, captured `at`, begins another call although Call-ID and tag are the same: the last one is
    /// over. What was captured before its end and comes out of order belongs to it.
    pub(crate) fn is_reused_by(&self, message: &Message<'_>, at: Time) -> bool {
        let outside = message.to().is_none_or(|to| to.tag.is_none());
        let invite = matches!(message.start(), StartLine::Request { method: Method::Invite, .. });
        // An INVITE comes again only until it is answered: after a BYE even the very same one is a new call.
        let ended_by_bye = matches!(self.end, Some(End::ByeCaller | End::ByeCallee));
        let newer = message.cseq().is_some_and(|cseq| cseq.number > self.invite);
        let later = self.ended_at.is_none_or(|ended_at| at > ended_at);
        invite && outside && later && self.phase == Phase::Over && (ended_by_bye || newer)
    }

    /// Takes in a message that `from` sent.
    pub(crate) fn handle_message(&mut self, message: &Message<'_>, from: Side, at: Time) {
        self.last_at = self.last_at.max(at);
        let Some(cseq) = message.cseq() else { return };
        match message.start() {
            StartLine::Request { method, .. } => self.handle_request(*method, cseq.number, message, from, at),
            StartLine::Status { code, .. } => match cseq.method {
                Method::Invite if cseq.number == self.invite => self.handle_answer(*code, message, at),
                Method::Bye if matches!(code, 401 | 407) => self.resume(),
                _ => {}
            },
        }
    }

    fn handle_request(&mut self, method: Method, number: u32, message: &Message<'_>, from: Side, at: Time) {
        match method {
            Method::Invite if number > self.invite && self.answered_at.is_none() && from == Side::Caller => {
                self.invite = number;
                self.phase = Phase::Calling;
                (self.ended_at, self.end) = (None, None);
                self.note_identities(message);
            }
            Method::Cancel if self.answered_at.is_none() && self.end.is_none() => {
                (self.ended_at, self.end) = (Some(at), Some(End::Cancel));
            }
            Method::Bye if self.phase != Phase::Over => {
                let end = if from == Side::Caller { End::ByeCaller } else { End::ByeCallee };
                (self.ended_at, self.end, self.phase) = (Some(at), Some(end), Phase::Over);
            }
            _ => {}
        }
    }

    fn handle_answer(&mut self, code: u16, message: &Message<'_>, at: Time) {
        if code > 100 && self.answered_at.is_none() {
            // Until one answers, the branch that spoke last (RFC 3261, section 12.1); a refusal has a tag as well.
            self.callee.tag = message.to().and_then(|to| to.tag).or(self.callee.tag.take());
        }
        match code {
            ..=100 => {}
            101..=199 => self.ringing_at = self.ringing_at.or(Some(at)),
            200..=299 => {
                if self.answered_at.is_none() && self.phase != Phase::Over {
                    // A 2xx that crossed a CANCEL answers the call all the same (RFC 3261, section 9.1).
                    (self.answered_at, self.ended_at, self.end) = (Some(at), None, None);
                    (self.phase, self.status_code) = (Phase::Answered, Some(code));
                    self.note_identities(message);
                }
            }
            _ if self.answered_at.is_some() => {}
            _ => {
                self.status_code = Some(code);
                if self.end == Some(End::Cancel) {
                    self.phase = Phase::Over;
                } else if self.phase == Phase::Calling {
                    (self.ended_at, self.end, self.phase) = (Some(at), Some(End::Rejected), Phase::Refused);
                }
            }
        }
    }

    /// A BYE that was asked for credentials ended nothing.
    fn resume(&mut self) {
        if self.phase == Phase::Over && self.answered_at.is_some() {
            (self.ended_at, self.end, self.phase) = (None, None, Phase::Answered);
        }
    }

    fn note_identities(&mut self, message: &Message<'_>) {
        for identity in message.named("P-Asserted-Identity").take(MOST_IDENTITIES) {
            if self.p_asserted.len() < MOST_IDENTITIES
                && !self.p_asserted.iter().any(|known| *known == identity)
            {
                self.p_asserted.push(identity.into_owned());
            }
        }
    }
}

fn weight_of(address: &NameAddress) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let parameters =
        address.parameters.iter().map(|(name, value)| PARAMETER_WEIGHT + name.len() + len(value));
    address.uri.len() + len(&address.display) + len(&address.tag) + parameters.sum::<usize>()
}

/// Two strings without their bytes.
const PARAMETER_WEIGHT: usize = 48;

/// What tells whose a message is: read once, and held against every call of its Call-ID.
#[derive(Debug)]
pub(crate) struct Tags {
    from: Option<String>,
    to: Option<String>,
    is_response: bool,
}

impl Tags {
    /// `None` where From or To is missing.
    pub(crate) fn of(message: &Message<'_>) -> Option<Tags> {
        let is_response = matches!(message.start(), StartLine::Status { .. });
        Some(Tags { from: message.from()?.tag, to: message.to()?.tag, is_response })
    }
}

/// An identity header has one value or two; what has more is not kept in full.
const MOST_IDENTITIES: usize = 8;
