//! One connection: both hellos, then the keys, then what is inside.

use std::collections::VecDeque;

use crate::client_hello::ClientHello;
use crate::half::{Chain, Half, Header, Next};
use crate::key_log::{KeyLog, Secrets};
use crate::open::Keys;
use crate::schedule;
use crate::server_hello::{ServerHello, Version};

/// Who sent something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// Who opened the connection.
    Client,
    /// Who answered.
    Server,
}

/// How far a connection can be read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Reading {
    /// The hellos are not complete yet.
    #[default]
    Hello,
    /// With the keys that are known.
    Open,
    /// Not at all: there are no keys for it.
    NoKeys,
    /// Not at all: neither TLS 1.2 nor 1.3, or another cipher suite than those of AES-GCM, AES-CBC and ChaCha20.
    Unsupported,
    /// No further: it is damaged, or the keys are another connection's.
    Broken,
}

impl Reading {
    /// Is there nothing more to be had?
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Reading::NoKeys | Reading::Unsupported | Reading::Broken)
    }
}

/// A connection of which both directions are seen.
#[derive(Default, Debug)]
pub struct Session {
    client: Half,
    server: Half,
    client_hello: Option<ClientHello>,
    server_hello: Option<ServerHello>,
    reading: Reading,
    plain: VecDeque<(Sender, Vec<u8>)>,
    opened: u64,
    failed: u64,
    failures_in_a_row: u32,
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// One direction may wait for the other's hello by so many bytes.
const MOST_UNREAD: usize = 1 << 17;
/// After so many records that could not be opened the next one will not be either.
const MOST_FAILURES: u32 = 64;

impl Session {
    /// A connection that was joined behind its hellos, and cannot be read.
    #[must_use]
    pub fn joined() -> Session {
        Session { reading: Reading::Broken, ..Session::default() }
    }

    /// Takes the next octets of a direction; what was in them can be polled afterwards.
    pub fn handle_octets(&mut self, sender: Sender, octets: &[u8], keys: &KeyLog) {
        if self.reading.is_over() {
            return;
        }
        self.half(sender).push(octets);
        while !self.reading.is_over() && (self.step(Sender::Client, keys) || self.step(Sender::Server, keys))
        {
        }
        if self.client.held().max(self.server.held()) > MOST_UNREAD {
            self.reading = Reading::Broken;
        }
        if self.reading.is_over() {
            (self.client, self.server) = (Half::default(), Half::default());
        }
    }

    /// Octets of a direction are missing before those that come next.
    pub fn handle_hole(&mut self, sender: Sender) {
        if self.reading == Reading::Hello {
            self.reading = Reading::Broken;
        }
        self.half(sender).lose();
    }

    /// The next octets that were inside, and who sent them.
    pub fn poll_plain(&mut self) -> Option<(Sender, Vec<u8>)> {
        self.plain.pop_front()
    }

    /// How far it can be read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// The protocols that the client offered to speak (ALPN).
    pub fn protocols(&self) -> impl Iterator<Item = &[u8]> {
        self.client_hello.iter().flat_map(|hello| hello.protocols.iter().map(Vec::as_slice))
    }

    /// Records that were opened, and records that could not be.
    #[must_use]
    pub fn records(&self) -> (u64, u64) {
        (self.opened, self.failed)
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.client.held()
            + self.server.held()
            + self.plain.iter().map(|(_, octets)| octets.len()).sum::<usize>()
    }

    fn half(&mut self, sender: Sender) -> &mut Half {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }

    /// Reads the next record of a direction. False where there is none, or where the other one's hello has to come first.
    fn step(&mut self, sender: Sender, keys: &KeyLog) -> bool {
        let waits = match sender {
            Sender::Client => self.client_hello.is_some() && self.server_hello.is_none(),
            Sender::Server => self.client_hello.is_none(),
        };
        if waits || self.reading.is_over() {
            return false;
        }
        match self.half(sender).next() {
            Next::Partial => false,
            Next::Broken => {
                self.reading = Reading::Broken;
                false
            }
            Next::Record(header, body) => {
                self.handle_record(sender, header, &body, keys);
                true
            }
        }
    }

    fn handle_record(&mut self, sender: Sender, header: Header, body: &[u8], keys: &KeyLog) {
        let version = self.server_hello.map(|hello| hello.version);
        let half = self.half(sender);
        let is_sealed = match version {
            Some(Version::Tls13) => header.kind == Header::APPLICATION_DATA,
            _ => half.sealed,
        };
        if is_sealed || half.is_lost() {
            self.open(sender, header, body);
            return;
        }
        match header.kind {
            Header::CHANGE_CIPHER_SPEC => half.sealed = true,
            Header::HANDSHAKE if self.reading == Reading::Hello => self.handle_hello(sender, body, keys),
            _ => {}
        }
    }

    fn open(&mut self, sender: Sender, header: Header, body: &[u8]) {
        match self.half(sender).open(header, body) {
            Some((kind, octets)) => {
                self.opened += 1;
                self.failures_in_a_row = 0;
                if kind == Header::APPLICATION_DATA && !octets.is_empty() {
                    self.plain.push_back((sender, octets));
                }
            }
            None => {
                self.failed += 1;
                self.failures_in_a_row += 1;
                if self.failures_in_a_row >= MOST_FAILURES {
                    self.reading = Reading::Broken;
                }
            }
        }
    }

    fn handle_hello(&mut self, sender: Sender, octets: &[u8], keys: &KeyLog) {
        let Some((kind, body)) = self.half(sender).hello(octets) else { return };
        match (sender, kind) {
            (Sender::Client, CLIENT_HELLO) if self.client_hello.is_none() => {
                self.client_hello = ClientHello::read(&body);
                self.client.forget_hello();
                // Its keys may be found before the server answers.
                match &self.client_hello {
                    None => self.reading = Reading::Broken,
                    Some(_) if keys.is_empty() => self.reading = Reading::NoKeys,
                    Some(_) => {}
                }
            }
            (Sender::Server, SERVER_HELLO) => match ServerHello::read(&body) {
                None => self.reading = Reading::Broken,
                Some(hello) if hello.is_retry() => {}
                Some(hello) => self.handle_server_hello(hello, keys),
            },
            _ => {}
        }
    }

    fn handle_server_hello(&mut self, hello: ServerHello, keys: &KeyLog) {
        self.server_hello = Some(hello);
        self.server.forget_hello();
        let Some(client) = &self.client_hello else { return };
        let Some(secrets) = keys.secrets(&client.random) else {
            self.reading = Reading::NoKeys;
            return;
        };
        let Some(suite) = hello.suite else {
            self.reading = Reading::Unsupported;
            return;
        };
        let chains = match hello.version {
            Version::Tls13 => {
                let is_known = |secrets: &[Option<Vec<u8>>; 2]| secrets.iter().any(Option::is_some);
                (is_known(&secrets.client) || is_known(&secrets.server)).then(|| {
                    let chain = |secrets| Some(Chain::of_13(suite, secrets));
                    (chain(&secrets.client), chain(&secrets.server))
                })
            }
            Version::Tls12 => chains_12(client, &hello, secrets),
            Version::Other => None,
        };
        self.reading = if chains.is_some() { Reading::Open } else { Reading::NoKeys };
        let (client, server) = chains.unwrap_or_default();
        self.client.use_keys(client);
        self.server.use_keys(server);
    }
}

/// The keys of both directions out of the key block (RFC 5246, section 6.3).
fn chains_12(
    client: &ClientHello,
    server: &ServerHello,
    secrets: &Secrets,
) -> Option<(Option<Chain>, Option<Chain>)> {
    let (suite, master) = (server.suite?, secrets.master.as_ref()?);
    let (mac, key, iv) = (suite.cipher.mac_len(), suite.cipher.key_len(), suite.cipher.iv_len_12());
    let seed: [&[u8]; 2] = [&server.random, &client.random];
    let block = schedule::prf(suite.hash, master, b"key expansion", &seed, 2 * (mac + key + iv));
    let mut rest = &block[..];
    let mut take = |len: usize| {
        let (taken, left) = rest.split_at_checked(len)?;
        rest = left;
        Some(taken)
    };
    let (client_mac, server_mac) = (take(mac)?, take(mac)?);
    let (client_key, server_key) = (take(key)?, take(key)?);
    let (client_iv, server_iv) = (take(iv)?, take(iv)?);
    let chain =
        |mac_key, key, iv| Keys::of_12(suite, mac_key, key, iv, server.encrypt_then_mac).map(Chain::of_12);
    Some((chain(client_mac, client_key, client_iv), chain(server_mac, server_key, server_iv)))
}
