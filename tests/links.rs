//! Calls of one conversation: both records name each other, in the files and in the index alike, whatever the threads
//! and however often; `calls show` draws them, `calls list --linked` finds them.

#![cfg(test)]

mod common;

use std::path::PathBuf;

use common::{Recorded, Store, assert_same_tree};
use serde_json::Value;

/// Every scene of linked calls that needs no argument.
fn conversations() -> Vec<PathBuf> {
    let names =
        ["attended_transfer_replaces", "blind_transfer_refer", "b2bua_payload_only", "b2bua_session_id"];
    names.iter().map(|name| common::fixtures().join("made").join(format!("{name}.pcap"))).collect()
}

fn replayed(files: &[PathBuf], more: &[&str]) -> Store {
    let store = Store::new();
    let run = store.replay(files, more);
    assert_eq!(run.code, 0, "{run:?}");
    store
}

fn attended() -> (Store, Vec<Recorded>) {
    let store = replayed(&conversations()[..1], &["-q"]);
    let recorded = store.recorded();
    assert_eq!(recorded.len(), 3);
    (store, recorded)
}

#[test]
fn every_link_stands_in_both_records_and_in_the_index() {
    // One store a scene: their Call-IDs are alike, and their times.
    for file in conversations() {
        let store = replayed(&[file], &["-q"]);
        let recorded = store.recorded();
        let listed = store.list(&[]);
        assert_eq!(listed.len(), recorded.len());
        for (call, listed) in recorded.iter().zip(&listed) {
            assert_eq!(&call.record, listed, "the index says what the file says");
            let links = call.record["links"].as_array().unwrap();
            assert!(!links.is_empty(), "{call:?}");
            for link in links {
                let other =
                    recorded.iter().find(|other| link["id"] == *other.id()).expect("a call of the run");
                assert_eq!(other.record["call_id"], link["call_id"]);
                let back = other.record["links"].as_array().unwrap().iter();
                let mut back =
                    back.filter(|back| back["id"] == *call.id() && back["reason"] == link["reason"]);
                assert!(back.next().is_some(), "{link} is one-sided");
                assert!(back.next().is_none(), "{link} stands there twice");
            }
        }
    }
}

#[test]
fn neither_threads_nor_another_replay_change_them() {
    for file in conversations() {
        let one = replayed(std::slice::from_ref(&file), &["-q", "--threads", "1"]);
        for threads in ["2", "4"] {
            let other = replayed(std::slice::from_ref(&file), &["-q", "--threads", threads]);
            assert_same_tree(&one.recordings(), &other.recordings(), threads);
        }
        let (before, rows) = (one.recordings(), one.list(&[]));
        assert_eq!(one.replay(std::slice::from_ref(&file), &["-q"]).code, 0);
        assert_same_tree(&before, &one.recordings(), "replayed again");
        assert_eq!(rows, one.list(&[]));
        assert_eq!(std::fs::read_dir(one.path().join("open")).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn a_conversation_is_listed_from_each_of_its_calls() {
    let (store, recorded) = attended();
    let ids: Vec<Value> = recorded.iter().map(|call| call.record["id"].clone()).collect();
    for call in &recorded {
        let linked = store.list(&["--linked", &call.id()]);
        assert_eq!(linked.iter().map(|record| record["id"].clone()).collect::<Vec<_>>(), ids);
    }
    let newest = store.list(&["--linked", &recorded[0].id(), "--limit", "1"]);
    assert_eq!(newest[0]["id"], ids[2]);
    let of_bob = store.list(&["--linked", &recorded[0].id(), "--from", "bob"]);
    assert_eq!((of_bob.len(), &of_bob[0]["id"]), (1, &ids[1]));
    assert_eq!(store.calls(&["list", "--linked", "20260131T101502.123456Z-1f2e3d4c"]).code, 1);
}

#[test]
fn show_draws_the_chain() {
    let (store, recorded) = attended();
    let shown = store.calls(&["show", &recorded[1].id()]).stdout;
    let chain: Vec<&str> =
        shown.lines().filter(|line| line.contains(" > ") && line.contains("09:00:0")).collect();
    insta::assert_snapshot!(chain.get(..3).unwrap_or_default().join("\n"), @r"
     1  09:00:00.000  alice > bob    1.3 s  bye_callee  20260302T090000.000000Z-1566a0fc
    *2  09:00:00.500  bob > carol    0.6 s  replaced    20260302T090000.500000Z-c4b4d215  refer 1
     3  09:00:01.100  alice > carol  2.9 s  bye_caller  20260302T090001.100000Z-732d6bee  refer 1, replaces 2
    ");
}

#[test]
fn a_header_that_is_none_is_refused() {
    let store = Store::new();
    let run = store.replay(&conversations(), &["--link-header", "X-CID: 1"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("no name of a header") && !store.path().exists(), "{run:?}");
}
