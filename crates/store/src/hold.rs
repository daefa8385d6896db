//! Holds: what must not be deleted, whatever a rule says, because somebody may be asked for it.
//!
//! `STORE/holds.json` holds them all, the released ones among them. It alone decides, and where it cannot be read
//! nothing is deleted; the records of the calls only show it. A hold by a search also holds what fits it later.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::audit::{Deed, Outcome};
use crate::error::Error;
use crate::id::CallId;
use crate::layout::Store;
use crate::query::Query;
use crate::record::Record;
use crate::recording::sync;
use crate::timestamp;

/// Holds of one store, the released ones among them.
const MOST_HOLDS: usize = 10_000;

/// A hold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// Its name, such as `hold-1f2e3d4c`.
    pub id: String,
    /// Since when.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Who put it there.
    pub actor: String,
    /// What it holds.
    pub what: Held,
    /// When it ended.
    #[serde(default, with = "timestamp::optional")]
    pub released_at: Option<Time>,
}

/// What a hold holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// One call.
    Call(CallId),
    /// Every call that fits, now or later.
    Query(Box<Query>),
}

/// The holds of a store as they were read.
#[derive(Clone, Default, Debug)]
pub struct Holds(Vec<Hold>);

impl Holds {
    /// Every hold, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[Hold] {
        &self.0
    }

    /// The hold of that name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Hold> {
        self.0.iter().find(|hold| hold.id == id)
    }

    /// The name of a hold that a call is under.
    #[must_use]
    pub fn over<'a>(&'a self, record: &'a Record) -> Option<&'a str> {
        let current = self.0.iter().filter(|hold| hold.released_at.is_none());
        let holds = |hold: &&Hold| match &hold.what {
            Held::Call(id) => *id == record.id,
            Held::Query(query) => query.matches(record),
        };
        let by_list = current.clone().find(holds).map(|hold| hold.id.as_str());
        // One that the record names and nobody knows: whoever put it there meant it.
        by_list.or_else(|| {
            record
                .policy
                .holds
                .iter()
                .map(String::as_str)
                .find(|id| self.get(id).is_none_or(|hold| hold.released_at.is_none()))
        })
    }
}

impl Store {
    /// The holds of the store.
    ///
    /// # Errors
    /// [`Error::Holds`] where the file is damaged.
    pub fn holds(&self) -> Result<Holds, Error> {
        let path = self.holds_file();
        match fs::read(&path) {
            Ok(json) => {
                serde_json::from_slice(&json).map(Holds).map_err(|source| Error::Holds { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Holds::default()),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Puts calls under a hold, logged as `deed`; it holds from here on. The records that show it are left to
    /// [`Store::show_hold`].
    ///
    /// # Errors
    /// [`Error::Holds`], or that of the file system; then there is no such hold.
    pub fn hold(&self, deed: &Deed, owner: &str, reason: &str, what: Held) -> Result<Hold, Error> {
        let _lock = self.lock_records()?;
        let mut holds = self.holds()?;
        if holds.0.len() >= MOST_HOLDS {
            return Err(Error::TooMany { path: self.holds_file(), most: MOST_HOLDS });
        }
        let name = |n: usize| {
            let digest =
                blake3::hash(format!("{}\0{owner}\0{reason}\0{n}", deed.at.as_ns()).as_bytes()).to_hex();
            format!("hold-{}", digest.get(..8).unwrap_or_default())
        };
        let id = (holds.0.len()..).map(name).find(|id| holds.get(id).is_none()).unwrap_or_default();
        let (owner, reason, actor) = (owner.to_owned(), reason.to_owned(), deed.actor.name());
        let hold = Hold { id, at: deed.at, owner, reason, actor, what, released_at: None };
        let mut deed = deed.clone();
        deed.detail = serde_json::json!({ "hold": hold.id, "owner": hold.owner, "what": hold.what });
        holds.0.push(hold.clone());
        self.audit().append(&deed)?;
        self.write_holds(&holds)?;
        Ok(hold)
    }

    /// Ends a hold, logged as `deed`.
    ///
    /// # Errors
    /// [`Error::NoHold`] where there is none of that name, or it was released before.
    pub fn release(&self, deed: &Deed, id: &str) -> Result<Hold, Error> {
        let _lock = self.lock_records()?;
        let mut holds = self.holds()?;
        let mut deed = deed.clone();
        deed.detail = serde_json::json!({ "hold": id });
        let Some(hold) = holds.0.iter_mut().find(|hold| hold.id == id && hold.released_at.is_none()) else {
            deed.result = Outcome::Failed;
            self.audit().append(&deed)?;
            return Err(Error::NoHold { id: id.to_owned() });
        };
        hold.released_at = Some(deed.at);
        let released = hold.clone();
        self.audit().append(&deed)?;
        self.write_holds(&holds)?;
        Ok(released)
    }

    /// Has a call's record say that it is under that hold, or no longer is. The index is to be brought in step.
    ///
    /// # Errors
    /// As with [`Store::change`].
    pub fn show_hold(&self, call: &CallId, hold: &Hold) -> Result<Record, Error> {
        self.mark_stale(call)?;
        self.change(call, crate::Durability::Sync, |record| {
            record.policy.holds.retain(|id| *id != hold.id);
            if hold.released_at.is_none() {
                record.policy.holds.push(hold.id.clone());
            }
            Ok(())
        })
    }

    fn holds_file(&self) -> PathBuf {
        self.dir().join("holds.json")
    }

    fn write_holds(&self, holds: &Holds) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(&holds.0).expect("a hold has no map with keys other than text");
        self.replace_file(&self.holds_file(), &json)
    }

    /// Writes a file beside its place and renames it there, so that whoever reads finds the old or the new one.
    pub(crate) fn replace_file(&self, place: &Path, bytes: &[u8]) -> Result<(), Error> {
        let beside = place.with_extension("tmp");
        fs::write(&beside, bytes).map_err(Error::io("write", &beside))?;
        self.give_to_owner(&beside)?;
        sync(&beside)?;
        fs::rename(&beside, place).map_err(Error::io("rename to", place))?;
        sync(place.parent().unwrap_or(self.dir()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::audit::Action;
    use crate::record::tests::full;
    use crate::recording::{Durability, Recording};

    fn deed(action: Action) -> Deed {
        Deed::new(Time::from_ns(1), Actor { uid: 7, ..Actor::default() }, action)
    }

    #[test]
    fn a_hold_holds_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let record = full();
        Recording::begin(&store, &record.id, Durability::Fast).unwrap().publish(&record).unwrap();
        assert_eq!(store.holds().unwrap().over(&record), None);
        let one = store.hold(&deed(Action::Hold), "legal", "case 1", Held::Call(record.id.clone())).unwrap();
        let query = Query { text: Some("alice".into()), ..Query::default() };
        let all = store.hold(&deed(Action::Hold), "legal", "case 1", Held::Query(Box::new(query))).unwrap();
        assert_ne!(one.id, all.id);
        let shown = store.show_hold(&record.id, &one).unwrap();
        assert_eq!(shown.policy.holds, std::slice::from_ref(&one.id));
        assert_eq!(store.holds().unwrap().over(&record), Some(one.id.as_str()), "whatever the record says");

        let one = store.release(&deed(Action::Release), &one.id).unwrap();
        assert!(matches!(store.release(&deed(Action::Release), &one.id), Err(Error::NoHold { .. })));
        // A crash here leaves the record as it is, and it is not held by that.
        assert_eq!(store.holds().unwrap().over(&shown), Some(all.id.as_str()));
        store.release(&deed(Action::Release), &all.id).unwrap();
        assert_eq!(store.holds().unwrap().over(&shown), None);
        assert!(store.show_hold(&record.id, &one).unwrap().policy.holds.is_empty());
        assert_eq!(store.audit().verify().unwrap().lines, 5);
    }

    #[test]
    fn what_cannot_be_read_holds_everything() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(dir.path().join("holds.json"), b"[{").unwrap();
        let told = store.holds().unwrap_err().to_string();
        assert!(told.contains("holds.json") && told.contains("nothing is deleted"), "{told}");
        let mut record = full();
        record.policy.holds = vec!["of another program".into()];
        assert_eq!(Holds::default().over(&record), Some("of another program"));
    }
}
