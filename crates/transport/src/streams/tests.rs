//! Connections of made-up segments, against the messages that were sent through them.

use clock::Span;
use flow::{Address, Endpoint, Flow};
use proptest::prelude::*;
use wire::Flags;

use super::*;
use crate::counts::StreamResult;

const SYN: u8 = 0x02;
const FIN: u8 = 0x01;

fn flow(port: u16) -> Flow {
    let end = |last, port| Endpoint::new(Address::v4([192, 0, 2, last]), port);
    Flow::new(end(1, port), end(2, 5060))
}

fn message(n: usize, body: usize) -> Vec<u8> {
    let body = "v=0\r\n".repeat(body);
    let length = body.len();
    format!("INVITE sip:{n}@h SIP/2.0\r\nCall-ID: {n}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

struct Wire {
    streams: Streams,
    at: Time,
}

impl Wire {
    fn new() -> Wire {
        Wire {
            streams: Streams::new(Limits::default(), KeyLog::default()),
            at: Time::from_parts(1_700_000_000, 0),
        }
    }

    fn send(&mut self, flow: Flow, flags: u8, sequence: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        let (flags, acknowledgment) = (Flags(flags), 0);
        let segment = Segment {
            flow,
            sequence,
            acknowledgment,
            flags,
            payload,
            truncated: false,
            packet: None,
            id: 0,
            path: &flow::Path::NONE,
        };
        self.streams.handle_segment(self.at, &segment);
        self.poll()
    }

    fn poll(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.streams.poll_message())
            .map(|received| received.message().to_vec())
            .collect()
    }

    fn end(&mut self) -> Vec<Vec<u8>> {
        self.streams.handle_end(self.at);
        self.poll()
    }

    fn result(&mut self) -> Vec<(StreamResult, u64)> {
        self.end();
        let counts = self.streams.counts();
        let all = StreamResult::ALL.iter().map(|&result| (result, counts.of(result)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

#[test]
fn a_message_has_its_connections_flow_and_the_time_of_its_last_segment() {
    let mut wire = Wire::new();
    let whole = message(1, 300);
    wire.send(flow(9), SYN, 0, b"");
    assert!(wire.send(flow(9), 0, 1, &whole[..700]).is_empty());
    wire.at += Span::from_ms(30);
    let segment = Segment {
        flow: flow(9),
        sequence: 701,
        acknowledgment: 0,
        flags: Flags(0),
        payload: &whole[700..],
        truncated: false,
        packet: None,
        path: &flow::Path::NONE,
        id: 0,
    };
    wire.streams.handle_segment(wire.at, &segment);
    let received = wire.streams.poll_message().unwrap();
    assert_eq!((received.at, received.flow, received.message()), (wire.at, flow(9), &whole[..]));
    assert!(received.packet().ends_with(&whole));
}

#[test]
fn several_in_a_segment_and_one_in_many() {
    let mut wire = Wire::new();
    let all: Vec<Vec<u8>> = (0..3).map(|n| message(n, n)).collect();
    wire.send(flow(9), SYN, 0, b"");
    assert_eq!(wire.send(flow(9), 0, 1, &[&b"\r\n\r\n"[..], &all.concat()].concat()), all);
    let mut came = vec![];
    for (sequence, octet) in (5 + all.concat().len() as u32..).zip(all.concat()) {
        came.extend(wire.send(flow(9), 0, sequence, &[octet]));
    }
    assert_eq!(came, all);
    assert_eq!(wire.result(), [(StreamResult::Sip, 1)]);
}

#[test]
fn is_joined_in_the_middle_of_a_message() {
    let mut wire = Wire::new();
    let (cut, whole) = (message(1, 50), message(2, 2));
    assert!(wire.send(flow(9), 0, 500, &cut[80..]).is_empty());
    let next = 500 + (cut.len() - 80) as u32;
    assert_eq!(wire.send(flow(9), 0, next, &whole), std::slice::from_ref(&whole));
    assert_eq!(wire.send(flow(9).reversed(), 0, 77, &whole), [whole]);
    assert_eq!((wire.streams.counts().holes, wire.result()), (0, vec![(StreamResult::Sip, 1)]));
}

#[test]
fn goes_on_behind_a_hole() {
    let mut wire = Wire::new();
    let all: Vec<Vec<u8>> = (0..4).map(|n| message(n, 100)).collect();
    let stream = all.concat();
    wire.send(flow(9), SYN, 0, b"");
    let lost = all[0].len() + 300..all[0].len() + 500;
    let mut came = wire.send(flow(9), 0, 1, &stream[..lost.start]);
    came.extend(wire.send(flow(9), 0, 1 + lost.end as u32, &stream[lost.end..]));
    assert_eq!(came, all[..1], "the hole may still be filled");
    wire.at += Span::from_secs(4);
    wire.streams.handle_time(wire.at);
    let cut = all[1][..300].to_vec();
    assert_eq!(wire.poll(), [cut, all[2].clone(), all[3].clone()], "what came of the one with the hole, too");
    assert_eq!(wire.streams.counts().holes, 1);
}

#[test]
fn says_what_each_connection_is() {
    let request: &[u8] = b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    let mut hello = vec![22, 3, 1, 0, 46, 1, 0, 0, 42, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0, 0, 0]);
    for (port, opening, result) in [
        (9, &b"OPTIONS sip:h SIP/2.0\r\n\r\n"[..], StreamResult::Sip),
        (9, request, StreamResult::WebSocket),
        (9, &hello, StreamResult::EncryptedSignalling),
        (9, b"\x17\x03\x03\x00\x20 joined too late to be read, ever", StreamResult::EncryptedSignalling),
        (9, b"GET / HTTP/1.1\r\n\r\n", StreamResult::Other),
        (9, b"\x00\x01\x02", StreamResult::Other),
        (9, &[b'x'; 70_000], StreamResult::Other),
        (9, b"INV", StreamResult::Empty),
        (9, b"", StreamResult::Empty),
    ] {
        let mut wire = Wire::new();
        wire.send(flow(port), SYN, 0, b"");
        for (n, piece) in opening.chunks(1000).enumerate() {
            wire.send(flow(port), 0, 1 + 1000 * n as u32, piece);
        }
        assert_eq!(wire.result(), [(result, 1)], "{}", opening.escape_ascii());
    }
    let mut wire = Wire::new();
    let elsewhere = Flow::new(flow(9).source, Endpoint::new(flow(9).destination.address, 443));
    wire.send(elsewhere, 0, 1, &hello);
    assert_eq!(wire.result(), [(StreamResult::Tls, 1)]);
}

/// A frame of WebSocket.
fn frame(mask: bool, payload: &[u8]) -> Vec<u8> {
    let key: &[u8] = if mask { &[1, 2, 3, 4] } else { &[] };
    let length = (payload.len() as u16).to_be_bytes();
    let masked = payload.iter().enumerate().map(|(n, octet)| octet ^ key.get(n % 4).unwrap_or(&0));
    [&[0x81, if mask { 0xfe } else { 0x7e }], &length[..], key, &masked.collect::<Vec<u8>>()].concat()
}

#[test]
fn reads_websocket_from_its_request_on_and_from_its_middle() {
    let (one, two) = (message(1, 40), message(2, 40));
    let request = b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    let response = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let mut wire = Wire::new();
    wire.send(flow(9), SYN, 0, b"");
    wire.send(flow(9), 0, 1, request);
    // The server's first frame comes in one segment with its response.
    let answer = [&response[..], &frame(false, &two), &frame(false, b"\r\n")].concat();
    assert_eq!(wire.send(flow(9).reversed(), 0, 1, &answer), std::slice::from_ref(&two));
    let next = 1 + request.len() as u32;
    assert_eq!(wire.send(flow(9), 0, next, &frame(true, &one)), std::slice::from_ref(&one));
    assert_eq!(wire.result(), [(StreamResult::WebSocket, 1)]);
    let mut wire = Wire::new();
    let rest = b"\x03\x99 the rest of some frame";
    assert!(wire.send(flow(9), 0, 500, rest).is_empty());
    assert_eq!(wire.send(flow(9), 0, 500 + rest.len() as u32, &frame(true, &one)), [one]);
    assert_eq!(wire.send(flow(9).reversed(), 0, 70, &frame(false, &two)), [two]);
    assert_eq!(wire.result(), [(StreamResult::WebSocket, 1)]);
}

proptest! {
    /// However two directions are cut, repeated and mixed, their messages come out, each once and in order.
    #[test]
    fn the_messages_are_those_that_were_sent(
        bodies in proptest::collection::vec((0usize..60, 0usize..60), 1..6),
        cuts in proptest::collection::vec((any::<bool>(), any::<u16>(), 1usize..400), 0..40),
        step in 20usize..700,
        first in any::<u32>(),
        seed in any::<u64>(),
    ) {
        let sent = |pick: fn(&(usize, usize)) -> usize| -> Vec<Vec<u8>> {
            bodies.iter().map(pick).enumerate().map(|(n, body)| message(n, body)).collect()
        };
        let all = [sent(|bodies| bodies.0), sent(|bodies| bodies.1)];
        let streams = [all[0].concat(), all[1].concat()];
        let mut segments = vec![];
        for (way, stream) in streams.iter().enumerate() {
            segments.extend((0..stream.len()).step_by(step).map(|start| (way, start, step)));
        }
        segments.extend(cuts.into_iter().map(|(way, start, len)| {
            let way = usize::from(way);
            (way, usize::from(start) % streams[way].len(), len)
        }));
        let mut dice = seed | 1;
        for n in (1..segments.len()).rev() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            segments.swap(n, (dice >> 33) as usize % (n + 1));
        }
        let mut wire = Wire::new();
        let flows = [flow(9), flow(9).reversed()];
        let mut came = [vec![], vec![]];
        for flow in flows {
            wire.send(flow, SYN, first.wrapping_sub(1), b"");
        }
        for (way, start, len) in segments {
            let end = (start + len).min(streams[way].len());
            let messages = wire.send(flows[way], 0, first.wrapping_add(start as u32), &streams[way][start..end]);
            came[way].extend(messages);
        }
        for (flow, stream) in flows.iter().zip(&streams) {
            wire.send(*flow, FIN, first.wrapping_add(stream.len() as u32), b"");
        }
        prop_assert_eq!(came, all);
        prop_assert_eq!(wire.streams.table().bytes, 0);
        prop_assert_eq!(wire.result(), [(StreamResult::Sip, 1)]);
    }

    /// Any segments of a few connections: tables stay within their limits, what comes out is SIP and no longer than what
    /// went in, and at the end nothing is held.
    #[test]
    fn any_segments_are_survived(
        steps in proptest::collection::vec((any::<u8>(), 0u32..700, 0usize..256, -2000i64..4000), 0..80),
    ) {
        let sip = [&message(1, 9)[..], b"rubbish\r\nSIP/2.0 200 OK\r\nl: 100000\r\n\r\n", &message(2, 0)].concat();
        let request = b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
        let websocket = [&request[..], &frame(true, &message(3, 9)), &frame(false, b"x"), b"\x01\x83????SIP"].concat();
        let limits = Limits { connections: 3, bytes: 4000, bytes_a_direction: 1500, ..Limits::default() };
        let mut wire = Wire { streams: Streams::new(limits, KeyLog::default()), ..Wire::new() };
        let (mut sent, mut came) = (0, 0);
        for (what, place, len, ms) in steps {
            let stream = [&sip, &websocket][usize::from(what >> 7)];
            let rest = &stream[place as usize % stream.len()..];
            let payload = &rest[..len.min(rest.len())];
            let flow = flow(u16::from(what & 3));
            let flow = if what & 4 == 0 { flow } else { flow.reversed() };
            let flags = [0x10, SYN, SYN | 0x10, FIN, 0x04, 0x18, 0x18, 0x18][usize::from(what >> 3 & 7)];
            wire.at += Span::from_ms(if what & 0x40 == 0 { ms } else { 0 });
            sent += payload.len();
            let messages = wire.send(flow, flags, (u32::MAX - 100).wrapping_add(place), payload);
            prop_assert!(messages.iter().all(|message| sip::sniff(message)));
            came += messages.iter().map(Vec::len).sum::<usize>();
            let table = wire.streams.table();
            prop_assert!(table.connections <= 3 && table.bytes <= 4000 && came <= sent, "{:?}", table);
        }
        came += wire.end().iter().map(Vec::len).sum::<usize>();
        let table = wire.streams.table();
        prop_assert!(came <= sent && (table.connections, table.bytes) == (0, 0));
        let known: u64 = StreamResult::ALL.iter().map(|&result| wire.streams.counts().of(result)).sum();
        prop_assert!(known <= table.segments);
    }
}
