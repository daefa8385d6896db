//! The Replaces header (RFC 3891, section 6.1): the dialog whose place an INVITE takes, in a header of that INVITE or
//! within the URI of a Refer-To.

use crate::list::{parameter, split, unquoted};

/// The dialog that is to be replaced, as seen by whom the INVITE is sent to: the To tag is that party's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of whom the INVITE is sent to.
    pub to_tag: String,
    /// The other party's tag.
    pub from_tag: String,
}

impl Replaces {
    /// Reads a value; `None` where the Call-ID or a tag is missing.
    #[must_use]
    pub fn read(value: &str) -> Option<Replaces> {
        let mut parts = split(value, b';');
        let call_id = parts.next().filter(|call_id| !call_id.is_empty())?.to_owned();
        let (mut to_tag, mut from_tag) = (None, None);
        for part in parts.take(MOST_PARAMETERS) {
            match parameter(part) {
                (name, Some(tag)) if name.eq_ignore_ascii_case("to-tag") => to_tag = Some(unquoted(tag)),
                (name, Some(tag)) if name.eq_ignore_ascii_case("from-tag") => from_tag = Some(unquoted(tag)),
                _ => {}
            }
        }
        Some(Replaces { call_id, to_tag: to_tag?, from_tag: from_tag? })
    }

    /// Whether it means the dialog of these two tags, whichever way round: who is asked is not known from afar.
    #[must_use]
    pub fn means(&self, one: &str, other: &str) -> bool {
        let Replaces { to_tag, from_tag, .. } = self;
        (to_tag == one && from_tag == other) || (to_tag == other && from_tag == one)
    }
}

/// The standard knows three.
const MOST_PARAMETERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_examples_of_the_standard() {
        let read = |value| Replaces::read(value).map(|r| (r.call_id, r.to_tag, r.from_tag));
        let told = |call_id: &str, to: &str, from: &str| Some((call_id.into(), to.into(), from.into()));
        assert_eq!(
            read("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff"),
            told("98732@sip.example.com", "ff87ff", "r33th4x0r")
        );
        assert_eq!(
            read("12adf2f34456gs5;To-Tag=12345;from-tag=0;early-only"),
            told("12adf2f34456gs5", "12345", "0")
        );
        assert_eq!(read("a@b;to-tag=1"), None);
        assert_eq!(read(";to-tag=1;from-tag=2"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn means_both_tags_or_nothing() {
        let replaces = Replaces::read("x;to-tag=a;from-tag=b").unwrap();
        assert!(replaces.means("a", "b") && replaces.means("b", "a"));
        assert!(!replaces.means("a", "c") && !replaces.means("a", "a"));
    }
}
