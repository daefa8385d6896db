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

/// As a recording is made without a word from anybody, with these packets kept.
fn settings(keep: Keep) -> Settings {
    Settings {
        keep,
        show_digits: false,
        compress_packets: false,
        shape: seal::Shape::default(),
        checks: seal::Checks::default(),
        with_keys: false,
        silence: seal::Silence::default(),
        durability: Durability::Fast,
    }
}

const CALLS: u32 = 20;
const SECONDS: u32 = 60;

#[divan::bench(sample_count = 20, sample_size = 1)]
fn calls_of_a_minute(bencher: Bencher<'_, '_>) {
    let held =
        Held::of(Load { calls: CALLS, seconds: SECONDS, stagger: Span::from_ms(25), ..Load::default() });
    let calls = closed(&held);
    assert_eq!(calls.len(), CALLS as usize);
    let settings = settings(Keep::Signalling);
    let call_seconds = ItemsCount::new(CALLS * SECONDS);
    bencher.counter(call_seconds).with_inputs(empty_store).bench_local_refs(|(_, store)| {
        for call in &calls {
            let sealed = seal::seal(call, &held, store, &settings);
            assert!(sealed.record.recording.is_some());
        }
    });
}

/// G.711 render speed: one call of ten minutes on one core, both legs from their packets through timeline, decoding and
/// mixing to a WAV in memory. An item is a second of the call.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn g711_render_speed(bencher: Bencher<'_, '_>) {
    let held = Held::of(Load { seconds: RENDERED_SECONDS, ..Load::default() });
    let calls = closed(&held);
    let call = calls.first().expect("the call was followed");
    let settings = settings(Keep::None);
    bencher.counter(ItemsCount::new(RENDERED_SECONDS)).with_inputs(empty_store).bench_local_refs(
        |(_, store)| {
            let sealed = seal::seal(call, &held, store, &settings);
            assert!(sealed.record.recording.is_some());
        },
    );
}

const RENDERED_SECONDS: u32 = 600;

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
