//! Every capture in `fixtures/`, replayed by the program and compared with what tshark and the phones say of it
//! (EXPECTED.json), sample by sample with what an independent decoder makes of its packets, and with its snapshot.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use audio::{Codec, Decoder};
use audio_codec_algorithms::{decode_alaw, decode_ulaw};
use serde_json::Value;

use common::capture::{self, Rtp};
use common::{Recorded, Replayed, Wav, micros, micros_of_seconds, text};

/// What the program does not do yet, each with its reason; where one starts to work, its entry has to go.
const UNDECODED: [(&str, &str, &str); 0] = [];

/// One fixture with its truth and what the program made of it.
struct Fixture {
    name: String,
    expected: Value,
    replayed: Replayed,
}

/// Each fixture replayed by itself, digits shown, all packets kept.
static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let expected = common::expected();
    let keys = common::key_logs();
    let arguments: Vec<&str> =
        ["--digits", "keep"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    let names: Vec<&String> = expected.as_object().expect("an object").keys().collect();
    let one = |name: &String| Fixture {
        name: name.clone(),
        expected: expected[name].clone(),
        replayed: common::replay(&[common::fixture(name)], &arguments),
    };
    names.into_iter().map(one).collect()
});

impl Fixture {
    /// The call as it should be, and as it was recorded: each fixture holds one.
    fn call(&self) -> (&Value, Recorded) {
        let [expected] = &self.expected["calls"].as_array().expect("calls")[..] else {
            panic!("one call each")
        };
        let mut recorded = self.replayed.store.recorded();
        assert_eq!(recorded.len(), 1, "{}: one call", self.name);
        (expected, recorded.remove(0))
    }

    fn undecoded(&self) -> Option<&'static str> {
        UNDECODED.iter().find(|(name, ..)| *name == self.name).map(|(_, outcome, _)| *outcome)
    }
}

/// Those that have audio that can be decoded.
fn heard() -> impl Iterator<Item = &'static Fixture> {
    let has_streams =
        |fixture: &&Fixture| !fixture.call().0["streams"].as_array().expect("streams").is_empty();
    FIXTURES.iter().filter(|fixture| fixture.undecoded().is_none()).filter(has_streams)
}

#[test]
fn every_fixture_is_replayed_without_a_word() {
    assert!(FIXTURES.len() >= 18, "{} fixtures", FIXTURES.len());
    for fixture in FIXTURES.iter() {
        let run = &fixture.replayed.run;
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{}", fixture.name);
    }
}

#[test]
fn every_call_is_who_it_was_and_when() {
    for fixture in FIXTURES.iter() {
        let (expected, recorded) = fixture.call();
        let (name, record) = (&fixture.name, &recorded.record);
        assert_eq!(record["schema"], 1);
        assert_eq!(record["call_id"], expected["call_id"], "{name}");
        for party in ["caller", "callee"] {
            assert_eq!(record[party]["user"], expected[party], "{name}: {party}");
            assert_eq!(record[party]["tag"], expected[format!("{party}_tag")], "{name}: {party}'s tag");
        }
        for (field, truth) in
            [("invited_at", "invited_at"), ("ringing_at", "ringing_at"), ("answered_at", "answered_at")]
        {
            assert_eq!(micros(&record[field]), micros_of_seconds(&expected[truth]), "{name}: {field}");
        }
        assert_eq!(micros(&record["ended_at"]), Some(ended_at(fixture, expected)), "{name}: ended_at");
        assert_eq!(record["status_code"], expected["status_code"], "{name}");
        let (state, end_reason) = ending(expected);
        assert_eq!(
            (text(&record["state"]).as_str(), text(&record["end_reason"]).as_str()),
            (state, end_reason),
            "{name}"
        );
        let seconds = |from: &str, to: &str| {
            let span = micros(&record[to])? - micros(&record[from])?;
            Some(span as f64 / 1e6)
        };
        assert_eq!(record["setup_s"].as_f64(), seconds("invited_at", "answered_at"), "{name}: setup_s");
        let talked = seconds("answered_at", "ended_at").unwrap_or(0.0);
        assert_eq!(record["duration_s"].as_f64(), Some(talked), "{name}: duration_s");
        let id = text(&record["id"]);
        assert!(
            record["invited_at"].as_str().expect("a time").replace(['-', ':'], "").starts_with(&id[..22]),
            "{id}"
        );
    }
}

/// State and end reason, by what was said.
fn ending(expected: &Value) -> (&'static str, &'static str) {
    let said = |field: &str| !expected[field].is_null();
    match expected["hung_up"].as_str() {
        Some("caller") if said("bye_at") => ("completed", "bye_caller"),
        Some("callee") if said("bye_at") => ("completed", "bye_callee"),
        Some("caller") if said("cancelled_at") => ("cancelled", "cancel"),
        _ if said("answered_at") => ("incomplete", "capture_end"),
        _ if said("refused_at") => ("rejected", "rejected"),
        _ => panic!("{expected}"),
    }
}

/// The BYE or the CANCEL, else the refusal, else the last packet.
fn ended_at(fixture: &Fixture, expected: &Value) -> i64 {
    let said = ["bye_at", "cancelled_at", "refused_at"]
        .iter()
        .find_map(|field| micros_of_seconds(&expected[*field]));
    said.unwrap_or_else(|| {
        let frames = capture::frames(&common::fixture(&fixture.name));
        frames.last().expect("a frame").at_ns / 1000
    })
}

#[test]
fn every_call_has_the_outcome_that_its_packets_allow() {
    for fixture in FIXTURES.iter() {
        let (expected, recorded) = fixture.call();
        let streams = expected["streams"].as_array().expect("streams");
        let outcome = match fixture.undecoded() {
            Some(outcome) => outcome,
            None if expected["answered_at"].is_null() => "not_answered",
            None => "recorded",
        };
        assert_eq!(recorded.record["outcome"], outcome, "{}", fixture.name);
        assert_eq!(streams.is_empty(), outcome == "not_answered", "{}", fixture.name);
        assert_eq!(recorded.record["recording"].is_null(), outcome != "recorded", "{}", fixture.name);
        assert_eq!(recorded.folder.join("call.wav").exists(), outcome == "recorded", "{}", fixture.name);
    }
}

#[test]
fn flags_tell_what_is_particular_and_nothing_else() {
    let particular = [
        ("baresip_srtp_dtls.pcap", "srtp"),
        ("baresip_srtp_sdes.pcap", "srtp"),
        ("kamailio_rtpengine.pcap", "second_hop"),
        ("sipp_early_media_183.pcap", "early_media"),
        ("sipp_reinvite_hold.pcap", "hold"),
    ];
    let truth = |name: &str| {
        particular.iter().filter(|(of, _)| *of == name).map(|(_, flag)| *flag).collect::<Vec<_>>()
    };
    let wrong = FIXTURES.iter().filter_map(|fixture| {
        let flags = fixture.call().1.record["flags"].clone();
        (flags != Value::from(truth(&fixture.name))).then(|| format!("{}: {flags}", fixture.name))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_stream_stands_in_its_leg_with_its_counts() {
    for fixture in FIXTURES.iter() {
        let (expected, recorded) = fixture.call();
        for role in ["caller", "callee"] {
            let streams = expected["streams"].as_array().expect("streams").iter();
            let mut expected: Vec<&Value> = streams.filter(|stream| stream["voice"] == role).collect();
            expected.sort_by_key(|stream| micros_of_seconds(&stream["first_packet_at"]));
            let found = recorded.leg(role)["streams"].as_array().expect("streams");
            assert_eq!(found.len(), expected.len(), "{}: streams of the {role}", fixture.name);
            for (found, expected) in found.iter().zip(expected) {
                let at = format!("{}: {role} {}", fixture.name, expected["ssrc"]);
                for field in
                    ["ssrc", "source", "destination", "payload_type", "codec", "packets", "duplicates"]
                {
                    assert_eq!(found[field], expected[field], "{at}: {field}");
                }
                assert_eq!(found["lost"], expected["missing"], "{at}: lost");
                assert_eq!(found["reordered"], 0, "{at}");
                for field in ["first_packet_at", "last_packet_at"] {
                    assert_eq!(micros(&found[field]), micros_of_seconds(&expected[field]), "{at}: {field}");
                }
                if expected["event_packets"] == 0 && expected["encrypted"] == false {
                    assert_eq!(found["octets"], expected["octets"], "{at}");
                    assert_eq!(found["ptime_ms"], 20, "{at}");
                }
                assert_eq!(found["clock_rate"], 8000, "{at}");
                assert_eq!(found["encryption"].is_null(), expected["encrypted"] == false, "{at}");
            }
        }
    }
}

#[test]
fn digits_are_told_where_they_may_be_shown() {
    for fixture in FIXTURES.iter() {
        let (expected, recorded) = fixture.call();
        for role in ["caller", "callee"] {
            let streams = expected["streams"].as_array().expect("streams").iter();
            let dialled = streams
                .filter(|stream| stream["voice"] == role)
                .flat_map(|stream| stream["digits"].as_array().expect("digits").iter());
            let truth: Vec<_> = dialled
                .map(|key| (text(&key["digit"]), micros_of_seconds(&key["at"]), key["duration_ms"].clone()))
                .collect();
            let found = recorded.leg(role)["dtmf"].as_array().expect("dtmf").iter();
            let found: Vec<_> = found
                .map(|key| (text(&key["digit"]), micros(&key["at"]), key["duration_ms"].clone()))
                .collect();
            assert_eq!(found, truth, "{}: {role}", fixture.name);
        }
    }
    let dialled =
        FIXTURES.iter().find(|fixture| fixture.name == "baresip_dtmf_rfc4733.pcap").expect("a fixture");
    let keys = dialled.call().1.leg("caller")["dtmf"].clone();
    let keys = keys.as_array().expect("dtmf").iter();
    assert_eq!(keys.map(|key| text(&key["digit"])).collect::<String>(), "4321#");
}

#[test]
fn the_wav_is_what_its_record_says() {
    for fixture in heard() {
        let (_, recorded) = fixture.call();
        let (name, file) = (&fixture.name, &recorded.record["recording"]);
        let (bytes, wav) = (recorded.file("call.wav"), recorded.wav());
        assert_eq!(
            file["path"],
            format!("recordings/{}/{}/call.wav", day(&recorded.id()), recorded.id()),
            "{name}"
        );
        let rate = if name == "baresip_g722.pcap" { 16_000 } else { 8000 };
        assert_eq!(
            (wav.spec.channels, wav.spec.sample_rate, wav.spec.bits_per_sample),
            (2, rate, 16),
            "{name}"
        );
        assert_eq!(wav.spec.sample_format, hound::SampleFormat::Int, "{name}");
        assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]), "{name}");
        let facts = ["format", "encoding", "channels", "sample_rate"].map(|field| file[field].clone());
        assert_eq!(
            facts,
            [Value::from("wav"), Value::from("pcm_s16le"), Value::from(2), Value::from(rate)],
            "{name}"
        );
        assert_eq!(file["bytes"], bytes.len(), "{name}");
        assert_eq!(file["frames"], wav.channels[0].len(), "{name}");
        assert_eq!(
            file["duration_s"].as_f64(),
            Some(wav.channels[0].len() as f64 / f64::from(rate)),
            "{name}"
        );
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().as_str(), "{name}");
    }
}

fn day(id: &str) -> String {
    format!("{}/{}/{}", &id[..4], &id[4..6], &id[6..8])
}

#[test]
fn provenance_covers_each_channel_and_its_silence_is_silent() {
    for fixture in heard() {
        let (_, recorded) = fixture.call();
        let wav = recorded.wav();
        for (channel, samples) in wav.channels.iter().enumerate() {
            let mut end = 0;
            for (kind, from, to) in provenance(&recorded.record, channel) {
                assert_eq!(from, end, "{}: channel {channel} goes on where it left off", fixture.name);
                assert!(to > from, "{}: an interval has a length", fixture.name);
                if kind == "silence" || kind == "hold" {
                    let sounding = samples[from..to].iter().position(|sample| *sample != 0);
                    assert_eq!(sounding, None, "{}: channel {channel} from {from} to {to}", fixture.name);
                }
                end = to;
            }
            assert_eq!(end, samples.len(), "{}: channel {channel} to its end", fixture.name);
        }
    }
}

/// The intervals of a channel, in samples.
fn provenance(record: &Value, channel: usize) -> Vec<(String, usize, usize)> {
    let rate = record["recording"]["sample_rate"].as_f64().expect("a rate");
    let samples = |value: &Value| (value.as_f64().expect("seconds") * rate).round() as usize;
    let all = record["provenance"].as_array().expect("provenance").iter();
    let of_channel = all.filter(|interval| interval["channel"] == channel);
    of_channel
        .map(|interval| (text(&interval["kind"]), samples(&interval["from_s"]), samples(&interval["to_s"])))
        .collect()
}

/// Audio without a pause, as one hop saw it.
struct Talkspurt {
    samples: Vec<i16>,
    /// When it would have come with the least delay that more than a handful of the stream's packets had.
    place_ns: i64,
}

#[test]
fn every_sample_that_came_stands_in_its_place() {
    let mut misplaced = String::new();
    for fixture in heard() {
        let (_, recorded) = fixture.call();
        let wav = recorded.wav();
        let mut packets = capture::rtp(&capture::frames(&common::fixture(&fixture.name)));
        put_in_the_clear(&mut packets, fixture);
        let started_ns = micros(&recorded.record["recording"]["started_at"]).expect("a time") * 1000;
        let mut legs = [(0.0, 0.0); 2];
        for (channel, role) in ["caller", "callee"].into_iter().enumerate() {
            let streams = recorded.leg(role)["streams"].as_array().expect("streams");
            assert!(!streams.is_empty(), "{}: {role}", fixture.name);
            for stream in streams {
                let spoken = talkspurts(&packets, stream);
                let at = format!("{}: {role} to {}", fixture.name, stream["destination"]);
                let placed = placed(&spoken, &wav, channel, started_ns, &at);
                assert_received(&recorded.record, channel, &placed, &at);
                let off_ms = |(span, talkspurt): (&(usize, usize), &Talkspurt)| {
                    span.0 as f64 * 1e3 / f64::from(wav.spec.sample_rate)
                        - (talkspurt.place_ns - started_ns) as f64 / 1e6
                };
                let off: Vec<f64> = placed.iter().zip(&spoken).map(off_ms).collect();
                let (least, most) = (
                    off.iter().copied().fold(f64::MAX, f64::min),
                    off.iter().copied().fold(f64::MIN, f64::max),
                );
                legs[channel] = (least, most);
                // Four milliseconds early is jitter yet: one packet of sipp_retransmit came that much before its time.
                if least < -5.0 || most > 1.0 {
                    let _ = writeln!(misplaced, "{at}: {least:.2} to {most:.2} ms out of place");
                }
            }
        }
        let [(least, most), (other_least, other_most)] = legs;
        let apart = (most - other_least).max(other_most - least);
        if apart > 5.0 {
            let _ = writeln!(misplaced, "{}: the legs stand {apart:.2} ms apart", fixture.name);
        }
    }
    assert!(misplaced.is_empty(), "\n{misplaced}");
}

/// Where packets were encrypted, their payloads as libsrtp opened them (`srtp/unprotect.py`).
fn put_in_the_clear(packets: &mut Vec<Rtp>, fixture: &Fixture) {
    let path = common::fixtures().join("srtp").join(fixture.name.replace(".pcap", ".clear"));
    let Ok(file) = fs::read(path) else { return };
    let mut clear: BTreeMap<(u32, u16), Vec<u8>> = BTreeMap::new();
    let mut rest = &file[..];
    while let [a, b, c, d, e, f, g, h, more @ ..] = rest {
        let (payload, more) = more.split_at(usize::from(u16::from_be_bytes([*g, *h])));
        let (ssrc, sequence) = (u32::from_be_bytes([*a, *b, *c, *d]), u16::from_be_bytes([*e, *f]));
        clear.insert((ssrc, sequence), payload.to_vec());
        rest = more;
    }
    packets.retain_mut(|packet| match clear.get(&(packet.ssrc, packet.sequence)) {
        Some(payload) => {
            packet.payload.clone_from(payload);
            true
        }
        None => false,
    });
}

/// The audio of a stream, cut where its time stamps skip.
fn talkspurts(packets: &[Rtp], stream: &Value) -> Vec<Talkspurt> {
    let wanted = |packet: &&Rtp| {
        stream["source"] == packet.source.to_string()
            && stream["destination"] == packet.destination.to_string()
            && stream["ssrc"] == format!("0x{:08x}", packet.ssrc)
            && [0, 8, 9].contains(&packet.payload_type)
    };
    let mut audio: Vec<&Rtp> = packets.iter().filter(wanted).collect();
    let first = audio.first().expect("packets").sequence;
    audio.sort_by_key(|packet| packet.sequence.wrapping_sub(first) as i16);
    audio.dedup_by_key(|packet| packet.sequence);
    let origin = audio[0].time_stamp;
    let sent_ns = |packet: &Rtp| i64::from(packet.time_stamp.wrapping_sub(origin)) * 125_000;
    // Five in a hundred: a sender that hurries once sends a packet or two before their time.
    let mut delays: Vec<i64> = audio.iter().map(|packet| packet.at_ns - sent_ns(packet)).collect();
    delays.sort_unstable();
    let delay_ns = delays[delays.len() / 20];
    // Held against other decoders where it is at home; here the question is where its samples stand.
    let mut g722 = Decoder::new(Codec::G722);
    let mut spoken: Vec<Talkspurt> = Vec::new();
    let mut next = None;
    for packet in audio {
        if next != Some(packet.time_stamp) {
            spoken.push(Talkspurt { samples: vec![], place_ns: delay_ns + sent_ns(packet) });
        }
        let samples = &mut spoken.last_mut().expect("one").samples;
        match packet.payload_type {
            8 => samples.extend(packet.payload.iter().map(|&code| decode_alaw(code))),
            9 => g722.decode(&packet.payload, samples),
            _ => samples.extend(packet.payload.iter().map(|&code| decode_ulaw(code))),
        }
        next = Some(packet.time_stamp.wrapping_add(packet.payload.len() as u32));
    }
    spoken
}

/// Where each talkspurt stands in the channel, exact in every sample; it must not be far from where it arrived.
fn placed(spoken: &[Talkspurt], wav: &Wav, channel: usize, started_ns: i64, at: &str) -> Vec<(usize, usize)> {
    let channel = &wav.channels[channel];
    let place = |talkspurt: &Talkspurt| {
        let due = (talkspurt.place_ns - started_ns) * i64::from(wav.spec.sample_rate) / 1_000_000_000;
        let near =
            (0..=800).flat_map(|far| [due - far, due + far]).filter_map(|from| usize::try_from(from).ok());
        let stands =
            |from: &usize| channel.get(*from..from + talkspurt.samples.len()) == Some(&talkspurt.samples[..]);
        let from = near.into_iter().find(stands);
        let from = from.unwrap_or_else(|| {
            panic!("{at}: {} samples due at {due} are not there", talkspurt.samples.len())
        });
        (from, from + talkspurt.samples.len())
    };
    spoken.iter().map(place).collect()
}

/// What the record calls received is what was placed, and all of it.
fn assert_received(record: &Value, channel: usize, placed: &[(usize, usize)], at: &str) {
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for &(from, to) in placed {
        match joined.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => joined.push((from, to)),
        }
    }
    let intervals = provenance(record, channel);
    let (received, rest): (Vec<_>, Vec<_>) = intervals.into_iter().partition(|(kind, ..)| kind == "received");
    assert_eq!(received.into_iter().map(|(_, from, to)| (from, to)).collect::<Vec<_>>(), joined, "{at}");
    let is_silent = rest.iter().all(|(kind, ..)| kind == "silence" || kind == "hold");
    assert!(is_silent, "{at}: nothing was lost here: {rest:?}");
}

/// ffmpeg's samples of the first 40 packets of either party (`codecs/README.md`).
#[test]
fn g722_is_what_ffmpeg_makes_of_its_packets() {
    let fixture = FIXTURES.iter().find(|fixture| fixture.name == "baresip_g722.pcap").expect("a fixture");
    let (_, recorded) = fixture.call();
    let wav = recorded.wav();
    for (channel, role) in ["caller", "callee"].into_iter().enumerate() {
        let file = common::fixtures().join("codecs").join(format!("baresip_g722_{role}.pcm"));
        let file = fs::read(file).expect("the reference");
        let reference: Vec<i16> =
            file.as_chunks().0.iter().map(|&octets| i16::from_le_bytes(octets)).collect();
        let (_, from, _) = provenance(&recorded.record, channel)
            .into_iter()
            .find(|(kind, ..)| kind == "received")
            .expect("something was received");
        assert!(reference.len() == 40 * 320 && reference.iter().any(|sample| sample.abs() > 1000), "{role}");
        assert_eq!(wav.channels[channel][from..from + reference.len()], reference, "{role}");
    }
}

#[test]
fn the_metrics_add_up() {
    for fixture in FIXTURES.iter() {
        let (name, metrics) = (&fixture.name, &fixture.replayed.metrics);
        fixture.replayed.assert_sum_rule(name);
        let frames = fixture.expected["frames"].as_f64().expect("a count");
        assert_eq!(metrics.of("sipreel_capture_packets_total{source=\"file\"}"), frames, "{name}");
        let messages = metrics.sum("sipreel_sip_messages_total") + metrics.sum("sipreel_sip_responses_total");
        // Each of these captures has its signalling either in datagrams or in connections.
        let segments = metrics.of("sipreel_tcp_segments_total");
        let signalling = if segments > 0.0 {
            segments - metrics.of("sipreel_capture_set_aside_packets_total{kind=\"tcp\"}")
        } else {
            messages
        };
        let rest = ["sipreel_rtp_packets_total", "sipreel_capture_set_aside_packets_total"];
        let rest: f64 = rest.iter().map(|family| metrics.sum(family)).sum();
        assert_eq!(signalling + rest, frames, "{name}: every packet is counted once");
        let call = &fixture.expected["calls"][0];
        assert_eq!(Some(messages), call["sip_messages"].as_f64(), "{name}");
        assert_eq!(
            metrics.of("sipreel_sip_messages_total{method=\"INVITE\"}"),
            call["invites"].as_f64().expect("a count"),
            "{name}"
        );
        let streams = call["streams"].as_array().expect("streams").iter();
        let in_calls: f64 = streams.map(|stream| stream["packets"].as_f64().expect("a count")).sum();
        assert_eq!(metrics.rtp("attached"), in_calls, "{name}");
        assert_eq!(metrics.rtp("rtcp"), rtcp_frames(name), "{name}");
        assert_eq!(metrics.rtp("dtls") > 0.0, name.contains("dtls"), "{name}");
        for none in ["orphan", "probation", "malformed", "refused"] {
            assert_eq!(metrics.rtp(none), 0.0, "{name}: {none}");
        }
        assert_audio_adds_up(fixture);
    }
}

/// RTCP and SRTCP. tshark's own count has STUN on the ports of RTCP among it, and no SRTCP.
fn rtcp_frames(name: &str) -> f64 {
    let frames = capture::frames(&common::fixture(name));
    let datagrams = frames.iter().filter_map(capture::datagram);
    datagrams.filter(|datagram| matches!(datagram.payload, [0x80..=0xbf, 192..=223, ..])).count() as f64
}

/// The seconds of audio by kind are those of the provenance.
fn assert_audio_adds_up(fixture: &Fixture) {
    let mut by_kind: BTreeMap<String, f64> = BTreeMap::new();
    for recorded in fixture.replayed.store.recorded() {
        for interval in recorded.record["provenance"].as_array().expect("provenance") {
            let seconds = |field: &str| interval[field].as_f64().expect("seconds");
            *by_kind.entry(text(&interval["kind"])).or_default() += seconds("to_s") - seconds("from_s");
        }
    }
    for kind in ["received", "concealed", "silence"] {
        let counted =
            fixture.replayed.metrics.of(&format!("sipreel_recorded_audio_seconds_total{{kind=\"{kind}\"}}"));
        let told = by_kind.get(kind).copied().unwrap_or(0.0);
        assert!(
            (counted - told).abs() < 1e-5,
            "{}: {counted} s of {kind}, the record tells {told}",
            fixture.name
        );
    }
}

/// What depends on the machine or the hour.
const UNSTEADY: [&str; 4] =
    ["sipreel_seal_seconds", "sipreel_index_query_seconds", "sipreel_storage_", "sipreel_build_info"];

#[test]
fn nothing_changes_unseen() {
    for fixture in FIXTURES.iter() {
        let mut seen = String::new();
        for recorded in fixture.replayed.store.recorded() {
            let _ = writeln!(seen, "{}", serde_json::to_string_pretty(&recorded.record).expect("JSON"));
            for name in ["call.wav", "call.pcapng"].iter().filter(|name| recorded.folder.join(name).exists())
            {
                let _ = writeln!(seen, "{name} {}", blake3::hash(&recorded.file(name)).to_hex());
            }
        }
        let steady = |name: &str| !UNSTEADY.iter().any(|unsteady| name.starts_with(unsteady));
        for (name, value) in
            fixture.replayed.metrics.0.iter().filter(|(name, value)| **value != 0.0 && steady(name))
        {
            let _ = writeln!(seen, "{name} {value}");
        }
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(fixture.name.trim_end_matches(".pcap"), seen);
        });
    }
}

#[test]
fn the_decoder_and_the_wav_reader_can_tell_right_from_wrong() {
    assert_eq!((decode_alaw(0xd5), decode_ulaw(0xff), decode_ulaw(0x00)), (8, 0, -32_124));
    let (_, recorded) = heard().next().expect("a fixture").call();
    let Wav { channels, .. } = recorded.wav();
    assert!(
        channels.iter().all(|samples| samples.iter().any(|sample| sample.abs() > 3000)),
        "there is speech"
    );
    assert_ne!(channels[0], channels[1]);
}
