//! What became of an INVITE and of the dialog that it set up (RFC 3261, sections 12, 13 and 15): a small machine that
//! takes messages and knows nothing of media.

use clock::Time;
use sip::{Message, Method, NameAddress, StartLine};

use crate::branch::{Branch, Branches};
use crate::hops::Hops;
use crate::identities::Identities;
use crate::join::{self, Joined};
use crate::redirect::Redirect;
use crate::session_timer::SessionTimer;
use crate::side::Side;
use crate::tags::Tags;

/// The state of a call's signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Invited, and no final response yet.
    Calling,
    /// Refused; the same caller may invite again, with credentials (401, 407), elsewhere (3xx) or otherwise.
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
    /// Nobody refreshed the session (RFC 4028), and no media came any more.
    SessionTimer,
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
    /// The Request-URI of the first INVITE; `None` where that was not seen.
    pub request_uri: Option<String>,
    /// Whom the signalling names beside those.
    pub identities: Identities,
    /// Where the caller was told to call instead.
    pub redirects: Vec<Redirect>,
    /// The session timer that was agreed upon last.
    pub session_timer: Option<SessionTimer>,
    /// When the first message came: the INVITE, unless the capture began later.
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
    /// The number of the newest INVITE that asks for the call; unknown where none was seen.
    invite: Option<u32>,
    hops: Hops,
    branches: Branches,
    /// Tags of a caller that took a new one to try again.
    former_tags: Vec<String>,
}

impl Dialog {
    /// A call that begins with `message`; `None` where no call begins with such a message, or it names no caller.
    pub(crate) fn begin(message: &Message<'_>, tags: &Tags, at: Time) -> Option<Dialog> {
        let Joined { joined_late, phase, invite } = join::joined(message, tags)?;
        let request_uri = match message.start() {
            StartLine::Request { method: Method::Invite, uri, .. } => Some(uri.to_string()),
            _ => None,
        };
        Some(Dialog {
            caller: message.from()?,
            callee: message.to()?,
            request_uri,
            joined_late,
            phase,
            invite,
            ..Dialog::unseen(message.call_id()?.into_owned(), at)
        })
    }

    /// The dialog of a call whose signalling was not seen: nothing but a name for it.
    pub(crate) fn unseen(call_id: String, at: Time) -> Dialog {
        Dialog {
            call_id,
            caller: NameAddress::default(),
            callee: NameAddress::default(),
            request_uri: None,
            identities: Identities::default(),
            redirects: Vec::new(),
            session_timer: None,
            invited_at: at,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            end: None,
            status_code: None,
            last_at: at,
            joined_late: true,
            phase: Phase::Calling,
            invite: None,
            hops: Hops::default(),
            branches: Branches::default(),
            former_tags: Vec::new(),
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
        let requester = if self.is_callers(from.as_ref()) {
            Side::Caller
        } else if self.is_callers(to.as_ref()) {
            Side::Callee
        } else {
            return None;
        };
        Some(if *is_response { requester.other() } else { requester })
    }

    fn is_callers(&self, tag: Option<&String>) -> bool {
        tag == self.caller.tag.as_ref() || tag.is_some_and(|tag| self.former_tags.contains(tag))
    }

    /// About how many bytes it holds, the table's key among them.
    pub(crate) fn weight(&self) -> usize {
        let tags = self.former_tags.iter().map(String::len).sum::<usize>();
        let redirects = self.redirects.iter().map(Redirect::weight).sum::<usize>();
        2 * self.call_id.len()
            + weight_of(&self.caller)
            + weight_of(&self.callee)
            + self.request_uri.as_ref().map_or(0, String::len)
            + self.identities.weight()
            + self.branches.weight()
            + self.hops.weight()
            + tags
            + redirects
    }

    /// Whether this INVITE, captured `at`, begins another call although Call-ID and tag are the same: the last one is
    /// over. What was captured before its end and comes out of order belongs to it.
    pub(crate) fn is_reused_by(&self, message: &Message<'_>, at: Time) -> bool {
        // An INVITE comes again only until it is answered: after a BYE even the very same one is a new call.
        let ended_by_bye = matches!(self.end, Some(End::ByeCaller | End::ByeCallee));
        let later = self.ended_at.is_none_or(|ended_at| at > ended_at);
        let is_over = later && self.phase == Phase::Over;
        is_invite_outside(message) && is_over && (ended_by_bye || self.is_newer(message))
    }

    /// Whether this INVITE, whose tag is unknown, is the refused caller's next try. Most keep their tag.
    pub(crate) fn is_retried_by(&self, message: &Message<'_>, tags: &Tags) -> bool {
        let unknown = tags.from.is_some() && !self.is_callers(tags.from.as_ref());
        let same_caller = || message.from().is_some_and(|from| from.uri == self.caller.uri);
        unknown && self.may_be_retried() && is_invite_outside(message) && same_caller()
    }

    /// The caller goes on under the tag of this message.
    pub(crate) fn go_on_as(&mut self, tags: &Tags) {
        let Some(former) = std::mem::replace(&mut self.caller.tag, tags.from.clone()) else { return };
        if self.former_tags.len() < MOST_FORMER_TAGS {
            self.former_tags.push(former);
        }
        self.invite = None;
    }

    /// Whether it was refused in a way that the caller's software may answer by itself with another INVITE.
    pub(crate) fn may_be_retried(&self) -> bool {
        let otherwise = |code| matches!(code, 300..=399 | 401 | 407 | 413..=422 | 488 | 491 | 494);
        self.phase == Phase::Refused && self.status_code.is_some_and(otherwise)
    }

    /// The early dialogs that did not become the call, once that is over; `over_by` is when those ended at the latest
    /// of which nothing more was heard.
    pub(crate) fn take_losers(&mut self, over_by: Time) -> Vec<Branch> {
        let winner = self.answered_at.and(self.callee.tag.as_deref());
        std::mem::take(&mut self.branches).losers(winner, self.answered_at.unwrap_or(over_by))
    }

    /// Takes in a message that `from` sent.
    pub(crate) fn handle_message(&mut self, message: &Message<'_>, tags: &Tags, from: Side, at: Time) {
        self.last_at = self.last_at.max(at);
        let Some(cseq) = message.cseq() else { return };
        match message.start() {
            StartLine::Request { method, .. } => {
                self.identities.note_user_agent(message, from, false);
                self.handle_request(*method, cseq.number, message, tags, from, at);
            }
            StartLine::Status { code, .. } => {
                let code = *code;
                if matches!((code, cseq.method), (200..=299, Method::Invite | Method::Update)) {
                    self.handle_refresh(message, tags, from, at);
                }
                match cseq.method {
                    Method::Invite if self.is_answer(cseq.number, tags, from) => {
                        self.handle_answer(code, message, tags.to.as_deref(), at);
                    }
                    Method::Bye if matches!(code, 401 | 407) => self.resume(),
                    _ => {}
                }
            }
        }
    }

    /// Whether a response is to the newest INVITE of the caller, and not to one that it has given up.
    fn is_answer(&self, number: u32, tags: &Tags, from: Side) -> bool {
        from == Side::Callee
            && tags.from == self.caller.tag
            && self.invite.is_none_or(|invite| invite == number)
    }

    fn is_newer(&self, message: &Message<'_>) -> bool {
        message.cseq().is_some_and(|cseq| self.invite.is_none_or(|invite| cseq.number > invite))
    }

    fn handle_request(
        &mut self,
        method: Method,
        number: u32,
        message: &Message<'_>,
        tags: &Tags,
        from: Side,
        at: Time,
    ) {
        match method {
            Method::Invite if from == Side::Caller && self.is_to_be_answered() => {
                self.handle_invite(number, message);
            }
            Method::Invite | Method::Update => self.identities.note(message),
            Method::Cancel if from == Side::Caller && !self.hops.is_inner(message) => self.handle_cancel(at),
            Method::Bye if self.phase != Phase::Over => self.handle_bye(tags, from, at),
            _ => {}
        }
    }

    fn is_to_be_answered(&self) -> bool {
        matches!(self.phase, Phase::Calling | Phase::Refused)
    }

    fn handle_invite(&mut self, number: u32, message: &Message<'_>) {
        if self.invite > Some(number) || (self.invite == Some(number) && self.phase != Phase::Calling) {
            // A straggler: the next try has a higher number.
            return;
        }
        self.identities.note(message);
        if self.invite.replace(number) == Some(number) {
            self.hops.note(message);
        } else {
            self.hops = Hops::default();
            self.hops.note(message);
            self.phase = Phase::Calling;
            (self.ended_at, self.end) = (None, None);
        }
    }

    fn handle_cancel(&mut self, at: Time) {
        if self.phase == Phase::Calling && self.end.is_none() {
            (self.ended_at, self.end) = (Some(at), Some(End::Cancel));
        }
    }

    /// A BYE ends its own early dialog, and the call with it where that is the call's.
    fn handle_bye(&mut self, tags: &Tags, from: Side, at: Time) {
        if let Some(tag) = tags.branch(from) {
            let known = self.branches.knows(tag);
            self.branches.end(tag, at);
            let answered = self.phase == Phase::Answered;
            let is_the_calls = if answered {
                self.callee.tag.as_deref() == Some(tag)
            } else {
                !self.branches.has_others(tag)
            };
            if known && !is_the_calls {
                return;
            }
        }
        let end = if from == Side::Caller { End::ByeCaller } else { End::ByeCallee };
        (self.ended_at, self.end, self.phase) = (Some(at), Some(end), Phase::Over);
    }

    fn handle_answer(&mut self, code: u16, message: &Message<'_>, tag: Option<&str>, at: Time) {
        if let Some(tag) = tag.filter(|_| code > 100) {
            self.branches.handle_response(tag, code, message, at);
        }
        match code {
            ..=100 => {}
            101..=199 => self.handle_ringing(message, tag, at),
            200..=299 => self.handle_success(code, message, tag, at),
            // A proxy may try on while one of its branches is refused; what it tells the caller counts.
            _ if self.phase != Phase::Calling || self.hops.is_inner(message) => {}
            _ => self.handle_refusal(code, message, tag, at),
        }
    }

    fn handle_ringing(&mut self, message: &Message<'_>, tag: Option<&str>, at: Time) {
        // Captures are out of order: it may come after the answer.
        self.ringing_at = self.ringing_at.or(Some(at));
        if self.phase == Phase::Calling {
            self.speak_with(tag);
            self.identities.note_user_agent(message, Side::Callee, false);
        }
    }

    fn handle_success(&mut self, code: u16, message: &Message<'_>, tag: Option<&str>, at: Time) {
        if !self.is_to_be_answered() {
            return;
        }
        // A 2xx that crossed a CANCEL answers the call all the same (RFC 3261, section 9.1).
        self.speak_with(tag);
        (self.answered_at, self.ended_at, self.end) = (Some(at), None, None);
        (self.phase, self.status_code) = (Phase::Answered, Some(code));
        self.identities.note(message);
        self.identities.note_user_agent(message, Side::Callee, true);
    }

    fn handle_refusal(&mut self, code: u16, message: &Message<'_>, tag: Option<&str>, at: Time) {
        self.status_code = Some(code);
        // A refusal has a tag as well.
        self.speak_with(tag);
        if matches!(code, 300..=399) && self.redirects.len() < MOST_REDIRECTS {
            self.redirects.push(Redirect::read(code, message, at));
        }
        if self.end == Some(End::Cancel) {
            self.phase = Phase::Over;
        } else {
            (self.ended_at, self.end, self.phase) = (Some(at), Some(End::Rejected), Phase::Refused);
        }
    }

    /// Until one answers, the branch that spoke last is the callee (RFC 3261, section 12.1).
    fn speak_with(&mut self, tag: Option<&str>) {
        if let Some(tag) = tag {
            self.callee.tag = Some(tag.to_owned());
        }
    }

    fn handle_refresh(&mut self, message: &Message<'_>, tags: &Tags, from: Side, at: Time) {
        let winner = self.answered_at.is_none() || tags.branch(from) == self.callee.tag.as_deref();
        if winner {
            self.session_timer = SessionTimer::after(self.session_timer, message, tags.requester(from), at);
        }
    }

    /// A BYE that was asked for credentials ended nothing.
    fn resume(&mut self) {
        if self.phase == Phase::Over && (self.answered_at.is_some() || self.joined_late) {
            (self.ended_at, self.end, self.phase) = (None, None, Phase::Answered);
        }
    }
}

fn is_invite_outside(message: &Message<'_>) -> bool {
    let invite = matches!(message.start(), StartLine::Request { method: Method::Invite, .. });
    invite && message.to().is_none_or(|to| to.tag.is_none())
}

fn weight_of(address: &NameAddress) -> usize {
    let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let parameters =
        address.parameters.iter().map(|(name, value)| PARAMETER_WEIGHT + name.len() + len(value));
    address.uri.len() + len(&address.display) + len(&address.tag) + parameters.sum::<usize>()
}

/// Two strings without their bytes.
const PARAMETER_WEIGHT: usize = 48;
/// Each is a refusal and another try.
const MOST_FORMER_TAGS: usize = 4;
/// RFC 3261 advises against five in a row.
const MOST_REDIRECTS: usize = 8;
