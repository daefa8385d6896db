//! The explanation as a whole: an object for programs, lines for people.

use std::fmt::{self, Write as _};

use serde::Serialize;
use store::{CallId, Outcome, Record, Role, State};

use crate::audio;
use crate::stream::{self, Explained};
use crate::words;

/// Why a call is recorded as it is.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// The call's id.
    pub id: CallId,
    /// How far its signalling came.
    pub state: State,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it has the audio that it has, a sentence each.
    pub audio: Vec<String>,
    /// The caller's side, then the callee's.
    pub legs: Vec<ExplainedLeg>,
    /// Streams near the call that are not in it.
    pub refused: Vec<Explained>,
    #[serde(skip)]
    parties: String,
}

/// One party's side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExplainedLeg {
    /// Whose side.
    pub role: Role,
    /// Where the party said that it receives media, a sentence each.
    pub named: Vec<String>,
    /// What it sent.
    pub streams: Vec<Explained>,
}

/// Explains a record.
#[must_use]
pub fn explain(record: &Record) -> Explanation {
    let legs = record.legs.iter().map(|leg| ExplainedLeg {
        role: leg.role,
        named: leg.named.iter().map(|named| words::named(leg.role, named)).collect(),
        streams: leg.streams.iter().map(stream::matched).collect(),
    });
    let who = |party: &store::Party| {
        let name = party.user.as_deref().or(party.uri.as_deref());
        name.map_or_else(|| "unknown".to_owned(), words::printable)
    };
    Explanation {
        id: record.id.clone(),
        state: record.state,
        outcome: record.outcome,
        audio: audio::reasons(record),
        legs: legs.collect(),
        refused: record.refused_streams.iter().map(stream::refused).collect(),
        parties: format!("{} to {}", who(&record.caller), who(&record.callee)),
    }
}

impl Explanation {
    /// One line of JSON, without its line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it has no map with keys other than text")
    }
}

/// Lines for a terminal.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "call {}: {}", self.id, self.parties)?;
        writeln!(f, "{}, {}", self.state, self.outcome)?;
        for sentence in &self.audio {
            writeln!(f, "  {sentence}")?;
        }
        for leg in &self.legs {
            let mut text = String::new();
            for sentence in &leg.named {
                writeln!(text, "  {sentence}")?;
            }
            for stream in &leg.streams {
                write!(text, "{stream}")?;
            }
            if leg.streams.is_empty() {
                writeln!(text, "  no stream of the {} is in the call", leg.role)?;
            }
            write!(f, "\n{}\n{text}", leg.role)?;
        }
        if !self.refused.is_empty() {
            write!(f, "\nnear it, and not in the call\n")?;
            for stream in &self.refused {
                write!(f, "{stream}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = include_str!("../tests/one_way.json");

    fn record() -> Record {
        Record::from_json(RECORD.as_bytes()).unwrap()
    }

    #[test]
    fn a_call_of_which_one_party_is_missing() {
        insta::assert_snapshot!(explain(&record()));
    }

    #[test]
    fn the_same_for_programs() {
        let json: serde_json::Value = serde_json::from_str(&explain(&record()).to_json()).unwrap();
        assert_eq!(json["id"], "20260302T090000.000000Z-53d4f7a1");
        assert_eq!(json["legs"][0]["role"], "caller");
        assert_eq!(json["legs"][0]["streams"][0]["why"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["refused"][0]["reason"], "no_claim");
        assert!(json["audio"][1].as_str().unwrap().contains("no RTP was seen"));
    }

    #[test]
    fn nothing_that_a_message_said_moves_the_cursor() {
        let mut record = record();
        record.caller.user = Some("a\u{1b}[2Jb".into());
        record.legs[0].streams[0].codec = Some("PC\nMU".into());
        let text = explain(&record).to_string();
        assert!(text.contains("a?[2Jb") && text.contains("PC?MU") && !text.contains('\u{1b}'));
    }
}
