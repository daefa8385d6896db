//! Calls of every codec, sent by known payloads: what comes of them is held against what other software made of the same
//! payloads (`fixtures/codecs/README.md`), sample by sample and each in its place.

#![cfg(test)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use common::sent::{Sent, capture, cut, one_way_call, pcm, recorded, reference};
use common::{Run, Store, sipreel, text};

/// The caller's intervals, in samples.
fn provenance(record: &Value) -> Vec<(String, usize, usize)> {
    let rate = record["recording"]["sample_rate"].as_f64().expect("a rate");
    let samples = |value: &Value| (value.as_f64().expect("seconds") * rate).round() as usize;
    let all = record["provenance"].as_array().expect("provenance").iter();
    all.filter(|interval| interval["channel"] == 0)
        .map(|interval| (text(&interval["kind"]), samples(&interval["from_s"]), samples(&interval["to_s"])))
        .collect()
}

#[test]
fn what_the_standards_define_is_exact_to_the_sample() {
    let cases: [(&str, &str, &str, u32, usize, u32); 8] = [
        ("m=audio {port} RTP/AVP 9\r\n", "g722", "G722", 16_000, 160, 160),
        ("m=audio {port} RTP/AVP 3\r\n", "gsm", "GSM", 8000, 33, 160),
        ("m=audio {port} RTP/AVP 96\r\na=rtpmap:96 G726-16/8000\r\n", "g726_16", "G726-16", 8000, 40, 160),
        ("m=audio {port} RTP/AVP 96\r\na=rtpmap:96 G726-24/8000\r\n", "g726_24", "G726-24", 8000, 60, 160),
        ("m=audio {port} RTP/AVP 2\r\n", "g726_32", "G726-32", 8000, 80, 160),
        ("m=audio {port} RTP/AVP 96\r\na=rtpmap:96 G726-40/8000\r\n", "g726_40", "G726-40", 8000, 100, 160),
        (
            "m=audio {port} RTP/AVP 96\r\na=rtpmap:96 AAL2-G726-32/8000\r\n",
            "g726_32_aal2",
            "AAL2-G726-32",
            8000,
            80,
            160,
        ),
        (
            "m=audio {port} RTP/AVP 96\r\na=rtpmap:96 AAL2-G726-24/8000\r\n",
            "g726_24_aal2",
            "AAL2-G726-24",
            8000,
            60,
            160,
        ),
    ];
    for (media, name, codec, rate, octets, ticks) in cases {
        let number =
            media.split([' ', '\r']).nth(3).and_then(|number| number.parse().ok()).expect("a number");
        let packets = cut(&reference(&format!("{name}.bin")), number, octets, ticks);
        let store = Store::new();
        let call = recorded(&store, &one_way_call("codec", media, 8000, &packets), &[]);
        assert_eq!(call.record["outcome"], "one_way", "{codec}");
        assert_eq!(call.leg("caller")["streams"][0]["codec"], codec);
        let wav = call.wav();
        assert_eq!(wav.spec.sample_rate, rate, "{codec}");
        let expected = pcm(&format!("{}.pcm", name.trim_end_matches("_aal2")));
        assert_eq!(wav.channels[0].len(), expected.len(), "{codec}");
        assert!(wav.channels[0] == expected, "{codec}: each sample");
    }
}

#[test]
fn linear_samples_stand_as_they_were_sent() {
    let samples: Vec<i16> = (0..4410i32).map(|n| (n * 7919 % 65_536 - 32_768) as i16).collect();
    let payloads: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let packets = cut(&payloads, 11, 882, 441);
    let store = Store::new();
    let call = recorded(&store, &one_way_call("l16", "m=audio {port} RTP/AVP 11\r\n", 44_100, &packets), &[]);
    let wav = call.wav();
    assert_eq!((wav.spec.sample_rate, &wav.channels[0]), (44_100, &samples));
}

/// mu-law, G.722, mu-law: payload types of one stream, 400 ms each.
#[test]
fn a_codec_that_changes_in_mid_call_leaves_no_gap() {
    let g722 = reference("g722.bin");
    let packets: Vec<Sent> = (0..60)
        .map(|n: u16| {
            let wide = (20..40).contains(&n);
            let payload = if wide {
                g722[160 * usize::from(n - 20)..][..160].to_vec()
            } else {
                vec![0x90 + (n % 3) as u8; 160]
            };
            Sent { seq: n, ticks: u32::from(n) * 160, payload_type: if wide { 9 } else { 0 }, payload }
        })
        .collect();
    let store = Store::new();
    let call =
        recorded(&store, &one_way_call("change", "m=audio {port} RTP/AVP 0 9\r\n", 8000, &packets), &[]);
    let wav = call.wav();
    assert_eq!(wav.spec.sample_rate, 16_000);
    assert_eq!(provenance(&call.record), [("received".to_owned(), 0, 19_200)]);
    assert_eq!(wav.channels[0][6400..12_800], pcm("g722.pcm")[..6400], "G.722 is exact");
    let narrow = [&wav.channels[0][..6400], &wav.channels[0][12_800..]];
    assert!(
        narrow.iter().all(|samples| samples.iter().all(|&sample| sample != 0)),
        "mu-law sounds throughout"
    );
}

#[test]
fn redundancy_gives_lost_packets_back() {
    let gsm = reference("gsm.bin");
    let frame = |n: usize| gsm[33 * n..33 * (n + 1)].to_vec();
    let with_copies = |n: usize| {
        let mut payload = vec![];
        for before in [2u32, 1] {
            payload.push(0x80 | 3);
            payload.extend(&((160 * before) << 10 | 33).to_be_bytes()[1..]);
        }
        payload.push(3);
        [payload, frame(n - 2), frame(n - 1), frame(n)].concat()
    };
    let lost = [7, 11, 12, 20, 21, 22];
    let packets: Vec<Sent> = (2..40)
        .filter(|n| !lost.contains(n))
        .map(|n| Sent { seq: n as u16, ticks: n as u32 * 160, payload_type: 98, payload: with_copies(n) })
        .collect();
    let media = "m=audio {port} RTP/AVP 98 3\r\na=rtpmap:98 red/8000\r\na=fmtp:98 3/3\r\n";
    let store = Store::new();
    let call = recorded(&store, &one_way_call("red", media, 8000, &packets), &[]);
    // Of three in a row the last two come back, and the first is made up.
    let expected =
        [("received", 0, 18 * 160), ("concealed", 18 * 160, 19 * 160), ("received", 19 * 160, 38 * 160)];
    assert_eq!(provenance(&call.record), expected.map(|(kind, from, to)| (kind.to_owned(), from, to)));
    assert_eq!(call.record["flags"], serde_json::json!(["one_way", "packet_loss"]));
}

#[test]
fn comfort_noise_has_the_level_that_was_sent() {
    let speech = |seq: u16, ticks| Sent { seq, ticks, payload_type: 0, payload: vec![0x20; 160] };
    let noise = Sent { seq: 5, ticks: 800, payload_type: 13, payload: vec![50] };
    let mut packets: Vec<Sent> = (0..5).map(|n| speech(n, u32::from(n) * 160)).collect();
    packets.push(noise);
    packets.extend((6..11).map(|n| speech(n, 8800 + u32::from(n - 6) * 160)));
    let file = one_way_call("noise", "m=audio {port} RTP/AVP 0 13\r\n", 8000, &packets);
    let store = Store::new();
    let call = recorded(&store, &file, &[]);
    let expected = [("received", 0, 800), ("comfort_noise", 800, 8800), ("received", 8800, 9600)];
    assert_eq!(provenance(&call.record), expected.map(|(kind, from, to)| (kind.to_owned(), from, to)));
    let wav = call.wav();
    let energy: f64 = wav.channels[0][800..8800].iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let level = 10.0 * (energy / 8000.0 / 32_767f64.powi(2)).log10();
    assert!((level + 50.0).abs() < 0.5, "{level} dB");
}

#[test]
fn what_cannot_be_what_was_agreed_on_is_flagged() {
    let packets = cut(&[0x55; 20 * 60], 0, 20, 160);
    let file = one_way_call("mismatch", "m=audio {port} RTP/AVP 0\r\n", 8000, &packets);
    let store = Store::new();
    let call = recorded(&store, &file, &[]);
    let flags = call.record["flags"].as_array().expect("flags").clone();
    assert!(flags.contains(&"codec_mismatch".into()), "{flags:?}");
}

/// `sipreel` where `PATH` has only that folder.
fn with_path(folder: &Path, arguments: &[&str]) -> Run {
    sipreel().env("PATH", folder).args(arguments).output().expect("the program starts").into()
}

/// What stands in for `ffmpeg`: gives so many octets of the value 1, whatever it is given.
fn stand_in(folder: &Path, octets: usize) {
    fs::create_dir_all(folder).expect("a folder");
    let path = folder.join("ffmpeg");
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\ncat >/dev/null\nhead -c {octets} /dev/zero | tr '\\0' '\\1'\n"
    );
    fs::write(&path, script).expect("a script");
    for (path, mode) in [(folder.parent().expect("a folder"), 0o755), (folder, 0o755), (&path, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights");
    }
}

#[test]
fn what_nobody_decodes_is_kept_and_rendered_later() {
    let packets = cut(&[0x55; 20 * 50], 18, 20, 160);
    let file = one_way_call("later", "m=audio {port} RTP/AVP 18\r\n", 8000, &packets);
    let piped = |store: &Store| {
        let stdin = fs::File::open(capture(store, &file)).expect("a capture");
        let mut command = sipreel();
        command.env("PATH", store.beside("none")).args(["replay", "-q", "-", "--store"]).arg(store.path());
        command.stdin(stdin);
        command.output().expect("the program starts").into()
    };
    let mapped = |store: &Store| {
        let (capture, path) = (capture(store, &file), store.path());
        let (capture, path) = (capture.to_string_lossy(), path.to_string_lossy());
        with_path(&store.beside("none"), &["replay", "-q", &capture, "--store", &path])
    };
    for replay in [&mapped as &dyn Fn(&Store) -> Run, &piped] {
        let store = Store::new();
        let run = replay(&store);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let call = store.recorded().remove(0);
        assert_eq!(call.record["outcome"], "codec_unsupported");
        assert!(call.record["recording"].is_null());

        let (id, path) = (call.id(), store.path());
        let render = |folder: &Path| with_path(folder, &["render", &id, "--store", &path.to_string_lossy()]);
        let run = render(&store.beside("none"));
        assert_eq!(run.code, 1, "still nobody: {run:?}");

        stand_in(&store.beside("bin"), 50 * 320);
        let run = render(&store.beside("bin"));
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stderr.contains("one_way, codec_unsupported before"), "{run:?}");
        let call = store.recorded().remove(0);
        assert_eq!((call.id(), &call.record["outcome"]), (id.clone(), &Value::from("one_way")));
        let wav = call.wav();
        assert_eq!(wav.channels[0], vec![0x0101; 50 * 160]);
        assert_eq!(store.list(&[]).len(), 1, "one call is one row");
    }
}

#[test]
fn a_decoder_that_gives_something_else_is_not_believed() {
    let packets = cut(&[0x55; 20 * 50], 18, 20, 160);
    let file = one_way_call("wrong", "m=audio {port} RTP/AVP 18\r\n", 8000, &packets);
    let store = Store::new();
    stand_in(&store.beside("bin"), 50 * 320 - 2);
    let (capture, path) = (capture(&store, &file), store.path());
    let run = with_path(
        &store.beside("bin"),
        &["replay", "-q", &capture.to_string_lossy(), "--store", &path.to_string_lossy()],
    );
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(store.recorded().remove(0).record["outcome"], "codec_unsupported");
}

#[test]
fn without_packets_there_is_nothing_to_render() {
    let store = Store::new();
    let packets = cut(&[0x55; 320], 0, 160, 160);
    let file = one_way_call("none", "m=audio {port} RTP/AVP 0\r\n", 8000, &packets);
    let call = recorded(&store, &file, &["--keep", "none"]);
    let path = store.path();
    let run = with_path(&path, &["render", &call.id(), "--store", &path.to_string_lossy()]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("no call"), "{run:?}");
}

#[test]
fn a_recording_is_not_given_up_for_its_signalling() {
    let store = Store::new();
    let packets = cut(&[0x55; 1600], 0, 160, 160);
    let file = one_way_call("kept", "m=audio {port} RTP/AVP 0\r\n", 8000, &packets);
    let call = recorded(&store, &file, &[]);
    let before = store.recordings();
    let path = store.path();
    let run = with_path(&path, &["render", &call.id(), "--store", &path.to_string_lossy()]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("nothing was changed"), "{run:?}");
    assert!(store.recordings() == before);

    let whole = Store::new();
    let call = recorded(&whole, &file, &["--keep", "all"]);
    let audio = call.file("call.wav");
    let path = whole.path();
    let run = with_path(&path, &["render", &call.id(), "--store", &path.to_string_lossy()]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(whole.recorded().remove(0).file("call.wav") == audio, "the same packets give the same bytes");
}
