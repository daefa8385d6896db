//! What was recorded is as it was signed, or what differs is told: by this program, and by others' alone.

#![cfg(test)]

mod common;

use std::fs;
use std::process::Command;

use serde_json::Value;

use common::{Store, fixture};

fn store() -> Store {
    let store = Store::new();
    let captures = [fixture("baresip_speech.pcap"), fixture("sipp_busy_486.pcap")];
    assert_eq!(store.replay(&captures, &["-q", "--keep", "all"]).code, 0);
    store
}

#[test]
fn a_store_holds_until_somebody_touches_it() {
    let store = store();
    let run = store.verify(&[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.starts_with("2 calls with 6 files"), "{run:?}");
    let calls = store.recorded();
    let call = calls.iter().find(|call| call.record["outcome"] == "recorded").expect("one is");
    let id = call.id();
    assert_eq!(store.calls(&["tag", &id, "case=1"]).code, 0);
    assert_eq!(store.calls(&["note", &id, "heard"]).code, 0);
    assert_eq!(store.verify(&[]).code, 0, "what was changed in good order holds");

    let wav = call.folder.join("call.wav");
    let whole = fs::read(&wav).expect("it is there");
    let mut bytes = whole.clone();
    let audio = bytes.len() - call.wav().channels[0].len() * 4;
    bytes[audio + 5 * 32_000 + 7] ^= 0x10;
    fs::write(&wav, &bytes).expect("it can be written");
    let run = store.verify(&[]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout,
        format!(
            "{}/call.wav: was changed from second 5 on (byte {})\n",
            call.record["recording"]["path"].as_str().expect("a path").trim_end_matches("/call.wav"),
            audio + 5 * 32_000
        )
    );
    let lines: Vec<Value> = store
        .verify(&["--json", &id])
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!((&lines[0]["fault"], &lines[0]["second"]), (&"changed".into(), &5.into()));
    assert_eq!(lines[1]["verified"]["calls"], 1);
    assert_eq!(store.verify(&["--until", "2020-01-01T00:00:00Z"]).code, 0, "it was not asked for");
    fs::write(&wav, &whole).expect("it can be written");

    assert_eq!(store.calls(&["delete", &id, "--reason", "asked to"]).code, 0);
    let run = store.verify(&[]);
    assert!(run.code == 0 && run.stderr.contains("1 deleted"), "{run:?}");
    let log = store.path().join("audit.log");
    let text = fs::read_to_string(&log).expect("it is there");
    fs::write(&log, text.replacen("case", "cafe", 1)).expect("it can be written");
    let run = store.verify(&[]);
    assert!(run.code == 1 && run.stdout.contains("audit.log") && run.stdout.contains(", line 2"), "{run:?}");
}

#[test]
fn a_store_of_an_earlier_version_is_signed_when_that_is_asked() {
    let store = store();
    fs::remove_dir_all(store.path().join("integrity")).expect("it is there");
    let run = store.verify(&[]);
    assert!(
        run.code == 1 && run.stdout.lines().all(|line| line.ends_with("was signed by nobody")),
        "{run:?}"
    );
    assert_eq!(store.verify(&["--sign-new"]).code, 0);
    assert_eq!(store.verify(&[]).code, 0);
}

/// What the page about it says: `openssl` and a few words of shell tell the same.
#[test]
fn others_can_check_a_signature() {
    let store = store();
    let script = common::repository().join("docs/verify.sh");
    let run =
        |folder: &std::path::Path| Command::new("bash").arg(&script).arg(folder).output().expect("sh runs");
    let has_tool = |tool: &str| Command::new(tool).arg("version").output().is_ok();
    if !has_tool("openssl") {
        println!("skipped: no openssl");
        return;
    }
    let output = run(&store.path());
    assert!(output.status.success(), "{output:?}");
    let log = fs::read_dir(store.path().join("integrity/2026/11"))
        .expect("a month")
        .next()
        .expect("a day")
        .expect("it");
    let text = fs::read_to_string(log.path()).expect("it is there");
    fs::write(log.path(), text.replacen("\"bytes\":", "\"bytes\":1", 1)).expect("it can be written");
    let output = run(&store.path());
    assert!(!output.status.success(), "{output:?}");
}
