//! kill -9 at random moments: no closed call is lost or damaged, each open one comes back up to the journal interval, and
//! the index is in step after each start.
//!
//! `SIPREEL_CRASH_ROUNDS` and `SIPREEL_CRASH_CALLS` make more of it; the moments come from a seed and are the same each time.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use common::live::Recorder;
use common::traffic::{Call, Feed, PTIME, Random};
use common::{Store, leg, text};

/// What a crash may cost of an open call: the journal interval that is set, and what was on the way to the recorder.
const INTERVAL: Duration = Duration::from_secs(2);
const ON_THE_WAY: Duration = Duration::from_millis(500);

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Traffic for one recorder until it is killed.
struct Traffic {
    random: Random,
    next: u64,
}

impl Traffic {
    fn call(&mut self) -> Call {
        self.next += 1;
        let length = u16::try_from(25 + self.random.below(275)).expect("it fits");
        Call { length, ..Call::new(self.next) }
    }

    /// `count` calls at once for that long; gives those that are open then, and those that hung up.
    fn run(&mut self, feed: &mut Feed, count: u64, time: Duration) -> (Vec<Call>, Vec<Call>) {
        let (begun, mut tick) = (Instant::now(), Instant::now());
        let (mut open, mut over): (Vec<Call>, Vec<Call>) = (Vec::new(), Vec::new());
        while begun.elapsed() < time {
            if (open.len() as u64) < count {
                let call = self.call();
                call.set_up(feed);
                open.push(call);
            }
            open.iter_mut().for_each(|call| call.speak(feed));
            let (done, going): (Vec<Call>, Vec<Call>) =
                open.into_iter().partition(|call| call.packets >= call.length);
            done.iter().for_each(|call| call.hang_up(feed));
            over.extend(done);
            open = going;
            tick += PTIME;
            thread::sleep(tick.saturating_duration_since(Instant::now()));
        }
        (open, over)
    }
}

fn recorder(store: &Store) -> Recorder {
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n").expect("it can be written");
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--listen", "127.0.0.1:0", "--selftest-interval", "0", "--store"]);
    command.arg(store.path()).arg("--config").arg(config).stdin(Stdio::piped());
    Recorder::start(&mut command)
}

fn left_open(store: &Store) -> usize {
    fs::read_dir(store.path().join("open")).map_or(0, Iterator::count)
}

/// The record of a call that is over, by its Call-ID.
fn by_call_id(store: &Store) -> BTreeMap<String, common::Recorded> {
    let recorded = store.recorded().into_iter();
    let by_call_id: Vec<_> = recorded.map(|call| (text(&call.record["call_id"]), call)).collect();
    let count = by_call_id.len();
    let map: BTreeMap<_, _> = by_call_id.into_iter().collect();
    assert_eq!(map.len(), count, "a call was recorded twice");
    map
}

fn packets(call: &common::Recorded, role: &str) -> u64 {
    let streams = leg(&call.record, role)["streams"].as_array().cloned().unwrap_or_default();
    streams.iter().map(|stream| stream["packets"].as_u64().expect("a number")).sum()
}

#[test]
fn kill_9_costs_no_closed_call_and_no_more_than_the_interval_of_an_open_one() {
    let (rounds, count) = (setting("SIPREEL_CRASH_ROUNDS", 3), setting("SIPREEL_CRASH_CALLS", 15));
    let store = Store::new();
    let mut traffic = Traffic { random: Random(0x5eed_cafe), next: 0 };
    let (mut worst, mut recovered, mut closed) = (Duration::ZERO, 0, 0);
    for round in 0..rounds {
        let mut running = recorder(&store);
        running.wait_for("recording from");
        let mut feed = Feed::begin(running.stdin());
        let time = Duration::from_millis(1500 + traffic.random.below(4000));
        let (open, over) = traffic.run(&mut feed, count, time);
        running.signal("-KILL");
        let (killed, (_, said)) = (Instant::now(), running.wait());
        drop(feed);
        let published = store.recordings();

        // The next start, without traffic.
        let journals = left_open(&store);
        let mut next = recorder(&store);
        let _silence = Feed::begin(next.stdin());
        if journals > 0 {
            next.wait_for("calls recovered that were open");
        }
        let metrics = common::Metrics::parse(&next.ask("/metrics").1);
        let (sum, active) = (metrics.sum("sipreel_calls_total"), metrics.sum("sipreel_calls_active"));
        assert_eq!(sum + active, metrics.sum("sipreel_calls_seen_total"));
        let (code, told) = next.end();
        assert_eq!((code, left_open(&store)), (Some(0), 0), "{told:?}");

        let after = store.recordings();
        for (path, bytes) in &published {
            assert!(after.get(path) == Some(bytes), "round {round}: {} is not as it was", path.display());
        }
        let records = by_call_id(&store);
        let listed: Vec<String> = store.list(&[]).iter().map(|record| text(&record["id"])).collect();
        let mut ids: Vec<String> = records.values().map(common::Recorded::id).collect();
        ids.sort_unstable();
        assert_eq!(listed, ids, "round {round}: the index is in step");
        for call in open.iter().chain(&over) {
            let age = killed - call.began;
            let Some(recorded) = records.get(&call.id()) else {
                assert!(age <= INTERVAL + ON_THE_WAY, "{} of {age:?} is lost: {said:?} {told:?}", call.id());
                continue;
            };
            let heard = packets(recorded, "caller").min(packets(recorded, "callee"));
            let lost = PTIME * u32::try_from(u64::from(call.packets) - heard).expect("it fits");
            let flags = recorded.record["flags"].as_array().expect("a list");
            if flags.contains(&"recovered".into()) {
                recovered += 1;
                assert!(lost <= INTERVAL + ON_THE_WAY, "round {round}: {} lost {lost:?}", call.id());
                worst = worst.max(lost);
            } else {
                closed += 1;
                assert_eq!(lost, Duration::ZERO, "round {round}: {} was closed", call.id());
            }
            if heard > 0 {
                call.assert_audio(recorded, u16::try_from(heard).expect("it fits"));
            }
            if call.packets < call.length && heard > 0 {
                let (end, outcome) =
                    (text(&recorded.record["end_reason"]), text(&recorded.record["outcome"]));
                assert_eq!((&*end, &*outcome), ("shutdown", "recorded_partial"), "{}", call.id());
            }
        }
    }
    println!("{rounds} rounds: {closed} calls closed, {recovered} recovered, at most {worst:?} of one lost");
    assert!(recovered > 0 && closed > 0, "{recovered} recovered, {closed} closed");
}
