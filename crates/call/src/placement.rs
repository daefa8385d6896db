//! Streams find their calls: media is gathered here whether or not its signalling was seen, held against what the open
//! calls claim, and taken out again when its call is over.
//!
//! What a datagram says of signalling does not belong here, nor which evidence weighs how much: that is the matcher's.

use clock::{Span, Time};
use flow::{Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rtp::{Disposition, Dropped, Packet, StreamId, Streams};
use sdp::MediaKind;

use crate::admission::Admission;
use crate::arrival::Arrival;
use crate::brought::Brought;
use crate::calls::Calls;
use crate::claims::{CLAIM_WEIGHT, CallKey, Claim, Claims};
use crate::config::Config;
use crate::counts::Counts;
use crate::evidence::Rule;
use crate::fill::{Fill, Fills};
use crate::hindsight::HANDFUL;
use crate::losses::LatelyLost;
use crate::matcher::{self, Match, Negotiations, Verdict, Wanted};
use crate::open_call::{Attached, OpenCall};
use crate::owners::Owner;
use crate::refusal::{Lately, Refusal, Refused};
use crate::side::Side;
use crate::waiting::{Ends, Waiting};

/// The streams, the claims of the open calls, and who has what.
#[derive(Debug)]
pub(crate) struct Placement {
    pub(crate) streams: Streams,
    pub(crate) claims: Claims,
    pub(crate) waiting: Waiting,
    /// The streams that calls have.
    pub(crate) attached: Ends,
    /// Streams that several calls could claim, and those calls.
    ambiguous: HashMap<StreamId, Vec<CallKey>, RandomState>,
    /// Streams that are gone and had no call.
    pub(crate) lately: Lately,
    /// Streams that went with their calls.
    pub(crate) taken: Lately,
    /// What was lost on the way here.
    pub(crate) lost: LatelyLost,
    dropped: Vec<Dropped>,
    /// Endpoints at which a stream or a claim appeared: what waits there is to be looked at again.
    pub(crate) revisit: Vec<Endpoint>,
    pub(crate) counts: Counts,
    pub(crate) admission: Admission,
    /// How many calls there may be.
    pub(crate) most_calls: usize,
}

impl Placement {
    pub(crate) fn new(config: &Config) -> Placement {
        Placement {
            streams: Streams::new(config.streams, config.copying),
            claims: Claims::default(),
            waiting: Waiting::default(),
            attached: Ends::default(),
            ambiguous: HashMap::default(),
            lately: Lately::default(),
            taken: Lately::default(),
            lost: LatelyLost::default(),
            dropped: Vec::new(),
            revisit: Vec::new(),
            counts: Counts::default(),
            admission: Admission::default(),
            most_calls: config.calls,
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
            departed_streams: self.lately.fill().with(self.taken.fill()),
            lost: self.lost.fill(),
            ..Fills::default()
        }
    }

    /// Streams in the table.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
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
        if let Some(since) = self.admission.shut_since()
            && !self.streams.knows(flow, packet.ssrc)
            && !self.is_of_call_before(since, flow, calls)
        {
            self.admission.turn_away();
            return;
        }
        match self.streams.handle_packet(arrival.at, flow, &packet, frame, &mut self.dropped) {
            Disposition::Opened(id) => {
                self.streams.note_path(id, *arrival.path);
                self.place_and_revisit(id, flow, calls);
            }
            Disposition::Refused => self.counts.rtp.refused += 1,
            Disposition::Kept(_) | Disposition::Probation(_) => {}
        }
        if let Some(from) = self.streams.poll_gap() {
            self.lost.note_gap(from, arrival.at, flow);
        }
        while let Some(cut) = self.streams.poll_cut() {
            self.handle_cut(cut, calls);
        }
        if !self.dropped.is_empty() {
            self.count_dropped();
        }
    }

    /// Whether a call that began by then named where the flow begins or ends.
    fn is_of_call_before(&self, since: Time, flow: Flow, calls: &Calls) -> bool {
        let began = |claim: &Claim| calls.get(claim.call).is_some_and(|call| call.dialog.invited_at < since);
        [flow.destination, flow.source].iter().any(|&end| self.claims.at(end).iter().any(began))
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
        let owner = Owner { call: key, side: receiver, since };
        for endpoint in brought.rtcp {
            self.claims.claim_rtcp(endpoint, owner, &mut call.claimed);
        }
        for source in brought.sources {
            self.claims.claim_source(source, owner, &mut call.claimed);
        }
        for ufrag in brought.ufrags {
            self.claims.claim_ufrag(ufrag, owner, &mut call.claimed);
        }
        self.revisit.extend(brought.named.iter().map(|named| named.endpoint));
        self.take_over(&brought.named, calls);
        self.look_again(calls);
        self.doubt_others(key, &brought.named, calls);
        self.think_again(key, receiver, calls);
    }

    /// Asks the call's streams for their last packets; whether any came since they were asked before.
    pub(crate) fn hears_more_of(&self, call: &mut OpenCall) -> bool {
        let last = call.attached.iter().filter_map(|one| Some(self.streams.stream(one.id)?.last_at)).max();
        let more = last > call.last_media_at;
        call.last_media_at = call.last_media_at.max(last);
        more
    }

    pub(crate) fn owner(&self, id: StreamId) -> Option<CallKey> {
        self.streams.stream(id).and_then(rtp::Stream::owner).map(CallKey)
    }

    /// `newcomer` names an endpoint: where other calls' streams begin or end there, what comes next may be its own.
    pub(crate) fn contest(&mut self, newcomer: CallKey, endpoint: Endpoint) {
        for &id in self.attached.at(endpoint) {
            let claimed = |other| self.claims.at(endpoint).iter().any(|claim| claim.call == other);
            if self.owner(id).is_some_and(|owner| owner != newcomer && claimed(owner)) {
                self.streams.contest(id);
            }
        }
    }

    /// The call has ended: what next comes where its streams go, and does not go on as they did, is another's.
    pub(crate) fn contest_all(&mut self, call: &OpenCall) {
        for one in &call.attached {
            self.streams.contest(one.id);
        }
    }

    /// A stream ended because somebody else speaks there now; its call, if nothing more is heard of it, is over.
    fn handle_cut(&mut self, cut: StreamId, calls: &mut Calls) {
        if let Some((key, call)) = self.owner(cut).and_then(|key| Some((key, calls.get_mut(key)?))) {
            call.ports_reused = true;
            calls.reschedule(key);
        }
    }

    pub(crate) fn place_and_revisit(&mut self, id: StreamId, flow: Flow, calls: &mut Calls) {
        self.place(id, flow, calls);
        self.look_again(calls);
    }

    /// Looks for the calls of streams that wait where something appeared. A stream that attaches waits no more, so this ends.
    pub(crate) fn look_again(&mut self, calls: &mut Calls) {
        while let Some(endpoint) = self.revisit.pop() {
            for id in self.waiting.at(endpoint) {
                if let Some(flow) = self.streams.stream(id).map(|stream| stream.flow) {
                    self.place(id, flow, calls);
                }
            }
        }
    }

    /// Finds the call of a stream that belongs to none, or lets it wait.
    pub(crate) fn place(&mut self, id: StreamId, flow: Flow, calls: &mut Calls) {
        let why = match self.find(id, calls) {
            Verdict::Found(found) => match self.objection(id, &found, calls) {
                None => return self.attach(id, flow, found, calls),
                Some(objection) => objection,
            },
            Verdict::Ambiguous(rivals) => {
                self.note_rivals(id, rivals, calls);
                Refusal::Ambiguous
            }
            Verdict::TooLate => Refusal::AfterEnd,
            Verdict::Nobody => Refusal::NoClaim,
        };
        // What was held against it once still is: it is no less another's because that one is gone.
        let before = self.waiting.why(id);
        let why = if why == Refusal::NoClaim { before } else { why };
        self.waiting.wait(id, flow, why);
    }

    pub(crate) fn find(&self, id: StreamId, calls: &Calls) -> Verdict {
        let Some(stream) = self.streams.stream(id) else { return Verdict::Nobody };
        let hearsay = self.waiting.heard(id);
        let (flow, ssrc, since) = (stream.flow, stream.ssrc, stream.first_at);
        let answers = self.speaker_of(flow.reversed(), since);
        matcher::find(&self.claims, calls, Wanted { flow, ssrc, since, hearsay, answers })
    }

    /// Whose stream goes that way at `at`.
    fn speaker_of(&self, flow: Flow, at: Time) -> Option<CallKey> {
        let speaks = |stream: &&rtp::Stream| {
            stream.flow == flow && stream.first_at <= at && at - stream.last_at <= LONGEST_SILENCE
        };
        let mut here = self.attached.at(flow.source).iter().filter_map(|&id| self.streams.stream(id));
        here.rfind(speaks)?.owner().map(CallKey)
    }

    /// What speaks against a match that was found.
    fn objection(&mut self, id: StreamId, found: &Match, calls: &Calls) -> Option<Refusal> {
        let stream = self.streams.stream(id)?;
        let negotiation = calls.negotiation(found.call, stream.first_at)?;
        let before = self.waiting.why(id);
        let is_weak = !matches!(found.why.rule, Rule::SdpAddress | Rule::IceCheck | Rule::Ssrc);
        if is_weak && matches!(before, Refusal::Ambiguous | Refusal::AfterEnd) {
            return Some(before);
        }
        if found.why.evidence.main.at - stream.last_at > LONGEST_LEAD {
            // It was silent before anybody named it. If it speaks again, that is another stream.
            self.streams.contest(id);
            return Some(Refusal::BeforeOffer);
        }
        if found.call.is_unsignalled() {
            return self.is_after_a_pause(stream, found.call, calls).then_some(Refusal::NoClaim);
        }
        if found.why.rule == Rule::SdpAddress {
            return None;
        }
        let number = stream.kept.first().map(|slot| slot.payload_type().0);
        if number.is_some_and(|number| !negotiation.is_plausible(number)) {
            return Some(Refusal::NotAudio);
        }
        let sends_elsewhere =
            found.why.rule == Rule::Latched && self.is_sent_as_described(stream, found, calls);
        sends_elsewhere.then_some(Refusal::SentElsewhere)
    }

    /// Whether another stream of the same source goes where it is described to go.
    fn is_sent_as_described(&self, stream: &rtp::Stream, found: &Match, calls: &Calls) -> bool {
        let of_call = calls.get(found.call).map_or(&[][..], |call| &call.attached);
        self.attached.at(stream.flow.source).iter().any(|&id| {
            let is_described = of_call.iter().any(|one| one.id == id && one.why.rule < Rule::Symmetric);
            let same_source =
                |other: &rtp::Stream| other.flow.source == stream.flow.source && other.ssrc != stream.ssrc;
            is_described && self.streams.stream(id).is_some_and(same_source)
        })
    }

    fn note_rivals(&mut self, id: StreamId, rivals: Vec<CallKey>, calls: &mut Calls) {
        let known = self.ambiguous.entry(id).or_default();
        for rival in rivals {
            if !known.contains(&rival) && known.len() < MOST_RIVALS {
                known.push(rival);
                calls.get_mut(rival).into_iter().for_each(|call| call.ambiguous_streams += 1);
            }
        }
    }

    pub(crate) fn attach(&mut self, id: StreamId, flow: Flow, found: Match, calls: &mut Calls) {
        let Some(call) = calls.get_mut(found.call) else { return };
        if !self.has_room_for_a_stream(call) {
            self.waiting.wait(id, flow, Refusal::TooMany);
            return;
        }
        let kind = self.kind(id, &found, call);
        for rival in self.ambiguous.remove(&id).unwrap_or_default() {
            calls.get_mut(rival).into_iter().for_each(|call| call.ambiguous_streams -= 1);
        }
        let Some(call) = calls.get_mut(found.call) else { return };
        let Some(stream) = self.streams.stream(id) else { return };
        call.last_media_at = call.last_media_at.max(Some(stream.last_at));
        let Match { call: key, sender, why, .. } = found;
        call.attached.push(Attached { id, sender, why, kind });
        let owner = Owner { call: key, side: sender, since: stream.first_at };
        self.claims.claim_flow(flow, owner, &mut call.claimed);
        self.disclaim_ended(flow, owner);
        self.streams.claim(id, key.0);
        self.waiting.leave(id, flow);
        self.attached.enter(id, flow);
        calls.reschedule(key);
        // Its reverse may have waited for it, or went to who spoke here before.
        self.revisit.push(flow.source);
        self.rethink_reverse(flow, key, calls);
    }

    /// What the stream carries: what is received where it goes, or what goes the other way.
    fn kind(&self, id: StreamId, found: &Match, call: &OpenCall) -> MediaKind {
        let Some(stream) = self.streams.stream(id) else { return found.kind };
        let way = |one: &&Attached| self.streams.stream(one.id).map(|stream| stream.flow);
        let reverse = call.attached.iter().find(|one| way(one) == Some(stream.flow.reversed()));
        let named = reverse.filter(|_| found.why.rule == Rule::Symmetric).map_or(found.kind, |one| one.kind);
        let number = stream.kept.first().map_or(0, |slot| slot.payload_type().0);
        call.negotiation.kind(found.sender, stream.ssrc.0, number, named)
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
                (true, false) if self.ambiguous.contains_key(id) => orphans.ambiguous += 1,
                (true, false) => orphans.unclaimed += 1,
            }
            if stream.is_valid() {
                self.counts.rtp.orphan += packets;
                // A call gives up no more than a handful, to make room.
                let why = stream.owner().map_or_else(|| self.waiting.why(*id), |_| Refusal::Handful);
                self.lately.remember(Refused::of(stream, why));
            }
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
    /// How many entries its tables have besides the streams themselves.
    pub(crate) fn table_lens(&self) -> [usize; 6] {
        let [endpoints, hosts, refused, heard] = self.waiting.lens();
        [endpoints, hosts, refused, heard, self.attached.len(), self.ambiguous.len()]
    }
}

/// More sources than that in one call are no conversation; the rest stay orphans.
const MOST_STREAMS_A_CALL: usize = 256;
/// Calls that could claim one stream; more of them tell no more.
const MOST_RIVALS: usize = 64;
/// Who speaks sends at least so often.
const LONGEST_SILENCE: Span = Span::from_ms(100);
/// The messages of a call may be seen so much later than its media, and no media that stopped before is its own.
const LONGEST_LEAD: Span = Span::from_ms(2000);
