//! One bit that is not as it was written, anywhere in a store but in its index, is found with its file and second.
//!
//! `SIPREEL_FLIPS` asks for more of them, `SIPREEL_FLIPS_CAPTURE` for another capture; which bits they are comes from a
//! seed and is the same each time.

#![cfg(test)]

mod common;

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use common::traffic::Random;
use common::{Store, fixture};

fn store() -> Store {
    let store = Store::new();
    let other = env::var_os("SIPREEL_FLIPS_CAPTURE").map(|path| vec![PathBuf::from(path)]);
    let usual = || {
        let names = ["baresip_speech.pcap", "sipp_busy_486.pcap", "baresip_dtmf_rfc4733.pcap"];
        names.map(fixture).to_vec()
    };
    let run = store.replay(&other.unwrap_or_else(usual), &["-q", "--keep", "all"]);
    assert_eq!(run.code, 0, "{run:?}");
    // Something in each kind of log.
    let ids: Vec<String> = store.recorded().iter().map(common::Recorded::id).collect();
    let [first, second, ..] = ids.as_slice() else { panic!("two calls at the least") };
    assert_eq!(store.calls(&["tag", first, "case=1"]).code, 0);
    assert_eq!(store.calls(&["note", first, "heard"]).code, 0);
    assert_eq!(store.calls(&["delete", second, "--reason", "asked to"]).code, 0);
    let (code, _) = verify(&store);
    assert_eq!(code, 0);
    store
}

/// The exit code and the findings.
fn verify(store: &Store) -> (i32, Vec<Value>) {
    let run = store.verify(&["--json"]);
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    (run.code, lines.filter(|line| line.get("fault").is_some()).collect())
}

/// What is evidence: not the index, which is made anew from the rest, and no locks.
fn evidence(store: &Path) -> Vec<PathBuf> {
    let all = common::tree(store).into_iter();
    let files = all.filter(|(path, bytes)| !path.starts_with("index") && !bytes.is_empty());
    files.map(|(path, _)| path).collect()
}

/// The second of a WAV that the byte number `at` is heard in; nothing where it is not audio.
fn second(wav: &[u8], at: usize) -> Option<u64> {
    let word = |at: usize| Some(u32::from_le_bytes(wav.get(at..at + 4)?.try_into().ok()?) as usize);
    let a_second = word(28)?;
    let (mut chunk, mut found) = (12, None);
    while let (Some(name), Some(length)) = (wav.get(chunk..chunk + 4), word(chunk + 4)) {
        if name == b"data" && (chunk + 8..chunk + 8 + length).contains(&at) {
            found = Some(((at - chunk - 8) / a_second) as u64);
        }
        chunk += 8 + length + length % 2;
    }
    found
}

#[test]
fn one_bit_anywhere_is_found_with_its_file_and_second() {
    let flips = env::var("SIPREEL_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let store = store();
    let files = evidence(&store.path());
    let (mut random, mut seconds) = (Random(0xb17), 0);
    for flip in 0..flips {
        // Each file once, and then any of them.
        let file = files.get(flip).unwrap_or_else(|| &files[random.below(files.len() as u64) as usize]);
        let path = store.path().join(file);
        let whole = fs::read(&path).expect("it is there");
        let at = random.below(whole.len() as u64) as usize;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << random.below(8);
        fs::write(&path, &bytes).expect("it can be written");
        let (code, findings) = verify(&store);
        let told = format!("{}, byte {at}: {findings:?}", file.display());
        assert_eq!(code, 1, "{told}");
        let name = file.to_str().expect("a plain path");
        let of_file: Vec<&Value> = findings.iter().filter(|finding| finding["path"] == name).collect();
        assert!(!of_file.is_empty(), "{told}");
        if let Some(second) = file.extension().filter(|kind| *kind == "wav").and_then(|_| second(&whole, at))
        {
            assert_eq!((of_file.len(), &of_file[0]["second"]), (1, &second.into()), "{told}");
            seconds += 1;
        }
        fs::write(&path, &whole).expect("it can be written");
    }
    assert_eq!(verify(&store).0, 0);
    println!("{flips} bits in {} files, {seconds} of them audio", files.len());
    assert!(seconds > 0);
}
