//! Two phones and what the wire shows of them: the hand that writes the tests of this folder.

use super::*;
use clock::Span;
use flow::{Address, Endpoint, Flow};
use rtp::Frame;

/// alice calls from 192.0.2.1; bob, and whoever else the call is forked to, answers behind 192.0.2.2.
pub(super) struct Net {
    pub(super) tracker: Tracker,
    pub(super) now: Time,
    pub(super) over: Vec<Call>,
    /// More header lines of the next message.
    pub(super) more: String,
    /// The caller's tag.
    pub(super) tag: String,
    pub(super) call_id: String,
    /// The topmost branch of the next messages.
    pub(super) hop: String,
}

pub(super) const ALICE: u8 = 1;
pub(super) const PROXY: u8 = 2;

impl Net {
    pub(super) fn new() -> Net {
        Net {
            tracker: Tracker::new(Config::default()),
            now: Time::from_parts(1_700_000_000, 0),
            over: Vec::new(),
            more: String::new(),
            tag: "a".to_owned(),
            call_id: "c1@192.0.2.1".to_owned(),
            hop: "z9hG4bKouter".to_owned(),
        }
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += Span::from_secs(1);
            self.tracker.handle_time(self.now);
            self.over.extend(std::iter::from_fn(|| self.tracker.poll_call()));
        }
    }

    pub(super) fn send(&mut self, from: (u8, u16), to: (u8, u16), payload: &[u8]) {
        let end = |(host, port)| Endpoint::new(Address::v4([192, 0, 2, host]), port);
        let frame = Frame { bytes: payload, link: 101, place: None };
        let flow = Flow::new(end(from), end(to));
        self.now += Span::from_ms(10);
        self.tracker.handle_datagram(&Arrival {
            at: self.now,
            flow,
            path: &flow::Path::NONE,
            payload,
            frame,
        });
        self.over.extend(std::iter::from_fn(|| self.tracker.poll_call()));
    }

    fn write(&mut self, start: &str, tags: (&str, &str), cseq: &str, body: &str) -> Vec<u8> {
        let tag = |tag: &str| if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let (call_id, more) = (&self.call_id, std::mem::take(&mut self.more));
        let kind = if body.starts_with("v=0") { "Content-Type: application/sdp\r\n" } else { "" };
        let number = cseq.split_once(' ').map_or("", |(number, _)| number);
        // From and To stand for the sides: the caller's tag tells which is whose.
        let uri = |own: &str| if own == self.tag { "sip:alice@example.com" } else { "sip:bob@example.net" };
        let (from, to) =
            (uri(tags.0), if tags.0 == self.tag { "sip:bob@example.net" } else { "sip:alice@example.com" });
        format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch={}{number}\r\nFrom: <{from}>{}\r\nTo: <{to}>{}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq}\r\n{kind}{more}Content-Length: {}\r\n\r\n{body}",
            self.hop,
            tag(tags.0),
            tag(tags.1),
            body.len()
        )
        .into_bytes()
    }

    /// The caller's request in the dialog with `to_tag`, such as `1 INVITE`.
    pub(super) fn ask(&mut self, cseq: &str, to_tag: &str, body: &str) {
        let start = format!("{} sip:bob@example.net SIP/2.0", cseq.split_once(' ').unwrap().1);
        let tag = self.tag.clone();
        let message = self.write(&start, (&tag, to_tag), cseq, body);
        self.send((ALICE, 5060), (PROXY, 5060), &message);
    }

    /// A response to the caller's request.
    pub(super) fn answer(&mut self, code: u16, cseq: &str, to_tag: &str, body: &str) {
        let tag = self.tag.clone();
        let message = self.write(&format!("SIP/2.0 {code} X"), (&tag, to_tag), cseq, body);
        self.send((PROXY, 5060), (ALICE, 5060), &message);
    }

    /// A request of the callee whose tag is `from_tag`.
    pub(super) fn callee_asks(&mut self, cseq: &str, from_tag: &str, body: &str) {
        let start = format!("{} sip:alice@192.0.2.1 SIP/2.0", cseq.split_once(' ').unwrap().1);
        let tag = self.tag.clone();
        let message = self.write(&start, (from_tag, &tag), cseq, body);
        self.send((PROXY, 5060), (ALICE, 5060), &message);
    }

    /// The caller's response to the callee's request.
    pub(super) fn callee_is_answered(&mut self, code: u16, cseq: &str, from_tag: &str, body: &str) {
        let tag = self.tag.clone();
        let message = self.write(&format!("SIP/2.0 {code} X"), (from_tag, &tag), cseq, body);
        self.send((ALICE, 5060), (PROXY, 5060), &message);
    }

    /// INVITE, 180, 200, ACK with bob, whose tag is `b`: alice listens at 192.0.2.1:4000, bob at 192.0.2.3:6000.
    pub(super) fn set_up(&mut self) {
        self.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
        self.answer(180, "1 INVITE", "b", "");
        self.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
        self.ask("1 ACK", "b", "");
    }

    /// Ten packets from one endpoint to another.
    pub(super) fn media(&mut self, from: (u8, u16), to: (u8, u16), ssrc: u32, payload_type: u8) {
        let first = (self.now.as_ns() / 10_000_000) as u16;
        for seq in 0..10u16 {
            let seq = first.wrapping_add(seq);
            let mut packet = vec![0x80, payload_type];
            packet.extend(seq.to_be_bytes());
            packet.extend((u32::from(seq) * 160).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.extend([0xd5; 160]);
            self.send(from, to, &packet);
        }
    }

    /// Both speak.
    pub(super) fn talk(&mut self) {
        self.media((1, 4000), (3, 6000), 0xa, 0);
        self.media((3, 6000), (1, 4000), 0xb, 0);
    }

    /// Every call, in the order of their ends.
    pub(super) fn end(mut self) -> Vec<Call> {
        self.tracker.handle_end(End::CaptureEnd);
        self.over.extend(std::iter::from_fn(|| self.tracker.poll_call()));
        let counts = self.tracker.counts();
        assert_eq!(counts.calls_seen, self.over.len() as u64);
        self.over
    }

    /// The only call.
    pub(super) fn call(self) -> Call {
        let mut calls = self.end();
        assert_eq!(calls.len(), 1, "{:?}", calls.iter().map(|call| &call.dialog).collect::<Vec<_>>());
        calls.remove(0)
    }
}

/// A description at 192.0.2.`host`.
pub(super) fn sdp(host: u8, port: u16, formats: &str, lines: &str) -> String {
    sdp_at(&format!("192.0.2.{host}"), port, formats, lines)
}

pub(super) fn sdp_at(host: &str, port: u16, formats: &str, lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n{lines}"
    )
}

/// How many packets each side's streams have.
pub(super) fn packets(legs: &crate::Both<Vec<crate::Matched>>) -> [Vec<usize>; 2] {
    Side::BOTH.map(|side| legs.of(side).iter().map(|matched| matched.stream.kept.len()).collect())
}
