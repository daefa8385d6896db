//! Any bytes as SIP: one message and all that can be asked of it, a stream, digits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::framing::{self, Next};
use sip::{HeaderName, Message, dtmf_relay, sniff};

fuzz_target!(|bytes: &[u8]| {
    hide_digits(bytes);
    cut_to_the_end(bytes);
    let sniffed = sniff(bytes);
    if let Ok(message) = Message::read(bytes) {
        assert!(sniffed, "what can be read is known by its first line");
        touch(&message, bytes);
    }
});

fn touch(message: &Message<'_>, bytes: &[u8]) {
    assert!((1..=bytes.len()).contains(&message.len()));
    assert!(message.headers().count() <= Message::MOST_HEADERS + 8);
    assert!(message.parts().len() <= Message::MOST_PARTS);
    for &name in HeaderName::ALL {
        for address in message.addresses(name) {
            let _ = (address.user(), address.host(), address.port(), address.parameter("x"));
        }
    }
    let _ =
        (message.call_id(), message.from(), message.to(), message.cseq(), message.via(), message.contact());
    let _ = (message.method(), message.status(), message.content_type(), message.is_truncated());
    let _ = (message.named("X-Any").count(), dtmf_relay::digits(message));
    if let Some(branch) = message.branch() {
        assert!(!branch.is_empty());
    }
    if let Some(description) = message.session_description() {
        assert!(!description.is_empty());
        let _ = sdp::Session::read(description);
    }
}

/// What is masked keeps its length, and no digit can be read from it any more.
fn hide_digits(bytes: &[u8]) {
    let masked = dtmf_relay::masked(bytes);
    assert_eq!(masked.len(), bytes.len());
    let digit = Message::read(&masked).ok().and_then(|message| dtmf_relay::digits(&message));
    assert!(digit.is_none_or(|read| read.digit == '*'));
}

/// A stream always moves on, and never past what there is.
fn cut_to_the_end(mut bytes: &[u8]) {
    while let Next::Message(length) | Next::KeepAlive(length) | Next::Junk(length) = framing::next(bytes) {
        assert!(length > 0);
        bytes = bytes.get(length..).expect("no longer than what there is");
    }
}
