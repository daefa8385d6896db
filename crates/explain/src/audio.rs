//! Why a call has all, some or none of its audio.

use std::collections::BTreeSet;

use store::{Hold, Leg, Outcome, Provenance, Record, RefusedStream, Role, State};

use crate::words;

/// The reasons, a sentence each.
pub(crate) fn reasons(record: &Record) -> Vec<String> {
    let mut reasons = vec![headline(record)];
    if was_answered(record) {
        reasons.extend(
            record.legs.iter().filter(|leg| !sounds(record, leg)).flat_map(|leg| silence(record, leg)),
        );
    }
    reasons.extend(undecoded(record));
    reasons.extend(
        FLAGS.iter().filter(|(flag, _)| record.flags.contains(*flag)).map(|(_, why)| (*why).to_owned()),
    );
    reasons.extend(record.epochs.iter().filter_map(|epoch| {
        let by = match epoch.hold {
            Hold::None => return None,
            Hold::Caller => "the caller",
            Hold::Callee => "the callee",
            Hold::Both => "both parties",
        };
        Some(format!(
            "from {} on {by} held the call, and need not have sent anything",
            words::time(epoch.from)
        ))
    }));
    let mut told = BTreeSet::new();
    reasons.retain(|reason| told.insert(reason.clone()));
    reasons
}

/// What became of it, in a sentence.
fn headline(record: &Record) -> String {
    let status = record.status_code.map_or_else(String::new, |code| format!(" with status {code}"));
    match record.outcome {
        Outcome::Recorded => "both parties were recorded".to_owned(),
        Outcome::RecordedPartial => "not all of the call's audio is there".to_owned(),
        Outcome::OneWay => {
            "one party was recorded, and nothing that could be heard came of the other".to_owned()
        }
        Outcome::NoMedia => "the call was answered, and no media of it was seen".to_owned(),
        Outcome::SrtpNoKey => {
            "its media is encrypted, and no key for it was seen in the signalling".to_owned()
        }
        Outcome::CodecUnsupported => "its media came, in a codec that is not decoded here".to_owned(),
        Outcome::PolicySkipped => {
            let rule = record.policy.rule.as_deref().map(words::printable);
            format!("the rule {} said not to record it", rule.as_deref().unwrap_or("of the configuration"))
        }
        Outcome::NotAnswered => match record.state {
            State::Cancelled => format!("the caller gave up before an answer{status}"),
            State::Rejected => format!("the callee refused the call{status}"),
            State::Failed => format!("the network did not carry the call through{status}"),
            _ => "nobody answered, so there was nothing to record".to_owned(),
        },
        Outcome::CaptureLoss => "packets were lost on their way to the recorder".to_owned(),
        Outcome::StorageError => "its recording could not be written to disk".to_owned(),
        Outcome::AmbiguousMedia => {
            "media came that this call and another could claim with equal right; neither got it".to_owned()
        }
        Outcome::InternalError => "a fault of this program kept it from being recorded".to_owned(),
    }
}

/// Those flags that say why audio is missing or odd.
const FLAGS: [(&str, &str); 14] = [
    ("fax", "the parties went over to a fax (T.38), which nobody can hear; its packets are kept"),
    ("joined_late", "the capture began when the call was under way"),
    ("no_signalling", "no signalling of it was seen: who talks to whom is told by addresses alone"),
    (
        "second_hop",
        "a stream was seen on more than one hop of its way; it is listed each time and heard once",
    ),
    ("packet_loss", "packets were lost before they came to where the capture was made"),
    ("capture_loss", "packets were lost on their way to the recorder"),
    ("timestamp_leap", "a sender's time stamps leapt, and what came after was put where it arrived"),
    ("silence_cut", "long silence of both parties was left out of the file"),
    ("clipping", "speech is so loud that it is cut off at full scale"),
    ("dead_air", "for long neither party could be heard"),
    ("echo", "what one party says comes back in the other's channel"),
    ("high_level", "a party's speech is very loud"),
    ("low_level", "a party's speech is very faint"),
    ("noise", "there is loud noise under a party's speech"),
];

fn was_answered(record: &Record) -> bool {
    !matches!(record.outcome, Outcome::NotAnswered | Outcome::PolicySkipped)
}

fn sounds(record: &Record, leg: &Leg) -> bool {
    let of_leg = |channel: u16, kind| channel == leg.channel && kind == Provenance::Received;
    record.provenance.iter().any(|interval| of_leg(interval.channel, interval.kind))
}

/// Why nothing is heard of a party.
fn silence(record: &Record, leg: &Leg) -> Vec<String> {
    let role = leg.role;
    if !leg.streams.is_empty() {
        return vec![format!("media of the {role} came, and none of it could be heard")];
    }
    let other = record.legs.iter().find(|other| other.role != role);
    let receives = other.map(places).unwrap_or_default();
    let receiver = if role == Role::Caller { Role::Callee } else { Role::Caller };
    let comes_there = |refused: &&RefusedStream| {
        other.is_some_and(|other| other.named.iter().any(|named| named.endpoint == refused.destination))
    };
    if let Some(refused) = record.refused_streams.iter().find(comes_there) {
        let place = refused.destination;
        return vec![format!(
            "RTP goes to {place}, where the {receiver} receives, and is not in the call; see below why"
        )];
    }
    let mut sentences = vec![if receives.is_empty() {
        format!("no RTP of the {role} was seen, and no description says where it would go")
    } else {
        format!("no RTP was seen that goes to {}, where the {receiver} receives", receives.join(" or "))
    }];
    if other.is_some_and(|other| !other.streams.is_empty()) {
        sentences.push(format!(
            "RTP was seen in the other direction: either the {role} sent nothing, or only one direction is mirrored here"
        ));
    } else if record.legs.iter().all(|leg| leg.streams.is_empty()) && record.refused_streams.is_empty() {
        sentences.push(
            "perhaps the media goes another way than the signalling, and is not mirrored here".to_owned(),
        );
    }
    if !record.refused_streams.is_empty() {
        sentences.push(
            "streams near the call could be what is missing; see below why they are not in it".to_owned(),
        );
    }
    sentences
}

/// Where a party receives by its descriptions, no more than a sentence can hold.
fn places(leg: &Leg) -> Vec<String> {
    let described = leg.named.iter().filter(|named| named.how != "candidate");
    described.take(3).map(|named| named.endpoint.to_string()).collect()
}

/// Which codecs were not decoded, where that is what is wrong.
fn undecoded(record: &Record) -> Option<String> {
    if !record.flags.contains("codec_unsupported") && record.outcome != Outcome::CodecUnsupported {
        return None;
    }
    let streams = record.legs.iter().flat_map(|leg| &leg.streams);
    let codecs: BTreeSet<String> = streams
        .map(|stream| {
            let name = stream.codec.as_deref().map_or_else(|| "no name".to_owned(), words::printable);
            format!("{name} (payload type {})", stream.payload_type)
        })
        .collect();
    Some(format!(
        "there is media that cannot be decoded; its streams are {}",
        Vec::from_iter(codecs).join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: Outcome, flags: &[&str]) -> Record {
        let mut record = Record::from_json(include_bytes!("../tests/one_way.json")).unwrap();
        record.outcome = outcome;
        record.flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        record
    }

    #[test]
    fn every_outcome_has_words_of_its_own() {
        let told: BTreeSet<String> =
            Outcome::ALL.iter().map(|&outcome| headline(&record(outcome, &[]))).collect();
        assert_eq!(told.len(), Outcome::ALL.len());
    }

    #[test]
    fn a_call_without_media_says_where_it_should_have_come() {
        let mut silent = record(Outcome::NoMedia, &[]);
        silent.legs.iter_mut().for_each(|leg| leg.streams.clear());
        silent.refused_streams.clear();
        silent.provenance.clear();
        insta::assert_snapshot!(reasons(&silent).join("\n"));
    }

    #[test]
    fn codecs_and_holds_are_told() {
        let mut held = record(Outcome::CodecUnsupported, &["codec_unsupported", "joined_late"]);
        held.legs[0].streams[0].codec = Some("G729".into());
        held.legs[0].streams[0].payload_type = 18;
        held.epochs[0].hold = Hold::Callee;
        insta::assert_snapshot!(reasons(&held).join("\n"));
    }

    #[test]
    fn a_refusal_has_its_status() {
        let mut refused = record(Outcome::NotAnswered, &[]);
        (refused.state, refused.status_code) = (State::Rejected, Some(486));
        assert_eq!(reasons(&refused), ["the callee refused the call with status 486"]);
    }
}
