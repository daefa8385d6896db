//! Open calls by who speaks with whom: where a message outside of any dialog looks for the call that its sender and its
//! receiver have.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sip::NameAddress;

use crate::claims::CallKey;

/// Calls by the users and hosts of From and To, in either order.
#[derive(Default, Debug)]
pub(crate) struct Parties {
    state: RandomState,
    calls: HashMap<u64, Vec<CallKey>, RandomState>,
}

impl Parties {
    pub(crate) fn enter(&mut self, call: CallKey, one: &NameAddress, other: &NameAddress) {
        let calls = self.calls.entry(pair(&self.state, one, other)).or_default();
        if calls.len() >= MOST_OF_A_PAIR {
            calls.remove(0);
        }
        calls.push(call);
    }

    pub(crate) fn leave(&mut self, call: CallKey, one: &NameAddress, other: &NameAddress) {
        let pair = pair(&self.state, one, other);
        if let Some(calls) = self.calls.get_mut(&pair) {
            calls.retain(|&known| known != call);
            if calls.is_empty() {
                self.calls.remove(&pair);
            }
        }
    }

    /// The calls between the two, the newest first.
    pub(crate) fn between(&self, one: &NameAddress, other: &NameAddress) -> impl Iterator<Item = CallKey> {
        self.calls.get(&pair(&self.state, one, other)).into_iter().flatten().rev().copied()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }
}

fn pair(state: &RandomState, one: &NameAddress, other: &NameAddress) -> u64 {
    let hash = |party: &NameAddress| {
        let host = party.host().map(str::to_ascii_lowercase);
        state.hash_one((party.user(), host))
    };
    let (one, other) = (hash(one), hash(other));
    state.hash_one((one.min(other), one.max(other)))
}

/// Two people have one call or two; what has more is a test that dials itself.
const MOST_OF_A_PAIR: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_calls_of_two_in_either_order_and_forgets_them() {
        let mut parties = Parties::default();
        let [alice, bob, carol] = [
            "<sip:alice@Example.com:5060;transport=udp>;tag=1",
            "sip:bob@example.net",
            "sip:carol@example.net",
        ]
        .map(NameAddress::read);
        for call in (0..20).map(CallKey) {
            parties.enter(call, &alice, &bob);
        }
        let asked = NameAddress::read("<sip:alice@example.com>");
        let found: Vec<u32> = parties.between(&bob, &asked).map(|call| call.0).collect();
        assert_eq!(found, [19, 18, 17, 16, 15, 14, 13, 12]);
        assert_eq!(parties.between(&carol, &asked).count(), 0);
        (0..20).for_each(|call| parties.leave(CallKey(call), &alice, &bob));
        assert_eq!(parties.len(), 0);
    }
}
