//! The audit log as a user meets it: who did what with which call, and whether that still stands as it was written.

#![cfg(test)]

mod common;

use std::fs;

use serde_json::Value;

use common::{Run, Store, fixture};

/// A store of one ordinary call, and its id.
fn one_call() -> (Store, String) {
    let store = Store::new();
    assert_eq!(store.replay(&[fixture("baresip_speech.pcap")], &["-q"]).code, 0);
    let id = store.recorded()[0].id();
    (store, id)
}

fn audit(store: &Store, what: &[&str]) -> Run {
    common::sipreel()
        .arg("audit")
        .args(what)
        .arg("--store")
        .arg(store.path())
        .output()
        .expect("it starts")
        .into()
}

fn entries(store: &Store, filters: &[&str]) -> Vec<Value> {
    let run = audit(store, &[&["list", "--json"], filters].concat());
    run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_look_at_a_call_is_logged_with_who_and_why() {
    let (store, id) = one_call();
    let run = audit(&store, &["list"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "nothing was done yet");
    assert_eq!(store.list(&["--from", "alice"]).len(), 1);
    for what in ["show", "explain"] {
        assert_eq!(store.calls(&[what, &id, "--reason", "ticket 4711"]).code, 0);
    }
    let to = store.beside("out");
    assert_eq!(store.calls(&["export", &id, "--to", to.to_str().expect("a plain path")]).code, 0);
    assert_eq!(store.calls(&["show", "20260131T101502.123456Z-1f2e3d4c"]).code, 1);

    let entries = entries(&store, &[]);
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().expect("a word")).collect();
    assert_eq!(actions, ["list", "show", "explain", "export", "show"]);
    let uid = std::process::Command::new("id").arg("-u").output().expect("id runs").stdout;
    let uid = String::from_utf8(uid).expect("a number").trim().parse::<u64>().expect("a number");
    assert!(entries.iter().all(|entry| entry["actor"]["uid"] == uid));
    assert_eq!(entries[0]["detail"]["query"]["from"], "alice");
    assert_eq!(entries[0]["detail"]["found"], 1);
    assert_eq!(entries[1]["reason"], "ticket 4711");
    assert_eq!(entries[1]["call"], id.as_str());
    assert_eq!(entries[4]["result"], "failed");

    let of_call = self::entries(&store, &["--call", &id, "--action", "show,export"]);
    assert_eq!(of_call.len(), 2);
    let table = audit(&store, &["list"]).stdout;
    assert!(
        table.lines().count() == 6 && table.contains("calls explain") && table.contains("ticket 4711"),
        "{table}"
    );
}

#[test]
fn what_was_changed_in_the_log_is_found_with_its_line() {
    let (store, id) = one_call();
    for reason in ["one", "two", "three"] {
        assert_eq!(store.calls(&["show", &id, "--reason", reason]).code, 0);
    }
    let run = audit(&store, &["verify"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with("3 lines hold"), "{run:?}");

    let path = store.path().join("audit.log");
    let text = fs::read_to_string(&path).expect("it is there");
    let without_second: Vec<_> =
        text.lines().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| line).collect();
    for (changed, line) in [
        (text.replace("\"two\"", "\"2\""), 2),
        (without_second.join("\n") + "\n", 2),
        (text.replacen("\"uid\":", "\"uid\": ", 1), 1),
        (text.trim_end().to_owned(), 3),
    ] {
        fs::write(&path, &changed).expect("it can be written");
        let run = audit(&store, &["verify"]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stdout.contains(&format!("audit.log: line {line} breaks the chain")), "{run:?}");
        let json: Value = serde_json::from_str(&audit(&store, &["verify", "--json"]).stdout).expect("JSON");
        assert_eq!(json["broken"]["line"], line);
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_no_reading() {
    let (store, id) = one_call();
    fs::create_dir(store.path().join("audit.log")).expect("it can be made");
    let run = store.calls(&["show", &id]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("audit.log") && run.stderr.lines().count() == 1, "{run:?}");
    assert_eq!(store.list(&[]).len(), 1);
}
