//! A recorder that goes on and on: memory, file handles and the time that sealing takes stay as they were.
//!
//! `SIPREEL_SOAK_SECONDS` and `SIPREEL_SOAK_CALLS` make more of it (20 seconds of 50 calls); it says how long it ran.

#![cfg(test)]

mod common;

use std::env;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::live::Recorder;
use common::traffic::{Call, Feed, PTIME, Random};
use common::{Metrics, Store};

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// How a recorder is at one moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// Memory that is no file's, in KiB.
    memory: u64,
    handles: usize,
    /// Calls that were sealed, and the seconds that took.
    sealed: f64,
    sealing: f64,
}

impl Moment {
    fn of(recorder: &mut Recorder) -> Moment {
        let process = format!("/proc/{}", recorder.id());
        let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        let metrics = Metrics::parse(&recorder.ask("/metrics").1);
        Moment {
            memory: field("RssAnon:"),
            handles: fs::read_dir(format!("{process}/fd")).expect("it runs").count(),
            sealed: metrics.of("sipreel_seal_seconds_count"),
            sealing: metrics.of("sipreel_seal_seconds_sum"),
        }
    }
}

/// The mean time that a call took to be sealed between two moments.
fn latency(from: Moment, to: Moment) -> f64 {
    (to.sealing - from.sealing) / (to.sealed - from.sealed).max(1.0)
}

#[test]
fn nothing_grows_with_time() {
    let (seconds, count) = (setting("SIPREEL_SOAK_SECONDS", 20), setting("SIPREEL_SOAK_CALLS", 50));
    let store = Store::new();
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n").expect("it can be written");
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--listen", "127.0.0.1:0", "--selftest-interval", "0", "--store"]);
    command.arg(store.path()).arg("--config").arg(config).stdin(Stdio::piped());
    let mut running = Recorder::start(&mut command);
    running.wait_for("recording from");
    let mut feed = Feed::begin(running.stdin());

    let (mut random, mut next) = (Random(0x5eed_cafe), 0);
    let mut call = || {
        next += 1;
        Call { length: 50 + random.below(200) as u16, ..Call::new(next) }
    };
    let (mut open, mut over): (Vec<Call>, u64) = (Vec::new(), 0);
    let (begun, every) = (Instant::now(), Duration::from_secs((seconds / 20).max(1)));
    let (mut tick, mut look) = (begun, begun + every);
    let mut moments = Vec::new();
    while begun.elapsed() < Duration::from_secs(seconds) {
        if (open.len() as u64) < count {
            let call = call();
            call.set_up(&mut feed);
            open.push(call);
        }
        open.iter_mut().for_each(|call| call.speak(&mut feed));
        open.retain(|call| {
            let is_over = call.packets >= call.length;
            if is_over {
                call.hang_up(&mut feed);
                over += 1;
            }
            !is_over
        });
        if Instant::now() >= look {
            moments.push(Moment::of(&mut running));
            look += every;
        }
        tick += PTIME;
        thread::sleep(tick.saturating_duration_since(Instant::now()));
    }
    let ran = begun.elapsed();
    drop(feed);
    let (code, said) = running.wait();
    assert_eq!(code, Some(0), "{said:?}");
    assert_eq!(store.recorded().len() as u64, over + open.len() as u64, "each call has its record");

    // The first part fills what has its size then.
    let (early, late) = moments.split_at(moments.len() / 3);
    let (Some(&first), Some(&warm), Some(&last)) = (early.first(), early.last(), late.last()) else {
        panic!("too short: {moments:?}")
    };
    let (before, after) = (latency(first, warm), latency(warm, last));
    println!(
        "ran {:.0} s: {over} calls, at most {count} at once; memory {} then {} KiB, handles {} then {}, sealing {:.1} then {:.1} ms",
        ran.as_secs_f64(),
        warm.memory,
        last.memory,
        warm.handles,
        last.handles,
        before * 1e3,
        after * 1e3
    );
    let most = late.iter().map(|moment| moment.memory).max().unwrap_or(0);
    assert!(most <= warm.memory + warm.memory / 2 + 16 * 1024, "{} KiB became {most}", warm.memory);
    let handles = late.iter().map(|moment| moment.handles).max().unwrap_or(0);
    assert!(handles <= warm.handles + 32, "{} handles became {handles}", warm.handles);
    // A busy machine has its moments; what grows with what was recorded would be more.
    assert!(after <= 5.0 * before + 0.1, "sealing took {before} s and then {after} s");
}
