//! Made-up traffic for the targets that drive whole machines: a few calls, a few addresses and ports, so that what is
//! made by chance meets.

pub mod codec;

use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// What happens next on the wire.
#[derive(Arbitrary, Debug)]
pub enum Step {
    Request {
        call: u8,
        from_caller: bool,
        method: u8,
        cseq: u8,
        callee_tag: u8,
        body: Option<Description>,
    },
    Response {
        call: u8,
        from_caller: bool,
        status: u8,
        method: u8,
        cseq: u8,
        callee_tag: u8,
        body: Option<Description>,
    },
    /// A call as it should be: invited, answered, acknowledged.
    Call {
        call: u8,
        offer: Description,
        answer: Description,
    },
    Media(Burst),
    /// A sender report beside, or at, the port of the media.
    Report {
        from: u8,
        to: u8,
        ssrc: u8,
        beside: bool,
        cname: u8,
    },
    Raw {
        from: u8,
        to: u8,
        payload: Vec<u8>,
    },
    Wait {
        ms: u16,
    },
    /// A leap of the capture's clock, either way.
    Leap {
        seconds: i32,
    },
    /// A time stamp of a damaged capture.
    Clock {
        at_ns: i64,
    },
}

/// A session description.
#[derive(Arbitrary, Debug)]
pub struct Description {
    at: u8,
    flags: u8,
    direction: u8,
    candidate: u8,
    formats: u8,
}

/// Packets of one stream.
#[derive(Arbitrary, Debug)]
pub struct Burst {
    from: u8,
    to: u8,
    ssrc: u8,
    seq: u16,
    ticks: u32,
    count: u8,
    format: u8,
    size: u8,
    every_ms: u8,
}

/// A UDP datagram in an IPv4 packet.
pub struct Sent {
    pub at: Time,
    pub flow: Flow,
    pub packet: Vec<u8>,
}

impl Sent {
    pub fn payload(&self) -> &[u8] {
        &self.packet[HEADERS..]
    }
}

/// IPv4 and UDP.
pub const HEADERS: usize = 28;

const METHODS: [&str; 10] =
    ["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REFER", "OPTIONS", "X"];
const STATUS: [u16; 12] = [100, 180, 183, 200, 202, 302, 401, 407, 408, 486, 500, 603];
const PAYLOAD_TYPES: [u8; 6] = [0, 8, 13, 101, 96, 9];
const SIZES: [usize; 6] = [0, 1, 4, 80, 160, 1400];

/// Lets `step` happen at `now`, and moves `now` on.
pub fn happen(step: &Step, now: &mut Time, send: &mut dyn FnMut(Sent)) {
    let mut send = |at: Time, source, destination, payload: &[u8]| {
        send(Sent { at, flow: Flow::new(source, destination), packet: packet(source, destination, payload) });
    };
    match step {
        Step::Request { call, from_caller, method, cseq, callee_tag, body } => {
            let (method, tag) = (METHODS[usize::from(*method) % METHODS.len()], callee_tag % 3);
            let message = request(*call, *from_caller, method, *cseq, tag, body.as_ref());
            let (source, destination) = signalling(*call, *from_caller);
            send(*now, source, destination, message.as_bytes());
        }
        Step::Response { call, from_caller, status, method, cseq, callee_tag, body } => {
            let (method, tag) = (METHODS[usize::from(*method) % METHODS.len()], callee_tag % 3);
            let status = STATUS[usize::from(*status) % STATUS.len()];
            let message = response(*call, *from_caller, status, method, *cseq, tag, body.as_ref());
            let (source, destination) = signalling(*call, !from_caller);
            send(*now, source, destination, message.as_bytes());
        }
        Step::Call { call, offer, answer } => {
            let (caller, callee) = signalling(*call, true);
            let offer = request(*call, true, "INVITE", 1, 0, Some(offer));
            let answer = response(*call, true, 200, "INVITE", 1, 1, Some(answer));
            send(*now, caller, callee, offer.as_bytes());
            send(*now, callee, caller, answer.as_bytes());
            send(*now, caller, callee, request(*call, true, "ACK", 1, 1, None).as_bytes());
        }
        Step::Media(burst) => {
            for n in 0..burst.count.max(1) {
                send(*now, endpoint(burst.from), endpoint(burst.to), &media(burst, n));
                *now += Span::from_ms(burst.every_ms.into());
            }
        }
        Step::Report { from, to, ssrc, beside, cname } => {
            let beside =
                |endpoint: Endpoint| Endpoint::new(endpoint.address, endpoint.port + u16::from(*beside));
            send(*now, beside(endpoint(*from)), beside(endpoint(*to)), &report(*ssrc, *cname));
        }
        Step::Raw { from, to, payload } => send(*now, endpoint(*from), endpoint(*to), payload),
        Step::Wait { ms } => *now += Span::from_ms(i64::from(*ms) * 10),
        Step::Leap { seconds } => *now += Span::from_secs(i64::from(*seconds)),
        Step::Clock { at_ns } => *now = Time::from_ns(*at_ns),
    }
}

fn host(n: u8) -> [u8; 4] {
    [[10, 0, 0, 1], [10, 0, 0, 2], [192, 0, 2, 3], [192, 0, 2, 4]][usize::from(n % 4)]
}

/// One of sixteen.
fn endpoint(n: u8) -> Endpoint {
    Endpoint::new(Address::v4(host(n)), 4000 + 2 * u16::from(n / 4 % 4))
}

fn signalling(call: u8, from_caller: bool) -> (Endpoint, Endpoint) {
    let phone = |n: u8| Endpoint::new(Address::v4(host(n)), 5060);
    let (caller, callee) = (phone(call % 2), phone(2 + call % 2));
    if from_caller { (caller, callee) } else { (callee, caller) }
}

fn request(
    call: u8,
    from_caller: bool,
    method: &str,
    cseq: u8,
    tag: u8,
    body: Option<&Description>,
) -> String {
    headers(&format!("{method} sip:bob@example.com SIP/2.0"), call, from_caller, method, cseq, tag, body)
}

fn response(
    call: u8,
    from_caller: bool,
    status: u16,
    method: &str,
    cseq: u8,
    tag: u8,
    body: Option<&Description>,
) -> String {
    headers(&format!("SIP/2.0 {status} So"), call, from_caller, method, cseq, tag, body)
}

fn headers(
    start: &str,
    call: u8,
    from_caller: bool,
    method: &str,
    cseq: u8,
    tag: u8,
    body: Option<&Description>,
) -> String {
    let caller = format!("<sip:alice@example.com>;tag=a{}", call / 4 % 2);
    let callee = if tag == 0 {
        "<sip:bob@example.com>".to_owned()
    } else {
        format!("<sip:bob@example.com>;tag=b{tag}")
    };
    let (from, to) = if from_caller { (caller, callee) } else { (callee, caller) };
    let (kind, body) = match (body, method) {
        (Some(body), "INFO") => {
            ("application/dtmf-relay", format!("Signal={}\r\nDuration=160\r\n", body.at % 10))
        }
        (Some(body), _) => ("application/sdp", description(body)),
        (None, _) => ("text/plain", String::new()),
    };
    format!(
        "{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK{cseq}{method}\r\nCall-ID: c{}\r\nFrom: {from}\r\nTo: {to}\r\n\
         CSeq: {} {method}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        call % 4,
        cseq % 4,
        body.len()
    )
}

fn description(said: &Description) -> String {
    let at = endpoint(said.at);
    let address = if said.flags & 0x03 == 0x03 { "0.0.0.0".to_owned() } else { at.address.to_string() };
    let port = if said.flags & 0x0c == 0x0c { 0 } else { at.port };
    let profile = if said.flags & 0x30 == 0x30 { "RTP/SAVP" } else { "RTP/AVP" };
    let direction = ["sendrecv", "sendonly", "recvonly", "inactive"][usize::from(said.direction % 4)];
    let mut text = format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} {profile} 0 8 101 96\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 {}\r\na={direction}\r\n",
        ["opus/48000/2", "PCMU/8000", "L16/1", "x/4294967295"][usize::from(said.formats % 4)]
    );
    if said.candidate & 0x80 != 0 {
        let candidate = endpoint(said.candidate);
        text += &format!("a=candidate:1 1 UDP 1 {} {} typ host\r\n", candidate.address, candidate.port);
    }
    if said.candidate & 0x40 != 0 {
        text += &format!(
            "a=rtcp:{}\r\na=ssrc:{} cname:n{}\r\n",
            at.port + 1,
            said.candidate % 3,
            said.candidate % 3
        );
    }
    if said.flags & 0xc0 == 0xc0 {
        text += &format!("m=video {} RTP/AVP 97\r\n", at.port + 2);
    }
    text
}

fn media(burst: &Burst, n: u8) -> Vec<u8> {
    let size = SIZES[usize::from(burst.size) % SIZES.len()];
    let payload_type = PAYLOAD_TYPES[usize::from(burst.format) % PAYLOAD_TYPES.len()];
    let mut packet = vec![0x80, payload_type];
    packet.extend(burst.seq.wrapping_add(n.into()).to_be_bytes());
    packet.extend(burst.ticks.wrapping_add(u32::from(n) * size as u32).to_be_bytes());
    packet.extend(u32::from(burst.ssrc % 3).to_be_bytes());
    packet.extend((0..size).map(|at| (at as u8).wrapping_mul(n)));
    packet
}

fn report(ssrc: u8, cname: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, ssrc % 3];
    packet.extend([0x81, 202, 0, 3, 0, 0, 0, ssrc % 3, 1, 2, b'n', b'0' + cname % 3, 0, 0, 0, 0]);
    packet
}

fn packet(source: Endpoint, destination: Endpoint, payload: &[u8]) -> Vec<u8> {
    let octets = |endpoint: Endpoint| match endpoint.address.ip() {
        std::net::IpAddr::V4(v4) => v4.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    };
    let total = (HEADERS + payload.len()).min(usize::from(u16::MAX)) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(octets(source));
    packet.extend(octets(destination));
    packet.extend(source.port.to_be_bytes());
    packet.extend(destination.port.to_be_bytes());
    packet.extend((total - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}
