//! One connection: its two directions, where each began and ends, and what its reader makes of it.

use clock::Time;
use flow::Flow;

use super::reorder::{Place, Reorder};
use super::{Both, Delivery, Direction, Interest, Limits, Piece, Standing};
use crate::packet::Segment;

/// A connection and what its reader keeps of it.
#[derive(Debug)]
pub(super) struct Connection<S> {
    state: S,
    standing: Standing,
    ways: Both<Way>,
    /// When it ended.
    over_at: Option<Time>,
}

/// One direction.
#[derive(Default, Debug)]
struct Way {
    octets: Reorder,
    /// The sequence number of the first octet, as SYN told it or as it was joined.
    first: Option<u32>,
    /// The position behind the last octet, where FIN told it.
    end: Option<u64>,
    /// The receiver has everything before that position.
    acknowledged: u64,
}

impl Way {
    fn acknowledge(&mut self, acknowledgment: u32) {
        if self.octets.next().is_some()
            && let Place::At(position) = self.octets.place(acknowledgment)
        {
            self.acknowledged = self.acknowledged.max(position);
        }
    }

    /// When a hole is waited for no longer.
    fn due(&self, limits: &Limits) -> Option<Time> {
        let (end, since) = self.octets.hole()?;
        Some(since + if self.acknowledged >= end { limits.acknowledged_hole } else { limits.hole })
    }

    fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.octets.next().is_some_and(|next| next >= end))
    }
}

/// Hands a piece to the reader's state of a connection.
pub(super) trait Deliver<S>: FnMut(&mut S, Delivery<'_>) -> Standing {}
impl<S, F: FnMut(&mut S, Delivery<'_>) -> Standing> Deliver<S> for F {}

impl<S: Default> Connection<S> {
    pub(super) fn new() -> Self {
        Connection {
            state: S::default(),
            standing: Standing::default(),
            ways: Both::default(),
            over_at: None,
        }
    }

    /// Does SYN with this sequence number begin another connection between the same endpoints?
    pub(super) fn is_another(&self, direction: Direction, sequence: u32) -> bool {
        let first = self.ways.of(direction).first;
        first.map_or(self.over_at.is_some(), |first| first != sequence.wrapping_add(1))
    }

    pub(super) fn handle_segment(
        &mut self,
        at: Time,
        segment: &Segment<'_>,
        limits: &Limits,
        deliver: &mut impl Deliver<S>,
    ) {
        if self.over_at.is_some() {
            return;
        }
        let direction = Direction::of(segment.flow);
        if segment.flags.ack() {
            self.ways.of_mut(direction.opposite()).acknowledge(segment.acknowledgment);
        }
        if self.is_unwanted() {
            // Nothing is put in order any more: where it ends is all that still counts.
            if segment.flags.fin() || segment.flags.rst() {
                self.over_at = Some(at);
            }
            return;
        }
        let way = self.ways.of_mut(direction);
        if segment.flags.rst() {
            // One that lies far from the stream was made up by somebody else.
            if way.octets.next().is_none() || way.octets.place(segment.sequence) != Place::Elsewhere {
                self.end(at, segment.flow, deliver);
            }
            return;
        }
        let mut sequence = segment.sequence;
        if segment.flags.syn() {
            sequence = sequence.wrapping_add(1);
            if way.first.is_none() {
                way.octets.begin(sequence);
                way.first = Some(sequence);
            }
        }
        self.take_octets(at, segment, sequence, deliver);
        if segment.flags.fin() {
            self.finish(direction, sequence.wrapping_add(segment.payload.len() as u32));
        }
        while self.ways.of(direction).octets.weight() > limits.bytes_a_direction {
            self.pass_over_hole(segment.flow, deliver);
        }
        self.handle_due(at, segment.flow, limits, deliver);
        self.end_if_finished(at, segment.flow, deliver);
    }

    /// Gives up on the holes that were waited for long enough.
    pub(super) fn handle_due(
        &mut self,
        at: Time,
        flow: Flow,
        limits: &Limits,
        deliver: &mut impl Deliver<S>,
    ) {
        for flow in [flow, flow.reversed()] {
            while self.ways.of(Direction::of(flow)).due(limits).is_some_and(|due| due <= at) {
                self.pass_over_hole(flow, deliver);
            }
        }
    }

    /// The connection is over: what waits is handed on as it is.
    pub(super) fn end(&mut self, at: Time, flow: Flow, deliver: &mut impl Deliver<S>) {
        if self.over_at.is_some() {
            return;
        }
        for flow in [flow, flow.reversed()] {
            while self.pass_over_hole(flow, deliver) {}
        }
        self.over_at = Some(at);
        self.hand(at, flow, Piece::End, deliver);
        (self.state, self.standing.held) = (S::default(), 0);
    }

    /// The connection has to make room.
    pub(super) fn evict(&mut self, at: Time, flow: Flow, deliver: &mut impl Deliver<S>) {
        if self.over_at.is_none() {
            self.hand(at, flow, Piece::Evicted, deliver);
        }
    }

    /// When it is to be looked at again.
    pub(super) fn due(&self, limits: &Limits) -> Option<Time> {
        if let Some(over_at) = self.over_at {
            return Some(over_at + limits.linger);
        }
        let dues = [&self.ways.ascending, &self.ways.descending].map(|way| way.due(limits));
        dues.into_iter().flatten().min()
    }

    /// Is it over and was it remembered for long enough?
    pub(super) fn is_forgotten(&self, at: Time, limits: &Limits) -> bool {
        self.over_at.is_some_and(|over_at| over_at + limits.linger <= at)
    }

    /// What it is to its reader; nothing, once it is over.
    pub(super) fn interest(&self) -> Interest {
        if self.over_at.is_some() { Interest::None } else { self.standing.interest }
    }

    /// Has its reader seen that it is nothing to it?
    pub(super) fn is_unwanted(&self) -> bool {
        self.standing.interest == Interest::None
    }

    /// The bytes that are held for it.
    pub(super) fn weight(&self) -> usize {
        let waiting = self.ways.ascending.octets.weight() + self.ways.descending.octets.weight();
        waiting + self.standing.held
    }

    fn take_octets(&mut self, at: Time, segment: &Segment<'_>, sequence: u32, deliver: &mut impl Deliver<S>) {
        let (flow, direction) = (segment.flow, Direction::of(segment.flow));
        let (mut octets, mut sequence) = (segment.payload, sequence);
        if octets.is_empty() {
            return;
        }
        if self.ways.of(direction).octets.next().is_none() {
            // A keep-alive probe repeats the last octet (RFC 9293, section 3.8.4): a message does not begin with it.
            if let [_] = octets {
                octets = &[];
                sequence = sequence.wrapping_add(1);
            }
            let way = self.ways.of_mut(direction);
            way.octets.begin(sequence);
            way.first = Some(sequence);
            self.hand(at, flow, Piece::Joined, deliver);
        }
        let start = match self.ways.of_mut(direction).octets.place(sequence) {
            Place::At(start) => start,
            Place::Elsewhere => {
                while self.pass_over_hole(flow, deliver) {}
                let way = self.ways.of_mut(direction);
                way.octets.begin(sequence);
                (way.end, way.acknowledged) = (None, 0);
                self.hand(at, flow, Piece::Hole, deliver);
                self.ways.of(direction).octets.next().unwrap_or_default()
            }
        };
        let way = self.ways.of_mut(direction);
        match way.octets.through(start, octets) {
            Some(new) => self.hand(at, flow, Piece::Octets(new), deliver),
            None => {
                way.octets.wait(at, start, octets);
                self.drain(at, flow, deliver);
            }
        }
    }

    fn finish(&mut self, direction: Direction, sequence: u32) {
        let way = self.ways.of_mut(direction);
        if let Place::At(end) = way.octets.place(sequence) {
            way.end.get_or_insert(end);
        }
    }

    /// Over, once both have said their last word; where only one of them is seen, once that one has.
    fn end_if_finished(&mut self, at: Time, flow: Flow, deliver: &mut impl Deliver<S>) {
        let Both { ascending, descending } = &self.ways;
        let unseen = |way: &Way| way.octets.next().is_none();
        if (ascending.is_finished() || unseen(ascending))
            && (descending.is_finished() || unseen(descending))
            && !(unseen(ascending) && unseen(descending))
        {
            self.end(at, flow, deliver);
        }
    }

    /// Hands on what waits behind the first hole. False where there is none.
    fn pass_over_hole(&mut self, flow: Flow, deliver: &mut impl Deliver<S>) -> bool {
        let octets = &mut self.ways.of_mut(Direction::of(flow)).octets;
        let Some((_, at)) = octets.hole() else { return false };
        octets.pass_over_hole();
        self.hand(at, flow, Piece::Hole, deliver);
        self.drain(at, flow, deliver);
        true
    }

    /// Hands on what no longer waits, in times that never run backward.
    fn drain(&mut self, mut at: Time, flow: Flow, deliver: &mut impl Deliver<S>) {
        while let Some(waiting) = self.ways.of_mut(Direction::of(flow)).octets.pop() {
            at = at.max(waiting.at);
            self.hand(at, flow, Piece::Octets(&waiting.octets), deliver);
        }
    }

    fn hand(&mut self, at: Time, flow: Flow, piece: Piece<'_>, deliver: &mut impl Deliver<S>) {
        if self.standing.interest == Interest::None {
            return;
        }
        self.standing = deliver(&mut self.state, Delivery { at, flow, piece });
        if self.standing.interest == Interest::None {
            self.standing.held = 0;
            for way in [&mut self.ways.ascending, &mut self.ways.descending] {
                way.octets.clear();
            }
        }
    }
}
