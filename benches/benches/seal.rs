//! Closed calls to recordings: WAV, record and the packets of the signalling, in a store in memory where there is one.
//! An item is a second of a call, hence two of audio.

use std::path::Path;

use benches::{Held, Load};
use call::{Arrival, Call, Config, Correlation, End, Tracker};
use clock::Span;
use divan::Bencher;
use divan::counter::ItemsCount;
use seal::{Keep, Settings};
use store::{Durability, Store};
use tempfile::TempDir;

fn main() {
    divan::main();
}

const CALLS: u32 = 20;
const SECONDS: u32 = 60;

#[divan::bench(sample_count = 20, sample_size = 1)]
fn calls_of_a_minute(bencher: Bencher<'_, '_>) {
    let held =
        Held::of(Load { calls: CALLS, seconds: SECONDS, stagger: Span::from_ms(25), ..Load::default() });
    let calls = closed(&held);
    assert_eq!(calls.len(), CALLS as usize);
    let settings = Settings {
        keep: Keep::Signalling,
        show_digits: false,
        with_keys: false,
        silence: seal::Silence::default(),
        checks: seal::Checks::default(),
        durability: Durability::Fast,
    };
    let call_seconds = ItemsCount::new(CALLS * SECONDS);
    bencher.counter(call_seconds).with_inputs(empty_store).bench_local_refs(|(_, store)| {
        for call in &calls {
            let sealed = seal::seal(call, &held, store, &settings);
            assert!(sealed.record.recording.is_some());
        }
    });
}

/// What linking reads of the same calls: their messages, and the payloads of both legs. An item is a packet.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn correlations(bencher: Bencher<'_, '_>) {
    let held =
        Held::of(Load { calls: CALLS, seconds: SECONDS, stagger: Span::from_ms(25), ..Load::default() });
    let calls = closed(&held);
    let packets = calls.iter().flat_map(|call| call.legs.caller.iter().chain(&call.legs.callee));
    let packets: usize = packets.map(|matched| matched.stream.kept.len()).sum();
    bencher.counter(ItemsCount::new(packets)).bench_local(|| {
        calls
            .iter()
            .map(|call| Correlation::of(call, &[], &held))
            .for_each(|one| drop(divan::black_box(one)));
    });
}

fn closed(held: &Held) -> Vec<Call> {
    let mut tracker = Tracker::new(Config::default());
    let arrivals: Vec<Arrival<'_>> = held.arrivals().collect();
    for arrival in &arrivals {
        tracker.handle_datagram(arrival);
    }
    tracker.handle_end(End::CaptureEnd);
    std::iter::from_fn(|| tracker.poll_call()).collect()
}

/// What a disk costs differs by disk; memory has none of it.
fn empty_store() -> (TempDir, Store) {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.expect("a folder can be made");
    let store = Store::open(dir.path()).expect("a store can be made in it");
    (dir, store)
}
