//! TLS connections (RFC 5246, RFC 8446), read with the keys that one of their ends logged; and what DTLS handshakes of media
//! agree on ([`dtls`]).
//!
//! [`KeyLog`] holds what an NSS key log says, [`Session`] takes the octets of both directions and gives what was inside,
//! as far as there are keys for it. Nothing is verified but that a record is what its sender sealed; no certificate is
//! looked at, and nothing is decided for anybody. Nothing here knows what a connection carries, or of addresses and
//! time. Keys appear in no error and in no debug output.

mod client_hello;
pub mod dtls;
mod half;
mod key_log;
mod open;
mod reader;
mod schedule;
mod server_hello;
mod session;
mod suite;
#[cfg(test)]
mod transcript;

pub use key_log::{Error, Fault, KeyLog};
pub use session::{Reading, Sender, Session};

/// What the first octets of a direction say of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// A client says hello.
    Client,
    /// A server says hello.
    Server,
    /// A record of a connection that was joined in its middle.
    Joined,
}

/// Do these octets begin a direction of a TLS connection? `None` where they do not, or are too few to tell.
#[must_use]
pub fn sniff(octets: &[u8]) -> Option<Opening> {
    let (header, rest) = octets.split_first_chunk::<5>()?;
    half::Header::read(*header)?;
    match (header.first()?, rest.first()) {
        (22, Some(1)) => Some(Opening::Client),
        (22, Some(2)) => Some(Opening::Server),
        (22, None) => None,
        _ => Some(Opening::Joined),
    }
}
