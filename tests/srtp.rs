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
