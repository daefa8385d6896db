//! Why a HEP packet gives no datagram. The labels are what the metrics show.

use std::fmt;

/// Why a packet was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It does not begin as a HEP packet of version 3 does; versions 1 and 2 have no mark of their own.
    NotHep,
    /// Its length, as its header has it, is not that of its bytes.
    Length,
    /// A chunk reaches beyond the packet, or has another size than its type.
    Chunk,
    /// It does not name both ends of a flow.
    Address,
    /// It carries nothing.
    NoPayload,
    /// Its payload cannot be unpacked.
    Packed,
    /// Its payload is larger than a datagram can be.
    TooLarge,
    /// It does not bear the key that was asked for.
    Key,
    /// It carries neither SIP nor RTP nor RTCP as they were on the wire: a report, a log, another protocol.
    OtherContents,
}

impl Refused {
    /// Every reason, in a fixed order: a counter for each can start at zero.
    pub const ALL: &[Refused] = &[
        Refused::NotHep,
        Refused::Length,
        Refused::Chunk,
        Refused::Address,
        Refused::NoPayload,
        Refused::Packed,
        Refused::TooLarge,
        Refused::Key,
        Refused::OtherContents,
    ];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Refused::NotHep => "not_hep",
            Refused::Length => "length",
            Refused::Chunk => "chunk",
            Refused::Address => "address",
            Refused::NoPayload => "no_payload",
            Refused::Packed => "packed",
            Refused::TooLarge => "too_large",
            Refused::Key => "key",
            Refused::OtherContents => "other_contents",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
