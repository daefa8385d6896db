//! Packets that a capture says it lost itself: pcapng counts them with the packet behind them. They are told as the
//! capture's and not as the network's, with any number of threads.

#![cfg(test)]

mod common;

use std::fs;

use maker::{Frame, Scene};
use serde_json::{Value, json};

use common::Store;

/// Of the callee's packets the 41st to 43rd and the 45th are missing.
fn lossy() -> Scene {
    maker::scenes::all().into_iter().find(|scene| scene.name == "loss_in_a_burst").expect("the scene")
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32 + 12;
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &length.to_le_bytes()].concat()
}

/// The scene as pcapng, where each frame for which `drops` gives a number has that many drops before it.
fn pcapng(scene: &Scene, drops: impl Fn(usize, &Frame) -> Option<u64>) -> Vec<u8> {
    let header = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut file = block(0x0a0d_0d0a, &header);
    file.extend(block(1, &[&(scene.link as u16).to_le_bytes()[..], &[0; 6]].concat()));
    for (n, frame) in scene.frames.iter().enumerate() {
        let length = (frame.bytes.len() as u32).to_le_bytes();
        let (high, low) = ((frame.at_us >> 32) as u32, frame.at_us as u32);
        let mut body = [[0; 4], high.to_le_bytes(), low.to_le_bytes(), length, length].concat();
        body.extend(&frame.bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        if let Some(count) = drops(n, frame) {
            body.extend([4, 0, 8, 0]);
            body.extend(count.to_le_bytes());
            body.extend([0; 4]);
        }
        file.extend(block(6, &body));
    }
    file
}

fn record(file: &[u8], threads: &str) -> Value {
    let store = Store::new();
    let path = store.beside("lossy.pcapng");
    fs::write(&path, file).expect("writes");
    let run = store.replay(&[path], &["--threads", threads]);
    assert_eq!(run.code, 0, "{run:?}");
    store.list(&[]).remove(0)
}

fn lost_by(record: &Value) -> &Value {
    &record["legs"][1]["quality"]["lost_by"]
}

#[test]
fn drops_that_the_capture_counted_are_its_own() {
    let scene = lossy();
    let begin = scene.frames[0].at_us;
    // The callee's 44th packet is the first behind the first loss: 200 + 43 * 20 ms from the begin.
    let is_behind = |frame: &Frame| (1_060_000..1_061_000).contains(&(frame.at_us - begin));
    let behind = scene.frames.iter().position(is_behind).expect("it came");
    let file = pcapng(&scene, |n, _| (n == behind).then_some(3));
    let told = record(&file, "1");
    assert_eq!(lost_by(&told), &json!({"network": 1, "capture": 3}));
    assert_eq!(told["outcome"], "capture_loss");
    let flags = told["flags"].as_array().expect("flags");
    assert!(flags.contains(&json!("capture_loss")), "{flags:?}");
    let kinds = told["provenance"].as_array().expect("intervals").iter();
    let not_captured: Vec<_> = kinds.filter(|interval| interval["kind"] == "not_captured").collect();
    assert!(!not_captured.is_empty() && not_captured.iter().all(|interval| interval["channel"] == 1));
    assert_eq!(told, record(&file, "4"), "with any number of threads");
}

#[test]
fn where_it_counted_none_the_network_lost_them() {
    let scene = lossy();
    for drops in [None, Some(0)] {
        let told = record(&pcapng(&scene, |_, _| drops), "1");
        assert_eq!(lost_by(&told), &json!({"network": 4, "capture": 0}));
        assert_eq!(told["outcome"], "recorded");
    }
    // Long before: during the set-up.
    let told = record(&pcapng(&scene, |n, _| (n == 2).then_some(9)), "1");
    assert_eq!(lost_by(&told), &json!({"network": 4, "capture": 0}));
}

#[test]
fn what_was_found_and_each_second_stand_beside_the_audio() {
    let store = Store::new();
    let path = store.beside("lossy.pcapng");
    fs::write(&path, pcapng(&lossy(), |_, _| None)).expect("writes");
    store.replay(&[path], &[]);
    let record = store.list(&[]).remove(0);
    assert_eq!(record["series"]["seconds"], 2);
    let series = store.path().join(record["series"]["path"].as_str().expect("a path"));
    let text = fs::read_to_string(series).expect("reads");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines.iter().all(|line| line.len() == 9), "{text}");
    let column = |name: &str| lines[0].iter().position(|column| *column == name).expect("the column");
    let sums = |name: &str| -> Vec<&str> { lines[1..].iter().map(|line| line[column(name)]).collect() };
    assert_eq!(sums("caller_packets"), ["50", "50"]);
    assert_eq!(sums("callee_packets"), ["46", "50"], "{text}");
    assert_eq!(sums("callee_lost"), ["4", "0"]);
    let level: f64 = sums("caller_level_dbov")[0].parse().expect("a number");
    assert!((-60.0..-5.0).contains(&level), "{text}");
    let to = store.beside("exported");
    let id = record["id"].as_str().expect("an id");
    let run = store.calls(&["export", id, "--to", to.to_str().expect("a plain name")]);
    assert!(run.code == 0 && to.join("series.csv").exists(), "{run:?}");
}
