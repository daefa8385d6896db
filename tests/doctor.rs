//! `sipreel doctor` over captures and on a wire: what it finds, in words and as JSON, and how it exits.

#![cfg(test)]

mod common;

use std::path::PathBuf;

use serde_json::Value;

use common::{Run, Store, fixture};

fn doctor(files: &[PathBuf], more: &[&str]) -> Run {
    let mut command = common::sipreel();
    Run::from(command.arg("doctor").args(files).args(more).output().expect("the program starts"))
}

/// What is found in these captures: each finding's word, and whether it is a fault.
fn found(files: &[PathBuf], more: &[&str]) -> Vec<(String, bool)> {
    let run = doctor(files, &[&["--json"], more].concat());
    let told: Value = serde_json::from_str(&run.stdout).expect("one object");
    assert_eq!(told["fault"].as_bool(), Some(run.code == 1), "{run:?}");
    let findings = told["findings"].as_array().expect("a list").iter();
    findings.map(|one| (common::text(&one["finding"]), one["fault"].as_bool().expect("a truth"))).collect()
}

fn made(name: &str) -> Vec<PathBuf> {
    vec![fixture("made").join(name)]
}

#[test]
fn a_capture_that_is_whole_has_no_fault() {
    let run = doctor(&[fixture("baresip_speech.pcap")], &[]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stdout, "looked at 814 packets in 9.6 s, 1 calls\nno fault found\n");
}

#[test]
fn what_is_taken_care_of_is_a_note() {
    let note = |name: &str| vec![(name.to_owned(), false)];
    assert_eq!(found(&made("mirror_four.pcap"), &[]), note("duplicates"));
    assert_eq!(found(&made("wrapped_vxlan.pcap"), &[]), note("encapsulation"));
    assert_eq!(found(&made("nat_caller.pcap"), &[]), note("nat"));
}

#[test]
fn what_recordings_suffer_from_is_a_fault() {
    let fault = |name: &str| vec![(name.to_owned(), true)];
    assert_eq!(found(&made("fragmented_lost.pcap"), &[]), fault("fragments"));
    assert_eq!(found(&made("orphans_dropped.pcap"), &[])[0], ("no_signalling".to_owned(), true));
    // A filter keeps one party's media out.
    let only_one = found(&[fixture("baresip_speech.pcap")], &["-f", "port 5060 or dst portrange 1-1"]);
    assert_eq!(only_one[0].0, "signalling_without_media");
}

#[test]
fn only_one_direction_is_told_with_who_is_missing() {
    let file = fixture("baresip_speech.pcap");
    let rtp = common::capture::rtp(&common::capture::frames(&file));
    let port = rtp.first().expect("media").source.port();
    let run = doctor(&[file], &["-f", &format!("port 5060 or src port {port}")]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("in 1 of 1 calls with media the call"), "{}", run.stdout);
    assert!(run.stdout.contains("mirror what the port receives and what it sends"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_read_is_3_and_nothing_is_written() {
    let store = Store::new();
    let nowhere = store.beside("nowhere.pcap");
    let run = doctor(&[nowhere], &["--store", store.path().to_str().expect("a plain path")]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(run.stderr.contains("no such file"), "{}", run.stderr);
    assert!(!store.path().exists());
    for none in
        [&[][..], &["--for", "soon", "-i", "lo"], &["-i", "lo", "some.pcap"], &["x.pcap", "-f", "udp or or"]]
    {
        assert_eq!(doctor(&[], none).code, 2, "{none:?}");
    }
    assert_ne!(doctor(&[], &["-i", "nosuch0", "--for", "1s"]).code, 0);
}
