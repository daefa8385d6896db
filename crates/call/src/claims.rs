//! Who is to receive at which endpoint: the addresses that open calls named, each with the time from which it counts.

use clock::Time;
use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::negotiation::Named;
use crate::side::Side;

/// An open call, as the tables know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct CallKey(pub(crate) u32);

/// One call's word that `side` is to be found somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) call: CallKey,
    /// At an endpoint: who receives there. Of a flow or source: who sends.
    pub(crate) side: Side,
    pub(crate) named: Named,
    pub(crate) since: Time,
}

/// Every claim of the open calls.
#[derive(Default, Debug)]
pub(crate) struct Claims {
    by_endpoint: HashMap<Endpoint, Vec<Claim>, RandomState>,
    by_rtcp: HashMap<Endpoint, (CallKey, Side), RandomState>,
    by_flow: HashMap<Flow, (CallKey, Side), RandomState>,
    by_ssrc: HashMap<u32, (CallKey, Side), RandomState>,
    by_cname: HashMap<String, (CallKey, Side), RandomState>,
    /// How many there are, each counted once a call.
    entries: usize,
    /// Those that had to make room or found none.
    evicted: u64,
}

/// Where a call's claims stand, so that they can be withdrawn together.
#[derive(Default, Debug)]
pub(crate) struct Claimed {
    endpoints: Vec<Endpoint>,
    rtcp: Vec<Endpoint>,
    flows: Vec<Flow>,
    ssrcs: Vec<u32>,
    cnames: Vec<String>,
}

impl Claimed {
    /// Whether the call may claim no more.
    fn is_full(&self) -> bool {
        self.len() >= MOST_CLAIMS_A_CALL
    }

    fn len(&self) -> usize {
        self.endpoints.len() + self.rtcp.len() + self.flows.len() + self.ssrcs.len() + self.cnames.len()
    }

    /// About how many bytes the claims take in all tables.
    pub(crate) fn weight(&self) -> usize {
        CLAIM_WEIGHT * self.len()
    }
}

impl Claims {
    /// `call` says that `side` receives at `named`. A later claim of the same call renews the earlier one.
    pub(crate) fn claim(&mut self, claim: Claim, claimed: &mut Claimed) {
        let claims = self.by_endpoint.entry(claim.named.endpoint).or_default();
        let same = |known: &Claim| {
            known.call == claim.call && known.side == claim.side && known.named == claim.named
        };
        if let Some(known) = claims.iter_mut().find(|known| same(known)) {
            known.since = claim.since;
            return;
        }
        if !claimed.is_full() {
            if claims.len() >= MOST_CLAIMS {
                // Neither the first nor the latest: a flood of claims pushes out no call that was there before it.
                claims.remove(MOST_CLAIMS / 2);
                self.evicted += 1;
            }
            claims.push(claim);
            claimed.endpoints.push(claim.named.endpoint);
            self.entries += 1;
        } else {
            self.evicted += 1;
            if claims.is_empty() {
                self.by_endpoint.remove(&claim.named.endpoint);
            }
        }
    }

    pub(crate) fn claim_rtcp(
        &mut self,
        endpoint: Endpoint,
        call: CallKey,
        receiver: Side,
        claimed: &mut Claimed,
    ) {
        let entered =
            enter(&mut self.by_rtcp, endpoint, (call, receiver), claimed, |claimed| &mut claimed.rtcp);
        self.count(entered);
    }

    /// A stream of this flow is `sender`'s.
    pub(crate) fn claim_flow(&mut self, flow: Flow, call: CallKey, sender: Side, claimed: &mut Claimed) {
        let entered = enter(&mut self.by_flow, flow, (call, sender), claimed, |claimed| &mut claimed.flows);
        self.count(entered);
    }

    /// `sender` announced that it sends as `ssrc`, perhaps under a canonical name.
    pub(crate) fn claim_source(
        &mut self,
        (ssrc, cname): (u32, Option<String>),
        call: CallKey,
        sender: Side,
        claimed: &mut Claimed,
    ) {
        let entered = enter(&mut self.by_ssrc, ssrc, (call, sender), claimed, |claimed| &mut claimed.ssrcs);
        self.count(entered);
        if let Some(cname) = cname.filter(|cname| cname.len() <= LONGEST_CNAME) {
            let entered =
                enter(&mut self.by_cname, cname, (call, sender), claimed, |claimed| &mut claimed.cnames);
            self.count(entered);
        }
    }

    /// How many claims there are, and how many had to make room or found none.
    pub(crate) fn fill(&self) -> (usize, u64) {
        (self.entries, self.evicted)
    }

    fn count(&mut self, entered: Entered) {
        match entered {
            Entered::New => self.entries += 1,
            Entered::Renewed => {}
            Entered::Refused => self.evicted += 1,
        }
    }

    /// Withdraws everything that `call` claimed.
    pub(crate) fn withdraw(&mut self, call: CallKey, claimed: &mut Claimed) {
        self.entries -= claimed.len();
        for endpoint in claimed.endpoints.drain(..) {
            if let Some(claims) = self.by_endpoint.get_mut(&endpoint) {
                claims.retain(|claim| claim.call != call);
                if claims.is_empty() {
                    self.by_endpoint.remove(&endpoint);
                }
            }
        }
        drop_own(&mut self.by_rtcp, claimed.rtcp.drain(..), call);
        drop_own(&mut self.by_flow, claimed.flows.drain(..), call);
        drop_own(&mut self.by_ssrc, claimed.ssrcs.drain(..), call);
        drop_own(&mut self.by_cname, claimed.cnames.drain(..), call);
    }

    pub(crate) fn at(&self, endpoint: Endpoint) -> &[Claim] {
        self.by_endpoint.get(&endpoint).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn rtcp_at(&self, endpoint: Endpoint) -> Option<(CallKey, Side)> {
        self.by_rtcp.get(&endpoint).copied()
    }

    pub(crate) fn of_flow(&self, flow: Flow) -> Option<(CallKey, Side)> {
        self.by_flow.get(&flow).copied()
    }

    pub(crate) fn of_ssrc(&self, ssrc: u32) -> Option<(CallKey, Side)> {
        self.by_ssrc.get(&ssrc).copied()
    }

    pub(crate) fn of_cname(&self, cname: &str) -> Option<(CallKey, Side)> {
        self.by_cname.get(cname).copied()
    }
}

/// Calls that name one and the same endpoint at once: a gateway with one port for all of them.
const MOST_CLAIMS: usize = 64;
/// Two endpoints of each of 300 descriptions and some: a call that names more is used for something else.
const MOST_CLAIMS_A_CALL: usize = 1024;
/// What RTCP can carry (RFC 3550, section 6.5).
const LONGEST_CNAME: usize = 255;
/// A key and its owner, the list that it may stand in, and the key once more with the call.
pub(crate) const CLAIM_WEIGHT: usize = 256;

/// What became of a claim.
#[derive(Clone, Copy)]
enum Entered {
    New,
    /// The call had claimed the same before.
    Renewed,
    /// The call has too many.
    Refused,
}

/// Enters a claim that takes the place of any older one.
fn enter<K: std::hash::Hash + Eq + Clone>(
    map: &mut HashMap<K, (CallKey, Side), RandomState>,
    key: K,
    owner: (CallKey, Side),
    claimed: &mut Claimed,
    keys: impl Fn(&mut Claimed) -> &mut Vec<K>,
) -> Entered {
    if map.get(&key).is_some_and(|&(call, _)| call == owner.0) {
        map.insert(key, owner);
        Entered::Renewed
    } else if claimed.is_full() {
        Entered::Refused
    } else {
        map.insert(key.clone(), owner);
        keys(claimed).push(key);
        Entered::New
    }
}

/// Removes the keys that are still `call`'s; a newer call may have taken one over.
fn drop_own<K: std::hash::Hash + Eq>(
    map: &mut HashMap<K, (CallKey, Side), RandomState>,
    keys: impl Iterator<Item = K>,
    call: CallKey,
) {
    for key in keys {
        if map.get(&key).is_some_and(|&(owner, _)| owner == call) {
            map.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiation::Naming;
    use flow::Address;
    use sdp::MediaKind;

    #[test]
    fn a_flood_of_claims_pushes_out_neither_the_first_nor_the_latest() {
        let mut claims = Claims::default();
        let endpoint = Endpoint::new(Address::v4([192, 0, 2, 1]), 4000);
        let named = Named { endpoint, naming: Naming::Description, kind: MediaKind::Audio };
        for call in (0..1000).map(CallKey) {
            let claim = Claim { call, side: Side::Caller, named, since: Time::default() };
            claims.claim(claim, &mut Claimed::default());
        }
        let calls: Vec<u32> = claims.at(endpoint).iter().map(|claim| claim.call.0).collect();
        assert_eq!((calls.len(), calls.first(), calls.last()), (MOST_CLAIMS, Some(&0), Some(&999)));
    }

    #[test]
    fn what_a_call_claims_again_and_again_does_not_grow() {
        let (mut claims, mut claimed) = (Claims::default(), Claimed::default());
        let endpoint = |n: u32| Endpoint::new(Address::v4(n.to_be_bytes()), 4000);
        let call = CallKey(7);
        for n in 0..10_000 {
            claims.claim_rtcp(endpoint(1), call, Side::Caller, &mut claimed);
            claims.claim_source((5, Some("a@b".into())), call, Side::Caller, &mut claimed);
            let named = Named { endpoint: endpoint(n), naming: Naming::Candidate, kind: MediaKind::Audio };
            claims.claim(Claim { call, side: Side::Caller, named, since: Time::default() }, &mut claimed);
            claims.claim_source((n, Some("x".repeat(60_000))), call, Side::Caller, &mut claimed);
        }
        assert_eq!(claimed.len(), MOST_CLAIMS_A_CALL);
        assert!(claims.by_endpoint.len() + claims.by_ssrc.len() <= MOST_CLAIMS_A_CALL);
        claims.withdraw(call, &mut claimed);
        assert_eq!((claims.by_endpoint.len(), claims.by_ssrc.len(), claims.by_cname.len()), (0, 0, 0));
        assert!(claims.by_rtcp.is_empty());
    }
}
