//! The handshakes by which media agrees on its keys: DTLS 1.2 on the ports of RTP (RFC 6347, RFC 5764). Of a handshake
//! only both hellos are read. With the master secret of a key log they give the keys of SRTP by an exporter (RFC 5705).

use std::collections::BTreeMap;
use std::fmt;

use crate::key_log::{KeyLog, Random};
use crate::reader::Reader;
use crate::schedule;
use crate::suite::{Hash, Suite};

/// Reads the datagrams of one pair of endpoints, in both directions.
#[derive(Clone, Default, Debug)]
pub struct Handshake {
    client: Option<Random>,
    server: ServerHelloPieces,
}

/// What both hellos agree on. Of several handshakes with the same randoms there is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    client: Random,
    server: Random,
    /// The hash of the pseudo-random function; `None` where the cipher suite is not known here, and either may be it.
    hash: Option<Hash>,
    /// The SRTP protection profile, as registered.
    pub profile: u16,
    /// The identifier that packets carry (MKI); mostly empty.
    pub identifier: Vec<u8>,
}

/// A master key and behind it the master salt. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyAndSalt(pub Vec<u8>);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const DTLS_12: u16 = 0xfefd;
const USE_SRTP: u16 = 14;
const SUPPORTED_VERSIONS: u16 = 43;
/// What the exporter is asked for (RFC 5764, section 4.2).
const LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";

impl Handshake {
    /// Takes a datagram in, which may hold several records. Gives what was agreed on, each time that both hellos are there.
    pub fn handle_datagram(&mut self, datagram: &[u8]) -> Option<Agreement> {
        let mut records = Reader(datagram);
        let mut agreed = None;
        while let Some((kind, epoch, body)) = record(&mut records) {
            if kind != HANDSHAKE || epoch != 0 {
                continue;
            }
            let mut fragments = body;
            while let Some(fragment) = Fragment::read(&mut fragments) {
                agreed = self.handle_fragment(&fragment).or(agreed);
            }
        }
        agreed
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.server.pieces.values().map(Vec::len).sum()
    }

    fn handle_fragment(&mut self, fragment: &Fragment<'_>) -> Option<Agreement> {
        match fragment.message {
            // A client that was asked for a cookie says the same again; one that is another begins anew.
            CLIENT_HELLO if fragment.offset == 0 => {
                let mut hello = Reader(fragment.octets);
                hello.u16()?;
                let random = hello.random()?;
                if self.client.replace(random) != Some(random) {
                    self.server = ServerHelloPieces::default();
                }
                None
            }
            SERVER_HELLO => {
                let hello = self.server.add(fragment)?;
                Agreement::read(self.client?, &hello)
            }
            _ => None,
        }
    }
}

/// The kind, the epoch and the body of the next record (RFC 6347, section 4.1).
fn record<'a>(records: &mut Reader<'a>) -> Option<(u8, u16, Reader<'a>)> {
    let kind = records.u8()?;
    records.u16()?;
    let epoch = records.u16()?;
    records.take(6)?;
    Some((kind, epoch, records.vector_16()?))
}

/// A piece of a handshake message (RFC 6347, section 4.2.2).
struct Fragment<'a> {
    message: u8,
    length: usize,
    offset: usize,
    octets: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(fields: &mut Reader<'a>) -> Option<Fragment<'a>> {
        let message = fields.u8()?;
        let length = u24(fields)?;
        fields.u16()?;
        let offset = u24(fields)?;
        let here = u24(fields)?;
        Some(Fragment { message, length, offset, octets: fields.take(here)? })
    }
}

fn u24(fields: &mut Reader<'_>) -> Option<usize> {
    let (high, low) = (fields.u8()?, fields.u16()?);
    Some(usize::from(high) << 16 | usize::from(low))
}

/// A ServerHello that comes in pieces, in any order.
#[derive(Clone, Default, Debug)]
struct ServerHelloPieces {
    length: usize,
    pieces: BTreeMap<usize, Vec<u8>>,
}

/// No ServerHello is longer, and none is cut into more.
const LONGEST: usize = 4096;
const MOST_PIECES: usize = 16;

impl ServerHelloPieces {
    /// Adds a piece; gives the whole message, if that is the last.
    fn add(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        if fragment.length > LONGEST || fragment.offset + fragment.octets.len() > fragment.length {
            return None;
        }
        if fragment.length == fragment.octets.len() {
            return Some(fragment.octets.to_vec());
        }
        if self.length != fragment.length || self.pieces.len() >= MOST_PIECES {
            *self = ServerHelloPieces { length: fragment.length, pieces: BTreeMap::new() };
        }
        self.pieces.insert(fragment.offset, fragment.octets.to_vec());
        let mut whole = Vec::with_capacity(self.length);
        for (&offset, octets) in &self.pieces {
            let new = whole.len().checked_sub(offset)?;
            whole.extend_from_slice(octets.get(new..).unwrap_or_default());
        }
        (whole.len() == self.length).then(|| {
            self.pieces.clear();
            whole
        })
    }
}

impl Agreement {
    /// Reads the body of a ServerHello; `None` where it is another version's, or agrees on no SRTP.
    fn read(client: Random, hello: &[u8]) -> Option<Agreement> {
        let mut fields = Reader(hello);
        let version = fields.u16()?;
        let server = fields.random()?;
        fields.vector_8()?;
        let suite = fields.u16()?;
        fields.u8()?;
        let mut agreed = None;
        for (number, mut content) in fields.vector_16()?.extensions() {
            match number {
                // DTLS 1.3 has other secrets.
                SUPPORTED_VERSIONS => return None,
                USE_SRTP => {
                    let profile = content.vector_16()?.u16()?;
                    let identifier = content.vector_8().map(|identifier| identifier.0.to_vec());
                    agreed = Some((profile, identifier.unwrap_or_default()));
                }
                _ => {}
            }
        }
        let (profile, identifier) = agreed.filter(|_| version == DTLS_12)?;
        let hash = Suite::of_12(suite).map(|suite| suite.hash);
        Some(Agreement { client, server, hash, profile, identifier })
    }

    /// What each side writes by, as far as `keys` knows the secret: for a profile whose keys and salts have these lengths.
    /// The client's comes before the server's; where the hash is not known, those of either hash.
    #[must_use]
    pub fn keys(&self, keys: &KeyLog, key_len: usize, salt_len: usize) -> Vec<KeyAndSalt> {
        let Some(master) = keys.secrets(&self.client).and_then(|secrets| secrets.master.as_deref()) else {
            return Vec::new();
        };
        let hashes = self.hash.map_or(&[Hash::Sha256, Hash::Sha384][..], |hash| match hash {
            Hash::Sha256 => &[Hash::Sha256],
            Hash::Sha384 => &[Hash::Sha384],
        });
        let of_hash = |&hash: &Hash| {
            let seed = [&self.client[..], &self.server];
            let material = schedule::prf(hash, master, LABEL, &seed, 2 * (key_len + salt_len));
            let mut fields = Reader(&material);
            // Both keys, then both salts.
            let [client, server] = [fields.take(key_len), fields.take(key_len)];
            let both = [(client, fields.take(salt_len)), (server, fields.take(salt_len))];
            both.map(|(key, salt)| KeyAndSalt([key.unwrap_or_default(), salt.unwrap_or_default()].concat()))
        };
        hashes.iter().flat_map(of_hash).collect()
    }
}

/// Keys are nobody's business.
impl fmt::Debug for KeyAndSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyAndSalt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: Random = [0xc1; 32];
    const SERVER: Random = [0x5e; 32];

    /// A handshake message in pieces that end at `cuts`, a record each.
    fn message(kind: u8, body: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
        let ends: Vec<usize> = cuts.iter().copied().chain([body.len()]).collect();
        let begins = [0].into_iter().chain(cuts.iter().copied());
        let number = |length: usize| [0, (length >> 8) as u8, length as u8];
        let piece = |(begin, &end): (usize, &usize)| {
            let head =
                [&[kind][..], &number(body.len()), &[0, 0], &number(begin), &number(end - begin)].concat();
            let fragment = [&head, &body[begin..end]].concat();
            let length = (fragment.len() as u16).to_be_bytes();
            [&[HANDSHAKE, 0xfe, 0xfd][..], &[0; 8], &length, &fragment].concat()
        };
        begins.zip(&ends).map(piece).collect()
    }

    fn client_hello(random: Random) -> Vec<u8> {
        [&[0xfe, 0xfd][..], &random, &[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]].concat()
    }

    fn server_hello(version: u16, extensions: &[u8]) -> Vec<u8> {
        let length = (extensions.len() as u16).to_be_bytes();
        [&version.to_be_bytes()[..], &SERVER, &[0, 0xc0, 0x30, 0], &length, extensions].concat()
    }

    const SRTP: [u8; 9] = [0, 14, 0, 5, 0, 2, 0, 1, 0];

    fn agreed(datagrams: &[Vec<u8>]) -> Option<Agreement> {
        let mut handshake = Handshake::default();
        datagrams.iter().filter_map(|datagram| handshake.handle_datagram(datagram)).last()
    }

    #[test]
    fn both_hellos_agree_on_a_profile() {
        let client = message(CLIENT_HELLO, &client_hello(CLIENT), &[]);
        let server = message(SERVER_HELLO, &server_hello(DTLS_12, &SRTP), &[]);
        let expected = Agreement {
            client: CLIENT,
            server: SERVER,
            hash: Some(Hash::Sha384),
            profile: 1,
            identifier: vec![],
        };
        assert_eq!(agreed(&[client[0].clone(), server[0].clone()]), Some(expected.clone()));
        // Both in one datagram, and the client's once more, as after a request for a cookie.
        let all = [&client[0][..], &client[0], &server[0]].concat();
        assert_eq!(agreed(&[all]), Some(expected));
        assert_eq!(agreed(&server), None, "who the client is was not seen");
    }

    #[test]
    fn a_hello_in_pieces_is_read_in_any_order() {
        let client = message(CLIENT_HELLO, &client_hello(CLIENT), &[36])[0].clone();
        let server = message(SERVER_HELLO, &server_hello(DTLS_12, &SRTP), &[10, 33]);
        let order = [2, 0, 2, 1].map(|at: usize| server[at].clone());
        let all: Vec<_> = [client].into_iter().chain(order).collect();
        assert_eq!(agreed(&all).map(|agreed| agreed.profile), Some(1));
        assert_eq!(agreed(&all[..4]), None);
    }

    #[test]
    fn what_agrees_on_no_srtp_here_gives_nothing() {
        let client = message(CLIENT_HELLO, &client_hello(CLIENT), &[]).remove(0);
        for (version, extensions) in [
            (0xfeff, &SRTP[..]),
            (DTLS_12, &[]),
            (DTLS_12, &[0, 43, 0, 2, 0xfe, 0xfc]),
            (DTLS_12, &SRTP[..7]),
        ] {
            let server = message(SERVER_HELLO, &server_hello(version, extensions), &[]).remove(0);
            assert_eq!(agreed(&[client.clone(), server]), None, "{version:x} {extensions:?}");
        }
    }

    #[test]
    fn another_client_begins_anew() {
        let server = message(SERVER_HELLO, &server_hello(DTLS_12, &SRTP), &[20]);
        let first = message(CLIENT_HELLO, &client_hello(CLIENT), &[]).remove(0);
        let second = message(CLIENT_HELLO, &client_hello([7; 32]), &[]).remove(0);
        let all = [first, server[0].clone(), second, server[1].clone()];
        assert_eq!(agreed(&all), None, "half of the answer was to another");
    }

    #[test]
    fn keys_come_of_the_secret_and_are_not_shown() {
        let server = server_hello(DTLS_12, &SRTP);
        let agreement = Agreement::read(CLIENT, &server).unwrap();
        let line = format!("CLIENT_RANDOM {} {}", "c1".repeat(32), "0f".repeat(48));
        let keys = agreement.keys(&KeyLog::read(line.as_bytes()).unwrap(), 16, 14);
        assert_eq!(keys.iter().map(|key| key.0.len()).collect::<Vec<_>>(), [30, 30]);
        assert_ne!(keys[0], keys[1]);
        assert_eq!(format!("{:?}", keys[0]), "KeyAndSalt");
        assert!(agreement.keys(&KeyLog::default(), 16, 14).is_empty());
        let unknown = Agreement { hash: None, ..agreement };
        let either = unknown.keys(&KeyLog::read(line.as_bytes()).unwrap(), 16, 14);
        assert_eq!((either.len(), &either[2..]), (4, &keys[..]), "SHA-384 is the second");
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_much(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..40)) {
            let mut handshake = Handshake::default();
            for datagram in datagrams {
                let _ = handshake.handle_datagram(&[&[HANDSHAKE, 0xfe, 0xfd, 0, 0][..], &datagram].concat());
                prop_assert!(handshake.held() <= MOST_PIECES * LONGEST);
            }
        }
    }
}
