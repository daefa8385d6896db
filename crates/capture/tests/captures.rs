//! Real captures beside the project: every frame of every one of them, plain and packed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use capture::{Input, Replay};

/// Of this one the manifest counts 693 frames; capinfos, tshark and libpcap find 691, and nothing is left behind them.
const MISCOUNTED: (&str, u64) = ("ntop__nDPI__fuzz-2006-06-26-2594.pcap", 691);

/// Where the captures are, and how many frames each has as the manifest tells; `None` where they are missing.
fn manifest() -> Option<Vec<(PathBuf, u64)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(manifest) = fs::read_to_string(folder.join("MANIFEST.tsv")) else {
        println!("skipped: no captures at {}", folder.display());
        return None;
    };
    let mut lines = manifest.lines().map(|line| line.split('\t'));
    let packets = lines.next().and_then(|mut names| names.position(|name| name == "packets"));
    let packets = packets.expect("the manifest has a column of packets");
    let row = |mut fields: std::str::Split<'_, char>| {
        let file = fields.next()?;
        let counted = fields.nth(packets - 1)?.parse().ok()?;
        let count = if file == MISCOUNTED.0 { MISCOUNTED.1 } else { counted };
        Some((folder.join("files").join(file), count))
    };
    Some(lines.map(|fields| row(fields).expect("each capture has a name and a count")).collect())
}

/// All that a replay gave.
#[derive(PartialEq)]
struct Read {
    /// Time, link type and bytes.
    frames: Vec<(i64, u32, Vec<u8>)>,
    errors: Vec<String>,
}

/// Reads inputs to their end.
fn read(inputs: &[Input]) -> Read {
    let (mut replay, errors) = Replay::open(inputs);
    let mut errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let mut frames = Vec::new();
    loop {
        match replay.next() {
            Ok(Some(frame)) => frames.push((frame.at.as_ns(), frame.link, frame.bytes.to_vec())),
            Ok(None) => return Read { frames, errors },
            Err(error) => errors.push(error.to_string()),
        }
    }
}

#[test]
fn every_capture_has_the_frames_that_the_manifest_counts() {
    let Some(captures) = manifest() else { return };
    for (path, packets) in &captures {
        let Read { frames, errors } = read(&[Input::File(path.clone())]);
        assert_eq!(frames.len() as u64, *packets, "{}: {errors:?}", path.display());
        assert!(errors.is_empty(), "{errors:?}");
    }
    println!("ran {} captures", captures.len());
}

#[test]
fn every_capture_packed_has_the_frames_of_the_plain_one() {
    let Some(captures) = manifest() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (path, _) in &captures {
        let packed = folder.path().join("packed");
        let mut encoder =
            flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
        encoder.write_all(&fs::read(path).unwrap()).unwrap();
        encoder.finish().unwrap();
        assert!(read(&[Input::File(path.clone())]) == read(&[Input::File(packed)]), "{}", path.display());
    }
    println!("ran {} captures", captures.len());
}

#[test]
fn all_captures_merge_into_one_sequence() {
    let Some(captures) = manifest() else { return };
    let inputs: Vec<Input> = captures.iter().map(|(path, _)| Input::File(path.clone())).collect();
    let Read { frames, errors } = read(&inputs);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(frames.len() as u64, captures.iter().map(|(_, packets)| packets).sum::<u64>());
}
