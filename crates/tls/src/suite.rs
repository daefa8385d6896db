//! The cipher suites that can be opened, by their numbers in IANA's registry.

/// How a connection's records are sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Suite {
    pub(crate) cipher: Cipher,
    /// What keys are derived by.
    pub(crate) hash: Hash,
}

/// What seals a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Cbc(Mac),
    Aes256Cbc(Mac),
}

/// The hash of HKDF or of the pseudo-random function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

/// What authenticates the records of CBC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

impl Suite {
    /// A suite of TLS 1.3 (RFC 8446, appendix B.4).
    pub(crate) fn of_13(number: u16) -> Option<Suite> {
        let (cipher, hash) = match number {
            0x1301 => (Cipher::Aes128Gcm, Hash::Sha256),
            0x1302 => (Cipher::Aes256Gcm, Hash::Sha384),
            0x1303 => (Cipher::ChaCha20Poly1305, Hash::Sha256),
            _ => return None,
        };
        Some(Suite { cipher, hash })
    }

    /// A suite of TLS 1.2 (RFC 5246, 5288, 5289, 7905); how the key was agreed on does not matter here.
    pub(crate) fn of_12(number: u16) -> Option<Suite> {
        use Cipher::{Aes128Cbc, Aes128Gcm, Aes256Cbc, Aes256Gcm, ChaCha20Poly1305};
        use Hash::{Sha256, Sha384};
        let (cipher, hash) = match number {
            0x009c | 0x009e | 0x00a0 | 0x00a2 | 0x00a8 | 0xc02b | 0xc02d | 0xc02f | 0xc031 => {
                (Aes128Gcm, Sha256)
            }
            0x009d | 0x009f | 0x00a1 | 0x00a3 | 0x00a9 | 0xc02c | 0xc02e | 0xc030 | 0xc032 => {
                (Aes256Gcm, Sha384)
            }
            0xcca8..=0xccae => (ChaCha20Poly1305, Sha256),
            0x002f..=0x0034 | 0xc004 | 0xc009 | 0xc00e | 0xc013 => (Aes128Cbc(Mac::Sha1), Sha256),
            0x0035..=0x003a | 0xc005 | 0xc00a | 0xc00f | 0xc014 => (Aes256Cbc(Mac::Sha1), Sha256),
            0x003c | 0x003e..=0x0040 | 0x0067 | 0xc023 | 0xc025 | 0xc027 | 0xc029 => {
                (Aes128Cbc(Mac::Sha256), Sha256)
            }
            0x003d | 0x0068..=0x006b => (Aes256Cbc(Mac::Sha256), Sha256),
            0xc024 | 0xc026 | 0xc028 | 0xc02a => (Aes256Cbc(Mac::Sha384), Sha384),
            _ => return None,
        };
        Some(Suite { cipher, hash })
    }
}

impl Cipher {
    /// The length of its key.
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes128Cbc(_) => 16,
            Cipher::Aes256Gcm | Cipher::Aes256Cbc(_) | Cipher::ChaCha20Poly1305 => 32,
        }
    }

    /// The length of the part of the nonce that TLS 1.2 derives: of CBC none, as each record has its own.
    pub(crate) const fn iv_len_12(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => 4,
            Cipher::ChaCha20Poly1305 => 12,
            Cipher::Aes128Cbc(_) | Cipher::Aes256Cbc(_) => 0,
        }
    }

    /// The length of the key that authenticates, where it is one of its own.
    pub(crate) const fn mac_len(self) -> usize {
        match self {
            Cipher::Aes128Cbc(mac) | Cipher::Aes256Cbc(mac) => mac.len(),
            Cipher::Aes128Gcm | Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => 0,
        }
    }
}

impl Mac {
    /// The length of the code, and of its key.
    pub(crate) const fn len(self) -> usize {
        match self {
            Mac::Sha1 => 20,
            Mac::Sha256 => 32,
            Mac::Sha384 => 48,
        }
    }
}
