//! Why the streams are where they are, as the record tells it.

use call::{Call, How, Naming, Reason, Refusal, Refused, Side, StreamEnd, Witness};
use store::RefusalReason;

use crate::record::socket;
use crate::signalling::role;

/// Why a stream is in the call.
pub(crate) fn matched(why: &Reason) -> store::Match {
    store::Match {
        rule: why.rule.as_str().to_owned(),
        confidence: store::Score::new(why.confidence),
        evidence: why.evidence.witnesses().map(witness).collect(),
    }
}

fn witness(witness: &Witness) -> store::Witness {
    let end = witness.end.map(|(end, _)| match end {
        StreamEnd::Source => "source".to_owned(),
        StreamEnd::Destination => "destination".to_owned(),
    });
    store::Witness {
        how: witness.how.as_str().to_owned(),
        by: role(witness.by),
        end,
        endpoint: witness.end.map(|(_, endpoint)| socket(endpoint)),
        at: witness.at,
    }
}

/// Where a party said that it receives media, in the order in which it did.
pub(crate) fn named(call: &Call, side: Side) -> Vec<store::Named> {
    let mut named: Vec<_> = call.negotiation.named(side).collect();
    named.sort_by_key(|&(endpoint, naming, at)| (naming == Naming::Candidate, at, naming, endpoint));
    let described = named.into_iter().take(MOST_NAMED);
    described
        .map(|(endpoint, naming, at)| store::Named {
            endpoint: socket(endpoint),
            how: How::Named(naming).as_str().to_owned(),
            at,
        })
        .collect()
}

/// The streams near the call that are not in it.
pub(crate) fn refused(call: &Call) -> Vec<store::RefusedStream> {
    let one = |refused: &Refused| store::RefusedStream {
        ssrc: store::Ssrc(refused.ssrc.0),
        source: socket(refused.flow.source),
        destination: socket(refused.flow.destination),
        packets: refused.packets,
        first_packet_at: Some(refused.first_at),
        last_packet_at: Some(refused.last_at),
        reason: reason(refused.reason),
    };
    call.refused.iter().map(one).collect()
}

fn reason(refusal: Refusal) -> RefusalReason {
    match refusal {
        Refusal::Ambiguous => RefusalReason::Ambiguous,
        Refusal::OtherCall => RefusalReason::OtherCall,
        Refusal::AfterEnd => RefusalReason::AfterEnd,
        Refusal::BeforeOffer => RefusalReason::BeforeOffer,
        Refusal::NotAudio => RefusalReason::NotAudio,
        Refusal::Handful => RefusalReason::Handful,
        Refusal::SentElsewhere => RefusalReason::SentElsewhere,
        Refusal::TooMany => RefusalReason::TooMany,
        Refusal::NoClaim => RefusalReason::NoClaim,
    }
}

/// Endpoints of one party in a record: a call that moves more often is rare, and a list of candidates says little.
const MOST_NAMED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_spelled_alike_on_both_sides() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.as_str(), reason(refusal).as_str());
        }
        assert_eq!(Refusal::ALL.len(), RefusalReason::ALL.len());
    }
}
