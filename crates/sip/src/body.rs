//! Bodies: the parts of a multipart one (RFC 2046, section 5.1), as SIP-I and SIP-T send beside ISUP (RFC 3204), and
//! the session description among them. What a description says is no concern here.

use std::borrow::Cow;

use crate::header::HeaderName;
use crate::lines::{self, Cut};
use crate::list;
use crate::message::Message;
use crate::text;

/// One part of a body, or the whole of one that has no parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Its type, parameters and all; empty where none was sent.
    pub content_type: Cow<'a, str>,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where they begin in the body.
    pub(crate) offset: usize,
}

impl Part<'_> {
    /// Is it of that type? Parameters and case do not matter.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        bare_type(&self.content_type).eq_ignore_ascii_case(media_type)
    }

    /// RFC 8866, section 5: a description opens with its version.
    fn opens_like_a_description(&self) -> bool {
        self.bytes.trim_ascii_start().starts_with(b"v=")
    }
}

impl<'a> Message<'a> {
    /// How many parts of a multipart body are looked at.
    pub const MOST_PARTS: usize = 16;

    /// The parts of the body; one where it is not multipart, none where there is no body.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'a>> {
        let body = self.generous_body();
        if body.is_empty() {
            return Vec::new();
        }
        let content_type = self.content_type().unwrap_or_default();
        if let Some(delimiter) = delimiter(&content_type, body) {
            let parts = split_parts(body, &delimiter);
            if !parts.is_empty() {
                return parts;
            }
        }
        vec![Part { content_type, bytes: body, offset: 0 }]
    }

    /// The session description: an `application/sdp` body, that part of a multipart body, or a body that opens like
    /// one where its type says nothing better.
    #[must_use]
    pub fn session_description(&self) -> Option<&'a [u8]> {
        let parts = self.parts();
        let declared = parts.iter().find(|part| part.is("application/sdp"));
        let found = declared.or_else(|| parts.iter().find(|part| part.opens_like_a_description()));
        found.map(|part| part.bytes).filter(|bytes| !bytes.is_empty())
    }
}

/// What parts are set apart by: the declared boundary, or the first line that looks like one where none is declared
/// or the declared one never comes.
fn delimiter<'a>(content_type: &str, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let declares = media_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
    if !declares {
        return None;
    }
    if let Some(boundary) = list::find_parameter(parameters, "boundary").map(list::unquoted) {
        let delimiter = format!("--{boundary}").into_bytes();
        if !boundary.is_empty() && Lines::of(body).any(|(_, line, _)| line.starts_with(&delimiter)) {
            return Some(Cow::Owned(delimiter));
        }
    }
    let seen =
        Lines::of(body).map(|(_, line, _)| line.trim_ascii_end()).find(|line| looks_like_delimiter(line));
    seen.map(Cow::Borrowed)
}

fn looks_like_delimiter(line: &[u8]) -> bool {
    line.len() > 2 && line.starts_with(b"--")
}

fn split_parts<'a>(body: &'a [u8], delimiter: &[u8]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    let mut from = None;
    for (start, line, end) in Lines::of(body) {
        let Some(tail) = line.strip_prefix(delimiter) else { continue };
        if let Some(from) = from.replace(end) {
            parts.push(read_part(body, from, start));
        }
        if tail.starts_with(b"--") || parts.len() == Message::MOST_PARTS {
            return parts;
        }
    }
    // The closing delimiter did not come: the last part ends where the body does.
    parts.extend(from.filter(|&from| from < body.len()).map(|from| read_part(body, from, body.len())));
    parts
}

/// A part's own headers, up to an empty line, and its bytes. The line end before a delimiter belongs to the
/// delimiter, yet descriptions are read by lines and do not mind to keep it.
fn read_part(body: &[u8], from: usize, to: usize) -> Part<'_> {
    let mut content_type = Cow::Borrowed("");
    let part = body.get(from..to).unwrap_or_default();
    let mut rest = part;
    loop {
        match lines::cut_field(rest) {
            Cut::Field { field, rest: after } => {
                content_type = type_of(field).unwrap_or(content_type);
                rest = after;
            }
            Cut::End { rest } => return Part { content_type, bytes: rest, offset: to - rest.len() },
            Cut::Missing => return Part { content_type, bytes: part, offset: from },
        }
    }
}

fn type_of(field: &[u8]) -> Option<Cow<'_, str>> {
    let (name, value) = field.split_at_checked(lines::position(b':', field)?)?;
    let named = HeaderName::of(text::trim(name)) == HeaderName::ContentType;
    named.then(|| text::value(value.get(1..).unwrap_or_default()))
}

fn bare_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The lines of a body: where each starts, the line, and where the next one starts.
struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Lines<'a> {
    fn of(body: &'a [u8]) -> Lines<'a> {
        Lines { rest: body, offset: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest, _) = lines::split_line(self.rest);
        let start = self.offset;
        self.offset += self.rest.len() - rest.len();
        self.rest = rest;
        Some((start, line, self.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\n";

    fn message(content_type: &str, body: &str) -> Vec<u8> {
        format!("INVITE sip:b@h SIP/2.0\r\nCall-ID: 1\r\n{content_type}\r\n{body}").into_bytes()
    }

    fn description(content_type: &str, body: &str) -> Option<String> {
        let bytes = message(content_type, body);
        let found = Message::read(&bytes).unwrap().session_description().map(<[u8]>::to_vec);
        found.map(|bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned())
    }

    fn sdp() -> Option<String> {
        Some(SDP.trim_end().to_owned())
    }

    #[test]
    fn finds_a_description_by_type_or_by_look() {
        assert_eq!(description("Content-Type: application/sdp\r\n", SDP), sdp());
        assert_eq!(description("c: Application/SDP; charset=utf-8\r\n", SDP), sdp());
        assert_eq!(description("", SDP), sdp());
        assert_eq!(description("Content-Type: application/sdp\r\n", ""), None);
        assert_eq!(description("Content-Type: message/sipfrag\r\n", "SIP/2.0 200 OK\r\n"), None);
    }

    #[test]
    fn finds_the_description_beside_isup() {
        let isup = "Content-Type: application/ISUP;version=itu-t92+\r\nContent-Disposition: signal\r\n\r\n\u{1}\0\r\n\u{2}";
        let sdp_part = format!("Content-Type: application/sdp\r\n\r\n{SDP}");
        for (boundary, parts) in [
            ("boundary=\"u--1\"", format!("--u--1\r\n{isup}\r\n--u--1\r\n{sdp_part}\r\n--u--1--\r\n")),
            ("boundary=u1", format!("preamble\r\n--u1\r\n{sdp_part}\r\n--u1\r\n{isup}\r\n--u1--")),
            ("boundary=u1", format!("--u1\n{isup}\n--u1\n{sdp_part}")),
            ("boundary=lie", format!("--u1\r\n{isup}\r\n--u1\r\n{sdp_part}\r\n--u1--\r\n")),
            ("x=y", format!("--u1\r\n{sdp_part}\r\n--u1\r\n{isup}\r\n--u1--\r\n")),
            ("boundary=u1", format!("--u1\r\n{isup}\r\n--u1\r\n\r\n{SDP}\r\n--u1--\r\n")),
        ] {
            assert_eq!(
                description(&format!("Content-Type: multipart/mixed;{boundary}\r\n"), &parts),
                sdp(),
                "{parts}"
            );
        }
    }

    #[test]
    fn parts_know_where_they_stand() {
        let body = format!(
            "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--b--"
        );
        let bytes = message("Content-Type: multipart/mixed;boundary=b\r\n", &body);
        let message = Message::read(&bytes).unwrap();
        for part in message.parts() {
            let from = message.body_offset() + part.offset;
            assert_eq!(&bytes[from..from + part.bytes.len()], part.bytes);
        }
        assert_eq!(message.parts().len(), 2);
    }

    #[test]
    fn a_length_too_short_does_not_cut_the_description() {
        let typed = "Content-Type: application/sdp\r\nContent-Length: 60\r\n";
        assert_eq!(description(typed, SDP), sdp());
    }

    #[test]
    fn looks_at_a_bounded_number_of_parts() {
        let bytes = message("Content-Type: multipart/mixed;boundary=b\r\n", &"--b\r\n\r\nx\r\n".repeat(5000));
        assert_eq!(Message::read(&bytes).unwrap().parts().len(), Message::MOST_PARTS);
    }
}
