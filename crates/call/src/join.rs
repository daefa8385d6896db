//! With which message a call begins, and how far it had come by then: an INVITE begins one, and where the capture began
//! in the middle, any message that only an INVITE's dialog has.
//!
//! | first message seen | the call |
//! | --- | --- |
//! | INVITE without a tag in To | begins |
//! | 101 to 299 to an INVITE, with a tag in To | was invited already |
//! | PRACK or UPDATE with a description | was invited already, and may be answered |
//! | INVITE with a tag in To, ACK with a description, BYE | was answered already |
//!
//! A refusal, a 100 and an ACK without a description come late as often as early, and tell nothing that a call needs.

use sip::{Message, Method, StartLine};

use crate::dialog::Phase;
use crate::tags::Tags;

/// How a call is joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Joined {
    /// Whether it had begun before.
    pub(crate) joined_late: bool,
    /// How far it had come.
    pub(crate) phase: Phase,
    /// The number of the INVITE that asks for it, where this is known.
    pub(crate) invite: Option<u32>,
}

/// How a call that begins with this message is joined; `None` where none does.
pub(crate) fn joined(message: &Message<'_>, tags: &Tags) -> Option<Joined> {
    let cseq = message.cseq()?;
    let number = Some(cseq.number);
    let late = |phase, invite| Some(Joined { joined_late: true, phase, invite });
    let (in_dialog, describes) =
        (tags.from.is_some() && tags.to.is_some(), || message.session_description().is_some());
    match (message.start(), cseq.method) {
        (StartLine::Request { method: Method::Invite, .. }, _) if tags.to.is_none() => {
            Some(Joined { joined_late: false, phase: Phase::Calling, invite: number })
        }
        (StartLine::Request { method: Method::Invite, .. }, _) => late(Phase::Answered, number),
        (StartLine::Request { method: Method::Bye, .. }, _) if in_dialog => late(Phase::Answered, None),
        (StartLine::Request { method: Method::Ack, .. }, _) if in_dialog && describes() => {
            late(Phase::Answered, number)
        }
        (StartLine::Request { method: Method::Prack | Method::Update, .. }, _)
            if in_dialog && describes() =>
        {
            late(Phase::Calling, None)
        }
        (StartLine::Status { code: 101..=299, .. }, Method::Invite) if in_dialog => {
            late(Phase::Calling, number)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_invites_dialog_has_begins_a_call() {
        let sdp = "Content-Type: application/sdp\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 0\r\n";
        for (start, to, cseq, rest, joined_as) in [
            ("INVITE sip:b SIP/2.0", "", "1 INVITE", "\r\n", Some((false, Phase::Calling, Some(1)))),
            ("INVITE sip:b SIP/2.0", ";tag=b", "7 INVITE", "\r\n", Some((true, Phase::Answered, Some(7)))),
            ("SIP/2.0 183 Progress", ";tag=b", "3 INVITE", "\r\n", Some((true, Phase::Calling, Some(3)))),
            ("SIP/2.0 200 OK", ";tag=b", "3 INVITE", "\r\n", Some((true, Phase::Calling, Some(3)))),
            ("ACK sip:b SIP/2.0", ";tag=b", "3 ACK", sdp, Some((true, Phase::Answered, Some(3)))),
            ("UPDATE sip:b SIP/2.0", ";tag=b", "4 UPDATE", sdp, Some((true, Phase::Calling, None))),
            ("PRACK sip:b SIP/2.0", ";tag=b", "4 PRACK", sdp, Some((true, Phase::Calling, None))),
            ("BYE sip:b SIP/2.0", ";tag=b", "4 BYE", "\r\n", Some((true, Phase::Answered, None))),
            ("BYE sip:b SIP/2.0", "", "4 BYE", "\r\n", None),
            ("ACK sip:b SIP/2.0", ";tag=b", "3 ACK", "\r\n", None),
            ("UPDATE sip:b SIP/2.0", ";tag=b", "4 UPDATE", "\r\n", None),
            ("SIP/2.0 100 Trying", ";tag=b", "3 INVITE", "\r\n", None),
            ("SIP/2.0 486 Busy Here", ";tag=b", "3 INVITE", "\r\n", None),
            ("SIP/2.0 200 OK", ";tag=b", "3 BYE", "\r\n", None),
            ("SIP/2.0 200 OK", ";tag=b", "3 REGISTER", "\r\n", None),
            ("REGISTER sip:b SIP/2.0", "", "1 REGISTER", "\r\n", None),
            ("OPTIONS sip:b SIP/2.0", "", "1 OPTIONS", "\r\n", None),
            ("SUBSCRIBE sip:b SIP/2.0", "", "1 SUBSCRIBE", "\r\n", None),
            ("NOTIFY sip:b SIP/2.0", ";tag=b", "1 NOTIFY", "\r\n", None),
            ("PUBLISH sip:b SIP/2.0", "", "1 PUBLISH", "\r\n", None),
            ("MESSAGE sip:b SIP/2.0", ";tag=b", "1 MESSAGE", "\r\n", None),
        ] {
            let text = format!("{start}\r\nFrom: <sip:a>;tag=a\r\nTo: <sip:b>{to}\r\nCSeq: {cseq}\r\n{rest}");
            let message = Message::read(text.as_bytes()).unwrap();
            let told = joined(&message, &Tags::of(&message).unwrap());
            assert_eq!(told.map(|it| (it.joined_late, it.phase, it.invite)), joined_as, "{start} {to}");
        }
    }
}
