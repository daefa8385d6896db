//! Streams by the endpoints at their ends: those that no call claims yet, where an offer looks for the media that came
//! before it, and those that calls have, where a newer call may speak next.

use std::hash::Hash;

use flow::{Address, Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rtp::StreamId;

use crate::fill::Fill;
use crate::matcher::Hearsay;
use crate::refusal::Refusal;

/// Streams that begin or end at an endpoint. A stream leaves by name when it leaves the table of streams: nothing here
/// is ever looked through as a whole, or a flood of streams would make it so a packet.
#[derive(Default, Debug)]
pub(crate) struct Ends {
    by_endpoint: HashMap<Endpoint, Vec<StreamId>, RandomState>,
    entries: usize,
    /// Those that had to make room.
    evicted: u64,
}

impl Ends {
    pub(crate) fn enter(&mut self, id: StreamId, flow: Flow) {
        for endpoint in [flow.destination, flow.source] {
            let (entered, evicted) = enter(self.by_endpoint.entry(endpoint).or_default(), id);
            self.entries = self.entries + usize::from(entered) - usize::from(evicted);
            self.evicted += u64::from(evicted);
        }
    }

    /// Those that begin or end at `endpoint`, oldest first.
    pub(crate) fn at(&self, endpoint: Endpoint) -> &[StreamId] {
        self.by_endpoint.get(&endpoint).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn leave(&mut self, id: StreamId, flow: Flow) {
        for endpoint in [flow.destination, flow.source] {
            self.entries -= leave(&mut self.by_endpoint, &endpoint, id);
        }
    }
}

#[cfg(test)]
impl Ends {
    pub(crate) fn len(&self) -> usize {
        self.by_endpoint.len()
    }
}

/// The streams that no call claims.
#[derive(Default, Debug)]
pub(crate) struct Waiting {
    ends: Ends,
    by_address: HashMap<Address, Vec<StreamId>, RandomState>,
    /// What was held against a stream, where it is more than that nothing speaks for it.
    refused: HashMap<StreamId, Refusal, RandomState>,
    hearsay: HashMap<StreamId, Hearsay, RandomState>,
    /// Hearsay for which there was no room.
    unheard: u64,
}

impl Waiting {
    pub(crate) fn wait(&mut self, id: StreamId, flow: Flow, why: Refusal) {
        self.ends.enter(id, flow);
        for address in [flow.destination.address, flow.source.address] {
            enter(self.by_address.entry(address).or_default(), id);
        }
        if why == Refusal::NoClaim {
            self.refused.remove(&id);
        } else {
            self.refused.insert(id, why);
        }
    }

    /// Those that begin or end at `endpoint`, oldest first.
    pub(crate) fn at(&self, endpoint: Endpoint) -> Vec<StreamId> {
        self.ends.at(endpoint).to_vec()
    }

    /// Those that begin or end at a host, oldest first.
    pub(crate) fn at_address(&self, address: Address) -> &[StreamId] {
        self.by_address.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Why the stream has no call.
    pub(crate) fn why(&self, id: StreamId) -> Refusal {
        self.refused.get(&id).copied().unwrap_or(Refusal::NoClaim)
    }

    /// The stream waits no more: it has a call, or is gone.
    pub(crate) fn leave(&mut self, id: StreamId, flow: Flow) {
        self.hearsay.remove(&id);
        self.refused.remove(&id);
        self.ends.leave(id, flow);
        for address in [flow.destination.address, flow.source.address] {
            leave(&mut self.by_address, &address, id);
        }
    }

    /// Notes what RTCP tells of the stream's sender.
    pub(crate) fn hear(&mut self, id: StreamId, hearsay: Hearsay) {
        if self.hearsay.len() < MOST_HEARSAY {
            self.hearsay.insert(id, hearsay);
        } else {
            self.unheard += 1;
        }
    }

    /// Both ends of the streams that wait: how many, and how many had to make room.
    pub(crate) fn fill(&self) -> (usize, u64) {
        (self.ends.entries, self.ends.evicted)
    }

    /// Of how many streams RTCP told, how many there may be, and what found no room.
    pub(crate) fn hearsay(&self) -> Fill {
        Fill::new(self.hearsay.len(), MOST_HEARSAY, self.unheard)
    }

    pub(crate) fn heard(&self, id: StreamId) -> Option<&Hearsay> {
        self.hearsay.get(&id)
    }

    /// How many endpoints and hosts are watched, what is held against how many streams, and of how many RTCP told.
    #[cfg(test)]
    pub(crate) fn lens(&self) -> [usize; 4] {
        [self.ends.len(), self.by_address.len(), self.refused.len(), self.hearsay.len()]
    }
}

/// Whether it was not there, and whether another had to make room.
fn enter(here: &mut Vec<StreamId>, id: StreamId) -> (bool, bool) {
    if here.contains(&id) {
        return (false, false);
    }
    let is_full = here.len() >= MOST_AN_END;
    if is_full {
        // Neither the first nor the latest: they may be a phone's, whatever flood came between.
        here.remove(MOST_AN_END / 2);
    }
    here.push(id);
    (true, is_full)
}

/// How many left.
fn leave<K: Hash + Eq>(map: &mut HashMap<K, Vec<StreamId>, RandomState>, key: &K, id: StreamId) -> usize {
    let Some(here) = map.get_mut(key) else { return 0 };
    let before = here.len();
    here.retain(|&other| other != id);
    let left = before - here.len();
    if here.is_empty() {
        map.remove(key);
    }
    left
}

/// More sources than that at one endpoint are no phone; at one host the rest is not told of.
const MOST_AN_END: usize = 64;
const MOST_HEARSAY: usize = 65_536;
