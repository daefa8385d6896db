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
    sort(legs);
    let mut refused = Vec::new();
    for side in Side::BOTH {
        let leg = legs.of_mut(side);
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

/// Each leg's streams in the order of their first packets.
pub(crate) fn sort(legs: &mut Both<Vec<Matched>>) {
    for side in Side::BOTH {
        legs.of_mut(side)
            .sort_by_key(|matched| (matched.stream.first_at, matched.stream.ssrc, matched.stream.flow));
    }
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
    for slot in stream.kept.head().take(LOOKED_AT) {
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
    for slot in stream.kept.head().take(LOOKED_AT) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brought::Naming;
    use crate::evidence::{Evidence, How, Reason, Rule, StreamEnd, Witness};
    use flow::{Address, Flow};
    use rtp::{Copying, Frame, Packet, PayloadType, Seq, Ssrc, Streams, Ticks};
    use sdp::MediaKind;

    fn endpoint(host: u8) -> Endpoint {
        Endpoint::new(Address::v4([192, 0, 2, host]), 4000)
    }

    /// A stream of `count` packets of `step` ticks from `first_ms` on, 20 ms apart.
    struct Sent {
        source: u8,
        number: u8,
        count: u16,
        step: u32,
        first_ms: i64,
    }

    const USUAL: Sent = Sent { source: 1, number: 0, count: 100, step: 160, first_ms: 1000 };

    fn at(ms: i64) -> Time {
        Time::from_parts(100, 0) + Span::from_ms(ms)
    }

    /// The stream in its call, which named its destination at 500 ms.
    fn matched(sent: &Sent) -> Matched {
        let mut streams = Streams::new(rtp::Limits::default(), Copying::Payloads);
        let flow = Flow::new(endpoint(sent.source), endpoint(2));
        for n in 0..sent.count {
            let packet = Packet {
                ssrc: Ssrc(u32::from(sent.source)),
                seq: Seq(n),
                ticks: Ticks(u32::from(n) * sent.step),
                payload_type: PayloadType(sent.number),
                marker: false,
                header: &[],
                body: &[0; 160],
            };
            let frame = Frame { bytes: packet.body, link: 101, place: None };
            let now = at(sent.first_ms + 20 * i64::from(n));
            streams.handle_packet(now, flow, &packet, &frame, &mut Vec::new());
        }
        let id = streams.find(flow, Ssrc(u32::from(sent.source))).unwrap();
        let main = Witness {
            end: Some((StreamEnd::Destination, flow.destination)),
            how: How::Named(Naming::Description),
            by: Side::Callee,
            at: at(500),
        };
        let why =
            Reason { rule: Rule::SdpAddress, confidence: 1.0, evidence: Evidence { main, source: None } };
        Matched { stream: streams.take(id).unwrap(), why, kind: MediaKind::Audio }
    }

    /// Both sides take mu-law, 20 ms a packet.
    fn negotiation() -> Negotiation {
        let mut negotiation = Negotiation::default();
        let body = "v=0\r\nc=IN IP4 203.0.113.1\r\nm=audio 9000 RTP/AVP 0\r\na=ptime:20\r\n";
        let message = "INVITE sip:b@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
        for side in Side::BOTH {
            let session = sdp::Session::read(body.as_bytes()).unwrap();
            let message = sip::Message::read(message.as_bytes()).unwrap();
            negotiation.handle_description(&session, &message, side, endpoint(9).address, at(0));
        }
        negotiation
    }

    /// By their sources, how sure each is that stays, and what speaks against the others.
    #[derive(PartialEq, Debug)]
    struct Settled(Vec<(u8, f64)>, Vec<(u8, Refusal)>);

    fn settled(sent: &[Sent], until: Option<Time>) -> Settled {
        let mut legs = Both { caller: sent.iter().map(matched).collect(), callee: Vec::new() };
        let refused = settle(&mut legs, &negotiation(), until);
        let source = |matched: &Matched| matched.stream.ssrc.0 as u8;
        Settled(
            legs.caller.iter().map(|one| (source(one), one.why.confidence)).collect(),
            refused.iter().map(|(one, refusal)| (source(one), *refusal)).collect(),
        )
    }

    #[test]
    fn what_does_not_fit_the_description_is_less_sure() {
        let odd = [
            USUAL,
            Sent { source: 3, number: 100, ..USUAL },
            Sent { source: 4, step: 480, ..USUAL },
            Sent { source: 5, step: 240, ..USUAL },
            Sent { source: 6, number: 8, ..USUAL },
        ];
        let expected = [(1, 1.0), (3, UNDESCRIBED), (4, OTHER_PACKETS), (5, 1.0), (6, 1.0)];
        assert_eq!(settled(&odd, None), Settled(expected.to_vec(), vec![]));
    }

    #[test]
    fn a_handful_beside_a_voice_is_set_apart_and_alone_it_is_the_voice() {
        let stray = Sent { source: 3, count: 10, ..USUAL };
        let more = Sent { source: 4, count: 17, ..USUAL };
        let beside = settled(&[USUAL, stray, more], None);
        assert_eq!(beside, Settled(vec![(1, 1.0), (4, 1.0)], vec![(3, Refusal::Handful)]));
        let stray = Sent { source: 3, count: 10, ..USUAL };
        assert_eq!(settled(&[stray], None).0, [(3, 1.0)]);
    }

    #[test]
    fn what_stopped_before_the_naming_or_began_after_the_end_is_not_the_calls() {
        let before = Sent { source: 3, count: 20, first_ms: 0, ..USUAL };
        let after = Sent { source: 4, first_ms: 4001, ..USUAL };
        let Settled(stays, refused) = settled(&[before, USUAL, after], Some(at(4000)));
        assert_eq!(stays, [(1, 1.0)]);
        assert_eq!(refused, [(3, Refusal::BeforeOffer), (4, Refusal::AfterEnd)]);
        let alone = Sent { source: 3, count: 20, first_ms: 0, ..USUAL };
        assert_eq!(settled(&[alone], None).0.len(), 1, "signalling may be seen late");
    }
}
