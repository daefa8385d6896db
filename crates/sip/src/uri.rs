//! The parts of a URI that name somebody: user, host and port of `sip:` and `sips:` (RFC 3261, section 19.1), the
//! number of `tel:` (RFC 3966). A `urn:` has neither.
//!
//! Read by hand: `rsip` takes the user of `sip:john.doe@h` for none, and knows neither `tel:` nor `urn:`.

use std::borrow::Cow;

/// A URI, taken apart without a copy. Every part may be missing; none is checked beyond finding where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UriView<'a> {
    /// What stands before the first colon, where it is a scheme and not a host.
    pub scheme: Option<&'a str>,
    /// The user as it was sent, escapes and all, without password and user parameters.
    pub user: Option<&'a str>,
    /// The host, an IPv6 address without its brackets.
    pub host: Option<&'a str>,
    /// The port, where one was named.
    pub port: Option<u16>,
    /// What follows the host: `;transport=tcp?Replaces=...`, or the parameters of a `tel:`.
    pub parameters: &'a str,
}

impl<'a> UriView<'a> {
    /// Takes a URI apart.
    #[must_use]
    pub fn of(uri: &'a str) -> UriView<'a> {
        let uri = uri.trim();
        let (scheme, rest) = split_scheme(uri);
        match scheme {
            Some(name) if name.eq_ignore_ascii_case("tel") => UriView::telephone(scheme, rest),
            Some(name) if name.eq_ignore_ascii_case("urn") => UriView { scheme, ..UriView::default() },
            _ => UriView::address(scheme, rest),
        }
    }

    /// The user with its escapes decoded: `%2B49` is `+49`.
    #[must_use]
    pub fn decoded_user(self) -> Option<Cow<'a, str>> {
        self.user.map(decoded)
    }

    fn telephone(scheme: Option<&'a str>, rest: &'a str) -> UriView<'a> {
        let (number, parameters) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        UriView { scheme, user: present(number), parameters, ..UriView::default() }
    }

    fn address(scheme: Option<&'a str>, rest: &'a str) -> UriView<'a> {
        let (user, rest) = split_user(rest);
        let (host_port, parameters) = rest.split_at(rest.find([';', '?', '>']).unwrap_or(rest.len()));
        let (host, port) = split_port(host_port);
        UriView { scheme, user: user.and_then(bare_user), host: present(host), port, parameters }
    }
}

/// A word before a colon is a scheme unless it could be a host or a user with a password.
fn split_scheme(uri: &str) -> (Option<&str>, &str) {
    const SCHEMES: [&str; 6] = ["sip", "sips", "tel", "urn", "im", "pres"];
    match uri.split_once(':') {
        Some((name, rest)) if SCHEMES.iter().any(|scheme| name.eq_ignore_ascii_case(scheme)) => {
            (Some(name), rest)
        }
        _ => (None, uri),
    }
}

/// Cuts at the `@`. A user may hold `;` and `?`, so that the first `@` counts; where the host has another one,
/// as in `alice@example.com@proxy`, the user goes up to that.
fn split_user(rest: &str) -> (Option<&str>, &str) {
    let Some(first) = rest.find('@') else { return (None, rest) };
    let host_from = first + 1;
    let host = rest.get(host_from..).unwrap_or_default();
    let host = host.split([';', '?']).next().unwrap_or_default();
    let at = host.rfind('@').map_or(first, |further| host_from + further);
    (rest.get(..at), rest.get(at + 1..).unwrap_or_default())
}

/// Without the password and without parameters such as `;phone-context=`.
fn bare_user(user: &str) -> Option<&str> {
    present(user.split([':', ';']).next().unwrap_or_default())
}

/// `host:port`, the brackets of an IPv6 address taken off.
pub(crate) fn split_port(host_port: &str) -> (&str, Option<u16>) {
    let host_port = host_port.trim();
    if let Some(inner) = host_port.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').unwrap_or((inner, ""));
        return (address, rest.strip_prefix(':').and_then(|port| port.trim().parse().ok()));
    }
    match host_port.split_once(':') {
        // More than one colon: an IPv6 address that lacks its brackets.
        Some((_, port)) if port.contains(':') => (host_port, None),
        Some((host, port)) => (host.trim(), port.trim().parse().ok()),
        None => (host_port, None),
    }
}

fn present(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Percent escapes decoded (RFC 3986, section 2.1); one that is none stays as it is.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = match (first, after) {
            (b'%', &[high, low, ..]) => hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(escape.unwrap_or(first));
        rest = after.get(if escape.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    Cow::Owned(crate::text::plain(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user_host(uri: &str) -> (Option<String>, Option<&str>, Option<u16>) {
        let view = UriView::of(uri);
        (view.decoded_user().map(Cow::into_owned), view.host, view.port)
    }

    #[test]
    fn takes_uris_apart() {
        for (uri, user, host, port) in [
            ("sip:alice@example.com", Some("alice"), Some("example.com"), None),
            (
                "sips:alice:secret@example.com:5061;transport=tcp?x=y@z",
                Some("alice"),
                Some("example.com"),
                Some(5061),
            ),
            ("sip:john.doe@10.0.0.1:5060", Some("john.doe"), Some("10.0.0.1"), Some(5060)),
            ("sip:+49301234;phone-context=x@h", Some("+49301234"), Some("h"), None),
            ("sip:%2B49301234@h", Some("+49301234"), Some("h"), None),
            ("sip:50%@h", Some("50%"), Some("h"), None),
            ("sip:a@[2001:db8::1]:5070;lr", Some("a"), Some("2001:db8::1"), Some(5070)),
            ("sip:a@2001:db8::1", Some("a"), Some("2001:db8::1"), None),
            ("sip:example.com", None, Some("example.com"), None),
            ("sip:alice@example.com@proxy:5060", Some("alice@example.com"), Some("proxy"), Some(5060)),
            ("sip:@example.com", None, Some("example.com"), None),
            ("sip:a@h:99999", Some("a"), Some("h"), None),
            ("SIP:a@h", Some("a"), Some("h"), None),
            ("alice@example.com", Some("alice"), Some("example.com"), None),
            ("tel:+4930123456;phone-context=x", Some("+4930123456"), None, None),
            ("urn:service:sos", None, None, None),
            ("", None, None, None),
            ("sip:", None, None, None),
        ] {
            assert_eq!(user_host(uri), (user.map(str::to_owned), host, port), "{uri}");
        }
    }

    proptest! {
        /// Where `rsip` understands the whole of a URI, it must find the same in it.
        #[test]
        fn agrees_with_rsip(uri in "sips?:([a-z0-9+_-]{1,12}(:[a-z0-9]{1,5})?@)?[a-z0-9-]{1,8}(\\.[a-z]{2,4}){0,2}(:[1-9][0-9]{0,3})?(;[a-z]{1,5}=[a-z0-9]{1,5}){0,3}") {
            let theirs = rsip::Uri::try_from(uri.as_str());
            let ours = UriView::of(&uri);
            if let Ok(theirs) = theirs && theirs.to_string() == uri {
                prop_assert_eq!(ours.user, theirs.user());
                let host = theirs.host().to_string();
                prop_assert_eq!(ours.host, Some(host.as_str()));
                prop_assert_eq!(ours.port, theirs.port().map(|port| *port.value()));
            }
        }

        #[test]
        fn never_panics(uri in "\\PC{0,60}") {
            let _ = UriView::of(&uri).decoded_user();
        }
    }
}
