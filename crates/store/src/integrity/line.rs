//! A signed line: an object of JSON whose last two members are the name of a key and a signature over all that stands
//! before `,"sig":`.

use super::key::{KeyName, PublicKey};

const BEFORE_KEY: &str = ",\"key\":\"";
const BEFORE_SIGNATURE: &str = ",\"sig\":\"";
const END: &str = "\"}";
/// A signature has 64 octets.
const SIGNATURE_PART: usize = BEFORE_SIGNATURE.len() + 128 + END.len();

pub(super) fn with_key(body: String, key: &KeyName) -> String {
    body + BEFORE_KEY + key.as_str() + "\""
}

pub(super) fn with_signature(body: String, signature: &[u8; 64]) -> String {
    let digits: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    body + BEFORE_SIGNATURE + &digits + END
}

/// Whether one of these keys signed a line.
pub(super) fn is_signed(line: &str, keys: &[PublicKey]) -> bool {
    parts(line).is_some_and(|(body, signature)| {
        let named = body.rsplit_once(BEFORE_KEY).and_then(|(_, name)| name.strip_suffix('"'));
        keys.iter().any(|key| named == Some(key.name.as_str()) && key.verifies(body, &signature))
    })
}

/// What is signed, and the signature.
fn parts(line: &str) -> Option<(&str, [u8; 64])> {
    let (body, end) = line.split_at_checked(line.len().checked_sub(SIGNATURE_PART)?)?;
    let digits = end.strip_prefix(BEFORE_SIGNATURE)?.strip_suffix(END)?;
    let mut signature = [0; 64];
    for (octet, pair) in signature.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    // One way to write it, so that no line can be changed and still hold.
    digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some((body, signature))
}
