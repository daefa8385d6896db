//! Keys for SRTP in the description itself (RFC 4568). A key is never shown: not in logs, not by `Debug`.

use std::fmt;

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

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_and_does_not_show_them() {
        let crypto = Crypto::read("1 aes_cm_128_hmac_sha1_80 inline:c2VjcmV0|2^20|1:4 KDR=1").unwrap();
        assert_eq!((crypto.tag, crypto.suite.as_str()), (1, "AES_CM_128_HMAC_SHA1_80"));
        assert_eq!(crypto.key_params, "inline:c2VjcmV0|2^20|1:4");
        assert!(!format!("{crypto:?}").contains("c2VjcmV0"));
        assert_eq!(Crypto::read("1 AES_CM_128_HMAC_SHA1_80"), None);
    }
}
