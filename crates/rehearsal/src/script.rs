//! What the two parties tell each other by SIP: a basic call (RFC 3665, section 3.1) over UDP.

use std::net::SocketAddrV4;

use crate::speech::SAMPLES;

/// A party, and where it is.
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) signalling: SocketAddrV4,
    pub(crate) media: SocketAddrV4,
}

/// The call's names.
pub(crate) struct Script<'a> {
    pub(crate) caller: &'a Party,
    pub(crate) callee: &'a Party,
    pub(crate) call_id: &'a str,
}

impl Script<'_> {
    pub(crate) fn invite(&self) -> String {
        self.request("INVITE", 1, "", &self.description(self.caller))
    }

    pub(crate) fn ringing(&self) -> String {
        self.response("180 Ringing", 1, "INVITE", "")
    }

    pub(crate) fn answer(&self) -> String {
        self.response("200 OK", 1, "INVITE", &self.description(self.callee))
    }

    pub(crate) fn ack(&self) -> String {
        self.request("ACK", 1, TO_TAG, "")
    }

    pub(crate) fn bye(&self) -> String {
        self.request("BYE", 2, TO_TAG, "")
    }

    pub(crate) fn ended(&self) -> String {
        self.response("200 OK", 2, "BYE", "")
    }

    fn request(&self, method: &str, cseq: u32, to_tag: &str, body: &str) -> String {
        let uri = format!("sip:{}@{}", self.callee.name, self.callee.signalling);
        self.message(&format!("{method} {uri} SIP/2.0"), &format!("{cseq} {method}"), to_tag, body)
    }

    fn response(&self, status: &str, cseq: u32, method: &str, body: &str) -> String {
        self.message(&format!("SIP/2.0 {status}"), &format!("{cseq} {method}"), TO_TAG, body)
    }

    fn message(&self, first: &str, cseq: &str, to_tag: &str, body: &str) -> String {
        let (from, to, id) = (self.caller, self.callee, self.call_id);
        let branch = cseq.replace(' ', "");
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{first}\r\n\
             Via: SIP/2.0/UDP {at};branch=z9hG4bK{branch}\r\n\
             From: <sip:{from}@{at}>;tag=rehearsal\r\n\
             To: <sip:{to}@{to_at}>{to_tag}\r\n\
             Call-ID: {id}\r\n\
             CSeq: {cseq}\r\n\
             Max-Forwards: 70\r\n\
             {kind}Content-Length: {length}\r\n\r\n{body}",
            at = from.signalling,
            from = from.name,
            to = to.name,
            to_at = to.signalling,
            length = body.len(),
        )
    }

    fn description(&self, of: &Party) -> String {
        let (host, port, ptime) = (of.media.ip(), of.media.port(), SAMPLES / 8);
        format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:{ptime}\r\n"
        )
    }
}

const TO_TAG: &str = ";tag=audience";
