//! How full the bounded tables of a tracker are.

/// One table.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fill {
    /// Entries, or bytes.
    pub entries: u64,
    /// How many there may be.
    pub limit: u64,
    /// What had to make room, or found none.
    pub evicted: u64,
}

impl Fill {
    pub(crate) fn new(entries: usize, limit: usize, evicted: u64) -> Fill {
        Fill { entries: entries as u64, limit: limit as u64, evicted }
    }

    /// Two tables as one.
    pub(crate) const fn with(self, other: Fill) -> Fill {
        Fill {
            entries: self.entries + other.entries,
            limit: self.limit + other.limit,
            evicted: self.evicted + other.evicted,
        }
    }
}

/// All that the network can fill.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fills {
    /// Calls in progress.
    pub calls: Fill,
    /// Streams.
    pub streams: Fill,
    /// Packets kept, of all streams.
    pub packets: Fill,
    /// Bytes copied of these packets.
    pub copied_bytes: Fill,
    /// Both ends of the streams that wait for a call.
    pub waiting: Fill,
    /// Senders of such streams of which RTCP told.
    pub hearsay: Fill,
    /// Endpoints and sources that calls named.
    pub claims: Fill,
    /// Bytes of signalling, and of all else that open calls hold.
    pub signalling_bytes: Fill,
    /// Call-IDs of calls that are over, by which stragglers are known.
    pub departed_calls: Fill,
    /// Streams that are gone and may yet be worth a word.
    pub departed_streams: Fill,
    /// Losses of late, by which those of the capture are told from those of the network.
    pub lost: Fill,
}
