//! Calls of one conversation, linked in their records: each sealed call is held against those before it, and where two
//! are linked both records say so, the older one's written anew in the store.
//!
//! It is a step of the ledger, on the reading thread and in the order of the calls' ends, so that the records do not
//! depend on the sealing threads.

use call::{Correlation, LinkTable, Links};
use store::{CallId, Durability, LinkReason, Record, Store};

/// The calls that may still be linked with those to come.
pub(crate) struct Conversations {
    store: Store,
    durability: Durability,
    table: LinkTable<Name>,
    /// Links found, by the position of their reason in [`LinkReason::ALL`].
    found: [u64; LinkReason::ALL.len()],
}

/// Whose a record is.
#[derive(Clone, Debug)]
struct Name {
    id: CallId,
    call_id: String,
}

impl Conversations {
    pub(crate) fn new(store: &Store, durability: Durability, links: Links) -> Conversations {
        let found = [0; LinkReason::ALL.len()];
        Conversations { store: store.clone(), durability, table: LinkTable::new(links), found }
    }

    /// Enters a call whose record was published, and links it with those before it; `lately` are records that are not
    /// in the index yet. Gives the older records that now say more and are not among those.
    ///
    /// # Errors
    /// That of the file system; what was amended before it stays, and the call's record holds all its links.
    pub(crate) fn enter(
        &mut self,
        record: &mut Record,
        correlation: Correlation,
        lately: &mut [Record],
    ) -> Result<Vec<Record>, store::Error> {
        let name = Name { id: record.id.clone(), call_id: record.call_id.clone() };
        let links = self.table.enter(name.clone(), correlation);
        let links: Vec<(Name, LinkReason)> = links
            .into_iter()
            // The same call from two captures has one record.
            .filter(|(other, _)| other.id != name.id)
            .map(|(other, reason)| (other, word(reason)))
            .collect();
        for (other, reason) in &links {
            record.link(&other.id, &other.call_id, *reason);
            let place = LinkReason::ALL.iter().position(|known| known == reason);
            if let Some(found) = place.and_then(|place| self.found.get_mut(place)) {
                *found += 1;
            }
        }
        if !links.is_empty() {
            *record = self.store.change(&record.id, self.durability, |stored| {
                links.iter().for_each(|(other, reason)| stored.link(&other.id, &other.call_id, *reason));
                Ok(())
            })?;
        }
        let mut amended = Vec::new();
        // One reason or several: they come one behind the other.
        for reasons in links.chunk_by(|(one, _), (other, _)| one.id == other.id) {
            amended.extend(self.amend(&name, reasons, lately)?);
        }
        Ok(amended)
    }

    /// How full its tables are.
    pub(crate) fn fills(&self) -> call::LinkFills {
        self.table.fills()
    }

    /// Links found so far, by reason.
    pub(crate) fn found(&self) -> impl Iterator<Item = (LinkReason, u64)> {
        LinkReason::ALL.iter().copied().zip(self.found)
    }

    /// Says in an older record that it is linked with `newer`.
    fn amend(
        &self,
        newer: &Name,
        reasons: &[(Name, LinkReason)],
        lately: &mut [Record],
    ) -> Result<Option<Record>, store::Error> {
        let Some((older, _)) = reasons.first() else { return Ok(None) };
        let link = |record: &mut Record| {
            reasons.iter().for_each(|(_, reason)| record.link(&newer.id, &newer.call_id, *reason));
        };
        let changed = self.store.change(&older.id, self.durability, |record| {
            link(record);
            Ok(())
        });
        match changed {
            Ok(changed) => match lately.iter_mut().rfind(|record| record.id == older.id) {
                Some(record) => {
                    *record = changed;
                    Ok(None)
                }
                None => Ok(Some(changed)),
            },
            // It was deleted meanwhile.
            Err(store::Error::Absent { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn word(reason: call::LinkReason) -> LinkReason {
    match reason {
        call::LinkReason::Replaces => LinkReason::Replaces,
        call::LinkReason::Refer => LinkReason::Refer,
        call::LinkReason::SessionId => LinkReason::SessionId,
        call::LinkReason::Icid => LinkReason::Icid,
        call::LinkReason::XHeader => LinkReason::XHeader,
        call::LinkReason::PayloadMatch => LinkReason::PayloadMatch,
    }
}
