//! Streams find their calls: media is gathered here whether or not its signalling was seen, held against what the open
//! calls claim, and taken out again when its call is over.
//!
//! What a datagram says of signalling does not belong here, nor which evidence weighs how much: that is the matcher's.

use clock::Time;
use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use rtp::{Copying, Disposition, Dropped, Packet, Report, StreamId, Streams};

use crate::arrival::Arrival;
use crate::call::Matched;
use crate::calls::Calls;
use crate::claims::{CLAIM_WEIGHT, CallKey, Claim, Claims};
use crate::config::Config;
use crate::counts::Counts;
use crate::fill::{Fill, Fills};
use crate::matcher::{self, Hearsay, Match, Verdict, Wanted};
use crate::negotiation::Brought;
use crate::open_call::{Attached, OpenCall};
use crate::side::{Both, Side};
use crate::waiting::{Ends, Waiting};

/// The streams, the claims of the open calls, and who has what.
#[derive(Debug)]
pub(crate) struct Placement {
    streams: Streams,
    claims: Claims,
    waiting: Waiting,
    /// The streams that calls have.
    attached: Ends,
    ambiguous: HashSet<StreamId, RandomState>,
    dropped: Vec<Dropped>,
    /// Endpoints at which a stream or a claim appeared: what waits there is to be looked at again.
    revisit: Vec<Endpoint>,
    counts: Counts,
}

impl Placement {
    pub(crate) fn new(config: &Config) -> Placement {
        Placement {
            streams: Streams::new(config.streams, config.copying),
            claims: Claims::default(),
            waiting: Waiting::default(),
            attached: Ends::default(),
            ambiguous: HashSet::default(),
            dropped: Vec::new(),
            revisit: Vec::new(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn spill_to(&mut self, overflow: Box<dyn rtp::Overflow>) {
        self.streams.spill_to(overflow);
    }

    /// Adds what was seen of media.
    pub(crate) fn add_counts(&self, counts: &mut Counts) {
        let forgotten = self.streams.forgotten();
        counts.rtp = self.counts.rtp;
        counts.rtp.orphan += forgotten.unclaimed;
        counts.rtp.probation += forgotten.probation;
        counts.orphans = self.counts.orphans;
        counts.streams_evicted = self.counts.streams_evicted;
    }

    /// How full the tables of media are.
    pub(crate) fn fills(&self, config: &Config) -> Fills {
        let limits = config.streams;
        let ((packets, copied_bytes), evicted) = (self.streams.kept(), self.streams.evicted());
        let ((waiting, crowded_out), (claims, refused)) = (self.waiting.fill(), self.claims.fill());
        Fills {
            streams: Fill::new(self.streams.len(), limits.streams, self.counts.streams_evicted),
            packets: Fill::new(packets, limits.packets, evicted.for_packets),
            copied_bytes: Fill::new(copied_bytes, limits.copied_bytes, evicted.for_bytes),
            waiting: Fill::new(waiting, limits.streams.saturating_mul(2), crowded_out),
            hearsay: self.waiting.hearsay(),
            // Each weighs so much of its call, and the calls together no more than the signalling may.
            claims: Fill::new(claims, config.signalling_bytes / CLAIM_WEIGHT, refused),
            ..Fills::default()
        }
    }

    /// Streams in the table.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn handle_stun(&mut self) {
        self.counts.rtp.stun += 1;
    }

    pub(crate) fn handle_dtls(&mut self) {
        self.counts.rtp.dtls += 1;
    }

    pub(crate) fn handle_rtp(&mut self, arrival: &Arrival<'_>, calls: &mut Calls) {
        let Some(packet) = Packet::read(arrival.payload) else {
            self.counts.rtp.malformed += 1;
            return;
        };
        let (flow, frame) = (arrival.flow, &arrival.frame);
        match self.streams.handle_packet(arrival.at, flow, &packet, frame, &mut self.dropped) {
            Disposition::Opened(id) => {
                self.streams.note_path(id, *arrival.path);
                self.place_and_revisit(id, flow, calls);
            }
            Disposition::Refused => self.counts.rtp.refused += 1,
            Disposition::Kept(_) | Disposition::Probation(_) => {}
        }
        while let Some(cut) = self.streams.poll_cut() {
            self.handle_cut(cut, calls);
        }
        if !self.dropped.is_empty() {
            self.count_dropped();
        }
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
        let call = owner.or_else(|| receiver(paired.destination)).or_else(|| receiver(flow.destination));
        if let Some(call) = call.filter(|_| keep == Copying::Frames) {
            calls.get_mut(call).into_iter().for_each(|call| call.keep_report(arrival, room));
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

    /// Lets go of what is past the look-back.
    pub(crate) fn expire(&mut self, now: Time) {
        self.streams.expire(now, &mut self.dropped);
        self.count_dropped();
    }

    /// Lets go of every stream that no call has; the input is over.
    pub(crate) fn drain(&mut self) {
        self.streams.drain(&mut self.dropped);
        self.count_dropped();
    }

    /// Enters what a description of `receiver` named, and looks for media that came before it.
    pub(crate) fn claim(
        &mut self,
        key: CallKey,
        receiver: Side,
        brought: Brought,
        since: Time,
        calls: &mut Calls,
    ) {
        for named in &brought.named {
            self.contest(key, named.endpoint);
        }
        let Some(call) = calls.get_mut(key) else { return };
        for &named in &brought.named {
            self.claims.claim(Claim { call: key, side: receiver, named, since }, &mut call.claimed);
        }
        for endpoint in brought.rtcp {
            self.claims.claim_rtcp(endpoint, key, receiver, &mut call.claimed);
        }
        for source in brought.sources {
            self.claims.claim_source(source, key, receiver, &mut call.claimed);
        }
        self.revisit.extend(brought.named.iter().map(|named| named.endpoint));
        self.look_again(calls);
    }

    /// Asks the call's streams for their last packets; whether any came since they were asked before.
    pub(crate) fn hears_more_of(&self, call: &mut OpenCall) -> bool {
        let last = call.attached.iter().filter_map(|one| Some(self.streams.stream(one.id)?.last_at)).max();
        let more = last > call.last_media_at;
        call.last_media_at = call.last_media_at.max(last);
        more
    }

    /// The call is over: withdraws its claims, and takes out its streams by who sent them.
    pub(crate) fn release(&mut self, key: CallKey, call: &mut OpenCall) -> Both<Vec<Matched>> {
        self.claims.withdraw(key, &mut call.claimed);
        let mut legs: Both<Vec<Matched>> = Both::default();
        for Attached { id, sender, rule, confidence, kind } in std::mem::take(&mut call.attached) {
            let Some(stream) = self.streams.take(id) else { continue };
            self.attached.leave(id, stream.flow);
            self.counts.rtp.attached += stream.kept.len() as u64;
            call.last_media_at = call.last_media_at.max(Some(stream.last_at));
            legs.of_mut(sender).push(Matched { stream, rule, confidence, kind });
        }
        legs
    }

    fn owner(&self, id: StreamId) -> Option<CallKey> {
        self.streams.stream(id).and_then(rtp::Stream::owner).map(CallKey)
    }

    /// `newcomer` names an endpoint: where other calls' streams begin or end there, what comes next may be its own.
    fn contest(&mut self, newcomer: CallKey, endpoint: Endpoint) {
        for &id in self.attached.at(endpoint) {
            let claimed = |other| self.claims.at(endpoint).iter().any(|claim| claim.call == other);
            if self.owner(id).is_some_and(|owner| owner != newcomer && claimed(owner)) {
                self.streams.contest(id);
            }
        }
    }

    /// A stream ended because somebody else speaks there now; its call, if nothing more is heard of it, is over.
    fn handle_cut(&mut self, cut: StreamId, calls: &mut Calls) {
        if let Some((key, call)) = self.owner(cut).and_then(|key| Some((key, calls.get_mut(key)?))) {
            call.ports_reused = true;
            calls.reschedule(key);
        }
    }

    fn place_and_revisit(&mut self, id: StreamId, flow: Flow, calls: &mut Calls) {
        self.place(id, flow, calls);
        self.look_again(calls);
    }

    /// Looks for the calls of streams that wait where something appeared. Each stream attaches once, so this ends.
    fn look_again(&mut self, calls: &mut Calls) {
        while let Some(endpoint) = self.revisit.pop() {
            for id in self.waiting.at(endpoint) {
                if let Some(flow) = self.streams.stream(id).map(|stream| stream.flow) {
                    self.place(id, flow, calls);
                }
            }
        }
    }

    /// Finds the call of a stream that belongs to none, or lets it wait.
    fn place(&mut self, id: StreamId, flow: Flow, calls: &mut Calls) {
        let Some(stream) = self.streams.stream(id) else { return };
        let hearsay = self.waiting.heard(id);
        let wanted = Wanted { flow, ssrc: stream.ssrc, since: stream.first_at, hearsay };
        match matcher::find(&self.claims, calls, wanted) {
            Verdict::Found(found) => self.attach(id, flow, found, calls),
            Verdict::Ambiguous(rivals) => {
                if self.ambiguous.insert(id) {
                    for rival in rivals {
                        if let Some(call) = calls.get_mut(rival) {
                            call.ambiguous_streams += 1;
                        }
                    }
                }
                self.waiting.wait(id, flow);
            }
            Verdict::Nobody => self.waiting.wait(id, flow),
        }
    }

    fn attach(&mut self, id: StreamId, flow: Flow, found: Match, calls: &mut Calls) {
        let Some(call) = calls.get_mut(found.call) else { return };
        if !self.has_room_for_a_stream(call) {
            self.waiting.wait(id, flow);
            return;
        }
        let Some(stream) = self.streams.stream(id) else { return };
        call.last_media_at = call.last_media_at.max(Some(stream.last_at));
        let Match { sender, rule, confidence, kind, .. } = found;
        call.attached.push(Attached { id, sender, rule, confidence, kind });
        self.claims.claim_flow(flow, found.call, sender, &mut call.claimed);
        self.streams.claim(id, found.call.0);
        self.waiting.leave(id, flow);
        self.attached.enter(id, flow);
        self.ambiguous.remove(&id);
        calls.reschedule(found.call);
        // Its reverse may have waited for it.
        self.revisit.push(flow.source);
    }

    /// Whether the call takes another stream. Where it has too many, the shortest goes if it is no more than a handful
    /// of packets: strays to a call's port must not keep its media out.
    fn has_room_for_a_stream(&mut self, call: &mut OpenCall) -> bool {
        if call.attached.len() < MOST_STREAMS_A_CALL {
            return true;
        }
        let packets = |one: &Attached| self.streams.stream(one.id).map_or(0, |stream| stream.kept.len());
        let shortest = call.attached.iter().map(packets).enumerate().min_by_key(|&(_, packets)| packets);
        let Some((at, _)) = shortest.filter(|&(_, packets)| packets <= HANDFUL) else { return false };
        let stray = call.attached.remove(at).id;
        if let Some(stream) = self.streams.take(stray) {
            self.attached.leave(stray, stream.flow);
            self.dropped.push(Dropped { id: stray, stream, evicted: true });
            self.count_dropped();
        }
        true
    }

    fn count_dropped(&mut self) {
        let mut dropped = std::mem::take(&mut self.dropped);
        for Dropped { id, stream, evicted } in &dropped {
            let packets = stream.kept.len() as u64;
            let orphans = &mut self.counts.orphans;
            self.counts.streams_evicted += u64::from(*evicted);
            match (stream.is_valid(), evicted) {
                (false, _) => self.counts.rtp.probation += packets,
                (true, true) => orphans.evicted += 1,
                (true, false) if self.ambiguous.contains(id) => orphans.ambiguous += 1,
                (true, false) => orphans.unclaimed += 1,
            }
            self.counts.rtp.orphan += if stream.is_valid() { packets } else { 0 };
            self.waiting.leave(*id, stream.flow);
            self.ambiguous.remove(id);
        }
        // Its room is used again.
        dropped.clear();
        self.dropped = dropped;
    }
}

#[cfg(test)]
impl Placement {
    /// How many entries its tables have besides the streams themselves: endpoints at which streams wait, streams that
    /// RTCP told of, endpoints of attached streams, ambiguous streams.
    pub(crate) fn table_lens(&self) -> [usize; 4] {
        let (waiting, heard) = self.waiting.len();
        [waiting, heard, self.attached.len(), self.ambiguous.len()]
    }
}

/// More sources than that in one call are no conversation; the rest stay orphans.
pub(crate) const MOST_STREAMS_A_CALL: usize = 256;
/// A third of a second at 20 ms.
const HANDFUL: usize = 16;
