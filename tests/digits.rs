//! Digits that are dialled in the audio: found, and where they are masked, gone from everything that is kept.

#![cfg(test)]

mod common;

use std::path::PathBuf;

use serde_json::Value;

use common::capture;
use common::{Recorded, Replayed, text};

fn made(name: &str) -> PathBuf {
    common::fixtures().join("made").join(format!("{name}.pcap"))
}

fn replayed(name: &str, more: &[&str]) -> Replayed {
    let replayed = common::replay(&[made(name)], more);
    assert_eq!(replayed.run.code, 0, "{:?}", replayed.run);
    replayed
}

/// The one call of a store, once every interval is known to stand end to end with the next.
fn call(replayed: &Replayed) -> Recorded {
    let recorded = replayed.store.recorded().remove(0);
    for channel in [0, 1] {
        let spans = intervals(&recorded, channel);
        assert_eq!(spans.first().map(|span| span.0), Some(0));
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0), "{spans:?}");
        assert_eq!(spans.last().map(|span| span.1), recorded.record["recording"]["frames"].as_u64());
    }
    recorded
}

/// The intervals of a channel in samples of 8000 Hz.
fn intervals(recorded: &Recorded, channel: u64) -> Vec<(u64, u64, String)> {
    let all = recorded.record["provenance"].as_array().expect("provenance");
    let sample = |seconds: &Value| (seconds.as_f64().expect("seconds") * 8000.0).round() as u64;
    let of_channel = all.iter().filter(|interval| interval["channel"] == channel);
    of_channel.map(|one| (sample(&one["from_s"]), sample(&one["to_s"]), text(&one["kind"]))).collect()
}

fn dialled(recorded: &Recorded, role: &str) -> Vec<(String, String, u64)> {
    let keys = recorded.leg(role)["dtmf"].as_array().expect("dtmf");
    let key = |key: &Value| {
        let at = common::micros(&key["at"]).expect("a time");
        let started = common::micros(&recorded.record["recording"]["started_at"]).expect("a time");
        (text(&key["digit"]), text(&key["method"]), ((at - started) / 1000) as u64)
    };
    keys.iter().map(key).collect()
}

/// What the script of `digits_in_band` dials, in milliseconds of the recording.
const DIALLED: [(u64, u64); 4] = [(500, 580), (650, 710), (1003, 1053), (2000, 2200)];

#[test]
fn tones_are_listed_with_their_time_and_length() {
    let recorded = call(&replayed("digits_in_band", &["--digits", "keep"]));
    let keys = [dialled(&recorded, "caller"), dialled(&recorded, "callee")].concat();
    assert_eq!(keys.iter().map(|key| key.0.as_str()).collect::<String>(), "47#9");
    assert!(keys.iter().all(|key| key.1 == "inband"));
    let found = recorded.leg("caller")["dtmf"]
        .as_array()
        .into_iter()
        .chain(recorded.leg("callee")["dtmf"].as_array());
    for ((key, (from, to)), found) in keys.iter().zip(DIALLED).zip(found.flatten()) {
        let long = found["duration_ms"].as_u64().expect("a length");
        assert!(key.2.abs_diff(from) <= 10 && long.abs_diff(to - from) <= 14, "{key:?} {found}");
    }
    assert!(intervals(&recorded, 0).iter().all(|interval| interval.2 != "masked"));
}

#[test]
fn masked_tones_are_silent_on_both_legs_and_nothing_else_is() {
    let shown_store = replayed("digits_in_band", &["--digits", "keep"]);
    let shown = call(&shown_store);
    let masked_store = replayed("digits_in_band", &[]);
    let masked = call(&masked_store);
    let keys = [dialled(&masked, "caller"), dialled(&masked, "callee")].concat();
    assert_eq!(keys.iter().map(|key| key.0.as_str()).collect::<String>(), "****");
    let (before, after) = (shown.wav(), masked.wav());
    for channel in [0, 1] {
        let spans = intervals(&masked, channel as u64);
        let is_masked =
            |at: u64| spans.iter().any(|span| span.2 == "masked" && (span.0..span.1).contains(&at));
        for (from, to) in DIALLED {
            // From 40 ms before to 40 ms after, where the tone is known to half a window of 16 ms.
            assert!(((from - 32) * 8..(to + 32) * 8).all(is_masked), "{from} to {to}: {spans:?}");
        }
        for (at, (&before, &after)) in
            (0u64..).zip(before.channels[channel].iter().zip(&after.channels[channel]))
        {
            assert_eq!(after, if is_masked(at) { 0 } else { before }, "sample {at} of {channel}");
        }
        let all: u64 = spans.iter().filter(|span| span.2 == "masked").map(|span| span.1 - span.0).sum();
        let dialled: u64 = DIALLED.iter().map(|(from, to)| (to - from + 96) * 8).sum();
        assert!(all <= dialled, "no more than 48 ms beside each: {all} of {dialled}");
        let seconds = masked_store.metrics.of("sipreel_recorded_audio_seconds_total{kind=\"masked\"}");
        assert!((seconds - 2.0 * all as f64 / 8000.0).abs() < 1e-6, "{seconds}");
    }
}

#[test]
fn masked_tones_are_not_in_the_packets_either() {
    let all = replayed("digits_in_band", &["--keep", "all"]);
    let masked = call(&all);
    let kept = masked.folder.join("call.pcapng");
    let (sent, kept_packets) =
        (capture::rtp(&capture::frames(&made("digits_in_band"))), capture::rtp(&capture::frames(&kept)));
    assert_eq!(sent.len(), kept_packets.len(), "every packet is kept");
    let begin = sent[0].at_ns;
    let mut blanked = 0;
    for (sent, kept) in sent.iter().zip(&kept_packets) {
        let at_ms = ((sent.at_ns - begin) / 1_000_000) as u64;
        let touches =
            |margin: u64| DIALLED.iter().any(|&(from, to)| at_ms + 20 + margin > from && at_ms < to + margin);
        let is_blank = kept.payload.iter().all(|&octet| octet == 0xff);
        assert!(is_blank || !touches(32), "the packet at {at_ms} ms can be heard");
        assert!(kept.payload == sent.payload || touches(90), "the packet at {at_ms} ms is blanked");
        blanked += u64::from(is_blank && kept.payload != sent.payload);
    }
    assert!(blanked > 40, "{blanked}");
    let again = common::replay(&[kept], &["--digits", "keep"]);
    let again = again.store.recorded().remove(0);
    assert!(["caller", "callee"].iter().all(|role| dialled(&again, role).is_empty()), "{}", again.record);
}

#[test]
fn an_event_that_is_heard_too_is_one_digit_and_masked_as_a_tone_is() {
    let masked = call(&replayed("digit_as_event_and_tone", &[]));
    let keys = dialled(&masked, "caller");
    assert_eq!(
        keys.iter().map(|key| (key.0.as_str(), key.1.as_str())).collect::<Vec<_>>(),
        [("*", "rfc4733")]
    );
    for channel in [0, 1] {
        let spans = intervals(&masked, channel);
        let masked: Vec<_> = spans.iter().filter(|span| span.2 == "masked").collect();
        assert!(matches!(masked[..], [span] if span.0 <= 368 * 8 && span.1 >= 532 * 8), "{spans:?}");
    }
}

#[test]
fn the_file_itself_tells_what_the_record_does() {
    let store = replayed("digits_in_band", &[]);
    let masked = call(&store);
    let file = masked.file("call.wav");
    let frames = masked.record["recording"]["frames"].as_u64().expect("frames") as usize;
    let (audio, chunk) = file.split_at(44 + 4 * frames);
    assert_eq!(audio[4..8], (file.len() as u32 - 8).to_le_bytes());
    assert_eq!(&chunk[..4], b"prov");
    let size = u32::from_le_bytes(chunk[4..8].try_into().expect("four octets")) as usize;
    let told: Value = serde_json::from_slice(&chunk[8..8 + size]).expect("JSON");
    assert_eq!((&told["sample_rate"], &told["frames"]), (&8000.into(), &frames.into()));
    let intervals: Vec<Value> = [0, 1]
        .into_iter()
        .flat_map(|channel| {
            intervals(&masked, channel).into_iter().map(move |(from, to, kind)| (channel, from, to, kind))
        })
        .map(|interval| serde_json::json!([interval.0, interval.1, interval.2, interval.3]))
        .collect();
    assert_eq!(told["intervals"], Value::from(intervals));
}
