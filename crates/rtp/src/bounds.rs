//! The bounds of the table of streams, and what had to go for them.

use clock::Span;

/// The bounds of the table.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many streams there may be at once.
    pub streams: usize,
    /// How long a stream that no call claims is kept after its packets.
    pub look_back: Span,
    /// How many packets may be in memory at once, of whatever size: past that the older ones of calls go elsewhere, and
    /// where they cannot, more are refused.
    pub packets: usize,
    /// Bytes that may be copied for packets that were only lent; once calls alone hold as many, packets are refused.
    pub copied_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A packet takes 32 bytes besides what is copied of it: 4 GiB.
        let (packets, copied_bytes) = (1 << 27, 256 << 20);
        Limits { streams: 262_144, look_back: Span::from_secs(10), packets, copied_bytes }
    }
}

/// Packets that were let go of while their stream stayed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Forgotten {
    /// Of streams that no call claimed, past the look-back.
    pub unclaimed: u64,
    /// Of sources that never proved to be a stream.
    pub probation: u64,
}

/// Streams that had to go, and packets that found no room where none could, for want of room other than for streams.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Evicted {
    /// Because of the number of packets.
    pub for_packets: u64,
    /// Because of the bytes copied of them.
    pub for_bytes: u64,
}
