//! A search: what `calls list` and the API may ask of the records.

use std::convert::Infallible;
use std::ops::Range;
use std::str::FromStr;

use clock::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::outcome::{Outcome, State};
use crate::pattern::{Pattern, fold};
use crate::record::Record;
use crate::row::Row;
use crate::timestamp;

/// What a call has to be like; a field left out asks nothing. Answers come oldest first.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// The caller: user, URI or asserted identity.
    pub from: Option<Pattern>,
    /// The callee: user, URI or the URI first asked for.
    pub to: Option<Pattern>,
    /// Any of these, or whom else the signalling names: who sent the call on, and to where.
    pub party: Option<Pattern>,
    /// The software of a phone that spoke or rang.
    pub user_agent: Option<Pattern>,
    /// Invited then or later.
    #[serde(with = "timestamp::optional")]
    pub since: Option<Time>,
    /// Invited before then.
    #[serde(with = "timestamp::optional")]
    pub until: Option<Time>,
    /// One of these outcomes; none given is any.
    pub outcome: Vec<Outcome>,
    /// One of these states; none given is any.
    pub state: Vec<State>,
    /// The encoding name of one of its streams, in any case.
    pub codec: Option<String>,
    /// A flag that it bears.
    pub flag: Option<String>,
    /// It has each of these tags.
    pub tag: Vec<TagQuery>,
    /// Each of these words stands in its names, URIs, Call-ID, tags or notes, in any case.
    pub text: Option<String>,
    /// Seconds from answer to end, at least.
    pub min_duration: Option<f64>,
    /// Kept by the rule of that name, in any case; an empty one asks for any.
    pub rule: Option<String>,
    /// Kept until then at the longest, and not under a hold that its record tells of.
    #[serde(with = "timestamp::optional")]
    pub due: Option<Time>,
    /// The newest so many; they come oldest first all the same.
    pub limit: Option<usize>,
}

impl Query {
    /// Whether a record fits, the limit aside.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let line = Row::line(record);
        self.spans(&record.id) && Row::parse(&line).is_some_and(|row| self.fits(&row))
    }

    /// Whether the time of that call is asked for.
    pub(crate) fn spans(&self, id: &CallId) -> bool {
        let at = id.time();
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether a row fits, its time aside.
    pub(crate) fn fits(&self, row: &Row<'_>) -> bool {
        let any = |pattern: &Pattern, names: &mut dyn Iterator<Item = &str>| {
            let mut fitting = names.filter(|name| pattern.fits_folded(name));
            fitting.next().is_some()
        };
        let is = |wanted: &String, name: &str| wanted.eq_ignore_ascii_case(name);
        (self.outcome.is_empty() || self.outcome.iter().any(|outcome| row.is_outcome(*outcome)))
            && (self.state.is_empty() || self.state.iter().any(|state| row.is_state(*state)))
            && self.min_duration.is_none_or(|least| row.duration_s.is_some_and(|seconds| seconds >= least))
            && self.codec.as_ref().is_none_or(|codec| row.codecs().any(|name| is(codec, name)))
            && self.flag.as_ref().is_none_or(|flag| row.flags().any(|name| is(flag, name)))
            && self.from.as_ref().is_none_or(|from| any(from, &mut row.from()))
            && self.to.as_ref().is_none_or(|to| any(to, &mut row.to()))
            && self.user_agent.as_ref().is_none_or(|agent| any(agent, &mut row.user_agents()))
            && self.tag.iter().all(|tag| tag.fits(row))
            && self.rule.as_ref().is_none_or(|rule| {
                let kept_by = row.retention.rule;
                if rule.is_empty() { !kept_by.is_empty() } else { fold(rule) == kept_by }
            })
            && self.due.is_none_or(|due| {
                !row.retention.is_held && row.retention.until_ns.is_some_and(|until| until <= due.as_ns())
            })
            && self
                .text
                .as_ref()
                .is_none_or(|text| fold(text).split_whitespace().all(|word| row.has_word(word)))
            && self
                .party
                .as_ref()
                .is_none_or(|party| any(party, &mut row.from().chain(row.to()).chain(row.diverted())))
    }

    /// The keys of the calls whose time is asked for, and of no others.
    pub(crate) fn keys(&self) -> Range<String> {
        // An id is as long as its prefix and more, so a bound lies before every id of its microsecond.
        let bound = |at: Time| CallId::prefix(next_microsecond(at));
        self.since.map(bound).unwrap_or_default()..self.until.map_or_else(|| "~".to_owned(), bound)
    }
}

/// A tag that a call has to have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagQuery {
    /// Its key, in any case.
    pub key: String,
    /// Its value; any where none is given.
    #[serde(default)]
    pub value: Option<Pattern>,
}

impl TagQuery {
    fn fits(&self, row: &Row<'_>) -> bool {
        let mut tags = row.tags().filter_map(|tag| tag.split_once('='));
        tags.any(|(key, value)| {
            self.key.eq_ignore_ascii_case(key) && self.value.as_ref().is_none_or(|it| it.fits_folded(value))
        })
    }
}

impl FromStr for TagQuery {
    type Err = Infallible;

    /// Reads `key`, or `key=pattern`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        Ok(TagQuery { key: key.to_owned(), value: value.map(Pattern::new) })
    }
}

/// The first whole microsecond that is not before `at`: ids are whole ones.
fn next_microsecond(at: Time) -> Time {
    let past = at.as_ns().rem_euclid(1000);
    if past == 0 { at } else { at + Span::from_ns(1000 - past) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::leg::Leg;
    use crate::number::Seconds;
    use crate::outcome::Role;
    use crate::record::tests::full;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Calls that differ in what a search may ask, minutes apart around a midnight.
    pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
        const USERS: &[&str] = &["alice", "Bob", "+493012345678", "493012341234", ""];
        let one = (
            0..40i64,
            select(USERS),
            select(USERS),
            select(Outcome::ALL),
            select(State::ALL),
            select(&["PCMU", "opus", ""][..]),
            select(&["one_way", "dead_air", ""][..]),
            proptest::option::of(0.0..3.0f64),
        );
        let record = one.prop_map(|(minute, from, to, outcome, state, codec, flag, duration)| {
            let at = Time::from_ns((1_769_903_000 + minute * 60) * 1_000_000_000 + 123_456_000);
            let mut record = Record::new(CallId::new(at, from, to), from.into(), state, outcome);
            record.caller.user = Some(from.into());
            record.caller.uri = Some(format!("sip:{from}@example.com"));
            record.callee.user = Some(to.into());
            record.duration_s = duration.map(Seconds::new);
            record.flags = [flag.to_owned()].into();
            if minute % 2 == 0 {
                record.tags.insert("Case".to_owned(), format!("No {minute}"));
                record.notes = vec![crate::Note { at, actor: "ana".into(), text: "Called BACK".into() }];
            }
            record.identities.user_agents.callee = (minute % 3 == 0).then(|| "Yealink SIP-T46S".to_owned());
            let mut leg = Leg::new(Role::Caller);
            leg.streams = full().legs[0].streams.clone();
            leg.streams[0].codec = Some(codec.to_owned());
            record.legs = vec![leg];
            record
        });
        proptest::collection::vec(record, 0..30)
    }

    /// Searches, most of which leave most fields out.
    pub(crate) fn queries() -> impl Strategy<Value = Query> {
        const PATTERNS: &[&str] =
            &["alice", "ALICE", "bo*", "*1234*", "*5678", "*", "sip:alice@*", "bob@example.com", "+49*"];
        let pattern = || proptest::option::weighted(0.3, select(PATTERNS).prop_map(Pattern::new));
        let second = || {
            let time = |(minute, off)| {
                Time::from_ns((1_769_903_000 + minute * 60) * 1_000_000_000 + 123_456_000 + off)
            };
            proptest::option::weighted(0.3, (0..40i64, -1001..1001i64).prop_map(time))
        };
        let outcomes = proptest::collection::vec(select(Outcome::ALL), 0..6);
        let states = proptest::collection::vec(select(State::ALL), 0..4);
        let codec = proptest::option::weighted(0.2, select(&["pcmu", "Opus"][..]).prop_map(String::from));
        let flag = proptest::option::weighted(0.2, select(&["one_way"][..]).prop_map(String::from));
        let least = proptest::option::weighted(0.2, 0.0..3.0f64);
        let limit = proptest::option::weighted(0.3, 0..12usize);
        const AGENTS: &[&str] = &["yealink*", "*T46S", "baresip"];
        let agent = proptest::option::weighted(0.2, select(AGENTS).prop_map(Pattern::new));
        const TAGS: &[&str] = &["case", "CASE=no 1*", "case=*2", "other"];
        let tag = proptest::collection::vec(select(TAGS).prop_map(|tag| tag.parse().unwrap()), 0..2);
        const WORDS: &[&str] = &["back", "called  ali", "no 3", "carol"];
        let text = proptest::option::weighted(0.2, select(WORDS).prop_map(String::from));
        (
            (pattern(), pattern(), pattern(), agent),
            second(),
            second(),
            outcomes,
            states,
            codec,
            flag,
            (least, tag, text),
            limit,
        )
            .prop_map(
                |(
                    (from, to, party, user_agent),
                    since,
                    until,
                    outcome,
                    state,
                    codec,
                    flag,
                    (min_duration, tag, text),
                    limit,
                )| Query {
                    tag,
                    text,
                    from,
                    to,
                    party,
                    user_agent,
                    since,
                    until,
                    outcome,
                    state,
                    codec,
                    flag,
                    min_duration,
                    rule: None,
                    due: None,
                    limit,
                },
            )
    }

    /// The same question put to the record's own fields.
    pub(crate) fn naive(query: &Query, record: &Record) -> bool {
        let user = |party: &crate::Party| party.user.clone().unwrap_or_default();
        let names = |party: &crate::Party| {
            let uri = party.uri.clone().unwrap_or_default();
            [user(party), uri.replace("sip:", ""), uri]
        };
        let fits = |pattern: &Option<Pattern>, names: &[String]| {
            pattern.as_ref().is_none_or(|pattern| names.iter().any(|name| pattern.fits(name)))
        };
        let (from, to) = (names(&record.caller), [user(&record.callee)]);
        let codec = record.legs[0].streams[0].codec.clone().unwrap();
        fits(&query.from, &from)
            && fits(&query.to, &to)
            && fits(&query.party, &[&from[..], &to[..]].concat())
            && query.user_agent.as_ref().is_none_or(|pattern| {
                record.identities.user_agents.callee.as_ref().is_some_and(|name| pattern.fits(name))
            })
            && query.since.is_none_or(|since| record.invited_at.unwrap() >= since)
            && query.until.is_none_or(|until| record.invited_at.unwrap() < until)
            && (query.outcome.is_empty() || query.outcome.contains(&record.outcome))
            && (query.state.is_empty() || query.state.contains(&record.state))
            && query.codec.as_ref().is_none_or(|wanted| wanted.to_lowercase() == codec.to_lowercase())
            && query.flag.as_ref().is_none_or(|flag| record.flags.contains(flag))
            && query.tag.iter().all(|tag| {
                let value = record.tags.get("Case").filter(|_| tag.key.eq_ignore_ascii_case("case"));
                value.is_some_and(|value| tag.value.as_ref().is_none_or(|pattern| pattern.fits(value)))
            })
            && query.text.iter().flat_map(|text| text.split_whitespace()).all(|word| {
                let notes = record.notes.iter().map(|note| note.text.clone());
                let tags = record.tags.iter().map(|(key, value)| format!("{key}={value}"));
                let agent = record.identities.user_agents.callee.clone();
                let said: Vec<_> = names(&record.caller)
                    .into_iter()
                    .chain([user(&record.callee)])
                    .chain(notes)
                    .chain(tags)
                    .chain(agent)
                    .collect();
                said.iter().any(|text| text.to_lowercase().contains(word))
            })
            && query.min_duration.is_none_or(|least| record.duration_s.is_some_and(|it| it.value() >= least))
    }

    proptest! {
        #[test]
        fn agrees_with_the_record(records in records(), query in queries()) {
            for record in records {
                prop_assert_eq!(query.matches(&record), naive(&query, &record), "{:?}\n{:?}", query, record);
                let key = record.id.to_string();
                prop_assert_eq!(query.keys().contains(&key), query.spans(&record.id));
            }
        }
    }

    #[test]
    fn finds_the_number_that_was_dialled_and_not_only_the_one_in_to() {
        let record = full();
        let to = |text| Query { to: Some(Pattern::new(text)), ..Query::default() }.matches(&record);
        assert!(to("*5678") && to("30012345678") && to("+4930*"));
        assert!(!to("alice"));
    }

    #[test]
    fn finds_what_is_due() {
        let mut record = full();
        let at = |ns| Query { due: Some(Time::from_ns(ns)), ..Query::default() };
        let by = |rule: &str| Query { rule: Some(rule.into()), ..Query::default() };
        assert!(!at(i64::MAX).matches(&record) && !by("").matches(&record));
        (record.policy.rule, record.policy.retain_until) = (Some("Desk".into()), Some(Time::from_ns(7)));
        assert!(at(7).matches(&record) && !at(6).matches(&record));
        assert!(by("desk").matches(&record) && by("").matches(&record) && !by("des").matches(&record));
        record.policy.holds = vec!["h".into()];
        assert!(!at(7).matches(&record));
    }

    #[test]
    fn crosses_the_socket() {
        let query: Query = serde_json::from_str(r#"{"to":"*1234","since":"2026-01-31T00:00:00Z"}"#).unwrap();
        assert_eq!(serde_json::from_str::<Query>(&serde_json::to_string(&query).unwrap()).unwrap(), query);
        assert!(serde_json::from_str::<Query>(r#"{"too":"*1234"}"#).is_err());
    }
}
