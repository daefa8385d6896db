//! Bytes of a header as text: UTF-8 where they are valid, Latin-1 where not, folded lines joined (RFC 3261,
//! sections 7.3.1 and 25.1). Borrowed wherever the bytes can stand as they came.

use std::borrow::Cow;

/// A header value as text: white space trimmed, folds replaced by one space.
pub(crate) fn value(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = trim(bytes);
    if bytes.contains(&b'\n') { Cow::Owned(unfolded(bytes)) } else { plain(bytes) }
}

/// Bytes as text, nothing trimmed.
pub(crate) fn plain(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(latin1(bytes)),
    }
}

/// The same text, sharing the lifetime of what it was read from where nothing had to be copied.
pub(crate) fn map<'a>(text: Cow<'a, str>, cut: impl for<'b> FnOnce(&'b str) -> &'b str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(&text).to_owned()),
    }
}

/// Without the white space at both ends, line ends and NULs among it.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [b' ' | b'\t' | b'\r' | b'\n' | 0, rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n' | 0] = bytes {
        bytes = rest;
    }
    bytes
}

fn unfolded(bytes: &[u8]) -> String {
    let mut joined = String::with_capacity(bytes.len());
    for line in bytes.split(|&byte| byte == b'\n').map(trim).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&plain(line));
    }
    joined
}

/// Every Latin-1 octet is the code point of the same number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrows_what_can_stand_as_it_came() {
        assert!(matches!(value(b"  abc\t"), Cow::Borrowed("abc")));
        assert!(matches!(value("Jörg".as_bytes()), Cow::Borrowed("Jörg")));
    }

    #[test]
    fn reads_latin1_where_utf8_is_broken() {
        assert_eq!(value(b"J\xf6rg"), "Jörg");
        assert_eq!(value(b"\xc3"), "Ã");
    }

    #[test]
    fn joins_folded_lines_with_one_space() {
        assert_eq!(value(b"one \r\n\t two\n three"), "one two three");
        assert_eq!(value(b"a\r\n \r\n b"), "a b");
    }

    #[test]
    fn drops_nulls_at_the_ends_only() {
        assert_eq!(value(b"\0a\0b\0"), "a\0b");
    }
}
