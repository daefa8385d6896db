//! Captures of several mirrors of one network, replayed together: the same recordings as of one mirror alone.

#![cfg(test)]

mod common;

use std::fs;

use common::capture::{self, Frame};
use common::{Replayed, assert_same_tree, fixture, replay};

const DUPLICATES: &str = "sipreel_capture_duplicate_packets_total";

/// The frames as another mirror shows them, the n-th so many milliseconds later.
fn later(frames: &[Frame], late_ms: impl Fn(usize) -> i64) -> Vec<Frame> {
    let late =
        |(n, frame): (usize, &Frame)| Frame { at_ns: frame.at_ns + late_ms(n) * 1_000_000, ..frame.clone() };
    frames.iter().enumerate().map(late).collect()
}

/// Without IPv4's identification, as Linux sends from a socket that has many peers.
fn unnumbered(frames: &[Frame]) -> Vec<Frame> {
    let mut frames = frames.to_vec();
    for frame in frames.iter_mut().filter(|frame| frame.bytes[12..14] == [8, 0]) {
        frame.bytes[18..20].fill(0);
    }
    frames
}

/// Replays a capture for each mirror, together.
fn replay_all(mirrors: &[&[Frame]]) -> Replayed {
    let store = common::Store::new();
    let write = |(n, frames): (usize, &&[Frame])| {
        let path = store.beside(&format!("mirror-{n}.pcap"));
        fs::write(&path, capture::pcap(frames)).expect("it can be written");
        path
    };
    let files: Vec<_> = mirrors.iter().enumerate().map(write).collect();
    let replayed = replay(&files, &["--keep", "all"]);
    assert_eq!((replayed.run.code, replayed.run.stderr.as_str()), (0, ""));
    replayed.assert_sum_rule("mirrors");
    replayed
}

/// Frames of UDP or TCP, which alone are looked at.
fn transport(frames: &[Frame]) -> f64 {
    let is_transport = |frame: &&Frame| {
        let protocol = if frame.bytes[12..14] == [8, 0] { frame.bytes[23] } else { frame.bytes[20] };
        [6, 17].contains(&protocol)
    };
    frames.iter().filter(is_transport).count() as f64
}

/// A retransmitted INVITE, IPv6, TCP, a proxy and a relay on the way, digits.
const FIXTURES: [&str; 6] = [
    "sipp_retransmit.pcap",
    "sipp_ipv6.pcap",
    "sipp_tcp.pcap",
    "kamailio_rtpengine.pcap",
    "baresip_dtmf_rfc4733.pcap",
    "sipp_reinvite_hold.pcap",
];

#[test]
fn two_mirrors_give_what_one_gives() {
    for name in FIXTURES {
        let numbered = capture::frames(&fixture(name));
        for frames in [numbered.clone(), unnumbered(&numbered)] {
            let one = replay_all(&[&frames]);
            assert_eq!(one.metrics.of(DUPLICATES), 0.0, "{name}");
            for late in [0, 7, 300] {
                let two = replay_all(&[&frames, &later(&frames, |_| late)]);
                let what = format!("{name}, {late} ms late");
                assert_same_tree(&one.store.recordings(), &two.store.recordings(), &what);
                assert_eq!(two.metrics.of(DUPLICATES), transport(&frames), "{what}");
                for counter in ["sipreel_sip_retransmissions_total", "sipreel_sip_messages_total"] {
                    assert_eq!(two.metrics.sum(counter), one.metrics.sum(counter), "{what}: {counter}");
                }
                assert_eq!(
                    two.metrics.of("sipreel_capture_duplicate_ratio{source=\"file\"}"),
                    transport(&frames) / (2.0 * frames.len() as f64),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn four_mirrors_that_dawdle_each_in_its_own_way_give_what_one_gives() {
    for name in FIXTURES {
        let frames = capture::frames(&fixture(name));
        let one = replay_all(&[&frames]);
        let second = later(&frames, |n| (n as i64 * 37) % 301);
        let third = later(&frames, |n| (n as i64 * 101) % 301);
        let fourth = later(&frames, |_| 300);
        let four = replay_all(&[&fourth, &second, &frames, &third]);
        assert_same_tree(&one.store.recordings(), &four.store.recordings(), name);
        assert_eq!(four.metrics.of(DUPLICATES), 3.0 * transport(&frames), "{name}");
    }
}

/// What a mirror says of the time is taken from whichever shows a packet first.
#[test]
fn a_mirror_whose_clock_is_behind_is_a_mirror_all_the_same() {
    let frames = capture::frames(&fixture("sipp_pcma_play.pcap"));
    let earlier = later(&frames, |_| -300);
    let (one, two) = (replay_all(&[&earlier]), replay_all(&[&frames, &earlier]));
    assert_same_tree(&one.store.recordings(), &two.store.recordings(), "behind");
    assert_eq!(two.metrics.of(DUPLICATES), transport(&frames));
}

#[test]
fn what_comes_after_the_window_is_no_copy() {
    let frames = capture::frames(&fixture("sipp_pcma_play.pcap"));
    let two = replay_all(&[&frames, &later(&frames, |_| 301)]);
    assert_eq!(two.metrics.of(DUPLICATES), 0.0);
}
