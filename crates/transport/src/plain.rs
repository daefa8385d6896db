//! A connection in the clear: what it is, and its messages.

use sip::Framer;
use tls::Opening;
use wire::tcp::{Both, Direction};

use crate::recognise::{self, Guess};
use crate::upgrade;
use crate::websocket::{Frames, Message};

/// Both directions of what can be read.
#[derive(Debug)]
pub(crate) enum Plain {
    Unknown(Unknown),
    Sip(Both<Framer>),
    WebSocket(Both<WebSocket>),
    /// TLS, which somebody else reads; what has come of it so far.
    Tls {
        opening: Opening,
        by: Direction,
        unread: Both<Vec<u8>>,
    },
    Foreign,
}

impl Default for Plain {
    fn default() -> Plain {
        Plain::Unknown(Unknown::default())
    }
}

/// A connection that has not told what it is.
#[derive(Default, Debug)]
pub(crate) struct Unknown {
    unread: Both<Vec<u8>>,
    joined: Both<bool>,
    /// Octets that told nothing.
    passed: usize,
}

/// So many octets of both directions are looked at before a connection is taken for something else.
const MOST_OPENED: usize = 1 << 14;
/// One that is joined in its middle may be in the midst of a long body.
const MOST_JOINED: usize = 1 << 16;

/// One direction of WebSocket.
#[derive(Default, Debug)]
pub(crate) struct WebSocket {
    /// The HTTP before the frames, until it is whole.
    head: Option<Vec<u8>>,
    frames: Frames,
}

/// What comes out.
#[derive(Default, Debug)]
pub(crate) struct Output {
    /// SIP messages, each with its direction.
    pub(crate) messages: Vec<(Direction, Vec<u8>)>,
    /// WebSocket messages that are none, or cannot be read.
    pub(crate) unread: u64,
}

impl Plain {
    /// Takes the next octets of a direction.
    pub(crate) fn handle_octets(&mut self, direction: Direction, octets: &[u8], output: &mut Output) {
        match self {
            Plain::Unknown(unknown) => {
                if let Some((known, unread)) = unknown.handle_octets(direction, octets) {
                    *self = known;
                    for direction in [Direction::Ascending, Direction::Descending] {
                        self.handle_octets(direction, unread.of(direction), output);
                    }
                }
            }
            Plain::Sip(framers) => {
                let framer = framers.of_mut(direction);
                framer.handle_bytes(octets);
                output
                    .messages
                    .extend(std::iter::from_fn(|| framer.poll_message()).map(|whole| (direction, whole)));
            }
            Plain::WebSocket(ways) => ways.of_mut(direction).handle_octets(direction, octets, output),
            Plain::Tls { unread, .. } => unread.of_mut(direction).extend_from_slice(octets),
            Plain::Foreign => {}
        }
    }

    /// A direction was joined behind its handshake.
    pub(crate) fn handle_joined(&mut self, direction: Direction) {
        if let Plain::Unknown(unknown) = self {
            *unknown.joined.of_mut(direction) = true;
        }
    }

    /// Octets of a direction are missing, or it is over.
    pub(crate) fn handle_hole(&mut self, direction: Direction, output: &mut Output) {
        match self {
            Plain::Unknown(unknown) => {
                *unknown.joined.of_mut(direction) = true;
                unknown.unread.of_mut(direction).clear();
            }
            Plain::Sip(framers) => {
                let rest = framers.of_mut(direction).handle_hole();
                output.messages.extend(rest.map(|rest| (direction, rest)));
            }
            Plain::WebSocket(ways) => {
                let way = ways.of_mut(direction);
                way.head = None;
                way.frames.handle_hole();
            }
            Plain::Tls { .. } | Plain::Foreign => {}
        }
    }

    /// The bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        match self {
            Plain::Unknown(Unknown { unread, .. }) | Plain::Tls { unread, .. } => {
                unread.ascending.len() + unread.descending.len()
            }
            Plain::Sip(framers) => framers.ascending.held() + framers.descending.held(),
            Plain::WebSocket(ways) => ways.ascending.held() + ways.descending.held(),
            Plain::Foreign => 0,
        }
    }
}

impl Unknown {
    /// What the connection is, once that is known, and the octets that have come.
    fn handle_octets(&mut self, direction: Direction, octets: &[u8]) -> Option<(Plain, Both<Vec<u8>>)> {
        let joined = *self.joined.of(direction);
        let unread = self.unread.of_mut(direction);
        unread.extend_from_slice(octets);
        let mut guess = recognise::look(unread, joined);
        while let Guess::Junk(length) = guess {
            self.passed += length;
            unread.drain(..length);
            guess = recognise::look(unread, joined);
        }
        if guess == Guess::More && joined {
            guess = recognise::look_at_segment(octets);
            if guess != Guess::More {
                *unread = octets.to_vec();
            }
        }
        let known = match guess {
            Guess::Sip => Plain::Sip(Both::default()),
            Guess::Upgrade => {
                Plain::WebSocket(Both { ascending: WebSocket::opened(), descending: WebSocket::opened() })
            }
            Guess::Frames => {
                Plain::WebSocket(Both { ascending: WebSocket::joined(), descending: WebSocket::joined() })
            }
            Guess::Tls(opening) => Plain::Tls { opening, by: direction, unread: Both::default() },
            Guess::Foreign => Plain::Foreign,
            Guess::More | Guess::Junk(_) => {
                let most = if joined { MOST_JOINED } else { MOST_OPENED };
                let total = self.passed + self.unread.ascending.len() + self.unread.descending.len();
                if total <= most {
                    return None;
                }
                Plain::Foreign
            }
        };
        Some((known, std::mem::take(&mut self.unread)))
    }
}

impl WebSocket {
    fn opened() -> WebSocket {
        WebSocket { head: Some(Vec::new()), frames: Frames::default() }
    }

    fn joined() -> WebSocket {
        WebSocket { head: None, frames: Frames::joined() }
    }

    fn handle_octets(&mut self, direction: Direction, octets: &[u8], output: &mut Output) {
        match &mut self.head {
            None => self.frames.handle_octets(octets),
            Some(head) => {
                head.extend_from_slice(octets);
                let is_http =
                    [&b"GET "[..], b"HTTP"].iter().any(|start| start.iter().zip(&*head).all(|(a, b)| a == b));
                if let Some(length) = upgrade::head_length(head) {
                    let frames = head.split_off(length);
                    self.head = None;
                    self.frames.handle_octets(&frames);
                } else if !is_http || head.len() > MOST_OPENED {
                    let frames = std::mem::take(head);
                    (self.head, self.frames) = (None, Frames::joined());
                    self.frames.handle_octets(&frames);
                }
            }
        }
        while let Some(message) = self.frames.poll_message() {
            match message {
                Message::Whole(message) if sip::sniff(&message) => output.messages.push((direction, message)),
                // Keep-alives (RFC 7118, section 6).
                Message::Whole(message) if message.trim_ascii().is_empty() => {}
                Message::Whole(_) | Message::Refused => output.unread += 1,
            }
        }
    }

    fn held(&self) -> usize {
        self.frames.held() + self.head.as_ref().map_or(0, Vec::len)
    }
}
