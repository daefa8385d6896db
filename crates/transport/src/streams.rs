//! All connections: segments in, messages out.

use clock::Time;
use tls::KeyLog;
use wire::Segment;
use wire::tcp::{Connections, Delivery, Limits, Standing};

use crate::connection::{Connection, Out};
use crate::counts::Counts;
use crate::packet::Received;

/// Follows the TCP connections of a network, and gives the SIP messages in them.
#[derive(Debug)]
pub struct Streams {
    connections: Connections<Connection>,
    keys: KeyLog,
    out: Out,
}

impl Streams {
    /// Has seen nothing, and reads TLS by `keys`.
    #[must_use]
    pub fn new(limits: Limits, keys: KeyLog) -> Streams {
        Streams { connections: Connections::new(limits), keys, out: Out::default() }
    }

    /// Takes a segment in. Messages that it completed, and such as were waiting for it in vain, can be polled afterwards.
    pub fn handle_segment(&mut self, at: Time, segment: &Segment<'_>) {
        let (connections, reader) = self.split();
        connections.handle_segment(at, segment, reader);
    }

    /// Lets time pass: what waits for octets that never came is given up. Cheap where nothing is due.
    #[inline]
    pub fn handle_time(&mut self, at: Time) {
        let (connections, reader) = self.split();
        connections.handle_time(at, reader);
    }

    /// The input is over.
    pub fn handle_end(&mut self, at: Time) {
        let (connections, reader) = self.split();
        connections.handle_end(at, reader);
    }

    /// More keys were found, in the capture itself.
    pub fn handle_keys(&mut self, keys: KeyLog) {
        self.keys.extend(keys);
    }

    /// The next message.
    #[inline]
    pub fn poll_message(&mut self) -> Option<Received> {
        self.out.ready.pop_front()
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.out.counts
    }

    /// How full the table of connections is.
    #[must_use]
    pub fn table(&self) -> wire::tcp::Counts {
        self.connections.counts()
    }

    /// What the table may hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.connections.limits()
    }

    fn split(
        &mut self,
    ) -> (&mut Connections<Connection>, impl FnMut(&mut Connection, Delivery<'_>) -> Standing + '_) {
        let (keys, out) = (&self.keys, &mut self.out);
        (&mut self.connections, |connection, delivery| connection.handle(delivery, keys, out))
    }
}

#[cfg(test)]
mod tests;
