//! One direction of a byte stream, held until its messages are whole. [`framing`] says where they end; here stands
//! what keeps the work for each byte small, however the stream is cut.

use crate::framing::{self, Next};
use crate::message::Message;
use crate::start_line::sniff;

/// Cuts the messages out of a byte stream.
#[derive(Default, Debug)]
pub struct Framer {
    unread: Vec<u8>,
    /// Nothing can be cut off before there are so many bytes.
    wanted: usize,
    /// So far no head ends.
    searched: usize,
}

impl Framer {
    /// The next bytes of the stream.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next message that is whole.
    pub fn poll_message(&mut self) -> Option<Vec<u8>> {
        while self.unread.len() >= self.wanted.max(1) && self.may_be_whole() {
            match framing::next(&self.unread) {
                Next::Message(length) => return Some(self.take(length)),
                Next::KeepAlive(length) | Next::Junk(length) => drop(self.take(length)),
                Next::Partial => {
                    self.wanted = self.whole_length().max(self.unread.len() + 1);
                    return None;
                }
            }
        }
        None
    }

    /// The stream has a hole here, or its end: of the message that is not whole, what came.
    pub fn handle_hole(&mut self) -> Option<Vec<u8>> {
        let length = self.unread.len();
        let rest = self.take(length);
        sniff(&rest).then_some(rest)
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.unread.len()
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        (self.wanted, self.searched) = (0, 0);
        let rest = self.unread.split_off(length.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Looks for the end of a head in what is new, so that no head is read again with each byte of it.
    fn may_be_whole(&mut self) -> bool {
        if self.searched == 0 && !sniff(&self.unread) {
            return true;
        }
        let new = self.unread.get(self.searched..).unwrap_or_default();
        let ends =
            new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n");
        if !ends {
            self.searched = self.unread.len().saturating_sub(2);
        }
        ends || self.unread.len() >= framing::LONGEST
    }

    /// How long the message is by its own word.
    fn whole_length(&self) -> usize {
        let message = Message::read(&self.unread).ok().filter(Message::head_ended);
        message.map_or(0, |message| message.len() + message.missing()).min(framing::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(body: usize, name: &str) -> Vec<u8> {
        let body = "v=0\r\n".repeat(body);
        let length = body.len();
        format!("INVITE sip:a@h SIP/2.0\r\nCall-ID: 1\r\n{name}: {length}\r\n\r\n{body}").into_bytes()
    }

    fn cut(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, usize) {
        let mut framer = Framer::default();
        let mut whole = vec![];
        for piece in stream.chunks(step) {
            framer.handle_bytes(piece);
            whole.extend(std::iter::from_fn(|| framer.poll_message()));
        }
        (whole, framer.held())
    }

    #[test]
    fn cuts_a_stream_at_every_split_point() {
        let messages = [message(3, "l"), message(0, "Content-Length"), message(40, "Content-Length")];
        let stream =
            [&b"\r\n\r\n"[..], &messages[0], b"\r\n", &messages[1], b"rubbish\r\n", &messages[2]].concat();
        for step in 1..=stream.len() {
            assert_eq!(cut(&stream, step), (messages.to_vec(), 0), "step {step}");
        }
        for at in 0..stream.len() {
            let mut framer = Framer::default();
            framer.handle_bytes(&stream[..at]);
            let mut whole: Vec<_> = std::iter::from_fn(|| framer.poll_message()).collect();
            framer.handle_bytes(&stream[at..]);
            whole.extend(std::iter::from_fn(|| framer.poll_message()));
            assert_eq!(whole, messages, "cut at {at}");
        }
    }

    #[test]
    fn what_came_before_a_hole_is_given_as_it_is() {
        let (whole, mut framer) = (message(9, "l"), Framer::default());
        framer.handle_bytes(&whole[..whole.len() - 4]);
        assert_eq!(framer.poll_message(), None);
        assert_eq!(framer.handle_hole().as_deref(), Some(&whole[..whole.len() - 4]));
        framer.handle_bytes(b"the rest of a body\r\n");
        assert_eq!((framer.poll_message(), framer.handle_hole()), (None, None));
        framer.handle_bytes(&whole);
        assert_eq!(framer.poll_message(), Some(whole));
    }

    #[test]
    fn a_stream_that_never_ends_is_cut() {
        let endless =
            [&b"INVITE sip:a@h SIP/2.0\r\nCall-ID: 1\r\n"[..], &b"X: y\r\n".repeat(200_000)].concat();
        let (whole, held) = cut(&endless, 1460);
        assert!(
            whole.iter().all(|message| message.len() < framing::LONGEST + 1460) && held < framing::LONGEST
        );
        assert_eq!(whole.len(), 1, "what is left of it is rubbish");
    }

    proptest! {
        /// The same messages as [`framing::next`] finds with all of the stream before it, where lengths are honest.
        #[test]
        fn how_a_stream_is_cut_does_not_matter(
            parts in proptest::collection::vec((0usize..4, 0usize..30), 0..12), step in 1usize..300,
        ) {
            let parts: Vec<Vec<u8>> = parts
                .into_iter()
                .map(|(kind, size)| match kind {
                    0 => b"\r\n\r\n".to_vec(),
                    1 => [b"x".repeat(size), b"\r\n".to_vec()].concat(),
                    _ => message(size, if kind == 2 { "l" } else { "CONTENT-LENGTH" }),
                })
                .collect();
            let stream = parts.concat();
            let expected: Vec<Vec<u8>> = parts.into_iter().filter(|part| sniff(part)).collect();
            prop_assert_eq!(cut(&stream, step).0, expected);
        }
    }
}
