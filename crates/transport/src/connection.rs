//! What is kept of one connection, and what it turned out to be.

use std::collections::VecDeque;

use flow::{Endpoint, Flow};
use tls::{KeyLog, Opening, Reading, Sender, Session};
use wire::tcp::{Delivery, Direction, Interest, Piece, Standing};

use crate::counts::{Counts, StreamResult, TlsRecord};
use crate::packet::Received;
use crate::plain::{Output, Plain};

/// Messages that wait to be polled, and the counters.
#[derive(Default, Debug)]
pub(crate) struct Out {
    pub(crate) ready: VecDeque<Received>,
    pub(crate) counts: Counts,
}

/// A connection.
#[derive(Default, Debug)]
pub(crate) struct Connection {
    outer: Plain,
    tls: Option<Box<Tls>>,
    result: Option<StreamResult>,
}

/// TLS, and what is inside.
#[derive(Debug)]
struct Tls {
    session: Session,
    client: Direction,
    inner: Plain,
    /// Records that were counted.
    counted: (u64, u64),
}

/// SIP, and SIP over TLS (RFC 3261, section 18.2.1).
const PORTS: [u16; 2] = [5060, 5061];

impl Connection {
    /// Takes what came of it.
    pub(crate) fn handle(&mut self, delivery: Delivery<'_>, keys: &KeyLog, out: &mut Out) -> Standing {
        let direction = Direction::of(delivery.flow);
        let mut output = Output::default();
        match delivery.piece {
            Piece::Octets(octets) => self.handle_octets(direction, octets, keys, &mut output),
            Piece::Joined => self.readable().handle_joined(direction),
            Piece::Hole => {
                out.counts.holes += u64::from(self.is_wanted());
                self.handle_hole(direction, &mut output);
            }
            Piece::End | Piece::Evicted => {
                for direction in [Direction::Ascending, Direction::Descending] {
                    self.readable().handle_hole(direction, &mut output);
                }
            }
        }
        let flow = |of: Direction| if of == direction { delivery.flow } else { delivery.flow.reversed() };
        out.counts.websocket_unread += output.unread;
        out.counts.messages += output.messages.len() as u64;
        let received = output.messages.iter().map(|(of, whole)| Received::new(delivery.at, flow(*of), whole));
        out.ready.extend(received);
        self.count(delivery, &mut out.counts);
        Standing { interest: self.interest(), held: self.held() }
    }

    fn handle_octets(&mut self, direction: Direction, octets: &[u8], keys: &KeyLog, output: &mut Output) {
        if let Some(tls) = &mut self.tls {
            tls.handle_octets(direction, octets, keys, output);
            return;
        }
        self.outer.handle_octets(direction, octets, output);
        if let Plain::Tls { opening, by, unread } = &mut self.outer {
            let client = if *opening == Opening::Server { by.opposite() } else { *by };
            // Keys come out of the hellos: without them there is nothing to be read.
            let is_joined = *opening == Opening::Joined;
            let session = if is_joined { Session::joined() } else { Session::default() };
            let mut tls = Tls { session, client, inner: Plain::default(), counted: (0, 0) };
            let unread = std::mem::take(unread);
            for direction in [client, client.opposite()] {
                tls.handle_octets(direction, unread.of(direction), keys, output);
            }
            self.tls = Some(Box::new(tls));
        }
    }

    fn handle_hole(&mut self, direction: Direction, output: &mut Output) {
        if let Some(tls) = &mut self.tls {
            tls.session.handle_hole(tls.sender(direction));
        }
        self.readable().handle_hole(direction, output);
    }

    /// What is in the clear, or was made so.
    fn readable(&mut self) -> &mut Plain {
        self.tls.as_mut().map_or(&mut self.outer, |tls| &mut tls.inner)
    }

    fn is_wanted(&self) -> bool {
        self.interest() == Interest::Wanted
    }

    fn interest(&self) -> Interest {
        match (&self.tls, &self.outer) {
            (Some(tls), _) if tls.session.reading().is_over() => Interest::None,
            (Some(tls), _) if matches!(tls.inner, Plain::Foreign | Plain::Tls { .. }) => Interest::None,
            (Some(_), _) | (None, Plain::Sip(_) | Plain::WebSocket(_)) => Interest::Wanted,
            (None, Plain::Unknown(_)) => Interest::Unknown,
            (None, Plain::Tls { .. } | Plain::Foreign) => Interest::None,
        }
    }

    fn held(&self) -> usize {
        self.outer.held() + self.tls.as_ref().map_or(0, |tls| tls.session.held() + tls.inner.held())
    }

    /// Counts what the connection is, once.
    fn count(&mut self, delivery: Delivery<'_>, counts: &mut Counts) {
        if let Some(tls) = &mut self.tls {
            let (opened, failed) = tls.session.records();
            counts.add_records(TlsRecord::Opened, opened - tls.counted.0);
            counts.add_records(TlsRecord::Failed, failed - tls.counted.1);
            tls.counted = (opened, failed);
        }
        if self.result.is_some() {
            return;
        }
        let last = match delivery.piece {
            Piece::Evicted => Some(StreamResult::Evicted),
            Piece::End if self.tls.is_some() => Some(self.unread_tls(delivery.flow)),
            Piece::End => Some(StreamResult::Empty),
            Piece::Octets(_) | Piece::Joined | Piece::Hole => None,
        };
        self.result = self.known(delivery.flow).or(last);
        if let Some(result) = self.result {
            counts.count(result);
        }
    }

    fn known(&self, flow: Flow) -> Option<StreamResult> {
        let Some(tls) = &self.tls else {
            return match self.outer {
                Plain::Sip(_) => Some(StreamResult::Sip),
                Plain::WebSocket(_) => Some(StreamResult::WebSocket),
                Plain::Foreign | Plain::Tls { .. } => Some(StreamResult::Other),
                Plain::Unknown(_) => None,
            };
        };
        match tls.inner {
            Plain::Sip(_) => Some(StreamResult::SipTls),
            Plain::WebSocket(_) => Some(StreamResult::WebSocketTls),
            Plain::Foreign | Plain::Tls { .. } => Some(StreamResult::Other),
            Plain::Unknown(_) if tls.session.reading() == Reading::Hello => None,
            Plain::Unknown(_) => tls.session.reading().is_over().then(|| self.unread_tls(flow)),
        }
    }

    /// TLS that was not read: might calls be inside?
    fn unread_tls(&self, flow: Flow) -> StreamResult {
        let is_port = |end: Endpoint| PORTS.contains(&end.port);
        let offers = |tls: &Tls| tls.session.protocols().any(|name| name.starts_with(b"sip"));
        if is_port(flow.source) || is_port(flow.destination) || self.tls.as_deref().is_some_and(offers) {
            StreamResult::EncryptedSignalling
        } else {
            StreamResult::Tls
        }
    }
}

impl Tls {
    fn sender(&self, direction: Direction) -> Sender {
        if direction == self.client { Sender::Client } else { Sender::Server }
    }

    fn handle_octets(&mut self, direction: Direction, octets: &[u8], keys: &KeyLog, output: &mut Output) {
        self.session.handle_octets(self.sender(direction), octets, keys);
        while let Some((sender, plain)) = self.session.poll_plain() {
            let by = if sender == Sender::Client { self.client } else { self.client.opposite() };
            self.inner.handle_octets(by, &plain, output);
        }
    }
}
