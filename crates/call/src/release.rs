//! A call that is over takes its streams along: by who sent them, without those that prove not to be its own, and with a
//! word on the streams near it that it did not get.

use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use rtp::StreamId;

use crate::call::Matched;
use crate::calls::Calls;
use crate::claims::CallKey;
use crate::evidence::{Reason, Rule};
use crate::forks::Fork;
use crate::hindsight;
use crate::matcher::Verdict;
use crate::open_call::{Attached, OpenCall};
use crate::placement::Placement;
use crate::refusal::{Refusal, Refused, Vicinity};
use crate::side::{Both, Side};

/// What a call leaves with.
#[derive(Default, Debug)]
pub(crate) struct Released {
    pub(crate) legs: Both<Vec<Matched>>,
    pub(crate) forks: Vec<Fork>,
    pub(crate) refused: Vec<Refused>,
}

impl Placement {
    /// Withdraws the claims of a call that is over, and takes its streams out. After `until` none may be its own.
    pub(crate) fn release(&mut self, key: CallKey, call: &mut OpenCall, until: Option<Time>) -> Released {
        let named = named(call);
        self.claims.withdraw(key, &mut call.claimed);
        let mut legs: Both<Vec<Matched>> = Both::default();
        for Attached { id, sender, why, kind } in std::mem::take(&mut call.attached) {
            let Some(stream) = self.streams.take(id) else { continue };
            self.attached.leave(id, stream.flow);
            call.last_media_at = call.last_media_at.max(Some(stream.last_at));
            legs.of_mut(sender).push(Matched { stream, why, kind });
        }
        let forks = part(call, &mut legs);
        let set_aside = hindsight::settle(&mut legs, &call.negotiation, until);
        self.count(&legs, &set_aside);
        forks.iter().for_each(|fork| self.count(&fork.legs, &[]));
        let set_aside = set_aside.iter().map(|(matched, refusal)| Refused::of(&matched.stream, *refusal));
        let refused = self.refused_near(key, call, named, until, set_aside.collect());
        for matched in Side::BOTH.iter().flat_map(|&side| legs.of(side)) {
            self.taken.remember(Refused::of(&matched.stream, Refusal::OtherCall));
        }
        Released { legs, forks, refused }
    }

    /// What was found by little, before all was said, may be what a description names: that is the better reason. To be
    /// asked as long as the call is open.
    pub(crate) fn find_better_reasons(&self, key: CallKey, calls: &mut Calls) {
        let Some(call) = calls.get(key) else { return };
        let flow = |one: &Attached| self.streams.stream(one.id).map(|stream| stream.flow);
        let described: Vec<Flow> =
            call.attached.iter().filter(|one| one.why.rule < Rule::Symmetric).filter_map(flow).collect();
        let better = |one: &Attached| {
            let Verdict::Found(found) = self.find(one.id, calls) else { return None };
            let is_reverse = || flow(one).is_some_and(|flow| described.contains(&flow.reversed()));
            let rests_on_words =
                found.why.rule < Rule::Symmetric || (found.why.rule == Rule::Symmetric && is_reverse());
            let is_better = found.call == key && found.sender == one.sender && found.why.rule < one.why.rule;
            (is_better && rests_on_words).then_some(found.why)
        };
        let weak = call.attached.iter().filter(|one| one.why.rule >= Rule::Symmetric);
        let better: Vec<(StreamId, Reason)> = weak.filter_map(|one| Some((one.id, better(one)?))).collect();
        let attached = calls.get_mut(key).into_iter().flat_map(|call| &mut call.attached);
        for one in attached {
            if let Some(&(_, why)) = better.iter().find(|(id, _)| *id == one.id) {
                one.why = why;
            }
        }
    }

    fn count(&mut self, legs: &Both<Vec<Matched>>, set_aside: &[(Matched, Refusal)]) {
        let packets = |matched: &Matched| matched.stream.kept.len() as u64;
        let attached = Side::BOTH.iter().flat_map(|&side| legs.of(side));
        self.counts.rtp.attached += attached.map(packets).sum::<u64>();
        self.counts.rtp.orphan += set_aside.iter().map(|(matched, _)| packets(matched)).sum::<u64>();
        self.counts.orphans.unclaimed += set_aside.len() as u64;
    }

    /// The streams near a call that it has not: those it was set apart from, those that wait, those that are gone, and
    /// those of other calls at its endpoints.
    fn refused_near(
        &self,
        key: CallKey,
        call: &OpenCall,
        named: Vec<Endpoint>,
        until: Option<Time>,
        set_aside: Vec<Refused>,
    ) -> Vec<Refused> {
        if call.is_unsignalled || (call.dialog.answered_at.is_none() && !call.dialog.joined_late) {
            return Vec::new();
        }
        let vicinity = vicinity(call, named, until);
        let waiting = vicinity.hosts.iter().flat_map(|&host| self.waiting.at_address(host));
        let waiting =
            waiting.filter_map(|&id| Some(Refused::of(self.streams.stream(id)?, self.waiting.why(id))));
        let gone = vicinity.hosts.iter().flat_map(|&host| self.lately.at(host).chain(self.taken.at(host)));
        let taken = vicinity.named.iter().flat_map(|&endpoint| self.attached.at(endpoint));
        let taken = taken
            .filter(|&&id| self.owner(id).is_some_and(|owner| owner != key))
            .filter_map(|&id| Some(Refused::of(self.streams.stream(id)?, Refusal::OtherCall)));
        vicinity.pick(set_aside.into_iter().chain(waiting).chain(gone).chain(taken))
    }
}

/// Takes out of the legs what early dialogs sent that did not become the call.
fn part(call: &mut OpenCall, legs: &mut Both<Vec<Matched>>) -> Vec<Fork> {
    let last_at = call.last_media_at.map_or(call.dialog.last_at, |media| media.max(call.dialog.last_at));
    let losers = call.dialog.take_losers(call.dialog.ended_at.unwrap_or(last_at));
    hindsight::sort(legs);
    std::mem::take(&mut call.forks).part(losers, &call.negotiation, legs, call.dialog.answered_at)
}

/// The endpoints that the call named, in order, no more than are worth looking at.
fn named(call: &OpenCall) -> Vec<Endpoint> {
    let mut named: Vec<Endpoint> = call.claimed.endpoints().iter().take(MOST_NAMED).copied().collect();
    named.sort_unstable();
    named.dedup();
    named
}

fn vicinity(call: &OpenCall, named: Vec<Endpoint>, until: Option<Time>) -> Vicinity {
    let signalling = Side::BOTH.iter().filter_map(|&side| *call.signalling.of(side));
    let mut hosts: Vec<Address> =
        named.iter().map(|endpoint| endpoint.address).chain(signalling.map(|end| end.address)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.truncate(MOST_HOSTS);
    let last_at = call.last_media_at.map_or(call.dialog.last_at, |media| media.max(call.dialog.last_at));
    Vicinity {
        named,
        hosts,
        from: call.dialog.invited_at - AROUND,
        to: call.dialog.ended_at.unwrap_or(last_at) + AROUND,
        described_at: call.negotiation.changes().first().copied().unwrap_or(call.dialog.invited_at),
        until,
    }
}

/// Endpoints and hosts of a call that are looked at; more would be a list of candidates.
const MOST_NAMED: usize = 64;
const MOST_HOSTS: usize = 16;
/// How long before and after a call a stream is still worth a word.
const AROUND: Span = Span::from_secs(10);
