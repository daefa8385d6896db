//! What a forked call's early dialogs negotiate, each for itself, until one of them becomes the call; and whose early
//! media was whose, once that is over.
//!
//! While nobody has answered the call's own negotiation is that of all branches together, so that the matcher finds the
//! media of each. From the answer on it is the winner's alone.

use clock::Time;
use sdp::Session;
use sip::{Message, StartLine};

use crate::arrival::Arrival;
use crate::branch::{Branch, MOST_BRANCHES};
use crate::brought::Brought;
use crate::call::Matched;
use crate::dialog::{Dialog, Phase};
use crate::negotiation::Negotiation;
use crate::side::{Both, Side};
use crate::tags::Tags;

/// An early dialog that did not become the call.
#[derive(Debug)]
pub struct Fork {
    /// The dialog.
    pub branch: Branch,
    /// What was negotiated in it.
    pub negotiation: Negotiation,
    /// Each side's streams in it, in the order of their first packets.
    pub legs: Both<Vec<Matched>>,
}

/// The negotiations of a call's early dialogs.
#[derive(Default, Debug)]
pub(crate) struct Forks {
    /// The callee's tag in the early dialog that was described first: as long as it is alone the call's negotiation is
    /// its own.
    first: Option<String>,
    /// From the second on, each with its tag; after the answer those that lost.
    own: Vec<(String, Negotiation)>,
    /// Whether the call's negotiation is that of the one who answered.
    settled: bool,
}

impl Forks {
    /// Takes in a description that `sender` sent, after the dialog took in its message.
    pub(crate) fn handle_description(
        &mut self,
        call: &mut Negotiation,
        dialog: &Dialog,
        (session, message, tags): (&Session, &Message<'_>, &Tags),
        sender: Side,
        arrival: &Arrival<'_>,
    ) -> Brought {
        let winner = dialog.answered_at.and(dialog.callee.tag.as_deref());
        let host = arrival.flow.source.address;
        let describe = |negotiation: &mut Negotiation| {
            negotiation.handle_description(session, message, sender, host, arrival.at)
        };
        let Some(tag) = tags.branch(sender) else { return describe(call) };
        if self.settled && winner == Some(tag) || !self.begin(call, tag, winner) {
            return describe(call);
        }
        let Some((_, own)) = self.own.iter_mut().find(|(known, _)| known == tag) else {
            return describe(call);
        };
        let brought = describe(own);
        if !self.settled {
            describe(call);
            self.settle(call, winner);
        }
        brought
    }

    /// Whether the early dialog `tag` has a negotiation of its own, which it gets if it is not the first.
    fn begin(&mut self, call: &Negotiation, tag: &str, winner: Option<&str>) -> bool {
        if self.own.iter().any(|(known, _)| known == tag) {
            return true;
        }
        let Some(first) = &self.first else {
            self.first = Some(tag.to_owned());
            return false;
        };
        if *first == tag && self.own.is_empty() || self.own.len() >= MOST_BRANCHES {
            return false;
        }
        if self.own.is_empty() && !self.settled {
            self.settled = winner == Some(first.as_str());
            if !self.settled {
                self.own.push((first.clone(), call.clone()));
            }
        }
        self.own.push((tag.to_owned(), call.of_another_branch()));
        true
    }

    /// The one who answered becomes the call, once he has said where he listens.
    fn settle(&mut self, call: &mut Negotiation, winner: Option<&str>) {
        let described = |(tag, own): &(String, Negotiation)| {
            Some(tag.as_str()) == winner && own.is_described(Side::Callee)
        };
        if let Some(at) = self.own.iter().position(described) {
            *call = self.own.remove(at).1;
            self.settled = true;
        }
    }

    /// The dialog took in an answer, which may have brought no description: it may have come before.
    pub(crate) fn handle_answer(&mut self, call: &mut Negotiation, dialog: &Dialog) {
        if !self.settled && !self.own.is_empty() && dialog.phase() == Phase::Answered {
            self.settle(call, dialog.answered_at.and(dialog.callee.tag.as_deref()));
        }
    }

    /// A refusal of an offer that was made in the dialog; what was agreed upon before holds on. `sender` refuses.
    pub(crate) fn handle_refusal(
        &mut self,
        call: &mut Negotiation,
        message: &Message<'_>,
        tags: &Tags,
        sender: Side,
    ) {
        let Some(cseq) = message.cseq() else { return };
        let refuse = |negotiation: &mut Negotiation| negotiation.handle_refusal(sender.other(), cseq.number);
        let own = self.own.iter_mut().find(|(known, _)| tags.branch(sender) == Some(known));
        match own {
            Some((_, own)) if self.settled => refuse(own),
            Some((_, own)) => {
                refuse(own);
                refuse(call);
            }
            None => refuse(call),
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let own = self.own.iter().map(|(tag, own)| tag.len() + size_of::<Negotiation>() + own.weight());
        self.first.as_ref().map_or(0, String::len) + own.sum::<usize>()
    }

    /// The early dialogs that lost, each with its streams, which are taken out of the call's legs. `answered_at` is when
    /// the winner answered.
    pub(crate) fn part(
        mut self,
        losers: Vec<Branch>,
        call: &Negotiation,
        legs: &mut Both<Vec<Matched>>,
        answered_at: Option<Time>,
    ) -> Vec<Fork> {
        let mut forks = Vec::with_capacity(losers.len());
        for branch in losers {
            let at = self.own.iter().position(|(tag, _)| *tag == branch.tag);
            let negotiation = at.map(|at| self.own.remove(at).1).unwrap_or_default();
            let mut own: Both<Vec<Matched>> = Both::default();
            for side in Side::BOTH.into_iter().filter(|_| self.settled) {
                let is_own = |matched: &mut Matched| is_of(&negotiation, call, matched, side, answered_at);
                *own.of_mut(side) = legs.of_mut(side).extract_if(.., is_own).collect();
            }
            forks.push(Fork { branch, negotiation, legs: own });
        }
        forks
    }
}

/// Whether a stream that `sender` sent belongs to the early dialog that lost: it begins or ends at an endpoint that only
/// its callee named, or, before the answer, at a host that only he did.
fn is_of(
    lost: &Negotiation,
    call: &Negotiation,
    matched: &Matched,
    sender: Side,
    answered_at: Option<Time>,
) -> bool {
    let flow = matched.stream.flow;
    let callees = if sender == Side::Callee { flow.source } else { flow.destination };
    let names = |negotiation: &Negotiation| negotiation.naming(Side::Callee, callees).is_some();
    let hosts = |negotiation: &Negotiation| negotiation.names_address(Side::Callee, callees.address);
    let early = answered_at.is_some_and(|answered| matched.stream.first_at < answered);
    !names(call) && (names(lost) || early && hosts(lost) && !hosts(call))
}

/// Whether a message may describe a session that comes about: a refusal only says what would have been taken.
pub(crate) fn may_describe(message: &Message<'_>) -> bool {
    !matches!(message.start(), StartLine::Status { code: 300.., .. })
}
