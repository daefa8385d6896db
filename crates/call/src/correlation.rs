//! What a call that is over says of its place in a conversation: the identifiers that its messages share with those of
//! other calls (RFC 7989, RFC 7315, headers of the site's own), whom it replaces (RFC 3891), who was sent on to whom
//! (RFC 3515, RFC 3892), and what its payloads are known by.
//!
//! It is read from the messages and packets that were kept, when the call is sealed. What other calls say, and what
//! follows from that, does not belong here.

use clock::Time;
use flow::{Address, Endpoint};
use rtp::Medium;
use sdp::MediaKind;
use sip::{HeaderName, Message, Method, NameAddress, ReferTo, Replaces, SessionUuid, StartLine};

use crate::call::Call;
use crate::payload_print::Print;
use crate::side::{Both, Side};

/// What a call says of its place in a conversation.
#[derive(Clone, Debug)]
pub struct Correlation {
    pub(crate) call_id: String,
    pub(crate) tags: Both<String>,
    pub(crate) invited_at: Time,
    /// Who calls, and whom: by From, and by To and the Request-URI.
    pub(crate) caller: Party,
    pub(crate) callee: Party,
    pub(crate) called: [Party; 2],
    /// Where each side signals.
    pub(crate) hosts: Both<Option<Address>>,
    pub(crate) keys: Vec<Key>,
    pub(crate) replaces: Option<Replaces>,
    pub(crate) referred_by: Option<Party>,
    pub(crate) refers: Vec<Refer>,
    pub(crate) prints: Vec<Print>,
}

/// What calls of one conversation have in common.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    Session(SessionUuid),
    Icid(String),
    /// A header by its place among those that are configured, and its value.
    Header(usize, String),
}

/// The user and host of a URI, in lower case where case says nothing.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Party {
    pub(crate) user: String,
    pub(crate) host: String,
}

/// One side asked the other to call somebody.
#[derive(Clone, Debug)]
pub(crate) struct Refer {
    pub(crate) at: Time,
    pub(crate) by: Side,
    pub(crate) target: Party,
    pub(crate) replaces: Option<Replaces>,
    number: u32,
}

impl Correlation {
    /// Reads what `call` says; `headers` are those whose values name a conversation.
    #[must_use]
    pub fn of(call: &Call, headers: &[String], medium: &dyn Medium) -> Correlation {
        let dialog = &call.dialog;
        let tag = |party: &NameAddress| party.tag.clone().unwrap_or_default();
        let host = |endpoint: Option<Endpoint>| endpoint.map(|endpoint| endpoint.address);
        let mut correlation = Correlation {
            call_id: dialog.call_id.clone(),
            tags: Both { caller: tag(&dialog.caller), callee: tag(&dialog.callee) },
            invited_at: dialog.invited_at,
            caller: Party::of(&dialog.caller),
            callee: Party::of(&dialog.callee),
            called: [
                Party::of(&dialog.callee),
                Party::of(&NameAddress::read(dialog.request_uri.as_deref().unwrap_or_default())),
            ],
            hosts: Both { caller: host(call.signalling.caller), callee: host(call.signalling.callee) },
            keys: Vec::new(),
            replaces: call.replaces.clone(),
            referred_by: None,
            refers: Vec::new(),
            prints: prints(call, medium),
        };
        for kept in call.messages.iter().filter(|kept| !kept.retransmission) {
            let payload = kept.frame.get(kept.payload_at..).unwrap_or_default();
            if let Ok(message) = Message::read(payload) {
                correlation.note(&message, kept.at, headers);
            }
        }
        correlation
    }

    /// About how many bytes it holds, its prints aside.
    pub(crate) fn weight(&self) -> usize {
        let keys = self.keys.iter().map(|key| match key {
            Key::Session(_) => KEY_WEIGHT,
            Key::Icid(text) | Key::Header(_, text) => KEY_WEIGHT + 2 * text.len(),
        });
        let replaces = |replaces: &Option<Replaces>| {
            replaces.as_ref().map_or(0, |r| 2 * r.call_id.len() + r.to_tag.len() + r.from_tag.len())
        };
        let party = |party: &Party| 2 * party.user.len() + party.host.len();
        let refers = self
            .refers
            .iter()
            .map(|refer| size_of::<Refer>() + KEY_WEIGHT + party(&refer.target) + replaces(&refer.replaces));
        let parties = [&self.caller, &self.callee].into_iter().chain(&self.called).chain(&self.referred_by);
        size_of::<Correlation>()
            + 2 * self.call_id.len()
            + self.tags.caller.len()
            + self.tags.callee.len()
            + replaces(&self.replaces)
            + keys.chain(refers).chain(parties.map(party)).sum::<usize>()
    }

    /// The URI of one side.
    pub(crate) fn party(&self, side: Side) -> &Party {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    fn note(&mut self, message: &Message<'_>, at: Time, headers: &[String]) {
        for value in message.header(HeaderName::SessionId) {
            SessionUuid::of(&value).for_each(|uuid| self.add_key(Key::Session(uuid)));
        }
        for value in message.header(HeaderName::PChargingVector) {
            if let Some(icid) = sip::charging_vector::icid(&value) {
                self.add_key(Key::Icid(icid));
            }
        }
        for (place, name) in headers.iter().enumerate() {
            for value in message.named(name).filter(|value| !value.is_empty()) {
                self.add_key(Key::Header(place, value.into_owned()));
            }
        }
        match message.start() {
            StartLine::Request { method: Method::Invite, .. } if self.referred_by.is_none() => {
                self.referred_by = message.addresses(HeaderName::ReferredBy).next().map(|by| Party::of(&by));
            }
            StartLine::Request { method: Method::Refer, .. } => self.note_refer(message, at),
            StartLine::Status { code: 300.., .. } => self.forget_refused(message),
            _ => {}
        }
    }

    fn note_refer(&mut self, message: &Message<'_>, at: Time) {
        let Some(value) = message.header(HeaderName::ReferTo).next() else { return };
        let ReferTo { target, replaces } = ReferTo::read(&value);
        let (Some(from), Some(cseq)) = (message.from(), message.cseq()) else { return };
        let by = if from.tag.unwrap_or_default() == self.tags.caller { Side::Caller } else { Side::Callee };
        if self.refers.len() < MOST_REFERS {
            self.refers.push(Refer { at, by, target: Party::of(&target), replaces, number: cseq.number });
        }
    }

    /// A REFER that was refused sends nobody anywhere.
    fn forget_refused(&mut self, message: &Message<'_>) {
        if let Some(cseq) = message.cseq().filter(|cseq| cseq.method == Method::Refer) {
            self.refers.retain(|refer| refer.number != cseq.number);
        }
    }

    fn add_key(&mut self, key: Key) {
        let is_short = match &key {
            Key::Session(_) => true,
            Key::Icid(text) | Key::Header(_, text) => text.len() <= LONGEST_KEY,
        };
        if is_short && self.keys.len() < MOST_KEYS && !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }
}

impl Party {
    pub(crate) fn of(address: &NameAddress) -> Party {
        Party {
            user: address.user().unwrap_or_default().to_owned(),
            host: address.host().unwrap_or_default().to_ascii_lowercase(),
        }
    }
}

/// Of the audio that was heard; video of one call is enough to hold its own in bytes.
fn prints(call: &Call, medium: &dyn Medium) -> Vec<Print> {
    let of_side = |side: Side| {
        let audio = call.legs.of(side).iter().filter(|matched| matched.kind == MediaKind::Audio);
        audio.filter_map(move |matched| Print::of(&matched.stream, side, medium))
    };
    Side::BOTH.into_iter().flat_map(of_side).take(MOST_PRINTS).collect()
}

/// A key in its tables.
const KEY_WEIGHT: usize = 64;
/// A value that is longer names nothing.
const LONGEST_KEY: usize = 256;
const MOST_KEYS: usize = 16;
const MOST_REFERS: usize = 8;
const MOST_PRINTS: usize = 16;
