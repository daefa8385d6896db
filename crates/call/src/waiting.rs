//! Streams that no call claims yet, by the endpoints at their ends: where an offer looks for the media that came
//! before it.

use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rtp::StreamId;

use crate::matcher::Hearsay;

#[derive(Default, Debug)]
pub(crate) struct Waiting {
    by_endpoint: HashMap<Endpoint, Vec<StreamId>, RandomState>,
    hearsay: HashMap<StreamId, Hearsay, RandomState>,
}

impl Waiting {
    pub(crate) fn wait(&mut self, id: StreamId, flow: Flow) {
        for endpoint in [flow.destination, flow.source] {
            let waiting = self.by_endpoint.entry(endpoint).or_default();
            if waiting.contains(&id) {
                continue;
            }
            if waiting.len() >= MOST_AN_ENDPOINT {
                waiting.remove(0);
            }
            waiting.push(id);
        }
    }

    /// Those that begin or end at `endpoint`, oldest first. Some may have left the table since.
    pub(crate) fn at(&self, endpoint: Endpoint) -> Vec<StreamId> {
        self.by_endpoint.get(&endpoint).cloned().unwrap_or_default()
    }

    pub(crate) fn leave(&mut self, id: StreamId, flow: Flow) {
        self.hearsay.remove(&id);
        for endpoint in [flow.destination, flow.source] {
            if let Some(waiting) = self.by_endpoint.get_mut(&endpoint) {
                waiting.retain(|&other| other != id);
                if waiting.is_empty() {
                    self.by_endpoint.remove(&endpoint);
                }
            }
        }
    }

    /// Notes what RTCP tells of the stream's sender.
    pub(crate) fn hear(&mut self, id: StreamId, hearsay: Hearsay) {
        if self.hearsay.len() < MOST_HEARSAY {
            self.hearsay.insert(id, hearsay);
        }
    }

    pub(crate) fn heard(&self, id: StreamId) -> Option<&Hearsay> {
        self.hearsay.get(&id)
    }

    /// Forgets streams that are gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(StreamId) -> bool) {
        self.hearsay.retain(|&id, _| is_there(id));
        self.by_endpoint.retain(|_, waiting| {
            waiting.retain(|&id| is_there(id));
            !waiting.is_empty()
        });
    }
}

/// More sources than that at one endpoint are no phone.
const MOST_AN_ENDPOINT: usize = 64;
const MOST_HEARSAY: usize = 65_536;
