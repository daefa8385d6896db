//! The origin line (RFC 8866, section 5.2): who made a description, and which version of it this is.

use std::net::IpAddr;

use crate::address;

/// `o=alice 2890844526 2890844527 IN IP4 192.0.2.1`
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// The user, `-` where there is none.
    pub username: String,
    /// Names the session, and with the user and the address does so for the whole world; a number by the RFC,
    /// not by all who send it.
    pub session_id: String,
    /// Grows by one with each change; `None` where it is no number.
    pub version: Option<u64>,
    /// The machine that made it; `None` where it is a host name.
    pub address: Option<IpAddr>,
}

impl Origin {
    /// Reads the value of an `o=` line, as much of it as there is.
    pub(crate) fn read(value: &str) -> Option<Origin> {
        let mut words = value.split_ascii_whitespace();
        let username = words.next()?.to_owned();
        let session_id = words.next()?.to_owned();
        let version = words.next().and_then(|version| version.parse().ok());
        Some(Origin { username, session_id, version, address: words.find_map(address::read) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_much_as_there_is() {
        let whole = Origin::read("alice 7 8 IN IP4 192.0.2.1").unwrap();
        assert_eq!(
            (whole.username.as_str(), whole.session_id.as_str(), whole.version),
            ("alice", "7", Some(8))
        );
        assert_eq!(whole.address, Some("192.0.2.1".parse().unwrap()));
        let odd = Origin::read("-  x7 99999999999999999999999 IN IP4 host").unwrap();
        assert_eq!((odd.session_id.as_str(), odd.version, odd.address), ("x7", None, None));
        assert_eq!(Origin::read("alice"), None);
    }
}
