//! Real connections out of `fixtures/`, and what must come of them.

use std::path::PathBuf;

use capture::{Input, Replay};
use proptest::prelude::*;
use wire::{Decoded, Decoder, Limits, Link};

use crate::{KeyLog, Opening, Reading, Sender, Session, sniff};

/// Every cipher that is opened, each with the messages that tshark finds inside.
const CONNECTIONS: [(&str, usize); 5] = [
    ("sipp_tls13", 7),
    ("sipp_tls12_gcm", 4),
    ("sipp_tls12_chacha", 4),
    ("sipp_tls12_cbc", 4),
    ("sipp_tls12_cbc_mac_first", 4),
];

fn fixture(name: &str, ending: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(format!("{name}.{ending}"))
}

fn keys(name: &str) -> KeyLog {
    KeyLog::read(&std::fs::read(fixture(name, "keys")).unwrap()).unwrap()
}

/// The octets of both directions as they were sent; on the loopback interface nothing is lost or out of order.
fn transcript(name: &str) -> Vec<(Sender, Vec<u8>)> {
    let (mut replay, errors) = Replay::open(&[Input::File(fixture(name, "pcap"))]);
    assert!(errors.is_empty());
    let mut decoder = Decoder::new(Limits::default());
    let mut sent = vec![];
    while let Some(frame) = replay.next().unwrap() {
        if let Decoded::Segment(segment) = decoder.decode(frame.at, Link::from(frame.link), frame.bytes)
            && !segment.payload.is_empty()
        {
            let to_server = segment.flow.destination.port == 5061;
            let sender = if to_server { Sender::Client } else { Sender::Server };
            sent.push((sender, segment.payload.to_vec()));
        }
    }
    sent
}

/// What was inside, all directions in a row.
fn plain(session: &mut Session) -> Vec<u8> {
    std::iter::from_fn(|| session.poll_plain()).flat_map(|(_, octets)| octets).collect()
}

fn messages(plain: &[u8]) -> usize {
    String::from_utf8_lossy(plain).matches("Call-ID: ").count()
}

#[test]
fn every_cipher_gives_its_messages_however_the_octets_are_cut() {
    for (name, expected) in CONNECTIONS {
        let (keys, sent) = (keys(name), transcript(name));
        assert_eq!(sniff(&sent[0].1), Some(Opening::Client));
        for step in [1, 7, 1000, usize::MAX] {
            let mut session = Session::default();
            for (sender, octets) in &sent {
                for piece in octets.chunks(step) {
                    session.handle_octets(*sender, piece, &keys);
                }
            }
            let plain = plain(&mut session);
            assert!(plain.starts_with(b"INVITE sip:bob@"), "{name}");
            assert_eq!(messages(&plain), expected, "{name} in steps of {step}");
            assert_eq!(
                (session.reading(), session.records().1, session.held()),
                (Reading::Open, 0, 0),
                "{name}"
            );
        }
    }
}

#[test]
fn a_direction_that_is_captured_first_waits_for_the_other() {
    for (name, expected) in CONNECTIONS {
        let mut session = Session::default();
        let mut sent = transcript(name);
        sent.sort_by_key(|(sender, _)| *sender == Sender::Client);
        for (sender, octets) in sent {
            session.handle_octets(sender, &octets, &keys(name));
        }
        assert_eq!(messages(&plain(&mut session)), expected, "{name}");
    }
}

#[test]
fn without_its_keys_it_is_not_read() {
    let sent = transcript("sipp_tls13");
    for keys in [KeyLog::default(), keys("sipp_tls12_gcm")] {
        let mut session = Session::default();
        sent.iter().for_each(|(sender, octets)| session.handle_octets(*sender, octets, &keys));
        assert_eq!((session.reading(), session.held()), (Reading::NoKeys, 0));
        assert_eq!(plain(&mut session), b"");
    }
}

#[test]
fn goes_on_behind_a_hole() {
    for (name, expected) in CONNECTIONS {
        let (keys, sent) = (keys(name), transcript(name));
        let mut session = Session::default();
        // A segment is missing, and the next of its sender begins in the midst of a record.
        let next_of =
            |lost: usize| (lost + 1..sent.len()).find(|&n| sent[n].0 == sent[lost].0 && sent[n].1[0] == 23);
        let data = (0..sent.len()).rev().filter(|&n| sent[n].1[0] == 23);
        let (lost, next) = data.filter_map(|n| Some((n, next_of(n)?))).next().unwrap();
        for (n, (sender, octets)) in sent.iter().enumerate() {
            match n {
                n if n == lost => session.handle_hole(*sender),
                n if n == next => {
                    session.handle_octets(*sender, b"\x17\x03\x03\x00\x05none of it", &keys);
                    session.handle_octets(*sender, octets, &keys);
                }
                _ => session.handle_octets(*sender, octets, &keys),
            }
        }
        assert_eq!(messages(&plain(&mut session)), expected - 1, "{name}");
        assert!(session.records().1 > 0 && session.reading() == Reading::Open, "{name}");
    }
}

#[test]
fn a_traffic_secret_alone_is_enough() {
    let text = std::fs::read_to_string(fixture("sipp_tls13", "keys")).unwrap();
    let later: String = text
        .lines()
        .filter(|line| line.contains("TRAFFIC_SECRET_0"))
        .map(|line| format!("{line}\n"))
        .collect();
    let (keys, mut session) = (KeyLog::read(later.as_bytes()).unwrap(), Session::default());
    for (sender, octets) in transcript("sipp_tls13") {
        session.handle_octets(sender, &octets, &keys);
    }
    assert_eq!(messages(&plain(&mut session)), 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A connection with octets changed, dropped and repeated gives less, and nothing worse.
    #[test]
    fn damage_is_survived(
        which in 0..CONNECTIONS.len(),
        damage in proptest::collection::vec((any::<u16>(), any::<u16>(), any::<u8>(), 0u8..4), 0..12),
    ) {
        let name = CONNECTIONS[which].0;
        let (keys, mut sent) = (keys(name), transcript(name));
        let mut session = Session::default();
        for (segment, at, octet, kind) in damage {
            let n = usize::from(segment) % sent.len();
            let at = usize::from(at) % sent[n].1.len().max(1);
            match kind {
                0 => sent[n].1.iter_mut().skip(at).take(1).for_each(|byte| *byte = octet),
                1 => sent[n].1.truncate(at),
                2 => { let again = sent[n].clone(); sent.insert(n, again) }
                _ => session.handle_hole(sent[n].0),
            }
        }
        let total: usize = sent.iter().map(|(_, octets)| octets.len()).sum();
        for (sender, octets) in sent {
            session.handle_octets(sender, &octets, &keys);
        }
        prop_assert!(session.held() <= total && plain(&mut session).len() <= total);
    }
}
