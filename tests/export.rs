//! Calls handed to somebody else: what is in the folder or archive, that it opens and holds without this program, and
//! what a mask leaves out.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Run, Store, fixture};
use serde_json::Value;

/// A store of three calls, one of them tagged and noted.
fn store() -> Store {
    let store = Store::new();
    let files = ["baresip_speech.pcap", "sipp_busy_486.pcap", "baresip_dtmf_rfc4733.pcap"].map(fixture);
    assert_eq!(store.replay(&files, &["-q", "--keep", "all", "--digits", "keep"]).code, 0);
    let id = id_of(&store, "baresip_speech");
    assert_eq!(store.calls(&["tag", &id, "case=4711-secret"]).code, 0);
    store
}

/// The id of the call of one fixture, by what only that one has.
fn id_of(store: &Store, which: &str) -> String {
    let wanted = |record: &&Value| match which {
        "sipp_busy_486" => record["outcome"] == "not_answered",
        "baresip_dtmf_rfc4733" => {
            record["legs"][0]["dtmf"].as_array().is_some_and(|digits| !digits.is_empty())
        }
        _ => {
            record["outcome"] == "recorded" && record["legs"][0]["dtmf"].as_array().is_some_and(Vec::is_empty)
        }
    };
    let recorded: Vec<Value> = store.recorded().into_iter().map(|one| one.record).collect();
    recorded.iter().find(wanted).expect("the call")["id"].as_str().expect("an id").to_owned()
}

fn export(store: &Store, to: &Path, more: &[&str]) -> Run {
    let to = to.to_str().expect("a plain path");
    store.calls(&[&["export", "--to", to], more].concat())
}

/// The files of an archive, without its top folder.
fn unpacked(archive: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let packed = fs::File::open(archive).expect("the archive is there");
    let tar = zstd::decode_all(packed).expect("zstd");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.tar");
    fs::write(&path, tar).expect("it can be written");
    let run = Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(dir.path()).status();
    assert!(run.expect("tar is there").success());
    fs::remove_file(&path).expect("it is there");
    let tops: Vec<_> =
        fs::read_dir(dir.path()).expect("a folder").flatten().map(|entry| entry.path()).collect();
    let [top] = &tops[..] else { panic!("one folder at the top: {tops:?}") };
    common::tree(top)
}

/// The script that comes with a bundle, and what it says.
fn check(bundle: &Path) -> Run {
    Command::new("bash").arg(bundle.join("proofs/verify.sh")).output().expect("bash is there").into()
}

#[test]
fn a_folder_holds_without_this_program() {
    let store = store();
    let to = store.beside("case");
    let run = export(&store, &to, &["--party", "alice"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let tree = common::tree(&to);
    let names: Vec<&str> = tree.keys().filter_map(|name| name.to_str()).collect();
    for id in store.recorded().iter().map(common::Recorded::id) {
        for file in ["call.json", "call.pcapng", "index.html", "ladder.svg", "ladder.txt"] {
            assert!(names.contains(&format!("{id}/{file}").as_str()), "{id}/{file}: {names:?}");
        }
    }
    for file in [
        "README.txt",
        "SHA256SUMS",
        "index.html",
        "manifest.json",
        "proofs/statements.jsonl",
        "proofs/roots.log",
    ] {
        assert!(names.contains(&file), "{file}");
    }
    assert!(names.iter().any(|name| name.starts_with("proofs/") && name.ends_with(".pem")));
    let mut told: Vec<&str> = run.stdout.lines().collect();
    told.sort_unstable();
    let mut written: Vec<String> = names.iter().map(|name| to.join(name).display().to_string()).collect();
    written.sort_unstable();
    assert_eq!(told, written, "stdout is the files and nothing else");

    // As the store has them, octet by octet.
    for recorded in store.recorded() {
        let name = format!("{}/call.json", recorded.id());
        assert_eq!(tree[Path::new(&name)], recorded.file("call.json"));
    }
    let checked = check(&to);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains("everything holds: 4 statements"), "{checked:?}");

    // One octet of a recording, one of a signed line.
    let wav = to.join(id_of(&store, "baresip_speech")).join("call.wav");
    let mut octets = fs::read(&wav).expect("it is there");
    octets[5000] ^= 1;
    fs::write(&wav, octets).expect("it can be written");
    let checked = check(&to);
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(checked.stdout.contains("call.wav") || checked.stderr.contains("call.wav"), "{checked:?}");
    let statements = to.join("proofs/statements.jsonl");
    let text = fs::read_to_string(&statements).expect("text");
    fs::write(&statements, text.replacen("\"bytes\":", "\"bytes\":1", 1)).expect("it can be written");
    let checked = check(&to);
    assert!(checked.stderr.contains("a signature does not hold"), "{checked:?}");
}

#[test]
fn an_archive_is_the_same_whenever_it_is_made() {
    let store = store();
    let [one, other] = ["one/case.tar.zst", "other/case.tar.zst"].map(|name| store.beside(name));
    let run = export(&store, &one, &["--outcome", "recorded"]);
    assert_eq!((run.code, run.stdout.trim_end()), (0, one.to_str().expect("a plain path")), "{run:?}");
    assert_eq!(export(&store, &other, &["--outcome", "recorded"]).code, 0);
    assert_eq!(fs::read(&one).expect("there"), fs::read(&other).expect("there"));
    let folder = store.beside("folder");
    assert_eq!(export(&store, &folder, &["--outcome", "recorded"]).code, 0);
    assert_eq!(unpacked(&one), common::tree(&folder));
}

#[test]
fn a_wav_becomes_flac_and_the_manifest_says_so() {
    let store = store();
    let (to, id) = (store.beside("flac"), id_of(&store, "baresip_speech"));
    assert_eq!(export(&store, &to, &[&id, "--format", "flac"]).code, 0);
    assert!(!to.join("call.wav").exists());
    let samples: Vec<i32> = claxon::FlacReader::open(to.join("call.flac"))
        .expect("FLAC")
        .samples()
        .map(|sample| sample.expect("a sample"))
        .collect();
    let wav = store.recorded().into_iter().find(|one| one.id() == id).expect("the call").wav();
    let frames = wav.channels[0].iter().zip(&wav.channels[1]);
    let expected: Vec<i32> = frames.flat_map(|(&left, &right)| [i32::from(left), i32::from(right)]).collect();
    assert_eq!(samples, expected);
    let manifest: Value =
        serde_json::from_slice(&fs::read(to.join("manifest.json")).expect("there")).expect("JSON");
    let file = manifest["files"].as_array().expect("files").iter().find(|file| file["name"] == "call.flac");
    assert!(file.expect("the file")["changed"].as_str().expect("text").contains("sample for sample"));
    assert_eq!(check(&to).code, 0);
}

#[test]
fn a_mask_leaves_nothing_of_anybody() {
    let store = store();
    let to = store.beside("masked");
    let run = export(&store, &to, &["--party", "alice", "--mask", "all"]);
    assert_eq!(run.code, 0, "{run:?}");
    for (name, bytes) in common::tree(&to) {
        let is_text = name.extension().is_none_or(|ending| ending != "wav");
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["alice", "bob", "127.0.0.1", "4711-secret", "12345"] {
            assert!(!is_text || !text.contains(secret) || is_sum(&name), "{secret} in {}", name.display());
        }
        assert_ne!(name.file_name(), Some("call.pcapng".as_ref()));
    }
    let checked = check(&to);
    assert_eq!(checked.code, 0, "what was masked is not held against what was signed: {checked:?}");
    // Every capture's record comes through the mask.
    let store = Store::new();
    store.replay(&common::all_fixtures(), &["-q"]);
    assert_eq!(
        export(&store, &store.beside("all.tar.zst"), &["--since", "2000-01-01T00:00:00Z", "--mask", "all"])
            .code,
        0
    );
}

/// Digits of hashes and signatures say what they like.
fn is_sum(name: &Path) -> bool {
    name.starts_with("proofs") || [Path::new("manifest.json"), Path::new("SHA256SUMS")].contains(&name)
}

#[test]
fn what_makes_no_sense_is_refused() {
    let store = store();
    let to = store.beside("to");
    for more in [&[][..], &["20260131T101502.123456Z-1f2e3d4c", "--party", "x"]] {
        let run = export(&store, &to, more);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("filters"), "{run:?}");
    }
    let run = export(&store, &to, &["20260131T101502.123456Z-1f2e3d4c"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "no such call: {run:?}");
    let run = export(&store, &to, &["--party", "nobody"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, "sipreel: no call fits\n"));
    assert!(!to.exists());
    fs::create_dir(&to).expect("it can be made");
    fs::write(to.join("letter"), "").expect("it can be written");
    let run = export(&store, &to, &["--party", "alice"]);
    assert!(run.code == 5 && run.stderr.contains("holds something else"), "{run:?}");
    let archive = store.beside("x.tar.zst");
    fs::create_dir(&archive).expect("it can be made");
    let run = export(&store, &archive, &["--party", "alice"]);
    assert!(run.code == 5 && run.stderr.contains("x.tar.zst"), "{run:?}");
    let left: Vec<_> = fs::read_dir(archive.parent().expect("above")).expect("a folder").flatten().collect();
    assert!(!left.iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".tmp")), "{left:?}");
}
