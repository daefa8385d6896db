//! One call between two phones that talk to each other directly: INVITE, 100, 180, 200, ACK, media both ways, BYE
//! and 200 (RFC 3261; the basic call of RFC 3665, section 3.1), with an offer and an answer of G.711 (RFC 4566).

use std::net::{Ipv4Addr, SocketAddrV4};

use clock::{Span, Time};
use g711::Law;
use rsip::headers::UntypedHeader;
use rsip::{Header, Headers, Method, Param, Request, Response, SipMessage, StatusCode, Uri, Version};

use crate::ether::Path;
use crate::media::{Stream, TELEPHONE_EVENT, payload_type};
use crate::rng::SplitMix64;

/// What is said to set a call up and to end it, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The caller's INVITE with its offer.
    Invite,
    /// 100 Trying.
    Trying,
    /// 180 Ringing.
    Ringing,
    /// 200 OK with the answer.
    Answer,
    /// The caller's ACK.
    Ack,
    /// The BYE of either.
    Bye,
    /// The 200 OK to it.
    Ended,
}

impl Step {
    /// What comes after, which is nothing after the last.
    #[must_use]
    pub const fn next(self) -> Option<Step> {
        match self {
            Step::Invite => Some(Step::Trying),
            Step::Trying => Some(Step::Ringing),
            Step::Ringing => Some(Step::Answer),
            Step::Answer => Some(Step::Ack),
            Step::Ack => Some(Step::Bye),
            Step::Bye => Some(Step::Ended),
            Step::Ended => None,
        }
    }
}

/// Who of the two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Party {
    /// Who sent the INVITE.
    Caller,
    /// Who answered it.
    Callee,
}

/// One party's addresses, name and media.
#[derive(Clone, Debug)]
struct Phone {
    user: String,
    tag: String,
    address: Ipv4Addr,
    media_port: u16,
    stream: Stream,
}

impl Phone {
    fn signalling(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, SIP_PORT)
    }

    fn uri(&self) -> Uri {
        Uri {
            scheme: Some(rsip::Scheme::Sip),
            auth: Some((self.user.as_str(), None::<&str>).into()),
            host_with_port: std::net::SocketAddr::from(self.signalling()).into(),
            ..Uri::default()
        }
    }
}

const SIP_PORT: u16 = 5060;

/// One call from its first message to its last.
#[derive(Clone, Debug)]
pub struct Call {
    id: u64,
    law: Law,
    caller: Phone,
    callee: Phone,
    invited_at: Time,
    rings_for: Span,
    talks_for: Span,
    /// Who has had enough first.
    ended_by: Party,
}

impl Call {
    /// Call `number` of a load: it begins at `invited_at` and carries `packets` of media each way. Its addresses are
    /// nobody else's among the first 131071; the caller dials `digits` once it is through.
    #[must_use]
    pub fn new(number: u32, invited_at: Time, packets: u32, law: Law, digits: Vec<u8>, seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed ^ (u64::from(number) << 32));
        let [_, b, c, d] = number.wrapping_add(1).to_be_bytes();
        let mut phone = |address, user, digits| Phone {
            user,
            tag: format!("{:08x}", rng.draw() as u32),
            address,
            media_port: 16_384 + 2 * rng.below(8_192) as u16,
            stream: Stream::new(law, digits, &mut rng),
        };
        let caller = phone(Ipv4Addr::new(10, b, c, d), format!("1{number:06}"), digits);
        // The callees are in the range set aside for benchmarks (RFC 2544), which is not a private one.
        let callee = phone(Ipv4Addr::new(198, 18 | (b & 1), c, d), format!("2{number:06}"), vec![]);
        Call {
            id: rng.draw(),
            law,
            caller,
            callee,
            invited_at,
            rings_for: Span::from_ms(800 + rng.below(400) as i64),
            talks_for: Span::from_ms(i64::from(packets) * 20),
            ended_by: if rng.below(2) == 0 { Party::Caller } else { Party::Callee },
        }
    }

    /// When `step` is seen.
    #[must_use]
    pub fn time_of(&self, step: Step) -> Time {
        let answered = Span::from_ms(60) + self.rings_for;
        let since_invite = match step {
            Step::Invite => Span::ZERO,
            Step::Trying => Span::from_ms(4),
            Step::Ringing => Span::from_ms(60),
            Step::Answer => answered,
            Step::Ack => answered + Span::from_ms(15),
            Step::Bye => answered + self.talks_for + Span::from_ms(30),
            Step::Ended => answered + self.talks_for + Span::from_ms(42),
        };
        self.invited_at + since_invite
    }

    /// When `party` sends media packet `n`: the callee speaks as soon as it has answered, the caller when it knows.
    #[must_use]
    pub fn time_of_packet(&self, party: Party, n: u32) -> Time {
        let after_answer = match party {
            Party::Caller => Span::from_ns(17_301_000),
            Party::Callee => Span::from_ns(2_117_000),
        };
        let sent = Span::from_ns(Stream::PACKET_TIME.as_ns() * i64::from(n));
        self.time_of(Step::Answer) + after_answer + sent
    }

    /// What `party` says.
    #[must_use]
    pub fn stream(&self, party: Party) -> &Stream {
        &self.phone(party).stream
    }

    /// The way of the media that `party` sends.
    #[must_use]
    pub fn media_path(&self, party: Party) -> Path {
        let port = |phone: &Phone| SocketAddrV4::new(phone.address, phone.media_port);
        let service = 0xb8;
        let path = Path { source: port(&self.caller), destination: port(&self.callee), service };
        if party == Party::Caller { path } else { path.reversed() }
    }

    /// The way of the message of `step`.
    #[must_use]
    pub fn signalling_path(&self, step: Step) -> Path {
        let service = 0x60;
        let (source, destination) = (self.caller.signalling(), self.callee.signalling());
        let path = Path { source, destination, service };
        if self.sender(step) == Party::Caller { path } else { path.reversed() }
    }

    fn sender(&self, step: Step) -> Party {
        match (step, self.ended_by) {
            (Step::Invite | Step::Ack, _) => Party::Caller,
            (Step::Trying | Step::Ringing | Step::Answer, _) => Party::Callee,
            (Step::Bye, party) => party,
            (Step::Ended, Party::Caller) => Party::Callee,
            (Step::Ended, Party::Callee) => Party::Caller,
        }
    }

    /// The message of `step` as it goes over the wire.
    #[must_use]
    pub fn message(&self, step: Step) -> Vec<u8> {
        let (caller, callee) = (Party::Caller, Party::Callee);
        let message: SipMessage = match step {
            Step::Invite => self.request(Method::Invite, caller, self.sdp(caller)).into(),
            Step::Trying => self.response(StatusCode::Trying, Method::Invite, caller, None).into(),
            Step::Ringing => self.response(StatusCode::Ringing, Method::Invite, caller, None).into(),
            Step::Answer => self.response(StatusCode::OK, Method::Invite, caller, self.sdp(callee)).into(),
            Step::Ack => self.request(Method::Ack, caller, None).into(),
            Step::Bye => self.request(Method::Bye, self.ended_by, None).into(),
            Step::Ended => self.response(StatusCode::OK, Method::Bye, self.ended_by, None).into(),
        };
        message.into()
    }

    fn request(&self, method: Method, by: Party, body: Option<String>) -> Request {
        let mut headers = self.headers(method, by, method != Method::Invite);
        headers.push(rsip::headers::MaxForwards::from(70).into());
        headers.push(rsip::headers::UserAgent::new("Bench phone 1.0").into());
        if method != Method::Bye {
            headers.push(self.contact(by));
        }
        let body = finish(&mut headers, body);
        Request { method, uri: self.phone(other(by)).uri(), version: Version::V2, headers, body }
    }

    /// The response to a request that `by` sent.
    fn response(&self, status_code: StatusCode, method: Method, by: Party, body: Option<String>) -> Response {
        let mut headers = self.headers(method, by, status_code != StatusCode::Trying);
        if method == Method::Invite {
            headers.push(self.contact(other(by)));
        }
        let body = finish(&mut headers, body);
        Response { status_code, version: Version::V2, headers, body }
    }

    /// What the requests that `by` sends and the responses to them have alike: which transaction, which dialog.
    fn headers(&self, method: Method, by: Party, to_is_tagged: bool) -> Headers {
        let (from, to) = (self.phone(by), self.phone(other(by)));
        // An ACK to a 2xx is a transaction of its own.
        let branch = format!("z9hG4bK{:016x}{}", self.id, method.to_string().to_lowercase());
        let tag = |phone: &Phone| Param::Tag(phone.tag.as_str().into());
        let via = rsip::typed::Via {
            version: Version::V2,
            transport: rsip::Transport::Udp,
            uri: Uri { scheme: None, auth: None, ..from.uri() },
            params: vec![Param::Branch(branch.into())],
        };
        let from = rsip::typed::From {
            display_name: Some(format!("\"Phone {}\"", from.user)),
            uri: from.uri(),
            params: vec![tag(from)],
        };
        let to_params = if to_is_tagged { vec![tag(to)] } else { vec![] };
        let to = rsip::typed::To { display_name: None, uri: to.uri(), params: to_params };
        let seq = if method == Method::Bye { 2 } else { 1 };
        let call_id = format!("{:016x}@{}", self.id, self.caller.address);
        let headers: Vec<Header> = vec![
            via.into(),
            from.into(),
            to.into(),
            rsip::headers::CallId::new(call_id).into(),
            rsip::typed::CSeq { seq, method }.into(),
        ];
        headers.into()
    }

    fn contact(&self, party: Party) -> Header {
        let uri = self.phone(party).uri();
        rsip::typed::Contact { display_name: None, uri, params: vec![] }.into()
    }

    /// The offer of the caller or the answer of the callee: one audio, the law they share and telephone events.
    fn sdp(&self, party: Party) -> Option<String> {
        let phone = self.phone(party);
        let (address, port, format) = (phone.address, phone.media_port, payload_type(self.law));
        let session = self.id >> 33;
        let name = if self.law == Law::Mu { "PCMU" } else { "PCMA" };
        Some(format!(
            "v=0\r\n\
             o=- {session} {session} IN IP4 {address}\r\n\
             s=-\r\n\
             c=IN IP4 {address}\r\n\
             t=0 0\r\n\
             m=audio {port} RTP/AVP {format} {TELEPHONE_EVENT}\r\n\
             a=rtpmap:{format} {name}/8000\r\n\
             a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000\r\n\
             a=fmtp:{TELEPHONE_EVENT} 0-15\r\n\
             a=ptime:20\r\n\
             a=sendrecv\r\n"
        ))
    }

    fn phone(&self, party: Party) -> &Phone {
        match party {
            Party::Caller => &self.caller,
            Party::Callee => &self.callee,
        }
    }
}

const fn other(party: Party) -> Party {
    match party {
        Party::Caller => Party::Callee,
        Party::Callee => Party::Caller,
    }
}

/// Adds the headers that go with the body, and gives the body's bytes.
fn finish(headers: &mut Headers, body: Option<String>) -> Vec<u8> {
    if body.is_some() {
        headers.push(rsip::headers::ContentType::new("application/sdp").into());
    }
    let body = body.unwrap_or_default().into_bytes();
    headers.push(rsip::headers::ContentLength::from(body.len() as u32).into());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsip::prelude::*;

    fn call(number: u32) -> Call {
        Call::new(number, Time::from_parts(1_769_854_500, 0), 3_000, Law::Mu, vec![], 1)
    }

    fn text(call: &Call, step: Step) -> String {
        String::from_utf8(call.message(step)).unwrap()
    }

    #[test]
    fn its_messages_read_back_with_one_dialog() {
        for call in [call(0), call(1), call(70_000)] {
            let mut step = Some(Step::Invite);
            while let Some(now) = step {
                let message = SipMessage::try_from(call.message(now)).unwrap();
                let (from, to) = (message.from_header().unwrap(), message.to_header().unwrap());
                let tags = [from.tag().unwrap(), to.tag().unwrap()].map(|tag| tag.map(|tag| tag.to_string()));
                let expected = match (now, call.ended_by) {
                    (Step::Invite | Step::Trying, _) => [Some(call.caller.tag.clone()), None],
                    (Step::Bye | Step::Ended, Party::Callee) => {
                        [&call.callee, &call.caller].map(|phone| Some(phone.tag.clone()))
                    }
                    _ => [&call.caller, &call.callee].map(|phone| Some(phone.tag.clone())),
                };
                assert_eq!(tags, expected, "{now:?}");
                let length = message.body().len().to_string();
                assert!(text(&call, now).contains(&format!("Content-Length: {length}\r\n")));
                step = now.next();
            }
        }
    }

    #[test]
    fn its_offer_and_answer_name_where_the_media_goes() {
        let call = call(257);
        for (step, party) in [(Step::Invite, Party::Callee), (Step::Answer, Party::Caller)] {
            let destination = call.media_path(party).destination;
            let body = text(&call, step);
            assert!(body.contains(&format!("c=IN IP4 {}\r\n", destination.ip())));
            assert!(body.contains(&format!("m=audio {} RTP/AVP 0 101\r\n", destination.port())));
        }
        assert!(text(&call, Step::Invite).starts_with("INVITE sip:2000257@198.18.1.2:5060 SIP/2.0\r\n"));
        assert!(text(&call, Step::Answer).starts_with("SIP/2.0 200 OK\r\n"));
    }

    #[test]
    fn its_steps_and_packets_are_in_order() {
        let call = call(3);
        let mut step = Step::Invite;
        while let Some(next) = step.next() {
            assert!(call.time_of(step) < call.time_of(next));
            step = next;
        }
        for party in [Party::Caller, Party::Callee] {
            assert!(call.time_of(Step::Answer) < call.time_of_packet(party, 0));
            assert!(call.time_of_packet(party, 2_999) < call.time_of(Step::Bye));
            assert!(call.time_of_packet(party, 2_999) + Stream::PACKET_TIME < call.time_of(Step::Ended));
        }
    }
}
