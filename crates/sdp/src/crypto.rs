//! Keys for SRTP in the description itself (RFC 4568). A key is never shown: not in logs, not by `Debug`.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:...`
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Which of several; the answer names the one it took.
    pub tag: u32,
    /// The suite, as registered.
    pub suite: String,
    /// The keys as they were sent: `inline:` and Base64, with lifetime and MKI. A secret.
    pub key_params: String,
}

impl Crypto {
    /// Reads the value of the attribute; parameters of the session behind the keys are left out.
    pub(crate) fn read(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = words.next()?.to_ascii_uppercase();
        Some(Crypto { tag, suite, key_params: words.next()?.to_owned() })
    }
}

/// One of the keys of a line, as octets. A secret, too.
#[derive(Clone, PartialEq, Eq)]
pub struct InlineKey {
    /// The master key and behind it the master salt.
    pub key_and_salt: Vec<u8>,
    /// The identifier that packets under this key carry (MKI), in network order; empty where they carry none.
    pub identifier: Vec<u8>,
}

impl Crypto {
    /// The keys of the line (RFC 4568, section 6.1); what is no key is left out. The lifetime is not looked at.
    #[must_use]
    pub fn keys(&self) -> Vec<InlineKey> {
        self.key_params.split(';').take(MOST_KEYS).filter_map(InlineKey::read).collect()
    }
}

impl InlineKey {
    /// `inline:Base64`, then `|lifetime` and `|MKI:length`, each only where it is.
    fn read(text: &str) -> Option<InlineKey> {
        let mut parts =
            text.split_once(':').filter(|(method, _)| method.eq_ignore_ascii_case("inline"))?.1.split('|');
        let key_and_salt = BASE64.decode(parts.next()?).ok()?;
        let identifier = parts.find_map(|part| part.split_once(':'));
        let identifier = match identifier {
            None => Vec::new(),
            Some((value, length)) => {
                let (value, length): (u128, usize) = (value.parse().ok()?, length.parse().ok()?);
                // Only zeros can stand before the 16 octets that a number has.
                let octets = [[0; LONGEST_IDENTIFIER - 16].as_slice(), &value.to_be_bytes()].concat();
                octets.get(LONGEST_IDENTIFIER.checked_sub(length)?..)?.to_vec()
            }
        };
        Some(InlineKey { key_and_salt, identifier })
    }
}

/// Writes `*` over every key in the session descriptions that `text` holds, wherever they stand in it: `a=crypto`
/// (RFC 4568), `a=key-mgmt` (RFC 4567) and `k=` (RFC 4566, section 5.12). Tells whether there was one.
pub fn blank_keys(text: &mut [u8]) -> bool {
    let mut blanked = false;
    for line in text.split_mut(|&byte| matches!(byte, b'\r' | b'\n')) {
        let from = match &*line {
            [b'a', b'=', rest @ ..] if starts_with(rest, b"crypto:") => find(line, b"inline:"),
            [b'a', b'=', rest @ ..] if starts_with(rest, b"key-mgmt:") => find(line, b" "),
            [b'k', b'=', ..] => find(line, b":"),
            _ => None,
        };
        for byte in
            line.iter_mut().skip(from.unwrap_or(usize::MAX)).filter(|byte| !byte.is_ascii_whitespace())
        {
            (*byte, blanked) = (b'*', true);
        }
    }
    blanked
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

/// Where `word` ends in `text`.
fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let at = text.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))?;
    Some(at + word.len())
}

impl fmt::Debug for InlineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineKey").finish_non_exhaustive()
    }
}

/// Some senders leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// RFC 4568, section 6.1.
const LONGEST_IDENTIFIER: usize = 128;
/// Several keys on one line are rare; more than these are none.
const MOST_KEYS: usize = 16;

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_every_key_and_nothing_else() {
        let mut text =
            b"k: 1\r\n\r\nv=0\r\nk=clear:pass\r\na=CRYPTO:1 X inline:c2Vj|2^20;inline:c2Vj KDR=1\r\n\
            a=key-mgmt:mikey AQAF\na=crypto:2 X\r\na=rtpmap:0 PCMU/8000\r\n"
                .to_vec();
        let len = text.len();
        assert!(blank_keys(&mut text));
        let expected = "k: 1\r\n\r\nv=0\r\nk=clear:****\r\na=CRYPTO:1 X inline:********************* *****\r\n\
            a=key-mgmt:mikey ****\na=crypto:2 X\r\na=rtpmap:0 PCMU/8000\r\n";
        assert_eq!((String::from_utf8_lossy(&text).as_ref(), text.len()), (expected, len));
        assert!(!blank_keys(&mut b"a=rtpmap:0 PCMU/8000\r\nk".to_vec()));
    }

    #[test]
    fn takes_the_octets_of_each_key() {
        let crypto =
            Crypto::read("1 X inline:AAEC|2^20|258:4;inline:/w==|7;INLINE:AAE;inline:!;other:AAEC").unwrap();
        let keys: Vec<_> = crypto.keys().into_iter().map(|key| (key.key_and_salt, key.identifier)).collect();
        assert_eq!(keys, [(vec![0, 1, 2], vec![0, 0, 1, 2]), (vec![0xff], vec![]), (vec![0, 1], vec![])]);
        let long = Crypto::read("1 X inline:AA==|1:20;inline:AA==|1:99999;inline:AA==|x:1").unwrap();
        assert_eq!(long.keys().iter().map(|key| key.identifier.len()).collect::<Vec<_>>(), [20]);
        assert_eq!(format!("{:?}", long.keys()), "[InlineKey { .. }]");
    }

    #[test]
    fn reads_keys_and_does_not_show_them() {
        let crypto = Crypto::read("1 aes_cm_128_hmac_sha1_80 inline:c2VjcmV0|2^20|1:4 KDR=1").unwrap();
        assert_eq!((crypto.tag, crypto.suite.as_str()), (1, "AES_CM_128_HMAC_SHA1_80"));
        assert_eq!(crypto.key_params, "inline:c2VjcmV0|2^20|1:4");
        assert!(!format!("{crypto:?}").contains("c2VjcmV0"));
        assert_eq!(Crypto::read("1 AES_CM_128_HMAC_SHA1_80"), None);
    }
}
