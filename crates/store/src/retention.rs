//! How long calls are kept: classes in the order in which they are asked, the first that fits a call decides.
//!
//! A call of no class is never deleted. What was promised once is not taken back unasked: a decision that would let a
//! call go sooner than the one before it needs force.

mod run;

use clock::{Span, Time};

pub use run::{Due, Plan, Why};

use crate::pattern::Pattern;
use crate::query::Query;
use crate::record::{Policy, Record};
use crate::row::Row;

/// The classes that calls are kept by, and that delete them.
#[derive(Clone, Default, Debug)]
pub struct Retention {
    /// In the order in which they are asked.
    pub classes: Vec<Class>,
}

/// One class of calls.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name, which the record of a call of it bears as `policy.rule`.
    pub name: String,
    /// What its calls are like.
    pub query: Query,
    /// One of these is a party; none given is anybody.
    pub parties: Vec<Pattern>,
    /// How long they are kept from their end; without it, until there is no room in `bytes`.
    pub keep: Option<Span>,
    /// The room of all its calls together: where it is too small, the oldest go.
    pub bytes: Option<u64>,
    /// How long they are kept even where there is no room.
    pub at_least: Span,
}

impl Class {
    fn fits(&self, row: &Row<'_>) -> bool {
        let mut parties = self.parties.iter();
        let party = |pattern: &Pattern| Query { party: Some(pattern.clone()), ..Query::default() }.fits(row);
        self.query.fits(row) && (self.parties.is_empty() || parties.any(party))
    }
}

impl Retention {
    /// The class of that name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// The class that decides on a call.
    #[must_use]
    pub fn class_of(&self, record: &Record) -> Option<&Class> {
        if self.classes.is_empty() {
            return None;
        }
        let line = Row::line(record);
        let row = Row::parse(&line)?;
        self.classes.iter().find(|class| class.query.spans(&record.id) && class.fits(&row))
    }

    /// What the classes say of a call; its holds stay.
    #[must_use]
    pub fn decide(&self, record: &Record) -> Policy {
        let holds = record.policy.holds.clone();
        match self.class_of(record) {
            Some(class) => {
                let retain_until = class.keep.map(|keep| end_of(record) + keep);
                Policy { rule: Some(class.name.clone()), retain_until, holds }
            }
            None => Policy { rule: None, retain_until: None, holds },
        }
    }
}

/// What counts as the end of a call: the time from which it is kept.
fn end_of(record: &Record) -> Time {
    record.ended_at.unwrap_or_else(|| record.id.time())
}

impl Policy {
    /// Whether `newer` would let the call go sooner, or at all.
    #[must_use]
    pub fn is_lowered_by(&self, newer: &Policy) -> bool {
        match (&self.rule, self.retain_until) {
            // Never.
            (None, None) => newer.rule.is_some() || newer.retain_until.is_some(),
            // When room is needed.
            (Some(_), None) => newer.retain_until.is_some(),
            (_, Some(until)) => match newer.retain_until {
                Some(newer) => newer < until,
                None => newer.rule.is_some(),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::tests::full;

    pub(crate) fn class(name: &str, days: Option<i64>) -> Class {
        Class {
            name: name.to_owned(),
            query: Query::default(),
            parties: vec![],
            keep: days.map(|days| Span::from_secs(days * 86_400)),
            bytes: None,
            at_least: Span::ZERO,
        }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let mut desk = class("desk", Some(90));
        desk.parties = vec![Pattern::new("+4940*"), Pattern::new("*5678")];
        let mut failed = class("failed", Some(1));
        failed.query.outcome = vec![Outcome::NoMedia];
        let retention = Retention { classes: vec![failed, desk, class("rest", None)] };
        let mut record = full();
        let policy = retention.decide(&record);
        assert_eq!(policy.rule.as_deref(), Some("desk"));
        assert_eq!(policy.retain_until, Time::from_rfc3339("2026-05-01T10:15:16.223456Z"));
        record.outcome = Outcome::NoMedia;
        assert_eq!(retention.decide(&record).rule.as_deref(), Some("failed"));
        record.outcome = Outcome::Recorded;
        (record.callee.user, record.callee.uri, record.identities.request_uri) = (None, None, None);
        let policy = retention.decide(&record);
        assert_eq!((policy.rule.as_deref(), policy.retain_until), (Some("rest"), None));
        assert_eq!(Retention::default().decide(&record), Policy::default());
    }

    #[test]
    fn what_is_lowered_is_known() {
        let policy = |rule: Option<&str>, until: Option<i64>| Policy {
            rule: rule.map(str::to_owned),
            retain_until: until.map(Time::from_ns),
            holds: vec![],
        };
        // From the longest to the shortest: never, until a day, when room is needed.
        let never = policy(None, None);
        let (late, early, room) =
            (policy(Some("a"), Some(9)), policy(Some("b"), Some(5)), policy(Some("c"), None));
        for (before, after, lowered) in [
            (&never, &late, true),
            (&never, &room, true),
            (&never, &never, false),
            (&late, &early, true),
            (&early, &late, false),
            (&early, &never, false),
            (&early, &room, true),
            (&room, &late, true),
            (&room, &never, false),
        ] {
            assert_eq!(before.is_lowered_by(after), lowered, "{before:?} to {after:?}");
        }
    }
}
