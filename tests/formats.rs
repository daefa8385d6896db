//! Each format, layout and rate that a recording may have, read by other programs and held against the plain WAV.

#![cfg(test)]

mod common;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use common::{Recorded, Store, fixture, text};

const NARROW: &str = "baresip_speech.pcap";
const WIDE: &str = "baresip_g722.pcap";

fn recorded(name: &str, more: &[&str]) -> (Store, Recorded) {
    let store = Store::new();
    let run = store.replay(&[fixture(name)], &[&["-q"], more].concat());
    assert_eq!(run.code, 0, "{run:?}");
    let recorded = store.recorded().remove(0);
    (store, recorded)
}

/// The files of a call by what its record says, each with its bytes checked.
fn files(store: &Store, recorded: &Recorded) -> Vec<std::path::PathBuf> {
    let recording = &recorded.record["recording"];
    let several = recording["files"].as_array().cloned().unwrap_or_default();
    assert!(several.is_empty() || several[0]["path"] == recording["path"]);
    let all = if several.is_empty() { vec![recording.clone()] } else { several };
    let check = |file: &Value| {
        let path = store.path().join(text(&file["path"]));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().to_string());
        path
    };
    all.iter().map(check).collect()
}

/// Samples as ffmpeg decodes them, or nothing where there is no ffmpeg, which is said.
fn decoded(path: &Path, rate: u32) -> Option<Vec<i16>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-ar", &rate.to_string(), "-f", "s16le", "-"]);
    let Ok(output) = ffmpeg.output() else {
        println!("skipped: no ffmpeg");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout.as_chunks::<2>().0.iter().map(|&octets| i16::from_le_bytes(octets)).collect())
}

fn interleaved(recorded: &Recorded) -> Vec<i16> {
    let channels = recorded.wav().channels;
    channels[0].iter().zip(&channels[1]).flat_map(|(&left, &right)| [left, right]).collect()
}

/// The power of what was sent over the power of what is wrong, in dB.
fn snr_db<'a>(sent: impl Iterator<Item = &'a i16>, told: impl Iterator<Item = &'a i16>) -> f64 {
    let (mut power, mut error) = (0.0, 0.0);
    for (&sent, &told) in sent.zip(told) {
        power += f64::from(sent).powi(2);
        error += (f64::from(sent) - f64::from(told)).powi(2);
    }
    10.0 * (power / error.max(1.0)).log10()
}

#[test]
fn flac_is_the_same_to_the_sample_in_less_room() {
    for (name, rate) in [(NARROW, 8000), (WIDE, 16_000)] {
        let (_plain_store, plain) = recorded(name, &[]);
        let (store, packed) = recorded(name, &["--format", "flac"]);
        let recording = &packed.record["recording"];
        assert_eq!((&recording["format"], &recording["encoding"]), (&"flac".into(), &"flac".into()));
        for field in ["frames", "sample_rate", "channels", "duration_s", "started_at"] {
            assert_eq!(recording[field], plain.record["recording"][field], "{field}");
        }
        assert_eq!(packed.record["provenance"], plain.record["provenance"]);
        let path = files(&store, &packed).remove(0);
        assert!(path.ends_with("call.flac") && !packed.folder.join("call.wav").exists());
        let (small, large) = (recording["bytes"].as_u64(), plain.record["recording"]["bytes"].as_u64());
        assert!(small.zip(large).is_some_and(|(small, large)| small * 10 < large * 9), "{small:?} {large:?}");
        if let Some(samples) = decoded(&path, rate) {
            assert!(samples == interleaved(&plain), "{name}: other samples");
        }
    }
}

#[test]
fn opus_is_as_long_and_sounds_alike_and_no_party_is_heard_with_the_other() {
    for (name, rate) in [(NARROW, 8000), (WIDE, 16_000)] {
        let (_plain_store, plain) = recorded(name, &[]);
        let (store, packed) = recorded(name, &["--format", "opus"]);
        let path = files(&store, &packed).remove(0);
        let Some(samples) = decoded(&path, rate) else { return };
        let expected = interleaved(&plain);
        assert!(samples.len().abs_diff(expected.len()) <= 2, "{} {}", samples.len(), expected.len());
        for channel in [0, 1] {
            let sent = expected.iter().skip(channel).step_by(2);
            // A sample is where it was, give or take one: the best of three places.
            let snr = (0..3).map(|shift| {
                snr_db(sent.clone().skip(1), samples.iter().skip(channel + 2 * shift).step_by(2))
            });
            let best = snr.fold(f64::MIN, f64::max);
            assert!(best > 8.0, "{name}, channel {channel}: {best} dB");
        }
    }
    let silent = "digits_in_band";
    let file = common::fixtures().join("made").join(format!("{silent}.pcap"));
    let store = Store::new();
    assert_eq!(store.replay(&[file], &["-q", "--format", "opus", "--layout", "separate"]).code, 0);
    assert_eq!(files(&store, &store.recorded()[0]).len(), 2);
}

#[test]
fn mixed_both_are_heard_and_apart_each_is_itself() {
    let (_plain_store, plain) = recorded(NARROW, &[]);
    let channels = plain.wav().channels;

    let (store, mixed) = recorded(NARROW, &["--layout", "mono"]);
    assert_eq!(mixed.record["recording"]["channels"], 1);
    files(&store, &mixed);
    let both: Vec<i16> =
        channels[0].iter().zip(&channels[1]).map(|(&left, &right)| left.saturating_add(right)).collect();
    assert!(mixed.wav().channels == [both]);
    assert_eq!(mixed.record["provenance"], plain.record["provenance"]);

    for format in ["wav", "flac"] {
        let (store, apart) = recorded(NARROW, &["--layout", "separate", "--format", format]);
        let names = ["caller", "callee"].map(|role| format!("call-{role}.{format}"));
        let paths = files(&store, &apart);
        assert_eq!(paths.len(), 2);
        for ((path, name), expected) in paths.iter().zip(&names).zip(&channels) {
            assert!(path.ends_with(name), "{}", path.display());
            if let Some(samples) = decoded(path, 8000) {
                assert!(samples == *expected, "{name}: other samples");
            }
        }
        let to = store.beside("exported");
        let run = store.calls(&["export", &apart.id(), "--to", to.to_str().expect("a plain path")]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(names.iter().all(|name| to.join(name).exists()), "{run:?}");
    }
}

#[test]
fn a_rate_that_was_asked_for_is_the_rate() {
    for (name, native) in [(NARROW, 8000), (WIDE, 16_000)] {
        let (_plain_store, plain) = recorded(name, &[]);
        for rate in [8000u32, 16_000, 48_000] {
            let (store, other) = recorded(name, &["--rate", &rate.to_string()]);
            files(&store, &other);
            let (wav, plain) = (other.wav(), plain.wav());
            assert_eq!(wav.spec.sample_rate, rate);
            assert_eq!(other.record["recording"]["sample_rate"], rate);
            let frames = wav.channels[0].len() as u64;
            let expected = (plain.channels[0].len() as u64 * u64::from(rate)).div_ceil(native);
            let step = u64::from(rate) / native;
            // A party's first sample has its place to the nearest sample of the file's own rate.
            assert!(frames.abs_diff(expected) < step.max(1), "{name} at {rate}: {frames}, not {expected}");
            if step == 1 {
                assert!(wav.channels == plain.channels, "{name} at {rate}: other samples");
            } else if step > 1 {
                let best = |channel: usize| {
                    let raised = &wav.channels[channel];
                    let shifted = (0..step as usize).map(|shift| {
                        let again = raised.iter().skip(shift).step_by(step as usize);
                        snr_db(plain.channels[channel].iter(), again)
                    });
                    shifted.fold(f64::MIN, f64::max)
                };
                assert!(best(0).min(best(1)) > 20.0, "{name} at {rate}: {} and {} dB", best(0), best(1));
            }
            let last = other.record["provenance"].as_array().and_then(|all| all.last()).expect("intervals");
            assert_eq!(last["to_s"], other.record["recording"]["duration_s"]);
            let end = last["to_s"].as_f64().expect("seconds") * f64::from(rate);
            assert!((end - frames as f64).abs() < 0.1, "{end} {frames}");
        }
    }
}

#[test]
fn compressed_packets_are_the_same_and_every_command_reads_them() {
    let (plain_store, plain) = recorded(NARROW, &["--keep", "all"]);
    let (store, packed) = recorded(NARROW, &["--keep", "all", "--compress-packets"]);
    assert!(!packed.folder.join("call.pcapng").exists());
    let bytes = zstd::decode_all(&packed.file("call.pcapng.zst")[..]).expect("it is zstd");
    assert!(bytes == plain.file("call.pcapng"), "other packets");
    let show = |store: &Store| store.calls(&["show", &packed.id()]).stdout;
    assert_eq!(show(&store), show(&plain_store));
    assert!(show(&store).contains("INVITE"));
    let to = store.beside("exported");
    assert_eq!(store.calls(&["export", &packed.id(), "--to", to.to_str().expect("a plain path")]).code, 0);
    assert!(to.join("call.pcapng.zst").exists());

    let render = |more: &[&str]| {
        let mut command = common::sipreel();
        command.args(["render", &packed.id(), "--store"]).arg(store.path()).args(more);
        let run: common::Run = command.output().expect("the program starts").into();
        assert_eq!(run.code, 0, "{run:?}");
        store.recorded().remove(0)
    };
    assert!(render(&[]).file("call.wav") == plain.file("call.wav"));
    let apart = render(&["--format", "flac", "--layout", "separate", "--rate", "16000"]);
    assert_eq!(apart.record["recording"]["sample_rate"], 16_000);
    assert_eq!(files(&store, &apart).len(), 2);
    assert!(apart.folder.join("call.pcapng.zst").exists() && !apart.folder.join("call.wav").exists());
}

#[test]
fn the_configuration_says_it_too_and_the_command_line_goes_before_it() {
    let store = Store::new();
    let config = store.beside("sipreel.toml");
    std::fs::write(&config, "format = 'flac'\nlayout = 'mono'\nrate = '16000'\ncompress_packets = true\n")
        .expect("a file");
    let config = config.to_str().expect("a plain path");
    assert_eq!(store.replay(&[fixture(NARROW)], &["-q", "--config", config, "--layout", "stereo"]).code, 0);
    let recorded = store.recorded().remove(0);
    let recording = &recorded.record["recording"];
    assert_eq!((&recording["format"], &recording["channels"]), (&"flac".into(), &2.into()));
    assert_eq!(recording["sample_rate"], 16_000);
    assert!(recorded.folder.join("call.pcapng.zst").exists());
}
