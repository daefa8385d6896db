//! Any bytes as a capture file, packed or not: every frame ends, and one of a mapped file is found again at its place.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;

use capture::{Input, Place, Replay};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A packed file of some kilobytes may hold many megabytes; more than that proves nothing further.
const MOST_FRAMES: u64 = 20_000;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

fuzz_target!(init: bear_closed_pipes(), |bytes: &[u8]| {
    let path = path();
    fs::write(&path, bytes).expect("a folder in memory takes a file");
    let (mut captures, refused) = Replay::open(&[Input::File(path)]);
    assert!(refused.len() <= 1);
    let medium = captures.medium();
    let (mut errors, mut captured) = (refused.len(), 0);
    while captures.frames_read() < MOST_FRAMES {
        match captures.next() {
            Ok(Some(frame)) => {
                if let Some(place) = frame.place {
                    assert_eq!(medium.slice(place, frame.bytes.len()), Some(frame.bytes));
                    assert_eq!(Place::from_number(place.number()), Some(place));
                    captured += frame.bytes.len();
                }
            }
            Ok(None) => break,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                errors += 1;
            }
        }
    }
    assert!(errors <= 1, "a file fails once");
    assert!(captured <= bytes.len(), "no byte of a file is in two frames");
});

/// As every Rust program does before its main, which here is not Rust's: what is unpacked goes through a pipe, whose
/// reader may leave first.
fn bear_closed_pipes() {
    // SAFETY: no other thread runs yet, and an ignored signal runs nothing.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

fn path() -> PathBuf {
    FOLDER.with(|folder| {
        let make = || tempfile::tempdir_in("/dev/shm").expect("there is memory");
        folder.get_or_init(make).path().join("input")
    })
}
