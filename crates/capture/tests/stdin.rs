//! Standard input: this test runs itself as the process that reads it.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use capture::{Input, Replay};

/// Set for the process that reads.
const READS: &str = "CAPTURE_TEST_READS_STDIN";

#[test]
fn counts_the_frames_of_standard_input() {
    if std::env::var_os(READS).is_none() {
        return;
    }
    let (mut replay, errors) = Replay::open(&[Input::Stdin]);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(replay.bytes_total(), None);
    let mut bytes = 0;
    while let Some(frame) = replay.next().unwrap() {
        bytes += frame.bytes.len();
    }
    println!("frames {} bytes {bytes} read {}.", replay.frames_read(), replay.bytes_read());
}

/// Runs the process that reads, with `input` as its standard input.
fn feed(input: &[u8]) -> io::Result<Output> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "counts_the_frames_of_standard_input", "--nocapture"])
        .env(READS, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input))?;
    child.wait_with_output()
}

/// A classic capture of `count` frames of 100 bytes.
fn capture(count: u32) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    for n in 0..count {
        for field in [n, 0, 100, 100] {
            file.extend(field.to_le_bytes());
        }
        file.extend([n as u8; 100]);
    }
    file
}

#[test]
fn reads_standard_input_plain_and_packed() {
    let plain = capture(5000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    for input in [plain.clone(), encoder.finish().unwrap(), zstd::encode_all(&plain[..], 1).unwrap()] {
        let output = feed(&input).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let expected = format!("frames 5000 bytes 500000 read {}.", input.len());
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn an_empty_standard_input_is_no_capture() {
    let output = feed(b"").unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("NotACapture"));
}
