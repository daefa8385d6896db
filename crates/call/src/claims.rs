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
        if claims.len() >= MOST_CLAIMS {
            claims.remove(0);
        }
        claims.push(claim);
        claimed.endpoints.push(claim.named.endpoint);
    }

    pub(crate) fn claim_rtcp(
        &mut self,
        endpoint: Endpoint,
        call: CallKey,
        receiver: Side,
        claimed: &mut Claimed,
    ) {
        self.by_rtcp.insert(endpoint, (call, receiver));
        claimed.rtcp.push(endpoint);
    }

    /// A stream of this flow is `sender`'s.
    pub(crate) fn claim_flow(&mut self, flow: Flow, call: CallKey, sender: Side, claimed: &mut Claimed) {
        self.by_flow.insert(flow, (call, sender));
        claimed.flows.push(flow);
    }

    /// `sender` announced that it sends as `ssrc`, perhaps under a canonical name.
    pub(crate) fn claim_source(
        &mut self,
        (ssrc, cname): (u32, Option<String>),
        call: CallKey,
        sender: Side,
        claimed: &mut Claimed,
    ) {
        self.by_ssrc.insert(ssrc, (call, sender));
        claimed.ssrcs.push(ssrc);
        if let Some(cname) = cname {
            self.by_cname.insert(cname.clone(), (call, sender));
            claimed.cnames.push(cname);
        }
    }

    /// Withdraws everything that `call` claimed.
    pub(crate) fn withdraw(&mut self, call: CallKey, claimed: &mut Claimed) {
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
