//! What is to be deleted now, and why: found first, deleted then, one call after the other.

use std::collections::BTreeMap;

use clock::Time;
use serde::Serialize;

use super::Retention;
use crate::id::CallId;
use crate::record::Record;

/// Why a call may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its time is over.
    Expired,
    /// Its class has no room for it.
    Room,
}

impl Why {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Expired => "expired",
            Why::Room => "room",
        }
    }
}

/// A call that may go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Due {
    /// The call.
    pub id: CallId,
    /// The class that lets it go.
    pub rule: String,
    /// Why it does.
    pub why: Why,
    /// Octets of its files.
    pub bytes: u64,
}

/// Finds what may go: each call of a class is handed in, in whatever order.
#[derive(Debug)]
pub struct Plan<'a> {
    retention: &'a Retention,
    now: Time,
    due: Vec<Due>,
    /// Calls of classes that have a room, and whose time is not over.
    roomed: BTreeMap<&'a str, Vec<(CallId, u64)>>,
}

impl<'a> Plan<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(retention: &'a Retention, now: Time) -> Self {
        Plan { retention, now, due: vec![], roomed: BTreeMap::new() }
    }

    /// Looks at a call whose files have so many octets, which are only asked for where they matter. One that is held
    /// takes its room and does not go.
    pub fn handle_record(&mut self, record: &Record, is_held: bool, bytes: impl FnOnce() -> u64) {
        let Some(rule) = &record.policy.rule else { return };
        let is_over = record.policy.retain_until.is_some_and(|until| until <= self.now);
        if is_over && !is_held {
            let (id, rule) = (record.id.clone(), rule.clone());
            self.due.push(Due { id, rule, why: Why::Expired, bytes: bytes() });
        } else if let Some(class) = self.retention.class(rule).filter(|class| class.bytes.is_some()) {
            let is_young = super::end_of(record) + class.at_least > self.now;
            // What may not go takes its room first.
            let id = if is_held || is_young { None } else { Some(record.id.clone()) };
            let of_class = self.roomed.entry(&class.name).or_default();
            match id {
                Some(id) => of_class.push((id, bytes())),
                None => of_class.push((CallId::last(), bytes())),
            }
        }
    }

    /// What may go, the oldest first.
    #[must_use]
    pub fn due(mut self) -> Vec<Due> {
        for (rule, mut calls) in std::mem::take(&mut self.roomed) {
            let room = self.retention.class(rule).and_then(|class| class.bytes).unwrap_or(u64::MAX);
            let mut taken: u64 = calls.iter().map(|(_, bytes)| bytes).sum();
            calls.sort_unstable();
            let going = calls.into_iter().take_while(|(id, bytes)| {
                let goes = taken > room && *id != CallId::last();
                taken -= if goes { *bytes } else { 0 };
                goes
            });
            let due = |(id, bytes)| Due { id, rule: rule.to_owned(), why: Why::Room, bytes };
            self.due.extend(going.map(due));
        }
        self.due.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::class;
    use super::*;
    use crate::outcome::{Outcome, State};
    use clock::Span;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn record(n: i64, rule: &str, until: Option<i64>) -> Record {
        let id = CallId::new(Time::from_ns(n * SECOND), "x", "y");
        let mut record = Record::new(id, String::new(), State::Completed, Outcome::Recorded);
        record.policy.rule = Some(rule.to_owned()).filter(|rule| !rule.is_empty());
        record.policy.retain_until = until.map(|until| Time::from_ns(until * SECOND));
        record
    }

    proptest! {
        #[test]
        fn the_oldest_go_until_there_is_room(
            calls in proptest::collection::vec((0..60i64, 0..4usize, any::<bool>(), 1..10u64), 0..40),
            room in 0..100u64,
        ) {
            let mut roomy = class("roomy", None);
            (roomy.bytes, roomy.at_least) = (Some(room), Span::from_secs(10));
            let retention = Retention { classes: vec![class("timed", Some(1)), roomy] };
            let now = Time::from_ns(60 * SECOND);
            let mut plan = Plan::new(&retention, now);
            let calls: BTreeMap<i64, _> = calls.into_iter().map(|(n, kind, held, bytes)| (n, (kind, held, bytes))).collect();
            for (n, (kind, held, bytes)) in &calls {
                let (rule, until) = [("", Some(1)), ("timed", Some(*n + 30)), ("roomy", None), ("gone", None)][*kind];
                plan.handle_record(&record(*n, rule, until), *held, || *bytes);
            }
            let due: Vec<_> = plan.due().into_iter().map(|due| (due.id.time().as_ns() / SECOND, due.why)).collect();

            // One after the other, as long as there is too little room.
            let mut left: u64 = calls.values().filter(|(kind, ..)| *kind == 2).map(|(.., bytes)| bytes).sum();
            let mut expected = vec![];
            for (n, (kind, held, bytes)) in &calls {
                if *held {
                    continue;
                }
                if *kind == 1 && n + 30 <= 60 {
                    expected.push((*n, Why::Expired));
                }
                if *kind == 2 && n + 10 <= 60 && left > room {
                    left -= bytes;
                    expected.push((*n, Why::Room));
                }
            }
            prop_assert_eq!(due, expected);
        }
    }
}
