//! What the parties of a call write to each other beside it: SIP MESSAGE (RFC 3428), in the call's dialog and outside of
//! any. Bounded; a message that is seen again, on the same hop or on another, is kept once.

use std::hash::BuildHasher;

use clock::Time;
use foldhash::fast::FixedState;
use sip::Message;

use crate::identities::clipped;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// When it came.
    pub at: Time,
    /// From: the URI.
    pub from: String,
    /// To: the URI.
    pub to: String,
    /// The type of its body.
    pub content_type: Option<String>,
    /// The body; `None` where that is no text.
    pub text: Option<String>,
    /// Whether it came in the call's dialog.
    pub in_dialog: bool,
}

/// The messages of one call.
#[derive(Default, Debug)]
pub(crate) struct Texts {
    kept: Vec<Text>,
    seen: Vec<u64>,
    bytes: usize,
}

impl Texts {
    /// Keeps the message, unless it is known or the call then holds more than `room` bytes of them.
    pub(crate) fn keep(&mut self, message: &Message<'_>, in_dialog: bool, at: Time, room: usize) {
        let (Some(from), Some(to)) = (message.from(), message.to()) else { return };
        let number = message.cseq().map(|cseq| cseq.number);
        let identity = FixedState::default().hash_one((message.call_id(), from.tag.as_deref(), number));
        let body = message.body().get(..LONGEST_BODY).unwrap_or(message.body());
        let text = Text {
            at,
            from: clipped(&from.uri).to_owned(),
            to: clipped(&to.uri).to_owned(),
            content_type: message.content_type().map(|kind| clipped(&kind).to_owned()),
            text: readable(body).map(str::to_owned),
            in_dialog,
        };
        let weight = text.weight();
        if self.kept.len() < MOST_TEXTS
            && self.bytes + weight <= MOST_BYTES.min(room)
            && !self.seen.contains(&identity)
        {
            self.seen.push(identity);
            self.bytes += weight;
            self.kept.push(text);
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        self.bytes
    }

    pub(crate) fn into_kept(self) -> Vec<Text> {
        self.kept
    }
}

impl Text {
    fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Text>()
            + size_of::<u64>()
            + self.from.len()
            + self.to.len()
            + text(&self.content_type)
            + text(&self.text)
    }
}

/// The body as text; a letter that was cut in two at its end is left out.
fn readable(body: &[u8]) -> Option<&str> {
    match std::str::from_utf8(body) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(body.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

/// RFC 3428, section 8: 1300 bytes where the way is not known to take more. TCP takes more.
const LONGEST_BODY: usize = 16 << 10;
const MOST_TEXTS: usize = 200;
const MOST_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(cseq: u32, kind: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "MESSAGE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{cseq}\r\nCall-ID: 1\r\n\
             From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.net>;tag=b\r\nCSeq: {cseq} MESSAGE\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn keep(texts: &mut Texts, bytes: &[u8]) {
        texts.keep(&Message::read(bytes).unwrap(), true, Time::default(), usize::MAX);
    }

    #[test]
    fn keeps_each_message_once_whatever_hop_it_is_seen_on() {
        let mut texts = Texts::default();
        let first = message(5, "text/plain;charset=utf-8", "schön".as_bytes());
        keep(&mut texts, &first);
        let relayed = String::from_utf8(first).unwrap().replace("z9hG4bK5", "z9hG4bKproxy");
        keep(&mut texts, relayed.as_bytes());
        keep(&mut texts, &message(6, "application/octet-stream", b"\xff\xfe\0\x01"));
        let kept = texts.into_kept();
        assert_eq!(kept.len(), 2);
        assert_eq!(
            (kept[0].from.as_str(), kept[0].to.as_str()),
            ("sip:alice@example.com", "sip:bob@example.net")
        );
        assert_eq!(kept[0].text.as_deref(), Some("schön"));
        assert_eq!(kept[0].content_type.as_deref(), Some("text/plain;charset=utf-8"));
        assert_eq!((kept[1].text.as_deref(), kept[1].in_dialog), (None, true));
    }

    #[test]
    fn holds_no_more_than_it_may() {
        let mut texts = Texts::default();
        for n in 0..1000 {
            keep(&mut texts, &message(n, "text/plain", "ü".repeat(20_000).as_bytes()));
        }
        assert!(texts.weight() <= MOST_BYTES && texts.kept.len() > 10);
        assert!(texts.kept.iter().all(|text| text.text.as_ref().unwrap().len() <= LONGEST_BODY));
        let mut texts = Texts::default();
        for n in 0..1000 {
            keep(&mut texts, &message(n, "text/plain", b"x"));
        }
        assert_eq!(texts.kept.len(), MOST_TEXTS);
        let mut texts = Texts::default();
        texts.keep(&Message::read(&message(1, "text/plain", b"x")).unwrap(), true, Time::default(), 10);
        assert!(texts.kept.is_empty(), "no room");
    }
}
