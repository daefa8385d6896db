//! `sipreel top`: what a recorder is at, as it goes on.

#![cfg(test)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use common::live::Recorder;
use common::traffic::{Call, Feed, PTIME, speak};
use common::{Store, text};
use serde_json::Value;

fn recorder(store: &Store) -> Recorder {
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n").expect("it can be written");
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--selftest-interval", "0", "--store"]);
    command.arg(store.path()).arg("--config").arg(config).stdin(Stdio::piped());
    Recorder::start(&mut command)
}

fn once(store: &Store) -> Output {
    common::sipreel().args(["top", "--once", "--store"]).arg(store.path()).output().expect("it runs")
}

#[test]
fn tells_calls_rates_and_outcomes_once_a_second() {
    let store = Store::new();
    let mut recorder = recorder(&store);
    recorder.wait_for("recording from");
    let mut feed = Feed::begin(recorder.stdin());
    let (mut over, mut open) = (Call::new(1), Call::new(2));
    over.set_up(&mut feed);
    speak(&mut feed, &mut [&mut over], PTIME * 25);
    over.hang_up(&mut feed);
    open.set_up(&mut feed);

    let mut command = common::sipreel();
    command.args(["top", "--json", "--store"]).arg(store.path()).stdout(Stdio::piped());
    let mut top = command.spawn().expect("it runs");
    let stdout = BufReader::new(top.stdout.take().expect("a pipe"));
    let asking = std::thread::spawn(move || {
        let lines = stdout.lines().take(3);
        lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect::<Vec<Value>>()
    });
    while !asking.is_finished() {
        speak(&mut feed, &mut [&mut open], PTIME * 5);
    }
    let told = asking.join().expect("three lines");
    top.kill().expect("it can be ended");
    top.wait().expect("it ends");

    let last = &told[2];
    assert_eq!((&last["recording"], &last["seen"], &last["active"]), (&true.into(), &2.into(), &1.into()));
    assert_eq!(
        (&last["outcomes"]["recorded"], last["last"][0]["outcome"].as_str()),
        (&1.into(), Some("recorded"))
    );
    assert_eq!(
        (text(&last["last"][0]["caller"]), text(&last["last"][0]["callee"])),
        ("a1".to_owned(), "b".to_owned())
    );
    let [call] = &last["calls"].as_array().expect("a list")[..] else { panic!("{last}") };
    assert_eq!((text(&call["caller"]), text(&call["state"])), ("a2".to_owned(), "answered".to_owned()));
    assert_eq!(call["streams"], 2);
    assert!(call["packets"].as_u64() > Some(100) && call["age_s"].as_f64() > Some(1.0), "{call}");
    // Two parties, fifty packets a second each; the sender stutters where the machine does.
    let rate = last["per_s"]["packets"].as_f64().expect("a rate");
    assert!((30.0..=130.0).contains(&rate), "{rate}");
    assert_eq!((&last["per_s"]["calls"], &last["per_s"]["dropped"]), (&0.0.into(), &0.0.into()));
    assert!(last["disk"]["free_bytes"].as_u64() > Some(0), "{last}");

    // The id is that of the recording once it is there.
    let id = text(&call["id"]);
    drop(feed);
    assert_eq!(recorder.wait().0, Some(0));
    let ids: Vec<String> = store.recorded().iter().map(common::Recorded::id).collect();
    assert!(ids.contains(&id), "{id}: {ids:?}");
}

#[test]
fn without_a_recorder_it_says_so() {
    let store = Store::new();
    assert_eq!(store.replay(&[common::fixture("sipp_pcma_play.pcap")], &[]).code, 0);
    let output = once(&store);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
    assert!(said.contains("no recorder is at work in"), "{said}");
}

#[test]
fn it_ends_with_the_recorder() {
    let store = Store::new();
    let mut recorder = recorder(&store);
    let _silence = Feed::begin(recorder.stdin());
    recorder.wait_for("recording from");
    let output = once(&store);
    let told: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(
        (output.status.code(), &told["seen"], told["calls"].as_array().map(Vec::len)),
        (Some(0), &0.into(), Some(0))
    );
    let mut command = common::sipreel();
    command.args(["top", "--json", "--store"]).arg(store.path());
    let top = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut first = String::new();
    let mut top = top;
    BufReader::new(top.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert_eq!(recorder.end().0, Some(0));
    let output = top.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
