//! Streams by the endpoints at their ends: those that no call claims yet, where an offer looks for the media that came
//! before it, and those that calls have, where a newer call may speak next.

use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rtp::StreamId;

use crate::fill::Fill;
use crate::matcher::Hearsay;

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
            let here = self.by_endpoint.entry(endpoint).or_default();
            if here.contains(&id) {
                continue;
            }
            if here.len() >= MOST_AN_ENDPOINT {
                // Neither the first nor the latest: they may be a phone's, whatever flood came between.
                here.remove(MOST_AN_ENDPOINT / 2);
                self.entries -= 1;
                self.evicted += 1;
            }
            here.push(id);
            self.entries += 1;
        }
    }

    /// Those that begin or end at `endpoint`, oldest first.
    pub(crate) fn at(&self, endpoint: Endpoint) -> &[StreamId] {
        self.by_endpoint.get(&endpoint).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn leave(&mut self, id: StreamId, flow: Flow) {
        for endpoint in [flow.destination, flow.source] {
            if let Some(here) = self.by_endpoint.get_mut(&endpoint) {
                let before = here.len();
                here.retain(|&other| other != id);
                self.entries -= before - here.len();
                if here.is_empty() {
                    self.by_endpoint.remove(&endpoint);
                }
            }
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
    hearsay: HashMap<StreamId, Hearsay, RandomState>,
    /// Hearsay for which there was no room.
    unheard: u64,
}

impl Waiting {
    pub(crate) fn wait(&mut self, id: StreamId, flow: Flow) {
        self.ends.enter(id, flow);
    }

    /// Those that begin or end at `endpoint`, oldest first.
    pub(crate) fn at(&self, endpoint: Endpoint) -> Vec<StreamId> {
        self.ends.at(endpoint).to_vec()
    }

    /// The stream waits no more: it has a call, or is gone.
    pub(crate) fn leave(&mut self, id: StreamId, flow: Flow) {
        self.hearsay.remove(&id);
        self.ends.leave(id, flow);
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

    /// How many endpoints are watched, and of how many streams RTCP told.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.ends.len(), self.hearsay.len())
    }
}

/// More sources than that at one endpoint are no phone.
const MOST_AN_ENDPOINT: usize = 64;
const MOST_HEARSAY: usize = 65_536;
