//! Why a stream is in its call, and which streams near it are not: the words behind each, with whose they are and when
//! they were said.

use std::net::SocketAddr;

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::leg::Ssrc;
use crate::number::Score;
use crate::outcome::{RefusalReason, Role};
use crate::timestamp;

/// Why a stream belongs to a call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Match {
    /// The rule that fitted first, such as `sdp_address`.
    pub rule: String,
    /// How sure that rule is, from 0 to 1.
    pub confidence: Score,
    /// What speaks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Witness>,
}

/// One word that speaks for a match.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Witness {
    /// How it came to be known, such as `description`, `signalling_host` or `reverse`.
    pub how: String,
    /// Whose word it is, or whose the stream that it is about.
    pub by: Role,
    /// Which end of the stream it is about: `source` or `destination`; null where it is about the sender.
    pub end: Option<String>,
    /// That end.
    pub endpoint: Option<SocketAddr>,
    /// When it was said.
    #[serde(with = "timestamp")]
    pub at: Time,
}

/// An endpoint at which a party said that it receives media, or was found to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Named {
    /// Where.
    pub endpoint: SocketAddr,
    /// How it came to be known, such as `description` or `signalling_host`.
    pub how: String,
    /// When.
    #[serde(with = "timestamp")]
    pub at: Time,
}

/// A stream near a call that is not in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusedStream {
    /// The synchronisation source.
    pub ssrc: Ssrc,
    /// Where its packets came from.
    pub source: SocketAddr,
    /// Where they went.
    pub destination: SocketAddr,
    /// Packets that came, as far as they were still known.
    pub packets: u64,
    /// The arrival of the first of them.
    #[serde(default, with = "timestamp::optional")]
    pub first_packet_at: Option<Time>,
    /// The arrival of the last one.
    #[serde(default, with = "timestamp::optional")]
    pub last_packet_at: Option<Time>,
    /// Why it is not in the call.
    pub reason: RefusalReason,
}
