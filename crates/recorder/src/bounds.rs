//! Every capture of the repository, hurt on purpose, under limits so small that each is reached: no table ever holds
//! more than it may, and each call that was seen comes out once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use call::{Config, End};
use capture::{Frame, Input};
use clock::Time;
use tls::KeyLog;

use crate::intake::Intake;
use crate::ledger::Entered;
use crate::metrics;
use crate::sources::Sources;

#[path = "../../../tests/common/mutation.rs"]
mod mutation;

use mutation::{Dice, Stamped, mutated};

/// Tables that are full by their entries, and tables that are full by their bytes.
fn tight() -> [Intake; 2] {
    let limits =
        |packets, copied_bytes| rtp::Limits { streams: 6, packets, copied_bytes, ..rtp::Limits::default() };
    let small = wire::Limits { packets: 2, bytes: 3000, duplicates: 50, ..wire::Limits::default() };
    let few = Config { calls: 3, streams: limits(100, 1 << 30), ..Config::default() };
    let short = Config { signalling_bytes: 20_000, streams: limits(1 << 20, 20_000), ..Config::default() };
    let connections = [(2, 1 << 20), (1000, 500)];
    let tight = |(config, (connections, bytes))| {
        let mut intake = Intake::new(config, small);
        let limits = wire::tcp::Limits { connections, bytes, ..wire::tcp::Limits::default() };
        intake.follow_connections(limits, KeyLog::default());
        intake
    };
    [(few, connections[0]), (short, connections[1])].map(tight)
}

/// Every capture under `fixtures/`, hurt, and all of them at once: the link type of each frame, and the frame.
fn everything(dice: &mut Dice) -> Vec<(u32, Stamped)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let in_folder = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        in_folder(fixtures.clone()).chain(in_folder(fixtures.join("made"))).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let (link, frames) = frames(path);
        let begin = frames.first().map_or(0, |(at_ns, _)| *at_ns);
        let moved: Vec<Stamped> =
            frames.into_iter().map(|(at_ns, bytes)| (at_ns - begin + BEGIN_NS, bytes)).collect();
        let places = (0..).map(|n| f64::from(n) / moved.len() as f64);
        all.extend(places.zip(mutated(&moved, dice)).map(|(place, frame)| (place, (link, frame))));
    }
    let pieces = fragments(dice, all.len() / 10).map(|bytes| (1, (BEGIN_NS, bytes)));
    all.extend((0..).map(|n| f64::from(n) / 1000.0).zip(pieces));
    all.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    all.into_iter().map(|(_, frame)| frame).collect()
}

const BEGIN_NS: i64 = 1_700_000_000_000_000_000;

fn frames(path: PathBuf) -> (u32, Vec<Stamped>) {
    let (mut replay, errors) = capture::Replay::open(&[Input::File(path)]);
    assert!(errors.is_empty(), "{errors:?}");
    let (mut link, mut frames) = (1, Vec::new());
    while let Some(frame) = replay.next().unwrap() {
        link = frame.link;
        frames.push((frame.at.as_ns(), frame.bytes.to_vec()));
    }
    (link, frames)
}

/// The fragments of datagrams that never become whole, between the frames: no fixture has so many.
fn fragments(dice: &mut Dice, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let fragment = |n: usize| {
        let more = dice.below(1400);
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
        frame.extend((28 + more as u16 / 8 * 8).to_be_bytes());
        frame.extend((n as u16).to_be_bytes());
        frame.extend([0x20, 0, 64, 17, 0, 0, 192, 0, 2, 10, 198, 51, 100, 20]);
        frame.extend(vec![0; 8 + more / 8 * 8]);
        frame
    };
    (0..count).map(fragment).collect::<Vec<_>>().into_iter()
}

/// What the metrics say of each table: its entries, its limit, its evictions.
fn tables(intake: &Intake) -> BTreeMap<String, [f64; 3]> {
    let metrics = metrics::new();
    metrics::count(&metrics, intake, &Sources::default(), Entered::default());
    let text = metrics.encode();
    let families = ["sipreel_table_entries{", "sipreel_table_limit{", "sipreel_table_evictions_total{"];
    let mut tables: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for (at, family) in families.iter().enumerate() {
        for line in text.lines().filter_map(|line| line.strip_prefix(family)) {
            let (table, value) = line.rsplit_once(' ').unwrap();
            tables.entry(table.to_owned()).or_default()[at] = value.parse().unwrap();
        }
    }
    tables
}

#[test]
fn no_table_ever_holds_more_than_it_may() {
    let mut evicted: BTreeMap<String, f64> = BTreeMap::new();
    for (seed, mut intake) in (1..).zip(tight()) {
        let mut calls = 0;
        for (n, (link, (at_ns, bytes))) in everything(&mut Dice::new(seed)).into_iter().enumerate() {
            let (at, wire_len) = (Time::from_ns(at_ns), bytes.len() as u32);
            intake.handle_frame(&Frame { at, link, bytes: &bytes, wire_len, place: None, origin: 0 });
            calls += std::iter::from_fn(|| intake.poll_call()).count() as u64;
            if n % 16 == 0 {
                for (table, [entries, limit, _]) in tables(&intake) {
                    assert!(entries <= limit, "{table}: {entries} of {limit}");
                }
            }
        }
        for (table, [.., evictions]) in tables(&intake) {
            *evicted.entry(table).or_default() += evictions;
        }
        intake.handle_end(End::CaptureEnd);
        calls += std::iter::from_fn(|| intake.poll_call()).count() as u64;
        assert_eq!(calls, intake.tracker().counts().calls_seen);
    }
    let reached = [
        "calls",
        "streams",
        "kept_packets",
        "copied_bytes",
        "signalling_bytes",
        "fragments",
        "fragment_bytes",
        "duplicates",
        "tcp_connections",
        "tcp_bytes",
    ];
    for table in reached {
        assert!(evicted[&format!("table=\"{table}\"}}")] > 0.0, "{table} was never full: {evicted:?}");
    }
}
