//! Calls without signalling: streams that no call claims within the look-back become calls of their own, one for both
//! directions between two endpoints. Who spoke first is the caller.

use clock::{Span, Time};
use flow::Flow;
use rtp::{Stream, StreamId};
use sdp::MediaKind;

use crate::brought::Named;
use crate::calls::Calls;
use crate::claims::CallKey;
use crate::evidence::{Evidence, How, Reason, Rule, Witness};
use crate::hindsight::HANDFUL;
use crate::matcher::Match;
use crate::open_call::OpenCall;
use crate::placement::Placement;
use crate::side::Side;

impl Placement {
    /// Makes calls of the streams that began before `since` and have none. Where memory is short they stay orphans.
    pub(crate) fn adopt(&mut self, since: Time, calls: &mut Calls) {
        if self.streams.is_tight() {
            return;
        }
        let mut orphans: Vec<(Time, u32, Flow, StreamId)> = self
            .streams
            .unclaimed()
            .filter(|(_, stream)| stream.first_at < since && stream.kept.len() > HANDFUL)
            .map(|(id, stream)| (stream.first_at, stream.ssrc.0, stream.flow, id))
            .collect();
        orphans.sort_unstable_by_key(|&(first_at, ssrc, flow, _)| (first_at, ssrc, flow));
        for (.., flow, id) in orphans {
            self.adopt_one(id, flow, calls);
        }
    }

    fn adopt_one(&mut self, id: StreamId, flow: Flow, calls: &mut Calls) {
        // A stream of the other direction, adopted just now, may have taken it along.
        let Some(stream) = self.streams.stream(id).filter(|stream| stream.owner().is_none()) else { return };
        if calls.len() >= self.most_calls {
            return;
        }
        let at = stream.first_at;
        let call_id = format!("rtp-{}-{}-{}", flow.source, flow.destination, stream.ssrc);
        let key = calls.insert(OpenCall::unsignalled(call_id, at), at);
        let main = Witness { end: None, how: How::Flow, by: Side::Caller, at };
        let why = Reason { rule: Rule::Flow, confidence: 0.5, evidence: Evidence { main, source: None } };
        let found = Match { call: key, sender: Side::Caller, why, kind: MediaKind::Audio };
        self.attach(id, flow, found, calls);
        self.look_again(calls);
    }

    /// Whether a call without signalling was silent when the stream began: then it is another call of the same two.
    pub(crate) fn is_after_a_pause(&self, stream: &Stream, call: CallKey, calls: &Calls) -> bool {
        let of_call = calls.get(call).map_or(&[][..], |call| &call.attached);
        let last = of_call.iter().filter_map(|one| Some(self.streams.stream(one.id)?.last_at)).max();
        last.is_some_and(|last| stream.first_at - last > LONGEST_PAUSE)
    }

    /// A description names endpoints at which calls without signalling speak: those are none then. What the newcomer
    /// does not claim becomes one again.
    pub(crate) fn take_over(&mut self, named: &[Named], calls: &mut Calls) {
        let here = named.iter().flat_map(|named| self.attached.at(named.endpoint));
        let mut unsignalled: Vec<CallKey> =
            here.filter_map(|&id| self.owner(id)).filter(|owner| owner.is_unsignalled()).collect();
        unsignalled.sort_unstable();
        unsignalled.dedup();
        for key in unsignalled {
            let Some(mut call) = calls.remove(key) else { continue };
            self.claims.withdraw(key, &mut call.claimed);
            let orphans: Vec<_> = call
                .attached
                .iter()
                .filter_map(|one| Some((one.id, self.streams.stream(one.id)?.flow)))
                .collect();
            for &(id, flow) in &orphans {
                self.attached.leave(id, flow);
                self.streams.disclaim(id);
            }
            for &(id, flow) in &orphans {
                self.place(id, flow, calls);
            }
            self.look_again(calls);
            for (id, flow) in orphans {
                self.adopt_one(id, flow, calls);
            }
        }
    }
}

/// Nobody says so long nothing in a call without a word of it: who speaks then under another SSRC has another call.
const LONGEST_PAUSE: Span = Span::from_ms(2000);
