//! `replay -f`: what a filter keeps out is counted, what it would lose by accident is not lost, and one that libpcap does
//! not take ends the run before a packet is read.

#![cfg(test)]

mod common;

use std::path::PathBuf;

use common::{Store, replay};

fn made(name: &str) -> PathBuf {
    common::fixtures().join("made").join(name)
}

#[test]
fn a_filter_that_does_not_compile_is_a_usage_error() {
    for (filter, reason) in [("port 70000", "70000"), ("udp and (", "syntax error"), ("host", "syntax error")]
    {
        let store = Store::new();
        let run = store.replay(&[made("plain_call.pcap")], &["-f", filter]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(filter) && run.stderr.contains(reason), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(!store.path().exists(), "nothing was begun");
    }
}

#[test]
fn what_is_kept_out_is_counted() {
    let replayed = replay(&[made("plain_call.pcap")], &["-f", "host 203.0.113.77"]);
    assert_eq!(replayed.run.code, 0, "{:?}", replayed.run);
    assert!(replayed.store.recorded().is_empty());
    let metrics = &replayed.metrics;
    let packets = metrics.sum("sipreel_capture_packets_total");
    assert!(packets > 100.0);
    assert_eq!(metrics.sum("sipreel_capture_set_aside_packets_total"), packets);
    let filtered = metrics.0.get("sipreel_capture_set_aside_packets_total{kind=\"filtered\"}");
    assert_eq!(filtered, Some(&packets));
}

#[test]
fn it_is_said_that_a_filter_is_widened() {
    let file = [made("plain_call.pcap")];
    let said = |filter: &str, more: &[&str]| {
        let run = Store::new().replay(&file, &[&["-f", filter], more].concat());
        assert_eq!(run.code, 0, "{run:?}");
        run.stderr.lines().filter(|line| line.contains("read as")).count()
    };
    assert_eq!(said("udp portrange 4000-6001", &[]), 1);
    assert_eq!(said("udp portrange 4000-6001", &["-q"]), 0);
    assert_eq!(said("udp or (vlan and udp)", &[]), 0);
}
