//! The record of a call, schema 1: call.json, a line of `calls list --json` and the API's call are this one object.
//!
//! The names and their order are a contract: fields may be added, never renamed.

use std::collections::{BTreeMap, BTreeSet};

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::attachment::Note;
use crate::evidence::RefusedStream;
use crate::fax::Fax;
use crate::finding::{Finding, Series};
use crate::id::CallId;
use crate::leg::{Leg, is_zero};
use crate::number::Seconds;
use crate::outcome::{EndReason, Hold, LinkReason, Outcome, Provenance, State};
use crate::signalling::{ForkRecord, RedirectRecord, SessionTimer, TextMessage, UserAgents};
use crate::timestamp;

/// What is known of one call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The version of this object; 1.
    pub schema: u32,
    /// The call's id in this store.
    pub id: CallId,
    /// The Call-ID of its dialog.
    pub call_id: String,
    /// How far its signalling came.
    pub state: State,
    /// What became of it.
    pub outcome: Outcome,
    /// Who called.
    pub caller: Party,
    /// Who was called.
    pub callee: Party,
    /// Whom else the signalling names.
    pub identities: Identities,
    /// When the invite was seen.
    #[serde(default, with = "timestamp::optional")]
    pub invited_at: Option<Time>,
    /// When the callee rang.
    #[serde(default, with = "timestamp::optional")]
    pub ringing_at: Option<Time>,
    /// When the callee answered.
    #[serde(default, with = "timestamp::optional")]
    pub answered_at: Option<Time>,
    /// When it was over.
    #[serde(default, with = "timestamp::optional")]
    pub ended_at: Option<Time>,
    /// Why it was over; null while it goes on.
    pub end_reason: Option<EndReason>,
    /// The final response to the invite.
    pub status_code: Option<u16>,
    /// From the invite to the answer.
    pub setup_s: Option<Seconds>,
    /// From the answer to the end.
    pub duration_s: Option<Seconds>,
    /// The caller's side, then the callee's.
    pub legs: Vec<Leg>,
    /// Streams near the call that are not in it, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_streams: Vec<RefusedStream>,
    /// The spans in which one offer and answer held, in order.
    pub epochs: Vec<Epoch>,
    /// The audio; null where there is none.
    pub recording: Option<RecordingFile>,
    /// Where the samples come from, by channel and time.
    pub provenance: Vec<Interval>,
    /// What listening by numbers found, by flag, channel and time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Loss, jitter and level of each second, in a file beside the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// Its fax, where datagrams of one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax: Option<Fax>,
    /// Reports of voice quality by SIP that no stream of the call fits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unplaced_reports: u64,
    /// The early dialogs of a forked call that did not become it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<ForkRecord>,
    /// Where the caller was told to call instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<RedirectRecord>,
    /// The session timer that was agreed upon last (RFC 4028).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_timer: Option<SessionTimer>,
    /// What the parties wrote to each other by SIP MESSAGE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<TextMessage>,
    /// What a listener should know, in alphabetical order.
    pub flags: BTreeSet<String>,
    /// The Call-IDs of linked calls.
    pub linked_call_ids: Vec<String>,
    /// The same with each reason, in the order of their times.
    pub links: Vec<Link>,
    /// What the site attached to the call.
    pub tags: BTreeMap<String, String>,
    /// What people wrote about the call, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The rules that it is kept by.
    pub policy: Policy,
}

impl Record {
    /// The version of the object that this program writes.
    pub const SCHEMA: u32 = 1;

    /// A record that says nothing yet but whose it is.
    #[must_use]
    pub fn new(id: CallId, call_id: String, state: State, outcome: Outcome) -> Self {
        let invited_at = Some(id.time());
        Record {
            schema: Record::SCHEMA,
            id,
            call_id,
            state,
            outcome,
            caller: Party::default(),
            callee: Party::default(),
            identities: Identities::default(),
            invited_at,
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            end_reason: None,
            status_code: None,
            setup_s: None,
            duration_s: None,
            legs: vec![],
            refused_streams: vec![],
            epochs: vec![],
            recording: None,
            provenance: vec![],
            findings: vec![],
            fax: None,
            series: None,
            unplaced_reports: 0,
            forks: vec![],
            redirects: vec![],
            session_timer: None,
            messages: vec![],
            flags: BTreeSet::new(),
            linked_call_ids: vec![],
            links: vec![],
            tags: BTreeMap::new(),
            notes: vec![],
            policy: Policy::default(),
        }
    }

    /// Notes that it is linked with the call `id`, whose Call-ID is `call_id`. Links stand in the order of the calls'
    /// times, whichever was found first.
    pub fn link(&mut self, id: &CallId, call_id: &str, reason: LinkReason) {
        let link = Link { call_id: call_id.to_owned(), reason, id: Some(id.clone()) };
        if self.links.len() < MOST_LINKS && !self.links.contains(&link) {
            self.links.push(link);
            let place = |link: &Link| (link.id.clone(), link.call_id.clone(), link.reason.as_str());
            self.links.sort_by_key(place);
        }
        self.linked_call_ids.clear();
        for link in &self.links {
            if !self.linked_call_ids.contains(&link.call_id) {
                self.linked_call_ids.push(link.call_id.clone());
            }
        }
    }

    /// The record as one line of JSON, without its line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a record has no map with keys other than text")
    }

    /// Reads a record; fields that are not known here are passed over.
    ///
    /// # Errors
    /// Where it is no JSON, or lacks a field of schema 1.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

/// A conversation of more calls is none.
const MOST_LINKS: usize = 256;

/// A party as its header names it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Party {
    /// The user part of the URI.
    pub user: Option<String>,
    /// The URI.
    pub uri: Option<String>,
    /// The name beside it.
    pub display: Option<String>,
    /// The tag that it gave the dialog.
    pub tag: Option<String>,
}

/// Whom the signalling names beside From and To.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Identities {
    /// Who the network vouches for (RFC 3325).
    pub p_asserted: Vec<String>,
    /// Who sent the call on (RFC 5806).
    pub diversion: Vec<String>,
    /// Where the first invite was sent.
    pub request_uri: Option<String>,
    /// Who the caller would rather be called (RFC 3325).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub p_preferred: Vec<String>,
    /// Who somebody on the way says that it is, from either side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remote_party_id: Vec<String>,
    /// By whom the call went on its way (RFC 7044).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history_info: Vec<String>,
    /// The software of both sides.
    #[serde(default, skip_serializing_if = "UserAgents::is_unknown")]
    pub user_agents: UserAgents,
}

/// A span in which one offer and answer held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Epoch {
    /// When it began; it ends where the next begins.
    #[serde(with = "timestamp")]
    pub from: Time,
    /// Who held the call in it.
    pub hold: Hold,
}

/// The audio file of a call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordingFile {
    /// Where it is, relative to the store.
    pub path: String,
    /// Its container, such as `wav`.
    pub format: String,
    /// Its samples, such as `pcm_s16le`.
    pub encoding: String,
    /// Samples in a frame.
    pub channels: u16,
    /// Frames a second.
    pub sample_rate: u32,
    /// Frames in all.
    pub frames: u64,
    /// The time of frame 0.
    #[serde(default, with = "timestamp::optional")]
    pub started_at: Option<Time>,
    /// Frames over rate.
    pub duration_s: Seconds,
    /// The length of the file.
    pub bytes: u64,
    /// The BLAKE3 hash of the file, in hexadecimal.
    pub blake3: String,
    /// Silence of both parties that was too long to be kept: what comes later was so much later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// Where a long call has too many intervals to be told one by one: so long a span of short ones may be told as one, of
    /// the kind among them that says the least for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance_grain_s: Option<Seconds>,
    /// All files, where each party has one of its own; the first is the one above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AudioFile>,
}

/// One of several audio files of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AudioFile {
    /// Where it is, relative to the store.
    pub path: String,
    /// Whose it is: 0 is the caller's.
    pub channel: u16,
    /// The length of the file.
    pub bytes: u64,
    /// The BLAKE3 hash of the file, in hexadecimal.
    pub blake3: String,
}

/// Silence that is not in the file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cut {
    /// Where it would be, from frame 0.
    pub at_s: Seconds,
    /// How long it was.
    pub left_out_s: Seconds,
}

/// An interval of one channel and where its samples come from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// The channel of the recording.
    pub channel: u16,
    /// Its beginning, from frame 0.
    pub from_s: Seconds,
    /// Its end.
    pub to_s: Seconds,
    /// Where its samples come from.
    pub kind: Provenance,
}

/// Another call of the same conversation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The Call-ID of its dialog.
    pub call_id: String,
    /// Why it is thought to belong.
    pub reason: LinkReason,
    /// Its id in this store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallId>,
}

/// The rules that a recording is kept by.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// The rule that decided; null where none was set.
    pub rule: Option<String>,
    /// When it may be deleted; null for never.
    #[serde(default, with = "timestamp::optional")]
    pub retain_until: Option<Time>,
    /// The holds that forbid it.
    pub holds: Vec<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::evidence::Match;
    use crate::leg::{Digit, Jitter, Mos, Ssrc, StreamRecord};
    use crate::number::{Milliseconds, Ppm, Score};
    use crate::outcome::{DigitMethod, Role};

    fn time(text: &str) -> Option<Time> {
        Time::from_rfc3339(text)
    }

    /// A call of which everything is known.
    pub(crate) fn full() -> Record {
        let at = time("2026-01-31T10:15:02.123456Z").unwrap();
        let id = CallId::new(at, "843817637684230@998sdasdh09", "1928301774");
        let mut record = Record::new(
            id.clone(),
            "843817637684230@998sdasdh09".into(),
            State::Completed,
            Outcome::Recorded,
        );
        record.caller = Party {
            user: Some("alice".into()),
            uri: Some("sip:alice@example.com".into()),
            display: Some("Alice, A.".into()),
            tag: Some("1928301774".into()),
        };
        record.callee = Party {
            user: Some("+493012345678".into()),
            uri: Some("tel:+493012345678".into()),
            display: None,
            tag: Some("a6c85cf".into()),
        };
        record.identities.request_uri = Some("sip:30012345678@gw.example.net".into());
        record.ringing_at = time("2026-01-31T10:15:03Z");
        record.answered_at = time("2026-01-31T10:15:04.123456Z");
        record.ended_at = time("2026-01-31T10:15:16.223456Z");
        record.end_reason = Some(EndReason::ByeCaller);
        record.status_code = Some(200);
        record.setup_s = Some(Seconds::new(2.0));
        record.duration_s = Some(Seconds::new(12.1));
        let mut leg = Leg::new(Role::Caller);
        leg.streams.push(StreamRecord {
            ssrc: Ssrc(0x8c62_ec6e),
            source: "192.0.2.10:20000".parse().unwrap(),
            destination: "[2001:db8::20]:30000".parse().unwrap(),
            payload_type: 0,
            codec: Some("PCMU".into()),
            clock_rate: Some(8000),
            ptime_ms: Some(20),
            packets: 600,
            octets: 96_000,
            lost: 0,
            duplicates: 0,
            reordered: 0,
            jitter_ms: Jitter { mean: Milliseconds::new(0.1), max: Milliseconds::new(0.4) },
            delay_ms: None,
            bursts: None,
            reported: vec![],
            skew_ppm: Some(Ppm::new(1.2)),
            clock_check: None,
            first_packet_at: time("2026-01-31T10:15:04.2Z"),
            last_packet_at: None,
            matched: Match { rule: "sdp_address".into(), confidence: Score::new(1.0), evidence: vec![] },
            encryption: None,
            authentication_failures: 0,
            encapsulation: vec![],
        });
        leg.dtmf.push(Digit { digit: '4', at, duration_ms: 200, method: DigitMethod::Rfc4733 });
        leg.mos = Some(Mos { value: Score::new(4.4), model: "G.107".into(), r: None, playout_ms: None });
        leg.quality = serde_json::json!({"clipped": 0});
        record.legs = vec![leg, Leg::new(Role::Callee)];
        record.epochs = vec![Epoch { from: at, hold: Hold::None }];
        record.recording = Some(RecordingFile {
            path: format!("recordings/2026/01/31/{id}/call.wav"),
            format: "wav".into(),
            encoding: "pcm_s16le".into(),
            channels: 2,
            sample_rate: 8000,
            frames: 96_160,
            started_at: time("2026-01-31T10:15:04.2Z"),
            duration_s: Seconds::new(12.02),
            bytes: 384_684,
            blake3: "00".repeat(32),
            cuts: vec![],
            provenance_grain_s: None,
            files: vec![],
        });
        record.provenance = vec![Interval {
            channel: 0,
            from_s: Seconds::new(0.0),
            to_s: Seconds::new(3.2),
            kind: Provenance::Received,
        }];
        record.flags = ["one_way", "dead_air"].map(String::from).into();
        record.links = vec![Link { call_id: id.to_string(), reason: LinkReason::XHeader, id: None }];
        record
    }

    #[test]
    fn links_are_in_one_order_whichever_came_first() {
        let id = |n: i64| CallId::new(Time::from_ns(n * 1_000_000_000), "x", "y");
        let links = [(2, "b", LinkReason::Replaces), (1, "a", LinkReason::Refer), (2, "b", LinkReason::Icid)];
        let linked = |order: [usize; 4]| {
            let mut record = Record::new(id(3), "c".into(), State::Completed, Outcome::Recorded);
            for (n, call_id, reason) in order.into_iter().filter_map(|at| links.get(at % 3)) {
                record.link(&id(*n), call_id, *reason);
            }
            record
        };
        let record = linked([0, 1, 2, 0]);
        assert_eq!(record.linked_call_ids, ["a", "b"]);
        assert_eq!(record.links.len(), 3);
        assert_eq!(record, linked([2, 0, 1, 1]));
        let json = record.to_json();
        assert!(json.contains(&format!(r#"{{"call_id":"a","reason":"refer","id":"{}"}}"#, id(1))), "{json}");
        assert_eq!(Record::from_json(json.as_bytes()).unwrap(), record);
    }

    #[test]
    fn is_the_object_of_the_contract() {
        let id = full().id;
        let expected = format!(
            r#"{{"schema":1,"id":"{id}","call_id":"843817637684230@998sdasdh09","state":"completed","outcome":"recorded","caller":{{"user":"alice","uri":"sip:alice@example.com","display":"Alice, A.","tag":"1928301774"}},"callee":{{"user":"+493012345678","uri":"tel:+493012345678","display":null,"tag":"a6c85cf"}},"identities":{{"p_asserted":[],"diversion":[],"request_uri":"sip:30012345678@gw.example.net"}},"invited_at":"2026-01-31T10:15:02.123456Z","ringing_at":"2026-01-31T10:15:03.000000Z","answered_at":"2026-01-31T10:15:04.123456Z","ended_at":"2026-01-31T10:15:16.223456Z","end_reason":"bye_caller","status_code":200,"setup_s":2.0,"duration_s":12.1,"legs":[{{"role":"caller","channel":0,"streams":[{{"ssrc":"0x8c62ec6e","source":"192.0.2.10:20000","destination":"[2001:db8::20]:30000","payload_type":0,"codec":"PCMU","clock_rate":8000,"ptime_ms":20,"packets":600,"octets":96000,"lost":0,"duplicates":0,"reordered":0,"jitter_ms":{{"mean":0.1,"max":0.4}},"skew_ppm":1.2,"first_packet_at":"2026-01-31T10:15:04.200000Z","last_packet_at":null,"match":{{"rule":"sdp_address","confidence":1.0}},"encryption":null}}],"dtmf":[{{"digit":"4","at":"2026-01-31T10:15:02.123456Z","duration_ms":200,"method":"rfc4733"}}],"mos":{{"value":4.4,"model":"G.107"}},"quality":{{"clipped":0}}}},{{"role":"callee","channel":1,"streams":[],"dtmf":[],"mos":null,"quality":null}}],"epochs":[{{"from":"2026-01-31T10:15:02.123456Z","hold":"none"}}],"recording":{{"path":"recordings/2026/01/31/{id}/call.wav","format":"wav","encoding":"pcm_s16le","channels":2,"sample_rate":8000,"frames":96160,"started_at":"2026-01-31T10:15:04.200000Z","duration_s":12.02,"bytes":384684,"blake3":"{}"}},"provenance":[{{"channel":0,"from_s":0.0,"to_s":3.2,"kind":"received"}}],"flags":["dead_air","one_way"],"linked_call_ids":[],"links":[{{"call_id":"{id}","reason":"x_header"}}],"tags":{{}},"policy":{{"rule":null,"retain_until":null,"holds":[]}}}}"#,
            "00".repeat(32)
        );
        assert_eq!(full().to_json(), expected);
    }

    #[test]
    fn reads_what_it_wrote_and_passes_over_added_fields() {
        let record = full();
        let json = record.to_json();
        assert_eq!(Record::from_json(json.as_bytes()).unwrap(), record);
        let grown = json.replacen("{\"schema\":1,", "{\"schema\":1,\"sentiment\":{\"caller\":[0.3]},", 1);
        assert_eq!(Record::from_json(grown.as_bytes()).unwrap(), record);
        assert!(Record::from_json(&json.as_bytes()[..json.len() - 1]).is_err());
        assert!(Record::from_json(json.replace("\"recorded\"", "\"lost\"").as_bytes()).is_err());
    }

    #[test]
    fn what_is_unknown_is_null() {
        let id = full().id;
        let json = Record::new(id, String::new(), State::Incomplete, Outcome::NoMedia).to_json();
        for field in ["ringing_at", "answered_at", "ended_at", "end_reason", "status_code", "recording"] {
            assert!(json.contains(&format!("\"{field}\":null")), "{field} in {json}");
        }
        assert!(Record::from_json(json.as_bytes()).is_ok());
    }
}
