//! What retention deletes: found by the classes, asked again about each call, and deleted one by one.

use std::cell::OnceCell;

use clock::Time;
use store::audit::Action;
use store::retention::{Due, Plan, Retention, Why};
use store::{Error, Holds, Query, Record, Store};

use crate::log::Log;

/// One look over a store.
pub(crate) struct Sweep<'a> {
    pub(crate) store: &'a Store,
    pub(crate) retention: &'a Retention,
    pub(crate) log: &'a Log,
    pub(crate) now: Time,
}

/// A walk over the records that fit a search.
pub(crate) type Take<'a> = dyn FnMut(Record) -> Result<(), Error> + 'a;

impl Sweep<'_> {
    /// What may go, oldest first, by whatever way records are found.
    pub(crate) fn due(
        &self,
        holds: &Holds,
        each: impl FnOnce(&Query, &mut Take<'_>) -> Result<(), Error>,
    ) -> Result<Vec<Due>, Error> {
        let is_roomed = self.retention.classes.iter().any(|class| class.bytes.is_some());
        // Without a room to be kept to, only calls whose time is over need to be looked at.
        let query = if is_roomed {
            Query { rule: Some(String::new()), ..Query::default() }
        } else {
            Query { due: Some(self.now), ..Query::default() }
        };
        let mut plan = Plan::new(self.retention, self.now);
        each(&query, &mut |record| {
            let size = OnceCell::new();
            let is_held = holds.over(&record).is_some();
            plan.handle_record(&record, is_held, || *size.get_or_init(|| self.store.size(&record.id)));
            Ok(())
        })?;
        Ok(plan.due())
    }

    /// Deletes one of them, unless something was changed meanwhile that forbids it. Whether it is gone by this.
    pub(crate) fn delete(&self, due: &Due, holds: &Holds) -> Result<bool, Error> {
        let mut deed = self.log.deed(Action::Delete, Some(&due.id));
        deed.reason = Some(format!("retention: {}, {}", due.rule, due.why.as_str()));
        let gone = self.store.delete(&deed, holds, |record| {
            let is_over = record.policy.retain_until.is_some_and(|until| until <= self.now);
            let is_of_rule = record.policy.rule.as_ref() == Some(&due.rule);
            if is_of_rule && (is_over || due.why == Why::Room) {
                Ok(())
            } else {
                Err("it is kept longer by now".to_owned())
            }
        });
        match gone {
            Ok(_) => Ok(true),
            Err(Error::Refused { .. } | Error::Absent { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
