//! The one who watches: datagrams in, calls out.
//!
//! Media is gathered into streams whether or not its signalling was seen, calls are tracked whether or not media came;
//! the two meet when a stream proves to be one, and when a description names an endpoint.

use std::collections::VecDeque;

use clock::{Span, Time};
use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use rtp::{Copying, Disposition, Dropped, Kind, Packet, Report, StreamId, Streams};
use sip::Message;

use crate::arrival::Arrival;
use crate::call::{Call, Matched};
use crate::calls::Calls;
use crate::claims::{CallKey, Claim, Claims};
use crate::config::Config;
use crate::counts::Counts;
use crate::dialog::{End, Tags};
use crate::hindsight;
use crate::matcher::{self, Hearsay, Match, Verdict, Wanted};
use crate::negotiation::Brought;
use crate::open_call::{Attached, OpenCall};
use crate::side::{Both, Side};
use crate::waiting::{Ends, Waiting};

/// Watches the datagrams of a network.
#[derive(Debug)]
pub struct Tracker {
    config: Config,
    calls: Calls,
    claims: Claims,
    waiting: Waiting,
    /// The streams that calls have.
    attached: Ends,
    streams: Streams,
    ambiguous: HashSet<StreamId, RandomState>,
    closed: VecDeque<Call>,
    closed_count: u64,
    counts: Counts,
    dropped: Vec<Dropped>,
    /// Endpoints at which a stream or a claim appeared: what waits there is to be looked at again.
    revisit: Vec<Endpoint>,
    now: Time,
    next_sweep: Time,
    /// How often time passed since it was set back.
    since_set_back: u32,
}

impl Tracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Tracker {
            config,
            calls: Calls::new(config.patience.grace),
            claims: Claims::default(),
            waiting: Waiting::default(),
            attached: Ends::default(),
            streams: Streams::new(config.streams, config.copying),
            ambiguous: HashSet::default(),
            closed: VecDeque::new(),
            closed_count: 0,
            counts: Counts::default(),
            dropped: Vec::new(),
            revisit: Vec::new(),
            now: Time::default(),
            next_sweep: Time::default(),
            since_set_back: BETWEEN_SET_BACKS,
        }
    }

    /// Past the limit of copied bytes, the packets of long calls go to `overflow`.
    pub fn spill_to(&mut self, overflow: Box<dyn rtp::Overflow>) {
        self.streams.spill_to(overflow);
    }

    /// Takes in a datagram. Calls that are over by its time can be polled afterwards.
    pub fn handle_datagram(&mut self, arrival: &Arrival<'_>) {
        self.handle_time(arrival.at);
        match rtp::kind(arrival.payload) {
            Kind::Rtp => self.handle_rtp(arrival),
            Kind::Rtcp => self.handle_rtcp(arrival),
            Kind::Stun => self.counts.rtp.stun += 1,
            Kind::Dtls => self.counts.rtp.dtls += 1,
            Kind::Other if sip::sniff(arrival.payload) => self.handle_sip(arrival),
            Kind::Other => self.counts.other_datagrams += 1,
        }
    }

    /// Lets time pass: calls that waited long enough are closed.
    pub fn handle_time(&mut self, now: Time) {
        self.since_set_back = self.since_set_back.saturating_add(1);
        if self.now - now > SET_BACK && self.since_set_back >= BETWEEN_SET_BACKS {
            // The capture's clock was set back, or one of its time stamps was wrong: nobody waits until it comes round.
            (self.now, self.next_sweep, self.since_set_back) = (now, now + SWEEP, 0);
        }
        if now < self.next_sweep {
            return;
        }
        self.now = self.now.max(now);
        self.next_sweep = self.now + SWEEP;
        while let Some(key) = self.calls.due_by(self.now) {
            self.look_at(key);
        }
        self.streams.expire(self.now, &mut self.dropped);
        self.count_dropped();
    }

    /// The input is over: every open call is closed as `end`, every stream let go of.
    pub fn handle_end(&mut self, end: End) {
        while let Some((_, key)) = self.calls.next_due() {
            self.close_by_signalling_or(key, end);
        }
        self.streams.drain(&mut self.dropped);
        self.count_dropped();
    }

    /// The next call that is over.
    pub fn poll_call(&mut self) -> Option<Call> {
        self.closed.pop_front()
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        counts.rtp.orphan += self.streams.forgotten().unclaimed;
        counts.rtp.probation += self.streams.forgotten().probation;
        counts
    }

    /// Calls in progress.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Streams in the table.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// What the tracker was told to keep.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn handle_rtp(&mut self, arrival: &Arrival<'_>) {
        let Some(packet) = Packet::read(arrival.payload) else {
            self.counts.rtp.malformed += 1;
            return;
        };
        let (flow, frame) = (arrival.flow, &arrival.frame);
        match self.streams.handle_packet(arrival.at, flow, &packet, frame, &mut self.dropped) {
            Disposition::Opened(id) => self.place_and_revisit(id, flow),
            Disposition::Refused => self.counts.rtp.refused += 1,
            Disposition::Kept(_) | Disposition::Probation(_) => {}
        }
        while let Some(cut) = self.streams.poll_cut() {
            self.handle_cut(cut);
        }
        if !self.dropped.is_empty() {
            self.count_dropped();
        }
    }

    /// RTCP is told apart from RTP, kept with its call, and heard as evidence of whose its sender's stream is.
    fn handle_rtcp(&mut self, arrival: &Arrival<'_>) {
        self.counts.rtp.rtcp += 1;
        let Some(report) = Report::read(arrival.payload) else { return };
        let beside = |endpoint: Endpoint| Endpoint::new(endpoint.address, endpoint.port.saturating_sub(1));
        let flow = arrival.flow;
        let paired = Flow::new(beside(flow.source), beside(flow.destination));
        let id = self.streams.find(paired, report.sender).or_else(|| self.streams.find(flow, report.sender));
        let owner = id.and_then(|id| self.streams.stream(id)).and_then(rtp::Stream::owner).map(CallKey);
        // Reports may come before the first packet that they speak of; the call is where they are sent to.
        let receiver = |endpoint| self.claims.at(endpoint).last().map(|claim| claim.call);
        let call = owner.or_else(|| receiver(paired.destination)).or_else(|| receiver(flow.destination));
        let room = self.room_a_call();
        if let Some(call) = call.filter(|_| self.config.copying == Copying::Frames) {
            self.calls.get_mut(call).into_iter().for_each(|call| call.keep_report(arrival, room));
        }
        let Some(id) = id.filter(|_| owner.is_none()) else { return };
        let cname = report.cname.map(|cname| String::from_utf8_lossy(cname).into_owned());
        self.waiting.hear(id, Hearsay { destination: flow.destination, cname });
        if let Some(flow) =
            self.streams.stream(id).filter(|stream| stream.is_valid()).map(|stream| stream.flow)
        {
            self.place_and_revisit(id, flow);
        }
    }

    fn handle_sip(&mut self, arrival: &Arrival<'_>) {
        let message = match Message::read(arrival.payload) {
            Ok(message) => message,
            Err(error) => {
                self.counts.count_sip_error(&error);
                return;
            }
        };
        self.counts.count_message(&message);
        let Some((key, from)) = self.call_of(&message, arrival) else { return };
        let room = self.room_a_call();
        let Some(call) = self.calls.get_mut(key) else { return };
        self.counts.retransmissions += u64::from(call.keep_message(&message, arrival, from, room));
        call.dialog.handle_message(&message, from, arrival.at);
        self.handle_description(key, &message, from, arrival);
        self.reschedule(key);
        while self.calls.weight() > self.config.signalling_bytes && self.evict_call() {}
    }

    /// How many bytes of messages one call may hold: what is scarce is shared, and never used up.
    fn room_a_call(&self) -> usize {
        self.config.signalling_bytes.saturating_sub(self.calls.weight()) / SHARES
    }

    /// The call that the message is about and who sent it; an INVITE outside of any call begins one.
    fn call_of(&mut self, message: &Message<'_>, arrival: &Arrival<'_>) -> Option<(CallKey, Side)> {
        let (call_id, tags) = (message.call_id()?, Tags::of(message)?);
        for key in self.calls.of_call_id(&call_id) {
            let Some(call) = self.calls.get(key) else { continue };
            let from_caller = call.signalling.caller == Some(arrival.flow.source);
            let Some(from) = call.dialog.sender(&tags, from_caller) else { continue };
            if !call.dialog.is_reused_by(message) {
                return Some((key, from));
            }
            self.close_by_signalling_or(key, End::Replaced);
        }
        let call = OpenCall::begin(message, arrival.at)?;
        if let Some(key) = self.calls.least_namesake(&call_id) {
            self.counts.calls_evicted += 1;
            self.close_by_signalling_or(key, End::MediaTimeout);
        } else if self.calls.len() >= self.config.calls {
            self.evict_call();
        }
        self.counts.calls_seen += 1;
        Some((self.calls.insert(call, arrival.at), Side::Caller))
    }

    /// Closes the call that has least to show for itself, so that there is room. A call whose media was not asked for
    /// lately may have spoken on, and then stands behind those that did not.
    fn evict_call(&mut self) -> bool {
        for _ in 0..MOST_LOOKS {
            match self.calls.least() {
                Some(key) if self.hears_more_of(key) => self.reschedule(key),
                _ => break,
            }
        }
        let Some(key) = self.calls.least() else { return false };
        self.counts.calls_evicted += 1;
        self.close_by_signalling_or(key, End::MediaTimeout);
        true
    }

    fn handle_description(&mut self, key: CallKey, message: &Message<'_>, side: Side, arrival: &Arrival<'_>) {
        let Some(body) = message.session_description() else { return };
        let Ok(session) = sdp::Session::read(body) else {
            self.counts.sdp_errors += 1;
            return;
        };
        let Some(call) = self.calls.get_mut(key) else { return };
        let host = arrival.flow.source.address;
        let brought = call.negotiation.handle_description(&session, message, side, host, arrival.at);
        self.claim(key, side, brought, arrival.at);
    }

    /// Enters what a description named, and looks for media that came before it.
    fn claim(&mut self, key: CallKey, receiver: Side, brought: Brought, since: Time) {
        for named in &brought.named {
            self.contest(key, named.endpoint);
        }
        let Some(call) = self.calls.get_mut(key) else { return };
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
        self.look_again();
    }

    /// `newcomer` names an endpoint: where other calls' streams begin or end there, what comes next may be its own.
    fn contest(&mut self, newcomer: CallKey, endpoint: Endpoint) {
        for &id in self.attached.at(endpoint) {
            let owner = self.streams.stream(id).and_then(rtp::Stream::owner).map(CallKey);
            let claimed = |other| self.claims.at(endpoint).iter().any(|claim| claim.call == other);
            if owner.is_some_and(|owner| owner != newcomer && claimed(owner)) {
                self.streams.contest(id);
            }
        }
    }

    /// A stream ended because somebody else speaks there now; its call, if nothing more is heard of it, is over.
    fn handle_cut(&mut self, cut: StreamId) {
        let owner = self.streams.stream(cut).and_then(rtp::Stream::owner).map(CallKey);
        if let Some((key, call)) = owner.and_then(|key| Some((key, self.calls.get_mut(key)?))) {
            call.ports_reused = true;
            self.reschedule(key);
        }
    }

    fn place_and_revisit(&mut self, id: StreamId, flow: Flow) {
        self.place(id, flow);
        self.look_again();
    }

    /// Looks for the calls of streams that wait where something appeared. Each stream attaches once, so this ends.
    fn look_again(&mut self) {
        while let Some(endpoint) = self.revisit.pop() {
            for id in self.waiting.at(endpoint) {
                if let Some(flow) = self.streams.stream(id).map(|stream| stream.flow) {
                    self.place(id, flow);
                }
            }
        }
    }

    /// Finds the call of a stream that belongs to none, or lets it wait.
    fn place(&mut self, id: StreamId, flow: Flow) {
        let Some(stream) = self.streams.stream(id) else { return };
        let hearsay = self.waiting.heard(id);
        let wanted = Wanted { flow, ssrc: stream.ssrc, since: stream.first_at, hearsay };
        match matcher::find(&self.claims, &self.calls, wanted) {
            Verdict::Found(found) => self.attach(id, flow, found),
            Verdict::Ambiguous(rivals) => {
                if self.ambiguous.insert(id) {
                    for rival in rivals {
                        if let Some(call) = self.calls.get_mut(rival) {
                            call.ambiguous_streams += 1;
                        }
                    }
                }
                self.waiting.wait(id, flow);
            }
            Verdict::Nobody => self.waiting.wait(id, flow),
        }
    }

    fn attach(&mut self, id: StreamId, flow: Flow, found: Match) {
        if !self.has_room_for_a_stream(found.call) {
            self.waiting.wait(id, flow);
            return;
        }
        let Some(call) = self.calls.get_mut(found.call) else { return };
        let Some(stream) = self.streams.stream(id) else { return };
        call.last_media_at = call.last_media_at.max(Some(stream.last_at));
        let Match { sender, rule, confidence, kind, .. } = found;
        call.attached.push(Attached { id, sender, rule, confidence, kind });
        self.claims.claim_flow(flow, found.call, sender, &mut call.claimed);
        self.streams.claim(id, found.call.0);
        self.waiting.leave(id, flow);
        self.attached.enter(id, flow);
        self.ambiguous.remove(&id);
        self.reschedule(found.call);
        // Its reverse may have waited for it.
        self.revisit.push(flow.source);
    }

    /// Whether the call takes another stream. Where it has too many, the shortest goes if it is no more than a handful
    /// of packets: strays to a call's port must not keep its media out.
    fn has_room_for_a_stream(&mut self, key: CallKey) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
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

    /// Sets when the call is looked at again.
    fn reschedule(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get(key) {
            let (due, _) = call.deadline(&self.config.patience);
            self.calls.set_due(key, due);
        }
    }

    /// A call is due: it has waited long enough, or media was a sign of life.
    fn look_at(&mut self, key: CallKey) {
        self.hears_more_of(key);
        let Some(call) = self.calls.get(key) else { return };
        let (deadline, end) = call.deadline(&self.config.patience);
        if deadline <= self.now {
            self.close(key, end);
        } else {
            self.calls.set_due(key, deadline);
        }
    }

    /// Asks the call's streams for their last packets; whether any came since they were asked before.
    fn hears_more_of(&mut self, key: CallKey) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
        let last = call.attached.iter().filter_map(|one| Some(self.streams.stream(one.id)?.last_at)).max();
        let more = last > call.last_media_at;
        call.last_media_at = call.last_media_at.max(last);
        more
    }

    fn close_by_signalling_or(&mut self, key: CallKey, end: End) {
        let Some(call) = self.calls.get(key) else { return };
        let end = if call.ports_reused { End::PortReuse } else { end };
        self.close(key, call.dialog.end.unwrap_or(end));
    }

    fn close(&mut self, key: CallKey, end: End) {
        let Some(mut open) = self.calls.remove(key) else { return };
        self.claims.withdraw(key, &mut open.claimed);
        let media_until = open.media_until(self.config.patience.grace);
        let mut legs: Both<Vec<Matched>> = Both::default();
        for Attached { id, sender, rule, confidence, kind } in std::mem::take(&mut open.attached) {
            let Some(stream) = self.streams.take(id) else { continue };
            self.attached.leave(id, stream.flow);
            self.counts.rtp.attached += stream.kept.len() as u64;
            open.last_media_at = open.last_media_at.max(Some(stream.last_at));
            legs.of_mut(sender).push(Matched { stream, rule, confidence, kind });
        }
        hindsight::put_right(&mut legs, &open.negotiation);
        for side in Side::BOTH {
            legs.of_mut(side)
                .sort_by_key(|matched| (matched.stream.first_at, matched.stream.ssrc, matched.stream.flow));
        }
        let last_at = open.last_media_at.map_or(open.dialog.last_at, |media| media.max(open.dialog.last_at));
        self.closed_count += 1;
        self.closed.push_back(Call {
            number: self.closed_count - 1,
            ended_at: open.dialog.ended_at.unwrap_or(last_at),
            dialog: open.dialog,
            negotiation: open.negotiation,
            legs,
            messages: open.messages,
            messages_dropped: open.messages_dropped,
            reports: open.reports,
            info_digits: open.info_digits,
            ambiguous_streams: open.ambiguous_streams,
            end,
            media_until,
        });
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

/// More sources than that in one call are no conversation; the rest stay orphans.
const MOST_STREAMS_A_CALL: usize = 256;
/// A third of a second at 20 ms.
const HANDFUL: usize = 16;

/// A call may hold so small a part of what is left of the memory for signalling: a hundred thousand may be open.
const SHARES: usize = 64;

/// How many calls are asked for their media before one is closed to make room.
const MOST_LOOKS: usize = 8;

/// Captures are out of order by less where several queues fill one.
const SET_BACK: Span = Span::from_secs(10);
/// Each time is followed by a sweep: a capture whose time leaps to and fro must not make one a packet.
const BETWEEN_SET_BACKS: u32 = 4096;

/// How often the tables are looked through for what is past its time.
const SWEEP: Span = Span::from_ms(1000);

#[cfg(test)]
mod tests;
