//! The connections that are followed: bounded in number and in bytes, those that matter least going first.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use clock::Time;
use flow::Flow;
use foldhash::quality::RandomState;
use hashbrown::HashMap;

use super::stream::{Connection, Deliver};
use super::{Delivery, Direction, Interest, Limits, Standing};
use crate::packet::Segment;

/// How full the table is, and what happened to make room.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Connections in the table, those among them that nobody wants and that are over.
    pub connections: usize,
    /// Bytes held for all of them.
    pub bytes: usize,
    /// Connections that had to make room.
    pub evicted: u64,
    /// Those among them for which it were bytes that were too many.
    pub evicted_for_bytes: u64,
    /// Segments that came.
    pub segments: u64,
    /// Segments of connections that nobody wants, and echoes of such as are over.
    pub ignored: u64,
}

/// Connections, each with the state `S` of its reader.
///
/// Every method that can bring octets takes the reader: it is given the state of a connection and what came, and
/// answers what the connection is to it.
#[derive(Debug)]
pub struct Connections<S> {
    limits: Limits,
    /// By the flow in the ascending direction.
    entries: HashMap<Flow, Entry<S>, RandomState>,
    /// The order in which they make room: by what they are to the reader, then by age.
    order: BTreeMap<Rank, Flow>,
    /// Those for which bytes are held, by what they are to the reader, then by how many.
    heavy: BTreeSet<(Interest, usize, Flow)>,
    /// When each is to be looked at, if it is.
    due: BTreeSet<(Time, Flow)>,
    next_due: Time,
    serial: u64,
    counts: Counts,
}

type Rank = (Interest, u64);

#[derive(Debug)]
struct Entry<S> {
    connection: Connection<S>,
    rank: Rank,
    /// Something of it came since its rank was given: one that is in use is passed over once.
    used: bool,
    weight: usize,
    due: Option<Time>,
}

impl<S: Default> Connections<S> {
    /// A table that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Connections {
            limits,
            entries: HashMap::with_hasher(RandomState::default()),
            order: BTreeMap::new(),
            heavy: BTreeSet::new(),
            due: BTreeSet::new(),
            next_due: NEVER,
            serial: 0,
            counts: Counts::default(),
        }
    }

    /// How full it is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { connections: self.entries.len(), ..self.counts }
    }

    /// What it may hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a segment in.
    pub fn handle_segment(
        &mut self,
        at: Time,
        segment: &Segment<'_>,
        mut reader: impl FnMut(&mut S, Delivery<'_>) -> Standing,
    ) {
        self.counts.segments += 1;
        self.handle_time(at, &mut reader);
        let key = ascending(segment.flow);
        let opens = segment.flags.syn() && !segment.flags.rst();
        let direction = Direction::of(segment.flow);
        match self.entries.get_mut(&key) {
            Some(entry) if opens && entry.connection.is_another(direction, segment.sequence) => {
                entry.connection.end(at, key, &mut reader);
                self.remove(key);
                self.open(at, key, &mut reader);
            }
            Some(entry) => entry.used = true,
            // What opens nothing and brings nothing is the echo of a connection that is over.
            None if !opens && segment.payload.is_empty() => {
                self.counts.ignored += 1;
                return;
            }
            None => self.open(at, key, &mut reader),
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.connection.handle_segment(at, segment, &self.limits, &mut reader);
            self.counts.ignored += u64::from(entry.connection.is_unwanted());
            self.settle(key);
        }
        self.make_room(at, &mut reader);
    }

    /// Lets time pass: holes that were waited for long enough are passed over. Cheap where nothing is due.
    #[inline]
    pub fn handle_time(&mut self, at: Time, reader: impl FnMut(&mut S, Delivery<'_>) -> Standing) {
        if at >= self.next_due {
            self.handle_due(at, reader);
        }
    }

    /// The input is over: what waits is handed on, and every connection ends.
    pub fn handle_end(&mut self, at: Time, mut reader: impl FnMut(&mut S, Delivery<'_>) -> Standing) {
        for (_, key) in mem::take(&mut self.order) {
            if let Some(mut entry) = self.entries.remove(&key) {
                entry.connection.end(at, key, &mut reader);
            }
        }
        self.heavy.clear();
        self.due.clear();
        (self.next_due, self.counts.bytes) = (NEVER, 0);
    }

    fn handle_due(&mut self, at: Time, mut reader: impl FnMut(&mut S, Delivery<'_>) -> Standing) {
        while let Some(&(due, key)) = self.due.first()
            && due <= at
        {
            let Some(entry) = self.entries.get_mut(&key) else { break };
            if entry.connection.is_forgotten(at, &self.limits) {
                self.remove(key);
            } else {
                entry.connection.handle_due(at, key, &self.limits, &mut reader);
                self.settle(key);
            }
        }
    }

    fn open(&mut self, at: Time, key: Flow, reader: &mut impl Deliver<S>) {
        while self.entries.len() >= self.limits.connections.max(1) {
            let Some(least) = self.least() else { break };
            self.evict(at, least, reader);
        }
        let rank = (Interest::Unknown, self.next_serial());
        let connection = Connection::new();
        self.order.insert(rank, key);
        self.entries.insert(key, Entry { connection, rank, used: false, weight: 0, due: None });
    }

    /// Too many bytes: whoever holds most of them has to go, among those that matter least.
    fn make_room(&mut self, at: Time, reader: &mut impl Deliver<S>) {
        while self.counts.bytes > self.limits.bytes {
            let Some(&(interest, ..)) = self.heavy.first() else { break };
            let most = (interest, usize::MAX, Flow::default());
            let Some(&(_, _, heaviest)) = self.heavy.range(..most).next_back() else { break };
            self.evict(at, heaviest, reader);
            self.counts.evicted_for_bytes += 1;
        }
    }

    /// The one that matters least, and of such the oldest that is not in use.
    fn least(&mut self) -> Option<Flow> {
        for _ in 0..MOST_LOOKS {
            let (&rank, &key) = self.order.first_key_value()?;
            let serial = self.next_serial();
            let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.used) else {
                return Some(key);
            };
            self.order.remove(&rank);
            (entry.used, entry.rank) = (false, (rank.0, serial));
            self.order.insert(entry.rank, key);
        }
        self.order.first_key_value().map(|(_, key)| *key)
    }

    fn evict(&mut self, at: Time, key: Flow, reader: &mut impl Deliver<S>) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.connection.evict(at, key, reader);
        }
        self.counts.evicted += 1;
        self.remove(key);
    }

    /// Brings what the table knows of a connection up to date.
    fn settle(&mut self, key: Flow) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let (interest, weight) = (entry.connection.interest(), entry.connection.weight());
        let due = entry.connection.due(&self.limits);
        if (entry.rank.0, entry.weight) != (interest, weight) {
            self.heavy.remove(&(entry.rank.0, entry.weight, key));
            if weight > 0 {
                self.heavy.insert((interest, weight, key));
            }
        }
        self.counts.bytes = self.counts.bytes - entry.weight + weight;
        entry.weight = weight;
        if entry.rank.0 != interest {
            self.order.remove(&entry.rank);
            entry.rank.0 = interest;
            self.order.insert(entry.rank, key);
        }
        if entry.due != due {
            entry.due.map(|due| self.due.remove(&(due, key)));
            due.map(|due| self.due.insert((due, key)));
            entry.due = due;
            self.next_due = self.due.first().map_or(NEVER, |(due, _)| *due);
        }
    }

    fn remove(&mut self, key: Flow) {
        let Some(entry) = self.entries.remove(&key) else { return };
        self.order.remove(&entry.rank);
        self.heavy.remove(&(entry.rank.0, entry.weight, key));
        self.counts.bytes -= entry.weight;
        if let Some(due) = entry.due {
            self.due.remove(&(due, key));
            self.next_due = self.due.first().map_or(NEVER, |(due, _)| *due);
        }
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// How many that are in use are passed over before one of them goes all the same.
const MOST_LOOKS: usize = 64;
/// Later than any capture.
const NEVER: Time = Time::from_ns(i64::MAX);

fn ascending(flow: Flow) -> Flow {
    match Direction::of(flow) {
        Direction::Ascending => flow,
        Direction::Descending => flow.reversed(),
    }
}
