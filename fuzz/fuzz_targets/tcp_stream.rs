//! Any segments of a few connections: in any order, overlapping, reset, joined in the middle, and cut out of streams of
//! SIP, WebSocket and TLS or made of any bytes. Tables stay within their limits, what comes out is a message and is no
//! longer than what went in, and at the end nothing is held.
//!
//! A step is four octets, and bytes where it says so: what and whose, a place in the stream (or time), a length.
#![no_main]

use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use libfuzzer_sys::fuzz_target;
use tls::KeyLog;
use transport::{StreamResult, Streams};
use wire::tcp::Limits;
use wire::{Flags, Segment};

const SIP: &[u8] = b"\r\n\r\nINVITE sip:a@h SIP/2.0\r\nCall-ID: 1\r\nl: 5\r\n\r\nv=0\r\nBYE sip:a@h SIP/2.0\r\nCall-ID: 1\r\n\r\n\
    SIP/2.0 200 OK\r\nContent-Length: 100000\r\n\r\nrubbish\r\nSIP/2.0 180 So\r\nContent-Length: 0\r\n\r\n";
const WEBSOCKET: &[u8] = b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sip\r\n\r\n\x81\x18SIP/2.0 200 OK\r\ni: 1\r\n\r\n\
    \x01\x84\x00\x00\x00\x00SIP/\x89\x00\x80\x0c2.0 200 OK\r\n\xc1\x02xx\x82\x7e\x00\x18SIP/2.0 200 OK\r\ni: 1\r\n\r\n";
const FLAGS: [u8; 8] = [0x10, 0x02, 0x12, 0x11, 0x04, 0x18, 0x03, 0x00];
const LIMITS: Limits = Limits {
    connections: 3,
    bytes: 4000,
    bytes_a_direction: 1500,
    hole: Span::from_secs(3),
    acknowledged_hole: Span::from_ms(50),
    linger: Span::from_secs(10),
};

fuzz_target!(|bytes: &[u8]| {
    let mut streams = Streams::new(LIMITS, keys());
    let mut rest = bytes;
    let (mut at, mut sent, mut came) = (Time::from_parts(1_700_000_000, 0), 0, 0);
    while let Some((&[what, high, low, length], behind)) = rest.split_first_chunk() {
        rest = behind;
        let place = u16::from_be_bytes([high, low]);
        let (flags, len) = (FLAGS[usize::from(what >> 3 & 7)], usize::from(length));
        let payload = match what >> 6 {
            0 => {
                let (payload, behind) = rest.split_at(len.min(rest.len()));
                rest = behind;
                payload
            }
            1 => cut(SIP, place, len),
            2 => cut(WEBSOCKET, place, len),
            _ => {
                at += Span::from_ms(i64::from(place as i16));
                streams.handle_time(at);
                came += polled(&mut streams);
                continue;
            }
        };
        let sequence = u32::MAX.wrapping_sub(100).wrapping_add(place.into());
        let acknowledgment = u32::MAX.wrapping_sub(100).wrapping_add(u32::from(length) << 3);
        let flow = flow(what);
        let segment = Segment {
            flow,
            sequence,
            acknowledgment,
            flags: Flags(flags),
            payload,
            truncated: false,
            packet: None,
            id: 0,
            path: &flow::Path::NONE,
        };
        sent += payload.len();
        streams.handle_segment(at, &segment);
        came += polled(&mut streams);
        let table = streams.table();
        assert!(table.connections <= LIMITS.connections && table.bytes <= LIMITS.bytes, "{table:?}");
        assert!(came <= sent, "{came} octets came of {sent}");
    }
    streams.handle_end(at);
    assert!(came + polled(&mut streams) <= sent);
    let table = streams.table();
    assert_eq!((table.connections, table.bytes), (0, 0));
    let known: u64 = StreamResult::ALL.iter().map(|&result| streams.counts().of(result)).sum();
    assert!(known <= table.segments, "a connection is counted once");
});

/// How many octets of messages there are.
fn polled(streams: &mut Streams) -> usize {
    let mut octets = 0;
    while let Some(received) = streams.poll_message() {
        assert!(sip::sniff(received.message()), "a message is one");
        assert!(received.packet().ends_with(received.message()));
        octets += received.message().len();
    }
    octets
}

/// Streams are as long as they like: they begin again.
fn cut(stream: &'static [u8], place: u16, len: usize) -> &'static [u8] {
    let rest = &stream[usize::from(place) % stream.len()..];
    &rest[..len.min(rest.len())]
}

fn flow(what: u8) -> Flow {
    let end = |last, port| Endpoint::new(Address::v4([192, 0, 2, last]), port);
    let flow = Flow::new(end(1, 40_000 + u16::from(what >> 1 & 3)), end(2, 5061));
    if what & 1 == 0 { flow } else { flow.reversed() }
}

/// Those of the connections in the seeds.
fn keys() -> KeyLog {
    KeyLog::read(include_bytes!("../../fixtures/sipp_tls13.keys")).unwrap_or_default()
}
