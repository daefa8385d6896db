//! What the session descriptions of a call say: where each side receives, in which formats, from when on, and who holds
//! whom (RFC 3264, RFC 8866).

use std::hash::BuildHasher;

use clock::Time;
use flow::{Address, Endpoint};
use foldhash::fast::FixedState;
use sdp::{Crypto, Direction, Format, MediaKind, Session};
use sip::{Message, Method, StartLine};

use crate::brought::{Brought, Named, Naming};
use crate::described::{Described, formats};
use crate::kinds::Kinds;
use crate::side::{Both, Side};

/// Who holds whom.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Hold {
    /// Nobody.
    #[default]
    None,
    /// The caller holds the callee.
    Caller,
    /// The callee holds the caller.
    Callee,
    /// Each the other.
    Both,
}

impl Hold {
    const fn by(caller: bool, callee: bool) -> Hold {
        match (caller, callee) {
            (false, false) => Hold::None,
            (true, false) => Hold::Caller,
            (false, true) => Hold::Callee,
            (true, true) => Hold::Both,
        }
    }
}

/// A span in which one offer and answer hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Epoch {
    /// When the answer came.
    pub from: Time,
    /// Who holds whom.
    pub hold: Hold,
}

/// The descriptions of both sides, in time.
#[derive(Clone, Default, Debug)]
pub struct Negotiation {
    sides: Both<Vec<Described>>,
    /// Every endpoint that a side named, in order, with the strongest way in which it did and when it first did so.
    named: Both<Vec<(Endpoint, Naming, Time)>>,
    /// Which kind of media each side's sources and payload types belong to.
    kinds: Both<Kinds>,
    /// Whether a side's latest description moved its media: another endpoint or direction.
    moved: Both<bool>,
    /// Formats in all the descriptions of a side.
    formats: Both<usize>,
    weight: usize,
    epochs: Vec<Epoch>,
    /// Whether both sides once agreed on T.38.
    is_fax: bool,
    /// Every key that a side named for what it sends, in order.
    keys: Both<Vec<Crypto>>,
    /// Each side's offer that may still be answered. Both may have one: then they glare, and both are refused.
    offers: Both<Option<Offer>>,
    /// What the caller said before any callee did, which every early dialog begins with.
    invited: Invited,
}

/// An offer under way.
#[derive(Clone, Copy, Debug)]
struct Offer {
    /// The number of its transaction: what comes back in it is the answer.
    number: u32,
    /// The place of its first copy among its side's descriptions: on another hop it may name another address. `None`
    /// where it only repeats the one before.
    place: Option<usize>,
}

/// What an INVITE outside of any dialog offered.
#[derive(Clone, Copy, Default, Debug)]
struct Invited {
    /// The offer.
    offer: Option<Offer>,
    /// How many descriptions the caller had sent with it.
    descriptions: usize,
}

impl Negotiation {
    /// Takes in the description that `side` sent in `message` from the host `signalling`.
    pub(crate) fn handle_description(
        &mut self,
        session: &Session,
        message: &Message<'_>,
        side: Side,
        signalling: Address,
        at: Time,
    ) -> Brought {
        let brought = Brought::by(session, signalling);
        let wanted = session.media.iter().find(|media| !media.is_rejected());
        let audio = session.media.iter().find(|media| media.kind == MediaKind::Audio && !media.is_rejected());
        let described = Described {
            at,
            formats: formats(session),
            endpoints: FixedState::default().hash_one(&brought.named),
            // A fax is not held because its audio stopped.
            direction: audio.or(wanted).map_or(Direction::Inactive, |media| media.direction),
            secure: audio.is_some_and(sdp::Media::is_secure),
            fax: session.media.iter().any(|media| media.is_fax() && !media.is_rejected()),
            unspecified: audio
                .and_then(|media| media.address)
                .is_some_and(|address| address.is_unspecified()),
        };
        self.note_named(side, &brought.named, at);
        self.kinds.of_mut(side).note(session);
        self.note_keys(side, session);
        let place = self.note(side, described);
        if self.is_answer(message, side, place) {
            self.begin_epoch(at, side);
        }
        brought
    }

    /// An offer that `offerer` made in the transaction `number` was refused: what was agreed upon before holds on.
    pub(crate) fn handle_refusal(&mut self, offerer: Side, number: u32) {
        let Some(offer) = self.offers.of_mut(offerer).take_if(|offer| offer.number == number) else { return };
        let history = self.sides.of_mut(offerer);
        // The very first offer has nothing before it to go back to.
        let Some(place) = offer.place.filter(|&place| place > 0 && place < history.len()) else { return };
        for refused in history.drain(place..) {
            *self.formats.of_mut(offerer) -= refused.formats.len();
            self.weight -= refused.weight();
        }
        *self.moved.of_mut(offerer) = false;
    }

    /// What another early dialog begins with: the offers of the INVITE, and nothing that a callee said to them.
    pub(crate) fn of_another_branch(&self) -> Negotiation {
        let mut other = Negotiation { invited: self.invited, ..Negotiation::default() };
        other.named.caller.clone_from(&self.named.caller);
        other.kinds.caller.clone_from(&self.kinds.caller);
        other.keys.caller.clone_from(&self.keys.caller);
        other.offers.caller = self.invited.offer;
        let invited = self.sides.caller.iter().take(self.invited.descriptions);
        other.sides.caller = invited.cloned().collect();
        other.formats.caller = other.sides.caller.iter().map(|described| described.formats.len()).sum();
        let keys = other.keys.caller.iter().map(weight_of_key).sum::<usize>();
        other.weight = keys + other.sides.caller.iter().map(Described::weight).sum::<usize>();
        other
    }

    /// Keeps the description unless it only repeats the one before: a session timer sends the same one for hours.
    /// Gives its place among those of its side.
    fn note(&mut self, side: Side, described: Described) -> Option<usize> {
        let history = self.sides.of_mut(side);
        let last = history.last();
        *self.moved.of_mut(side) = last.is_some_and(|last| last.moves_to(&described));
        if last.is_some_and(|last| last.is_repeated_by(&described)) {
            return None;
        }
        let formats = self.formats.of_mut(side);
        if history.len() >= MOST_DESCRIPTIONS || *formats + described.formats.len() > MOST_FORMATS {
            return None;
        }
        *formats += described.formats.len();
        self.weight += described.weight();
        history.push(described);
        Some(history.len() - 1)
    }

    /// Notes endpoints that `side` was found to receive at.
    pub(crate) fn note_named(&mut self, side: Side, named: &[Named], at: Time) {
        let known = self.named.of_mut(side);
        for &Named { endpoint, naming, .. } in named {
            match known.binary_search_by_key(&endpoint, |&(endpoint, ..)| endpoint) {
                Ok(place) => {
                    if let Some(known) = known.get_mut(place).filter(|(_, known, _)| naming < *known) {
                        *known = (endpoint, naming, at);
                    }
                }
                Err(place) if known.len() < MOST_ENDPOINTS => known.insert(place, (endpoint, naming, at)),
                Err(_) => {}
            }
        }
    }

    fn note_keys(&mut self, side: Side, session: &Session) {
        let known = self.keys.of_mut(side);
        for key in session.media.iter().flat_map(|media| &media.crypto) {
            if known.len() < MOST_KEYS && !known.contains(key) {
                self.weight += weight_of_key(key);
                known.push(key.clone());
            }
        }
    }

    /// The keys by which `side` may have encrypted what it sent (RFC 4568): each offers its own.
    #[must_use]
    pub fn keys(&self, side: Side) -> &[Crypto] {
        self.keys.of(side)
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let named = self.named.caller.len() + self.named.callee.len();
        let kinds = self.kinds.caller.weight() + self.kinds.callee.weight();
        self.weight
            + kinds
            + named * size_of::<(Endpoint, Naming, Time)>()
            + self.epochs.len() * size_of::<Epoch>()
    }

    /// RFC 3264 and RFC 6337: a description in a response answers the one in its request, if that had one; the ACK
    /// and the PRACK carry the answer to an offer that came in a response. A PRACK may also offer (RFC 3262, section 5).
    fn is_answer(&mut self, message: &Message<'_>, side: Side, place: Option<usize>) -> bool {
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let others = self.offers.of_mut(side.other());
        match message.start() {
            StartLine::Request { method: Method::Ack, .. } => others.take().is_some(),
            StartLine::Request { method: Method::Prack, .. } if others.take().is_some() => true,
            // The answer may be told again, by the 200 after the 183.
            StartLine::Status { .. } if others.is_some_and(|other| other.number == number) => true,
            start => {
                let own = self.offers.of_mut(side);
                let first = own.filter(|own| own.number == number).and_then(|own| own.place);
                let offer = Offer { number, place: first.or(place) };
                *own = Some(offer);
                let outside = || message.to().is_none_or(|to| to.tag.is_none());
                if matches!(start, StartLine::Request { method: Method::Invite, .. }) && outside() {
                    let descriptions = self.sides.of(side).len();
                    self.invited = Invited { offer: Some(offer), descriptions };
                }
                false
            }
        }
    }

    fn begin_epoch(&mut self, from: Time, answerer: Side) {
        self.is_fax |=
            Side::BOTH.iter().all(|&side| self.sides.of(side).last().is_some_and(|described| described.fax));
        // One-way media from the start is an announcement, not a hold.
        let first = self.epochs.is_empty();
        let holds = |side| self.holds(side, first, side == answerer);
        let hold = Hold::by(holds(Side::Caller), holds(Side::Callee));
        let repeated =
            self.epochs.last().is_some_and(|last| last.hold == hold && !first && self.same_endpoints());
        if !repeated && self.epochs.len() < MOST_DESCRIPTIONS {
            self.epochs.push(Epoch { from, hold });
        }
    }

    /// Whether `side` holds the other by its latest description. To an offer that does not send, no answer could be
    /// but one that does not listen: it says nothing new.
    fn holds(&self, side: Side, first: bool, answers: bool) -> bool {
        let Some(latest) = self.sides.of(side).last() else { return false };
        let offered = || self.sides.of(side.other()).last().map(|described| described.direction);
        match latest.direction {
            _ if latest.unspecified => true,
            Direction::SendOnly => !first,
            Direction::Inactive if answers && offered().is_some_and(|offered| !offered.sends()) => {
                self.is_held_by(side)
            }
            Direction::Inactive => true,
            Direction::SendRecv | Direction::RecvOnly => false,
        }
    }

    /// Whether `side` holds the other by what was agreed upon last.
    fn is_held_by(&self, side: Side) -> bool {
        let own = if side == Side::Caller { Hold::Caller } else { Hold::Callee };
        self.epochs.last().is_some_and(|epoch| epoch.hold == own || epoch.hold == Hold::Both)
    }

    /// Whether anybody holds by what was agreed upon last: silence is then no sign of an end.
    pub(crate) fn is_on_hold(&self) -> bool {
        self.epochs.last().is_some_and(|epoch| epoch.hold != Hold::None)
    }

    /// Whether neither side moved since the description before: the 200 repeats what the 183 said.
    fn same_endpoints(&self) -> bool {
        !self.moved.caller && !self.moved.callee
    }

    /// The spans of the call, in order.
    #[must_use]
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Whether the audio is encrypted (SRTP): keys may be offered on plain RTP, and count only if they are taken.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        let mut latest = Side::BOTH.iter().filter_map(|&side| self.sides.of(side).last()).peekable();
        latest.peek().is_some() && latest.all(|described| described.secure)
    }

    /// Whether the parties at some time agreed to send a fax by T.38 (ITU-T T.38, annex D).
    #[must_use]
    pub const fn is_fax(&self) -> bool {
        self.is_fax
    }

    /// When the descriptions came, in order: between two of these times no payload type changes its meaning.
    #[must_use]
    pub fn changes(&self) -> Vec<Time> {
        let described = Side::BOTH.iter().flat_map(|&side| self.sides.of(side));
        let mut changes: Vec<Time> = described.map(|described| described.at).collect();
        changes.sort_unstable();
        changes
    }

    /// What payload type `number` means in a stream that `receiver` was sent at `at`: the receiver's description
    /// rules, for it says what it takes; where it is silent the sender's helps.
    #[must_use]
    pub fn format(&self, receiver: Side, number: u8, at: Time) -> Option<&Format> {
        let known = |side: Side| {
            let history = self.sides.of(side);
            let current = history.iter().rposition(|described| described.at <= at).unwrap_or(0);
            // The newest that knows it: a packet under way may still follow the description before.
            let (past, future) = history.split_at_checked(current + 1)?;
            past.iter().rev().chain(future).find_map(|described| described.format(number))
        };
        known(receiver).or_else(|| known(receiver.other()))
    }

    /// How `side` named `endpoint`, if it did, and since when.
    #[must_use]
    pub fn naming(&self, side: Side, endpoint: Endpoint) -> Option<(Naming, Time)> {
        let named = self.named.of(side);
        let at = named.binary_search_by_key(&endpoint, |&(endpoint, ..)| endpoint).ok()?;
        named.get(at).map(|&(_, naming, since)| (naming, since))
    }

    /// What a stream of `sender` carries that goes where media of the kind `named` is received: several kinds may share
    /// an endpoint (RFC 9143), and are told by the source or the payload type.
    pub(crate) fn kind(&self, sender: Side, ssrc: u32, number: u8, named: MediaKind) -> MediaKind {
        let announced = self.kinds.of(sender).of_source(ssrc);
        announced.unwrap_or_else(|| {
            let described = |kind| Side::BOTH.iter().any(|&side| self.kinds.of(side).has(kind, number));
            let others = [MediaKind::Audio, MediaKind::Video];
            let kinds = std::iter::once(named).chain(others);
            kinds.into_iter().find(|&kind| described(kind)).unwrap_or(named)
        })
    }

    /// Whether a sender may be thought to send `number`: a description has it, or RFC 3551 gives it a meaning that
    /// needs no description.
    pub(crate) fn is_plausible(&self, number: u8) -> bool {
        let described = Side::BOTH.iter().any(|&side| self.kinds.of(side).has_any(number));
        let all_said = Side::BOTH.iter().all(|&side| self.is_described(side));
        described || is_static_audio(number) || !all_said
    }

    /// How much media `receiver` asked for in a packet.
    pub(crate) fn ptime_ms(&self, receiver: Side) -> Option<u32> {
        self.kinds.of(receiver).ptime_ms
    }

    /// Every endpoint that `side` named, in order, with how it did so and since when.
    pub fn named(&self, side: Side) -> impl Iterator<Item = (Endpoint, Naming, Time)> {
        self.named.of(side).iter().copied()
    }

    /// Whether `side` named some endpoint at `address`.
    #[must_use]
    pub fn names_address(&self, side: Side, address: Address) -> bool {
        let named = self.named.of(side);
        let at = named.partition_point(|(endpoint, ..)| endpoint.address < address);
        named.get(at).is_some_and(|(endpoint, ..)| endpoint.address == address)
    }

    /// Whether `side` sent a description at all.
    #[must_use]
    pub fn is_described(&self, side: Side) -> bool {
        !self.sides.of(side).is_empty()
    }
}

fn weight_of_key(key: &Crypto) -> usize {
    size_of::<Crypto>() + key.suite.len() + key.key_params.len()
}

/// What `number` may be in the audio of a sender that says nothing (RFC 3551, table 4).
fn is_static_audio(number: u8) -> bool {
    matches!(number, 0 | 3 | 4 | 8 | 9 | 13 | 15 | 18)
}

/// Endpoints that are known of one side.
const MOST_ENDPOINTS: usize = 512;
/// A call that is negotiated anew each second for five minutes; beyond it the first ones stand.
const MOST_DESCRIPTIONS: usize = 300;
/// Keys of one side: a dozen suites, and new ones with each description of some.
const MOST_KEYS: usize = 64;
/// Formats of those: a dozen each is usual.
const MOST_FORMATS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brought::MOST_NAMED;

    const INVITE: &[u8] = b"INVITE sip:b@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
    const OK: &[u8] = b"SIP/2.0 200 OK\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";

    fn describe(negotiation: &mut Negotiation, message: &[u8], side: Side, at_s: i64, body: &str) -> Brought {
        let session = Session::read(body.as_bytes()).unwrap();
        let message = Message::read(message).unwrap();
        let host = Address::v4([192, 0, 2, 9]);
        negotiation.handle_description(&session, &message, side, host, Time::from_parts(at_s, 0))
    }

    fn body(media: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}")
    }

    #[test]
    fn a_session_timer_adds_nothing_and_the_hold_after_hours_of_it_is_seen() {
        let mut negotiation = Negotiation::default();
        for n in 0..1000 {
            describe(&mut negotiation, INVITE, Side::Caller, n, &body("m=audio 4000 RTP/AVP 0\r\n"));
            describe(&mut negotiation, OK, Side::Callee, n, &body("m=audio 6000 RTP/AVP 0\r\n"));
        }
        assert_eq!((negotiation.epochs().len(), negotiation.changes()), (1, vec![Time::from_parts(0, 0); 2]));
        let hold = body("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n");
        describe(&mut negotiation, INVITE, Side::Caller, 1000, &hold);
        describe(&mut negotiation, OK, Side::Callee, 1000, &body("m=audio 6000 RTP/AVP 8\r\na=recvonly\r\n"));
        assert_eq!(negotiation.epochs().last().map(|epoch| epoch.hold), Some(Hold::Caller));
        assert!(negotiation.format(Side::Caller, 8, Time::from_parts(1001, 0)).is_some());
    }

    #[test]
    fn a_call_that_names_ever_new_endpoints_and_formats_stays_small() {
        let mut negotiation = Negotiation::default();
        for n in 0..2000u32 {
            let formats: String = (0..100).map(|format| format!(" {format}")).collect();
            let mut media: String =
                (0..60).map(|m| format!("m=audio {} RTP/AVP{formats}\r\n", 1024 + n + m)).collect();
            for m in 0..60u32 {
                let [_, a, b, c] = (n * 60 + m).to_be_bytes();
                media += &format!("a=candidate:1 1 UDP 1 10.{a}.{b}.{c} 2000 typ host\r\n");
            }
            let brought = describe(&mut negotiation, INVITE, Side::Caller, n.into(), &body(&media));
            assert!(brought.named.len() <= MOST_NAMED);
            assert_eq!(brought.named.iter().filter(|named| named.naming == Naming::Description).count(), 60);
        }
        assert!(negotiation.weight() < 1 << 20, "{} bytes", negotiation.weight());
        let first = Endpoint::new(Address::v4([192, 0, 2, 1]), 1024);
        let named = negotiation.naming(Side::Caller, first);
        assert_eq!(named, Some((Naming::Description, Time::from_parts(0, 0))));
        assert!(negotiation.names_address(Side::Caller, first.address));
        assert!(!negotiation.names_address(Side::Caller, Address::v4([192, 0, 2, 2])));
    }
}
