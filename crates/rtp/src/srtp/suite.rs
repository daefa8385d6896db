//! The crypto suites by their registered names, and the master keys that go with them (RFC 4568, section 6.2;
//! RFC 6188, section 4; RFC 7714, section 14).

use std::fmt;

/// Which cipher and which proof of being genuine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suite {
    /// AES in counter mode, 128 bit, HMAC-SHA1 of 80 bit.
    AesCm128Sha1_80,
    /// The same with a tag of 32 bit.
    AesCm128Sha1_32,
    /// AES in counter mode, 256 bit, HMAC-SHA1 of 80 bit.
    AesCm256Sha1_80,
    /// The same with a tag of 32 bit.
    AesCm256Sha1_32,
    /// AES in Galois counter mode, 128 bit.
    AeadAes128Gcm,
    /// The same, 256 bit.
    AeadAes256Gcm,
}

impl Suite {
    /// Every suite that can be opened.
    pub const ALL: [Suite; 6] = [
        Suite::AesCm128Sha1_80,
        Suite::AesCm128Sha1_32,
        Suite::AesCm256Sha1_80,
        Suite::AesCm256Sha1_32,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
    ];

    /// The suite of that name in `a=crypto`, in upper case; `None` for one that is not known here.
    #[must_use]
    pub fn named(name: &str) -> Option<Suite> {
        Some(match name {
            "AES_CM_128_HMAC_SHA1_80" => Suite::AesCm128Sha1_80,
            "AES_CM_128_HMAC_SHA1_32" => Suite::AesCm128Sha1_32,
            "AES_256_CM_HMAC_SHA1_80" | "AES_CM_256_HMAC_SHA1_80" => Suite::AesCm256Sha1_80,
            "AES_256_CM_HMAC_SHA1_32" | "AES_CM_256_HMAC_SHA1_32" => Suite::AesCm256Sha1_32,
            "AEAD_AES_128_GCM" => Suite::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => Suite::AeadAes256Gcm,
            _ => return None,
        })
    }

    /// The suite of a DTLS-SRTP protection profile (RFC 5764, section 4.1.2; RFC 7714, section 14.2).
    #[must_use]
    pub const fn of_profile(number: u16) -> Option<Suite> {
        Some(match number {
            1 => Suite::AesCm128Sha1_80,
            2 => Suite::AesCm128Sha1_32,
            7 => Suite::AeadAes128Gcm,
            8 => Suite::AeadAes256Gcm,
            _ => return None,
        })
    }

    /// Octets of the master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Suite::AesCm128Sha1_80 | Suite::AesCm128Sha1_32 | Suite::AeadAes128Gcm => 16,
            Suite::AesCm256Sha1_80 | Suite::AesCm256Sha1_32 | Suite::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets behind the encrypted payload that prove the packet genuine.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Suite::AesCm128Sha1_80 | Suite::AesCm256Sha1_80 => 10,
            Suite::AesCm128Sha1_32 | Suite::AesCm256Sha1_32 => 4,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16,
        }
    }

    pub(super) const fn is_aead(self) -> bool {
        matches!(self, Suite::AeadAes128Gcm | Suite::AeadAes256Gcm)
    }
}

/// A master key with its salt, and the identifier that packets under it carry.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    pub(super) suite: Suite,
    pub(super) key: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) identifier: Vec<u8>,
}

impl MasterKey {
    /// `key_and_salt` as they stand together in SDP; `None` where their length is not the suite's. `identifier` is the
    /// MKI in network order, empty where there is none.
    #[must_use]
    pub fn new(suite: Suite, key_and_salt: &[u8], identifier: &[u8]) -> Option<MasterKey> {
        let (key, salt) = key_and_salt.split_at_checked(suite.key_len())?;
        let fits = salt.len() == suite.salt_len();
        let (key, salt, identifier) = (key.to_vec(), salt.to_vec(), identifier.to_vec());
        fits.then_some(MasterKey { suite, key, salt, identifier })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_length_of_its_suite_and_is_not_shown() {
        for suite in Suite::ALL {
            let fitting = vec![0x5a; suite.key_len() + suite.salt_len()];
            let key = MasterKey::new(suite, &fitting, &[]).unwrap();
            assert!(!format!("{key:?}").contains("90"), "0x5a is 90");
            assert_eq!(MasterKey::new(suite, &fitting[1..], &[]), None);
            assert_eq!(MasterKey::new(suite, &[&fitting[..], &[0]].concat(), &[]), None);
        }
        assert_eq!(Suite::named("AES_256_CM_HMAC_SHA1_80"), Some(Suite::AesCm256Sha1_80));
        assert_eq!((Suite::named("F8_128_HMAC_SHA1_80"), Suite::of_profile(5)), (None, None));
    }
}
