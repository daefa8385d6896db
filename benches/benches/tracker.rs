//! The whole tracker, datagrams in and calls out: as many packets and as many calls each time, but more of them at
//! once. What a packet costs should not grow by much more than what the processor's caches no longer hold.

use benches::{Held, Load};
use call::{Arrival, Config, End, Tracker};
use clock::Span;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const CALLS: u32 = 2000;
const SECONDS: u32 = 2;
/// Rings for about a second before.
const LASTS: Span = Span::from_ms(3100);

#[divan::bench(args = [20, 200, 2000], sample_count = 10, sample_size = 1)]
fn calls_at_once(bencher: Bencher<'_, '_>, at_once: i64) {
    let stagger = Span::from_ns(LASTS.as_ns() / at_once);
    let held = Held::of(Load { calls: CALLS, seconds: SECONDS, stagger, ..Load::default() });
    let arrivals: Vec<Arrival<'_>> = held.arrivals().collect();
    assert_eq!(track(&arrivals), CALLS as usize);
    bencher.counter(ItemsCount::new(arrivals.len())).bench_local(|| track(&arrivals));
}

/// How many calls were seen, each let go of as soon as it is over.
fn track(arrivals: &[Arrival<'_>]) -> usize {
    let mut tracker = Tracker::new(Config::default());
    let mut calls = 0;
    for arrival in arrivals {
        tracker.handle_datagram(arrival);
        while tracker.poll_call().is_some() {
            calls += 1;
        }
    }
    tracker.handle_end(End::CaptureEnd);
    while tracker.poll_call().is_some() {
        calls += 1;
    }
    calls
}
