//! What a live recording does when the disk fills, when it has to stop, and when it is asked how it is.

#![cfg(test)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::live::Recorder;
use common::traffic::{Call, Feed, PTIME, speak};
use common::{Recorded, Store, text};
use serde_json::Value;

fn recorder(store: &Path, config: &Path, more: &[&str]) -> Recorder {
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--listen", "127.0.0.1:0", "--selftest-interval", "0", "--store"]);
    command.arg(store).arg("--config").arg(config).args(more).stdin(Stdio::piped());
    Recorder::start(&mut command)
}

const QUICK: &str = "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n";

fn configured(store: &Store, more: &str) -> PathBuf {
    let config = store.beside("sipreel.toml");
    fs::write(&config, format!("{QUICK}{more}")).expect("it can be written");
    config
}

/// The calls that speak until a metric has that value.
fn speak_until(recorder: &mut Recorder, feed: &mut Feed, calls: &mut [&mut Call], metric: &str, value: f64) {
    let begun = Instant::now();
    loop {
        let metrics = common::Metrics::parse(&recorder.ask("/metrics").1);
        let sum = metrics.sum("sipreel_calls_total") + metrics.sum("sipreel_calls_active");
        assert_eq!(sum, metrics.sum("sipreel_calls_seen_total"), "the sum rule, at every scrape");
        if metrics.of(metric) == value {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{metric}: {:?}", recorder.said());
        speak(feed, calls, PTIME * 5);
    }
}

fn recorded(store: &Store, call: &Call) -> Recorded {
    let mut all = store.recorded();
    let at = all.iter().position(|one| text(&one.record["call_id"]) == call.id());
    all.swap_remove(at.unwrap_or_else(|| panic!("{} is not recorded", call.id())))
}

/// A file system of that many MiB where the store is to be, gone with the test; `None` where it may not be made, which is said.
struct Disk(PathBuf);

impl Disk {
    fn new(store: &Store, mib: u64) -> Option<Disk> {
        let at = store.path();
        fs::create_dir_all(&at).expect("it can be made");
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Disk(at));
        }
        println!("skipped: no file system may be mounted here");
        None
    }

    fn mount_again(&self, how: &str) {
        let mounted = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status();
        assert!(mounted.is_ok_and(|status| status.success()));
    }

    /// Writes until nothing more fits but `left` bytes.
    fn fill(&self, left: u64) {
        let filler = self.0.join("filler");
        let free = || {
            let out =
                Command::new("df").args(["-B1", "--output=avail"]).arg(&self.0).output().expect("df runs");
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            text.lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok()).expect("a number")
        };
        let bytes = vec![1; usize::try_from(free().saturating_sub(left)).expect("it fits")];
        let _ = fs::write(filler, bytes);
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const STOPPED: &str = "sipreel_storage_watermark_reached{watermark=\"stop\"}";

#[test]
fn below_the_watermark_new_media_is_turned_away_and_what_is_open_ends_cleanly() {
    let store = Store::new();
    let Some(disk) = Disk::new(&store, 48) else { return };
    let config = configured(&store, "[disk]\nwarn_free = '20MiB'\nstop_free = '12MiB'\n");
    let mut recorder = recorder(&store.path(), &config, &[]);
    let mut feed = Feed::begin(recorder.stdin());
    let (mut before, mut during, mut after) = (Call::new(1), Call::new(2), Call::new(3));
    before.set_up(&mut feed);
    speak_until(&mut recorder, &mut feed, &mut [&mut before], "sipreel_rtp_streams_active", 2.0);
    disk.fill(8 << 20);
    speak_until(&mut recorder, &mut feed, &mut [&mut before], STOPPED, 1.0);
    recorder.wait_for("no new media is taken");

    during.set_up(&mut feed);
    speak(&mut feed, &mut [&mut before, &mut during], PTIME * 25);
    during.hang_up(&mut feed);
    before.hang_up(&mut feed);
    speak_until(&mut recorder, &mut feed, &mut [], "sipreel_calls_total{outcome=\"storage_error\"}", 1.0);
    disk.empty();
    speak_until(&mut recorder, &mut feed, &mut [], STOPPED, 0.0);
    recorder.wait_for("room again");
    after.set_up(&mut feed);
    speak(&mut feed, &mut [&mut after], PTIME * 25);
    after.hang_up(&mut feed);
    speak_until(&mut recorder, &mut feed, &mut [], "sipreel_calls_total{outcome=\"recorded\"}", 2.0);
    let metrics = common::Metrics::parse(&recorder.ask("/metrics").1);
    let turned_away = metrics.of("sipreel_capture_dropped_packets_total{source=\"file\",stage=\"disk\"}");
    assert_eq!(turned_away, 2.0 * f64::from(during.packets));
    assert_eq!(recorder.end().0, Some(0));
    for call in [&before, &after] {
        let recorded = recorded(&store, call);
        let streams =
            ["caller", "callee"].map(|role| common::leg(&recorded.record, role)["streams"][0].clone());
        assert!(streams.iter().all(|stream| stream["packets"] == call.packets), "{}: {streams:?}", call.id());
        // It stutters where the metrics were asked for.
        call.assert_audio(&recorded, 10);
    }
    let listed = recorded(&store, &during).record;
    assert!(listed["flags"].as_array().expect("a list").contains(&"disk_full".into()), "{listed}");
}

#[test]
fn a_disk_without_a_byte_left_costs_no_closed_call() {
    let store = Store::new();
    let Some(disk) = Disk::new(&store, 32) else { return };
    let config = configured(&store, "[disk]\nwarn_free = 0\nstop_free = 0\n");
    let mut recorder = recorder(&store.path(), &config, &["--journal-interval", "0.5s"]);
    let mut feed = Feed::begin(recorder.stdin());
    let (mut first, mut second) = (Call::new(1), Call::new(2));
    first.set_up(&mut feed);
    speak_until(&mut recorder, &mut feed, &mut [&mut first], "sipreel_rtp_streams_active", 2.0);
    disk.fill(0);
    speak(&mut feed, &mut [&mut first], PTIME * 50);
    first.hang_up(&mut feed);
    recorder.wait_for("the journal of open calls cannot be written");
    second.set_up(&mut feed);
    speak(&mut feed, &mut [&mut second], PTIME * 50);
    second.hang_up(&mut feed);
    speak(&mut feed, &mut [], PTIME * 50);
    disk.empty();
    speak_until(&mut recorder, &mut feed, &mut [], "sipreel_calls_total{outcome=\"recorded\"}", 2.0);
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    for call in [&first, &second] {
        call.assert_audio(&recorded(&store, call), call.packets);
    }
    let flags = &recorded(&store, &first).record["flags"];
    assert!(flags.as_array().expect("a list").contains(&"journal_gap".into()), "{flags}");
    assert_eq!(store.list(&[]).len(), 2, "the index has both");
}

#[test]
fn a_store_that_may_not_be_written_is_5_and_says_why() {
    let store = Store::new();
    let Some(disk) = Disk::new(&store, 8) else { return };
    disk.mount_again("ro");
    let capture = common::fixture("sipp_pcma_play.pcap");
    let replay = store.replay(&[capture], &[]);
    assert_eq!(replay.code, 5, "{replay:?}");
    assert!(replay.stderr.contains("Read-only file system"), "{replay:?}");
    let (code, said) = recorder(&store.path(), &configured(&store, ""), &[]).wait();
    assert_eq!(code, Some(5), "{said:?}");
    assert!(said.iter().any(|line| line.contains("Read-only file system")), "{said:?}");
    // Where its disk is not mounted, a file stands in the way.
    let vanished = store.beside("vanished");
    fs::write(&vanished, b"").expect("it can be written");
    let (code, said) = recorder(&vanished, &configured(&store, ""), &[]).wait();
    assert_eq!((code, said.len()), (Some(5), 1), "{said:?}");
}

fn status(store: &Store) -> Value {
    let output = common::sipreel().args(["status", "--json", "--store"]).arg(store.path()).output();
    serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON")
}

#[test]
fn who_asks_hears_how_it_is_and_what_may_change_does() {
    let store = Store::new();
    let config = configured(&store, "");
    let mut recorder = recorder(&store.path(), &config, &["-q"]);
    let mut feed = Feed::begin(recorder.stdin());
    let (mut over, mut open) = (Call::new(1), Call::new(2));
    over.set_up(&mut feed);
    open.set_up(&mut feed);
    speak(&mut feed, &mut [&mut over, &mut open], PTIME * 75);
    over.hang_up(&mut feed);
    let begun = Instant::now();
    let told = loop {
        speak(&mut feed, &mut [&mut open], PTIME * 5);
        let told = status(&store);
        if told["recorded"] == 1 || begun.elapsed() > Duration::from_secs(60) {
            break told;
        }
    };
    assert_eq!((&told["recording"], &told["seen"], &told["active"]), (&true.into(), &2.into(), &1.into()));
    assert_eq!((&told["eligible"], &told["outcomes"]["recorded"]), (&1.into(), &1.into()));
    assert!(told["journal"]["bytes"].as_u64() > Some(20_000), "{told}");
    assert!(told["journal"]["lag_s"].as_f64() < Some(2.0), "{told}");
    assert!(told["disk"]["free_bytes"].as_u64() > Some(0) && told["last_recording_at"].is_string(), "{told}");
    assert_eq!(told["dropped"], serde_json::json!({"interface": 0, "kernel": 0, "queue": 0, "disk": 0}));

    recorder.signal("-USR1");
    recorder.wait_for("2 calls seen, 1 active, 1 eligible, 1 recorded; 1 recorded");
    configured(&store, "[disk]\nwarn_free = '1000TiB'\n");
    recorder.signal("-HUP");
    recorder.wait_for("the disk is getting full");
    assert!(recorder.said().contains(&"sipreel: the configuration was read anew".to_owned()));
    configured(&store, "[disk]\nwarn_free = '1000TiB'\n[limits]\ncalls = 5\n");
    recorder.signal("-HUP");
    recorder.wait_for("what else is new in it takes a restart");
    configured(&store, "[disk]\nwarn_free = 'much'\n");
    recorder.signal("-HUP");
    recorder.wait_for("the configuration stays as it was");
    recorder.signal("-TERM");
    assert_eq!(recorder.wait().0, Some(0));

    let told = status(&store);
    assert_eq!((&told["recording"], &told["seen"], &told["active"]), (&false.into(), &2.into(), &0.into()));
    assert_eq!((&told["recorded"], &told["outcomes"]["recorded_partial"]), (&2.into(), &1.into()));
}

#[test]
fn what_is_not_sealed_in_time_is_left_to_the_next_start() {
    let store = Store::new();
    let config = configured(&store, "");
    // No time at all.
    let mut first = recorder(&store.path(), &config, &["--stop-timeout", "0.05s"]);
    let mut feed = Feed::begin(first.stdin());
    let mut calls: Vec<Call> = (1..=60).map(Call::new).collect();
    calls.iter().for_each(|call| call.set_up(&mut feed));
    let mut speaking: Vec<&mut Call> = calls.iter_mut().collect();
    speak(&mut feed, &mut speaking, PTIME * 150);
    first.signal("-TERM");
    let (code, said) = first.wait();
    assert_eq!(code, Some(0), "{said:?}");
    let left = said.iter().any(|line| line.contains("the next start finishes them"));
    let mut next = recorder(&store.path(), &config, &[]);
    let _silence = Feed::begin(next.stdin());
    if left {
        next.wait_for("calls recovered that were open");
    }
    assert_eq!(next.end().0, Some(0));
    assert!(left, "sixty calls in 50 ms: {said:?}");
    assert_eq!(store.recorded().len(), 60);
    for call in &calls {
        let recorded = recorded(&store, call);
        assert_eq!(text(&recorded.record["end_reason"]), "shutdown");
        let heard = common::leg(&recorded.record, "caller")["streams"][0]["packets"].as_u64();
        assert!(heard > Some(100), "{}: {heard:?}", call.id());
    }
}
