//! What a record tells of a call's signalling beyond its course: early dialogs that lost, redirections, the session
//! timer, text, software.

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::leg::StreamRecord;
use crate::number::Seconds;
use crate::outcome::Role;
use crate::timestamp;

/// An early dialog that did not become the call (RFC 3261, section 12.1).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ForkRecord {
    /// The tag that its callee gave it.
    pub tag: String,
    /// Where its callee wanted to be reached.
    pub contact: Option<String>,
    /// Its callee's software.
    pub user_agent: Option<String>,
    /// The last response that came in it.
    pub status_code: Option<u16>,
    /// When its callee rang.
    #[serde(default, with = "timestamp::optional")]
    pub ringing_at: Option<Time>,
    /// When its callee answered: too late, for another one had.
    #[serde(default, with = "timestamp::optional", skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Time>,
    /// When it was over, at the latest.
    #[serde(default, with = "timestamp::optional")]
    pub ended_at: Option<Time>,
    /// Its early media, which is not in the recording.
    pub streams: Vec<ForkStream>,
}

/// A stream of an early dialog, and who sent it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ForkStream {
    /// Whose side.
    pub role: Role,
    /// The stream.
    #[serde(flatten)]
    pub stream: StreamRecord,
}

/// A caller was told to call elsewhere (RFC 3261, section 21.3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RedirectRecord {
    /// When.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// By which response.
    pub status_code: u16,
    /// Where to.
    pub contacts: Vec<String>,
}

/// How long a session lives unless it is refreshed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionTimer {
    /// The time between two refreshes, at the most.
    pub interval_s: Seconds,
    /// Who is to refresh it; null where nobody said.
    pub refresher: Option<Role>,
    /// How often it was refreshed.
    pub refreshes: u32,
}

/// A SIP MESSAGE (RFC 3428).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TextMessage {
    /// When it came.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// Who wrote it: a URI.
    pub from: String,
    /// To whom: a URI.
    pub to: String,
    /// The type of what was written.
    pub content_type: Option<String>,
    /// What was written; null where it is no text.
    pub text: Option<String>,
    /// Whether it came in the call's dialog, and not outside of any.
    pub dialog: bool,
}

/// The software of both sides, as it calls itself.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct UserAgents {
    /// The caller's.
    pub caller: Option<String>,
    /// The callee's.
    pub callee: Option<String>,
}

impl UserAgents {
    /// Whether neither side named its own.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.caller.is_none() && self.callee.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::record::tests::full;

    fn signalled() -> Record {
        let mut record = full();
        let at = Time::from_rfc3339("2026-01-31T10:15:03Z").unwrap();
        let stream = record.legs[0].streams[0].clone();
        record.forks = vec![ForkRecord {
            tag: "b2".into(),
            contact: Some("sip:bob@192.0.2.7".into()),
            user_agent: None,
            status_code: Some(183),
            ringing_at: Some(at),
            answered_at: None,
            ended_at: record.answered_at,
            streams: vec![ForkStream { role: Role::Callee, stream }],
        }];
        record.redirects =
            vec![RedirectRecord { at, status_code: 302, contacts: vec!["sip:bob@192.0.2.8".into()] }];
        record.session_timer = Some(SessionTimer {
            interval_s: Seconds::new(1800.0),
            refresher: Some(Role::Caller),
            refreshes: 2,
        });
        record.messages = vec![TextMessage {
            at,
            from: "sip:alice@example.com".into(),
            to: "tel:+493012345678".into(),
            content_type: Some("text/plain".into()),
            text: Some("on my way".into()),
            dialog: false,
        }];
        record.identities.user_agents.callee = Some("baresip v3".into());
        record
    }

    #[test]
    fn reads_what_it_wrote() {
        let record = signalled();
        let json = record.to_json();
        assert_eq!(Record::from_json(json.as_bytes()).unwrap(), record);
        for part in [
            r#""forks":[{"tag":"b2","contact":"sip:bob@192.0.2.7","user_agent":null,"status_code":183,"ringing_at":"2026-01-31T10:15:03.000000Z","ended_at":"2026-01-31T10:15:04.123456Z","streams":[{"role":"callee","ssrc":"0x8c62ec6e","#,
            r#""redirects":[{"at":"2026-01-31T10:15:03.000000Z","status_code":302,"contacts":["sip:bob@192.0.2.8"]}]"#,
            r#""session_timer":{"interval_s":1800.0,"refresher":"caller","refreshes":2}"#,
            r#""messages":[{"at":"2026-01-31T10:15:03.000000Z","from":"sip:alice@example.com","to":"tel:+493012345678","content_type":"text/plain","text":"on my way","dialog":false}]"#,
            r#""user_agents":{"caller":null,"callee":"baresip v3"}"#,
        ] {
            assert!(json.contains(part), "{part} in {json}");
        }
    }

    #[test]
    fn what_did_not_happen_is_left_out() {
        let json = full().to_json();
        for name in ["forks", "redirects", "session_timer", "\"messages\"", "user_agents", "history_info"] {
            assert!(!json.contains(name), "{name} in {json}");
        }
    }
}
