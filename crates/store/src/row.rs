//! What the index looks at of a call: one line of folded text in front of the record's JSON.
//!
//! A search reads these lines only and parses the JSON of what it found.

use crate::outcome::{Outcome, State};
use crate::pattern::fold;
use crate::record::Record;

/// Parts fields, and the texts within one; [`fold`] leaves neither in a text.
const FIELD: char = '\x1e';
const ITEM: char = '\x1f';

/// The searchable side of a record, borrowed from its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) state: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) duration_s: Option<f64>,
    pub(crate) bytes: u64,
    codecs: &'a str,
    flags: &'a str,
    from: &'a str,
    to: &'a str,
    diverted: &'a str,
    user_agents: &'a str,
    tags: &'a str,
    texts: &'a str,
    pub(crate) retention: Retention<'a>,
}

/// How long a call is kept, as its row says.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Retention<'a> {
    /// The folded name of the rule that decided; empty where none did.
    pub(crate) rule: &'a str,
    /// Nanoseconds since 1970.
    pub(crate) until_ns: Option<i64>,
    pub(crate) is_held: bool,
}

impl<'a> Row<'a> {
    /// The line of a record, without a line feed.
    pub(crate) fn line(record: &Record) -> String {
        let Record { state, outcome, caller, callee, identities, policy, .. } = record;
        let duration_s = record.duration_s.map(|seconds| seconds.value().to_string());
        let bytes = record.recording.as_ref().map_or(0, |file| file.bytes);
        let codecs =
            record.legs.iter().flat_map(|leg| &leg.streams).filter_map(|stream| stream.codec.as_deref());
        let from = caller.uri.iter().chain(&identities.p_asserted);
        let to = callee.uri.iter().chain(&identities.request_uri);
        [
            state.as_str().to_owned(),
            outcome.as_str().to_owned(),
            duration_s.unwrap_or_default(),
            bytes.to_string(),
            items(codecs),
            items(record.flags.iter().map(String::as_str)),
            items(caller.user.as_deref().into_iter().chain(from.flat_map(|uri| names(uri)))),
            items(callee.user.as_deref().into_iter().chain(to.flat_map(|uri| names(uri)))),
            items(also_named(record).flat_map(|uri| names(uri))),
            items(user_agents(record).map(String::as_str)),
            items(
                record
                    .tags
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str),
            ),
            items(texts(record)),
            fold(policy.rule.as_deref().unwrap_or_default()).into_owned(),
            policy.retain_until.map(|until| until.as_ns().to_string()).unwrap_or_default(),
            (!policy.holds.is_empty()).to_string(),
        ]
        .join("\x1e")
    }

    /// Reads a line; `None` where it is none.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(FIELD);
        let mut field = || fields.next();
        Some(Row {
            state: field()?,
            outcome: field()?,
            duration_s: field()?.parse().ok(),
            bytes: field()?.parse().ok()?,
            codecs: field()?,
            flags: field()?,
            from: field()?,
            to: field()?,
            diverted: field()?,
            user_agents: field()?,
            tags: field()?,
            texts: field()?,
            retention: Retention {
                rule: field()?,
                until_ns: field()?.parse().ok(),
                is_held: field()? == "true",
            },
        })
    }

    pub(crate) fn is_state(&self, state: State) -> bool {
        self.state == state.as_str()
    }

    pub(crate) fn is_outcome(&self, outcome: Outcome) -> bool {
        self.outcome == outcome.as_str()
    }

    /// Encoding names of the call's streams.
    pub(crate) fn codecs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.codecs.split_terminator(ITEM)
    }

    /// The call's flags.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.flags.split_terminator(ITEM)
    }

    /// What the caller is known by.
    pub(crate) fn from(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.from.split_terminator(ITEM)
    }

    /// What the callee is known by.
    pub(crate) fn to(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.to.split_terminator(ITEM)
    }

    /// What those are known by who sent the call on or vouch for somebody, and where it was sent on to.
    pub(crate) fn diverted(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.diverted.split_terminator(ITEM)
    }

    /// The call's tags, each as `key=value`.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.tags.split_terminator(ITEM)
    }

    /// Whether a folded word stands anywhere in what the call is known by, or in what is said of it.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        [self.from, self.to, self.diverted, self.user_agents, self.tags, self.texts]
            .iter()
            .any(|field| field.contains(word))
    }

    /// The software of the phones.
    pub(crate) fn user_agents(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.user_agents.split_terminator(ITEM)
    }
}

/// What is said of the call beside what it is known by.
fn texts(record: &Record) -> impl Iterator<Item = &str> {
    let displays = [&record.caller, &record.callee].into_iter().filter_map(|party| party.display.as_deref());
    let notes = record.notes.iter().map(|note| note.text.as_str());
    displays.chain([record.call_id.as_str()]).chain(notes)
}

/// Whom the signalling names beside From and To.
fn also_named(record: &Record) -> impl Iterator<Item = &String> {
    let identities = &record.identities;
    let redirected = record.redirects.iter().flat_map(|redirect| &redirect.contacts);
    let vouched = identities.p_preferred.iter().chain(&identities.remote_party_id);
    identities.diversion.iter().chain(vouched).chain(&identities.history_info).chain(redirected)
}

/// The software of both sides, and of those who rang as well.
fn user_agents(record: &Record) -> impl Iterator<Item = &String> {
    let known = &record.identities.user_agents;
    let forks = record.forks.iter().filter_map(|fork| fork.user_agent.as_ref());
    known.caller.iter().chain(&known.callee).chain(forks)
}

/// Texts, folded, each with its mark behind it; one that was there already is left out.
fn items<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut folded: Vec<_> = texts.map(fold).collect();
    let mut joined = String::new();
    folded.dedup();
    for text in folded {
        joined.push_str(&text);
        joined.push(ITEM);
    }
    joined
}

/// What a URI may be searched by: as it stands, without its scheme, and its user alone.
///
/// `"Bob" <sip:bob@example.com;x=y>;z` is known by `sip:bob@example.com;x=y`, `bob@example.com;x=y` and `bob`.
fn names(uri: &str) -> [&str; 3] {
    let (_, bracketed) = uri.split_once('<').unwrap_or(("", uri));
    let (uri, _) = bracketed.split_once('>').unwrap_or((bracketed, ""));
    let (_, rest) = uri.split_once(':').unwrap_or(("", uri));
    let (user, _) = rest.split_once(['@', ';', '?']).unwrap_or((rest, ""));
    [uri, rest, user]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::full;

    #[test]
    fn a_line_holds_what_a_search_asks_for() {
        let mut record = full();
        record.identities.diversion = vec!["\"The Desk\" <sip:desk@example.com>;reason=unknown".into()];
        let line = Row::line(&record);
        let row = Row::parse(&line).unwrap();
        assert!(row.is_state(State::Completed) && row.is_outcome(Outcome::Recorded));
        assert_eq!((row.duration_s, row.bytes), (Some(12.1), 384_684));
        assert_eq!(row.codecs().collect::<Vec<_>>(), ["pcmu"]);
        assert_eq!(row.flags().collect::<Vec<_>>(), ["dead_air", "one_way"]);
        assert_eq!(
            row.from().collect::<Vec<_>>(),
            ["alice", "sip:alice@example.com", "alice@example.com", "alice"]
        );
        assert!(row.to().any(|name| name == "+493012345678") && row.to().any(|name| name == "30012345678"));
        assert_eq!(row.diverted().collect::<Vec<_>>(), ["sip:desk@example.com", "desk@example.com", "desk"]);
    }

    #[test]
    fn whoever_is_named_is_found() {
        let mut record = full();
        record.identities.remote_party_id = vec!["<sip:4711@gw.example.net>;party=calling".into()];
        record.identities.p_preferred = vec!["<sip:desk@example.com>".into()];
        record.identities.history_info =
            vec!["<sip:lobby@example.com?Reason=SIP%3Bcause%3D302>;index=1".into()];
        record.identities.user_agents.caller = Some("Yealink SIP-T46S".into());
        record.redirects = vec![crate::RedirectRecord {
            at: record.id.time(),
            status_code: 302,
            contacts: vec!["sip:mobile@example.org".into()],
        }];
        let line = Row::line(&record);
        let row = Row::parse(&line).unwrap();
        for user in ["4711", "desk", "lobby", "mobile"] {
            assert!(row.diverted().any(|name| name == user), "{user} in {line:?}");
        }
        assert_eq!(row.user_agents().collect::<Vec<_>>(), ["yealink sip-t46s"]);
        assert!(Row::parse(line.rsplit_once(FIELD).unwrap().0).is_none());
    }

    #[test]
    fn a_line_holds_what_was_attached_and_how_long_it_is_kept() {
        let mut record = full();
        record.tag(&["Case=A B".parse().unwrap()]).unwrap();
        record
            .note(crate::Note { at: record.id.time(), actor: "ana".into(), text: "Heard\nTWICE".into() })
            .unwrap();
        let line = Row::line(&record);
        assert_eq!(Row::parse(&line).unwrap().retention, Retention::default());
        record.policy.rule = Some("desk".into());
        record.policy.retain_until = Some(clock::Time::from_ns(7));
        record.policy.holds = vec!["h".into()];
        let line = Row::line(&record);
        let row = Row::parse(&line).unwrap();
        assert_eq!(row.tags().collect::<Vec<_>>(), ["case=a b"]);
        for word in ["heard", "twice", "case", "843817637684230@", "alice,", "bob"] {
            assert_eq!(row.has_word(word), word != "bob", "{word}");
        }
        assert_eq!(row.retention, Retention { rule: "desk", until_ns: Some(7), is_held: true });
    }

    #[test]
    fn marks_within_a_name_do_not_break_the_line() {
        let mut record = full();
        record.caller.user = Some("a\x1e\x1f\nb".into());
        let line = Row::line(&record);
        assert!(!line.contains('\n'));
        assert_eq!(Row::parse(&line).unwrap().from().next(), Some("a   b"));
        assert!(Row::parse("completed").is_none());
    }
}
