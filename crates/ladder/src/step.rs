//! One message of a ladder, and the words that it is shown by.

use std::net::{IpAddr, SocketAddr};

use clock::Time;
use flow::Flow;
use sdp::{Format, Media, MediaKind, Session};
use sip::{Message, Method, StartLine};

use crate::text;

/// One SIP message on its way from one host to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When it was captured.
    pub at: Time,
    /// Who sent it to whom.
    pub flow: Flow,
    /// What it is: `INVITE`, `180 Ringing`, `200 OK (INVITE)`.
    pub label: String,
    /// What its session description says in short: `SDP PCMU/PCMA 192.0.2.1:4000 sendrecv`.
    pub detail: Option<String>,
    /// Was the same message sent the same way before?
    pub retransmission: bool,
}

impl Step {
    /// The step of a message; whether it is a retransmission is for others to tell.
    pub(crate) fn new(at: Time, flow: Flow, message: &Message<'_>) -> Step {
        let detail = message.session_description().map(description);
        Step { at, flow, label: label(message), detail, retransmission: false }
    }
}

/// How long a label and a detail may be, in characters.
pub(crate) const LONGEST_LABEL: usize = 44;
pub(crate) const LONGEST_DETAIL: usize = 72;

/// A response says what it answers, but for the ringing of an INVITE, where that goes without saying.
fn label(message: &Message<'_>) -> String {
    let label = match message.start() {
        StartLine::Request { token, .. } => String::from_utf8_lossy(token).into_owned(),
        StartLine::Status { code, reason } => {
            // The method is worth more than the end of a long reason.
            let phrase = text::fit(&format!("{code} {reason}"), LONGEST_LABEL - " (SUBSCRIBE)".len());
            match message.method() {
                Some(Method::Invite) if *code < 200 => phrase,
                Some(method) => format!("{} ({})", phrase.trim_end(), method.as_str()),
                None => phrase,
            }
        }
    };
    text::fit(label.trim_end(), LONGEST_LABEL)
}

/// The first audio, or whatever comes first where there is none, and how many other media there are.
fn description(body: &[u8]) -> String {
    let Ok(session) = Session::read(body) else { return "SDP that cannot be read".to_owned() };
    let audio = session.media.iter().find(|media| media.kind == MediaKind::Audio);
    let shown = match audio.or(session.media.first()) {
        None => "SDP without media".to_owned(),
        Some(media) => match session.media.len() - 1 {
            0 => format!("SDP {}", media_in_short(media)),
            others => format!("SDP {}, {others} more media", media_in_short(media)),
        },
    };
    text::fit(&shown, LONGEST_DETAIL)
}

fn media_in_short(media: &Media) -> String {
    if media.is_rejected() {
        return format!("{} refused", kind(media.kind));
    }
    let formats = if media.is_fax() { "T.38".to_owned() } else { encodings(&media.formats) };
    let formats = if formats.is_empty() { kind(media.kind).to_owned() } else { formats };
    let encrypted = if media.is_secure() { " SRTP" } else { "" };
    format!("{formats} {} {}{encrypted}", endpoint(media.address, media.port), media.direction.as_str())
}

/// `PCMU/PCMA+events`: the names in order, telephone-events last, comfort noise left out.
fn encodings(formats: &[Format]) -> String {
    const SHOWN: usize = 3;
    const EVENTS: &str = "TELEPHONE-EVENT";
    let mut names: Vec<&str> = Vec::new();
    for format in formats.iter().filter(|format| !["CN", EVENTS].contains(&format.encoding.as_str())) {
        let name = if format.encoding.is_empty() { "?" } else { format.encoding.as_str() };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut joined = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join("/");
    if names.len() > SHOWN {
        joined += "/…";
    }
    if formats.iter().any(|format| format.encoding == EVENTS) {
        joined += "+events";
    }
    joined
}

fn endpoint(address: Option<IpAddr>, port: u16) -> String {
    address.map_or_else(|| format!("?:{port}"), |address| SocketAddr::new(address, port).to_string())
}

const fn kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Image => "image",
        MediaKind::Text => "text",
        MediaKind::Application => "application",
        MediaKind::Message => "message",
        MediaKind::Other => "media",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(bytes: &[u8]) -> String {
        label(&Message::read(bytes).unwrap())
    }

    #[test]
    fn names_requests_by_their_method_as_it_was_sent() {
        assert_eq!(labelled(b"INVITE sip:bob@h SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"), "INVITE");
        assert_eq!(labelled(b"Ping sip:bob@h SIP/2.0\r\n\r\n"), "Ping");
    }

    #[test]
    fn names_responses_and_what_they_answer() {
        assert_eq!(labelled(b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"), "180 Ringing");
        assert_eq!(labelled(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"), "200 OK (INVITE)");
        assert_eq!(labelled(b"SIP/2.0 100 Trying\r\nCSeq: 2 BYE\r\n\r\n"), "100 Trying (BYE)");
        assert_eq!(labelled(b"SIP/2.0 200\r\nCSeq: 2 BYE\r\n\r\n"), "200 (BYE)");
        assert_eq!(labelled(b"SIP/2.0 200 OK\r\n\r\n"), "200 OK");
    }

    #[test]
    fn a_reason_is_bounded_and_disarmed() {
        let long = format!("SIP/2.0 603 \x1b[2J{}\r\nCSeq: 1 INVITE\r\n\r\n", "no ".repeat(500));
        assert_eq!(labelled(long.as_bytes()), "603 ?[2Jno no no no no no no no… (INVITE)");
    }

    #[test]
    fn says_in_short_what_a_description_offers() {
        for (media, expected) in [
            ("m=audio 4000 RTP/AVP 0 8\r\n", "SDP PCMU/PCMA 192.0.2.1:4000 sendrecv"),
            (
                "m=audio 4000 RTP/AVP 8 13 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
                "SDP PCMA+events 192.0.2.1:4000 sendonly",
            ),
            ("m=audio 4000 RTP/SAVP 0 8 9 18 96\r\n", "SDP PCMU/PCMA/G722/… 192.0.2.1:4000 sendrecv SRTP"),
            (
                "m=video 5000 RTP/AVP 34\r\nm=audio 0 RTP/AVP 0\r\nm=text 1 RTP/AVP 98\r\n",
                "SDP audio refused, 2 more media",
            ),
            ("m=image 4000 udptl t38\r\n", "SDP T.38 192.0.2.1:4000 sendrecv"),
            ("m=audio 4000 RTP/AVP 97\r\nc=IN IP6 2001:db8::1\r\n", "SDP ? [2001:db8::1]:4000 sendrecv"),
            ("m=application 9 TCP/BFCP *\r\n", "SDP application 192.0.2.1:9 sendrecv"),
            ("", "SDP without media"),
        ] {
            let body =
                format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}");
            assert_eq!(description(body.as_bytes()), expected);
        }
        assert_eq!(description(b"nonsense"), "SDP that cannot be read");
    }
}
