//! Every scene of `fixtures/maker`, replayed by the program and held against its script: which calls there are, what
//! their records say, and each sample of their audio.

#![cfg(test)]

mod common;

use std::fs;
use std::path::PathBuf;

use maker::{Expected, Heard, Scene};
use serde_json::Value;

use common::{Recorded, Replayed};

fn made(scene: &Scene) -> PathBuf {
    common::fixtures().join("made").join(format!("{}.pcap", scene.name))
}

#[test]
fn the_files_are_what_the_scripts_make() {
    for scene in maker::scenes::all() {
        let file = fs::read(made(&scene)).unwrap_or_default();
        assert!(file == scene.file(), "{}: make it anew by `cargo run -p maker`", scene.name);
    }
}

#[test]
fn of_each_scene_comes_what_its_script_says() {
    let scenes = maker::scenes::all();
    assert!(!scenes.is_empty());
    let failed: Vec<String> = scenes.iter().flat_map(faults).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is not as it should be, each by the scene's name: one run tells of all scenes.
fn faults(scene: &Scene) -> Vec<String> {
    let arguments: Vec<&str> =
        ["--digits", "keep"].into_iter().chain(scene.arguments.iter().map(String::as_str)).collect();
    let replayed = common::replay(&[made(scene)], &arguments);
    let mut faults = Vec::new();
    if replayed.run.code != 0 {
        faults.push(format!("{}: {:?}", scene.name, replayed.run));
        return faults;
    }
    replayed.assert_sum_rule(scene.name);
    let recorded = replayed.store.recorded();
    let call_ids: Vec<&str> = recorded.iter().filter_map(|call| call.record["call_id"].as_str()).collect();
    if recorded.len() != scene.calls.len() {
        faults.push(format!("{}: the calls are {call_ids:?}", scene.name));
    }
    faults.extend(metric_faults(scene, &replayed));
    let mut left: Vec<&Recorded> = recorded.iter().collect();
    for expected in &scene.calls {
        // Of several calls with one Call-ID, the first in time comes first in the script.
        match left.iter().position(|call| call.record["call_id"] == expected.call_id.as_str()) {
            Some(at) => {
                let told = call_faults(expected, left.remove(at));
                faults.extend(
                    told.into_iter().map(|fault| format!("{}: {}: {fault}", scene.name, expected.call_id)),
                );
            }
            None => faults.push(format!("{}: no call {:?}", scene.name, expected.call_id)),
        }
    }
    faults
}

fn metric_faults(scene: &Scene, replayed: &Replayed) -> Vec<String> {
    let fault = |(name, value): &(String, f64)| {
        let told = replayed.metrics.0.get(name);
        (told != Some(value)).then(|| format!("{}: {name} is {told:?}, not {value}", scene.name))
    };
    scene.metrics.iter().filter_map(fault).collect()
}

fn call_faults(expected: &Expected, recorded: &Recorded) -> Vec<String> {
    let record = &recorded.record;
    let mut faults = Vec::new();
    for (pointer, value) in &expected.fields {
        let told = record.pointer(pointer).unwrap_or(&Value::Null);
        if told != value {
            faults.push(format!("{pointer} is {told}, not {value}"));
        }
    }
    let flags: Vec<&str> =
        record["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let missing = expected.flags.iter().filter(|flag| !flags.contains(&flag.as_str()));
    faults.extend(missing.map(|flag| format!("not flagged {flag}: {flags:?}")));
    let wrong = expected.no_flags.iter().filter(|flag| flags.contains(&flag.as_str()));
    faults.extend(wrong.map(|flag| format!("flagged {flag}")));
    if let Some(channels) = &expected.channels {
        faults.extend(audio_faults(channels, recorded));
    }
    faults
}

/// Each stretch stands bit-exact at its place after the first of both channels, and beside them is silence, but for
/// what a loss of packets is concealed by.
fn audio_faults(channels: &[Vec<Heard>; 2], recorded: &Recorded) -> Vec<String> {
    if channels.iter().all(Vec::is_empty) {
        let silent = recorded.record["recording"].is_null();
        return if silent { vec![] } else { vec!["there is a recording, and nothing was said".to_owned()] };
    }
    if recorded.record["recording"].is_null() {
        return vec!["no recording".to_owned()];
    }
    let wav = recorded.wav();
    if wav.spec.sample_rate != 8000 {
        return vec![format!("{} Hz", wav.spec.sample_rate)];
    }
    let origin = channels.iter().flatten().map(|heard| heard.at_ms).min().unwrap_or(0);
    let mut faults = Vec::new();
    for (name, heard, told) in
        [("caller", &channels[0], &wav.channels[0]), ("callee", &channels[1], &wav.channels[1])]
    {
        let mut said: Vec<Option<i16>> = vec![Some(0); told.len()];
        for Heard { at_ms, samples } in heard {
            let at = (at_ms - origin) as usize * 8;
            let end = at + samples.len();
            if said.len() < end {
                faults.push(format!("{name}: {} samples, not {end} or more", told.len()));
                said.resize(end, Some(0));
            }
            said[at..end].iter_mut().zip(samples).for_each(|(said, &sample)| *said = Some(sample));
            let concealed = said.len().min(end + CONCEALED);
            said[end..concealed].iter_mut().filter(|said| **said == Some(0)).for_each(|said| *said = None);
        }
        let wrong = said.iter().zip(told).position(|(said, told)| said.is_some_and(|said| said != *told));
        if let Some(at) = wrong {
            faults.push(format!("{name}: sample {at} is {}, not {:?}", told[at], said[at]));
        }
    }
    faults
}

/// 60 ms at 8000 Hz.
const CONCEALED: usize = 480;
