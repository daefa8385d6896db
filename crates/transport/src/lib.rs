//! SIP's connections (RFC 3261, section 18; RFC 7118): TCP segments in, SIP messages out.
//!
//! The first octets of a connection tell what it is: SIP, WebSocket with SIP in it, TLS with either in it where its keys
//! are known, or something else, which costs nothing from then on. A message comes out as the datagram that it might
//! have been: behind headers of IP and UDP with the addresses and ports of its connection, so that it can be followed
//! and kept like any other. What media agrees on by DTLS at its own ports is remembered, for its calls to ask. Time is the capture's. What messages say does not matter here.

mod connection;
mod counts;
mod handshakes;
mod packet;
mod plain;
mod recognise;
mod streams;
mod upgrade;
mod websocket;

pub use counts::{Counts, StreamResult, TlsRecord};
pub use handshakes::{Fill, Handshakes, MediaKey};
pub use packet::Received;
pub use streams::Streams;
