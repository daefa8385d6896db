//! Why one stream is in the call, or not.

use std::fmt;

use serde::Serialize;
use store::{RefusalReason, RefusedStream, StreamRecord, Witness};

use crate::words;

/// A stream and the words for where it stands.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explained {
    /// Its source.
    pub ssrc: store::Ssrc,
    /// Which packets these are.
    pub what: String,
    /// The rule by which it is in the call; null where it is not.
    pub rule: Option<String>,
    /// How sure that rule is.
    pub confidence: Option<f64>,
    /// Why it is not in the call; null where it is.
    pub reason: Option<RefusalReason>,
    /// Why it is where it is, a sentence each.
    pub why: Vec<String>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ground = match (&self.rule, self.confidence, self.reason) {
            (Some(rule), Some(confidence), _) => format!("{rule}, confidence {confidence}"),
            (.., Some(reason)) => reason.to_string(),
            _ => "unknown".to_owned(),
        };
        writeln!(f, "  {}  {}  ({ground})", self.ssrc, self.what)?;
        self.why.iter().try_for_each(|sentence| writeln!(f, "    {sentence}"))
    }
}

/// Why a stream of the call is in it.
pub(crate) fn matched(stream: &StreamRecord) -> Explained {
    let codec = stream.codec.as_deref().map_or_else(
        || format!("payload type {}, which nobody described", stream.payload_type),
        words::printable,
    );
    let (source, destination) = (stream.source, stream.destination);
    let lost = if stream.lost > 0 { format!(", {} lost", stream.lost) } else { String::new() };
    let encrypted = stream.encryption.as_deref().map(words::printable);
    let encrypted = encrypted.map(|how| format!(", encrypted ({how})")).unwrap_or_default();
    let mut why: Vec<String> = stream.matched.evidence.iter().map(sentence).collect();
    if why.is_empty() {
        why.push(rule(&stream.matched.rule).to_owned());
    }
    Explained {
        ssrc: stream.ssrc,
        what: format!("{source} > {destination}, {codec}, {} packets{lost}{encrypted}", stream.packets),
        rule: Some(words::printable(&stream.matched.rule)),
        confidence: Some(stream.matched.confidence.value()),
        reason: None,
        why,
    }
}

/// What a word that speaks for a stream says.
fn sentence(witness: &Witness) -> String {
    let (by, at) = (witness.by, words::time(witness.at));
    let of_end = |said: &str| {
        let end = witness.end.as_deref().map_or_else(|| "address".to_owned(), words::printable);
        let endpoint = witness.endpoint.map(|endpoint| format!(" {endpoint}")).unwrap_or_default();
        format!("its {end}{endpoint} {said}")
    };
    match witness.how.as_str() {
        "description" => of_end(&format!("is what the {by}'s description named at {at}")),
        "signalling_host" => of_end(&format!(
            "is the port that the {by}'s description named at {at}, at the host that sent the description and not at \
             the address in it: the {by} seems to be behind NAT"
        )),
        "ice_check" => of_end(&format!("was shown to be the {by}'s by a connectivity check of ICE at {at}")),
        "candidate" => of_end(&format!("is a candidate in the {by}'s description of {at}")),
        "reverse" => format!("it answers the stream that the {by} sends the other way since {at}"),
        "ssrc" => format!("the {by}'s description of {at} announces its SSRC"),
        "rtcp" => format!("its sender's RTCP goes where the {by}'s description of {at} wants RTCP"),
        "cname" => format!("its sender's RTCP bears the name that the {by}'s description of {at} announces"),
        "flow" => {
            format!("it goes the way of the {by}'s first stream, which began at {at}; nothing signalled it")
        }
        other => of_end(&format!("was known by {} at {at}", words::printable(other))),
    }
}

/// What a rule says by itself: records of older versions have no more.
fn rule(rule: &str) -> &'static str {
    match rule {
        "sdp_address" => "its destination is what a description names",
        "sdp_port_signalling_host" => {
            "its destination is the described port at the host that sent the description"
        }
        "symmetric" => "it is the reverse of a stream of the call",
        "latched" => "its source is what a description names",
        "ice_candidate" => "its destination is a candidate of ICE",
        "ssrc" => "a description announces its SSRC",
        "rtcp" => "its sender's RTCP goes where a description wants RTCP",
        "cname" => "its sender's canonical name is in a description",
        _ => "the record does not say more",
    }
}

/// Why a stream near the call is not in it.
pub(crate) fn refused(stream: &RefusedStream) -> Explained {
    let span = match (stream.first_packet_at, stream.last_packet_at) {
        (Some(first), Some(last)) => format!(" from {} to {}", words::time(first), words::time(last)),
        _ => String::new(),
    };
    Explained {
        ssrc: stream.ssrc,
        what: format!("{} > {}, {} packets{span}", stream.source, stream.destination, stream.packets),
        rule: None,
        confidence: None,
        reason: Some(stream.reason),
        why: vec![reason(stream.reason).to_owned()],
    }
}

fn reason(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Ambiguous => {
            "two calls at the same time could claim it with equal right; in doubt it is neither's"
        }
        RefusalReason::OtherCall => "it is in another call",
        RefusalReason::AfterEnd => "it began after the call had ended",
        RefusalReason::BeforeOffer => {
            "it was over before a description named its address: who had the address before the call"
        }
        RefusalReason::NotAudio => {
            "its payload type is in no description of the call, and is no audio's by itself"
        }
        RefusalReason::Handful => "a few packets from elsewhere beside a stream that is the party's own",
        RefusalReason::SentElsewhere => {
            "its source sends another stream where the call's descriptions say, and this one elsewhere"
        }
        RefusalReason::TooMany => "the call had as many streams as one may have",
        RefusalReason::NoClaim => "no description names its addresses, and nothing else says whose it is",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_words_of_its_own() {
        let mut words: Vec<_> = RefusalReason::ALL.iter().map(|&one| reason(one)).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), RefusalReason::ALL.len());
    }
}
