//! The table of open calls: by Call-ID, by what each has to show for itself, and by when it wants to be looked at
//! again.

use std::collections::BTreeSet;

use clock::{Span, Time};
use flow::Endpoint;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sip::Message;

use crate::claims::CallKey;
use crate::config::Patience;
use crate::matcher::Negotiations;
use crate::negotiation::Negotiation;
use crate::open_call::{OpenCall, Standing};
use crate::parties::Parties;
use crate::side::Side;

#[derive(Debug)]
pub(crate) struct Calls {
    by_call_id: HashMap<String, Vec<CallKey>, RandomState>,
    by_parties: Parties,
    open: HashMap<CallKey, Box<Entry>, RandomState>,
    due: BTreeSet<(Standing, Time, CallKey)>,
    /// About how many bytes the open calls hold.
    weight: usize,
    next: u32,
    /// How many of them have no signalling.
    unsignalled: usize,
    patience: Patience,
}

/// An open call, and what was last entered for it.
#[derive(Debug)]
struct Entry {
    call: OpenCall,
    due: (Standing, Time, CallKey),
    weight: usize,
}

impl Calls {
    pub(crate) fn new(patience: Patience) -> Calls {
        Calls {
            by_call_id: HashMap::default(),
            by_parties: Parties::default(),
            open: HashMap::default(),
            due: BTreeSet::new(),
            weight: 0,
            next: 0,
            unsignalled: 0,
            patience,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many of them have signalling.
    pub(crate) fn signalled(&self) -> usize {
        self.open.len() - self.unsignalled
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn get(&self, key: CallKey) -> Option<&OpenCall> {
        self.open.get(&key).map(|entry| &entry.call)
    }

    pub(crate) fn get_mut(&mut self, key: CallKey) -> Option<&mut OpenCall> {
        self.open.get_mut(&key).map(|entry| &mut entry.call)
    }

    /// The calls of a Call-ID, the newest first: a Call-ID alone is no dialog.
    pub(crate) fn of_call_id(&self, call_id: &str) -> Vec<CallKey> {
        self.by_call_id.get(call_id).map(|keys| keys.iter().rev().copied().collect()).unwrap_or_default()
    }

    /// The newest call between the sender and the receiver of a message that is not over.
    pub(crate) fn between(&self, message: &Message<'_>) -> Option<CallKey> {
        let (from, to) = (message.from()?, message.to()?);
        let goes_on = |key: &CallKey| self.get(*key).is_some_and(|call| call.standing() != Standing::Over);
        self.by_parties.between(&from, &to).find(goes_on)
    }

    pub(crate) fn insert(&mut self, call: OpenCall, due: Time) -> CallKey {
        let kind = if call.is_unsignalled { CallKey::UNSIGNALLED } else { 0 };
        let key = |next: u32| CallKey(next & !CallKey::UNSIGNALLED | kind);
        // After two thousand million calls the keys come round, and one that is open still has its own.
        while self.open.contains_key(&key(self.next)) {
            self.next = self.next.wrapping_add(1);
        }
        let key = key(self.next);
        self.next = self.next.wrapping_add(1);
        self.unsignalled += usize::from(call.is_unsignalled);
        self.by_call_id.entry(call.dialog.call_id.clone()).or_default().push(key);
        self.by_parties.enter(key, &call.dialog.caller, &call.dialog.callee);
        let due = (call.standing(), due, key);
        self.due.insert(due);
        let weight = call.weight();
        self.weight += weight;
        self.open.insert(key, Box::new(Entry { call, due, weight }));
        key
    }

    /// The call that has to go before another of that Call-ID can come, if there are too many of them.
    pub(crate) fn least_namesake(&self, call_id: &str) -> Option<CallKey> {
        let namesakes = self.by_call_id.get(call_id).filter(|keys| keys.len() >= MOST_NAMESAKES)?;
        let due = |key: &CallKey| self.open.get(key).map(|entry| entry.due);
        namesakes.iter().copied().min_by_key(due)
    }

    /// Every open call in the order of the keys.
    pub(crate) fn keys(&self) -> Vec<CallKey> {
        let mut keys: Vec<CallKey> = self.open.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// The call that is missed least: of those that have least to show for themselves, the one to be closed next.
    pub(crate) fn least(&self) -> Option<CallKey> {
        self.due.first().map(|&(.., key)| key)
    }

    pub(crate) fn remove(&mut self, key: CallKey) -> Option<OpenCall> {
        let Entry { call, due, weight } = *self.open.remove(&key)?;
        self.due.remove(&due);
        self.weight -= weight;
        self.unsignalled -= usize::from(call.is_unsignalled);
        self.by_parties.leave(key, &call.dialog.caller, &call.dialog.callee);
        if let Some(keys) = self.by_call_id.get_mut(&call.dialog.call_id) {
            keys.retain(|&other| other != key);
            if keys.is_empty() {
                self.by_call_id.remove(&call.dialog.call_id);
            }
        }
        Some(call)
    }

    /// The call has changed, and is to be looked at again at `due`.
    pub(crate) fn set_due(&mut self, key: CallKey, due: Time) {
        let Some(entry) = self.open.get_mut(&key) else { return };
        let due = (entry.call.standing(), due, key);
        if entry.due != due {
            self.due.remove(&entry.due);
            self.due.insert(due);
            entry.due = due;
        }
        let weight = entry.call.weight();
        self.weight = self.weight - entry.weight + weight;
        entry.weight = weight;
    }

    /// Sets when the call is looked at again, by what it has become.
    pub(crate) fn reschedule(&mut self, key: CallKey) {
        if let Some(call) = self.get(key) {
            let (due, _) = call.deadline(&self.patience);
            self.set_due(key, due);
        }
    }

    /// The call that is to be looked at first, and when.
    pub(crate) fn next_due(&self) -> Option<(Time, CallKey)> {
        // The first from a standing's beginning on may be one of the next standing; then that one's is the same.
        let beginning = |standing| (standing, Time::from_ns(i64::MIN), CallKey(0));
        let firsts =
            Standing::ALL.iter().filter_map(|&standing| self.due.range(beginning(standing)..).next());
        firsts.map(|&(_, due, key)| (due, key)).min()
    }

    pub(crate) fn due_by(&self, now: Time) -> Option<CallKey> {
        self.next_due().filter(|&(due, _)| due <= now).map(|(_, key)| key)
    }
}

impl Negotiations for Calls {
    fn negotiation(&self, call: CallKey, at: Time) -> Option<&Negotiation> {
        let call = self.get(call)?;
        let over = call.media_until(self.patience.grace).is_some_and(|until| at > until);
        (!over).then_some(&call.negotiation)
    }

    fn signals_from(&self, call: CallKey, side: Side, endpoint: Endpoint) -> bool {
        let signalling = self.get(call).and_then(|call| *call.signalling.of(side));
        signalling.is_some_and(|signalling| signalling.address == endpoint.address)
    }

    fn is_over(&self, call: CallKey, at: Time) -> bool {
        self.get(call).is_none_or(|call| call.media_until(Span::ZERO).is_some_and(|ended| at > ended))
    }
}

/// Branches of one forked call; more with one Call-ID is an attack.
const MOST_NAMESAKES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_loses_its_key_to_another() {
        let invite = b"INVITE sip:b@x SIP/2.0\r\nCall-ID: 1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n\
            CSeq: 1 INVITE\r\n\r\n";
        let message = Message::read(invite).unwrap();
        let tags = crate::tags::Tags::of(&message).unwrap();
        let call = || OpenCall::begin(&message, &tags, Time::default()).unwrap();
        let mut calls = Calls::new(Patience::default());
        let first = calls.insert(call(), Time::default());
        calls.next = u32::MAX;
        let last = CallKey(!CallKey::UNSIGNALLED);
        assert_eq!(calls.insert(call(), Time::default()), last);
        let third = calls.insert(call(), Time::default());
        assert!(third != first && calls.len() == 3);
    }
}
