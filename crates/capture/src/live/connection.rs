//! One agent that is connected by TCP.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use hep::Framer;

/// A connection and what came of its next packet.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    framer: Framer,
    /// When it last sent something, counted in reads of its listener.
    pub(crate) heard: u64,
}

/// What a connection may send in one go, so that no one keeps the others waiting.
const MOST_AT_ONCE: usize = 4;

impl Connection {
    pub(crate) fn new(stream: TcpStream, heard: u64) -> Connection {
        Connection { stream, framer: Framer::default(), heard }
    }

    /// Reads what is there through `buffer`, and hands whole packets to `take`; whether the connection goes on.
    pub(crate) fn read(&mut self, round: u64, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> bool {
        for _ in 0..MOST_AT_ONCE {
            let read = match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(read) => read,
                Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            };
            self.heard = round;
            self.framer.push(buffer.get(..read).unwrap_or_default());
            while let Some(packet) = self.framer.next_packet() {
                take(packet);
            }
        }
        true
    }

    /// Bytes that belonged to no packet.
    pub(crate) fn skipped(&self) -> u64 {
        self.framer.skipped()
    }
}
