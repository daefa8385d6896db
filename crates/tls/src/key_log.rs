//! The key log of NSS, which OpenSSL, browsers and many stacks write (SSLKEYLOGFILE): one secret a line, by the random
//! of the connection's client.

use std::fmt;

use foldhash::quality::RandomState;
use hashbrown::HashMap;

/// The secrets of connections.
#[derive(Clone, Default)]
pub struct KeyLog {
    connections: HashMap<Random, Secrets, RandomState>,
}

pub(crate) type Random = [u8; 32];

/// What is known of one connection.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// TLS 1.2.
    pub(crate) master: Option<Vec<u8>>,
    /// TLS 1.3, in the order in which they come into use.
    pub(crate) client: [Option<Vec<u8>>; 2],
    pub(crate) server: [Option<Vec<u8>>; 2],
}

/// A line that is none of a key log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Error {
    /// Which, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line. Nothing of the line is told: it may hold a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Not three words.
    #[error("a line has three words (label, client random, secret), not {0}")]
    Words(usize),
    /// The first word is no label.
    #[error("the first word is no label such as CLIENT_RANDOM")]
    Label,
    /// A client random that is none.
    #[error("the client random is not 64 hexadecimal digits")]
    Random,
    /// A secret that is none, or not as long as its label asks.
    #[error("the secret is not {0} hexadecimal digits")]
    Secret(&'static str),
}

impl KeyLog {
    /// Reads a key log. Labels of secrets that nothing here needs are passed over, and so are comments.
    ///
    /// # Errors
    /// Names the first line that is none of a key log.
    pub fn read(text: &[u8]) -> Result<KeyLog, Error> {
        let mut log = KeyLog::default();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (line, content) in (1..).zip(text.split(|&octet| octet == b'\n')) {
            log.read_line(content.trim_ascii()).map_err(|fault| Error { line, fault })?;
        }
        Ok(log)
    }

    /// Adds what another one knows.
    pub fn extend(&mut self, other: KeyLog) {
        for (random, secrets) in other.connections {
            self.connections.entry(random).or_default().extend(secrets);
        }
    }

    /// Of how many connections it knows something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Does it know nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub(crate) fn secrets(&self, random: &Random) -> Option<&Secrets> {
        self.connections.get(random)
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if matches!(line, [] | [b'#', ..]) {
            return Ok(());
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(label), Some(random), Some(secret), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Fault::Words(
                line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count(),
            ));
        };
        if !label.iter().all(|octet| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-')) {
            return Err(Fault::Label);
        }
        if label == b"RSA" || label.starts_with(b"RSA-") {
            // By the first octets of an encrypted premaster secret: an old form, for which there is no use.
            let both = unhex(random).and(unhex(secret));
            return both.map(drop).ok_or(Fault::Secret("an even number of"));
        }
        let random: Random = unhex(random).and_then(|random| random.try_into().ok()).ok_or(Fault::Random)?;
        let secret =
            unhex(secret).filter(|secret| !secret.is_empty()).ok_or(Fault::Secret("an even number of"))?;
        self.connections.entry(random).or_default().learn(label, secret)
    }
}

impl Secrets {
    fn learn(&mut self, label: &[u8], secret: Vec<u8>) -> Result<(), Fault> {
        let place = match label {
            b"CLIENT_RANDOM" => {
                if secret.len() != 48 {
                    return Err(Fault::Secret("96"));
                }
                self.master = Some(secret);
                return Ok(());
            }
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => self.client.first_mut(),
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => self.server.first_mut(),
            b"CLIENT_TRAFFIC_SECRET_0" => self.client.last_mut(),
            b"SERVER_TRAFFIC_SECRET_0" => self.server.last_mut(),
            _ => return Ok(()),
        };
        // As long as the hash of the cipher suite: SHA-256 or SHA-384.
        if !matches!(secret.len(), 32 | 48) {
            return Err(Fault::Secret("64 or 96"));
        }
        if let Some(place) = place {
            *place = Some(secret);
        }
        Ok(())
    }

    fn extend(&mut self, other: Secrets) {
        let all = |secrets: Secrets| [[secrets.master, None], secrets.client, secrets.server];
        let Secrets { master, client, server } = self;
        let [[other_master, _], other_client, other_server] = all(other);
        let own = std::iter::once(master).chain(client).chain(server);
        let others = std::iter::once(other_master).chain(other_client).chain(other_server);
        for (own, other) in own.zip(others) {
            *own = other.or(own.take());
        }
    }
}

/// Keys are nobody's business.
impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog of {} connections", self.connections.len())
    }
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let octet = |&[high, low]: &[u8; 2]| Some((digit(high)? * 16 + digit(low)?) as u8);
    if rest.is_empty() { pairs.iter().map(octet).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, random: usize, secret: usize) -> String {
        format!("{label} {} {}\n", "a1".repeat(random), "0F".repeat(secret))
    }

    #[test]
    fn reads_what_stacks_write() {
        let text = "\u{feff}# SSL/TLS secrets log file\r\n\r\n".to_owned()
            + &line("CLIENT_RANDOM", 32, 48)
            + &line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32, 48)
            + &line("SERVER_TRAFFIC_SECRET_0", 32, 32)
            + &line("EXPORTER_SECRET", 32, 64)
            + &line("RSA", 8, 48)
            + "RSA Session-ID:00 Master-Key:00";
        let error = KeyLog::read(text.as_bytes()).unwrap_err();
        assert_eq!((error.line, error.fault), (8, Fault::Secret("an even number of")));
        let text = text.rsplit_once('\n').unwrap().0;
        let log = KeyLog::read(text.as_bytes()).unwrap();
        assert_eq!((log.len(), format!("{log:?}").as_str()), (1, "KeyLog of 1 connections"));
        let secrets = log.secrets(&[0xa1; 32]).unwrap();
        assert_eq!(secrets.master, Some(vec![0x0f; 48]));
        assert_eq!(secrets.client, [Some(vec![0x0f; 48]), None]);
        assert_eq!(secrets.server, [None, Some(vec![0x0f; 32])]);
    }

    #[test]
    fn says_which_line_is_none_and_nothing_of_what_is_in_it() {
        for (bad, fault) in [
            ("hello".to_owned(), Fault::Words(1)),
            ("this is no key log".to_owned(), Fault::Words(5)),
            (line("client_random", 32, 48), Fault::Label),
            (line("CLIENT_RANDOM", 31, 48), Fault::Random),
            (line("CLIENT_RANDOM", 32, 47), Fault::Secret("96")),
            (line("CLIENT_TRAFFIC_SECRET_0", 32, 31), Fault::Secret("64 or 96")),
            (line("CLIENT_RANDOM", 32, 48).replace("0F", "0G"), Fault::Secret("an even number of")),
            (line("CLIENT_RANDOM", 32, 48).replace("a1", "ä1"), Fault::Random),
            ("\u{0}\u{1}\u{2}".to_owned(), Fault::Words(1)),
        ] {
            let error = KeyLog::read(format!("# good\n{bad}").as_bytes()).unwrap_err();
            assert_eq!((error.line, error.fault), (2, fault), "{bad:?}");
            assert!(error.to_string().starts_with("line 2: ") && !error.to_string().contains("0F"));
        }
    }

    #[test]
    fn what_comes_later_is_added() {
        let mut log = KeyLog::read(line("CLIENT_RANDOM", 32, 48).as_bytes()).unwrap();
        log.extend(KeyLog::read(line("CLIENT_TRAFFIC_SECRET_0", 32, 32).as_bytes()).unwrap());
        log.extend(KeyLog::default());
        let secrets = log.secrets(&[0xa1; 32]).unwrap();
        assert!(secrets.master.is_some() && secrets.client[1].is_some() && log.len() == 1);
    }
}
