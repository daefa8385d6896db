//! What goes along with media and tells whose it is: RTCP of its sender, and the connectivity checks of ICE.

use flow::{Endpoint, Flow};
use rtp::{Check, Copying, Report};
use sdp::MediaKind;

use crate::arrival::Arrival;
use crate::brought::{Named, Naming};
use crate::calls::Calls;
use crate::claims::Claim;
use crate::matcher::Hearsay;
use crate::placement::Placement;

impl Placement {
    /// A connectivity check of ICE that bears both parties' names says that they receive at its two ends.
    pub(crate) fn handle_stun(&mut self, arrival: &Arrival<'_>, calls: &mut Calls) {
        self.counts.rtp.stun += 1;
        let Some(check) = Check::read(arrival.payload) else { return };
        let Some((receiver, sender)) = self.claims.of_check(check.receiver, check.sender) else { return };
        let ends = [(receiver, arrival.flow.destination), (sender, arrival.flow.source)];
        for (owner, endpoint) in ends {
            let named = Named { endpoint, naming: Naming::Checked, kind: MediaKind::Audio };
            let Some(call) = calls.get_mut(owner.call) else { return };
            let claim = Claim { call: owner.call, side: owner.side, named, since: arrival.at };
            let known = call.negotiation.naming(owner.side, endpoint);
            // Checks go on as long as the call does (RFC 7675).
            if known.is_none_or(|(naming, _)| naming > Naming::Checked)
                && self.claims.claim(claim, &mut call.claimed)
            {
                call.negotiation.note_named(owner.side, &[named], arrival.at);
                self.contest(owner.call, endpoint);
                self.revisit.push(endpoint);
            }
        }
        self.look_again(calls);
    }

    /// RTCP is told apart from RTP, kept with its call within `room` bytes, and heard as evidence of whose its sender's
    /// stream is.
    pub(crate) fn handle_rtcp(
        &mut self,
        arrival: &Arrival<'_>,
        keep: Copying,
        room: usize,
        calls: &mut Calls,
    ) {
        self.counts.rtp.rtcp += 1;
        let Some(report) = Report::read(arrival.payload) else { return };
        let beside = |endpoint: Endpoint| Endpoint::new(endpoint.address, endpoint.port.saturating_sub(1));
        let flow = arrival.flow;
        let paired = Flow::new(beside(flow.source), beside(flow.destination));
        let id = self.streams.find(paired, report.sender).or_else(|| self.streams.find(flow, report.sender));
        let owner = id.and_then(|id| self.owner(id));
        // Reports may come before the first packet that they speak of; the call is where they are sent to.
        let receiver = |endpoint| self.claims.at(endpoint).last().map(|claim| claim.call);
        let named = || self.claims.rtcp_at(flow.destination).last().map(|owner| owner.call);
        let call = owner.or_else(|| receiver(paired.destination)).or_else(|| receiver(flow.destination));
        if let Some(call) = call.or_else(named).and_then(|call| calls.get_mut(call)) {
            call.hear_report(arrival);
            if keep == Copying::Frames {
                call.keep_report(arrival, room);
            }
        }
        let Some(id) = id.filter(|_| owner.is_none()) else { return };
        let cname = report.cname.map(|cname| String::from_utf8_lossy(cname).into_owned());
        self.waiting.hear(id, Hearsay { destination: flow.destination, cname });
        if let Some(flow) =
            self.streams.stream(id).filter(|stream| stream.is_valid()).map(|stream| stream.flow)
        {
            self.place_and_revisit(id, flow, calls);
        }
    }
}
