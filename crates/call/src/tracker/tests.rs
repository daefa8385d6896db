//! What floods and false time stamps do to the calls that are running: nothing.

use super::*;
use crate::placement::MOST_STREAMS_A_CALL;
use clock::Span;
use flow::{Address, Endpoint, Flow};
use rtp::Frame;

const CALLER: [u8; 4] = [192, 0, 2, 1];
const CALLEE: [u8; 4] = [192, 0, 2, 2];
const STRANGER: [u8; 4] = [198, 51, 100, 9];

struct Wire {
    tracker: Tracker,
    now: Time,
    over: Vec<Call>,
}

impl Wire {
    fn new(calls: usize, streams: usize) -> Wire {
        let limits = rtp::Limits { streams, ..rtp::Limits::default() };
        let tracker = Tracker::new(Config { calls, streams: limits, ..Config::default() });
        Wire { tracker, now: Time::from_parts(1_700_000_000, 0), over: Vec::new() }
    }

    fn send(&mut self, from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) {
        let end = |(host, port)| Endpoint::new(Address::v4(host), port);
        let frame = Frame { bytes: payload, link: 101, place: None };
        let flow = Flow::new(end(from), end(to));
        self.tracker.handle_datagram(&Arrival { at: self.now, flow, payload, frame });
        self.over.extend(std::iter::from_fn(|| self.tracker.poll_call()));
    }

    fn invite(&mut self, from: [u8; 4], call_id: &str, port: u16, extra: &str) {
        let message = message("INVITE sip:b@x SIP/2.0", call_id, "", &described(from, port), extra);
        self.send((from, 5060), (CALLEE, 5060), &message);
    }

    fn answer(&mut self, to: [u8; 4], call_id: &str, port: u16) {
        let message = message("SIP/2.0 200 OK", call_id, ";tag=b", &described(CALLEE, port), "");
        self.send((CALLEE, 5060), (to, 5060), &message);
    }

    fn media(&mut self, seq: u16) {
        self.send((CALLER, 4000), (CALLEE, 6000), &rtp(7, seq));
        self.send((CALLEE, 6000), (CALLER, 4000), &rtp(8, seq));
    }

    /// A call between the two, answered and speaking.
    fn running_call(&mut self) {
        self.invite(CALLER, "running", 4000, "");
        self.answer(CALLER, "running", 6000);
        self.media(1);
        self.media(2);
    }

    fn end(mut self) -> (Vec<Call>, Tracker) {
        self.tracker.handle_end(End::CaptureEnd);
        self.over.extend(std::iter::from_fn(|| self.tracker.poll_call()));
        (self.over, self.tracker)
    }
}

fn described(host: [u8; 4], port: u16) -> String {
    let [a, b, c, d] = host;
    format!(
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 {a}.{b}.{c}.{d}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    )
}

fn message(start: &str, call_id: &str, to_tag: &str, body: &str, extra: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>{to_tag}\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\n{extra}Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn rtp(ssrc: u32, seq: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(seq.to_be_bytes());
    packet.extend((u32::from(seq) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xff; 160]);
    packet
}

/// The packets of both legs of the running call, and how it ended.
fn running(over: &[Call]) -> (usize, End) {
    let call = over.iter().find(|call| call.dialog.call_id == "running").unwrap();
    let packets =
        Side::BOTH.iter().flat_map(|&side| call.legs.of(side)).map(|matched| matched.stream.kept.len());
    (packets.sum(), call.end)
}

#[test]
fn a_flood_of_invites_ends_no_running_call() {
    let mut wire = Wire::new(20, 100);
    wire.running_call();
    for n in 0..500u16 {
        wire.now += Span::from_ms(500);
        wire.media(n + 3);
        wire.invite(STRANGER, &format!("flood{n}"), 1024 + n, "");
        if n % 3 == 0 {
            wire.answer(STRANGER, &format!("flood{n}"), 7000 + n);
        }
    }
    assert!(wire.tracker.open_calls() <= 20 && wire.tracker.counts().calls_evicted > 400);
    assert_eq!(running(&wire.end().0), (1004, End::CaptureEnd));
}

/// What a call may have come to that is still in the table.
#[derive(Clone, Copy, Debug)]
enum Lingers {
    Unheard,
    Ringing,
    AnsweredWithoutMedia,
    Speaking,
    Ended,
    Refused,
}

impl Wire {
    fn lingering(&mut self, n: u16, as_what: Lingers) {
        let call_id = format!("lingers{n}");
        self.invite(STRANGER, &call_id, 20_000 + 2 * n, "");
        let reply = |start: &str| message(start, &call_id, ";tag=b", "", "");
        match as_what {
            Lingers::Unheard => {}
            Lingers::Ringing => self.send((CALLEE, 5060), (STRANGER, 5060), &reply("SIP/2.0 180 Ringing")),
            Lingers::AnsweredWithoutMedia => self.answer(STRANGER, &call_id, 30_000 + 2 * n),
            Lingers::Speaking => {
                self.answer(STRANGER, &call_id, 30_000 + 2 * n);
                for seq in 1..3 {
                    self.send(
                        (STRANGER, 20_000 + 2 * n),
                        (CALLEE, 30_000 + 2 * n),
                        &rtp(900 + u32::from(n), seq),
                    );
                }
            }
            Lingers::Ended => {
                self.answer(STRANGER, &call_id, 30_000 + 2 * n);
                let bye = String::from_utf8(reply("BYE sip:b@x SIP/2.0")).unwrap();
                self.send((STRANGER, 5060), (CALLEE, 5060), bye.replace("1 INVITE", "2 BYE").as_bytes());
            }
            Lingers::Refused => self.send((CALLEE, 5060), (STRANGER, 5060), &reply("SIP/2.0 486 Busy Here")),
        }
    }
}

#[test]
fn no_new_call_is_refused_because_old_ones_linger() {
    for lingers in [
        Lingers::Unheard,
        Lingers::Ringing,
        Lingers::AnsweredWithoutMedia,
        Lingers::Speaking,
        Lingers::Ended,
        Lingers::Refused,
    ] {
        let mut wire = Wire::new(10, 100);
        for n in 0..10 {
            wire.lingering(n, lingers);
        }
        assert_eq!((wire.tracker.open_calls(), wire.over.len()), (10, 0), "{lingers:?}");
        wire.running_call();
        assert_eq!((wire.tracker.open_calls(), wire.over.len()), (10, 1), "{lingers:?}: one made room");
        assert_eq!(wire.tracker.counts().calls_evicted, 1);
        wire.media(3);
        let (over, tracker) = wire.end();
        assert_eq!(running(&over), (6, End::CaptureEnd), "{lingers:?}");
        assert_eq!((tracker.counts().calls_seen, over.len()), (11, 11), "each has an end");
    }
}

#[test]
fn of_too_many_calls_with_one_call_id_the_one_that_speaks_stays() {
    let mut wire = Wire::new(1000, 100);
    wire.running_call();
    for n in 0..200 {
        let message = String::from_utf8(message("INVITE sip:b@x SIP/2.0", "running", "", "", "")).unwrap();
        wire.send(
            (STRANGER, 5060),
            (CALLEE, 5060),
            message.replace("tag=a", &format!("tag=x{n}")).as_bytes(),
        );
    }
    wire.media(3);
    let (over, _) = wire.end();
    assert!(over.iter().any(|call| call.legs.caller.len() == 1 && call.end == End::CaptureEnd));
}

#[test]
fn a_flood_of_streams_leaves_nothing_behind() {
    let mut wire = Wire::new(20, 50);
    wire.running_call();
    for n in 0..2000u32 {
        wire.send((STRANGER, 4000), (CALLEE, 6000 + 2 * (n % 9) as u16), &rtp(100 + n, 1));
        wire.send((STRANGER, 4000), (CALLEE, 6000 + 2 * (n % 9) as u16), &rtp(100 + n, 2));
        wire.send((STRANGER, 4001), (CALLEE, 6001), &[0x80, 201, 0, 1, 0, 0, (n >> 8) as u8, n as u8]);
        let [endpoints, told_of, ..] = wire.tracker.media.table_lens();
        assert!(endpoints <= 2 * 50 && told_of <= 50 && wire.tracker.open_streams() <= 50);
    }
    wire.media(3);
    let (over, tracker) = wire.end();
    assert!(running(&over).0 >= 6);
    assert_eq!(tracker.media.table_lens(), [0; 4]);
}

#[test]
fn strays_do_not_keep_the_media_of_a_call_out() {
    let mut wire = Wire::new(20, 5000);
    wire.invite(CALLER, "running", 4000, "");
    wire.answer(CALLER, "running", 6000);
    for n in 0..2000 {
        wire.send((STRANGER, 4000), (CALLEE, 6000), &rtp(100 + n, 1));
        wire.send((STRANGER, 4000), (CALLEE, 6000), &rtp(100 + n, 2));
    }
    for seq in 0..100 {
        wire.media(seq);
        let n = 5000 + u32::from(seq);
        wire.send((STRANGER, 4000), (CALLEE, 6000), &rtp(n, 1));
        wire.send((STRANGER, 4000), (CALLEE, 6000), &rtp(n, 2));
    }
    let (over, tracker) = wire.end();
    let call = over.first().unwrap();
    let longest = |side| call.legs.of(side).iter().map(|matched| matched.stream.kept.len()).max();
    assert_eq!((longest(Side::Caller), longest(Side::Callee)), (Some(100), Some(100)));
    assert_eq!(call.legs.caller.len() + call.legs.callee.len(), MOST_STREAMS_A_CALL);
    let rtp = tracker.counts().rtp;
    assert_eq!(rtp.attached + rtp.orphan, 2 * 2000 + 4 * 100);
}

#[test]
fn signalling_takes_no_more_memory_than_it_may() {
    let mut wire = Wire::new(100_000, 50);
    wire.tracker.config.signalling_bytes = 2_000_000;
    wire.running_call();
    for n in 0..200 {
        wire.invite(STRANGER, &format!("filled{n}"), 4000, &format!("X: {}\r\n", "x".repeat(3000)));
        wire.invite(STRANGER, &format!("long{n}{}", "x".repeat(30_000)), 4000, "");
        assert!(wire.tracker.calls.weight() <= 2_000_000, "{}", wire.tracker.calls.weight());
    }
    let (over, tracker) = wire.end();
    assert_eq!((running(&over), tracker.calls.weight()), ((4, End::CaptureEnd), 0));
    let kept: usize = over.iter().flat_map(|call| &call.messages).map(|message| message.frame.len()).sum();
    assert!((20_000..2_000_000).contains(&kept), "{kept}");
    let whole = |call: &&Call| call.dialog.call_id == "running" && call.messages_dropped == 0;
    assert_eq!(over.iter().filter(whole).count(), 1);
}

#[test]
fn one_time_stamp_of_another_century_stops_no_clock() {
    let mut wire = Wire::new(20, 50);
    let now = wire.now;
    wire.now = Time::from_ns(i64::MAX);
    wire.send((STRANGER, 1), (STRANGER, 1), &rtp(1, 1));
    wire.now = now;
    wire.running_call();
    for wrong in [Time::from_ns(i64::MAX), Time::from_parts(4_000_000_000, 0), Time::default()] {
        wire.now = wrong;
        wire.send((STRANGER, 1), (STRANGER, 1), &rtp(1, 1));
        assert_eq!(wire.tracker.open_calls(), 1, "{wrong}");
    }
    wire.now = now + Span::from_secs(1000);
    for seq in 2..5 {
        wire.send((STRANGER, 1), (STRANGER, 1), &rtp(1, seq));
    }
    assert_eq!(wire.tracker.open_calls(), 0, "neither media nor signalling came for long");
    assert_eq!(running(&wire.over), (4, End::MediaTimeout));
}
