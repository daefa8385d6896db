//! The captures of others, where they lie beside the repository: none may stop the program, calls are what tshark sees
//! of them (TRUTH.json), and speech is what other decoders make of it. Where the folder is missing the tests say so.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use common::{Recorded, Replayed, Wav, capture, micros, text};

/// Every capture, replayed by itself with its digits shown.
static REPLAYED: LazyLock<BTreeMap<String, Replayed>> = LazyLock::new(|| {
    let Some(folder) = common::captures() else { return BTreeMap::new() };
    let entries = fs::read_dir(folder.join("files")).expect("the captures are there");
    let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let (next, (done, replayed)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            let (done, next, paths) = (done.clone(), &next, &paths);
            scope.spawn(move || {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let one =
                        common::replay(std::slice::from_ref(path), &["--threads", "1", "--digits", "keep"]);
                    done.send((name(path), one)).expect("somebody waits");
                }
            });
        }
    });
    drop(done);
    replayed.into_iter().collect()
});

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_str().expect("a plain name").to_owned()
}

#[test]
fn no_capture_stops_the_program() {
    for (name, replayed) in REPLAYED.iter() {
        let run = &replayed.run;
        assert!([0, 3].contains(&run.code), "{name}: {run:?}");
        assert!(run.stdout.is_empty() && !run.stderr.contains("panicked"), "{name}: {run:?}");
        assert_eq!(replayed.metrics.of("sipreel_calls_total{outcome=\"internal_error\"}"), 0.0, "{name}");
        replayed.assert_sum_rule(name);
    }
    println!("{} captures were replayed", REPLAYED.len());
    if common::captures().is_some() {
        assert_eq!(REPLAYED.len(), 109);
    }
}

// ---- TRUTH.json: nine captures call by call ----

/// Each capture that is told call by call, with its calls and what was recorded of them.
fn told() -> Vec<(String, Value, &'static Replayed)> {
    let Some(folder) = common::captures() else { return vec![] };
    let truth: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("TRUTH.json")).expect("a file")).expect("JSON");
    let files = truth["files"].as_array().expect("files").iter();
    files.map(|file| (text(&file["file"]), file.clone(), &REPLAYED[&text(&file["file"])])).collect()
}

/// Checks every call of every file, and tells all that is wrong at once.
fn for_each_call(check: impl Fn(&Value, &Value, &Value) -> Vec<String>) {
    let mut wrong = Vec::new();
    for (name, file, replayed) in told() {
        let recorded = replayed.store.recorded();
        for call in file["calls"].as_array().expect("calls") {
            let of_call: Vec<&Recorded> =
                recorded.iter().filter(|recorded| recorded.record["call_id"] == call["call_id"]).collect();
            let [one] = of_call[..] else {
                wrong.push(format!("{name}: {}: {} records", call["call_id"], of_call.len()));
                continue;
            };
            let found = check(&file, call, &one.record);
            wrong.extend(found.into_iter().map(|what| format!("{name}: {}: {what}", call["call_id"])));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What differs, in words.
fn differing(what: &str, found: &dyn Debug, truth: &dyn Debug, same: bool) -> Option<String> {
    (!same).then(|| format!("{what} is {found:?} and should be {truth:?}"))
}

/// The same time, but for what seven decimals of a second lose.
fn same_time(found: &Value, truth: &Value) -> bool {
    match (micros(found), truth.as_f64()) {
        (Some(found), Some(truth)) => (found - (truth * 1e6).round() as i64).abs() <= 1,
        (found, truth) => found.is_none() && truth.is_none(),
    }
}

#[test]
fn calls_have_their_times_and_their_ends() {
    for_each_call(|_, call, record| {
        let said = |field: &str| !call[field].is_null();
        let (state, outcomes): (&str, &[&str]) = match (said("answer"), said("end")) {
            (true, true) => ("completed", &["recorded", "recorded_partial"]),
            (true, false) => ("incomplete", &["recorded"]),
            // No answer and no end: refused, unless the capture ends first.
            _ if said("last_failure") => ("rejected", &["not_answered"]),
            _ => ("unanswered", &["not_answered"]),
        };
        let times = [("invited_at", "start"), ("answered_at", "answer")];
        let mut wrong: Vec<String> = times
            .iter()
            .filter_map(|(field, truth)| {
                differing(field, &record[*field], &call[*truth], same_time(&record[*field], &call[*truth]))
            })
            .collect();
        if said("end") {
            wrong.extend(differing(
                "ended_at",
                &record["ended_at"],
                &call["end"],
                same_time(&record["ended_at"], &call["end"]),
            ));
            let by_caller = call["bye_from_ip"] == text(&call["sig_src"]).rsplit_once(':').expect("a port").0;
            // On one address a BYE's sender is told by its port, which the truth does not have.
            let one_host =
                text(&call["sig_src"]).split(':').next() == text(&call["sig_dst"]).split(':').next();
            let reason = if by_caller { "bye_caller" } else { "bye_callee" };
            wrong.extend(differing(
                "end_reason",
                &record["end_reason"],
                &reason,
                one_host || record["end_reason"] == reason,
            ));
        }
        wrong.extend(differing("state", &record["state"], &state, record["state"] == state));
        let outcome = text(&record["outcome"]);
        wrong.extend(differing("outcome", &outcome, &outcomes, outcomes.contains(&outcome.as_str())));
        for (party, header) in [("caller", "from"), ("callee", "to")] {
            let uri = text(&record[party]["uri"]);
            wrong.extend(differing(party, &uri, &call[header], uri.starts_with(&text(&call[header]))));
        }
        wrong
    });
}

#[test]
fn streams_have_their_legs_and_their_counts() {
    for_each_call(|_, call, record| {
        call["streams"]
            .as_array()
            .expect("streams")
            .iter()
            .flat_map(|truth| stream_differs(truth, record))
            .collect()
    });
}

/// What is wrong with a stream of a call's record.
fn stream_differs(truth: &Value, record: &Value) -> Vec<String> {
    let role = text(&truth["role"]);
    let streams = common::leg(record, &role)["streams"].as_array().expect("streams").iter();
    let same = |stream: &&Value| {
        stream["ssrc"] == truth["ssrc"]
            && stream["source"] == truth["src"]
            && stream["destination"] == truth["dst"]
    };
    let found: Vec<&Value> = streams.filter(same).collect();
    let [found] = found[..] else {
        return vec![format!(
            "{} streams of the {role} are {} {} > {}",
            found.len(),
            truth["ssrc"],
            truth["src"],
            truth["dst"]
        )];
    };
    let is_event = |kind: &Value| text(&kind["codec"]).starts_with("telephone-event");
    let kinds = truth["payload_types"].as_object().expect("payload types").iter();
    let most = kinds.filter(|(_, kind)| !is_event(kind)).max_by_key(|(_, kind)| kind["packets"].as_u64());
    let (number, kind) = most.expect("a payload type");
    let fields = [
        ("payload_type", Value::from(number.parse::<u64>().expect("a number"))),
        ("codec", kind["codec"].clone()),
        ("packets", truth["packets"].clone()),
        ("lost", truth["missing"].clone()),
        ("duplicates", truth["duplicates"].clone()),
        ("reordered", truth["reordered"].clone()),
    ];
    let wrong = fields
        .iter()
        .filter_map(|(field, truth)| differing(field, &found[*field], truth, found[*field] == *truth));
    let times = [("first_packet_at", "first_packet"), ("last_packet_at", "last_packet")];
    let times = times.iter().filter_map(|(field, name)| {
        differing(field, &found[*field], &truth[*name], same_time(&found[*field], &truth[*name]))
    });
    wrong.chain(times).map(|what| format!("{role} {}: {what}", truth["ssrc"])).collect()
}

#[test]
fn digits_are_those_that_were_dialled() {
    let keys = [("10", "*"), ("11", "#"), ("12", "A"), ("13", "B"), ("14", "C"), ("15", "D")];
    let key = |event: &str| {
        keys.iter().find(|(number, _)| *number == event).map_or(event.to_owned(), |(_, key)| (*key).into())
    };
    for_each_call(|file, call, record| {
        let began = file["first_packet_epoch"].as_f64().expect("a time");
        let mut wrong = Vec::new();
        for role in ["caller", "callee"] {
            let streams =
                call["streams"].as_array().expect("streams").iter().filter(|stream| stream["role"] == role);
            let dialled: Vec<&Value> =
                streams.flat_map(|stream| stream["dtmf"].as_array().expect("dtmf")).collect();
            let truth: String = dialled.iter().map(|dialled| key(&text(&dialled[1]))).collect();
            let found = common::leg(record, role)["dtmf"].as_array().expect("dtmf");
            let shown: String = found.iter().map(|key| text(&key["digit"])).collect();
            wrong.extend(differing(&format!("{role}'s digits"), &shown, &truth, shown == truth));
            for (found, truth) in found.iter().zip(dialled) {
                let at = began + truth[0].as_f64().expect("seconds");
                let off_ms = micros(&found["at"]).expect("a time") as f64 / 1e3 - at * 1e3;
                wrong.extend(differing("at", &found["at"], &at, off_ms.abs() < 1.0));
            }
        }
        wrong
    });
}

// ---- MANIFEST.tsv: what has to be recorded ----

/// Calls that are complete and cannot be recorded yet, with the reason.
const NOT_YET: [(&str, &str); 1] = [(
    "NormB__sipnab__invite-opus-bye.pcap",
    "recorded, but each packet is Opus for silence, to libopus too",
)];

#[test]
fn every_complete_call_that_can_be_decoded_is_recorded() {
    let Some(folder) = common::captures() else { return };
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).expect("a file");
    let mut rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = rows.next().expect("a head");
    let column = |name: &str| head.iter().position(|field| *field == name).expect("a column");
    let (complete, no_bye) = (column("complete_calls_two_way_audio"), column("answered_two_way_without_BYE"));
    let (mut wrong, mut calls) = (Vec::new(), 0);
    for row in rows {
        let count = |column: usize| row[column].parse::<usize>().unwrap_or(0);
        let truth = (count(complete), count(no_bye));
        if truth == (0, 0) {
            continue;
        }
        let recorded = REPLAYED[row[0]].store.recorded();
        let found = (two_way(&recorded, "completed"), two_way(&recorded, "incomplete"));
        let reason = NOT_YET.iter().find(|(name, _)| *name == row[0]).map(|(_, reason)| *reason);
        match reason {
            None if found.0 < truth.0 || found.0 + found.1 < truth.0 + truth.1 => {
                wrong.push(format!("{}: {found:?} of {truth:?} calls are recorded", row[0]));
            }
            Some(reason) if found != (0, 0) => {
                wrong.push(format!("{} is recorded now, take it off the list: {reason}", row[0]));
            }
            _ => calls += found.0 + found.1,
        }
    }
    println!("{calls} calls are recorded both ways");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// How many calls in that state have both parties' audio.
fn two_way(recorded: &[Recorded], state: &str) -> usize {
    let outcomes = ["recorded", "recorded_partial"];
    let fits = |recorded: &&Recorded| {
        recorded.record["state"] == state && outcomes.contains(&text(&recorded.record["outcome"]).as_str())
    };
    let sounds = |recorded: &&Recorded| {
        recorded.wav().channels.iter().all(|samples| samples.iter().any(|sample| *sample != 0))
    };
    recorded.iter().filter(fits).filter(sounds).count()
}

#[test]
fn pcap_and_pcapng_give_the_same_bytes() {
    if common::captures().is_none() {
        return;
    }
    let [one, other] = ["sip.pcap", "sip_same-as-pcap.pcapng"]
        .map(|name| &REPLAYED[&format!("MichalCab__ISA__{name}")].store);
    assert_eq!(one.recordings().len(), 4, "one call with audio, record, packets and series");
    common::assert_same_tree(&one.recordings(), &other.recordings(), "pcapng");
}

// ---- audio/: what other decoders make of it ----

/// 50 ms at 8000 Hz.
const CHUNK: usize = 400;

#[test]
fn speech_is_what_other_decoders_make_of_it() {
    let Some(folder) = common::captures() else { return };
    let mut compared = 0;
    for entry in fs::read_dir(folder.join("audio")).expect("the references are there") {
        let path = entry.expect("an entry").path();
        let reference = name(&path);
        // CAPTURE__call1__ROLE__SSRC.wav; the stereo mixes have no SSRC, and know less of time than this program.
        let parts: Vec<&str> = reference.trim_end_matches(".wav").rsplitn(4, "__").collect();
        let [ssrc, role @ ("caller" | "callee"), _, capture] = parts[..] else { continue };
        let recorded = REPLAYED[&format!("{capture}.pcap")].store.recorded();
        let has_stream = |recorded: &&Recorded| {
            let streams = recorded.leg(role)["streams"].as_array().expect("streams");
            streams.iter().any(|stream| stream["ssrc"] == ssrc)
        };
        let call = recorded.iter().find(has_stream).unwrap_or_else(|| panic!("{reference}: no such stream"));
        let truth = Wav::read(&path);
        let channel = &call.wav().channels[usize::from(role == "callee")];
        let borders = borders(&folder.join(format!("files/{capture}.pcap")), ssrc);
        assert_eq!(borders.last(), Some(&truth.channels[0].len()), "{reference}: every packet is in it");
        assert_in_order(&truth.channels[0], channel, &borders, &reference);
        compared += 1;
    }
    assert_eq!(compared, 6, "three calls, both ways");
}

/// Where each packet of a stream ends in its audio; telephone events have none.
fn borders(capture: &Path, ssrc: &str) -> Vec<usize> {
    let packets = capture::rtp(&capture::frames(capture)).into_iter();
    let audio = packets
        .filter(|packet| format!("0x{:08x}", packet.ssrc) == ssrc && [0, 8].contains(&packet.payload_type));
    let lengths = audio.scan(0, |end, packet| {
        *end += packet.payload.len();
        Some(*end)
    });
    lengths.collect()
}

/// Every chunk of `truth` that is speech stands in `channel`, each behind the one before. A chunk may be parted where
/// one packet ends and the sender paused before the next.
fn assert_in_order(truth: &[i16], channel: &[i16], borders: &[usize], of: &str) {
    let (mut at, mut chunks, mut parted) = (0, 0, 0);
    for (n, chunk) in truth.chunks_exact(CHUNK).enumerate() {
        if chunk.iter().all(|sample| sample.abs() < 200) {
            continue;
        }
        chunks += 1;
        if let Some(found) = find(channel, chunk, at) {
            at = found + CHUNK;
            continue;
        }
        parted += 1;
        let (from, to) = (n * CHUNK, (n + 1) * CHUNK);
        let inner = borders.iter().copied().filter(|border| (from + 1..to).contains(border));
        let mut begin = from;
        for end in inner.chain([to]) {
            let part = &truth[begin..end];
            let found = find(channel, part, at);
            at = found.unwrap_or_else(|| panic!("{of}: chunk {n} is not there behind sample {at}"))
                + part.len();
            begin = end;
        }
    }
    assert!(chunks > 20, "{of}: {chunks} chunks of speech");
    assert!(parted * 5 < chunks, "{of}: {parted} of {chunks} chunks are in parts");
    println!("{of}: {chunks} chunks of speech, {parted} in parts");
}

/// Where `wanted` stands in `channel`, from `from` on.
fn find(channel: &[i16], wanted: &[i16], from: usize) -> Option<usize> {
    channel.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}
