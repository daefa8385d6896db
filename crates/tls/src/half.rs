//! One direction: its records, its hello, and the keys that are in use.

use std::collections::VecDeque;

use crate::open::{Keys, Opened};
use crate::schedule;
use crate::suite::Suite;

/// The header of a record (RFC 8446, section 5.1).
///
/// ```text
/// | kind 8 | version 16 | length 16 |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    version: [u8; 2],
    len: u16,
}

impl Header {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;

    /// Reads it; `None` where no record begins so.
    pub(crate) fn read(octets: [u8; Header::LEN]) -> Option<Header> {
        let [kind @ 20..=24, 3, minor @ 0..=4, high, low] = octets else { return None };
        let len = u16::from_be_bytes([high, low]);
        (len <= LONGEST_RECORD).then_some(Header { kind, version: [3, minor], len })
    }

    /// As it was sent.
    pub(crate) const fn octets(self) -> [u8; Header::LEN] {
        let ([major, minor], [high, low]) = (self.version, self.len.to_be_bytes());
        [self.kind, major, minor, high, low]
    }

    const LEN: usize = 5;
}

/// 2^14 octets, and what TLS 1.2 lets a cipher add to them.
const LONGEST_RECORD: u16 = (1 << 14) + 2048;
/// No hello is longer.
const LONGEST_HELLO: usize = 1 << 16;
/// So many records may have been in a hole, and the next one can still be opened.
const MOST_LOST: u64 = 64;

/// One direction of a connection.
#[derive(Default, Debug)]
pub(crate) struct Half {
    unread: Vec<u8>,
    /// There was a hole: where the next record begins is to be found.
    lost: bool,
    /// The handshake messages so far, until the hello is whole.
    hello: Vec<u8>,
    /// What comes is sealed.
    pub(crate) sealed: bool,
    chain: Option<Chain>,
}

/// What the next octets of a direction are.
#[derive(Debug)]
pub(crate) enum Next {
    /// A record.
    Record(Header, Vec<u8>),
    /// Nothing whole.
    Partial,
    /// No TLS.
    Broken,
}

impl Half {
    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.unread.extend_from_slice(octets);
    }

    /// Octets are missing before those that come next.
    pub(crate) fn lose(&mut self) {
        self.unread.clear();
        self.lost = true;
    }

    pub(crate) fn held(&self) -> usize {
        self.unread.len() + self.hello.len()
    }

    pub(crate) fn use_keys(&mut self, chain: Option<Chain>) {
        self.chain = chain;
    }

    /// Cuts the next record off.
    pub(crate) fn next(&mut self) -> Next {
        if self.lost {
            self.skip_to_header();
        }
        let Some((header, rest)) = self.unread.split_first_chunk() else { return Next::Partial };
        let Some(header) = Header::read(*header) else { return Next::Broken };
        let len = usize::from(header.len);
        let Some(body) = rest.get(..len) else { return Next::Partial };
        let body = body.to_vec();
        self.unread.drain(..Header::LEN + len);
        Next::Record(header, body)
    }

    /// The octets up to where a record may begin.
    fn skip_to_header(&mut self) {
        let is_header =
            |window: &[u8]| window.first_chunk().is_some_and(|octets| Header::read(*octets).is_some());
        let last = self.unread.len().saturating_sub(Header::LEN - 1);
        let start = self.unread.windows(Header::LEN).position(is_header).unwrap_or(last);
        self.unread.drain(..start);
    }

    /// Opens a sealed record. Behind a hole, what cannot be opened was no record: it is searched on within it.
    pub(crate) fn open(&mut self, header: Header, body: &[u8]) -> Option<Opened> {
        let opened = self.chain.as_mut().and_then(|chain| chain.open(header, body, self.lost));
        if opened.is_some() {
            (self.lost, self.sealed) = (false, true);
        } else if self.lost {
            let [_, again @ ..] = header.octets();
            self.unread.splice(..0, again.into_iter().chain(body.iter().copied()));
        }
        opened
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The first whole message of what a plain handshake record adds to: its type and its body.
    pub(crate) fn hello(&mut self, octets: &[u8]) -> Option<(u8, Vec<u8>)> {
        let room = LONGEST_HELLO.saturating_sub(self.hello.len());
        self.hello.extend_from_slice(octets.get(..room).unwrap_or(octets));
        let ([kind, high, middle, low], rest) = self.hello.split_first_chunk()?;
        let len = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let message = (*kind, rest.get(..len)?.to_vec());
        self.hello.drain(..4 + len);
        Some(message)
    }

    /// The hello is known: what else is said in the clear does not matter.
    pub(crate) fn forget_hello(&mut self) {
        self.hello = Vec::new();
    }
}

/// The keys of a direction as they follow each other.
#[derive(Debug)]
pub(crate) struct Chain {
    current: Option<Keys>,
    number: u64,
    coming: Coming,
}

/// The keys that come after those in use.
#[derive(Debug)]
enum Coming {
    /// TLS 1.2: none.
    None,
    /// TLS 1.3: those of the secrets that are known, then one update after another.
    Secrets { suite: Suite, known: VecDeque<Secret>, last: Option<Secret> },
}

/// A traffic secret.
#[derive(Clone)]
struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Chain {
    /// The keys of TLS 1.2.
    pub(crate) fn of_12(keys: Keys) -> Chain {
        Chain { current: Some(keys), number: 0, coming: Coming::None }
    }

    /// The keys of TLS 1.3 by the traffic secrets that are known, in the order of their use.
    pub(crate) fn of_13(suite: Suite, secrets: &[Option<Vec<u8>>]) -> Chain {
        let known = secrets.iter().flatten().cloned().map(Secret).collect();
        Chain { current: None, number: 0, coming: Coming::Secrets { suite, known, last: None } }
    }

    /// Opens a record by the keys in use or, where it is none of theirs, by those that come next: where one ends and the
    /// other begins need not have been seen.
    fn open(&mut self, header: Header, body: &[u8], lost: bool) -> Option<Opened> {
        let ahead = if lost { MOST_LOST } else { 0 };
        let attempt = |keys: &Keys, from: u64| {
            (from..=from.saturating_add(ahead))
                .find_map(|number| Some((keys.open(number, header, body)?, number + 1)))
        };
        if let Some((opened, number)) = self.current.as_ref().and_then(|keys| attempt(keys, self.number)) {
            self.number = number;
            return Some(opened);
        }
        let Coming::Secrets { suite, known, last } = &mut self.coming else { return None };
        let next = match (known.front(), &*last) {
            (Some(secret), _) => secret.clone(),
            (None, Some(last)) => {
                Secret(schedule::expand_label(suite.hash, &last.0, "traffic upd", last.0.len()))
            }
            (None, None) => return None,
        };
        let keys = Keys::of_13(*suite, &next.0)?;
        let (opened, number) = attempt(&keys, 0)?;
        known.pop_front();
        (self.current, self.number, *last) = (Some(keys), number, Some(next));
        Some(opened)
    }
}
