//! One record, opened: the AEAD forms of TLS 1.2 (RFC 5288, RFC 7905) and 1.3 (RFC 8446, section 5.2), and CBC with its
//! code before or after the encryption (RFC 5246, section 6.2.3.2; RFC 7366).

use std::fmt;

use aes::cipher::BlockCipherDecrypt;
use aes::{Aes128, Aes256};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;

use crate::half::Header;
use crate::schedule;
use crate::suite::{Cipher, Mac, Suite};

/// A record's kind and what is in it.
pub(crate) type Opened = (u8, Vec<u8>);

/// The keys of one direction.
pub(crate) enum Keys {
    /// TLS 1.3.
    Aead13 { cipher: AeadCipher, iv: Vec<u8> },
    /// TLS 1.2: the nonce is derived in part, and in part stands in the record.
    Aead12 { cipher: AeadCipher, iv: Vec<u8> },
    /// TLS 1.2.
    Cbc { cipher: BlockCipher, mac: Mac, mac_key: Vec<u8>, encrypt_then_mac: bool },
}

pub(crate) enum AeadCipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
    ChaCha20(Box<ChaCha20Poly1305>),
}

pub(crate) enum BlockCipher {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
}

const BLOCK: usize = 16;
/// The part of the nonce that a record of AES-GCM has with it.
const EXPLICIT: usize = 8;
const TAG: usize = 16;

impl Keys {
    /// The keys that a traffic secret of TLS 1.3 gives.
    pub(crate) fn of_13(suite: Suite, secret: &[u8]) -> Option<Keys> {
        let key = schedule::expand_label(suite.hash, secret, "key", suite.cipher.key_len());
        let iv = schedule::expand_label(suite.hash, secret, "iv", 12);
        Some(Keys::Aead13 { cipher: AeadCipher::new(suite.cipher, &key)?, iv })
    }

    /// The keys of TLS 1.2, as they stand in the key block (RFC 5246, section 6.3).
    pub(crate) fn of_12(
        suite: Suite,
        mac_key: &[u8],
        key: &[u8],
        iv: &[u8],
        encrypt_then_mac: bool,
    ) -> Option<Keys> {
        let cbc = |cipher, mac| Keys::Cbc { cipher, mac, mac_key: mac_key.to_vec(), encrypt_then_mac };
        Some(match suite.cipher {
            Cipher::Aes128Cbc(mac) => {
                cbc(BlockCipher::Aes128(Box::new(Aes128::new_from_slice(key).ok()?)), mac)
            }
            Cipher::Aes256Cbc(mac) => {
                cbc(BlockCipher::Aes256(Box::new(Aes256::new_from_slice(key).ok()?)), mac)
            }
            cipher => Keys::Aead12 { cipher: AeadCipher::new(cipher, key)?, iv: iv.to_vec() },
        })
    }

    /// Opens the record of the number `number`; `None` where it is none of these keys.
    pub(crate) fn open(&self, number: u64, header: Header, body: &[u8]) -> Option<Opened> {
        match self {
            Keys::Aead13 { cipher, iv } => {
                let inner = cipher.open(&nonce(iv, number), &header.octets(), body)?;
                inner_plaintext(inner)
            }
            Keys::Aead12 { cipher, iv } if iv.len() + EXPLICIT == 12 => {
                let (explicit, sealed) = body.split_at_checked(EXPLICIT)?;
                let about = about(number, header, sealed.len().checked_sub(TAG)?);
                Some((header.kind, cipher.open(&[iv, explicit].concat(), &about, sealed)?))
            }
            Keys::Aead12 { cipher, iv } => {
                let about = about(number, header, body.len().checked_sub(TAG)?);
                Some((header.kind, cipher.open(&nonce(iv, number), &about, body)?))
            }
            Keys::Cbc { cipher, mac, mac_key, encrypt_then_mac: true } => {
                let (sealed, code) = body.split_at_checked(body.len().checked_sub(mac.len())?)?;
                let about = about(number, header, sealed.len());
                if schedule::hmac(*mac, mac_key, &[&about, sealed]) != code {
                    return None;
                }
                Some((header.kind, without_padding(cipher.decrypt(sealed)?)?))
            }
            Keys::Cbc { cipher, mac, mac_key, encrypt_then_mac: false } => {
                let mut content = without_padding(cipher.decrypt(body)?)?;
                let code = content.split_off(content.len().checked_sub(mac.len())?);
                let about = about(number, header, content.len());
                let right = schedule::hmac(*mac, mac_key, &[&about, &content]) == code;
                right.then_some((header.kind, content))
            }
        }
    }
}

/// Keys are nobody's business.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// What TLS 1.2 authenticates beside the content: number, kind, version, length.
fn about(number: u64, header: Header, len: usize) -> Vec<u8> {
    let [kind, major, minor, ..] = header.octets();
    [&number.to_be_bytes()[..], &[kind, major, minor], &(len as u16).to_be_bytes()].concat()
}

/// The derived nonce with the record's number in its end.
fn nonce(iv: &[u8], number: u64) -> Vec<u8> {
    let mut nonce = iv.to_vec();
    for (octet, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
        *octet ^= number;
    }
    nonce
}

/// Content, kind, and zeros behind it.
fn inner_plaintext(mut inner: Vec<u8>) -> Option<Opened> {
    let end = inner.iter().rposition(|&octet| octet != 0)?;
    let kind = *inner.get(end)?;
    inner.truncate(end);
    Some((kind, inner))
}

/// The last octet says how many equal ones stand before it.
fn without_padding(mut content: Vec<u8>) -> Option<Vec<u8>> {
    let padding = *content.last()?;
    let len = content.len().checked_sub(usize::from(padding) + 1)?;
    let padded = content.split_off(len);
    padded.iter().all(|&octet| octet == padding).then_some(content)
}

impl AeadCipher {
    fn new(cipher: Cipher, key: &[u8]) -> Option<AeadCipher> {
        match cipher {
            Cipher::Aes128Gcm => Some(AeadCipher::Aes128(Box::new(Aes128Gcm::new_from_slice(key).ok()?))),
            Cipher::Aes256Gcm => Some(AeadCipher::Aes256(Box::new(Aes256Gcm::new_from_slice(key).ok()?))),
            Cipher::ChaCha20Poly1305 => {
                Some(AeadCipher::ChaCha20(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?)))
            }
            Cipher::Aes128Cbc(_) | Cipher::Aes256Cbc(_) => None,
        }
    }

    fn open(&self, nonce: &[u8], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
        let nonce = nonce.try_into().ok()?;
        let payload = Payload { msg, aad };
        match self {
            AeadCipher::Aes128(cipher) => cipher.decrypt(nonce, payload),
            AeadCipher::Aes256(cipher) => cipher.decrypt(nonce, payload),
            AeadCipher::ChaCha20(cipher) => cipher.decrypt(nonce, payload),
        }
        .ok()
    }
}

impl BlockCipher {
    /// Cipher block chaining, the first block being the one before the content.
    fn decrypt(&self, octets: &[u8]) -> Option<Vec<u8>> {
        let (blocks, []) = octets.as_chunks::<BLOCK>() else { return None };
        let mut plain = Vec::with_capacity(octets.len());
        for (before, block) in blocks.iter().zip(blocks.iter().skip(1)) {
            let mut opened = (*block).into();
            match self {
                BlockCipher::Aes128(cipher) => cipher.decrypt_block(&mut opened),
                BlockCipher::Aes256(cipher) => cipher.decrypt_block(&mut opened),
            }
            plain.extend(opened.iter().zip(before).map(|(octet, before)| octet ^ before));
        }
        Some(plain)
    }
}
