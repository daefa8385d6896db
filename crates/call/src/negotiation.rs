//! What the session descriptions of a call say: where each side receives, in which formats, from when on, and who holds
//! whom (RFC 3264, RFC 8866).

use clock::Time;
use flow::{Address, Endpoint};
use sdp::{Direction, Format, MediaKind, Session};
use sip::{Message, Method, StartLine};

use crate::side::{Both, Side};

/// How an endpoint came to be named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Naming {
    /// By the description's own address and port.
    Description,
    /// The description's port at the host that sent it: its address is private or another one (NAT).
    SignallingHost,
    /// By an ICE candidate.
    Candidate,
}

/// An endpoint at which a side said it receives media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    /// Where.
    pub(crate) endpoint: Endpoint,
    /// How it was named.
    pub(crate) naming: Naming,
    /// What kind of media.
    pub(crate) kind: MediaKind,
}

/// What one description brought.
#[derive(Clone, Default, Debug)]
pub(crate) struct Brought {
    /// Endpoints to listen for.
    pub(crate) named: Vec<Named>,
    /// Endpoints at which RTCP is received (RFC 3605), where they are not the port beside.
    pub(crate) rtcp: Vec<Endpoint>,
    /// Sources that announce themselves (RFC 5576): SSRC and canonical name.
    pub(crate) sources: Vec<(u32, Option<String>)>,
}

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
    epochs: Vec<Epoch>,
    /// The transaction whose request carried a description: what comes back in it is the answer.
    offered: Option<(u32, Side)>,
}

#[derive(Clone, Debug)]
struct Described {
    at: Time,
    formats: Vec<Format>,
    named: Vec<Named>,
    direction: Direction,
    secure: bool,
    unspecified: bool,
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
        let brought = brought(session, signalling);
        let audio = session.media.iter().find(|media| media.kind == MediaKind::Audio && !media.is_rejected());
        let formats =
            session.media.iter().filter(|media| !media.is_rejected()).flat_map(|media| media.formats.clone());
        let described = Described {
            at,
            formats: formats.collect(),
            named: brought.named.clone(),
            direction: audio.map_or(Direction::Inactive, |media| media.direction),
            secure: audio.is_some_and(sdp::Media::is_secure),
            unspecified: audio
                .and_then(|media| media.address)
                .is_some_and(|address| address.is_unspecified()),
        };
        let history = self.sides.of_mut(side);
        if history.len() < MOST_DESCRIPTIONS {
            history.push(described);
        }
        if self.is_answer(message, side) {
            self.begin_epoch(at);
        }
        brought
    }

    /// RFC 3264 and RFC 6337: a description in a response answers the one in its request, if that had one; the ACK
    /// and the PRACK carry the answer to an offer that came in a response.
    fn is_answer(&mut self, message: &Message<'_>, side: Side) -> bool {
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        match message.start() {
            StartLine::Request { method: Method::Ack | Method::Prack, .. } => self.offered.take().is_some(),
            StartLine::Request { .. } => {
                self.offered = Some((number, side));
                false
            }
            StartLine::Status { .. } if self.offered == Some((number, side.other())) => true,
            StartLine::Status { .. } => {
                self.offered = Some((number, side));
                false
            }
        }
    }

    fn begin_epoch(&mut self, from: Time) {
        // One-way media from the start is an announcement, not a hold.
        let first = self.epochs.is_empty();
        let hold = match (self.holds(Side::Caller, first), self.holds(Side::Callee, first)) {
            (false, false) => Hold::None,
            (true, false) => Hold::Caller,
            (false, true) => Hold::Callee,
            (true, true) => Hold::Both,
        };
        let repeated =
            self.epochs.last().is_some_and(|last| last.hold == hold && !first && self.same_endpoints());
        if !repeated && self.epochs.len() < MOST_DESCRIPTIONS {
            self.epochs.push(Epoch { from, hold });
        }
    }

    fn holds(&self, side: Side, first: bool) -> bool {
        let Some(latest) = self.sides.of(side).last() else { return false };
        let sends_only = latest.direction == Direction::SendOnly && !first;
        sends_only || latest.direction == Direction::Inactive || latest.unspecified
    }

    /// Whether neither side moved since the description before: the 200 repeats what the 183 said.
    fn same_endpoints(&self) -> bool {
        Side::BOTH.iter().all(|&side| match self.sides.of(side).as_slice() {
            [.., before, latest] => before.named == latest.named && before.direction == latest.direction,
            _ => true,
        })
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

    /// From when on no description changed anything any more.
    #[must_use]
    pub fn settled_at(&self) -> Time {
        let latest = Side::BOTH.iter().filter_map(|&side| self.sides.of(side).last());
        latest.map(|described| described.at).max().unwrap_or_default()
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

    /// How `side` named `endpoint`, if it did.
    #[must_use]
    pub fn naming(&self, side: Side, endpoint: Endpoint) -> Option<Naming> {
        let all = self.sides.of(side).iter().flat_map(|described| &described.named);
        all.filter(|named| named.endpoint == endpoint).map(|named| named.naming).min()
    }

    /// Whether `side` named some endpoint at `address`.
    #[must_use]
    pub fn names_address(&self, side: Side, address: Address) -> bool {
        self.sides
            .of(side)
            .iter()
            .flat_map(|described| &described.named)
            .any(|named| named.endpoint.address == address)
    }

    /// Whether `side` sent a description at all.
    #[must_use]
    pub fn is_described(&self, side: Side) -> bool {
        !self.sides.of(side).is_empty()
    }
}

impl Described {
    fn format(&self, number: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == number)
    }
}

fn brought(session: &Session, signalling: Address) -> Brought {
    let mut brought = Brought::default();
    for media in session.media.iter().filter(|media| !media.is_rejected()) {
        let described = media.address.map(Address::from).filter(|address| !address.is_unspecified());
        let mut name = |address, port, naming| {
            let named = Named { endpoint: Endpoint::new(address, port), naming, kind: media.kind };
            if !brought.named.contains(&named) {
                brought.named.push(named);
            }
        };
        if let Some(address) = described {
            name(address, media.port, Naming::Description);
        }
        if described != Some(signalling) {
            name(signalling, media.port, Naming::SignallingHost);
        }
        for candidate in media.candidates.iter().filter(|candidate| candidate.component == RTP_COMPONENT) {
            name(candidate.address.into(), candidate.port, Naming::Candidate);
        }
        if let Some((address, port)) = media.rtcp {
            let host = address.map(Address::from).or(described).unwrap_or(signalling);
            brought.rtcp.push(Endpoint::new(host, port));
        }
        brought.sources.extend(media.ssrcs.iter().map(|source| (source.ssrc, source.cname.clone())));
    }
    brought
}

/// Component 1 of a candidate is RTP, 2 is RTCP (RFC 8839).
const RTP_COMPONENT: u8 = 1;
/// A call that is negotiated anew each second for five minutes; beyond it the first ones stand.
const MOST_DESCRIPTIONS: usize = 300;
