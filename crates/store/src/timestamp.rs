//! Times in JSON: RFC 3339 in UTC with six decimals, or null. For `#[serde(with = ...)]`.

use clock::Time;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    parse(&String::deserialize(from)?)
}

fn parse<E: Error>(text: &str) -> Result<Time, E> {
    Time::from_rfc3339(text).ok_or_else(|| E::custom(format_args!("{text:?} is no RFC 3339 time")))
}

/// The same where a time may be unknown.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Serializer, Time};

    pub(crate) fn serialize<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| super::parse(&text)).transpose()
    }
}
