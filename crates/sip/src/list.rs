//! Splitting what headers join: values at commas, parameters at semicolons, neither inside a quoted string nor
//! between angle brackets (RFC 3261, sections 7.3.1 and 25.1).

/// The parts of `text` between the separators, trimmed.
pub(crate) fn split(text: &str, separator: u8) -> Split<'_> {
    Split { rest: Some(text), separator, no_quote: false, no_bracket: false }
}

/// The parts of a list. A quote or a bracket that never closes would swallow all that follows, so it holds nothing
/// together; that none closes is remembered, or hostile bytes would have every part searched to the end.
pub(crate) struct Split<'a> {
    rest: Option<&'a str>,
    separator: u8,
    no_quote: bool,
    no_bracket: bool,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let Some(at) = self.find(text) else {
            self.rest = None;
            return Some(text.trim());
        };
        // Separators are ASCII, so both cuts lie between characters.
        self.rest = text.get(at + 1..);
        text.get(..at).map(str::trim)
    }
}

impl Split<'_> {
    /// Where the first separator outside quotes and brackets stands.
    fn find(&mut self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' if !self.no_quote => match closing_quote(text, at) {
                    Some(close) => at = close,
                    None => self.no_quote = true,
                },
                b'<' if !self.no_bracket => match bytes.iter().skip(at).position(|&b| b == b'>') {
                    Some(length) => at += length,
                    None => self.no_bracket = true,
                },
                _ if byte == self.separator => return Some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }
}

/// Where the string that opens with the quote at `open` closes, a backslash taking the sense of what follows it.
pub(crate) fn closing_quote(text: &str, open: usize) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// `name=value` or `name`, both trimmed.
pub(crate) fn parameter(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    }
}

/// A quoted string without its quotes and backslashes; anything else as it came.
pub(crate) fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

/// The value of the first parameter of that name, in any case.
pub(crate) fn find_parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    split(parameters, b';')
        .map(parameter)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .and_then(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, separator: u8) -> Vec<&str> {
        split(text, separator).collect()
    }

    #[test]
    fn quotes_and_brackets_hold_together() {
        assert_eq!(parts(r#""a,b" <sip:x,y@h>;q=1, <sip:z>"#, b','), [r#""a,b" <sip:x,y@h>;q=1"#, "<sip:z>"]);
        assert_eq!(parts(r#"a;b="x;\";y";c"#, b';'), ["a", r#"b="x;\";y""#, "c"]);
    }

    #[test]
    fn what_never_closes_holds_nothing() {
        assert_eq!(parts(r#""a,b"#, b','), [r#""a"#, "b"]);
        assert_eq!(parts("<a,b", b','), ["<a", "b"]);
        assert_eq!(parts("", b','), [""]);
    }

    #[test]
    fn many_open_quotes_take_no_quadratic_time() {
        assert_eq!(parts(&"\\\",<".repeat(100_000), b',').len(), 100_001);
        assert_eq!(parts(&"\"\",".repeat(20_000), b',').len(), 20_001);
    }

    #[test]
    fn takes_quotes_off() {
        assert_eq!(unquoted(r#""a \"b\" \\c""#), r#"a "b" \c"#);
        assert_eq!(unquoted("plain"), "plain");
        assert_eq!(unquoted("\""), "");
    }
}
