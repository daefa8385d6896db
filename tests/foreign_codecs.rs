//! Calls of codecs that the system decodes, by a library or by `ffmpeg`: what is recorded is held against the library of
//! whoever made the codec where Debian has one, and against `ffmpeg` itself where it has none.

#![cfg(test)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::Store;
use common::sent::{Sent, cut, one_way_call, pcm, recorded, reference};

/// The frames of a file in which each stands behind its length.
fn frames(name: &str) -> Vec<Vec<u8>> {
    let octets = reference(name);
    let (mut rest, mut frames) = (&octets[..], vec![]);
    while let [high, low, behind @ ..] = rest {
        let (frame, next) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        frames.push(frame.to_vec());
        rest = next;
    }
    frames
}

/// One packet a payload.
fn packets(payloads: &[Vec<u8>], ticks: u32) -> Vec<Sent> {
    let sent = |(n, payload): (usize, &Vec<u8>)| Sent {
        seq: n as u16,
        ticks: n as u32 * ticks,
        payload_type: 96,
        payload: payload.clone(),
    };
    payloads.iter().enumerate().map(sent).collect()
}

/// What is recorded of the caller's packets; `None` where nobody decodes them here, which is said.
fn heard(media: &str, clock_rate: u32, packets: &[Sent]) -> Option<Vec<i16>> {
    let store = Store::new();
    let call = recorded(&store, &one_way_call("foreign", media, clock_rate, packets), &[]);
    if call.record["outcome"] == "codec_unsupported" {
        println!("skipped: nobody decodes {media} here");
        return None;
    }
    assert_eq!(call.record["outcome"], "one_way", "{media}");
    Some(call.wav().channels[0].clone())
}

fn rtpmap(encoding: &str, parameters: &str) -> String {
    let parameters =
        if parameters.is_empty() { String::new() } else { format!("a=fmtp:96 {parameters}\r\n") };
    format!("m=audio {{port}} RTP/AVP 96\r\na=rtpmap:96 {encoding}\r\n{parameters}")
}

/// How far below the signal the difference is.
fn snr_db(expected: &[i16], heard: &[i16]) -> f64 {
    assert_eq!(expected.len(), heard.len());
    let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
    let signal = power(&mut expected.iter().map(|&sample| f64::from(sample)));
    let noise =
        power(&mut expected.iter().zip(heard).map(|(&one, &other)| f64::from(one) - f64::from(other)));
    10.0 * (signal / noise).log10()
}

// ---- AMR: held against libopencore-amr ----

/// RFC 4867, section 4.4: no mode is asked for, one entry, the speech.
fn octet_aligned(frame: &[u8]) -> Vec<u8> {
    [&[0xf0], frame].concat()
}

/// RFC 4867, section 4.3: the same without a bit between the fields; `bits` of speech.
fn bandwidth_efficient(frame: &[u8], bits: usize) -> Vec<u8> {
    let bit = |octets: &[u8], at: usize| octets[at / 8] >> (7 - at % 8) & 1;
    let request = [1, 1, 1, 1];
    // No other follows; the type and the quality stand in the second to the sixth bit of the storage format's first octet.
    let entry: Vec<u8> = (0..6).map(|at| bit(frame, at)).collect();
    let speech = (0..bits).map(|at| bit(&frame[1..], at));
    let all: Vec<u8> = request.into_iter().chain(entry).chain(speech).collect();
    all.chunks(8)
        .map(|octet| octet.iter().enumerate().fold(0, |sum, (at, bit)| sum | bit << (7 - at)))
        .collect()
}

#[test]
fn amr_is_what_the_standards_decoder_gives() {
    let cases = [
        ("amr", "AMR/8000", 244, 160),
        ("amr_59", "AMR/8000", 118, 160),
        ("amr_wb", "AMR-WB/16000", 253, 320),
        ("amr_wb_2385", "AMR-WB/16000", 477, 320),
    ];
    let is_exact = ["libopencore-amrnb.so.0", "libopencore-amrwb.so.0"].iter().all(|name| is_installed(name));
    for (name, encoding, bits, ticks) in cases {
        let (frames, expected) = (frames(&format!("{name}.bin")), pcm(&format!("{name}.pcm")));
        let aligned: Vec<_> = frames.iter().map(|frame| octet_aligned(frame)).collect();
        let efficient: Vec<_> = frames.iter().map(|frame| bandwidth_efficient(frame, bits)).collect();
        for (payloads, parameters) in [(aligned, "octet-align=1"), (efficient, "")] {
            let media = rtpmap(encoding, parameters);
            let Some(heard) = heard(&media, ticks * 50, &packets(&payloads, ticks)) else { return };
            let snr = snr_db(&expected, &heard);
            // `ffmpeg` decodes by numbers with a point: 24 to 35 dB.
            assert!(
                if is_exact { heard == expected } else { snr > 20.0 },
                "{name} {parameters}: {snr:.1} dB"
            );
        }
    }
}

/// Whether the loader of libraries finds it.
fn is_installed(name: &str) -> bool {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"];
    folders.iter().any(|folder| fs::metadata(format!("{folder}/{name}")).is_ok())
}

// ---- Speex: held against libspeex ----

#[test]
fn speex_is_what_its_library_gives() {
    for (name, encoding, ticks) in [("speex", "speex/8000", 160), ("speex_wb", "speex/16000", 320)] {
        let (frames, expected) = (frames(&format!("{name}.bin")), pcm(&format!("{name}.pcm")));
        let Some(heard) = heard(&rtpmap(encoding, ""), ticks * 50, &packets(&frames, ticks)) else { return };
        // As ffmpeg's own decoder has it, where it was built without the library: 73 and 15 dB.
        let (snr, is_exact) = (snr_db(&expected, &heard), ffmpeg_has("libspeex"));
        assert!(if is_exact { heard == expected } else { snr > 14.0 }, "{name}: {snr:.1} dB");
    }
}

/// Whether `ffmpeg` was built with that decoder.
fn ffmpeg_has(decoder: &str) -> bool {
    let run = Command::new("ffmpeg").args(["-v", "error", "-decoders"]).output();
    run.is_ok_and(|run| String::from_utf8_lossy(&run.stdout).split_whitespace().any(|word| word == decoder))
}

// ---- those of which Debian has no other decoder that may be used: held against `ffmpeg`, called by hand ----

/// What `ffmpeg` makes of a file; `None` where it is not installed.
fn by_ffmpeg(container: &str, file: &[u8]) -> Option<Vec<i16>> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("frames");
    fs::write(&path, file).expect("a file");
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-f", container, "-i"])
        .arg(&path)
        .args(["-f", "s16le", "-"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    assert!(run.status.success(), "{run:?}");
    Some(run.stdout.as_chunks().0.iter().map(|&octets| i16::from_le_bytes(octets)).collect())
}

#[test]
fn g729_g723_and_ilbc_are_what_ffmpeg_gives() {
    let g729: Vec<u8> = frames("g729.bin").concat();
    let g723 = reference("g723.bin");
    // No encoder of it is at hand: bits as they fall, which any decoder takes.
    let ilbc = |frame: usize| -> Vec<u8> {
        (0..frame as u32 * 40).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    let cases = [
        ("m=audio {port} RTP/AVP 18\r\n".to_owned(), "g729", g729.clone(), g729, 18, 20, 160),
        ("m=audio {port} RTP/AVP 4\r\n".to_owned(), "g723_1", g723.clone(), g723, 4, 24, 240),
        (
            rtpmap("iLBC/8000", "mode=20"),
            "ilbc",
            ilbc(38),
            [b"#!iLBC20\n", &ilbc(38)[..]].concat(),
            96,
            38,
            160,
        ),
        (
            rtpmap("iLBC/8000", "mode=30"),
            "ilbc",
            ilbc(50),
            [b"#!iLBC30\n", &ilbc(50)[..]].concat(),
            96,
            50,
            240,
        ),
    ];
    for (media, container, payloads, file, payload_type, octets, ticks) in cases {
        let Some(expected) = by_ffmpeg(container, &file) else {
            println!("skipped: ffmpeg is not installed");
            return;
        };
        let packets = cut(&payloads, payload_type, octets, ticks);
        let heard = heard(&media, 8000, &packets).expect("what ffmpeg decodes by hand it decodes");
        assert_eq!(heard.len(), packets.len() * ticks as usize, "{container}");
        assert!(
            expected.len() >= heard.len() && expected[..heard.len()] == heard[..],
            "{container}: each sample"
        );
    }
}
