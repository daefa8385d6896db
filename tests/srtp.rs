//! A call whose media is encrypted: what is heard with its keys and without, and that no key is left anywhere.

#![cfg(test)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Recorded, Store, capture, text};

const FIXTURE: &str = "baresip_srtp_sdes.pcap";

/// The keys as the capture's descriptions hold them.
fn keys(file: &[u8]) -> Vec<Vec<u8>> {
    let begins =
        file.windows(7).enumerate().filter(|(_, window)| *window == b"inline:").map(|(at, _)| at + 7);
    let key = |at: usize| file[at..].iter().copied().take_while(u8::is_ascii_graphic).collect::<Vec<u8>>();
    let keys: Vec<_> = begins.map(key).collect();
    assert!(keys.len() >= 2, "each party names its own");
    keys
}

/// The fixture, changed, beside the store.
fn changed(store: &Store, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut file = fs::read(common::fixture(FIXTURE)).expect("the fixture is there");
    change(&mut file);
    let path = store.beside(FIXTURE);
    fs::write(&path, file).expect("a file");
    path
}

fn one_call(store: &Store) -> Recorded {
    let mut recorded = store.recorded();
    assert_eq!(recorded.len(), 1);
    recorded.remove(0)
}

#[test]
fn a_key_stands_in_nothing_that_is_kept() {
    let file = fs::read(common::fixture(FIXTURE)).expect("the fixture is there");
    let holds_a_key = |bytes: &[u8]| {
        keys(&file).iter().any(|key| bytes.windows(key.len()).any(|window| window == &key[..]))
    };
    for (arguments, holding) in [(&[][..], 0), (&["--keep", "all"], 0), (&["--with-keys"], 1)] {
        let store = Store::new();
        let metrics = store.beside("metrics.txt");
        let told = ["-v", "--metrics", metrics.to_str().expect("a plain path")];
        let run = store.replay(&[common::fixture(FIXTURE)], &[&told[..], arguments].concat());
        assert_eq!(run.code, 0, "{run:?}");
        assert!(!holds_a_key(run.stderr.as_bytes()) && !holds_a_key(run.stdout.as_bytes()));
        assert!(!holds_a_key(&fs::read(metrics).expect("metrics")));
        let files = common::tree(&store.path());
        let names: Vec<_> =
            files.iter().filter(|(_, bytes)| holds_a_key(bytes)).map(|(name, _)| name).collect();
        assert_eq!(names.len(), holding, "{arguments:?}: {names:?}");
        assert!(names.iter().all(|name| name.ends_with("call.pcapng")));
        let show = store.calls(&["show", &one_call(&store).id()]);
        assert!(!holds_a_key(show.stdout.as_bytes()), "the ladder shows no key");
        assert_eq!(one_call(&store).record["outcome"], "recorded");
    }
}

#[test]
fn without_the_right_key_nothing_is_heard_and_the_record_says_why() {
    let store = Store::new();
    let path = changed(&store, |file| {
        for key in keys(&file.clone()) {
            let at = file.windows(key.len()).position(|window| window == &key[..]);
            // The same key may stand in a message that was seen twice.
            if let Some(at) = at {
                file[at] = if file[at] == b'A' { b'B' } else { b'A' };
            }
        }
    });
    assert_eq!(store.replay(&[path], &[]).code, 0);
    let call = one_call(&store);
    assert_eq!(call.record["outcome"], "srtp_no_key");
    let flags: Vec<String> = call.record["flags"].as_array().expect("flags").iter().map(text).collect();
    assert!(flags.contains(&"srtp_no_key".to_owned()), "{flags:?}");
    assert!(call.record["recording"].is_null());
}

#[test]
fn a_forged_packet_is_counted_and_not_heard() {
    let store = Store::new();
    let packets = capture::rtp(&capture::frames(&common::fixture(FIXTURE)));
    let forged = &packets[200];
    let path = changed(&store, |file| {
        let at = file.windows(forged.payload.len()).position(|window| window == &forged.payload[..]);
        file[at.expect("the packet is there") + 5] ^= 1;
    });
    let metrics = store.beside("metrics.txt");
    assert_eq!(store.replay(&[path], &["--metrics", metrics.to_str().expect("a plain path")]).code, 0);
    let metrics = common::Metrics::parse(&fs::read_to_string(metrics).expect("metrics"));
    assert_eq!(metrics.of("sipreel_srtp_packets_total{result=\"authentication_failed\"}"), 1.0);
    assert_eq!(metrics.of("sipreel_srtp_packets_total{result=\"opened\"}"), packets.len() as f64 - 1.0);
    let call = one_call(&store);
    let legs = call.record["legs"].as_array().expect("legs");
    let streams = legs.iter().flat_map(|leg| leg["streams"].as_array().expect("streams"));
    let failures: Vec<_> = streams.filter_map(|stream| stream["authentication_failures"].as_u64()).collect();
    assert_eq!(failures, [1]);
    assert_eq!(call.record["outcome"], "recorded");
}

#[test]
fn padding_inside_of_what_is_encrypted_is_not_heard() {
    let plain = Store::new();
    assert_eq!(plain.replay(&[common::fixture(FIXTURE)], &["-q"]).code, 0);
    let expected = one_call(&plain);
    for file in ["padded_cm.pcap", "padded_gcm.pcap"] {
        let store = Store::new();
        let path = common::fixtures().join("srtp").join(file);
        assert_eq!(store.replay(&[path], &["-q"]).code, 0);
        let call = one_call(&store);
        assert_eq!(call.file("call.wav"), expected.file("call.wav"), "{file}");
        for (leg, as_sent) in ["caller", "callee"].map(|role| (call.leg(role), expected.leg(role))) {
            let packets = |leg: &serde_json::Value| leg["streams"][0]["packets"].clone();
            assert_eq!(packets(leg), packets(as_sent), "{file}");
            assert!(leg["streams"][0]["authentication_failures"].is_null(), "{file}");
        }
    }
}

#[test]
fn padding_of_what_is_not_encrypted_is_neither_heard_nor_counted_and_is_kept() {
    let file = common::fixture("baresip_speech.pcap");
    let mut frames = capture::frames(&file);
    for frame in &mut frames {
        pad(&mut frame.bytes);
    }
    let (plain, padded) = (Store::new(), Store::new());
    let path = padded.beside("padded.pcap");
    fs::write(&path, capture::pcap(&frames)).expect("a file");
    for (store, file) in [(&plain, &file), (&padded, &path)] {
        assert_eq!(store.replay(std::slice::from_ref(file), &["-q", "--keep", "all"]).code, 0);
    }
    let (expected, call) = (one_call(&plain), one_call(&padded));
    assert_eq!(call.file("call.wav"), expected.file("call.wav"));
    assert_eq!(call.record["legs"], expected.record["legs"], "octets and all");
    // What was kept gives the same again, by what it holds.
    let render =
        common::run(&["render", &call.id(), "--store", padded.path().to_str().expect("a plain path")]);
    assert_eq!(render.code, 0, "{render:?}");
    assert_eq!(one_call(&padded).file("call.wav"), expected.file("call.wav"));
}

/// Puts seven octets of padding behind the payload of an Ethernet frame with RTP in IPv4; leaves others alone.
fn pad(frame: &mut Vec<u8>) {
    const PADDING: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];
    let is_rtp = frame.get(42).is_some_and(|first| first >> 6 == 2) && !(192..=223).contains(&frame[43]);
    if frame[12..14] != [8, 0] || frame[23] != 17 || !is_rtp {
        return;
    }
    frame[42] |= 0x20;
    frame.extend(PADDING);
    for at in [16, 38] {
        let length = u16::from_be_bytes([frame[at], frame[at + 1]]) + PADDING.len() as u16;
        frame[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    frame[24..26].fill(0);
    frame[40..42].fill(0);
    let words = frame[14..34].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

// ---- keys of a handshake over the media's own ports ----

const BY_HANDSHAKE: &str = "baresip_srtp_dtls.pcap";

/// What the master secrets of its key log are, in the log's digits and as octets.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let log = fs::read_to_string(common::fixture(BY_HANDSHAKE).with_extension("keys")).expect("a key log");
    let words = log.lines().filter_map(|line| line.split(' ').nth(2)).map(str::to_owned);
    let octets = |digits: &str| {
        let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
        (0..digits.len()).step_by(2).map(octet).collect()
    };
    words.map(|digits| (digits.clone(), octets(&digits))).collect()
}

#[test]
fn a_call_whose_media_agreed_on_its_keys_is_heard_by_a_key_log() {
    let store = Store::new();
    let log = common::fixture(BY_HANDSHAKE).with_extension("keys");
    let log = log.to_str().expect("a plain path");
    let run = store.replay(&[common::fixture(BY_HANDSHAKE)], &["--keep", "all", "--tls-keylog", log]);
    assert_eq!(run.code, 0, "{run:?}");
    let call = one_call(&store);
    assert_eq!(call.record["outcome"], "recorded");
    for (role, name) in [("caller", "alice"), ("callee", "bob")] {
        assert_eq!(call.leg(role)["streams"][0]["encryption"], "srtp");
        assert!(call.leg(role)["streams"][0]["authentication_failures"].is_null(), "all are genuine");
        // A-law is 13 bit at the most: within a step of it, what was said is heard.
        let speech = fs::read(common::fixture("speech").join(name).with_extension("wav")).expect("speech");
        let (said, _) = speech[44..].as_chunks::<2>();
        let said: Vec<i16> = said.iter().map(|&octets| i16::from_le_bytes(octets)).collect();
        let heard = &call.wav().channels[usize::from(role == "callee")];
        let close = |one: i16, other: i16| {
            (i32::from(one) - i32::from(other)).abs() <= 16.max(i32::from(other).abs() / 16)
        };
        let is_said = |at: usize| heard[at..].iter().zip(&said).all(|(&one, &other)| close(one, other));
        assert!((0..1000).any(is_said), "{role}");
    }
    let kept = common::tree(&store.path());
    for (digits, octets) in secrets() {
        let holds = |bytes: &[u8]| {
            bytes.windows(octets.len()).any(|window| window == &octets[..])
                || bytes.windows(digits.len()).any(|window| window == digits.as_bytes())
        };
        assert!(kept.iter().all(|(_, bytes)| !holds(bytes)) && !holds(run.stderr.as_bytes()));
    }
}

#[test]
fn without_its_secret_a_handshake_is_of_no_use_and_the_record_says_so() {
    let store = Store::new();
    assert_eq!(store.replay(&[common::fixture(BY_HANDSHAKE)], &[]).code, 0);
    assert_eq!(one_call(&store).record["outcome"], "srtp_no_key");
    // The log of another call.
    let other = common::fixture("sipp_tls12_gcm.keys");
    let again = Store::new();
    let run = again
        .replay(&[common::fixture(BY_HANDSHAKE)], &["--tls-keylog", other.to_str().expect("a plain path")]);
    assert_eq!((run.code, text(&one_call(&again).record["outcome"])), (0, "srtp_no_key".into()));
}
