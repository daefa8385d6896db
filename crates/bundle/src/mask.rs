//! What of a record says who it was, and the same record without it.
//!
//! Text is masked unless it is known to say nothing of anybody: a member of the record that is new, and that nobody
//! thought of here, is masked until somebody does. The same party, address or Call-ID gets the same stand-in in all
//! calls of a bundle, so that a reader can still tell who called twice.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clock::Time;
use ladder::Ladder;
use serde_json::Value;
use store::Record;

use crate::error::Error;

/// What is masked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mask {
    /// Numbers, names and URIs, Call-IDs and tags of dialogs, dialled digits.
    pub parties: bool,
    /// Network addresses.
    pub addresses: bool,
    /// What people wrote: notes, tags, messages.
    pub text: bool,
}

impl Mask {
    /// Whether nothing is.
    #[must_use]
    pub const fn is_none(self) -> bool {
        !self.parties && !self.addresses && !self.text
    }
}

/// The stand-ins of one bundle.
#[derive(Default, Debug)]
pub struct Masks {
    mask: Mask,
    parties: HashMap<String, usize>,
    dialogs: HashMap<String, usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// Members whose text says nothing of anybody.
const HARMLESS: &[&str] = &[
    "schema",
    "id",
    "state",
    "outcome",
    "end_reason",
    "role",
    "refresher",
    "by",
    "sender",
    "how",
    "end",
    "ssrc",
    "codec",
    "rule",
    "reason",
    "method",
    "model",
    "hold",
    "path",
    "format",
    "encoding",
    "blake3",
    "kind",
    "flag",
    "flags",
    "reporter",
    "digit",
    "encryption",
    "encapsulation",
    "content_type",
];
/// Members that hold what people wrote.
const WRITTEN: &[&str] = &["text", "notes", "tags", "actor", "holds"];
/// Members that hold what one dialog is known by.
const DIALOG: &[&str] = &["call_id", "linked_call_ids", "tag"];

impl Masks {
    pub(crate) fn new(mask: Mask) -> Masks {
        Masks { mask, ..Masks::default() }
    }

    /// The record without what is masked.
    pub(crate) fn record(&mut self, record: &Record) -> Result<Record, Error> {
        if self.mask.is_none() {
            return Ok(record.clone());
        }
        let unreadable = |source| {
            Error::Store(store::Error::Record {
                path: format!("the masked record of {}", record.id).into(),
                source,
            })
        };
        let mut value = serde_json::to_value(record).map_err(unreadable)?;
        self.walk(&mut value, "", "");
        let mut masked: Record = serde_json::from_value(value).map_err(unreadable)?;
        if self.mask.parties {
            masked.legs.iter_mut().flat_map(|leg| &mut leg.dtmf).for_each(|key| key.digit = '*');
        }
        Ok(masked)
    }

    /// The ladder without it: hosts under their stand-ins, and no details where those would tell.
    pub(crate) fn ladder(&mut self, mut ladder: Ladder) -> Ladder {
        if self.mask.addresses {
            for step in &mut ladder.steps {
                for end in [&mut step.flow.source, &mut step.flow.destination] {
                    let masked = SocketAddr::new(self.address(end.address.ip()), end.port);
                    *end = masked.into();
                }
                step.detail = step.detail.as_deref().map(without_addresses);
            }
        }
        ladder
    }

    /// Masks what is below the member `name` of the member `above`.
    fn walk(&mut self, value: &mut Value, name: &str, above: &str) {
        match value {
            Value::Object(members) => {
                for (member, value) in members.iter_mut() {
                    // Below tags and the like all is written by people, whatever it is called there.
                    let member = if WRITTEN.contains(&name) && name != "notes" { name } else { member };
                    self.walk(value, member, name);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value, name, above)),
            Value::String(text) => self.text(text, name, above),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &mut String, name: &str, above: &str) {
        let is_party = matches!(above, "caller" | "callee");
        if HARMLESS.contains(&name) || Time::from_rfc3339(text).is_some() {
            return;
        }
        if WRITTEN.contains(&name) {
            if self.mask.text {
                "masked".clone_into(text);
            }
        } else if DIALOG.contains(&name) && (name != "tag" || is_party || above == "forks") {
            // A Call-ID often holds a host, and sometimes a name.
            if self.mask.parties || self.mask.addresses {
                let next = self.dialogs.len() + 1;
                *text = format!("dialog-{}", self.dialogs.entry(text.clone()).or_insert(next));
            }
        } else if let Ok(socket) = text.parse::<SocketAddr>() {
            if self.mask.addresses {
                *text = SocketAddr::new(self.address(socket.ip()), socket.port()).to_string();
            }
        } else if self.mask.parties || self.mask.addresses {
            *text = self.party(text);
        }
    }

    /// What stands for a user, a URI or a name. The host of a URI is left out under either mask, for it may be an
    /// address, or a name that says as much.
    fn party(&mut self, text: &str) -> String {
        let uri = text.rsplit_once('<').map_or(text, |(_, uri)| uri);
        let (scheme, rest) = match uri.split_once(':') {
            Some((scheme @ ("sip" | "sips" | "tel"), rest)) => (Some(scheme), rest),
            _ => (None, text),
        };
        let user = match (scheme, rest.split_once('@')) {
            (Some("sip" | "sips"), None) => "",
            (_, Some((user, _))) => user,
            (Some(_), None) => rest.split([';', '>', '?']).next().unwrap_or(rest),
            (None, None) => rest,
        };
        let shown = if self.mask.parties { self.stand_in(user) } else { user.to_owned() };
        scheme.map_or_else(|| shown.clone(), |scheme| format!("{scheme}:{shown}"))
    }

    fn stand_in(&mut self, user: &str) -> String {
        if user.is_empty() {
            return String::new();
        }
        let next = self.parties.len() + 1;
        format!("party-{}", self.parties.entry(user.to_lowercase()).or_insert(next))
    }

    /// An address for documentation in its stead (RFC 5737, RFC 3849).
    fn address(&mut self, address: IpAddr) -> IpAddr {
        let next = self.addresses.len() + 1;
        let number = *self.addresses.entry(address).or_insert(next);
        match (address, u8::try_from(number)) {
            (IpAddr::V4(_), Ok(last)) => Ipv4Addr::new(192, 0, 2, last).into(),
            _ => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, (number >> 16) as u16, number as u16).into(),
        }
    }
}

/// A step's detail without the words that hold an address.
fn without_addresses(detail: &str) -> String {
    let holds = |word: &str| word.parse::<SocketAddr>().is_ok();
    detail.split(' ').filter(|word| !holds(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const ALL: Mask = Mask { parties: true, addresses: true, text: true };

    /// A call of which much is known.
    pub(crate) fn record() -> Record {
        let json = include_str!("../testdata/record.json");
        Record::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn nothing_of_anybody_is_left() {
        let masked = Masks::new(ALL).record(&record()).unwrap().to_json();
        for secret in [
            "alice",
            "Alice",
            "+4930",
            "carol",
            "198.51.100.77",
            "203.0.113",
            "secret",
            "case-4711",
            "f81d4fae",
            "hotline",
        ] {
            assert!(record().to_json().contains(secret), "{secret} is not in the record to begin with");
            assert!(!masked.contains(secret), "{secret} in {masked}");
        }
    }

    #[test]
    fn what_says_nothing_of_anybody_stays() {
        let (plain, masked) = (record(), Masks::new(ALL).record(&record()).unwrap());
        assert_eq!((plain.id, plain.outcome, plain.state), (masked.id, masked.outcome, masked.state));
        assert_eq!((plain.provenance, plain.epochs), (masked.provenance, masked.epochs));
        assert_eq!(plain.recording, masked.recording);
        assert_eq!(plain.legs[0].streams[0].codec, masked.legs[0].streams[0].codec);
        assert_eq!(plain.answered_at, masked.answered_at);
        assert_eq!(plain.legs[0].streams[0].reported, masked.legs[0].streams[0].reported);
        assert_eq!((plain.legs[0].dtmf[0].digit, masked.legs[0].dtmf[0].digit), ('7', '*'));
    }

    #[test]
    fn who_is_the_same_stays_the_same() {
        let mut masks = Masks::new(ALL);
        let one = masks.record(&record()).unwrap();
        let mut other = record();
        std::mem::swap(&mut other.caller, &mut other.callee);
        let other = masks.record(&other).unwrap();
        assert_eq!(one.caller.user, other.callee.user);
        assert_ne!(one.caller.user, one.callee.user);
        assert_eq!(one.legs[0].streams[0].source, one.legs[1].streams[0].destination);
    }

    #[test]
    fn only_what_was_asked_for_is_masked() {
        let plain = record();
        let addresses = Masks::new(Mask { addresses: true, ..Mask::default() }).record(&plain).unwrap();
        assert_eq!(addresses.caller.user, plain.caller.user);
        assert_ne!(addresses.legs[0].streams[0].source, plain.legs[0].streams[0].source);
        assert!(!addresses.to_json().contains("198.51.100.77"), "nor in a URI");
        let text = Masks::new(Mask { text: true, ..Mask::default() }).record(&plain).unwrap();
        assert_eq!((text.caller.clone(), text.legs.clone()), (plain.caller.clone(), plain.legs.clone()));
        assert_eq!(text.notes[0].text, "masked");
        assert_eq!(Masks::new(Mask::default()).record(&plain).unwrap(), plain);
    }
}
