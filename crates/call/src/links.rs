//! Calls of one conversation find each other: each call that was sealed is held against those before it, by what its
//! messages and its payloads say ([`Correlation`]). Linked, never merged.
//!
//! Calls come in the order of their ends, so that what is found depends on the packets alone. What is remembered has a
//! bound; what is oldest goes first, as calls of one conversation end near to each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use clock::{Span, Time};

use crate::config::Links;
use crate::correlation::{Correlation, Key, Refer};
use crate::fill::Fill;
use crate::relay::{self, Pairs};

/// Why two calls are linked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkReason {
    /// One replaces the other (RFC 3891).
    Replaces,
    /// One came of a REFER in the other, or the REFER names it (RFC 3515).
    Refer,
    /// They share a Session-ID (RFC 7989).
    SessionId,
    /// They share an ICID (RFC 7315).
    Icid,
    /// A header of the site's own has the same value in both, or the other's Call-ID.
    XHeader,
    /// A relay sends the media of one on into the other.
    PayloadMatch,
}

/// The calls that were sealed lately, each by a name that its owner chose.
#[derive(Debug)]
pub struct LinkTable<N> {
    config: Links,
    entries: VecDeque<Entry<N>>,
    /// The number of the first of `entries`.
    first: u64,
    /// The number of the first whose prints are still in `by_digest`.
    first_print: u64,
    bytes: usize,
    digests: usize,
    evictions: u64,
    evictions_for_bytes: u64,
    print_evictions: u64,
    by_call_id: HashMap<String, Vec<u64>>,
    by_key: HashMap<Key, Vec<u64>>,
    /// By the Call-ID in a Replaces, of the call's own or of its REFERs.
    by_replaced: HashMap<String, Vec<u64>>,
    /// By the user who is called, and when.
    invites: BTreeSet<(String, Time, u64)>,
    /// By the user who is to be called, and when.
    refers: BTreeSet<(String, Time, u64)>,
    by_digest: HashMap<u64, Vec<Holder>>,
}

#[derive(Debug)]
struct Entry<N> {
    name: N,
    correlation: Correlation,
    bytes: usize,
}

/// How full a [`LinkTable`] is.
#[derive(Clone, Copy, Debug)]
pub struct LinkFills {
    /// Calls that are remembered.
    pub calls: Fill,
    /// Bytes of what their messages say.
    pub bytes: Fill,
    /// Digests of their payloads; what had to go are calls whose digests are forgotten.
    pub payloads: Fill,
}

/// Whose a payload is.
#[derive(Clone, Copy, Debug)]
struct Holder {
    entry: u64,
    print: u32,
    at: Time,
}

impl<N: Clone> LinkTable<N> {
    /// A table that knows no call.
    #[must_use]
    pub fn new(config: Links) -> Self {
        LinkTable {
            config,
            entries: VecDeque::new(),
            first: 0,
            first_print: 0,
            bytes: 0,
            digests: 0,
            evictions: 0,
            evictions_for_bytes: 0,
            print_evictions: 0,
            by_call_id: HashMap::new(),
            by_key: HashMap::new(),
            by_replaced: HashMap::new(),
            invites: BTreeSet::new(),
            refers: BTreeSet::new(),
            by_digest: HashMap::new(),
        }
    }

    /// Enters a call and gives those before it that it is linked with, each with every reason, the oldest first.
    pub fn enter(&mut self, name: N, mut correlation: Correlation) -> Vec<(N, LinkReason)> {
        let found = self.find(&correlation);
        correlation.prints.iter_mut().for_each(|print| print.keep_tail(MOST_TAIL));
        self.insert(name, correlation);
        found
    }

    /// How full it is.
    #[must_use]
    pub fn fills(&self) -> LinkFills {
        let Links { calls, bytes, payloads, .. } = self.config;
        LinkFills {
            calls: Fill::new(self.entries.len(), calls, self.evictions),
            bytes: Fill::new(self.bytes, bytes, self.evictions_for_bytes),
            payloads: Fill::new(self.digests, payloads, self.print_evictions),
        }
    }

    fn find(&self, call: &Correlation) -> Vec<(N, LinkReason)> {
        let mut found = BTreeSet::new();
        self.find_keys(call, &mut found);
        self.find_replaced(call, &mut found);
        self.find_referred(call, &mut found);
        self.find_relayed(call, &mut found);
        let named = |(entry, reason)| self.entry(entry).map(|entry| (entry.name.clone(), reason));
        found.into_iter().take(MOST_LINKS).filter_map(named).collect()
    }

    fn find_keys(&self, call: &Correlation, found: &mut BTreeSet<(u64, LinkReason)>) {
        for key in &call.keys {
            let reason = key.reason();
            found.extend(listed(&self.by_key, key, MOST_SHARERS).map(|entry| (entry, reason)));
            if let Key::Header(_, value) = key {
                found.extend(listed(&self.by_call_id, value, MOST_SHARERS).map(|entry| (entry, reason)));
            }
        }
        // Another's header may hold this call's Call-ID.
        for place in 0..self.config.headers.len() {
            let key = Key::Header(place, call.call_id.clone());
            found.extend(listed(&self.by_key, &key, MOST_SHARERS).map(|entry| (entry, key.reason())));
        }
    }

    /// Who replaces whom, and whom a REFER with Replaces names.
    fn find_replaced(&self, call: &Correlation, found: &mut BTreeSet<(u64, LinkReason)>) {
        let own = call.replaces.iter().map(|replaces| (replaces, LinkReason::Replaces));
        let asked =
            call.refers.iter().filter_map(|refer| Some((refer.replaces.as_ref()?, LinkReason::Refer)));
        for (replaces, reason) in own.chain(asked) {
            for (number, other) in self.listed_entries(&self.by_call_id, &replaces.call_id) {
                if replaces.means(&other.tags.caller, &other.tags.callee) {
                    found.insert((number, reason));
                }
            }
            for (number, other) in self.listed_entries(&self.by_replaced, &replaces.call_id) {
                let theirs = match reason {
                    LinkReason::Replaces => {
                        other.refers.iter().any(|refer| refer.replaces.as_ref() == Some(replaces))
                    }
                    _ => other.replaces.as_ref() == Some(replaces),
                };
                if theirs {
                    found.insert((number, LinkReason::Refer));
                }
            }
        }
        for (number, other) in self.listed_entries(&self.by_replaced, &call.call_id) {
            let means = |replaces: &sip::Replaces| {
                replaces.call_id == call.call_id && replaces.means(&call.tags.caller, &call.tags.callee)
            };
            if other.replaces.as_ref().is_some_and(means) {
                found.insert((number, LinkReason::Replaces));
            }
            if other.refers.iter().filter_map(|refer| refer.replaces.as_ref()).any(means) {
                found.insert((number, LinkReason::Refer));
            }
        }
    }

    /// The INVITE that follows a REFER, whichever of the two calls was over first.
    fn find_referred(&self, call: &Correlation, found: &mut BTreeSet<(u64, LinkReason)>) {
        for refer in &call.refers {
            let followed = self.between(&self.invites, &refer.target.user, refer.at, refer.at + LONGEST_WAIT);
            for (number, other) in followed {
                if is_followed_by(call, refer, other) {
                    found.insert((number, LinkReason::Refer));
                }
            }
        }
        for user in users_called(call) {
            let asked = self.between(&self.refers, user, call.invited_at - LONGEST_WAIT, call.invited_at);
            for (number, other) in asked {
                if other.refers.iter().any(|refer| is_followed_by(other, refer, call)) {
                    found.insert((number, LinkReason::Refer));
                }
            }
        }
    }

    fn find_relayed(&self, call: &Correlation, found: &mut BTreeSet<(u64, LinkReason)>) {
        let mut pairs: BTreeMap<u64, Pairs> = BTreeMap::new();
        for (our, print) in call.prints.iter().enumerate() {
            for sample in &print.samples {
                let holders = self.by_digest.get(&sample.digest).map_or(&[][..], Vec::as_slice);
                if holders.len() >= MOST_HOLDERS {
                    continue;
                }
                for holder in holders.iter().filter(|holder| relay::is_near(holder.at, sample.at)) {
                    let pairs = pairs.entry(holder.entry).or_default();
                    pairs.entry((holder.print as usize, our)).or_default().push((holder.at, sample.at));
                }
            }
        }
        for (number, pairs) in pairs {
            let theirs = self.entry(number).map_or(&[][..], |entry| &entry.correlation.prints);
            if relay::is_relayed(theirs, &call.prints, &pairs) {
                found.insert((number, LinkReason::PayloadMatch));
            }
        }
    }

    fn insert(&mut self, name: N, correlation: Correlation) {
        let number = self.first + self.entries.len() as u64;
        list(&mut self.by_call_id, correlation.call_id.clone(), number);
        for key in &correlation.keys {
            list(&mut self.by_key, key.clone(), number);
        }
        for call_id in call_ids_replaced(&correlation) {
            list(&mut self.by_replaced, call_id.clone(), number);
        }
        for user in users_called(&correlation) {
            self.invites.insert((user.clone(), correlation.invited_at, number));
        }
        for refer in &correlation.refers {
            self.refers.insert((refer.target.user.clone(), refer.at, number));
        }
        for (print, one) in correlation.prints.iter().enumerate() {
            for sample in &one.samples {
                let holders = self.by_digest.entry(sample.digest).or_default();
                if holders.len() < MOST_HOLDERS {
                    holders.push(Holder { entry: number, print: print as u32, at: sample.at });
                    self.digests += 1;
                }
            }
        }
        let bytes = size_of::<Entry<N>>() + correlation.weight();
        self.bytes += bytes;
        self.entries.push_back(Entry { name, correlation, bytes });
        while self.digests > self.config.payloads && self.forget_print() {
            self.print_evictions += 1;
        }
        while self.entries.len() > self.config.calls && self.forget() {
            self.evictions += 1;
        }
        while self.bytes > self.config.bytes && self.forget() {
            self.evictions_for_bytes += 1;
        }
    }

    /// Forgets the payloads of the call whose payloads are oldest.
    fn forget_print(&mut self) -> bool {
        let number = self.first_print;
        let Some(at) = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(at) else { return false };
        for sample in
            std::mem::take(&mut entry.correlation.prints).into_iter().flat_map(|print| print.samples)
        {
            let Some(holders) = self.by_digest.get_mut(&sample.digest) else { continue };
            let before = holders.len();
            holders.retain(|holder| holder.entry != number);
            self.digests -= before - holders.len();
            if holders.is_empty() {
                self.by_digest.remove(&sample.digest);
            }
        }
        self.first_print += 1;
        true
    }

    /// Forgets the oldest call.
    fn forget(&mut self) -> bool {
        if self.first_print == self.first {
            self.forget_print();
        }
        let Some(Entry { correlation, bytes, .. }) = self.entries.pop_front() else { return false };
        let number = self.first;
        self.first += 1;
        self.bytes -= bytes;
        unlist(&mut self.by_call_id, &correlation.call_id, number);
        for key in &correlation.keys {
            unlist(&mut self.by_key, key, number);
        }
        for call_id in call_ids_replaced(&correlation) {
            unlist(&mut self.by_replaced, call_id, number);
        }
        for user in users_called(&correlation) {
            self.invites.remove(&(user.clone(), correlation.invited_at, number));
        }
        for refer in &correlation.refers {
            self.refers.remove(&(refer.target.user.clone(), refer.at, number));
        }
        true
    }

    fn entry(&self, number: u64) -> Option<&Entry<N>> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn listed_entries<'a>(
        &'a self,
        lists: &'a HashMap<String, Vec<u64>>,
        call_id: &str,
    ) -> impl Iterator<Item = (u64, &'a Correlation)> {
        let numbers = lists.get(call_id).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|&number| Some((number, &self.entry(number)?.correlation)))
    }

    fn between<'a>(
        &'a self,
        set: &'a BTreeSet<(String, Time, u64)>,
        user: &str,
        from: Time,
        to: Time,
    ) -> impl Iterator<Item = (u64, &'a Correlation)> {
        let range = (user.to_owned(), from, 0)..=(user.to_owned(), to, u64::MAX);
        let numbers = set.range(range).take(MOST_CANDIDATES).map(|&(.., number)| number);
        numbers.filter_map(|number| Some((number, &self.entry(number)?.correlation)))
    }
}

impl Key {
    fn reason(&self) -> LinkReason {
        match self {
            Key::Session(_) => LinkReason::SessionId,
            Key::Icid(_) => LinkReason::Icid,
            Key::Header(..) => LinkReason::XHeader,
        }
    }
}

/// Whether `other` is the call that `refer` in `call` asked for: it calls the target soon afterwards, and it is known to
/// be the transferee's, by its URI, by where it signals from, or by Referred-By.
fn is_followed_by(call: &Correlation, refer: &Refer, other: &Correlation) -> bool {
    if other.call_id == call.call_id
        || other.invited_at < refer.at
        || other.invited_at > refer.at + LONGEST_WAIT
    {
        return false;
    }
    let (referrer, transferee) = (call.party(refer.by), call.party(refer.by.other()));
    let host = call.hosts.of(refer.by.other());
    let same_host = host.is_some() && *host == other.hosts.caller;
    let same_user = !transferee.user.is_empty() && transferee.user == other.caller.user;
    let referred = other.referred_by.as_ref() == Some(referrer);
    let exact = other.called.contains(&refer.target);
    // A PBX that carries out the REFER calls the phone at its own address, in the transferee's name.
    let rewritten = other.called.iter().any(|called| called.user == refer.target.user);
    let known = same_host || referred || *transferee == other.caller;
    (exact && known) || (rewritten && !refer.target.user.is_empty() && same_host && (same_user || referred))
}

/// The users that an INVITE calls, each once.
fn users_called(call: &Correlation) -> impl Iterator<Item = &String> {
    let [to, request] = &call.called;
    let second = Some(&request.user).filter(|user| **user != to.user);
    [Some(&to.user), second].into_iter().flatten()
}

fn call_ids_replaced(call: &Correlation) -> impl Iterator<Item = &String> {
    let asked = call.refers.iter().filter_map(|refer| refer.replaces.as_ref());
    call.replaces.iter().chain(asked).map(|replaces| &replaces.call_id)
}

/// The calls of `key`; none where so many share it that it says nothing.
fn listed<'a, K: std::hash::Hash + Eq>(
    lists: &'a HashMap<K, Vec<u64>>,
    key: &K,
    most: usize,
) -> impl Iterator<Item = u64> + use<'a, K> {
    let numbers = lists.get(key).map_or(&[][..], Vec::as_slice);
    numbers.iter().copied().filter(move |_| numbers.len() < most)
}

fn list<K: std::hash::Hash + Eq>(lists: &mut HashMap<K, Vec<u64>>, key: K, number: u64) {
    let numbers = lists.entry(key).or_default();
    if numbers.len() < MOST_SHARERS && numbers.last() != Some(&number) {
        numbers.push(number);
    }
}

fn unlist<K: std::hash::Hash + Eq>(lists: &mut HashMap<K, Vec<u64>>, key: &K, number: u64) {
    if let Some(numbers) = lists.get_mut(key) {
        numbers.retain(|&known| known != number);
        if numbers.is_empty() {
            lists.remove(key);
        }
    }
}

/// From a REFER to its INVITE: the transferee may be asked whether it wants to.
const LONGEST_WAIT: Span = Span::from_secs(60);
/// A value that so many calls have names no conversation: a vendor's constant, a conference's bridge.
const MOST_SHARERS: usize = 16;
/// A payload that so many calls carry is an announcement.
const MOST_HOLDERS: usize = 4;
/// INVITEs to one user within [`LONGEST_WAIT`] that are looked at.
const MOST_CANDIDATES: usize = 64;
/// Links of one call.
const MOST_LINKS: usize = 64;
/// Samples of a stream that are remembered: the last ten seconds of speech.
const MOST_TAIL: usize = 64;

#[cfg(test)]
mod tests;
