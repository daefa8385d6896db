//! What people attach to a call: tags and notes. Both are bounded, and neither holds what could command a terminal.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::timestamp;

/// The longest key, in octets.
const MOST_KEY: usize = 64;
/// The longest value, in octets.
const MOST_VALUE: usize = 1024;
/// The longest note, in octets.
const MOST_TEXT: usize = 8 << 10;
/// Tags of one call.
const MOST_TAGS: usize = 64;
/// Notes of one call.
const MOST_NOTES: usize = 256;

/// A tag to be set or taken off: `case=4711`, or `case=` to take it off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    key: String,
    value: String,
}

impl Tag {
    /// The tag, or why it is none.
    ///
    /// # Errors
    /// A key is 1 to 64 ASCII letters, digits, `-`, `_`, `.` or `:`; a value is up to 1024 octets without control
    /// characters.
    pub fn new(key: &str, value: &str) -> Result<Tag, BadAttachment> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if key.is_empty() || key.len() > MOST_KEY || !key.bytes().all(fits) {
            return Err(BadAttachment::Key);
        }
        if value.len() > MOST_VALUE || value.chars().any(commands) {
            return Err(BadAttachment::Value);
        }
        Ok(Tag { key: key.to_owned(), value: value.to_owned() })
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its value; empty where it is to be taken off.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for Tag {
    type Err = BadAttachment;
    fn from_str(text: &str) -> Result<Tag, BadAttachment> {
        let (key, value) = text.split_once('=').ok_or(BadAttachment::Key)?;
        Tag::new(key, value)
    }
}

/// A note of somebody about a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// When it was written.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// By whom.
    pub actor: String,
    /// What it says.
    pub text: String,
}

impl Note {
    /// Checks the text of a note: 1 to 8192 octets, and no control characters but line feeds and tabs.
    ///
    /// # Errors
    /// Where it is too long, empty or has others.
    pub fn check(text: &str) -> Result<String, BadAttachment> {
        let bad = |letter: char| commands(letter) && letter != '\n' && letter != '\t';
        let is_fine = !text.trim().is_empty() && text.len() <= MOST_TEXT && !text.chars().any(bad);
        if is_fine { Ok(text.to_owned()) } else { Err(BadAttachment::Text) }
    }
}

/// Why something cannot be attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadAttachment {
    /// No key and value, or a key that is none.
    Key,
    /// A value that is too long or has control characters.
    Value,
    /// A note that is empty, too long or has control characters.
    Text,
    /// The call has as many tags as one may have.
    Tags,
    /// The call has as many notes as one may have.
    Notes,
}

impl fmt::Display for BadAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadAttachment::Key => write!(
                f,
                "give key=value, or key= to take it off; a key is 1 to {MOST_KEY} ASCII letters, digits, - _ . or :"
            ),
            BadAttachment::Value => {
                write!(f, "a value has at most {MOST_VALUE} octets and no control characters")
            }
            BadAttachment::Text => write!(f, "a note has 1 to {MOST_TEXT} octets and no control characters"),
            BadAttachment::Tags => write!(f, "a call has at most {MOST_TAGS} tags"),
            BadAttachment::Notes => write!(f, "a call has at most {MOST_NOTES} notes"),
        }
    }
}

impl std::error::Error for BadAttachment {}

impl Record {
    /// Sets tags and takes off those without a value.
    ///
    /// # Errors
    /// [`BadAttachment::Tags`] where there would be too many; nothing is changed then.
    pub fn tag(&mut self, tags: &[Tag]) -> Result<(), BadAttachment> {
        let mut changed: BTreeMap<String, String> = self.tags.clone();
        for tag in tags {
            if tag.value.is_empty() {
                changed.remove(&tag.key);
            } else {
                changed.insert(tag.key.clone(), tag.value.clone());
            }
        }
        // What was there before there was a limit may be taken off.
        if changed.len() > MOST_TAGS && changed.len() > self.tags.len() {
            return Err(BadAttachment::Tags);
        }
        self.tags = changed;
        Ok(())
    }

    /// Adds a note.
    ///
    /// # Errors
    /// [`BadAttachment::Notes`] where there would be too many.
    pub fn note(&mut self, note: Note) -> Result<(), BadAttachment> {
        if self.notes.len() >= MOST_NOTES {
            return Err(BadAttachment::Notes);
        }
        self.notes.push(note);
        Ok(())
    }

    /// Takes over what people attached to an older record of the same call: tags, notes and holds.
    pub(crate) fn inherit(&mut self, older: Record) {
        for (key, value) in older.tags {
            self.tags.entry(key).or_insert(value);
        }
        self.notes = older.notes;
        self.policy.holds = older.policy.holds;
    }
}

/// Whether a letter could command a terminal, or turn round what is shown.
#[must_use]
pub fn commands(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::full;

    #[test]
    fn a_tag_has_a_plain_key_and_a_value_without_commands() {
        let tag: Tag = "case.no=4711=a Ä".parse().unwrap();
        assert_eq!((tag.key(), tag.value()), ("case.no", "4711=a Ä"));
        let long = "k".repeat(65) + "=v";
        for bad in ["case", "=x", "a b=c", "ä=c", "a/b=c", long.as_str()] {
            assert_eq!(bad.parse::<Tag>(), Err(BadAttachment::Key), "{bad}");
        }
        for bad in ["a\x1b[2J", "a\nb", "\u{202e}txt", &"v".repeat(1025)] {
            assert_eq!(Tag::new("k", bad), Err(BadAttachment::Value), "{bad:?}");
        }
        for (text, fits) in [
            ("two\nlines\t", true),
            ("", false),
            (" \n", false),
            ("a\x07", false),
            (&"x".repeat(8193), false),
        ] {
            assert_eq!(Note::check(text).is_ok(), fits, "{text:?}");
        }
    }

    #[test]
    fn tags_are_set_and_taken_off_within_bounds() {
        let mut record = full();
        let tags = |range: std::ops::Range<u32>, value| {
            range.map(|n| Tag::new(&format!("k{n}"), value).unwrap()).collect::<Vec<_>>()
        };
        record.tag(&tags(0..64, "v")).unwrap();
        assert_eq!(record.tag(&tags(60..65, "w")), Err(BadAttachment::Tags));
        assert!(record.tags.values().all(|value| value == "v"), "nothing was changed");
        record.tag(&tags(0..60, "")).unwrap();
        record.tag(&tags(60..65, "w")).unwrap();
        assert_eq!(record.tags.len(), 5);
        let note = Note { at: record.id.time(), actor: "ana".into(), text: "heard".into() };
        (0..256).for_each(|_| record.note(note.clone()).unwrap());
        assert_eq!(record.note(note), Err(BadAttachment::Notes));
        let json = record.to_json();
        assert!(json.contains(r#""tags":{"k60":"w""#), "{json}");
        assert!(
            json.contains(r#""notes":[{"at":"2026-01-31T10:15:02.123456Z","actor":"ana","text":"heard"}"#)
        );
        assert_eq!(Record::from_json(json.as_bytes()).unwrap(), record);
    }

    #[test]
    fn a_call_that_is_recorded_anew_keeps_what_was_attached() {
        let (mut older, mut newer) = (full(), full());
        older.tag(&["case=1".parse().unwrap(), "who=ana".parse().unwrap()]).unwrap();
        older.policy.holds = vec!["h1".into()];
        newer.tag(&["case=2".parse().unwrap()]).unwrap();
        newer.inherit(older);
        assert_eq!(
            newer.tags.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["case=2", "who=ana"]
        );
        assert_eq!(newer.policy.holds, ["h1"]);
    }
}
