//! What a search asks of a name or number: `alice`, `+49*`, `*1234`, `*12*`, without regard to case.

use std::borrow::Cow;
use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text in which `*` stands for anything, nothing included. Without a star the whole text has to fit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    text: String,
    folded: String,
}

impl Pattern {
    /// The pattern; any text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Pattern { text: text.to_owned(), folded: fold(text).into_owned() }
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `text` fits.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.fits_folded(&fold(text))
    }

    /// Whether text that is [`fold`]ed already fits.
    pub(crate) fn fits_folded(&self, text: &str) -> bool {
        let Some((start, rest)) = self.folded.split_once('*') else { return self.folded == text };
        let Some(text) = text.strip_prefix(start) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(mut text) = text.strip_suffix(end) else { return false };
        for part in middle.split('*') {
            // The first place where a part fits leaves the most for the parts behind it.
            let Some(at) = text.find(part) else { return false };
            text = text.get(at + part.len()..).unwrap_or_default();
        }
        true
    }
}

impl FromStr for Pattern {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Pattern::new(text))
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Pattern::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.text
    }
}

/// Text as it is compared: in lower case, and with spaces for control characters.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && !byte.is_ascii_uppercase();
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    text.chars().flat_map(char::to_lowercase).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, fits, fails) in [
            ("alice", vec!["alice", "ALICE"], vec!["alice2", "malice", ""]),
            ("+49*", vec!["+49", "+493012345"], vec!["0049", "a+49"]),
            ("*1234", vec!["1234", "+49301234"], vec!["12345"]),
            ("*12*", vec!["12", "0120", "120", "012"], vec!["1", "102"]),
            ("*", vec!["", "x"], vec![]),
            ("", vec![""], vec!["x"]),
            ("aba*aba", vec!["abaaba", "abaxaba"], vec!["aba", "ababa"]),
            ("a*b*c", vec!["abc", "axbxbxc"], vec!["acb", "ab"]),
            ("Müller*", vec!["mÜLLER", "müller-lüdenscheidt"], vec!["muller"]),
        ] {
            let pattern = Pattern::new(pattern);
            for text in fits {
                assert!(pattern.fits(text), "{pattern:?} {text}");
            }
            for text in fails {
                assert!(!pattern.fits(text), "{pattern:?} {text}");
            }
        }
    }

    /// The definition, word for word.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_its_definition(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(Pattern::new(&pattern).fits(&text), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn survives_json(text: String) {
            let json = serde_json::to_string(&Pattern::new(&text)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Pattern>(&json).unwrap(), Pattern::new(&text));
        }
    }
}
