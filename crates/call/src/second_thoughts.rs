//! Second thoughts: a stream was given to a call by what was known then; a later description or stream may show that it
//! is another's.

use clock::Time;
use flow::Flow;
use rtp::StreamId;

use crate::brought::{Named, Naming};
use crate::calls::Calls;
use crate::claims::CallKey;
use crate::evidence::Rule;
use crate::matcher::{Match, Verdict};
use crate::open_call::Attached;
use crate::owners::Owner;
use crate::placement::Placement;
use crate::side::Side;

impl Placement {
    /// The call has said where one side is: streams that came from elsewhere, and were its own only because nothing
    /// was known of that, may fit another call better.
    pub(crate) fn think_again(&mut self, key: CallKey, described: Side, calls: &mut Calls) {
        let Some(call) = calls.get(key) else { return };
        let doubtful = |one: &&Attached| {
            one.sender == described && one.why.rule == Rule::SdpAddress && one.why.evidence.source.is_none()
        };
        let doubtful: Vec<StreamId> = call.attached.iter().filter(doubtful).map(|one| one.id).collect();
        for id in doubtful {
            match self.find(id, calls) {
                Verdict::Found(found) if found.call != key && found.why.evidence.source.is_some() => {
                    self.hand_over(id, key, found, calls);
                }
                _ => {}
            }
        }
        self.look_again(calls);
    }

    fn hand_over(&mut self, id: StreamId, from: CallKey, found: Match, calls: &mut Calls) {
        if let Some(flow) = self.detach(id, from, calls) {
            self.attach(id, flow, found, calls);
        }
    }

    /// Takes a stream from the call that has it; it is nobody's then.
    fn detach(&mut self, id: StreamId, from: CallKey, calls: &mut Calls) -> Option<Flow> {
        let flow = self.streams.stream(id).filter(|stream| stream.owner() == Some(from.0))?.flow;
        if let Some(call) = calls.get_mut(from) {
            call.attached.retain(|one| one.id != id);
        }
        self.claims.disclaim_flow(flow, from);
        self.attached.leave(id, flow);
        self.streams.disclaim(id);
        Some(flow)
    }

    /// The newcomer named endpoints. What other calls have there by little evidence, and what began after the newcomer
    /// did, may be its own.
    pub(crate) fn doubt_others(&mut self, newcomer: CallKey, named: &[Named], calls: &mut Calls) {
        let Some(begun_at) = calls.get(newcomer).map(|call| call.dialog.invited_at) else { return };
        let is_late = |id| self.streams.stream(id).is_some_and(|stream| stream.first_at >= begun_at);
        let is_weak = |id, owner| {
            let of_owner = calls.get(owner).and_then(|call| call.attached.iter().find(|one| one.id == id));
            of_owner.is_some_and(|one| one.why.rule >= Rule::Symmetric)
        };
        let here = named.iter().filter(|named| named.naming != Naming::Candidate);
        let doubtful: Vec<(StreamId, CallKey)> = here
            .flat_map(|named| self.attached.at(named.endpoint))
            .filter(|&&id| is_late(id))
            .filter_map(|&id| Some((id, self.owner(id).filter(|owner| *owner != newcomer)?)))
            .filter(|&(id, owner)| is_weak(id, owner))
            .collect();
        for (id, owner) in doubtful {
            if let Some(flow) = self.detach(id, owner, calls) {
                self.place(id, flow, calls);
            }
        }
        self.look_again(calls);
    }

    /// A stream was found, and so perhaps whose its reverse is, which another call has by no more than the addresses.
    pub(crate) fn rethink_reverse(&mut self, flow: Flow, newcomer: CallKey, calls: &mut Calls) {
        let Some(begun_at) = calls.get(newcomer).map(|call| call.dialog.invited_at) else { return };
        let is_reverse = |stream: &rtp::Stream| stream.flow == flow.reversed() && stream.first_at >= begun_at;
        let reverse: Vec<(StreamId, CallKey)> = self
            .attached
            .at(flow.source)
            .iter()
            .filter(|&&id| self.streams.stream(id).is_some_and(is_reverse))
            .filter_map(|&id| Some((id, self.owner(id).filter(|owner| *owner != newcomer)?)))
            .collect();
        for (id, owner) in reverse {
            let of_owner = calls.get(owner).and_then(|call| call.attached.iter().find(|one| one.id == id));
            let is_weak = of_owner.is_some_and(|one| one.why.rule >= Rule::Symmetric);
            match self.find(id, calls) {
                Verdict::Found(found) if is_weak && found.call == newcomer => {
                    self.hand_over(id, owner, found, calls);
                }
                _ => {}
            }
        }
    }

    /// What goes between two endpoints is the call's that speaks there now, and no more of those that fell silent.
    pub(crate) fn disclaim_ended(&mut self, flow: Flow, newcomer: Owner) {
        let others = self.attached.at(flow.source).iter().filter_map(|&id| self.streams.stream(id));
        let same_way = others.filter(|other| other.flow == flow);
        let owners: Vec<(CallKey, Time)> =
            same_way.filter_map(|other| Some((CallKey(other.owner()?), other.last_at))).collect();
        for &(call, _) in &owners {
            let speaks = owners.iter().any(|&(other, last)| other == call && last >= newcomer.since);
            if call != newcomer.call && !speaks {
                self.claims.disclaim_flow(flow, call);
            }
        }
    }
}
