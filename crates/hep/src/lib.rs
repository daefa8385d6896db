//! HEP version 3 (the Homer encapsulation protocol): what capture agents send, to datagrams.
//!
//! A [`Reader`] takes one HEP packet and gives the datagram that the agent saw: when, from where to where, and what it
//! carried. A [`Framer`] finds the packets in the bytes of a TCP connection. What a payload means is not known here, no
//! socket is opened, and nothing that a packet holds can make it panic, loop or grow without bound.

mod chunk;
mod framer;
mod inflate;
mod packet;
mod raw_ip;
mod reader;
mod refused;
#[cfg(test)]
mod testing;

pub use framer::Framer;
pub use packet::{Contents, Packet};
pub use raw_ip::raw_ip;
pub use reader::{Datagram, Reader};
pub use refused::Refused;
