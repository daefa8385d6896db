//! Keys out of secrets: the pseudo-random function of TLS 1.2 (RFC 5246, section 5), and HKDF as TLS 1.3 uses it
//! (RFC 5869; RFC 8446, section 7.1).

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use crate::suite::{Hash, Mac};

/// HMAC over all parts in a row (RFC 2104).
pub(crate) fn hmac(mac: Mac, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    macro_rules! with {
        ($hash:ty) => {{
            let mut state = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes keys of any length");
            parts.iter().for_each(|part| state.update(part));
            state.finalize().into_bytes().to_vec()
        }};
    }
    match mac {
        Mac::Sha1 => with!(Sha1),
        Mac::Sha256 => with!(Sha256),
        Mac::Sha384 => with!(Sha384),
    }
}

impl Hash {
    const fn mac(self) -> Mac {
        match self {
            Hash::Sha256 => Mac::Sha256,
            Hash::Sha384 => Mac::Sha384,
        }
    }
}

/// `PRF(secret, label, seed)`, as many octets as asked for.
pub(crate) fn prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[&[u8]], len: usize) -> Vec<u8> {
    let mac = hash.mac();
    let label_and_seed = [&[label], seed].concat();
    let mut a = hmac(mac, secret, &label_and_seed);
    let mut out = Vec::with_capacity(len + mac.len());
    while out.len() < len {
        out.extend(hmac(mac, secret, &[&[&a[..]], &label_and_seed[..]].concat()));
        a = hmac(mac, secret, &[&a]);
    }
    out.truncate(len);
    out
}

/// `HKDF-Expand-Label(secret, label, "", len)`; no label here is longer than a block's output.
pub(crate) fn expand_label(hash: Hash, secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let info = [&(len as u16).to_be_bytes(), &[label.len() as u8][..], &label, &[0]].concat();
    let (mut out, mut block, mut counter) = (Vec::new(), Vec::new(), 1u8);
    while out.len() < len {
        block = hmac(hash.mac(), secret, &[&block, &info, &[counter]]);
        out.extend_from_slice(&block);
        counter = counter.wrapping_add(1);
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn unhex(digits: &str) -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 8448, section 3: the server's handshake traffic secret and its key and nonce.
    #[test]
    fn expands_as_the_trace_of_rfc_8448_does() {
        let secret = unhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(hex(&key), "3fce516009c21727d0f2e4e86ee403bc");
        assert_eq!(hex(&expand_label(Hash::Sha256, &secret, "iv", 12)), "5d313eb2671276ee13000b30");
    }

    /// The widely used vector of the TLS 1.2 function with SHA-256.
    #[test]
    fn is_the_pseudo_random_function() {
        let secret = unhex("9bbe436ba940f017b17652849a71db35");
        let seed = unhex("a0ba9f936cda311827a6f796ffd5198c");
        let out = prf(Hash::Sha256, &secret, b"test label", &[&seed], 100);
        assert!(hex(&out).starts_with("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"));
        assert!(hex(&out).ends_with("87347b66"));
    }
}
