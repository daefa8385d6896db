//! Messages on a byte stream (RFC 3261, section 18.3; RFC 5626, section 3.5.1): where the next one ends, and how
//! to find the next after a hole. Reassembly of the stream does not belong here.

use crate::lines;
use crate::message::Message;
use crate::start_line::{self, sniff};

/// What stands at the front of what a stream has brought so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// A whole message of so many bytes.
    Message(usize),
    /// So many bytes of line ends that keep the connection alive.
    KeepAlive(usize),
    /// So many bytes that belong to no message: the stream was joined in its middle, or has a hole.
    Junk(usize),
    /// The beginning of something; more bytes are needed.
    Partial,
}

/// A head or a body longer than this is not waited for, so that a stream's buffer stays bounded: what there is
/// of it is handed over as it stands.
pub const LONGEST: usize = (1 << 18) - 1024;

/// A Content-Length beyond this is taken for a lie: the body ends where the next message begins.
const LONGEST_BODY: usize = 1 << 17;
/// A first line longer than this is not waited for.
const LONGEST_LINE: usize = 1 << 13;

/// Tells what `bytes`, the unread part of a stream, begin with. Any answer but [`Next::Partial`] has a length of at
/// least 1 and at most that of `bytes`.
#[must_use]
pub fn next(bytes: &[u8]) -> Next {
    let keep_alive = bytes.len() - start_line::skip_keep_alives(bytes).len();
    if keep_alive > 0 {
        return Next::KeepAlive(keep_alive);
    }
    if !sniff(bytes) {
        return resynchronised(bytes);
    }
    let Ok(message) = Message::read(bytes) else { return resynchronised(bytes) };
    if !message.head_ended() {
        return waited_for(bytes);
    }
    if message.content_length().is_some_and(|length| length <= LONGEST_BODY) {
        return if message.missing() > 0 { waited_for(bytes) } else { Next::Message(message.len()) };
    }
    let body = bytes.get(message.body_offset()..).unwrap_or_default();
    match body_without_length(body) {
        // It is announced, and has not come, or not to the end of a line.
        _ if message.content_type().is_some() && !matches!(body, [.., b'\n']) && !sniff(body) => {
            waited_for(bytes)
        }
        length => Next::Message(message.body_offset() + length),
    }
}

fn waited_for(bytes: &[u8]) -> Next {
    if bytes.len() < LONGEST { Next::Partial } else { Next::Message(bytes.len()) }
}

/// Content-Length is a must on a stream. Without it the body is what stands before the next message.
fn body_without_length(body: &[u8]) -> usize {
    if sniff(body) { 0 } else { next_start(body).unwrap_or(body.len()) }
}

/// The bytes up to the next line that begins a message; a line that is not whole yet might still become one.
fn resynchronised(bytes: &[u8]) -> Next {
    let start = next_start(bytes).or_else(|| {
        let unfinished = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        (bytes.len() - unfinished < LONGEST_LINE).then_some(unfinished)
    });
    match start.unwrap_or(bytes.len()) {
        0 => Next::Partial,
        length => Next::Junk(length),
    }
}

/// Where, behind the first line, the first one stands that begins a message.
fn next_start(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    loop {
        let (_, after, ended) = lines::split_line(rest);
        if !ended {
            return None;
        }
        // Line ends before a message are part of the gap, not of the message.
        if !matches!(after, [b'\r' | b'\n', ..]) && sniff(after) {
            return Some(bytes.len() - after.len());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
    const INVITE: &[u8] = b"INVITE sip:a@h SIP/2.0\r\nCall-ID: 1\r\nl: 5\r\n\r\nv=0\r\n";

    /// Feeds `stream` in pieces of `step` bytes and collects what comes out.
    fn messages(stream: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut buffer, mut whole) = (Vec::new(), Vec::new());
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match next(&buffer) {
                    Next::Message(length) => whole.push(buffer.drain(..length).collect()),
                    Next::KeepAlive(length) | Next::Junk(length) => drop(buffer.drain(..length)),
                    Next::Partial => break,
                }
            }
        }
        whole
    }

    #[test]
    fn cuts_a_stream_at_every_split_point() {
        let stream = [b"\r\n\r\n", INVITE, b"\r\n\r\n", BYE, INVITE, BYE].concat();
        for step in 1..stream.len() {
            assert_eq!(messages(&stream, step), [INVITE, BYE, INVITE, BYE], "step {step}");
        }
    }

    #[test]
    fn finds_the_next_message_after_a_hole() {
        let stream = [&INVITE[30..], BYE, b"Call-ID: lost\r\n\r\n", INVITE].concat();
        for step in [1, 7, 50, stream.len()] {
            assert_eq!(messages(&stream, step), [BYE, INVITE], "step {step}");
        }
    }

    #[test]
    fn a_body_without_its_length_ends_where_a_message_begins() {
        let loose = b"INVITE sip:a@h SIP/2.0\r\nCall-ID: 1\r\n\r\nv=0\r\ns=-\r\n";
        assert_eq!(next(&[&loose[..], BYE].concat()), Next::Message(loose.len()));
        assert_eq!(next(loose), Next::Message(loose.len()));
        let announced = b"INVITE sip:a@h SIP/2.0\r\nc: application/sdp\r\n\r\n";
        assert_eq!(next(announced), Next::Partial);
        assert_eq!(next(&[announced, &b"v=0\r\ns="[..]].concat()), Next::Partial);
        assert_eq!(next(&[announced, &b"v=0\r\n"[..]].concat()), Next::Message(announced.len() + 5));
        assert_eq!(next(&[announced, BYE].concat()), Next::Message(announced.len()));
    }

    #[test]
    fn what_never_ends_is_not_waited_for() {
        let lying = b"INVITE sip:a@h SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n";
        assert_eq!(next(&[&lying[..], BYE].concat()), Next::Message(lying.len()));
        let lying = b"INVITE sip:a@h SIP/2.0\r\nContent-Length: 131072\r\n\r\n";
        assert_eq!(next(lying), Next::Partial);
        let lying = b"INVITE sip:a@h SIP/2.0\r\nCall-ID: never ending";
        let long = [&lying[..], &vec![b'x'; LONGEST]].concat();
        assert_eq!(next(&long), Next::Message(long.len()));
        assert_eq!(next(&vec![b'x'; LONGEST_LINE]), Next::Junk(LONGEST_LINE));
    }
}
