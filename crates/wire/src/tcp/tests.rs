//! Connections of made-up segments: in any order, repeated, cut anew, with holes; and tables that are full.

use flow::{Address, Endpoint};
use proptest::prelude::*;

use super::*;
use crate::packet::{Flags, Segment};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

fn flow(port: u16) -> Flow {
    let end = |last, port| Endpoint::new(Address::v4([192, 0, 2, last]), port);
    Flow::new(end(1, port), end(2, 5060))
}

fn at(ms: i64) -> Time {
    Time::from_ns(1_700_000_000_000_000_000 + ms * 1_000_000)
}

/// What a connection's reader was told; where it was joined is `>`, a hole `|`, the end `.`, an eviction `!`.
#[derive(Default)]
struct Heard {
    ways: Both<Vec<u8>>,
}

struct Wire {
    table: Connections<Heard>,
    now: i64,
    /// What each connection was told, once it was over.
    over: Vec<(String, String)>,
    last_at: Option<Time>,
}

impl Wire {
    fn new(limits: Limits) -> Wire {
        Wire { table: Connections::new(limits), now: 0, over: vec![], last_at: None }
    }

    fn reader<'a>(
        over: &'a mut Vec<(String, String)>,
        last_at: &'a mut Option<Time>,
    ) -> impl FnMut(&mut Heard, Delivery<'_>) -> Standing + 'a {
        move |heard, delivery| {
            let way = heard.ways.of_mut(Direction::of(delivery.flow));
            match delivery.piece {
                Piece::Octets(octets) => {
                    way.extend(octets);
                    *last_at = Some(delivery.at);
                }
                Piece::Joined => way.push(b'>'),
                Piece::Hole => way.push(b'|'),
                Piece::End | Piece::Evicted => {
                    way.push(if delivery.piece == Piece::End { b'.' } else { b'!' });
                    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
                    over.push((text(&heard.ways.ascending), text(&heard.ways.descending)));
                }
            }
            let both = [&heard.ways.ascending, &heard.ways.descending];
            let begins = |what: &[u8]| both.iter().any(|octets| octets.starts_with(what));
            let interest = if begins(b"GET") {
                Interest::None
            } else if begins(b"SIP") {
                Interest::Wanted
            } else {
                Interest::Unknown
            };
            Standing { interest, held: both.iter().map(|octets| octets.len()).sum() }
        }
    }

    fn send(&mut self, flow: Flow, flags: u8, sequence: u32, acknowledgment: u32, payload: &[u8]) {
        let flags = Flags(flags);
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
        let reader = Self::reader(&mut self.over, &mut self.last_at);
        self.table.handle_segment(at(self.now), &segment, reader);
    }

    /// Data of the ascending direction; nothing is acknowledged.
    fn data(&mut self, port: u16, sequence: u32, payload: &[u8]) {
        self.send(flow(port), 0, sequence, 0, payload);
    }

    fn pass(&mut self, ms: i64) {
        self.now += ms;
        self.table.handle_time(at(self.now), Self::reader(&mut self.over, &mut self.last_at));
    }

    fn end(mut self) -> Vec<(String, String)> {
        self.table.handle_end(at(self.now), Self::reader(&mut self.over, &mut self.last_at));
        assert_eq!((self.table.counts().bytes, self.table.counts().connections), (0, 0));
        self.over
    }
}

fn wire() -> Wire {
    Wire::new(Limits::default())
}

fn heard(ascending: &str, descending: &str) -> (String, String) {
    (ascending.to_owned(), descending.to_owned())
}

#[test]
fn follows_both_directions_from_their_handshake_to_their_end() {
    let mut wire = wire();
    wire.send(flow(9), SYN, 99, 0, b"");
    wire.send(flow(9).reversed(), SYN | ACK, 499, 100, b"");
    wire.send(flow(9), ACK, 100, 500, b"hello");
    wire.send(flow(9), ACK | FIN, 105, 500, b" there");
    wire.send(flow(9).reversed(), ACK, 500, 112, b"bye");
    wire.send(flow(9), ACK, 112, 503, b"");
    assert_eq!(wire.over, []);
    wire.send(flow(9).reversed(), ACK | FIN, 503, 112, b"");
    assert_eq!(wire.over, [heard("hello there", "bye.")]);
    // What comes late begins nothing, until it was forgotten.
    wire.send(flow(9), ACK, 112, 504, b"");
    wire.send(flow(9), ACK, 100, 500, b"hello");
    assert_eq!((wire.table.counts().connections, wire.over.len()), (1, 1));
    wire.pass(10_000);
    assert_eq!((wire.table.counts().connections, wire.table.counts().bytes), (0, 0));
    wire.send(flow(9), ACK, 112, 504, b"");
    assert_eq!(wire.table.counts().connections, 0);
}

#[test]
fn is_joined_in_the_middle() {
    let mut wire = wire();
    wire.send(flow(1), ACK, 700, 1, b"k");
    wire.data(1, 701, b"abc");
    wire.data(1, 701, b"abc");
    wire.data(1, 704, b"d");
    // A SYN that the capture has too late is of the same connection.
    wire.data(2, 100, b"early");
    wire.send(flow(2), SYN, 99, 0, b"");
    wire.data(2, 105, b" bird");
    assert_eq!(wire.end(), [heard(">abcd.", ""), heard(">early bird.", "")]);
}

#[test]
fn a_hole_is_waited_for_as_long_as_it_may_be_filled() {
    let mut wire = wire();
    wire.send(flow(9), SYN, 0, 0, b"");
    wire.data(9, 1, b"ab");
    wire.data(9, 5, b"ef");
    wire.pass(2_900);
    wire.data(9, 3, b"cd");
    assert_eq!(wire.last_at, Some(at(2_900)));
    wire.data(9, 9, b"ij");
    wire.pass(2_999);
    assert_eq!(wire.last_at, Some(at(2_900)));
    wire.pass(1);
    assert_eq!(wire.last_at, Some(at(2_900)), "when it was captured");
    // The receiver has what is missing: it comes soon, or never.
    wire.data(9, 13, b"mn");
    wire.send(flow(9).reversed(), ACK, 77, 15, b"");
    wire.pass(49);
    wire.data(9, 11, b"kl");
    wire.data(9, 19, b"st");
    wire.send(flow(9).reversed(), ACK, 77, 17, b"");
    wire.pass(1_000);
    wire.data(9, 17, b"qr");
    assert_eq!(wire.last_at, Some(at(5_949)), "it waits");
    wire.pass(50);
    assert_eq!(wire.last_at, Some(at(6_949)));
    assert_eq!(wire.end(), [heard("abcdef|ijklmn|qrst.", "")]);
}

#[test]
fn a_hole_is_waited_for_by_so_many_bytes() {
    let mut wire = Wire::new(Limits { bytes_a_direction: 4000, ..Limits::default() });
    wire.send(flow(9), SYN, 0, 0, b"");
    for n in 0..100 {
        wire.data(9, 2 + n * 100, &[b'x'; 100]);
        assert!(wire.table.counts().bytes <= 4000 + 100 * n as usize, "{}", wire.table.counts().bytes);
    }
    let over = wire.end();
    assert_eq!(over[0].0, format!("|{}.", "x".repeat(10_000)));
}

#[test]
fn a_reset_ends_it_unless_it_is_a_strangers() {
    let mut wire = wire();
    wire.send(flow(9), SYN, 0, 0, b"");
    wire.data(9, 1, b"ab");
    wire.send(flow(9), RST, 0x4000_0000, 0, b"");
    wire.data(9, 4, b"d");
    wire.send(flow(9), RST, 3, 0, b"");
    wire.data(9, 3, b"c");
    assert_eq!(wire.over, [heard("ab|d.", "")]);
}

#[test]
fn a_port_that_is_used_again_is_another_connection() {
    let mut wire = wire();
    wire.send(flow(9), SYN, 100, 0, b"");
    wire.data(9, 101, b"old");
    wire.send(flow(9), SYN, 100, 0, b"");
    wire.send(flow(9), SYN, 90, 0, b"");
    wire.data(9, 91, b"new");
    // The next one's SYN was not captured: it begins far away.
    wire.data(9, 0x7000_0000, b"newest");
    assert_eq!(wire.end(), [heard("old.", ""), heard("new|newest.", "")]);
}

#[test]
fn what_nobody_wants_is_not_held() {
    let mut wire = wire();
    wire.send(flow(9), SYN, 0, 0, b"");
    wire.data(9, 1, b"GET / HTTP/1.1");
    for n in 0..1000 {
        wire.data(9, 100 + n * 1460, &[0; 1460]);
    }
    assert_eq!((wire.table.counts().bytes, wire.table.counts().connections), (0, 1));
    wire.data(9, 100, b"");
    wire.send(flow(9), FIN, 5, 0, b"");
    wire.pass(10_000);
    assert_eq!((wire.table.counts().connections, wire.table.counts().bytes), (0, 0));
    assert_eq!(wire.end(), []);
}

#[test]
fn what_matters_least_makes_room_first() {
    let mut wire = Wire::new(Limits { connections: 10, ..Limits::default() });
    for port in 0..4 {
        wire.send(flow(port), SYN, 0, 0, b"");
        wire.data(port, 1, if port < 2 { b"SIP/" } else { b"GET " });
    }
    for port in 100..400 {
        wire.send(flow(port), SYN, 0, 0, b"");
        assert!(wire.table.counts().connections <= 10);
    }
    assert_eq!(wire.table.counts().evicted, 294);
    wire.data(0, 5, b"2.0");
    let over = wire.end();
    let spoke = |what: &str| over.iter().filter(|(ascending, _)| ascending == what).count();
    assert_eq!((spoke("SIP/2.0."), spoke("SIP/."), spoke("!"), spoke(".")), (1, 1, 292, 8));
}

#[test]
fn all_connections_together_hold_no_more_than_they_may() {
    let mut wire = Wire::new(Limits { bytes: 10_000, ..Limits::default() });
    for port in 0..300 {
        wire.send(flow(port), SYN, 0, 0, b"");
        wire.data(port, 1, if port == 0 { b"SIP/2.0" } else { b"who knows" });
        wire.data(port, 20, &[b'x'; 300]);
        assert!(wire.table.counts().bytes <= 10_000, "{}", wire.table.counts().bytes);
    }
    // One of those that matter holds more than all others: it has to go, and not those that hold next to nothing.
    wire.send(flow(900), SYN, 0, 0, b"");
    wire.data(900, 1, b"SIP/");
    for n in 0..30 {
        wire.data(900, 100 + 600 * n, &[b'y'; 300]);
        assert!(wire.table.counts().bytes <= 10_000, "{}", wire.table.counts().bytes);
    }
    let over = wire.end();
    let ended = |start: &str| {
        over.iter().find(|(ascending, _)| ascending.starts_with(start)).map(|(told, _)| told.clone())
    };
    assert_eq!(ended("SIP/2.0").map(|told| told.ends_with('.')), Some(true), "{:?}", ended("SIP/2.0"));
    assert_eq!(ended("SIP/!"), Some("SIP/!".to_owned()));
}

/// One way to cut a stream, repeat its parts and mix them up.
fn cuttings() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    proptest::collection::vec((0usize..400, 1usize..60, 0usize..1000), 0..60)
}

proptest! {
    /// However a stream is cut, repeated and mixed, it is handed on as it was sent.
    #[test]
    fn any_order_gives_the_stream(
        first in any::<u32>(), extra in cuttings(), step in 1usize..50, seed in any::<u64>(),
    ) {
        let stream: Vec<u8> = (0..400u32).map(|n| b'a' + (n * 7 % 26) as u8).collect();
        let regular = (0..stream.len()).step_by(step).map(|start| (start, step));
        let mut cuts: Vec<(usize, usize)> = regular.collect();
        for (start, len, place) in extra {
            cuts.insert(place % (cuts.len() + 1), (start, len));
        }
        let mut dice = seed | 1;
        for n in (1..cuts.len()).rev() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            cuts.swap(n, (dice >> 33) as usize % (n + 1));
        }
        let mut wire = wire();
        wire.send(flow(9), SYN, first.wrapping_sub(1), 0, b"");
        for (start, len) in cuts {
            let end = (start + len).min(stream.len());
            wire.data(9, first.wrapping_add(start as u32), &stream[start..end]);
        }
        wire.send(flow(9), FIN, first.wrapping_add(stream.len() as u32), 0, b"");
        prop_assert_eq!(wire.table.counts().bytes, 0);
        let expected = String::from_utf8(stream).unwrap() + ".";
        prop_assert_eq!(wire.over, [heard(&expected, "")]);
    }
}
