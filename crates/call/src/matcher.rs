//! Which call a stream belongs to, and how surely: by address, port and time, in the order of the evidence's weight.
//!
//! 1. The endpoint that a description names is the stream's destination; stronger where its source is the other
//!    side's. Of several calls that name it, the one whose other side is the source, else the newest.
//! 2. The same with the host that sent the description in place of its address (NAT).
//! 3. The exact reverse of an attached stream (symmetric RTP, RFC 4961).
//! 4. The source is an endpoint that one side named, wherever it sends to (latching, RFC 7362).
//! 5. ICE candidates, the SSRC of a description (RFC 5576), RTCP at the port that `a=rtcp` names, canonical names.
//!
//! From the second rule on, two calls with equal evidence leave the stream to nobody.

use clock::Time;
use flow::{Endpoint, Flow};
use rtp::Ssrc;
use sdp::MediaKind;

use crate::claims::{CallKey, Claim, Claims};
use crate::negotiation::{Naming, Negotiation};
use crate::side::Side;

/// Why a stream is in its call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Its destination is what a description names.
    SdpAddress,
    /// Its destination is the described port at the host that sent the description.
    SdpPortSignallingHost,
    /// It is the reverse of a stream of the call.
    Symmetric,
    /// Its source is what a description names.
    Latched,
    /// Its destination is an ICE candidate.
    IceCandidate,
    /// A description announces its SSRC.
    Ssrc,
    /// Its sender's RTCP goes where a description wants RTCP.
    Rtcp,
    /// Its sender's canonical name is in a description.
    Cname,
}

impl Rule {
    /// The rule's name in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::SdpAddress => "sdp_address",
            Rule::SdpPortSignallingHost => "sdp_port_signalling_host",
            Rule::Symmetric => "symmetric",
            Rule::Latched => "latched",
            Rule::IceCandidate => "ice_candidate",
            Rule::Ssrc => "ssrc",
            Rule::Rtcp => "rtcp",
            Rule::Cname => "cname",
        }
    }
}

/// How well the source fits: the other side's own endpoint, its host, or neither.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Source {
    Unknown,
    Host,
    Endpoint,
}

/// A stream's place in a call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Match {
    pub(crate) call: CallKey,
    pub(crate) sender: Side,
    pub(crate) rule: Rule,
    pub(crate) confidence: f64,
    pub(crate) kind: MediaKind,
}

/// What the matcher finds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Verdict {
    Found(Match),
    /// Calls that could claim it with equal right.
    Ambiguous(Vec<CallKey>),
    Nobody,
}

/// What RTCP told of a stream's sender.
#[derive(Clone, Default, Debug)]
pub(crate) struct Hearsay {
    /// Where its reports go.
    pub(crate) destination: Endpoint,
    pub(crate) cname: Option<String>,
}

/// What the matcher asks of the open calls.
pub(crate) trait Negotiations {
    /// What the call negotiated; `None` where it takes no media any more at `at`.
    fn negotiation(&self, call: CallKey, at: Time) -> Option<&Negotiation>;
    /// Whether `side` signals from the host of `endpoint`.
    fn signals_from(&self, call: CallKey, side: Side, endpoint: Endpoint) -> bool;
}

/// The stream in question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) flow: Flow,
    pub(crate) ssrc: Ssrc,
    /// When its first packet came.
    pub(crate) since: Time,
    pub(crate) hearsay: Option<&'a Hearsay>,
}

/// Finds whose the stream is.
pub(crate) fn find(claims: &Claims, calls: &impl Negotiations, wanted: Wanted<'_>) -> Verdict {
    let Wanted { flow, ssrc, since, hearsay } = wanted;
    for naming in [Naming::Description, Naming::SignallingHost] {
        match by_destination(claims, calls, flow, since, naming) {
            Verdict::Nobody => {}
            verdict => return verdict,
        }
    }
    let symmetric =
        claims.of_flow(flow.reversed()).map(|(call, sender)| (call, sender.other(), Rule::Symmetric, 0.8));
    if let Some(found) = symmetric {
        return attach(found);
    }
    match by_source(claims, calls, flow, since) {
        Verdict::Nobody => {}
        verdict => return verdict,
    }
    match by_destination(claims, calls, flow, since, Naming::Candidate) {
        Verdict::Nobody => {}
        verdict => return verdict,
    }
    let announced = claims.of_ssrc(ssrc.0).map(|(call, sender)| (call, sender, Rule::Ssrc, 0.8));
    let reported = hearsay.and_then(|hearsay| by_hearsay(claims, hearsay));
    announced.or(reported).map_or(Verdict::Nobody, attach)
}

fn attach((call, sender, rule, confidence): (CallKey, Side, Rule, f64)) -> Verdict {
    Verdict::Found(Match { call, sender, rule, confidence, kind: MediaKind::Audio })
}

fn by_destination(
    claims: &Claims,
    calls: &impl Negotiations,
    flow: Flow,
    at: Time,
    naming: Naming,
) -> Verdict {
    let mut best: Vec<(Source, Time, Match)> = Vec::new();
    for claim in claims.at(flow.destination).iter().filter(|claim| claim.named.naming == naming) {
        let sender = claim.side.other();
        let Some(negotiation) = calls.negotiation(claim.call, at) else { continue };
        let signalled = calls.signals_from(claim.call, sender, flow.source);
        let source = source_fits(negotiation, sender, flow.source, signalled);
        let (rule, confidence) = weigh(naming, source);
        let found = Match { call: claim.call, sender, rule, confidence, kind: claim.named.kind };
        let rank = best.first().map(|first| source.cmp(&first.0));
        match rank {
            None | Some(std::cmp::Ordering::Equal) => best.push((source, claim.since, found)),
            Some(std::cmp::Ordering::Greater) => best = vec![(source, claim.since, found)],
            Some(std::cmp::Ordering::Less) => {}
        }
    }
    // Later words come later in the list; of one call's two sides at one endpoint the later word counts too.
    let newest = best.iter().max_by_key(|(_, since, _)| *since);
    let Some((_, _, newest)) = newest else { return Verdict::Nobody };
    let rivals: Vec<CallKey> = best.iter().map(|(_, _, found)| found.call).collect();
    let contested = rivals.iter().any(|call| *call != newest.call);
    if contested && naming != Naming::Description {
        Verdict::Ambiguous(rivals)
    } else {
        Verdict::Found(*newest)
    }
}

fn source_fits(negotiation: &Negotiation, sender: Side, source: Endpoint, signalled: bool) -> Source {
    if negotiation.naming(sender, source).is_some() {
        Source::Endpoint
    } else if negotiation.names_address(sender, source.address) || signalled {
        Source::Host
    } else {
        Source::Unknown
    }
}

fn weigh(naming: Naming, source: Source) -> (Rule, f64) {
    match (naming, source) {
        (Naming::Description, Source::Endpoint) => (Rule::SdpAddress, 1.0),
        (Naming::Description, Source::Host) => (Rule::SdpAddress, 0.97),
        (Naming::Description, Source::Unknown) => (Rule::SdpAddress, 0.95),
        (Naming::SignallingHost, Source::Endpoint) => (Rule::SdpPortSignallingHost, 0.9),
        (Naming::SignallingHost, Source::Host) => (Rule::SdpPortSignallingHost, 0.85),
        (Naming::SignallingHost, Source::Unknown) => (Rule::SdpPortSignallingHost, 0.8),
        (Naming::Candidate, Source::Endpoint) => (Rule::IceCandidate, 0.9),
        (Naming::Candidate, _) => (Rule::IceCandidate, 0.8),
    }
}

fn by_source(claims: &Claims, calls: &impl Negotiations, flow: Flow, at: Time) -> Verdict {
    let counts = |claim: &&Claim| {
        claim.named.naming != Naming::Candidate && calls.negotiation(claim.call, at).is_some()
    };
    let sending: Vec<&Claim> = claims.at(flow.source).iter().filter(counts).collect();
    let Some(first) = sending.first() else { return Verdict::Nobody };
    if sending.iter().any(|claim| (claim.call, claim.side) != (first.call, first.side)) {
        return Verdict::Ambiguous(sending.iter().map(|claim| claim.call).collect());
    }
    let (call, sender, kind) = (first.call, first.side, first.named.kind);
    Verdict::Found(Match { call, sender, rule: Rule::Latched, confidence: 0.6, kind })
}

fn by_hearsay(claims: &Claims, hearsay: &Hearsay) -> Option<(CallKey, Side, Rule, f64)> {
    let reports = claims.rtcp_at(hearsay.destination);
    let reports = reports.map(|(call, receiver)| (call, receiver.other(), Rule::Rtcp, 0.6));
    let named = hearsay.cname.as_deref().and_then(|cname| claims.of_cname(cname));
    reports.or(named.map(|(call, sender)| (call, sender, Rule::Cname, 0.6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claimed;
    use crate::negotiation::Named;
    use flow::Address;

    struct Nothing(Negotiation);

    impl Negotiations for Nothing {
        fn negotiation(&self, _: CallKey, _: Time) -> Option<&Negotiation> {
            Some(&self.0)
        }
        fn signals_from(&self, call: CallKey, _: Side, endpoint: Endpoint) -> bool {
            call == CallKey(1) && endpoint.port == 77
        }
    }

    fn endpoint(host: u8, port: u16) -> Endpoint {
        Endpoint::new(Address::v4([192, 0, 2, host]), port)
    }

    fn claims(all: &[(u32, Side, Endpoint, Naming)]) -> Claims {
        let mut claims = Claims::default();
        for (n, &(call, side, endpoint, naming)) in all.iter().enumerate() {
            let named = Named { endpoint, naming, kind: MediaKind::Audio };
            let claim = Claim { call: CallKey(call), side, named, since: Time::from_ns(n as i64) };
            claims.claim(claim, &mut Claimed::default());
        }
        claims
    }

    fn verdict(claims: &Claims, source: Endpoint, destination: Endpoint) -> Verdict {
        let calls = Nothing(Negotiation::default());
        let flow = Flow::new(source, destination);
        find(claims, &calls, Wanted { flow, ssrc: Ssrc(5), since: Time::default(), hearsay: None })
    }

    fn found(verdict: &Verdict) -> (u32, Side, Rule) {
        match verdict {
            Verdict::Found(found) => (found.call.0, found.sender, found.rule),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_named_destination_is_the_other_sides_stream() {
        let claims = claims(&[(1, Side::Caller, endpoint(1, 4000), Naming::Description)]);
        let verdict = verdict(&claims, endpoint(9, 9), endpoint(1, 4000));
        assert_eq!(found(&verdict), (1, Side::Callee, Rule::SdpAddress));
    }

    #[test]
    fn of_two_calls_that_name_one_endpoint_the_source_tells_and_else_the_newest() {
        let claims = claims(&[
            (1, Side::Callee, endpoint(1, 6001), Naming::Description),
            (2, Side::Callee, endpoint(1, 6001), Naming::Description),
        ]);
        assert_eq!(found(&verdict(&claims, endpoint(9, 77), endpoint(1, 6001))).0, 1);
        assert_eq!(found(&verdict(&claims, endpoint(9, 78), endpoint(1, 6001))).0, 2);
    }

    #[test]
    fn weaker_evidence_for_two_calls_is_evidence_for_none() {
        let host = Naming::SignallingHost;
        let claims =
            claims(&[(2, Side::Callee, endpoint(1, 6001), host), (3, Side::Callee, endpoint(1, 6001), host)]);
        assert_eq!(
            verdict(&claims, endpoint(9, 78), endpoint(1, 6001)),
            Verdict::Ambiguous(vec![CallKey(2), CallKey(3)])
        );
        assert!(matches!(verdict(&claims, endpoint(1, 6001), endpoint(9, 9)), Verdict::Ambiguous(_)));
    }

    #[test]
    fn the_reverse_of_an_attached_stream_and_a_named_source_are_found() {
        let mut claims = claims(&[(1, Side::Caller, endpoint(1, 4000), Naming::Description)]);
        let attached = Flow::new(endpoint(3, 5000), endpoint(4, 6000));
        claims.claim_flow(attached, CallKey(8), Side::Caller, &mut Claimed::default());
        let reverse = verdict(&claims, endpoint(4, 6000), endpoint(3, 5000));
        assert_eq!(found(&reverse), (8, Side::Callee, Rule::Symmetric));
        let latched = verdict(&claims, endpoint(1, 4000), endpoint(7, 7));
        assert_eq!(found(&latched), (1, Side::Caller, Rule::Latched));
    }

    #[test]
    fn rtcp_and_announced_sources_are_the_last_resort() {
        let mut claims = Claims::default();
        let mut claimed = Claimed::default();
        claims.claim_rtcp(endpoint(1, 4001), CallKey(1), Side::Caller, &mut claimed);
        claims.claim_source((5, Some("a@b".into())), CallKey(2), Side::Caller, &mut claimed);
        let calls = Nothing(Negotiation::default());
        let flow = Flow::new(endpoint(3, 5000), endpoint(4, 6000));
        let ask = |ssrc, hearsay: Option<&Hearsay>| {
            find(&claims, &calls, Wanted { flow, ssrc: Ssrc(ssrc), since: Time::default(), hearsay })
        };
        assert_eq!(found(&ask(5, None)), (2, Side::Caller, Rule::Ssrc));
        let reports = Hearsay { destination: endpoint(1, 4001), cname: None };
        assert_eq!(found(&ask(6, Some(&reports))), (1, Side::Callee, Rule::Rtcp));
        let named = Hearsay { destination: endpoint(9, 9), cname: Some("a@b".into()) };
        assert_eq!(found(&ask(6, Some(&named))), (2, Side::Caller, Rule::Cname));
        claims.withdraw(CallKey(2), &mut claimed);
        assert!(claims.of_ssrc(5).is_none() && claims.of_cname("a@b").is_none());
    }
}
