//! How long calls are kept, as a user meets it: classes, runs, holds, and what is left of what was deleted.

#![cfg(test)]

mod common;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use common::live::Recorder;
use common::{Run, Store, fixture, text};

/// A store of two calls that are kept by that configuration.
fn store(config: &str) -> (Store, PathBuf) {
    let store = Store::new();
    let path = store.beside("sipreel.toml");
    fs::write(&path, config).expect("it can be written");
    let captures = [fixture("baresip_speech.pcap"), fixture("sipp_busy_486.pcap")];
    let run = store.replay(&captures, &["-q", "--config", path.to_str().expect("a plain path")]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    (store, path)
}

fn command(store: &Store, what: &[&str]) -> Run {
    common::sipreel().args(what).arg("--store").arg(store.path()).output().expect("it starts").into()
}

fn retention(store: &Store, config: &str, what: &[&str]) -> Run {
    let path = store.beside("sipreel.toml");
    fs::write(&path, config).expect("it can be written");
    command(store, &[&["retention"], what, &["--config", path.to_str().expect("a plain path")]].concat())
}

fn verify_log(store: &Store) {
    assert_eq!(command(store, &["audit", "verify"]).code, 0);
}

const DAY: &str =
    "[[retention]]\nclass = 'day'\ndays = 1\noutcome = ['recorded']\nparty = ['alice', 'b*b']\n";
const CENTURY: &str = "[[retention]]\nclass = 'century'\ndays = 36500\n";

#[test]
fn a_call_says_by_which_class_it_is_kept_and_goes_when_its_time_is_over() {
    let (store, _) = store(&format!("{DAY}{CENTURY}"));
    let calls = store.recorded();
    let is_recorded = |record: &Value| record["outcome"] == "recorded";
    assert!(
        calls.iter().any(|call| is_recorded(&call.record))
            && calls.iter().any(|call| !is_recorded(&call.record))
    );
    for call in &calls {
        let class = if is_recorded(&call.record) { "day" } else { "century" };
        assert_eq!(call.record["policy"]["rule"], class);
        let (ended, until) = (text(&call.record["ended_at"]), text(&call.record["policy"]["retain_until"]));
        assert_eq!(ended[10..], until[10..], "days later, to the microsecond");
    }
    let config = format!("{DAY}{CENTURY}");
    let run = retention(&store, &config, &["run", "--dry-run", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(store.recorded().len(), 2);
    let due: Value = serde_json::from_str(&run.stdout).expect("one line of JSON");
    assert_eq!((&due["rule"], &due["why"]), (&"day".into(), &"expired".into()));

    let run = retention(&store, &config, &["run", "--json", "--reason", "every night"]);
    assert_eq!((run.code, serde_json::from_str::<Value>(&run.stdout).expect("JSON")), (0, due.clone()));
    let left = store.recorded();
    assert!(left.len() == 1 && !is_recorded(&left[0].record));
    assert_eq!(store.list(&[]).len(), 1);
    assert_eq!(fs::read_dir(store.path().join("open")).expect("it is there").count(), 0);
    let id = text(&due["id"]);
    let tombstone = format!("tombstones/{}/{}/{}/{id}.json", &id[..4], &id[4..6], &id[6..8]);
    let tombstone = fs::read(store.path().join(tombstone)).expect("a tombstone");
    let tombstone: Value = serde_json::from_slice(&tombstone).expect("JSON");
    assert_eq!(tombstone["reason"], "retention: day, expired");
    assert_eq!(tombstone["files"].as_array().expect("files").len(), 4);
    assert_eq!(store.calls(&["show", &id]).code, 1);
    verify_log(&store);
    assert_eq!(retention(&store, &config, &["run"]).stdout, "", "nothing more is due");
}

#[test]
fn where_no_rule_says_so_nothing_is_deleted() {
    let (store, _) = store("");
    let calls = store.recorded();
    assert!(calls.iter().all(|call| call.record["policy"]["rule"].is_null()));
    // A class that came later has decided on no call yet.
    assert_eq!(retention(&store, "[[retention]]\nclass = 'x'\ndays = 0\n", &["run"]).stdout, "");
    assert_eq!(store.recorded().len(), 2);
    // To be kept less long than for ever takes force.
    let day = "[[retention]]\nclass = 'x'\ndays = 0\n";
    let run = retention(&store, day, &["apply"]);
    assert!(run.code == 1 && run.stderr.contains("2 calls would be kept less long"), "{run:?}");
    assert!(store.recorded().iter().all(|call| call.record["policy"]["rule"].is_null()));
    let run = retention(&store, day, &["apply", "--force", "--reason", "contract"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(store.list(&["--rule", "x"]).len(), 2);
    // Raising is free, also by hand.
    let id = store.recorded()[0].id();
    assert_eq!(retention(&store, "", &["set", &id, "--until", "2200-01-01T00:00:00Z"]).code, 0);
    let run = retention(&store, "", &["set", &id, "--until", "2100-01-01T00:00:00Z"]);
    assert!(run.code == 1 && run.stderr.contains("kept until 2200-01-01"), "{run:?}");
    let run = store.calls(&["delete", &id, "--reason", "asked to"]);
    assert!(run.code == 1 && run.stderr.contains("--force"), "{run:?}");
    assert_eq!(retention(&store, day, &["run"]).stdout.lines().count(), 1);
    assert_eq!(store.recorded()[0].id(), id);
    assert_eq!(store.calls(&["delete", &id, "--reason", "asked to", "--force"]).code, 0);
    assert!(store.recorded().is_empty());
    let log = fs::read_to_string(store.path().join("audit.log")).expect("it is there");
    assert!(log.contains("\"lowered\":true") && log.contains("\"result\":\"refused\""), "{log}");
    verify_log(&store);
}

#[test]
fn the_oldest_go_where_a_class_needs_room() {
    let room = |bytes: u64| format!("[[retention]]\nclass = 'room'\nbytes = {bytes}\n");
    let (store, _) = store(&room(1 << 30));
    let sizes: Vec<u64> = store
        .recorded()
        .iter()
        .map(|call| common::tree(&call.folder).values().map(|bytes| bytes.len() as u64).sum())
        .collect();
    let newest = store.recorded()[1].id();
    assert_eq!(retention(&store, &room(sizes[0] + sizes[1]), &["run"]).stdout, "");
    let run = retention(&store, &room(sizes[0] + sizes[1] - 1), &["run"]);
    assert!(run.stdout.contains(&format!("room  room  {} bytes", sizes[0])), "{run:?}");
    assert_eq!(store.recorded()[0].id(), newest);
    let kept = format!("{}at_least_days = 36500\n", room(0));
    assert_eq!(retention(&store, &kept, &["run"]).stdout, "");
}

#[test]
fn what_is_held_stays_whatever_the_rule_says() {
    let config = "[[retention]]\nclass = 'x'\ndays = 0\n";
    let (store, _) = store(config);
    let ids: Vec<String> = store.recorded().iter().map(common::Recorded::id).collect();
    let add = |what: &[&str]| {
        command(&store, &[&["hold", "add", "--owner", "legal", "--reason", "case 7"], what].concat())
    };
    assert_eq!(add(&[]).code, 2, "everything is not held by mistake");
    assert_eq!(add(&["20260131T101502.123456Z-1f2e3d4c"]).code, 1);
    let one = add(&[&ids[0]]);
    assert_eq!((one.code, one.stderr.contains("1 calls are held")), (0, true), "{one:?}");
    let all = add(&["--since", "2000-01-01T00:00:00Z"]);
    assert!(all.stderr.contains("2 calls are held"), "{all:?}");
    let (one, all) = (one.stdout.trim().to_owned(), all.stdout.trim().to_owned());
    assert_eq!(store.recorded()[0].record["policy"]["holds"], serde_json::json!([one, all]));
    assert_eq!(retention(&store, config, &["run"]).stdout, "");
    let run = store.calls(&["delete", &ids[0], "--reason", "asked to", "--force"]);
    assert!(run.code == 1 && run.stderr.contains(&one), "{run:?}");
    let table = command(&store, &["hold", "list"]).stdout;
    assert!(table.lines().count() == 3 && table.contains(&ids[0]) && table.contains("2000-01-01"), "{table}");

    assert_eq!(command(&store, &["hold", "release", &all, "--reason", "settled"]).code, 0);
    assert_eq!(command(&store, &["hold", "release", &all, "--reason", "settled"]).code, 1);
    assert_eq!(retention(&store, config, &["run"]).stdout.lines().count(), 1);
    assert_eq!(store.recorded()[0].id(), ids[0]);
    // What was recorded anew is held as it was.
    assert_eq!(
        store.replay(&[fixture("sipp_busy_486.pcap"), fixture("baresip_speech.pcap")], &["-q"]).code,
        0
    );
    assert_eq!(store.recorded()[0].record["policy"]["holds"], serde_json::json!([one]));
    assert_eq!(store.recorded()[0].record["policy"]["rule"], "x", "and kept by the same class");

    fs::write(store.path().join("holds.json"), "[{").expect("it can be written");
    let run = retention(&store, config, &["run"]);
    assert!(run.code == 5 && run.stderr.contains("nothing is deleted"), "{run:?}");
    verify_log(&store);
}

#[test]
fn a_running_recorder_deletes_on_the_side() {
    let (store, config) =
        store("[[retention]]\nclass = 'x'\ndays = 0\n[upkeep]\nevery_s = 1\ndeletions_per_s = 1000\n");
    let held = store.recorded()[0].id();
    let run = command(&store, &["hold", "add", &held, "--owner", "legal", "--reason", "case 7"]);
    assert_eq!(run.code, 0, "{run:?}");
    let mut command = common::sipreel();
    command
        .args(["record", "--hep", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--store")
        .arg(store.path());
    let mut recorder = Recorder::start(&mut command);
    recorder.agents();
    for _ in 0..600 {
        if store.list(&[]).len() == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let left = store.list(&[]);
    assert!(left.len() == 1 && text(&left[0]["id"]) == held, "{left:?}");
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    assert_eq!(store.recorded().len(), 1);
    let log = fs::read_to_string(store.path().join("audit.log")).expect("it is there");
    assert!(log.contains("\"action\":\"configuration\"") && log.contains("\"file\":"), "{log}");
    assert!(log.contains("\"by\":\"recorder\"") && log.contains("\"deleted\":1"), "{log}");
    verify_log(&store);
}
