//! Messages as they come, and not as the grammar has them: each must keep Call-ID, both tags, CSeq and body.

use proptest::prelude::*;
use sip::{CSeq, HeaderName, Message, Method, NameAddress, ReadError, StartLine, sniff};

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// An INVITE of the usual shape, its body as long as it says.
fn invite() -> String {
    format!(
        "INVITE sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Alice\" <sip:alice@example.com>;tag=from1\r\n\
         To: <sip:bob@example.com>;tag=to1\r\n\
         Call-ID: 1234@192.0.2.1\r\n\
         CSeq: 102 INVITE\r\n\
         Contact: <sip:alice@192.0.2.1:5060>\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\
         \r\n{SDP}",
        SDP.len()
    )
}

/// What a recording hangs on is all there.
fn kept(bytes: &[u8]) -> Message<'_> {
    assert!(sniff(bytes));
    let message = Message::read(bytes).expect("a message");
    assert_eq!(message.call_id().as_deref(), Some("1234@192.0.2.1"));
    assert_eq!(message.from().expect("a From").tag.as_deref(), Some("from1"));
    assert_eq!(message.to().expect("a To").tag.as_deref(), Some("to1"));
    assert_eq!(message.cseq(), Some(CSeq { number: 102, method: Method::Invite }));
    assert_eq!(message.branch().as_deref(), Some("z9hG4bKabc"));
    let description = String::from_utf8_lossy(message.session_description().expect("a description"));
    assert_eq!(description.replace('\r', "").trim_end(), SDP.replace('\r', "").trim_end());
    message
}

#[test]
fn the_usual_shape() {
    let text = invite();
    let message = kept(text.as_bytes());
    assert_eq!(message.body(), SDP.as_bytes());
    assert_eq!(message.len(), text.len());
    assert!(!message.is_truncated());
    assert_eq!(message.contact().unwrap().uri, "sip:alice@192.0.2.1:5060");
    assert_eq!(message.content_type().as_deref(), Some("application/sdp"));
    assert_eq!(message.header(HeaderName::MaxForwards).next().as_deref(), Some("70"));
    assert_eq!(message.via().unwrap().host, "192.0.2.1");
}

#[test]
fn compact_names() {
    let mut text = invite();
    for (long, compact) in [
        ("Via:", "v:"),
        ("From:", "f:"),
        ("To:", "t:"),
        ("Call-ID:", "i:"),
        ("Contact:", "m:"),
        ("Content-Type:", "c:"),
        ("Content-Length:", "l:"),
        ("Max-Forwards: 70", "k: timer\r\ne: identity\r\ns: Lunch"),
    ] {
        text = text.replace(long, compact);
    }
    let message = kept(text.as_bytes());
    assert_eq!(message.header(HeaderName::Subject).next().as_deref(), Some("Lunch"));
    assert_eq!(message.named("supported").next().as_deref(), Some("timer"));
    assert_eq!(message.named("content-encoding").next().as_deref(), Some("identity"));
}

#[test]
fn folded_headers() {
    let text = invite()
        .replace("Call-ID: ", "Call-ID:\r\n ")
        .replace(";tag=from1", "\r\n\t;tag=from1")
        .replace("102 INVITE", "102\r\n   INVITE");
    kept(text.as_bytes());
}

#[test]
fn request_uris_of_every_kind() {
    for uri in ["sip:bob@[2001:db8::1]:5060", "tel:+4930123456", "urn:service:sos", "sip:b ob@example.com"] {
        let text = invite().replacen("sip:bob@example.com", uri, 1);
        let message = kept(text.as_bytes());
        assert!(matches!(message.start(), StartLine::Request { uri: read, .. } if read == uri));
    }
}

#[test]
fn an_unknown_method() {
    let text = invite().replacen("INVITE", "BREW", 1);
    let message = kept(text.as_bytes());
    assert!(matches!(message.start(), StartLine::Request { method: Method::Other, token: b"BREW", .. }));
}

#[test]
fn a_latin1_display_name() {
    let mut bytes = invite().into_bytes();
    let at = bytes.windows(5).position(|window| window == b"Alice").unwrap();
    bytes[at + 1] = 0xf6;
    assert_eq!(kept(&bytes).from().unwrap().display.as_deref(), Some("Aöice"));
}

#[test]
fn line_feeds_alone() {
    kept(invite().replace("\r\n", "\n").as_bytes());
    kept(invite().replace("\r\n", "\r\r\n").as_bytes());
}

#[test]
fn keep_alives_in_front() {
    let text = format!("\r\n\r\n{}", invite());
    assert_eq!(kept(text.as_bytes()).len(), text.len());
    assert_eq!(Message::read(b"\r\n\r\n").unwrap_err(), ReadError::Empty { length: 4 });
}

#[test]
fn space_before_the_colon() {
    kept(invite().replace(": ", " \t: ").as_bytes());
    kept(invite().replace(": ", ":").as_bytes());
}

#[test]
fn a_status_without_reason() {
    for start in ["SIP/2.0 180", "SIP/2.0 180 ", "sip/2.0 180 Ringing"] {
        let text = invite().replacen("INVITE sip:bob@example.com SIP/2.0", start, 1);
        let message = kept(text.as_bytes());
        assert_eq!((message.status(), message.method()), (Some(180), Some(Method::Invite)));
    }
}

#[test]
fn no_content_length() {
    let text = invite().replace("Content-Length", "X-Length");
    assert_eq!(kept(text.as_bytes()).body(), SDP.as_bytes());
}

#[test]
fn two_messages_in_one_buffer() {
    let both = format!("{}{}", invite(), invite());
    let first = kept(both.as_bytes());
    assert_eq!((first.len(), first.body()), (invite().len(), SDP.as_bytes()));
    assert_eq!(kept(&both.as_bytes()[first.len()..]).len(), invite().len());
}

#[test]
fn lengths_that_lie() {
    let length = |value: &str| invite().replace(&format!("Content-Length: {}", SDP.len()), value);
    for insane in [
        "Content-Length: -5",
        "Content-Length: 99999999999999999999999",
        "Content-Length: x",
        "Content-Length:",
    ] {
        let text = length(insane);
        let message = kept(text.as_bytes());
        assert_eq!((message.body(), message.is_truncated()), (SDP.as_bytes(), false), "{insane}");
    }
    let text = length("Content-Length: 5000");
    let long = kept(text.as_bytes());
    assert_eq!((long.body(), long.is_truncated(), long.len()), (SDP.as_bytes(), true, text.len()));
    let text = length("Content-Length: 20");
    let short = kept(text.as_bytes());
    assert_eq!((short.body(), short.is_truncated()), (&SDP.as_bytes()[..20], false));
    let text = length("Content-Length: x\r\nContent-Length: 20");
    assert_eq!(kept(text.as_bytes()).body().len(), 20);
}

#[test]
fn tags_in_upper_case() {
    kept(invite().replace(";tag=", " ; TAG = ").as_bytes());
}

#[test]
fn a_display_name_full_of_separators() {
    let text = invite().replace("\"Alice\"", r#""A;tag=no <x>, \"B\" \\""#);
    let from = kept(text.as_bytes()).from().unwrap();
    assert_eq!(from.display.as_deref(), Some(r#"A;tag=no <x>, "B" \"#));
    assert_eq!((from.user(), from.host()), (Some("alice"), Some("example.com")));
}

#[test]
fn headers_cut_short() {
    let text = invite();
    let whole = text.find("Contact:").unwrap();
    let message = Message::read(&text.as_bytes()[..whole + 3]).unwrap();
    assert!(message.is_truncated());
    assert_eq!(message.cseq().unwrap().number, 102);
    assert_eq!(message.to().unwrap().tag.as_deref(), Some("to1"));
    assert_eq!((message.contact(), message.body()), (None, &b""[..]));
}

#[test]
fn a_thousand_headers_and_a_hundred_thousand() {
    let many = |count| invite().replace("From:", &format!("{}From:", "X-Noise: 1\r\n".repeat(count)));
    let text = many(1000);
    let message = kept(text.as_bytes());
    assert_eq!((message.named("x-noise").count(), message.omitted_headers()), (1000, 0));
    let text = many(100_000);
    let message = kept(text.as_bytes());
    assert!(message.headers().count() <= Message::MOST_HEADERS + 8);
    assert!(message.omitted_headers() > 90_000);
}

#[test]
fn sixty_kilobytes() {
    let long = "x".repeat(60_000);
    let text = invite().replace("Max-Forwards: 70", &format!("X-Long: {long}"));
    assert_eq!(kept(text.as_bytes()).named("X-Long").next().unwrap().len(), 60_000);
    let body = SDP.repeat(400);
    let text = invite().replace(&format!("Length: {}", SDP.len()), &format!("Length: {}", body.len()));
    let text = text.replace(SDP, &body);
    assert_eq!(Message::read(text.as_bytes()).unwrap().body(), body.as_bytes());
}

#[test]
fn nulls_and_broken_utf8() {
    let text = invite().replace("Max-Forwards: 70", "X-Odd: a\0b\r\n\0\0\r\nno colon here\r\n: no name");
    assert_eq!(kept(text.as_bytes()).named("X-Odd").next().as_deref(), Some("a\0b"));
    let mut bytes = invite().into_bytes();
    let at = bytes.windows(2).position(|window| window == b"70").unwrap();
    bytes[at..at + 2].copy_from_slice(b"\xff\xc3");
    assert_eq!(kept(&bytes).header(HeaderName::MaxForwards).next().as_deref(), Some("ÿÃ"));
}

#[test]
fn values_joined_by_commas() {
    let text = invite()
        .replace(
            "abc;rport\r\n",
            "abc;rport, SIP/2.0/TCP h:5062;branch=second\r\nVia: SIP/2.0/UDP third,\r\n",
        )
        .replace("<sip:alice@192.0.2.1:5060>", "\"a,b\" <sip:a,b@h1>;q=1, <sip:h2>");
    let message = kept(text.as_bytes());
    let hops: Vec<_> = message.header(HeaderName::Via).collect();
    assert_eq!(hops.len(), 3);
    assert_eq!(hops[1], "SIP/2.0/TCP h:5062;branch=second");
    let contacts: Vec<NameAddress> = message.addresses(HeaderName::Contact).collect();
    assert_eq!(contacts.iter().map(|contact| contact.host().unwrap()).collect::<Vec<_>>(), ["h1", "h2"]);
    assert_eq!(message.named("via").count(), 2);
}

#[test]
fn a_cseq_that_overflows() {
    let text = invite().replace("CSeq: 102", "CSeq: 102000000000000");
    let cseq = Message::read(text.as_bytes()).unwrap().cseq();
    assert_eq!(cseq, Some(CSeq { number: u32::MAX, method: Method::Invite }));
}

#[test]
fn errors_have_closed_labels() {
    for (bytes, kind) in [
        (&b""[..], "empty"),
        (b"hello\r\n", "start_line"),
        (b"INVITE sip:a SIP/1.0\r\n", "version"),
        (b"SIP/2.0 abc\r\n", "status_code"),
    ] {
        let error = Message::read(bytes).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(ReadError::KINDS.contains(&kind));
    }
}

/// Reads all there is to read.
fn touch(bytes: &[u8]) -> usize {
    let sniffed = sniff(bytes);
    let _ = (sip::dtmf::masked(bytes), sip::framing::next(bytes));
    let Ok(message) = Message::read(bytes) else { return 0 };
    assert!(sniffed, "what can be read is known by its first line");
    assert!(message.len() <= bytes.len() && message.len() > 0);
    for &name in HeaderName::ALL {
        let _ = message.addresses(name).filter(|address| address.user().is_some()).count();
    }
    let _ = (message.via(), message.branch(), message.cseq(), message.session_description());
    sip::dtmf::digits(&message).map_or(0, |digit| usize::from(digit.digit.is_ascii()))
}

proptest! {
    #[test]
    fn no_mutation_stops_it(mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40), cut in any::<prop::sample::Index>()) {
        let mut bytes = invite().into_bytes();
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        touch(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        touch(&bytes);
    }

    #[test]
    fn no_bytes_stop_it(head in "(INVITE|BYE|INFO) sip:a@h SIP/2.0\r\n", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        touch(&bytes);
        touch(&[head.as_bytes(), &bytes].concat());
    }

    /// What one writes by the grammar, the other reads.
    #[test]
    fn headers_round_trip(
        values in proptest::collection::vec(("X-[A-Za-z0-9]{1,12}", "[!-~]([ -~]{0,30}[!-~])?"), 0..40),
        call_id in "[A-Za-z0-9.@-]{1,30}",
        number: u32,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = b"OPTIONS sip:bob@example.com SIP/2.0\r\n".to_vec();
        for (name, value) in &values {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        let length = body.len();
        bytes.extend_from_slice(format!("Call-ID: {call_id}\r\nCSeq: {number} OPTIONS\r\nContent-Length: {length}\r\n\r\n").as_bytes());
        bytes.extend_from_slice(&body);
        let message = Message::read(&bytes).unwrap();
        let read: Vec<_> = message.headers().take(values.len()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        prop_assert_eq!(read, values);
        prop_assert_eq!(message.call_id().unwrap(), call_id);
        prop_assert_eq!(message.cseq(), Some(CSeq { number, method: Method::Options }));
        prop_assert_eq!(message.body(), body);
    }

    /// Of a message that `rsip` writes, both read the same.
    #[test]
    fn agrees_with_rsip(user in "[a-z0-9]{1,10}", tag in "[A-Za-z0-9]{1,12}", call_id in "[a-z0-9]{1,20}", seq: u32) {
        use rsip::message::HeadersExt;
        use rsip::headers::ToTypedHeader;
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{tag}\r\nFrom: <sip:{user}@example.com>;tag={tag}\r\nTo: <sip:b@example.com>\r\nCall-ID: {call_id}\r\nCSeq: {seq} INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        let theirs = rsip::SipMessage::try_from(text.as_bytes()).unwrap();
        let ours = Message::read(text.as_bytes()).unwrap();
        let from = theirs.from_header().unwrap().typed().unwrap();
        let caller = ours.from().unwrap();
        prop_assert_eq!(caller.user(), from.uri.user());
        prop_assert_eq!(caller.tag, from.tag().map(ToString::to_string));
        let header = theirs.call_id_header().unwrap().to_string();
        prop_assert_eq!(ours.call_id().unwrap(), header.trim_start_matches("Call-ID: "));
        prop_assert_eq!(ours.cseq().unwrap().number, theirs.cseq_header().unwrap().typed().unwrap().seq);
    }
}
