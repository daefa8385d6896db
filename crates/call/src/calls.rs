//! The table of open calls: by Call-ID, and by when each wants to be looked at again.

use std::collections::BTreeSet;

use clock::{Span, Time};
use flow::Endpoint;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::claims::CallKey;
use crate::matcher::Negotiations;
use crate::negotiation::Negotiation;
use crate::open_call::OpenCall;
use crate::side::Side;

#[derive(Debug)]
pub(crate) struct Calls {
    by_call_id: HashMap<String, Vec<CallKey>, RandomState>,
    open: HashMap<CallKey, OpenCall, RandomState>,
    due: BTreeSet<(Time, CallKey)>,
    next: u32,
    grace: Span,
}

impl Calls {
    pub(crate) fn new(grace: Span) -> Calls {
        Calls {
            by_call_id: HashMap::default(),
            open: HashMap::default(),
            due: BTreeSet::new(),
            next: 0,
            grace,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn get(&self, key: CallKey) -> Option<&OpenCall> {
        self.open.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: CallKey) -> Option<&mut OpenCall> {
        self.open.get_mut(&key)
    }

    /// The calls of a Call-ID, the newest first: a Call-ID alone is no dialog.
    pub(crate) fn of_call_id(&self, call_id: &str) -> Vec<CallKey> {
        self.by_call_id.get(call_id).map(|keys| keys.iter().rev().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn insert(&mut self, call: OpenCall) -> CallKey {
        let key = CallKey(self.next);
        self.next = self.next.wrapping_add(1);
        self.by_call_id.entry(call.dialog.call_id.clone()).or_default().push(key);
        self.due.insert((call.due, key));
        self.open.insert(key, call);
        key
    }

    /// The call that has to go so that `newcomer` has room: of too many with one Call-ID the oldest, of too many in all
    /// the one that would be closed next anyway.
    pub(crate) fn to_make_room(&self, newcomer: &OpenCall, limit: usize) -> Option<CallKey> {
        let namesakes = self.by_call_id.get(&newcomer.dialog.call_id);
        let oldest = namesakes.filter(|keys| keys.len() >= MOST_NAMESAKES).and_then(|keys| keys.first());
        oldest.copied().or_else(|| self.next_due().filter(|_| self.open.len() >= limit))
    }

    pub(crate) fn remove(&mut self, key: CallKey) -> Option<OpenCall> {
        let call = self.open.remove(&key)?;
        self.due.remove(&(call.due, key));
        if let Some(keys) = self.by_call_id.get_mut(&call.dialog.call_id) {
            keys.retain(|&other| other != key);
            if keys.is_empty() {
                self.by_call_id.remove(&call.dialog.call_id);
            }
        }
        Some(call)
    }

    pub(crate) fn set_due(&mut self, key: CallKey, due: Time) {
        if let Some(call) = self.open.get_mut(&key)
            && call.due != due
        {
            self.due.remove(&(call.due, key));
            self.due.insert((due, key));
            call.due = due;
        }
    }

    pub(crate) fn next_due(&self) -> Option<CallKey> {
        self.due.first().map(|&(_, key)| key)
    }

    pub(crate) fn due_by(&self, now: Time) -> Option<CallKey> {
        self.due.first().filter(|&&(due, _)| due <= now).map(|&(_, key)| key)
    }
}

impl Negotiations for Calls {
    fn negotiation(&self, call: CallKey, at: Time) -> Option<&Negotiation> {
        let call = self.open.get(&call)?;
        let over = call.media_until(self.grace).is_some_and(|until| at > until);
        (!over).then_some(&call.negotiation)
    }

    fn signals_from(&self, call: CallKey, side: Side, endpoint: Endpoint) -> bool {
        let signalling = self.open.get(&call).and_then(|call| *call.signalling.of(side));
        signalling.is_some_and(|signalling| signalling.address == endpoint.address)
    }
}

/// Branches of one forked call; more with one Call-ID is an attack.
const MOST_NAMESAKES: usize = 64;
