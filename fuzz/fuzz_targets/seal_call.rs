//! Any traffic through a tracker and its calls to recordings: nothing panics, what is written adds up, and no capture
//! makes more silence than is allowed, whatever its time stamps say.
#![no_main]

use std::cell::OnceCell;
use std::fs;

use call::{Arrival, Call, Config, End, Side, Tracker};
use clock::{Span, Time};
use fuzz::{Step, happen};
use libfuzzer_sys::fuzz_target;
use rtp::{Copying, Frame, Medium};
use seal::{Keep, Sealed, Settings, Silence};
use store::{Durability, Record, Store};
use tempfile::TempDir;

thread_local! {
    static STORE: OnceCell<(TempDir, Store)> = const { OnceCell::new() };
}

fuzz_target!(|steps: Vec<Step>| {
    let mut tracker = Tracker::new(Config { copying: Copying::Frames, ..Config::default() });
    let mut now = Time::from_parts(1_700_000_000, 0);
    for step in &steps {
        happen(step, &mut now, &mut |sent| {
            let frame = Frame { bytes: &sent.packet, link: 101, place: None };
            tracker.handle_datagram(&Arrival {
                at: sent.at,
                flow: sent.flow,
                path: &flow::Path::NONE,
                payload: sent.payload(),
                frame,
            });
        });
    }
    tracker.handle_end(End::CaptureEnd);
    STORE.with(|store| {
        let (_, store) = store.get_or_init(open);
        while let Some(call) = tracker.poll_call() {
            let sealed = seal::seal(&call, &Nothing, store, &settings());
            adds_up(&call, &sealed, store);
            let _ = fs::remove_dir_all(store.recording(&sealed.record.id));
        }
    });
});

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir_in("/dev/shm").expect("there is memory");
    let store = Store::open(folder.path()).expect("an empty folder is a store");
    (folder, store)
}

struct Nothing;

impl Medium for Nothing {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

/// As a user has them who keeps everything.
fn settings() -> Settings {
    Settings {
        keep: Keep::All,
        show_digits: false,
        compress_packets: false,
        shape: seal::Shape::default(),
        with_keys: false,
        silence: Silence { longest: Span::from_secs(60), most: Span::from_secs(100) },
        checks: seal::Checks::default(),
        durability: Durability::Fast,
    }
}

fn adds_up(call: &Call, sealed: &Sealed, store: &Store) {
    assert!(sealed.error.is_none(), "{:?}", sealed.error);
    let folder = store.recording(&sealed.record.id);
    let json = fs::read(folder.join("call.json")).expect("every call has a record");
    let record = Record::from_json(&json).expect("that reads back");
    // A record keeps microseconds.
    assert_eq!(record.to_json(), sealed.record.to_json());
    let Some(recording) = &sealed.record.recording else {
        assert!(sealed.record.provenance.is_empty() && !folder.join("call.wav").exists());
        return;
    };
    let length = fs::metadata(folder.join("call.wav")).expect("the audio is there").len();
    assert_eq!((length, length), (recording.bytes, 44 + 4 * recording.frames));
    assert!(
        recording.frames <= heard(call, &Nothing) + SILENCE_S * u64::from(recording.sample_rate),
        "{} frames",
        recording.frames
    );
    for channel in 0..2 {
        let mut end = 0.0;
        for interval in sealed.record.provenance.iter().filter(|interval| interval.channel == channel) {
            assert_eq!(interval.from_s.value(), end);
            end = interval.to_s.value();
        }
        assert!(
            (end - recording.duration_s.value()).abs() < 1e-6,
            "a channel is known from its start to its end"
        );
    }
    let samples: u64 = sealed.origins.iter().map(|(_, samples)| samples).sum();
    assert_eq!(samples, 2 * recording.frames);
}

/// At least as many samples as the packets of the call hold: 120 ms of Opus each, or an octet a sample, brought up from
/// 8000 Hz to 96 000 at the most.
fn heard(call: &Call, medium: &dyn Medium) -> u64 {
    let streams = Side::BOTH.iter().flat_map(|&side| call.legs.of(side));
    streams
        .flat_map(|matched| matched.stream.kept.slots(medium))
        .map(|slot| 12 * slot.body_len() as u64 + 5760)
        .sum()
}

/// All the silence that one call may hold.
const SILENCE_S: u64 = 100;
