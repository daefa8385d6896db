//! What the open calls say is theirs: the endpoints that they named, each with the time from which it counts, and the
//! flows, sources and names that go with them.

use clock::Time;
use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::brought::Named;
use crate::owners::{Entered, Owner, Owners};
use crate::side::Side;

/// An open call, as the tables know it. No other that is open at the same time has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallKey(pub(crate) u32);

impl CallKey {
    /// Set in the keys of calls that have no signalling.
    pub(crate) const UNSIGNALLED: u32 = 1 << 31;

    /// Whether nothing is known of the call but its media.
    pub(crate) const fn is_unsignalled(self) -> bool {
        self.0 & CallKey::UNSIGNALLED != 0
    }
}

/// One call's word that `side` is to be found somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) call: CallKey,
    /// Who receives there.
    pub(crate) side: Side,
    pub(crate) named: Named,
    pub(crate) since: Time,
}

/// Every claim of the open calls.
#[derive(Default, Debug)]
pub(crate) struct Claims {
    by_endpoint: HashMap<Endpoint, Vec<Claim>, RandomState>,
    /// Who receives RTCP there.
    rtcp: Owners<Endpoint>,
    /// Who sends that flow.
    flows: Owners<Flow>,
    /// Who sends under that SSRC.
    ssrcs: Owners<u32>,
    /// Who sends under that canonical name.
    cnames: Owners<String>,
    /// Whose name in ICE it is.
    ufrags: Owners<String>,
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
    ufrags: Vec<String>,
}

impl Claimed {
    /// Whether the call may claim no more.
    fn is_full(&self) -> bool {
        self.len() >= MOST_CLAIMS_A_CALL
    }

    fn len(&self) -> usize {
        let names = self.cnames.len() + self.ufrags.len();
        self.endpoints.len() + self.rtcp.len() + self.flows.len() + self.ssrcs.len() + names
    }

    /// The endpoints that the call named.
    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// About how many bytes the claims take in all tables.
    pub(crate) fn weight(&self) -> usize {
        CLAIM_WEIGHT * self.len()
    }
}

impl Claims {
    /// `call` says that `side` receives at `named`. A later claim of the same call renews the earlier one; whether it is
    /// the first of its kind.
    pub(crate) fn claim(&mut self, claim: Claim, claimed: &mut Claimed) -> bool {
        let claims = self.by_endpoint.entry(claim.named.endpoint).or_default();
        let same = |known: &Claim| {
            known.call == claim.call && known.side == claim.side && known.named == claim.named
        };
        if let Some(known) = claims.iter_mut().find(|known| same(known)) {
            known.since = claim.since;
            return false;
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
            return true;
        }
        self.evicted += 1;
        if claims.is_empty() {
            self.by_endpoint.remove(&claim.named.endpoint);
        }
        false
    }

    pub(crate) fn claim_rtcp(&mut self, endpoint: Endpoint, receiver: Owner, claimed: &mut Claimed) {
        let room = !claimed.is_full();
        let entered = self.rtcp.enter(endpoint, receiver, room, &mut claimed.rtcp);
        self.count(entered);
    }

    /// A stream of this flow is `sender`'s.
    pub(crate) fn claim_flow(&mut self, flow: Flow, sender: Owner, claimed: &mut Claimed) {
        let room = !claimed.is_full();
        let entered = self.flows.enter(flow, sender, room, &mut claimed.flows);
        self.count(entered);
    }

    /// The flow is `call`'s no more: its stream ended, or was another's.
    pub(crate) fn disclaim_flow(&mut self, flow: Flow, call: CallKey) {
        self.flows.withdraw_one(&flow, call);
    }

    /// `sender` announced that it sends as `ssrc`, perhaps under a canonical name.
    pub(crate) fn claim_source(
        &mut self,
        (ssrc, cname): (u32, Option<String>),
        sender: Owner,
        claimed: &mut Claimed,
    ) {
        let room = !claimed.is_full();
        let entered = self.ssrcs.enter(ssrc, sender, room, &mut claimed.ssrcs);
        self.count(entered);
        if let Some(cname) = cname.filter(|cname| cname.len() <= LONGEST_NAME) {
            let room = !claimed.is_full();
            let entered = self.cnames.enter(cname, sender, room, &mut claimed.cnames);
            self.count(entered);
        }
    }

    /// `owner` is called so in the connectivity checks of ICE.
    pub(crate) fn claim_ufrag(&mut self, ufrag: String, owner: Owner, claimed: &mut Claimed) {
        let room = !claimed.is_full() && ufrag.len() <= LONGEST_NAME;
        let entered = self.ufrags.enter(ufrag, owner, room, &mut claimed.ufrags);
        self.count(entered);
    }

    /// How many claims there are, and how many had to make room or found none.
    pub(crate) fn fill(&self) -> (usize, u64) {
        (self.entries, self.evicted)
    }

    fn count(&mut self, entered: Entered) {
        match entered {
            Entered::New { crowded } => {
                self.entries += 1;
                self.evicted += u64::from(crowded);
            }
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
        self.rtcp.withdraw(claimed.rtcp.drain(..), call);
        self.flows.withdraw(claimed.flows.drain(..), call);
        self.ssrcs.withdraw(claimed.ssrcs.drain(..), call);
        self.cnames.withdraw(claimed.cnames.drain(..), call);
        self.ufrags.withdraw(claimed.ufrags.drain(..), call);
    }

    pub(crate) fn at(&self, endpoint: Endpoint) -> &[Claim] {
        self.by_endpoint.get(&endpoint).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn rtcp_at(&self, endpoint: Endpoint) -> &[Owner] {
        self.rtcp.of(&endpoint)
    }

    pub(crate) fn of_flow(&self, flow: Flow) -> &[Owner] {
        self.flows.of(&flow)
    }

    pub(crate) fn of_ssrc(&self, ssrc: u32) -> &[Owner] {
        self.ssrcs.of(&ssrc)
    }

    pub(crate) fn of_cname(&self, cname: &str) -> &[Owner] {
        self.cnames.of(cname)
    }

    /// Who a check of ICE is for and who sent it, where both are known and of one call.
    pub(crate) fn of_check(&self, receiver: &str, sender: &str) -> Option<(Owner, Owner)> {
        let senders = self.ufrags.of(sender);
        self.ufrags.of(receiver).iter().rev().find_map(|&receiver| {
            let sender = senders.iter().find(|sender| sender.call == receiver.call)?;
            Some((receiver, *sender)).filter(|(receiver, sender)| receiver.side != sender.side)
        })
    }
}

/// Calls that name one and the same endpoint at once: a gateway with one port for all of them.
const MOST_CLAIMS: usize = 64;
/// Two endpoints of each of 300 descriptions and some: a call that names more is used for something else.
const MOST_CLAIMS_A_CALL: usize = 1024;
/// What RTCP can carry of a canonical name (RFC 3550, section 6.5), and what `ice-ufrag` may be (RFC 8839).
const LONGEST_NAME: usize = 256;
/// A key and its owner, the list that it may stand in, and the key once more with the call.
pub(crate) const CLAIM_WEIGHT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brought::Naming;
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
        let caller = Owner { call, side: Side::Caller, since: Time::default() };
        for n in 0..10_000 {
            claims.claim_rtcp(endpoint(1), caller, &mut claimed);
            claims.claim_source((5, Some("a@b".into())), caller, &mut claimed);
            claims.claim_ufrag("9uB6".into(), caller, &mut claimed);
            let named = Named { endpoint: endpoint(n), naming: Naming::Candidate, kind: MediaKind::Audio };
            claims.claim(Claim { call, side: Side::Caller, named, since: Time::default() }, &mut claimed);
            claims.claim_source((n, Some("x".repeat(60_000))), caller, &mut claimed);
            claims.claim_ufrag("x".repeat(60_000), caller, &mut claimed);
        }
        assert_eq!(claimed.len(), MOST_CLAIMS_A_CALL);
        assert!(claims.by_endpoint.len() + claims.ssrcs.len() <= MOST_CLAIMS_A_CALL);
        claims.withdraw(call, &mut claimed);
        let left = [claims.rtcp.len(), claims.ssrcs.len(), claims.cnames.len(), claims.ufrags.len()];
        assert_eq!((claims.by_endpoint.len(), left), (0, [0; 4]));
    }
}
