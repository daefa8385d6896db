//! The calls of one conversation, as their records link them: for `calls show` and `calls list --linked`.

use std::collections::{BTreeMap, VecDeque};

use store::{CallId, Record, Store};

use crate::table;

/// A conversation of more calls is shown no further.
const MOST_CALLS: usize = 256;

/// The call `record` and all that are linked with it, directly or through others, in the order of their times. A call
/// that is no longer there, or cannot be read, is left out.
pub(crate) fn of(store: &Store, record: &Record) -> Vec<Record> {
    let mut found = BTreeMap::from([(record.id.clone(), record.clone())]);
    let mut ahead: VecDeque<CallId> = linked(record).cloned().collect();
    while let Some(id) = ahead.pop_front() {
        if found.len() >= MOST_CALLS {
            break;
        }
        if found.contains_key(&id) {
            continue;
        }
        if let Ok(record) = store.record(&id) {
            ahead.extend(linked(&record).filter(|id| !found.contains_key(id)).cloned());
            found.insert(id, record);
        }
    }
    found.into_values().collect()
}

fn linked(record: &Record) -> impl Iterator<Item = &CallId> {
    record.links.iter().filter_map(|link| link.id.as_ref())
}

/// The conversation, a line a call: its number, when it was, who called whom, how long they talked, its id, and why it
/// is linked with those above it. `shown` is marked.
pub(crate) fn draw(chain: &[Record], shown: &CallId) -> String {
    let rows: Vec<[String; 7]> =
        chain.iter().enumerate().map(|(at, record)| row(chain, at, record, shown)).collect();
    table::align(&rows)
}

fn row(chain: &[Record], at: usize, record: &Record, shown: &CallId) -> [String; 7] {
    let time = record.invited_at.map(|at| at.format_utc("%H:%M:%S%.3f")).unwrap_or_default();
    let talk = record.duration_s.map_or(0.0, store::Seconds::value);
    let mark = if record.id == *shown { '*' } else { ' ' };
    [
        format!("{mark}{}", at + 1),
        time,
        format!("{} > {}", table::party(&record.caller), table::party(&record.callee)),
        if record.answered_at.is_some() { format!("{talk:.1} s") } else { record.state.to_string() },
        record.end_reason.map_or("-", store::EndReason::as_str).to_owned(),
        record.id.to_string(),
        chain
            .iter()
            .take(at)
            .enumerate()
            .filter_map(|(n, above)| reasons(record, above, n + 1))
            .collect::<Vec<_>>()
            .join(", "),
    ]
}

/// `refer 1` or `refer+replaces 1`.
fn reasons(record: &Record, above: &Record, number: usize) -> Option<String> {
    let reasons: Vec<&str> = record
        .links
        .iter()
        .filter(|link| link.id.as_ref() == Some(&above.id))
        .map(|link| link.reason.as_str())
        .collect();
    (!reasons.is_empty()).then(|| format!("{} {number}", reasons.join("+")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Time;
    use store::{Durability, LinkReason, Outcome, Recording, State};

    fn call(n: i64, caller: &str, callee: &str) -> Record {
        let id = CallId::new(Time::from_parts(1_700_000_000 + n, 0), caller, callee);
        let mut record = Record::new(id, format!("{caller}-{callee}"), State::Completed, Outcome::Recorded);
        (record.caller.user, record.callee.user) = (Some(caller.into()), Some(callee.into()));
        record
    }

    fn link(one: &mut Record, other: &mut Record, reason: LinkReason) {
        one.link(&other.id, &other.call_id, reason);
        other.link(&one.id, &one.call_id, reason);
    }

    #[test]
    fn is_followed_from_either_end_and_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (mut a, mut b, mut c) =
            (call(0, "alice", "bob"), call(1, "bob", "carol"), call(2, "alice", "carol"));
        link(&mut a, &mut b, LinkReason::Refer);
        link(&mut b, &mut c, LinkReason::Replaces);
        link(&mut b, &mut c, LinkReason::PayloadMatch);
        // A call that was deleted since.
        link(&mut c, &mut call(3, "x", "y"), LinkReason::Icid);
        for record in [&a, &b, &c, &call(4, "dave", "eve")] {
            Recording::begin(&store, &record.id, Durability::Fast).unwrap().publish(record).unwrap();
        }
        let chain = of(&store, &c);
        assert_eq!(chain, [a.clone(), b.clone(), c.clone()]);
        assert_eq!(of(&store, &a), chain);
        insta::assert_snapshot!(draw(&chain, &b.id), @r"
         1  22:13:20.000  alice > bob    completed  -  20231114T221320.000000Z-2b28474d
        *2  22:13:21.000  bob > carol    completed  -  20231114T221321.000000Z-a5666097  refer 1
         3  22:13:22.000  alice > carol  completed  -  20231114T221322.000000Z-8a9f37a2  payload_match+replaces 2
        ");
    }
}
