//! What only shows once all streams of a call are known: who really sent what, what is none of its voices, and how well
//! each stream fits what was described.

use std::collections::BTreeMap;

use clock::{Span, Time};
use flow::Endpoint;
use rtp::{Slot, Stream};

use crate::call::Matched;
use crate::negotiation::Negotiation;
use crate::refusal::Refusal;
use crate::side::{Both, Side};

/// Puts the legs right, and gives the streams that are not the call's after all.
pub(crate) fn settle(
    legs: &mut Both<Vec<Matched>>,
    negotiation: &Negotiation,
    until: Option<Time>,
) -> Vec<(Matched, Refusal)> {
    put_right(legs, negotiation);
    let mut refused = Vec::new();
    for side in Side::BOTH {
        let leg = legs.of_mut(side);
        leg.sort_by_key(|matched| (matched.stream.first_at, matched.stream.ssrc, matched.stream.flow));
        let refusals: Vec<Option<Refusal>> = leg.iter().map(|matched| refusal(matched, leg, until)).collect();
        let mut refusals = refusals.into_iter();
        for matched in std::mem::take(leg) {
            match refusals.next().flatten() {
                Some(refusal) => refused.push((matched, refusal)),
                None => leg.push(matched),
            }
        }
        for matched in leg {
            matched.why.confidence *= plausibility(&matched.stream, side, negotiation);
        }
    }
    refused
}

/// A description may name an address at which somebody else answers (two phones behind one box). Where one party is
/// seen to send to an endpoint, what comes from that endpoint is the other party's, whatever its destination says.
fn put_right(legs: &mut Both<Vec<Matched>>, negotiation: &Negotiation) {
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

/// What speaks against a stream among the others of its leg.
fn refusal(matched: &Matched, leg: &[Matched], until: Option<Time>) -> Option<Refusal> {
    let stream = &matched.stream;
    if until.is_some_and(|until| stream.first_at > until) {
        return Some(Refusal::AfterEnd);
    }
    let others = || leg.iter().filter(|other| other.kind == matched.kind);
    let named_at = matched.why.evidence.main.at;
    // What stopped before the endpoint was named, where another came after, is who had the endpoint before.
    if stream.last_at < named_at && others().any(|other| other.stream.first_at >= named_at) {
        return Some(Refusal::BeforeOffer);
    }
    let is_short = stream.kept.len() <= HANDFUL && matched.why.evidence.source.is_none();
    let is_voice = |other: &&Matched| other.stream.kept.len() > MUCH_MORE * HANDFUL;
    let same_source = |other: &Matched| other.stream.flow.source == stream.flow.source;
    let is_stray =
        is_short && others().any(|other| is_voice(&other)) && !others().filter(is_voice).any(same_source);
    is_stray.then_some(Refusal::Handful)
}

/// How well the packets fit the description, 1 for entirely.
fn plausibility(stream: &Stream, sender: Side, negotiation: &Negotiation) -> f64 {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for slot in stream.kept.slots().take(LOOKED_AT) {
        *counts.entry(slot.payload_type().0).or_default() += 1;
    }
    let Some((&number, _)) = counts.iter().max_by_key(|&(_, count)| count) else { return 1.0 };
    if !negotiation.is_plausible(number) {
        return UNDESCRIBED;
    }
    let receiver = sender.other();
    let format = negotiation.format(receiver, number, stream.first_at);
    let (Some(format), Some(ptime_ms)) = (format, negotiation.ptime_ms(receiver)) else { return 1.0 };
    let asked = Span::from_ms(i64::from(ptime_ms));
    let fits = |sent: Span| sent == Span::ZERO || (sent <= asked + asked && asked <= sent + sent);
    if fits(packet_time(stream, format.clock_rate)) { 1.0 } else { OTHER_PACKETS }
}

/// How much time most packets hold: the commonest step of the time stamps from one packet to the next.
fn packet_time(stream: &Stream, clock_rate: u32) -> Span {
    let mut steps: BTreeMap<i32, usize> = BTreeMap::new();
    let mut last: Option<&Slot> = None;
    for slot in stream.kept.slots().take(LOOKED_AT) {
        if let Some(last) = last.filter(|last| slot.seq().ahead_of(last.seq()) == 1) {
            *steps.entry(slot.ticks().ahead_of(last.ticks())).or_default() += 1;
        }
        last = Some(slot);
    }
    let step = steps.into_iter().filter(|&(step, _)| step > 0).max_by_key(|&(_, count)| count);
    step.map_or(Span::ZERO, |(step, _)| {
        Span::from_ns(i64::from(step) * 1_000_000_000 / i64::from(clock_rate.max(1)))
    })
}

/// A third of a second at 20 ms.
pub(crate) const HANDFUL: usize = 16;
/// So many handfuls are a voice.
const MUCH_MORE: usize = 4;
/// Packets from which a stream's format is told.
const LOOKED_AT: usize = 64;
/// A payload type that no description has.
const UNDESCRIBED: f64 = 0.7;
/// Packets of less than half or more than twice the time asked for.
const OTHER_PACKETS: f64 = 0.95;
