//! A table of who claims what besides endpoints: flows, sources, names. Several calls may claim one and the same; then
//! it tells nothing of which.

use std::hash::Hash;

use clock::Time;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::claims::CallKey;
use crate::side::Side;

/// One call's word that something is `side`'s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) call: CallKey,
    pub(crate) side: Side,
    pub(crate) since: Time,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entered {
    New {
        /// Another call's had to make room.
        crowded: bool,
    },
    /// The call had claimed the same before.
    Renewed,
    /// The call has too many.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Owners<K>(HashMap<K, Vec<Owner>, RandomState>);

impl<K> Default for Owners<K> {
    fn default() -> Self {
        Owners(HashMap::default())
    }
}

impl<K: Hash + Eq + Clone> Owners<K> {
    /// Enters a claim. `keys` are those that the call has claimed; a new one is added where it has `room`.
    pub(crate) fn enter(&mut self, key: K, owner: Owner, room: bool, keys: &mut Vec<K>) -> Entered {
        let mut known = self.0.get_mut(&key).into_iter().flatten();
        if let Some(known) = known.find(|known| known.call == owner.call) {
            *known = owner;
            return Entered::Renewed;
        }
        if !room {
            return Entered::Refused;
        }
        let owners = self.0.entry(key.clone()).or_default();
        let crowded = owners.len() >= MOST_OWNERS;
        if crowded {
            // Neither the first nor the latest: a flood of claims pushes out no call that was there before it.
            owners.remove(MOST_OWNERS / 2);
        }
        owners.push(owner);
        keys.push(key);
        Entered::New { crowded }
    }

    /// Who claims it, the latest last.
    pub(crate) fn of<Q: Hash + hashbrown::Equivalent<K> + ?Sized>(&self, key: &Q) -> &[Owner] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// `call` claims these no more.
    pub(crate) fn withdraw(&mut self, keys: impl Iterator<Item = K>, call: CallKey) {
        for key in keys {
            self.withdraw_one(&key, call);
        }
    }

    pub(crate) fn withdraw_one(&mut self, key: &K, call: CallKey) {
        let Some(owners) = self.0.get_mut(key) else { return };
        owners.retain(|owner| owner.call != call);
        if owners.is_empty() {
            self.0.remove(key);
        }
    }
}

#[cfg(test)]
impl<K> Owners<K> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Calls that claim one and the same thing at once: more of them tell no more.
const MOST_OWNERS: usize = 16;
