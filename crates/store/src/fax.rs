//! What a record says of a fax (ITU-T T.38): which ways its datagrams took. The datagrams are in the kept packets.

use std::net::SocketAddr;

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::outcome::Role;
use crate::timestamp;

/// A fax by T.38 over UDPTL, as its datagrams were seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fax {
    /// Each way that it took, in the order of their first datagrams.
    pub streams: Vec<FaxStream>,
    /// Datagrams that are not among the kept packets because there were too many.
    pub not_kept: u64,
}

/// One way of a fax.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FaxStream {
    /// Who sends.
    pub sender: Role,
    /// From where.
    pub source: SocketAddr,
    /// To where.
    pub destination: SocketAddr,
    /// Datagrams.
    pub packets: u64,
    /// Octets in them.
    pub octets: u64,
    /// Datagrams that are missing by their numbers.
    pub lost: u64,
    /// When the first came.
    #[serde(default, with = "timestamp::optional")]
    pub first_packet_at: Option<Time>,
    /// When the last came.
    #[serde(default, with = "timestamp::optional")]
    pub last_packet_at: Option<Time>,
}
