//! CDRs against a store: what was never seen is told, and what the PBX knows is attached.

#![cfg(test)]

mod common;

use std::fs;

use serde_json::Value;

use common::{Run, Store, fixture, text};

fn store() -> Store {
    let store = Store::new();
    assert_eq!(
        store.replay(&[fixture("baresip_speech.pcap"), fixture("sipp_pcma_play.pcap")], &["-q"]).code,
        0
    );
    store
}

fn reconcile(store: &Store, csv: &str, more: &[&str]) -> Run {
    let path = store.beside("cdr.csv");
    fs::write(&path, csv).expect("it can be written");
    store.calls(&[&["reconcile", path.to_str().expect("a plain path")], more].concat())
}

#[test]
fn a_call_that_was_never_seen_is_told_and_the_others_are_tagged() {
    let store = store();
    let calls = store.recorded();
    let call_id = text(&calls[0].record["call_id"]);
    let csv = format!("call_id,account,case\n{call_id},acme,\nnever@seen,acme,7\n,,\n");
    let run = reconcile(&store, &csv, &["--json", "--attach", "account", "--attach", "case=case.no"]);
    assert_eq!(run.code, 1, "{run:?}");
    let missing: Value = serde_json::from_str(&run.stdout).expect("one line of JSON");
    assert_eq!((&missing["line"], &missing["call_id"]), (&3.into(), &"never@seen".into()));
    assert!(run.stderr.contains("2 CDRs: 1 calls were never seen; 1 calls tagged"), "{run:?}");
    assert!(run.stderr.contains("1 lines are no CDR"), "{run:?}");
    let tagged = store.list(&["--tag", "account=acme"]);
    assert_eq!(tagged.len(), 1);
    assert_eq!(tagged[0]["call_id"], call_id.as_str());
    assert!(tagged[0]["tags"].get("case.no").is_none());
    // A second time changes nothing.
    let run = reconcile(&store, &format!("call_id,account\n{call_id},acme\n"), &["--attach", "account"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("0 calls tagged"), "{run:?}");
}

#[test]
fn parties_and_time_tell_a_call_without_a_call_id() {
    let store = store();
    for call in store.recorded() {
        let record = &call.record;
        let at = text(&record["invited_at"]);
        let (from, to) = (text(&record["caller"]["user"]), text(&record["callee"]["user"]));
        let spaced = at[..19].replace('T', " ");
        let csv = format!("start;src;dst;desk\n{spaced};{from};{to};n{}\n", &at[11..19].replace(':', ""));
        let run = reconcile(&store, &csv, &["--attach", "desk"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(store.list(&["--tag", &format!("desk=n{}", &at[11..19].replace(':', ""))]).len(), 1);
        let other = reconcile(&store, &format!("start,src,dst\n{spaced},{from},nobody\n"), &[]);
        assert_eq!(other.code, 1, "{other:?}");
        let late = reconcile(&store, &format!("start,src,dst\n2020-01-01 00:00:00,{from},{to}\n"), &[]);
        assert_eq!(late.code, 1, "{late:?}");
        assert!(late.stdout.starts_with("line 2: 2020-01-01T00:00:00.000000Z"), "{late:?}");
    }
}

#[test]
fn what_is_no_list_of_calls_is_told() {
    let store = store();
    for (csv, more) in [
        ("name,age\nx,7\n", &[][..]),
        ("", &[]),
        ("call_id,x\na,b\n", &["--attach", "case"]),
        ("call_id,x\na,b\n", &["--attach", "x=a b"]),
        ("call_id,x\na,b\n", &["--call-id", "y"]),
    ] {
        let run = reconcile(&store, csv, more);
        assert!(run.code == 3 && run.stderr.contains("cdr.csv"), "{run:?}");
    }
    let control = reconcile(&store, "call_id,x\na\x1b[2J,b\n", &[]);
    assert!(control.code == 1 && !control.stdout.contains('\x1b'), "{control:?}");
}
