//! Session keys from a master key (RFC 3711, section 4.3; RFC 6188, section 3; RFC 7714, section 11). The derivation
//! rate is zero, as it is wherever SDP or DTLS set the keys.

use aes::{Aes128, Aes256};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};

use super::suite::MasterKey;

/// What packets are opened by.
pub(super) struct SessionKeys {
    pub(super) cipher: Vec<u8>,
    pub(super) authentication: [u8; AUTHENTICATION_LEN],
    pub(super) salt: [u8; SALT_LEN],
}

/// A salt as long as counter mode wants it; that of Galois counter mode has 12 octets and zeros behind them.
pub(super) const SALT_LEN: usize = 14;
const AUTHENTICATION_LEN: usize = 20;

/// What a derived key is for.
#[derive(Clone, Copy)]
enum Label {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

impl SessionKeys {
    pub(super) fn of(master: &MasterKey) -> SessionKeys {
        let mut cipher = vec![0; master.suite.key_len()];
        derive(master, Label::Encryption, &mut cipher);
        let mut authentication = [0; AUTHENTICATION_LEN];
        derive(master, Label::Authentication, &mut authentication);
        let mut salt = [0; SALT_LEN];
        if let Some(wanted) = salt.get_mut(..master.suite.salt_len()) {
            derive(master, Label::Salt, wanted);
        }
        SessionKeys { cipher, authentication, salt }
    }
}

/// Fills `derived`, which holds zeros, with the key stream under the master key: its counter begins at the master salt
/// with the label in its seventh octet, times 2^16.
fn derive(master: &MasterKey, label: Label, derived: &mut [u8]) {
    let mut counter = [0u8; 16];
    counter.iter_mut().zip(&master.salt).for_each(|(octet, salt)| *octet = *salt);
    if let Some(octet) = counter.get_mut(7) {
        *octet ^= label as u8;
    }
    apply(&master.key, &counter, derived);
}

/// Encrypts or decrypts `octets` in counter mode; a key of another length than AES has leaves them as they are.
pub(super) fn apply(key: &[u8], counter: &[u8; 16], octets: &mut [u8]) {
    if let Ok(mut stream) = Ctr128BE::<Aes128>::new_from_slices(key, counter) {
        stream.apply_keystream(octets);
    } else if let Ok(mut stream) = Ctr128BE::<Aes256>::new_from_slices(key, counter) {
        stream.apply_keystream(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::Suite;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
    }

    /// The test vectors of RFC 3711, appendix B.3.
    #[test]
    fn derives_the_keys_that_rfc_3711_shows() {
        let master = octets("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6");
        let keys = SessionKeys::of(&MasterKey::new(Suite::AesCm128Sha1_80, &master, &[]).unwrap());
        assert_eq!(keys.cipher, octets("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(keys.salt[..], octets("30cbbc08863d8c85d49db34a9ae1"));
        assert_eq!(keys.authentication[..], octets("cebe321f6ff7716b6fd4ab49af256a156d38baa4"));
    }
}
