//! Which call a stream belongs to, and how surely: by address, port and time, in the order of the evidence's weight.
//!
//! 1. The endpoint that a description names is the stream's destination; stronger where its source is the other
//!    side's. Of several calls that name it, the one whose other side is the source, else the newest.
//! 2. The same with the host that sent the description in place of its address (NAT).
//! 3. The exact reverse of an attached stream (symmetric RTP, RFC 4961).
//! 4. The source is an endpoint that one side named, wherever it sends to (latching, RFC 7362).
//! 5. Checks and candidates of ICE, the SSRC of a description (RFC 5576), RTCP at the port that `a=rtcp` names,
//!    canonical names.
//!
//! From the second rule on, two calls with equal evidence leave the stream to nobody, unless an announced SSRC or RTCP
//! tells which of them it is. Calls without signalling take what goes their way and is nobody's.

use std::cmp::Ordering;

use clock::Time;
use flow::{Endpoint, Flow};
use rtp::Ssrc;
use sdp::MediaKind;

use crate::brought::Naming;
use crate::claims::{CallKey, Claim, Claims};
use crate::evidence::{Evidence, How, Reason, Rule, StreamEnd, Witness};
use crate::negotiation::Negotiation;
use crate::owners::Owner;
use crate::side::Side;

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
    pub(crate) why: Reason,
    /// What is received where it goes to; several kinds may share the place.
    pub(crate) kind: MediaKind,
}

/// What the matcher finds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Verdict {
    Found(Match),
    /// Calls that could claim it with equal right.
    Ambiguous(Vec<CallKey>),
    /// The call that it fits had ended when it began.
    TooLate,
    Nobody,
}

impl Verdict {
    fn or_else(self, next: impl FnOnce() -> Verdict) -> Verdict {
        if self == Verdict::Nobody { next() } else { self }
    }
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
    /// Whether the call had ended before `at`, so that only what was under way may still come.
    fn is_over(&self, call: CallKey, at: Time) -> bool;
}

/// The stream in question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) flow: Flow,
    pub(crate) ssrc: Ssrc,
    /// When its first packet came.
    pub(crate) since: Time,
    pub(crate) hearsay: Option<&'a Hearsay>,
    /// Whose stream went the exact other way when it began.
    pub(crate) answers: Option<CallKey>,
}

/// Finds whose the stream is.
pub(crate) fn find(claims: &Claims, calls: &impl Negotiations, wanted: Wanted<'_>) -> Verdict {
    let search = Search { claims, calls, wanted };
    let verdict = search
        .by_destination(Naming::Description)
        .or_else(|| search.in_doubt(search.by_destination(Naming::SignallingHost)))
        .or_else(|| search.in_doubt(search.by_reverse()))
        .or_else(|| search.by_source())
        .or_else(|| search.by_destination(Naming::Checked))
        .or_else(|| search.by_destination(Naming::Candidate));
    match verdict {
        Verdict::Found(_) | Verdict::TooLate => verdict,
        Verdict::Ambiguous(rivals) => match search.by_sender() {
            Verdict::Found(found) if rivals.contains(&found.call) => Verdict::Found(found),
            _ => Verdict::Ambiguous(rivals),
        },
        Verdict::Nobody => search.by_sender().or_else(|| search.by_flow()),
    }
}

struct Search<'a, C> {
    claims: &'a Claims,
    calls: &'a C,
    wanted: Wanted<'a>,
}

/// A claim that the stream's destination fits, and how well its source does.
struct Candidate {
    /// How well the source fits, or may fit once the other side has said where it is.
    rank: Source,
    since: Time,
    found: Match,
}

impl<C: Negotiations> Search<'_, C> {
    fn by_destination(&self, naming: Naming) -> Verdict {
        let mut best: Vec<Candidate> = Vec::new();
        for claim in self.claims_at(self.wanted.flow.destination, |claim| claim.named.naming == naming) {
            let Some(candidate) = self.candidate(claim) else { continue };
            match best.first().map(|first| candidate.rank.cmp(&first.rank)) {
                None | Some(Ordering::Equal) => best.push(candidate),
                Some(Ordering::Greater) => best = vec![candidate],
                Some(Ordering::Less) => {}
            }
        }
        // Later words come later in the list; of one call's two sides at one endpoint the later word counts too.
        let Some(newest) = best.iter().max_by_key(|candidate| candidate.since) else {
            return Verdict::Nobody;
        };
        let mut found = newest.found;
        if found.why.evidence.source.is_none() && self.is_over(found.call) {
            return Verdict::TooLate;
        }
        let rivals: Vec<CallKey> = best.iter().map(|candidate| candidate.found.call).collect();
        if rivals.iter().any(|call| *call != found.call) {
            if naming != Naming::Description {
                return Verdict::Ambiguous(rivals);
            }
            found.why.confidence = found.why.confidence.min(CONTESTED);
        } else if best.iter().any(|candidate| candidate.found.sender != found.sender) {
            found.why.confidence = found.why.confidence.min(EITHER_SIDE);
        } else if best.iter().any(|candidate| candidate.found.kind == MediaKind::Audio) {
            // Media that share the endpoint: it is audio until it proves to be something else.
            found.kind = MediaKind::Audio;
        }
        Verdict::Found(found)
    }

    fn candidate(&self, claim: &Claim) -> Option<Candidate> {
        let (sender, from, naming) = (claim.side.other(), self.wanted.flow.source, claim.named.naming);
        let negotiation = self.calls.negotiation(claim.call, self.wanted.since)?;
        let named = negotiation.naming(sender, from);
        let source = if named.is_some() {
            Source::Endpoint
        } else if negotiation.names_address(sender, from.address)
            || self.calls.signals_from(claim.call, sender, from)
        {
            Source::Host
        } else {
            Source::Unknown
        };
        // Who is not described yet may be anywhere, and the newer call has the endpoint from its word on.
        let is_open = !negotiation.is_described(sender) && self.wanted.since >= claim.since;
        let (rule, confidence) = weigh(naming, source);
        let main = Witness {
            end: Some((StreamEnd::Destination, claim.named.endpoint)),
            how: How::Named(naming),
            by: claim.side,
            at: claim.since,
        };
        let source_witness = named.map(|(naming, at)| Witness {
            end: Some((StreamEnd::Source, from)),
            how: How::Named(naming),
            by: sender,
            at,
        });
        let why = Reason { rule, confidence, evidence: Evidence { main, source: source_witness } };
        let found = Match { call: claim.call, sender, why, kind: claim.named.kind };
        Some(Candidate { rank: if is_open { Source::Endpoint } else { source }, since: claim.since, found })
    }

    fn by_reverse(&self) -> Verdict {
        let owners = self.claims.of_flow(self.wanted.flow.reversed());
        self.sole(owners, |owner| {
            let sender = owner.side.other();
            self.of_owner(owner, sender, Rule::Symmetric, How::Reverse, 0.8)
        })
    }

    /// What was found by one end alone is in doubt where another call names an end. Where the two ends are seen to
    /// speak to each other, that outweighs it: a gateway may have one port for all its calls.
    fn in_doubt(&self, verdict: Verdict) -> Verdict {
        let Verdict::Found(found) = &verdict else { return verdict };
        if found.why.evidence.source.is_some() || self.wanted.answers == Some(found.call) {
            return verdict;
        }
        let Flow { source, destination } = self.wanted.flow;
        let counts =
            |claim: &Claim| matches!(claim.named.naming, Naming::Description | Naming::SignallingHost);
        let ends = [source, destination].into_iter();
        let claimants = ends.flat_map(|end| self.claims_at(end, counts)).map(|claim| claim.call);
        let rivals: Vec<CallKey> = claimants.filter(|call| *call != found.call).collect();
        if rivals.is_empty() {
            return verdict;
        }
        Verdict::Ambiguous(std::iter::once(found.call).chain(rivals).collect())
    }

    fn by_source(&self) -> Verdict {
        let source = self.wanted.flow.source;
        let sending = self
            .claims_at(source, |claim| !matches!(claim.named.naming, Naming::Candidate | Naming::Checked));
        let Some(first) = sending.first() else { return Verdict::Nobody };
        if sending.iter().any(|claim| claim.call != first.call) {
            return Verdict::Ambiguous(sending.iter().map(|claim| claim.call).collect());
        }
        // Where both sides of a call name it, it may be either's.
        if sending.iter().any(|claim| claim.side != first.side) {
            return Verdict::Nobody;
        }
        if self.is_over(first.call) {
            return Verdict::TooLate;
        }
        let main = Witness {
            end: Some((StreamEnd::Source, source)),
            how: How::Named(first.named.naming),
            by: first.side,
            at: first.since,
        };
        let why = Reason { rule: Rule::Latched, confidence: 0.6, evidence: Evidence { main, source: None } };
        Verdict::Found(Match { call: first.call, sender: first.side, why, kind: first.named.kind })
    }

    /// By what the sender says of itself: its SSRC, where its reports go, its canonical name.
    fn by_sender(&self) -> Verdict {
        let announced = self.sole(self.claims.of_ssrc(self.wanted.ssrc.0), |owner| {
            self.of_owner(owner, owner.side, Rule::Ssrc, How::Ssrc, 0.8)
        });
        let Some(hearsay) = self.wanted.hearsay else { return announced };
        let reports = || {
            self.sole(self.claims.rtcp_at(hearsay.destination), |owner| {
                self.of_owner(owner, owner.side.other(), Rule::Rtcp, How::Rtcp, 0.6)
            })
        };
        let named = || {
            let owners = hearsay.cname.as_deref().map_or(&[][..], |cname| self.claims.of_cname(cname));
            self.sole(owners, |owner| self.of_owner(owner, owner.side, Rule::Cname, How::Cname, 0.6))
        };
        announced.or_else(reports).or_else(named)
    }

    /// In a call without signalling, what goes the way of its other streams.
    fn by_flow(&self) -> Verdict {
        let owners = self.claims.of_flow(self.wanted.flow);
        let unsignalled: Vec<Owner> =
            owners.iter().filter(|owner| owner.call.is_unsignalled()).copied().collect();
        self.sole(&unsignalled, |owner| self.of_owner(owner, owner.side, Rule::Flow, How::Flow, 0.5))
    }

    /// The claims of live calls at an endpoint. Those of a call that is over count only as long as no newer one names
    /// the endpoint.
    fn claims_at(&self, endpoint: Endpoint, counts: impl Fn(&Claim) -> bool) -> Vec<&Claim> {
        let at = self.wanted.since;
        let live = |claim: &&Claim| counts(claim) && self.calls.negotiation(claim.call, at).is_some();
        let mut claims: Vec<&Claim> = self.claims.at(endpoint).iter().filter(live).collect();
        let renewed = claims.iter().map(|claim| claim.since).filter(|since| *since <= at).max();
        claims.retain(|claim| {
            !self.calls.is_over(claim.call, at) || renewed.is_none_or(|renewed| renewed <= claim.since)
        });
        claims
    }

    /// Whether the call had ended before the stream began: unless the other side said that it is there, it is the next
    /// one's to speak.
    fn is_over(&self, call: CallKey) -> bool {
        self.calls.is_over(call, self.wanted.since)
    }

    /// The one live call among `owners`.
    fn sole(&self, owners: &[Owner], found: impl Fn(Owner) -> Match) -> Verdict {
        let at = self.wanted.since;
        let live = |owner: &&Owner| self.calls.negotiation(owner.call, at).is_some();
        let mut live = owners.iter().filter(live);
        let Some(first) = live.next() else { return Verdict::Nobody };
        let others: Vec<CallKey> = live.map(|owner| owner.call).collect();
        if others.is_empty() {
            if self.is_over(first.call) { Verdict::TooLate } else { Verdict::Found(found(*first)) }
        } else {
            Verdict::Ambiguous(std::iter::once(first.call).chain(others).collect())
        }
    }

    fn of_owner(&self, owner: Owner, sender: Side, rule: Rule, how: How, confidence: f64) -> Match {
        let main = Witness { end: None, how, by: owner.side, at: owner.since };
        let why = Reason { rule, confidence, evidence: Evidence { main, source: None } };
        Match { call: owner.call, sender, why, kind: MediaKind::Audio }
    }
}

/// No surer than that where an older call names the same endpoint, and only the time tells.
const CONTESTED: f64 = 0.9;
/// Nor than that where both sides of the call name it.
const EITHER_SIDE: f64 = 0.6;

fn weigh(naming: Naming, source: Source) -> (Rule, f64) {
    match (naming, source) {
        (Naming::Description, Source::Endpoint) => (Rule::SdpAddress, 1.0),
        (Naming::Description, Source::Host) => (Rule::SdpAddress, 0.97),
        (Naming::Description, Source::Unknown) => (Rule::SdpAddress, 0.95),
        (Naming::SignallingHost, Source::Endpoint) => (Rule::SdpPortSignallingHost, 0.9),
        (Naming::SignallingHost, Source::Host) => (Rule::SdpPortSignallingHost, 0.85),
        (Naming::SignallingHost, Source::Unknown) => (Rule::SdpPortSignallingHost, 0.8),
        (Naming::Checked, _) => (Rule::IceCheck, 0.95),
        (Naming::Candidate, Source::Endpoint) => (Rule::IceCandidate, 0.9),
        (Naming::Candidate, _) => (Rule::IceCandidate, 0.8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brought::Named;
    use crate::claims::Claimed;
    use flow::Address;

    struct Nothing(Negotiation);

    impl Negotiations for Nothing {
        fn negotiation(&self, _: CallKey, _: Time) -> Option<&Negotiation> {
            Some(&self.0)
        }
        fn signals_from(&self, call: CallKey, _: Side, endpoint: Endpoint) -> bool {
            call == CallKey(1) && endpoint.port == 77
        }
        fn is_over(&self, call: CallKey, at: Time) -> bool {
            call == CallKey(9) && at > Time::from_ns(2)
        }
    }

    /// Both sides have said where they are: somewhere else.
    fn described() -> Negotiation {
        let mut negotiation = Negotiation::default();
        let body = "v=0\r\nc=IN IP4 203.0.113.1\r\nm=audio 9000 RTP/AVP 0\r\n";
        let message = "INVITE sip:b@x SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
        for side in Side::BOTH {
            let session = sdp::Session::read(body.as_bytes()).unwrap();
            let message = sip::Message::read(message.as_bytes()).unwrap();
            let host = Address::v4([203, 0, 113, 1]);
            negotiation.handle_description(&session, &message, side, host, Time::default());
        }
        negotiation
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

    fn owner(call: u32, side: Side) -> Owner {
        Owner { call: CallKey(call), side, since: Time::default() }
    }

    fn verdict(claims: &Claims, source: Endpoint, destination: Endpoint) -> Verdict {
        verdict_at(claims, &described(), Flow::new(source, destination), 0)
    }

    fn verdict_at(claims: &Claims, negotiation: &Negotiation, flow: Flow, at_ns: i64) -> Verdict {
        let calls = Nothing(negotiation.clone());
        let since = Time::from_ns(at_ns);
        find(claims, &calls, Wanted { flow, ssrc: Ssrc(5), since, hearsay: None, answers: None })
    }

    fn found(verdict: &Verdict) -> (u32, Side, Rule) {
        match verdict {
            Verdict::Found(found) => (found.call.0, found.sender, found.why.rule),
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
    fn who_is_not_described_yet_may_be_anywhere_and_the_newer_call_has_the_endpoint() {
        let claims = claims(&[
            (1, Side::Callee, endpoint(1, 6001), Naming::Description),
            (2, Side::Callee, endpoint(1, 6001), Naming::Description),
        ]);
        let flow = Flow::new(endpoint(9, 77), endpoint(1, 6001));
        let open = Negotiation::default();
        assert_eq!(found(&verdict_at(&claims, &open, flow, 5)).0, 2, "it began after the newer offer");
        assert_eq!(found(&verdict_at(&claims, &open, flow, 0)).0, 1, "it began before");
        let Verdict::Found(contested) = verdict_at(&claims, &open, flow, 5) else { panic!() };
        assert_eq!(contested.why.confidence, CONTESTED);
    }

    #[test]
    fn a_call_that_is_over_gives_way_to_a_newer_one() {
        let claims = claims(&[
            (9, Side::Callee, endpoint(1, 6001), Naming::SignallingHost),
            (2, Side::Callee, endpoint(1, 6001), Naming::SignallingHost),
        ]);
        let flow = Flow::new(endpoint(9, 77), endpoint(1, 6001));
        assert_eq!(found(&verdict_at(&claims, &described(), flow, 5)).0, 2);
        assert!(matches!(verdict_at(&claims, &described(), flow, 0), Verdict::Ambiguous(_)));
        let back = flow.reversed();
        assert_eq!(
            found(&verdict_at(&claims, &described(), back, 5)).0,
            2,
            "the source is the newer call's too"
        );
    }

    #[test]
    fn what_both_sides_of_one_call_name_is_less_sure_and_no_rivalry() {
        let host = Naming::SignallingHost;
        let claims =
            claims(&[(1, Side::Caller, endpoint(1, 4000), host), (1, Side::Callee, endpoint(1, 4000), host)]);
        let Verdict::Found(found) = verdict(&claims, endpoint(9, 9), endpoint(1, 4000)) else { panic!() };
        assert_eq!((found.why.rule, found.why.confidence), (Rule::SdpPortSignallingHost, EITHER_SIDE));
        assert_eq!(verdict(&claims, endpoint(1, 4000), endpoint(9, 9)), Verdict::Nobody);
    }

    #[test]
    fn an_announced_source_settles_what_addresses_leave_open() {
        let host = Naming::SignallingHost;
        let mut claims =
            claims(&[(2, Side::Callee, endpoint(1, 6001), host), (3, Side::Callee, endpoint(1, 6001), host)]);
        claims.claim_source((5, None), owner(7, Side::Caller), &mut Claimed::default());
        let ask = |claims: &Claims| verdict(claims, endpoint(9, 78), endpoint(1, 6001));
        assert!(matches!(ask(&claims), Verdict::Ambiguous(_)), "it is no rival that announces it");
        let mut claimed = Claimed::default();
        let mut fresh = self::claims(&[
            (2, Side::Callee, endpoint(1, 6001), host),
            (3, Side::Callee, endpoint(1, 6001), host),
        ]);
        fresh.claim_source((5, None), owner(3, Side::Caller), &mut claimed);
        assert_eq!(found(&ask(&fresh)), (3, Side::Caller, Rule::Ssrc));
        fresh.claim_source((5, None), owner(2, Side::Caller), &mut claimed);
        assert!(matches!(ask(&fresh), Verdict::Ambiguous(_)), "both announce it");
    }

    #[test]
    fn two_calls_with_one_flow_leave_its_reverse_to_nobody() {
        let mut claims = Claims::default();
        let flow = Flow::new(endpoint(3, 5000), endpoint(4, 6000));
        for call in [1, 2] {
            claims.claim_flow(flow, owner(call, Side::Caller), &mut Claimed::default());
        }
        let reverse = |claims: &Claims| verdict(claims, endpoint(4, 6000), endpoint(3, 5000));
        assert_eq!(reverse(&claims), Verdict::Ambiguous(vec![CallKey(1), CallKey(2)]));
        claims.disclaim_flow(flow, CallKey(1));
        assert_eq!(found(&reverse(&claims)), (2, Side::Callee, Rule::Symmetric));
    }

    #[test]
    fn a_check_of_ice_outweighs_a_candidate() {
        let claims = claims(&[
            (1, Side::Caller, endpoint(1, 4000), Naming::Candidate),
            (2, Side::Caller, endpoint(1, 4000), Naming::Candidate),
            (2, Side::Caller, endpoint(1, 4000), Naming::Checked),
        ]);
        let checked = verdict(&claims, endpoint(9, 9), endpoint(1, 4000));
        assert_eq!(found(&checked), (2, Side::Callee, Rule::IceCheck));
    }

    #[test]
    fn a_call_without_signalling_takes_what_goes_its_way_and_is_nobodys() {
        let mut claims = Claims::default();
        let flow = Flow::new(endpoint(3, 5000), endpoint(4, 6000));
        let unsignalled = 1 | CallKey::UNSIGNALLED;
        claims.claim_flow(flow, owner(unsignalled, Side::Caller), &mut Claimed::default());
        claims.claim_flow(flow, owner(1, Side::Caller), &mut Claimed::default());
        let same = verdict(&claims, flow.source, flow.destination);
        assert_eq!(found(&same), (unsignalled, Side::Caller, Rule::Flow));
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
        claims.claim_flow(attached, owner(8, Side::Caller), &mut Claimed::default());
        let reverse = verdict(&claims, endpoint(4, 6000), endpoint(3, 5000));
        assert_eq!(found(&reverse), (8, Side::Callee, Rule::Symmetric));
        let latched = verdict(&claims, endpoint(1, 4000), endpoint(7, 7));
        assert_eq!(found(&latched), (1, Side::Caller, Rule::Latched));
    }

    #[test]
    fn rtcp_and_announced_sources_are_the_last_resort() {
        let mut claims = Claims::default();
        let mut claimed = Claimed::default();
        claims.claim_rtcp(endpoint(1, 4001), owner(1, Side::Caller), &mut claimed);
        claims.claim_source((5, Some("a@b".into())), owner(2, Side::Caller), &mut claimed);
        let calls = Nothing(Negotiation::default());
        let flow = Flow::new(endpoint(3, 5000), endpoint(4, 6000));
        let ask = |ssrc, hearsay: Option<&Hearsay>| {
            find(
                &claims,
                &calls,
                Wanted { flow, ssrc: Ssrc(ssrc), since: Time::default(), hearsay, answers: None },
            )
        };
        assert_eq!(found(&ask(5, None)), (2, Side::Caller, Rule::Ssrc));
        let reports = Hearsay { destination: endpoint(1, 4001), cname: None };
        assert_eq!(found(&ask(6, Some(&reports))), (1, Side::Callee, Rule::Rtcp));
        let named = Hearsay { destination: endpoint(9, 9), cname: Some("a@b".into()) };
        assert_eq!(found(&ask(6, Some(&named))), (2, Side::Caller, Rule::Cname));
        claims.withdraw(CallKey(2), &mut claimed);
        assert!(claims.of_ssrc(5).is_empty() && claims.of_cname("a@b").is_empty());
    }
}
