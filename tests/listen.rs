//! A call that goes on, heard while it does: what comes out is what its recording holds, frame by frame.

#![cfg(test)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::live::Recorder;
use common::traffic::{Call, Feed, PTIME};
use common::{Run, Store};

fn recorder(store: &Store, listeners: bool) -> Recorder {
    let config = store.beside("sipreel.toml");
    let text = format!(
        "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n[record]\nlisteners = {listeners}\njournal_s = 0.5\n"
    );
    fs::write(&config, text).expect("it can be written");
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--selftest-interval", "0", "--store"]);
    command.arg(store.path()).arg("--config").arg(config).stdin(Stdio::piped());
    Recorder::start(&mut command)
}

/// A recorder, and a call that has gone on for so many packets; its id.
fn begin(store: &Store, listeners: bool, packets: u16) -> (Recorder, Feed, Call, String) {
    let mut running = recorder(store, listeners);
    running.wait_for("recording from");
    let mut feed = Feed::begin(running.stdin());
    let mut call = Call { length: 400, ..Call::new(1) };
    call.set_up(&mut feed);
    speak(&mut call, &mut feed, packets);
    let open = fs::read_dir(store.path().join("open")).expect("a folder").flatten();
    let journal = open.map(|entry| entry.file_name().to_string_lossy().into_owned()).next();
    (running, feed, call, journal.expect("a journal"))
}

/// What stands in the audit log about listening.
fn audit(store: &Store) -> String {
    let mut command = common::sipreel();
    command.args(["audit", "list", "--action", "listen", "--store"]).arg(store.path());
    Run::from(command.output().expect("it starts")).stdout
}

fn speak(call: &mut Call, feed: &mut Feed, packets: u16) {
    let mut tick = Instant::now();
    for _ in 0..packets {
        call.speak(feed);
        tick += PTIME;
        thread::sleep(tick.saturating_duration_since(Instant::now()));
    }
}

fn listen(store: &Path, id: &str) -> std::process::Command {
    let mut command = common::sipreel();
    command.args(["calls", "listen", id, "--reason", "training", "--store"]).arg(store);
    command
}

#[test]
fn what_is_heard_is_what_is_recorded() {
    let store = Store::new();
    let (running, mut feed, mut call, id) = begin(&store, true, 150);
    let start = |more: &[&str]| {
        let mut command = listen(&store.path(), &id);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let (heard, late) = (start(&["--from-start"]), start(&[]));
    speak(&mut call, &mut feed, 200);
    call.hang_up(&mut feed);
    thread::sleep(Duration::from_secs(1));
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said:?}");
    let heard = heard.wait_with_output().expect("it ends");
    assert_eq!((heard.status.code(), String::from_utf8_lossy(&heard.stderr).as_ref()), (Some(0), ""));
    let recorded = store.recorded().remove(0);
    assert_eq!(recorded.id(), id);
    assert_eq!(&heard.stdout[..4], b"RIFF");
    assert_eq!(heard.stdout[36..44], *b"data\xff\xff\xff\xff");
    let wav = recorded.file("call.wav");
    let octets = recorded.record["recording"]["frames"].as_u64().expect("frames") as usize * 4;
    assert!(octets > 300 * 640, "seven seconds: {octets}");
    let frames = &wav[44..44 + octets];
    assert!(&heard.stdout[44..] == frames, "each frame, once, in its place");
    // Who does not ask for the beginning hears what comes from then on.
    let late = late.wait_with_output().expect("it ends");
    assert_eq!(late.status.code(), Some(0));
    let part = &late.stdout[44..];
    assert!(!part.is_empty() && part.len() + 640 < frames.len(), "{} of {}", part.len(), frames.len());
    assert!(frames.ends_with(part), "up to the end");
    let told = audit(&store);
    assert!(told.contains(&id) && told.contains("training") && told.contains("done"), "{told}");
    // Now it is over.
    let after: Run = listen(&store.path(), &id).output().expect("it starts").into();
    assert_eq!((after.code, after.stdout.as_str()), (1, ""));
    assert!(after.stderr.contains("is over"), "{after:?}");
}

#[test]
fn nobody_listens_where_the_configuration_does_not_allow_it() {
    let store = Store::new();
    let (running, _feed, _call, id) = begin(&store, false, 100);
    let refused: Run = listen(&store.path(), &id).output().expect("it starts").into();
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    assert!(refused.stderr.contains("listeners = true"), "{refused:?}");
    assert!(audit(&store).contains("refused"));
    running.end();
}
