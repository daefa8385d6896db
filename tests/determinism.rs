//! The same packets give the same bytes: whatever the threads, the packing, the order of the files or the number of
//! times, every file under `recordings/` is the same.

#![cfg(test)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use common::{Replayed, Store, assert_same_tree, replay};

/// All fixtures in one run, everything kept.
static ALL: LazyLock<Replayed> = LazyLock::new(|| replayed(&common::all_fixtures(), &[]));

fn replayed(files: &[PathBuf], more: &[&str]) -> Replayed {
    let keys = common::key_logs();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let replayed = replay(files, &[&["--keep", "all", "--digits", "keep"], &keys[..], more].concat());
    assert_eq!(replayed.run.code, 0, "{:?}", replayed.run);
    replayed
}

/// Metrics that tell of packets and calls and not of the machine.
fn steady(replayed: &Replayed) -> Vec<(&String, &f64)> {
    let unsteady = ["sipreel_seal_seconds", "sipreel_index_query_seconds", "sipreel_storage_free"];
    let metrics = replayed.metrics.0.iter();
    metrics.filter(|(name, _)| !unsteady.iter().any(|start| name.starts_with(start))).collect()
}

#[test]
fn threads_change_nothing() {
    assert!(ALL.store.recordings().len() > 40, "all fixtures are recorded");
    for threads in ["1", "2", "4"] {
        let again = replayed(&common::all_fixtures(), &["--threads", threads]);
        assert_same_tree(&ALL.store.recordings(), &again.store.recordings(), &format!("{threads} threads"));
        assert_eq!(steady(&ALL), steady(&again), "{threads} threads");
    }
}

#[test]
fn packing_changes_nothing() {
    for (ending, pack) in [("gz", gzip as fn(&[u8]) -> Vec<u8>), ("zst", zstd), ("lz4", lz4)] {
        let store = Store::new();
        let packed: Vec<PathBuf> =
            common::all_fixtures().iter().map(|file| packed(&store, file, ending, pack)).collect();
        let again = replayed(&packed, &[]);
        assert_same_tree(&ALL.store.recordings(), &again.store.recordings(), ending);
    }
}

fn packed(store: &Store, file: &Path, ending: &str, pack: fn(&[u8]) -> Vec<u8>) -> PathBuf {
    let name = file.file_name().expect("a name").to_str().expect("a plain name");
    let path = store.beside(&format!("{name}.{ending}"));
    fs::write(&path, pack(&fs::read(file).expect("a fixture"))).expect("it can be written");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes it")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn standard_input_is_a_file_like_others() {
    for name in ["kamailio_rtpengine.pcap", "baresip_dtmf_rfc4733.pcap", "sipp_cancel.pcap"] {
        let file = common::fixture(name);
        let from_file = replayed(std::slice::from_ref(&file), &[]);
        let plain = store_of_stdin(Stdio::from(File::open(&file).expect("a fixture")));
        assert_same_tree(&from_file.store.recordings(), &plain.recordings(), name);

        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let bytes = gzip(&fs::read(&file).expect("a fixture"));
        let piped = std::thread::scope(|scope| {
            scope.spawn(move || writer.write_all(&bytes).expect("it is read"));
            store_of_stdin(Stdio::from(reader))
        });
        assert_same_tree(
            &from_file.store.recordings(),
            &piped.recordings(),
            &format!("{name} by a pipe, packed"),
        );
    }
}

fn store_of_stdin(stdin: Stdio) -> Store {
    let store = Store::new();
    let mut command = common::sipreel();
    command.args(["replay", "-", "-q", "--keep", "all", "--digits", "keep", "--store"]).arg(store.path());
    let status = command.stdin(stdin).status().expect("the program starts");
    assert!(status.success());
    store
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let mut files = common::all_fixtures();
    files.reverse();
    let reversed = replayed(&files, &[]);
    assert_same_tree(&ALL.store.recordings(), &reversed.store.recordings(), "reversed");
    assert_eq!(steady(&ALL), steady(&reversed));
    files.rotate_left(7);
    files.swap(0, 5);
    let shuffled = replayed(&files, &["--threads", "2"]);
    assert_same_tree(&ALL.store.recordings(), &shuffled.store.recordings(), "shuffled");
}

#[test]
fn a_pattern_names_the_files_that_fit() {
    let pattern = common::fixture("*.pcap");
    assert_same_tree(&ALL.store.recordings(), &replayed(&[pattern], &[]).store.recordings(), "a pattern");
}

#[test]
fn a_second_replay_changes_nothing() {
    let once = replayed(&common::all_fixtures(), &[]);
    let (files, list) = (once.store.recordings(), once.store.calls(&["list", "--json"]));
    assert_eq!(list.stdout.lines().count() as f64, once.metrics.sum("sipreel_calls_seen_total"));
    let keys = common::key_logs();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let more = [&["-q", "--keep", "all", "--digits", "keep"], &keys[..]].concat();
    let run = once.store.replay(&common::all_fixtures(), &more);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_same_tree(&files, &once.store.recordings(), "again");
    assert_eq!(once.store.calls(&["list", "--json"]).stdout, list.stdout, "each call is listed once");
    assert!(common::tree(&once.store.path().join("open")).is_empty(), "nothing is left open");
}

#[test]
fn reindex_gives_the_same_answers() {
    let once = replayed(&common::all_fixtures(), &[]);
    let list = once.store.calls(&["list", "--json"]);
    fs::remove_dir_all(once.store.path().join("index")).expect("there is an index");
    for _ in 0..2 {
        let run = common::run(&["reindex".as_ref(), "--store".as_ref(), once.store.path().as_os_str()]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
        let again = once.store.calls(&["list", "--json"]);
        assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{again:?}");
        assert_eq!(again.stdout, list.stdout);
    }
}

#[test]
fn a_list_is_the_records() {
    let listed = ALL.store.calls(&["list", "--json"]).stdout;
    let records: Vec<String> = ALL
        .store
        .recorded()
        .iter()
        .map(|recorded| String::from_utf8(recorded.file("call.json")).expect("text").trim_end().to_owned())
        .collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), records, "a line is call.json, oldest first");
    for recorded in ALL.store.recorded() {
        let shown = ALL.store.calls(&["show", &recorded.id(), "--json"]).stdout;
        assert_eq!(
            shown.trim_end().as_bytes(),
            recorded.file("call.json").trim_ascii_end(),
            "{}",
            recorded.id()
        );
    }
}
