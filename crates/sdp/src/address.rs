//! Addresses as descriptions write them (RFC 8866, section 5.7). A host name is no address: a watcher resolves none.

use std::net::IpAddr;

/// The address of `192.0.2.1`, `224.2.1.1/127/3`, `[2001:db8::1]` or `fe80::1%eth0`; `None` for a host name.
pub(crate) fn read(text: &str) -> Option<IpAddr> {
    let text = text.split(['/', '%']).next().unwrap_or_default();
    text.trim_matches(['[', ']']).parse().ok()
}

/// The first word of a `c=` or an `a=rtcp` that is an address, whatever stands before it.
pub(crate) fn find(text: &str) -> Option<IpAddr> {
    text.split_ascii_whitespace().find_map(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_stands_around_an_address() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("224.2.1.1/127/3", "224.2.1.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("IN IP4 0.0.0.0", "0.0.0.0"),
        ] {
            assert_eq!(find(text), Some(address.parse().unwrap()), "{text}");
        }
        assert_eq!(find("IN IP4 host.example"), None);
        assert_eq!(find(""), None);
    }
}
