//! What a direction is, by its first octets.

use sip::framing::{self, Next};
use tls::Opening;

use crate::upgrade::{self, Head};
use crate::websocket;

/// What the octets so far tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guess {
    /// Not enough.
    More,
    /// So many octets tell nothing and can go.
    Junk(usize),
    Sip,
    /// The request or the response that leads to WebSocket.
    Upgrade,
    /// A frame of WebSocket.
    Frames,
    Tls(Opening),
    Foreign,
}

/// What begins with these is nothing that SIP travels in.
const FOREIGN: [&[u8]; 12] = [
    b"SSH-",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"CONNECT ",
    b"PRI * HTTP/2",
    b"RTSP/",
    b"220 ",
    b"220-",
    b"EHLO ",
    b"+OK",
    b"* OK",
];
/// So many first octets tell text from what is none.
const FEW: usize = 16;

/// Looks at the first octets of a direction. One that was joined in its middle may begin with anything.
pub(crate) fn look(octets: &[u8], joined: bool) -> Guess {
    let line_ends = octets.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
    let octets = octets.get(line_ends..).unwrap_or_default();
    let is_text = |octet: &u8| !octet.is_ascii_control() || octet.is_ascii_whitespace();
    match octets {
        [] => Guess::More,
        [20..=24] | [20..=24, 3] | [20..=24, 3, _] | [20..=24, 3, _, _] | [20..=24, 3, _, _, _] => {
            Guess::More
        }
        [20..=24, 3, ..] if tls::sniff(octets).is_some() => {
            tls::sniff(octets).map_or(Guess::More, Guess::Tls)
        }
        _ if octets.starts_with(b"GET ") || octets.starts_with(b"HTTP/") => match upgrade::read(octets) {
            Head::Partial => Guess::More,
            Head::Sip(_) => Guess::Upgrade,
            Head::Other => Guess::Foreign,
        },
        _ if FOREIGN.iter().any(|start| octets.starts_with(start)) => Guess::Foreign,
        _ if sip::sniff(octets) => Guess::Sip,
        _ if !joined && !octets.iter().take(FEW).all(is_text) => Guess::Foreign,
        _ => match framing::next(octets) {
            Next::Junk(length) => Guess::Junk(line_ends + length),
            Next::Message(_) | Next::KeepAlive(_) | Next::Partial => Guess::More,
        },
    }
}

/// Looks at a segment of a connection that was joined in its middle: it may begin a record or a frame.
pub(crate) fn look_at_segment(octets: &[u8]) -> Guess {
    match octets {
        _ if sip::sniff(octets) => Guess::Sip,
        _ if websocket::sniff(octets) => Guess::Frames,
        _ => tls::sniff(octets).map_or(Guess::More, Guess::Tls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_begins() {
        for (octets, guess) in [
            (&b""[..], Guess::More),
            (b"\r\n\r\n", Guess::More),
            (b"\r\n\r\nSIP/2.0 200 OK\r\n", Guess::Sip),
            (b"INVITE sip:a@h SIP/2.0\r\n", Guess::Sip),
            (b"INVITE sip:a@h SI", Guess::More),
            (b"\x16\x03\x01\x02\x00\x01", Guess::Tls(Opening::Client)),
            (b"\x16\x03\x03\x00\x7a\x02", Guess::Tls(Opening::Server)),
            (b"\x16\x03\x03\x00\x7a", Guess::More),
            (b"\x16\x03\x03\xff\xff\x02", Guess::Foreign),
            (b"\x00\x00\x00\x2f", Guess::Foreign),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Guess::Foreign),
            (b"GET / HTTP/1.1\r\n\r\n", Guess::Foreign),
            (b"GET / HTTP/1.1\r\n", Guess::More),
            (b"HTTP/1.1 200 OK\r\n\r\n", Guess::Foreign),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nINVITE sip:a@h SIP/2.0\r\n", Guess::Junk(36)),
        ] {
            assert_eq!(look(octets, false), guess, "{}", octets.escape_ascii());
        }
        assert_eq!(look(b"\x00\x00\x00\x2f", true), Guess::More);
        assert_eq!(look(b"IP4 192.0.2.1\r\nm=audio", true), Guess::Junk(15));
    }
}
