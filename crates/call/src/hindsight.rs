//! What only shows once all streams of a call are known: who really sent what.
//!
//! A description may name an address at which somebody else answers (two phones behind one box). Where one party is
//! seen to send to an endpoint, what comes from that endpoint is the other party's, whatever its destination says.

use flow::Endpoint;

use crate::call::Matched;
use crate::negotiation::Negotiation;
use crate::side::{Both, Side};

/// Moves streams to the leg they belong to.
pub(crate) fn put_right(legs: &mut Both<Vec<Matched>>, negotiation: &Negotiation) {
    for side in Side::BOTH {
        let leg = std::mem::take(legs.of_mut(side));
        let sent_to: Vec<Endpoint> = leg
            .iter()
            .filter(|matched| negotiation.naming(side, matched.stream.flow.source).is_some())
            .map(|matched| matched.stream.flow.destination)
            .collect();
        let is_the_others = |matched: &Matched| {
            let source = matched.stream.flow.source;
            negotiation.naming(side, source).is_none() && sent_to.contains(&source)
        };
        let (others, own): (Vec<Matched>, Vec<Matched>) = leg.into_iter().partition(is_the_others);
        *legs.of_mut(side) = own;
        legs.of_mut(side.other()).extend(others);
    }
}

/// Each leg's streams in the order of their first packets.
pub(crate) fn sort(legs: &mut Both<Vec<Matched>>) {
    for side in Side::BOTH {
        legs.of_mut(side)
            .sort_by_key(|matched| (matched.stream.first_at, matched.stream.ssrc, matched.stream.flow));
    }
}
