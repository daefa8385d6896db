//! `name-addr` and `addr-spec` (RFC 3261, sections 20.10 and 25.1): what From, To, Contact and the identity headers
//! hold. One value; lists are split before they come here.

use std::borrow::Cow;

use crate::list;
use crate::uri::UriView;

/// A party as a header names it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NameAddress {
    /// The display name without quotes and escapes; `None` where there is none or an empty one.
    pub display: Option<String>,
    /// The URI as it was sent, without angle brackets.
    pub uri: String,
    /// The tag: who of those a request was forked to, and half of a dialog's name.
    pub tag: Option<String>,
    /// The other parameters of the header, values without quotes; at most [`NameAddress::MOST_PARAMETERS`].
    pub parameters: Vec<(String, Option<String>)>,
    /// The user where it had escapes; `uri` holds it otherwise.
    decoded_user: Option<String>,
}

impl NameAddress {
    /// How many parameters are kept; the tag is found behind any number.
    pub const MOST_PARAMETERS: usize = 32;

    /// Reads one value of a header. Never fails: what has no brackets is a URI.
    #[must_use]
    pub fn read(value: &str) -> NameAddress {
        let (display, uri, parameters) = taken_apart(value.trim());
        let mut read =
            NameAddress { display: display_name(display), uri: uri.to_owned(), ..Default::default() };
        read.decoded_user = match UriView::of(uri).decoded_user() {
            Some(Cow::Owned(decoded)) => Some(decoded),
            _ => None,
        };
        for (name, value) in list::split(parameters, b';').map(list::parameter) {
            read.take_parameter(name, value);
        }
        read
    }

    /// The user of a `sip:` or `sips:` URI or the number of a `tel:`, escapes decoded.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.decoded_user.as_deref().or_else(|| self.view().user)
    }

    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.view().host
    }

    /// The port, where the URI names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.view().port
    }

    /// The URI taken apart.
    #[must_use]
    pub fn view(&self) -> UriView<'_> {
        UriView::of(&self.uri)
    }

    /// The value of a parameter of the header, by its name in any case; empty where it has none.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    fn take_parameter(&mut self, name: &str, value: Option<&str>) {
        if name.is_empty() {
            return;
        }
        if name.eq_ignore_ascii_case("tag") {
            let value = value.map(list::unquoted).filter(|tag| !tag.is_empty());
            self.tag = self.tag.take().or(value);
        } else if self.parameters.len() < NameAddress::MOST_PARAMETERS {
            self.parameters.push((name.to_owned(), value.map(list::unquoted)));
        }
    }
}

/// Display name, URI and parameters, each as it was sent.
fn taken_apart(value: &str) -> (&str, &str, &str) {
    let name_end = match value.starts_with('"') {
        true => list::closing_quote(value, 0).map_or(0, |close| close + 1),
        false => 0,
    };
    let (name, rest) = value.split_at_checked(name_end).unwrap_or(("", value));
    if let Some((before, bracketed)) = rest.split_once('<') {
        let name = value.get(..name.len() + before.len()).unwrap_or(name);
        // Without its closing bracket the URI cannot be told from the parameters: the first one ends it.
        let (uri, after) = match bracketed.split_once('>') {
            Some((uri, after)) => (uri, after.split_once(';').map_or("", |(_, parameters)| parameters)),
            None => bracketed.split_once(';').unwrap_or((bracketed, "")),
        };
        return (name.trim(), uri.trim(), after);
    }
    // RFC 3261, section 20: without brackets every parameter belongs to the header.
    let (uri, parameters) = split_bare(rest);
    (name, uri.trim(), parameters)
}

/// The user of a bare URI may hold a `;` of its own, as long as an `@` follows it and the user has no host yet.
fn split_bare(rest: &str) -> (&str, &str) {
    let from = match (rest.find(';'), rest.find('@')) {
        (Some(semicolon), Some(at)) if semicolon < at && !opens_tag(rest, semicolon) => at,
        _ => 0,
    };
    let Some(at) = rest.get(from..).and_then(|rest| rest.find(';')).map(|at| from + at) else {
        return (rest, "");
    };
    (rest.get(..at).unwrap_or(rest), rest.get(at + 1..).unwrap_or_default())
}

/// `sip:h;tag=1@h` has a tag with an `@` in it, not a user.
fn opens_tag(rest: &str, semicolon: usize) -> bool {
    let name = rest.get(semicolon + 1..).and_then(|rest| rest.split('=').next()).unwrap_or_default();
    name.trim().eq_ignore_ascii_case("tag")
}

fn display_name(display: &str) -> Option<String> {
    let name = if display.starts_with('"') && display.len() > 1 && display.ends_with('"') {
        list::unquoted(display)
    } else {
        display.trim_matches('"').to_owned()
    };
    Some(name).filter(|name| !name.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(value: &str) -> (Option<String>, String, Option<String>) {
        let read = NameAddress::read(value);
        (read.display, read.uri, read.tag)
    }

    #[test]
    fn reads_every_form() {
        for (value, display, uri, tag) in [
            ("<sip:a@h>;tag=1", None, "sip:a@h", Some("1")),
            ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
            ("sip:a@h", None, "sip:a@h", None),
            ("Alice Liddell <sip:a@h>;TAG=Xy", Some("Alice Liddell"), "sip:a@h", Some("Xy")),
            (
                r#""Liddell, \"A\" <x>;tag=no" <sip:a@h>;x=y;tag=1"#,
                Some(r#"Liddell, "A" <x>;tag=no"#),
                "sip:a@h",
                Some("1"),
            ),
            (r#""" <sip:a@h;user=phone>;tag=1"#, None, "sip:a@h;user=phone", Some("1")),
            (r#""Alice"<sip:a@h> ; tag = 1 "#, Some("Alice"), "sip:a@h", Some("1")),
            (r#""Alice" sip:a@h;tag=1"#, Some("Alice"), "sip:a@h", Some("1")),
            (r#""Alice <sip:a@h>;tag=1"#, Some("Alice"), "sip:a@h", Some("1")),
            ("<sip:a@h;tag=1", None, "sip:a@h", Some("1")),
            ("<tel:+49301234>;tag=1", None, "tel:+49301234", Some("1")),
            ("sip:+49301234;phone-context=x@h;tag=1", None, "sip:+49301234;phone-context=x@h", Some("1")),
            ("sip:h;tag=1@2", None, "sip:h", Some("1@2")),
            ("<sip:a@h>;tag=", None, "sip:a@h", None),
            ("<sip:a@h>;tag=1;tag=2", None, "sip:a@h", Some("1")),
            (r#"Jörg <sip:j@h>;tag="q;1""#, Some("Jörg"), "sip:j@h", Some("q;1")),
            ("", None, "", None),
            ("\"", None, "\"", None),
        ] {
            assert_eq!(
                parts(value),
                (display.map(str::to_owned), uri.to_owned(), tag.map(str::to_owned)),
                "{value}"
            );
        }
    }

    #[test]
    fn names_user_and_host() {
        let read = NameAddress::read("<sip:%2B4930@[2001:db8::1]:5062>;q=0.5;lr");
        assert_eq!((read.user(), read.host(), read.port()), (Some("+4930"), Some("2001:db8::1"), Some(5062)));
        assert_eq!(
            (read.parameter("Q"), read.parameter("lr"), read.parameter("x")),
            (Some("0.5"), Some(""), None)
        );
    }

    #[test]
    fn keeps_a_bounded_number_of_parameters_and_the_tag_behind_them() {
        let read = NameAddress::read(&format!("<sip:a@h>{};tag=1", ";x".repeat(10_000)));
        assert_eq!(read.parameters.len(), NameAddress::MOST_PARAMETERS);
        assert_eq!(read.tag.as_deref(), Some("1"));
    }

    proptest! {
        #[test]
        fn gives_back_what_was_put_in(display in "[ -~]{0,20}", user in "[a-z0-9.+-]{1,10}", tag in "[A-Za-z0-9.-]{1,12}") {
            let escaped = display.replace('\\', "\\\\").replace('"', "\\\"");
            let read = NameAddress::read(&format!("\"{escaped}\" <sip:{user}@example.com>;tag={tag}"));
            let shown = read.display.unwrap_or_default();
            prop_assert_eq!(shown.trim(), display.trim());
            prop_assert_eq!(read.tag.as_deref(), Some(tag.as_str()));
            prop_assert_eq!(read.uri, format!("sip:{user}@example.com"));
        }

        #[test]
        fn never_panics(value in "[\"<>;,@\\\\=: a%é]{0,40}") {
            let _ = NameAddress::read(&value).user();
        }
    }
}
