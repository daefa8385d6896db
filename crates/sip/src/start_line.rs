//! The first line of a message (RFC 3261, sections 7.1 and 7.2), and telling from it that bytes are SIP at all.

use std::borrow::Cow;

use crate::lines;
use crate::message::ReadError;
use crate::method::Method;
use crate::text;

/// A request line or a status line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartLine<'a> {
    /// `INVITE sip:bob@example.com SIP/2.0`
    Request {
        /// The method, [`Method::Other`] where it is not in the set.
        method: Method,
        /// The method as it was sent.
        token: &'a [u8],
        /// The Request-URI as it was sent.
        uri: Cow<'a, str>,
    },
    /// `SIP/2.0 180 Ringing`
    Status {
        /// 100 to 699, as it was sent.
        code: u16,
        /// The reason phrase; empty where none was sent.
        reason: Cow<'a, str>,
    },
}

impl<'a> StartLine<'a> {
    /// Reads the line, given without its end.
    pub(crate) fn read(line: &'a [u8]) -> Result<StartLine<'a>, ReadError> {
        match line.split_at_checked(VERSION.len()) {
            Some((version, rest)) if version.eq_ignore_ascii_case(VERSION) => StartLine::status(rest),
            _ => StartLine::request(line),
        }
    }

    /// Reads what follows the version: ` 180 Ringing`.
    fn status(rest: &'a [u8]) -> Result<StartLine<'a>, ReadError> {
        let error = ReadError::StatusCode { length: rest.len() };
        let code = leading_code(rest).filter(|code| (100..700).contains(code)).ok_or(error)?;
        let reason = rest.get(4..).unwrap_or_default();
        Ok(StartLine::Status { code, reason: text::plain(text::trim(reason)) })
    }

    /// The URI is all between the first and the last word: some devices put a space into it.
    fn request(line: &'a [u8]) -> Result<StartLine<'a>, ReadError> {
        let error = ReadError::StartLine { length: line.len() };
        let token = leading_token(line).ok_or(error)?;
        let (uri, version) = split_version(line.get(token.len()..).unwrap_or_default()).ok_or(error)?;
        if version.eq_ignore_ascii_case(VERSION) {
            return Ok(StartLine::Request { method: Method::of(token), token, uri: text::plain(uri) });
        }
        Err(if is_version(version) { ReadError::Version { length: version.len() } } else { error })
    }
}

/// The hundreds of a status code (RFC 3261, section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StatusClass {
    /// 1xx: received, being worked on.
    Provisional,
    /// 2xx: understood and accepted.
    Success,
    /// 3xx: more has to be done elsewhere.
    Redirection,
    /// 4xx: the request cannot be fulfilled here.
    ClientError,
    /// 5xx: the server failed a valid request.
    ServerError,
    /// 6xx: no server can fulfil it.
    GlobalFailure,
}

impl StatusClass {
    /// Every class, in the order of their labels in metrics.
    pub const ALL: [StatusClass; 6] = [
        StatusClass::Provisional,
        StatusClass::Success,
        StatusClass::Redirection,
        StatusClass::ClientError,
        StatusClass::ServerError,
        StatusClass::GlobalFailure,
    ];

    /// The class of a code; what lies outside 100 to 699 never leaves [`crate::Message::read`] and counts as the last.
    #[must_use]
    pub const fn of(code: u16) -> StatusClass {
        match code {
            0..200 => StatusClass::Provisional,
            200..300 => StatusClass::Success,
            300..400 => StatusClass::Redirection,
            400..500 => StatusClass::ClientError,
            500..600 => StatusClass::ServerError,
            _ => StatusClass::GlobalFailure,
        }
    }

    /// The class as a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StatusClass::Provisional => "1xx",
            StatusClass::Success => "2xx",
            StatusClass::Redirection => "3xx",
            StatusClass::ClientError => "4xx",
            StatusClass::ServerError => "5xx",
            StatusClass::GlobalFailure => "6xx",
        }
    }
}

const VERSION: &[u8] = b"SIP/2.0";

/// A method longer than this is taken for no method, so that foreign traffic is turned away early.
const LONGEST_TOKEN: usize = 32;

/// Do these bytes begin a SIP message? By content alone, after any CRLF keep-alives (RFC 5626, section 3.5.1).
/// Foreign bytes are turned away within their first few; only what opens like a request is read to its line's end.
#[must_use]
pub fn sniff(bytes: &[u8]) -> bool {
    let bytes = skip_keep_alives(bytes);
    if let Some((version, rest)) = bytes.split_at_checked(VERSION.len())
        && version.eq_ignore_ascii_case(VERSION)
    {
        return leading_code(rest).is_some();
    }
    let Some(token) = leading_token(bytes) else { return false };
    let (line, _, _) = lines::split_line(bytes);
    let rest = line.get(token.len()..).unwrap_or_default();
    split_version(rest).is_some_and(|(_, version)| version.eq_ignore_ascii_case(VERSION))
}

/// What follows the line ends that stand between messages.
pub(crate) fn skip_keep_alives(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The method and nothing behind it; `None` where no space follows a token of decent length.
fn leading_token(line: &[u8]) -> Option<&[u8]> {
    let length = line.iter().take(LONGEST_TOKEN + 1).take_while(|&&byte| is_token(byte)).count();
    let space_follows = line.get(length) == Some(&b' ');
    line.get(..length).filter(|token| space_follows && (1..=LONGEST_TOKEN).contains(&token.len()))
}

/// The number of ` 180 Ringing`, which no further digit may follow.
fn leading_code(rest: &[u8]) -> Option<u16> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let &[b' ', a, b, c, ref reason @ ..] = rest else { return None };
    let alone = !reason.first().is_some_and(u8::is_ascii_digit);
    let code = digit(a)? * 100 + digit(b)? * 10 + digit(c)?;
    alone.then_some(code)
}

/// RFC 3261, section 25.1: what a token is made of.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

fn is_version(word: &[u8]) -> bool {
    word.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"))
}

/// The URI and the version, which is the last word.
fn split_version(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = text::trim(rest);
    let at = rest.iter().rposition(|byte| matches!(byte, b' ' | b'\t'))?;
    let (uri, version) = rest.split_at_checked(at)?;
    Some((text::trim(uri), text::trim(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &[u8]) -> (Method, String) {
        match StartLine::read(line).unwrap() {
            StartLine::Request { method, uri, .. } => (method, uri.into_owned()),
            StartLine::Status { .. } => panic!("a status line"),
        }
    }

    #[test]
    fn reads_requests() {
        for (line, method, uri) in [
            (&b"INVITE sip:bob@example.com SIP/2.0"[..], Method::Invite, "sip:bob@example.com"),
            (b"invite sip:bob@example.com sip/2.0", Method::Invite, "sip:bob@example.com"),
            (b"BYE sip:bob@[2001:db8::1]:5060 SIP/2.0", Method::Bye, "sip:bob@[2001:db8::1]:5060"),
            (b"INVITE tel:+4930123456 SIP/2.0", Method::Invite, "tel:+4930123456"),
            (b"INVITE urn:service:sos SIP/2.0", Method::Invite, "urn:service:sos"),
            (b"BREW sip:pot@example.com SIP/2.0", Method::Other, "sip:pot@example.com"),
            (b"INVITE  sip:a b@example.com  SIP/2.0 ", Method::Invite, "sip:a b@example.com"),
        ] {
            assert_eq!(request(line), (method, uri.to_owned()));
            assert!(sniff(line));
        }
    }

    #[test]
    fn reads_statuses() {
        for (line, code, reason) in [
            (&b"SIP/2.0 180 Ringing"[..], 180, "Ringing"),
            (b"SIP/2.0 180", 180, ""),
            (b"sip/2.0 200 ok", 200, "ok"),
            (b"SIP/2.0 486 Besetzt \xfc", 486, "Besetzt ü"),
        ] {
            assert_eq!(StartLine::read(line), Ok(StartLine::Status { code, reason: reason.into() }));
            assert!(sniff(line));
        }
    }

    #[test]
    fn says_why_a_line_is_none() {
        assert_eq!(StartLine::read(b"hello"), Err(ReadError::StartLine { length: 5 }));
        assert_eq!(StartLine::read(b"GET / HTTP/1.1"), Err(ReadError::StartLine { length: 14 }));
        assert_eq!(StartLine::read(b"INVITE sip:a SIP/3.0"), Err(ReadError::Version { length: 7 }));
        assert_eq!(StartLine::read(b"SIP/2.0 20x OK"), Err(ReadError::StatusCode { length: 7 }));
        assert_eq!(StartLine::read(b"SIP/2.0 999 OK"), Err(ReadError::StatusCode { length: 7 }));
        assert_eq!(StartLine::read(b"SIP/2.0 1000 OK"), Err(ReadError::StatusCode { length: 8 }));
    }

    #[test]
    fn sniffs_past_keep_alives() {
        assert!(sniff(b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n"));
        assert!(!sniff(b"\r\n\r\n"));
    }

    #[test]
    fn turns_foreign_traffic_away() {
        for foreign in [
            &b""[..],
            b"\x80\x00\x12\x34\x00\x00\x00\xa0",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0\0\0\0",
            b"SIP/2.0 OK",
            b"INVITE",
            b"INVITE sip:a@b",
            b"RTSP/1.0 200 OK",
            b"d1:ad2:id20:",
        ] {
            assert!(!sniff(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn classes_are_the_hundreds() {
        let labels = [100, 299, 302, 486, 503, 603].map(|code| StatusClass::of(code).as_str());
        assert_eq!(labels, ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"]);
        assert_eq!(StatusClass::ALL.map(StatusClass::as_str), labels);
    }
}
