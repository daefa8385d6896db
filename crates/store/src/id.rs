//! The id of a call: when it was invited, and a digest that tells calls of one microsecond apart.
//!
//! `20260131T101502.123456Z-1f2e3d4c`. Ids sort by time as text, name the recording's folder and are safe in a path.

use std::fmt;
use std::str::FromStr;

use clock::Time;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The id of a call, known to be well-formed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId(String);

/// Digits and marks of an id; `0` stands for a digit, `f` for a lower-case hexadecimal one.
const SHAPE: &[u8; 32] = b"00000000T000000.000000Z-ffffffff";

/// How an id, and a bound of a search, writes its time.
const TIME: &str = "%Y%m%dT%H%M%S.%6fZ";

impl CallId {
    /// The id of the call that was invited then, by its Call-ID and From tag.
    #[must_use]
    pub fn new(invited_at: Time, call_id: &str, from_tag: &str) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(call_id.as_bytes()).update(&[0]).update(from_tag.as_bytes());
        let digest = hash.finalize().to_hex();
        let short = digest.get(..8).unwrap_or_default();
        CallId(format!("{}-{short}", CallId::prefix(invited_at)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Behind every call that there will be; none has it.
    pub(crate) fn last() -> Self {
        CallId("99991231T235959.999999Z-ffffffff".to_owned())
    }

    /// When the call was invited, to the microsecond.
    #[must_use]
    pub fn time(&self) -> Time {
        time_of(&self.0).unwrap_or_default()
    }

    /// The day of the invite in UTC as a path: `2026/01/31`.
    #[must_use]
    pub(crate) fn day(&self) -> String {
        let part = |range| self.0.get(range).unwrap_or_default();
        format!("{}/{}/{}", part(0..4), part(4..6), part(6..8))
    }

    /// What the ids of all calls invited at that microsecond begin with.
    pub(crate) fn prefix(at: Time) -> String {
        at.format_utc(TIME)
    }
}

impl FromStr for CallId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let well_formed = has_shape(text) && time_of(text).is_some();
        if well_formed { Ok(CallId(text.to_owned())) } else { Err(Error::Id { text: text.to_owned() }) }
    }
}

impl TryFrom<String> for CallId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> String {
        id.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn has_shape(text: &str) -> bool {
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'f' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        mark => byte == *mark,
    };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits)
}

/// The time in text that has the shape of an id; `None` where there is no such day, hour or year.
fn time_of(text: &str) -> Option<Time> {
    let part = |range| text.get(range);
    let [year, month, day] = [part(0..4)?, part(4..6)?, part(6..8)?];
    let [hour, minute, rest] = [part(9..11)?, part(11..13)?, part(13..23)?];
    let time = Time::from_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{rest}"))?;
    // A leap second is read but never written: an id has one spelling.
    text.starts_with(&CallId::prefix(time)).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_the_invite_time_and_eight_digits_of_the_digest() {
        let at = Time::from_rfc3339("2026-01-31T10:15:02.123456999Z").unwrap();
        let id = CallId::new(at, "843817637684230@998sdasdh09", "1928301774");
        let digest = blake3::hash(b"843817637684230@998sdasdh09\x001928301774").to_hex();
        assert_eq!(id.as_str(), format!("20260131T101502.123456Z-{}", &digest[..8]));
        assert_eq!(id.day(), "2026/01/31");
        assert_eq!(id.time(), Time::from_rfc3339("2026-01-31T10:15:02.123456Z").unwrap());
    }

    #[test]
    fn call_id_and_tag_do_not_run_into_each_other() {
        let at = Time::from_ns(0);
        assert_ne!(CallId::new(at, "ab", "c"), CallId::new(at, "a", "bc"));
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in [
            "",
            "20260131T101502.123456Z-1f2e3d4",
            "20260131T101502.123456Z-1f2e3d4c0",
            "20260131T101502.123456Z-1F2E3D4C",
            "20261331T101502.123456Z-1f2e3d4c",
            "20260230T101502.123456Z-1f2e3d4c",
            "20260131T251502.123456Z-1f2e3d4c",
            "20260131T101560.123456Z-1f2e3d4c",
            "99990131T101502.123456Z-1f2e3d4c",
            "../../31T101502.123456Z-1f2e3d4c",
            "20260131T101502.123456Z-../../..",
            "20260131T101502.123456Z-1f2e3d4\0",
            "2026é131T101502.123456Z-1f2e3d4c",
        ] {
            assert!(text.parse::<CallId>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<CallId>("\"../../etc/passwd\"").is_err());
    }

    proptest! {
        #[test]
        fn reads_back_and_sorts_by_time(a: i64, b: i64, call_id: String, tag: String) {
            let [first, second] = [a, b].map(|ns| CallId::new(Time::from_ns(ns), &call_id, &tag));
            prop_assert_eq!(&first.as_str().parse::<CallId>().unwrap(), &first);
            prop_assert!(first.time().as_ns().abs_diff(a) < 1_000);
            prop_assert_eq!(first.time().cmp(&second.time()), first.cmp(&second));
        }
    }
}
