//! Any order of offers, answers, ends, media, RTCP and checks of ICE among a few addresses: the tables keep their
//! bounds, every call is open or over, and at the end every packet of RTP was counted once.

#![cfg(test)]

use call::{Arrival, Config, End, Orphans, Side, Tracker};
use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use proptest::prelude::*;
use rtp::{Frame, Limits};

const LIMITS: Limits =
    Limits { streams: 12, look_back: Span::from_secs(10), packets: 600, copied_bytes: 1 << 20 };
const CALLS: usize = 4;

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Signal { call: u8, message: Message, from: u8, describes: u8 },
    Media { from: u8, to: u8, ssrc: u8, seq: u16, count: u8, payload_type: u8 },
    Report { from: u8, to: u8, ssrc: u8 },
    Check { from: u8, to: u8, receiver: u8, sender: u8 },
    Pause { ms: u16 },
}

#[derive(Clone, Copy, Debug)]
enum Message {
    Invite,
    Reinvite,
    Ok,
    Busy,
    Bye,
}

fn step() -> impl Strategy<Value = Step> {
    let message = prop_oneof![
        4 => Just(Message::Invite), 1 => Just(Message::Reinvite), 4 => Just(Message::Ok),
        1 => Just(Message::Busy), 2 => Just(Message::Bye),
    ];
    let end = || 0..12u8;
    prop_oneof![
        4 => (0..5u8, message, end(), end()).prop_map(|(call, message, from, describes)| {
            Step::Signal { call, message, from, describes }
        }),
        8 => (end(), end(), 0..6u8, 0..400u16, 1..30u8, prop_oneof![Just(0u8), Just(34), Just(97)]).prop_map(
            |(from, to, ssrc, seq, count, payload_type)| Step::Media { from, to, ssrc, seq, count, payload_type }
        ),
        1 => (end(), end(), 0..6u8).prop_map(|(from, to, ssrc)| Step::Report { from, to, ssrc }),
        2 => (end(), end(), end(), end()).prop_map(|(from, to, receiver, sender)| {
            Step::Check { from, to, receiver, sender }
        }),
        2 => prop_oneof![0..300u16, 1000..20_000u16].prop_map(|ms| Step::Pause { ms }),
    ]
}

/// Four hosts with three ports each.
fn endpoint(number: u8) -> Endpoint {
    Endpoint::new(Address::v4([192, 0, 2, number % 4]), 4000 + u16::from(number / 4))
}

fn message(step: (u8, Message), describes: u8) -> Vec<u8> {
    let (call, message) = step;
    let Endpoint { address, port } = endpoint(describes);
    let other = endpoint(describes.wrapping_add(5));
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
         a=ice-ufrag:u{describes}\r\na=ssrc:{describes} cname:c{describes}\r\na=rtcp:{}\r\n\
         a=candidate:1 1 udp 1 {} {} typ host\r\nm=video {port} RTP/AVP 97\r\n",
        port + 1,
        other.address,
        other.port
    );
    let (start, to_tag, cseq, body) = match message {
        Message::Invite => ("INVITE sip:b@x SIP/2.0", "", "1 INVITE", body.as_str()),
        Message::Reinvite => ("INVITE sip:b@x SIP/2.0", ";tag=b", "2 INVITE", body.as_str()),
        Message::Ok => ("SIP/2.0 200 OK", ";tag=b", "1 INVITE", body.as_str()),
        Message::Busy => ("SIP/2.0 486 Busy", ";tag=b", "1 INVITE", ""),
        Message::Bye => ("BYE sip:b@x SIP/2.0", ";tag=b", "3 BYE", ""),
    };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK{call}{cseq}\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>{to_tag}\r\n\
         Call-ID: {call}\r\nCSeq: {cseq}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn check(receiver: u8, sender: u8) -> Vec<u8> {
    let name = format!("u{receiver}:u{sender}");
    let mut datagram = vec![0, 1, 0, 4 + name.len() as u8, 0x21, 0x12, 0xa4, 0x42];
    datagram.extend([0; 12]);
    datagram.extend([0, 6, 0, name.len() as u8]);
    datagram.extend(name.as_bytes());
    datagram
}

/// A tracker that is watched.
struct Watched {
    tracker: Tracker,
    now: Time,
    offered: u64,
    over: u64,
}

impl Watched {
    fn send(&mut self, from: Endpoint, to: Endpoint, payload: &[u8]) {
        let frame = Frame { bytes: payload, link: 101, place: None };
        let flow = Flow::new(from, to);
        self.tracker.handle_datagram(&Arrival {
            at: self.now,
            flow,
            path: &flow::Path::NONE,
            payload,
            frame,
        });
        while let Some(call) = self.tracker.poll_call() {
            self.over += 1;
            assert!(call.refused.len() <= 16);
            let streams = Side::BOTH.iter().flat_map(|&side| call.legs.of(side));
            assert!(streams.into_iter().all(|one| (0.0..=1.0).contains(&one.why.confidence)));
        }
        assert!(self.tracker.open_calls() <= CALLS && self.tracker.open_streams() <= LIMITS.streams);
        assert_eq!(self.tracker.counts().calls_seen, self.tracker.open_calls() as u64 + self.over);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Signal { call, message: kind, from, describes } => {
                let host = |number| Endpoint::new(endpoint(number).address, 5060);
                self.send(host(from), host(from.wrapping_add(1)), &message((call, kind), describes));
            }
            Step::Media { from, to, ssrc, seq, count, payload_type } => {
                for n in 0..u16::from(count) {
                    let mut packet = vec![0x80, payload_type];
                    packet.extend((seq + n).to_be_bytes());
                    packet.extend((u32::from(seq + n) * 160).to_be_bytes());
                    packet.extend(u32::from(ssrc).to_be_bytes());
                    packet.extend([0xff; 20]);
                    self.offered += 1;
                    self.now += Span::from_ms(20);
                    self.send(endpoint(from), endpoint(to), &packet);
                }
            }
            Step::Report { from, to, ssrc } => {
                let mut report = vec![0x80, 201, 0, 1];
                report.extend(u32::from(ssrc).to_be_bytes());
                self.send(endpoint(from), endpoint(to), &report);
            }
            Step::Check { from, to, receiver, sender } => {
                self.send(endpoint(from), endpoint(to), &check(receiver, sender));
            }
            Step::Pause { ms } => self.now += Span::from_ms(i64::from(ms)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_bounded_and_counted_once(
        steps in prop::collection::vec(step(), 1..120), record in any::<bool>()
    ) {
        let orphans = if record { Orphans::Record } else { Orphans::Drop };
        let config = Config { streams: LIMITS, calls: CALLS, orphans, ..Config::default() };
        let now = Time::from_parts(1_700_000_000, 0);
        let mut watched = Watched { tracker: Tracker::new(config), now, offered: 0, over: 0 };
        for step in steps {
            watched.take(step);
        }
        let Watched { mut tracker, offered, mut over, .. } = watched;
        tracker.handle_end(End::CaptureEnd);
        while tracker.poll_call().is_some() {
            over += 1;
        }
        let counts = tracker.counts();
        prop_assert_eq!((tracker.open_calls(), tracker.open_streams(), counts.calls_seen), (0, 0, over));
        let rtp = counts.rtp;
        prop_assert_eq!(rtp.attached + rtp.orphan + rtp.probation + rtp.refused + rtp.malformed, offered);
    }
}
