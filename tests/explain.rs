//! `calls explain` on calls of which something is odd: what it says of each, as a snapshot.

#![cfg(test)]

mod common;

use serde_json::Value;

use common::{Store, fixtures};

/// What is said of every call of a scene, in the order of the calls.
fn explained(scene: &str, arguments: &[&str]) -> String {
    let store = Store::new();
    let made = fixtures().join("made").join(format!("{scene}.pcap"));
    let replayed = store.replay(&[made], &[&["-q"], arguments].concat());
    assert_eq!(replayed.code, 0, "{scene}: {replayed:?}");
    let explain = |id: String| {
        let run = store.calls(&["explain", &id]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{scene}");
        run.stdout
    };
    store.recorded().iter().map(|recorded| explain(recorded.id())).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_odd_call_is_explained() {
    for (scene, arguments) in [
        ("nat_both_through_a_relay", &[][..]),
        ("ice_peer_reflexive", &[]),
        ("rtcp_tells", &[]),
        ("strays_at_a_port", &[]),
        ("two_calls_could_claim_it", &[]),
        ("sent_elsewhere_and_no_audio", &[]),
        ("media_of_another_call_before", &[]),
        ("orphans_recorded", &["--orphans", "record"]),
    ] {
        insta::assert_snapshot!(scene, explained(scene, arguments));
    }
}

#[test]
fn a_program_gets_one_object() {
    let store = Store::new();
    let made = fixtures().join("made/strays_at_a_port.pcap");
    assert_eq!(store.replay(&[made], &["-q"]).code, 0);
    let id = store.recorded().remove(0).id();
    let run = store.calls(&["explain", &id, "--json"]);
    let json: Value = serde_json::from_str(&run.stdout).expect("one object");
    assert_eq!((run.code, json["id"].as_str()), (0, Some(id.as_str())));
    assert_eq!(json["outcome"], "recorded");
    assert_eq!(json["refused"][0]["reason"], "handful");
    assert_eq!(
        store.calls(&["explain", "20260131T101502.123456Z-1f2e3d4c"]).code,
        1,
        "there is no such call"
    );
}
