//! Tags and notes as a user meets them: set, found, kept and logged, beside a running recorder or without one.

#![cfg(test)]

mod common;

use std::fs;

use common::live::Recorder;
use common::{Store, fixture};

/// A store of a few calls, and the id of the first.
fn store() -> (Store, String) {
    let store = Store::new();
    assert_eq!(
        store.replay(&[fixture("baresip_speech.pcap"), fixture("sipp_pcma_play.pcap")], &["-q"]).code,
        0
    );
    let id = store.recorded()[0].id();
    (store, id)
}

fn ids(store: &Store, filters: &[&str]) -> Vec<String> {
    store.list(filters).iter().map(|record| common::text(&record["id"])).collect()
}

#[test]
fn a_tag_and_a_note_are_in_the_record_and_found() {
    let (store, id) = store();
    let run = store.calls(&["tag", &id, "case=4711/a", "desk=north", "--reason", "ticket 9"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    assert_eq!(store.calls(&["note", &id, "Called back:\nall settled"]).code, 0);
    let record = &store.recorded()[0].record;
    assert_eq!(record["tags"], serde_json::json!({ "case": "4711/a", "desk": "north" }));
    assert_eq!(record["notes"][0]["text"], "Called back:\nall settled");
    for filter in [
        &["--tag", "case"][..],
        &["--tag", "case=4711*"],
        &["--tag", "CASE=*/A", "--tag", "desk"],
        &["--text", "SETTLED back"],
        &["--text", "north"],
    ] {
        assert_eq!(ids(&store, filter), std::slice::from_ref(&id), "{filter:?}");
    }
    assert!(
        ids(&store, &["--tag", "case=4712"]).is_empty()
            && ids(&store, &["--text", "settled never"]).is_empty()
    );
    let shown = store.calls(&["show", &id]).stdout;
    assert!(shown.contains("case=4711/a") && shown.contains("Called back:?all settled"), "{shown}");

    assert_eq!(store.calls(&["tag", &id, "case="]).code, 0);
    assert!(ids(&store, &["--tag", "case"]).is_empty());
    // The index from the files alone says the same.
    let mut reindex = common::sipreel();
    assert!(
        reindex.arg("reindex").arg("--store").arg(store.path()).output().expect("it starts").status.success()
    );
    assert_eq!(ids(&store, &["--tag", "desk=north"]), std::slice::from_ref(&id));

    let log = fs::read_to_string(store.path().join("audit.log")).expect("it is there");
    assert!(log.contains(r#""detail":{"tags":[["case","4711/a"],["desk","north"]]}"#), "{log}");
    assert!(log.contains(r#""reason":"ticket 9""#) && log.contains(r#""action":"note""#), "{log}");
}

#[test]
fn what_could_command_a_terminal_or_fill_a_record_is_refused() {
    let (store, id) = store();
    for bad in ["case", "=x", "a b=c", "case=\x1b[2J", "../x=1", "case=\u{202e}1"] {
        assert_eq!(store.calls(&["tag", &id, bad]).code, 2, "{bad:?}");
    }
    assert_eq!(store.calls(&["note", &id, "\x1b]0;x\x07"]).code, 2);
    assert_eq!(store.calls(&["note", &id, &"x".repeat(9000)]).code, 2);
    let many: Vec<String> = (0..65).map(|n| format!("k{n}=v")).collect();
    let arguments: Vec<&str> = ["tag", &id].into_iter().chain(many.iter().map(String::as_str)).collect();
    let run = store.calls(&arguments);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("at most 64 tags"), "{run:?}");
    assert_eq!(store.calls(&["tag", "20260131T101502.123456Z-1f2e3d4c", "a=b"]).code, 1);
    assert_eq!(store.recorded()[0].record["tags"], serde_json::json!({}));
}

#[test]
fn what_was_attached_outlives_another_replay_and_rendering() {
    let (store, id) = store();
    assert_eq!(store.calls(&["tag", &id, "case=1"]).code, 0);
    let captures = [fixture("baresip_speech.pcap"), fixture("sipp_pcma_play.pcap")];
    assert_eq!(store.replay(&captures, &["-q", "--keep", "all"]).code, 0);
    assert_eq!(ids(&store, &["--tag", "case=1"]), std::slice::from_ref(&id));
    let mut render = common::sipreel();
    assert!(
        render
            .args(["render", &id])
            .arg("--store")
            .arg(store.path())
            .output()
            .expect("it starts")
            .status
            .success()
    );
    assert_eq!(ids(&store, &["--tag", "case=1"]), [id]);
}

#[test]
fn a_running_recorder_finds_what_was_attached_beside_it() {
    let (store, id) = store();
    let mut command = common::sipreel();
    command.args(["record", "--hep", "127.0.0.1:0", "--store"]);
    let mut recorder = Recorder::start(command.arg(store.path()));
    recorder.agents();
    let run = store.calls(&["tag", &id, "case=live"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(ids(&store, &["--tag", "case=live"]), std::slice::from_ref(&id));
    assert_eq!(recorder.end().0, Some(0));
    let run = store.calls(&["list", "--json", "--tag", "case=live"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "the index was closed in good order");
}
