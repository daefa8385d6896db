//! Dialled digits in SIP INFO: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and `application/dtmf` (`5`),
//! which every vendor sends and no RFC defines; and hiding them, since card numbers are dialled. Digits in RTP
//! (RFC 4733) do not belong here.

use std::ops::Range;

use crate::body::Part;
use crate::message::Message;
use crate::method::Method;
use crate::text;

/// A digit that an INFO carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InfoDigit {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// How long the key was held, where the sender says so.
    pub duration_ms: Option<u32>,
}

/// The digit of an INFO request; `None` for any other message, and for signals that are no digit, such as a flash.
#[must_use]
pub fn digits(message: &Message<'_>) -> Option<InfoDigit> {
    if message.method() != Some(Method::Info) || message.status().is_some() {
        return None;
    }
    let parts = message.parts();
    let part = parts.iter().find(|part| is_relay(part))?;
    let digit = digit_of(value_of(part.bytes, "signal").unwrap_or(part.bytes))?;
    let duration = value_of(part.bytes, "duration").and_then(|value| text::plain(value).parse().ok());
    Some(InfoDigit { digit, duration_ms: duration })
}

/// The same bytes with every dialled digit replaced by `*`, in each message they hold. Judged by the bodies alone,
/// whatever the method; in doubt more is hidden rather than less.
#[must_use]
pub fn masked(bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    let mut from = 0;
    while let Some(Ok(message)) = bytes.get(from..).map(Message::read) {
        let body = from + message.body_offset();
        for part in &message.parts() {
            for secret in secrets(part) {
                hide(&mut masked, body + part.offset, secret);
            }
        }
        from += message.len();
    }
    masked
}

fn hide(bytes: &mut [u8], offset: usize, secret: Range<usize>) {
    let secret = bytes.get_mut(offset + secret.start..offset + secret.end).unwrap_or_default();
    for byte in secret.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
        *byte = b'*';
    }
}

/// Where in a part the digits stand.
fn secrets(part: &Part<'_>) -> Vec<Range<usize>> {
    if part.is("application/kpml-response+xml") {
        return quoted_after(part.bytes, b"digits=");
    }
    if !is_relay(part) && !part.is("application/vnd.nortelnetworks.digits") {
        return Vec::new();
    }
    let mut secrets: Vec<_> =
        entries(part.bytes).filter(|(name, _)| names_digit(name)).map(|(_, at)| at).collect();
    if secrets.is_empty() {
        secrets.push(0..part.bytes.len());
    }
    secrets
}

/// Nortel writes `d=`.
fn names_digit(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"signal") || name.eq_ignore_ascii_case(b"d")
}

fn is_relay(part: &Part<'_>) -> bool {
    part.is("application/dtmf-relay")
        || part.is("application/dtmf")
        || part.content_type.is_empty() && value_of(part.bytes, "signal").is_some()
}

/// The `name=value` lines of a body: the name, and where the value stands.
fn entries(body: &[u8]) -> impl Iterator<Item = (&[u8], Range<usize>)> {
    let mut from = 0;
    body.split(|&byte| byte == b'\n').filter_map(move |line| {
        let start = from;
        from += line.len() + 1;
        let equals = line.iter().position(|&byte| byte == b'=')?;
        let name = text::trim(line.get(..equals)?);
        Some((name, start + equals + 1..start + line.len()))
    })
}

fn value_of<'a>(body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (_, at) = entries(body).find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))?;
    body.get(at).map(text::trim)
}

/// The signal as a digit. Some gateways send the event numbers of RFC 4733 instead: 10 for `*`, 11 for `#`.
fn digit_of(signal: &[u8]) -> Option<char> {
    match text::trim(signal) {
        &[digit @ (b'0'..=b'9' | b'*' | b'#')] => Some(char::from(digit)),
        &[letter @ (b'A'..=b'D' | b'a'..=b'd')] => Some(char::from(letter.to_ascii_uppercase())),
        b"10" => Some('*'),
        b"11" => Some('#'),
        &[b'1', number @ b'2'..=b'5'] => Some(char::from(number - b'2' + b'A')),
        _ => None,
    }
}

/// The quoted values that follow `name`.
fn quoted_after(body: &[u8], name: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = body.get(from..).filter(|rest| rest.len() > name.len()) {
        from += 1;
        let Some([quote @ (b'"' | b'\''), value @ ..]) = rest.strip_prefix(name) else { continue };
        let length = value.iter().position(|byte| byte == quote).unwrap_or(value.len());
        let start = from + name.len();
        found.push(start..start + length);
        from = start + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(content_type: &str, body: &str) -> Vec<u8> {
        let kind =
            if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let length = body.len();
        format!(
            "INFO sip:bob@example.com SIP/2.0\r\nCall-ID: 5@example\r\nCSeq: 5 INFO\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn digit(content_type: &str, body: &str) -> Option<(char, Option<u32>)> {
        let bytes = info(content_type, body);
        digits(&Message::read(&bytes).unwrap()).map(|read| (read.digit, read.duration_ms))
    }

    #[test]
    fn reads_relayed_digits() {
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", Some(('5', Some(160)))),
            ("Signal= #\r\nDuration= 250\r\n", Some(('#', Some(250)))),
            ("signal = *\nduration=x\n", Some(('*', None))),
            ("Signal=10\r\n", Some(('*', None))),
            ("Signal=11", Some(('#', None))),
            ("Signal=15", Some(('D', None))),
            ("Signal=a", Some(('A', None))),
            ("Signal=16\r\n", None),
            ("Signal=hf\r\n", None),
            ("Duration=160\r\n", None),
        ] {
            assert_eq!(digit("application/dtmf-relay", body), expected, "{body}");
        }
        assert_eq!(digit("Application/DTMF", "7\r\n"), Some(('7', None)));
        assert_eq!(digit("", "Signal=7\r\n"), Some(('7', None)));
        assert_eq!(digit("text/plain", "Signal=7\r\n"), None);
    }

    #[test]
    fn only_an_info_dials() {
        let bytes = String::from_utf8(info("application/dtmf", "7")).unwrap();
        let response = bytes.replace("INFO sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
        assert_eq!(digits(&Message::read(response.as_bytes()).unwrap()), None);
        let notify = bytes.replace("INFO", "NOTIFY");
        assert_eq!(digits(&Message::read(notify.as_bytes()).unwrap()), None);
    }

    #[test]
    fn hides_digits_and_nothing_else() {
        for (kind, body, hidden) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=*\r\nDuration=160\r\n"),
            ("application/dtmf-relay", "Duration=160\r\nSignal= 11\r\n", "Duration=160\r\nSignal= **\r\n"),
            ("application/dtmf", "5\r\n", "*\r\n"),
            ("", "Signal=5\r\n", "Signal=*\r\n"),
            ("application/kpml-response+xml", "<k digits=\"4711\" tag='1'/>", "<k digits=\"****\" tag='1'/>"),
            ("application/sdp", "v=0\r\no=- 5 5 IN IP4 h\r\n", "v=0\r\no=- 5 5 IN IP4 h\r\n"),
        ] {
            let expected = info(kind, hidden);
            assert_eq!(masked(&info(kind, body)), expected, "{body}");
        }
    }

    #[test]
    fn hides_in_every_message_of_a_buffer_and_past_a_wrong_length() {
        let two = [info("application/dtmf", "1"), info("application/dtmf-relay", "Signal=2\r\n")].concat();
        let expected =
            [info("application/dtmf", "*"), info("application/dtmf-relay", "Signal=*\r\n")].concat();
        assert_eq!(masked(&two), expected);
        let short = String::from_utf8(info("application/dtmf-relay", "Signal=2\r\n")).unwrap();
        let short = short.replace("Content-Length: 10", "Content-Length: 0");
        assert!(masked(short.as_bytes()).ends_with(b"Signal=*\r\n"));
    }

    #[test]
    fn hides_in_a_part() {
        let body = "--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=9\r\n--b--\r\n";
        let bytes = info("multipart/mixed;boundary=b", body);
        let hidden = masked(&bytes);
        assert_eq!(hidden.len(), bytes.len());
        assert!(hidden.ends_with(b"Signal=*\r\n--b--\r\n"));
    }

    #[test]
    fn leaves_foreign_bytes_alone() {
        assert_eq!(masked(b"\x80\0\x01"), b"\x80\0\x01");
        assert_eq!(masked(b""), b"");
    }
}
