//! Traffic that is wrong on purpose, beside one good call: nothing of it may stop the program, and the good call's
//! recording is the same to the last bit as without it.
//!
//! Everything here grows from seeds: a failure comes again.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::capture::{self, Frame};
use common::mutation::{Dice, mutated};
use common::{Metrics, Replayed, fixture, replay};
use maker::{Dialog, Phone, Script};

/// The good call: phones at .21 and .22. What is hostile comes from other captures, where nobody has these addresses.
const GOOD: &str = "baresip_speech.pcap";
const VICTIMS: [&str; 7] = [
    "sipp_pcma_play.pcap",
    "sipp_early_media_183.pcap",
    "sipp_reinvite_hold.pcap",
    "sipp_tcp.pcap",
    "sipp_ipv6.pcap",
    "sipp_compact_headers.pcap",
    "kamailio_rtpengine.pcap",
];

/// Replays the good call with `hostile` frames strewn over its time, and compares its recording with the clean one.
fn assert_unmoved(hostile: Vec<Vec<u8>>, what: &str) -> Replayed {
    let clean = replay(&[fixture(GOOD)], &["--keep", "all"]);
    let good = capture::frames(&fixture(GOOD));
    let (first, last) = (good[0].at_ns, good[good.len() - 1].at_ns);
    let step = (last - first) / (hostile.len() as i64 + 1);
    let strewn = (1..).zip(hostile).map(|(n, bytes)| Frame { at_ns: first + n * step, link: 1, bytes });
    let mut frames: Vec<Frame> = good.into_iter().chain(strewn).collect();
    frames.sort_by_key(|frame| frame.at_ns);
    let path = clean.store.beside("hostile.pcap");
    fs::write(&path, capture::pcap(&frames)).expect("it can be written");
    let tried = replay(&[path], &["--keep", "all"]);
    assert_eq!((tried.run.code, tried.run.stderr.as_str()), (0, ""), "{what}");
    assert_eq!(tried.metrics.of("sipreel_calls_total{outcome=\"internal_error\"}"), 0.0, "{what}");
    tried.assert_sum_rule(what);
    assert_eq!(
        tried.metrics.of("sipreel_capture_packets_total{source=\"file\"}"),
        frames.len() as f64,
        "{what}"
    );
    let (truth, found) = (clean.store.recordings(), tried.store.recordings());
    assert_eq!(truth.len(), 4);
    for (name, bytes) in &truth {
        assert!(found.get(name) == Some(bytes), "{what}: {} is another", name.display());
    }
    tried
}

/// Every frame of every victim, each hurt in one way.
fn hurt(seed: u64, how: impl Fn(&mut Dice, &mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut dice = Dice::new(seed);
    let files: Vec<PathBuf> = VICTIMS.iter().map(|name| fixture(name)).collect();
    let mut frames: Vec<Vec<u8>> =
        files.iter().flat_map(|file| capture::frames(file)).map(|frame| frame.bytes).collect();
    for frame in &mut frames {
        how(&mut dice, frame);
    }
    frames
}

#[test]
fn bits_that_flipped() {
    for seed in 1..=3 {
        let flipped = hurt(seed, |dice, frame| {
            for _ in 0..=dice.below(8) {
                let at = dice.below(frame.len());
                frame[at] ^= 1 << dice.below(8);
            }
        });
        assert_unmoved(flipped, &format!("flipped bits, seed {seed}"));
    }
}

#[test]
fn bytes_that_were_overwritten_and_lengths_that_cannot_be() {
    for seed in 11..=13 {
        let overwritten = hurt(seed, |dice, frame| {
            // IP's, UDP's and RTP's lengths and counts stand in the first bytes.
            let span = if dice.below(2) == 0 { 66 } else { frame.len() };
            let most = [0x00, 0xff, 0x7f, 0x80, dice.byte()];
            for _ in 0..=dice.below(4) {
                let at = 12 + dice.below(span.min(frame.len()) - 12);
                frame[at] = most[dice.below(most.len())];
            }
        });
        assert_unmoved(overwritten, &format!("overwritten bytes, seed {seed}"));
    }
}

#[test]
fn frames_that_were_cut_or_go_on() {
    for seed in 21..=22 {
        let cut = hurt(seed, |dice, frame| {
            if dice.below(3) > 0 {
                frame.truncate(dice.below(frame.len()));
            } else {
                let more = dice.below(3000);
                frame.extend((0..more).map(|n| n as u8));
            }
        });
        assert_unmoved(cut, &format!("cut frames, seed {seed}"));
    }
}

#[test]
fn frames_out_of_order_and_many_times() {
    let mut dice = Dice::new(31);
    let mut frames = hurt(31, |_, _| {});
    let doubled: Vec<Vec<u8>> = (0..2000).map(|_| frames[dice.below(frames.len())].clone()).collect();
    frames.extend(doubled);
    for n in (1..frames.len()).rev() {
        frames.swap(n, dice.below(n + 1));
    }
    assert_unmoved(frames, "shuffled");
}

#[test]
fn noise() {
    let mut dice = Dice::new(41);
    let noise = |_| {
        let len = dice.below(600);
        let mut frame: Vec<u8> = (0..len).map(|_| dice.byte()).collect();
        // Half of it gets as far as UDP, and some of that looks like RTP, RTCP or STUN.
        if dice.below(2) == 0 && len > 60 {
            frame[12..14].copy_from_slice(&[8, 0]);
            frame[14..16].copy_from_slice(&[0x45, 0]);
            frame[16..18].copy_from_slice(&((len - 14) as u16).to_be_bytes());
            frame[20..22].fill(0);
            frame[23] = 17;
            frame[38..40].copy_from_slice(&((len - 34) as u16).to_be_bytes());
            frame[42] = [0x80, 0x90, 0xbf, 0x00, b'I'][dice.below(5)];
        }
        frame
    };
    assert_unmoved((0..6000).map(noise).collect(), "noise");
}

// ---- messages that are wrong ----

/// An Ethernet frame of a UDP datagram from .99 to .98, port 5060 both.
fn datagram(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([8, 0, 0x45, 0]);
    frame.extend((payload.len() as u16 + 28).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 99, 127, 0, 0, 98, 0x13, 0xc4, 0x13, 0xc4]);
    frame.extend((payload.len() as u16 + 8).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// The most that a UDP datagram holds.
const MOST: usize = 65_507;

/// An INVITE with more headers and this body.
fn invite(call: usize, headers: &[u8], body: &[u8]) -> Vec<u8> {
    let mut message = format!(
        "INVITE sip:bob@127.0.0.98 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.99:5060;branch=z9hG4bK{call}\r\n\
         From: <sip:mallory@127.0.0.99>;tag=m{call}\r\nTo: <sip:bob@127.0.0.98>\r\nCall-ID: hostile-{call}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:mallory@127.0.0.99>\r\nContent-Type: application/sdp\r\n"
    )
    .into_bytes();
    message.extend(headers);
    if !headers.to_ascii_lowercase().starts_with(b"content-length") {
        message.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    message.extend(b"\r\n");
    message.extend(body);
    message.truncate(MOST);
    message
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.99\r\ns=-\r\nc=IN IP4 127.0.0.99\r\nt=0 0\r\n";

/// Descriptions that no phone should send.
fn descriptions() -> Vec<Vec<u8>> {
    let with = |lines: &str| format!("{SDP}{lines}").into_bytes();
    let media = "m=audio 7000 RTP/AVP 0 8\r\n";
    vec![
        b"".to_vec(),
        b"v=0".to_vec(),
        with("m=audio 0 RTP/AVP 0\r\n"),
        with("m=audio 65535 RTP/AVP 0\r\n"),
        with("m=audio 99999999999999999999 RTP/AVP 0\r\n"),
        with("m=audio -1 RTP/AVP 0\r\n"),
        with("m=audio 7000/99999999 RTP/AVP 0\r\n"),
        with("m=audio 7000 RTP/AVP 256 -1 4294967296 x\r\n"),
        with(&format!("m=audio 7000 RTP/AVP{}\r\n", " 0".repeat(20_000))),
        with("m=\r\nm= \r\nm=audio\r\nm=audio 7000\r\nm=audio 7000 RTP/AVP\r\n"),
        with(&media.repeat(2000)),
        with(&"a=x\r\n".repeat(12_000)),
        with(&"\n".repeat(60_000)),
        with(&format!("{media}{}", "a=rtpmap:0 PCMU/8000\r\n".repeat(2500))),
        with(&format!("{media}a=rtpmap:0 PCMU/0\r\na=rtpmap:8 PCMA/4294967296/255\r\n")),
        with(&format!("{media}a=rtpmap:999999 X/8000\r\na=rtpmap:\r\na=rtpmap\r\na=rtpmap:0\r\n")),
        with(&format!("{media}a=ptime:0\r\na=ptime:4294967296\r\na=rtcp:0\r\na=rtcp:99999 IN IP4 x\r\n")),
        with(&format!("{media}a=candidate:{}\r\n", "1 1 UDP 1 256.256.256.256 70000 typ host ".repeat(1000))),
        with(&format!("c=IN IP4 999.1.1.1\r\n{media}")),
        with(&format!("c=IN IP6 ::ffff:::\r\n{media}")),
        with(&format!("c=IN IP4 0.0.0.0\r\n{media}")),
        with(&format!("c=IN IP4 {}\r\n{media}", "1".repeat(50_000))),
        [SDP.as_bytes(), b"s=\xff\xfe\xc3\x28\0\r\nm=audio 7000 RTP/AVP 0\r\n\xf0\x28\x8c\xbc=\x80\r\n"]
            .concat(),
        vec![0; 60_000],
        vec![b'='; 60_000],
    ]
}

/// Headers that no stack should send.
fn headers() -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        text("Content-Length: 99999999999999999999999999\r\n"),
        text("Content-Length: -1\r\n"),
        text("Content-Length: 0\r\n"),
        text("content-length\t :\r\n  12\r\n"),
        text(&"X: y\r\n".repeat(10_000)),
        text(&format!("X: {}\r\n", "y".repeat(60_000))),
        text(&format!("X: a{}\r\n", "\r\n b".repeat(15_000))),
        text(&format!("Via: {}\r\n", "SIP/2.0/UDP a;branch=b,".repeat(2500))),
        text(&format!("P-Asserted-Identity: {}\r\n", "<sip:a@b>,".repeat(5000))),
        text(&format!("Diversion: {}\r\n", "\"<".repeat(25_000))),
        text("From: \"\\\"\\\\\";tag\r\nTo: <<<>>>;tag=;tag=;=\r\nCSeq: 99999999999 INVITE\r\nCall-ID:\r\n"),
        text("CSeq: -1 \r\nCSeq: INVITE 1\r\nCSeq:\r\n"),
        text(":\r\n::\r\n :\r\n\t\r\n=\r\n"),
        b"Subject: \xff\xfe\0\xc3\x28\r\nFrom: \"\xf0\x28\x8c\xbc\" <sip:\xff@\x80>;tag=\xfe\r\n".to_vec(),
        text("Supported: \u{1b}[2J\u{7}\u{202e}\r\n"),
    ]
}

#[test]
fn messages_that_no_stack_should_send() {
    let body = format!("{SDP}m=audio 7000 RTP/AVP 0\r\n");
    let with_bodies = descriptions().into_iter().map(|body| (b"Max-Forwards: 70\r\n".to_vec(), body));
    let with_headers = headers().into_iter().map(|headers| (headers, body.clone().into_bytes()));
    let mut messages: Vec<Vec<u8>> = (0..)
        .zip(with_bodies.chain(with_headers))
        .map(|(n, (headers, body))| invite(n, &headers, &body))
        .collect();
    messages.extend([
        b"INVITE".to_vec(),
        b"INVITE sip:bob SIP/2.0".to_vec(),
        b"INVITE  SIP/2.0\r\n\r\n".to_vec(),
        b"SIP/2.0 99999 \r\n\r\n".to_vec(),
        b"SIP/2.0 -1 No\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n".to_vec(),
        [b"INVITE sip:".to_vec(), vec![b'a'; 65_000], b" SIP/2.0\r\n\r\n".to_vec()].concat(),
        vec![b'\r'; 60_000],
        b"\r\n\r\n".to_vec(),
    ]);
    let tried = assert_unmoved(messages.iter().map(|message| datagram(message)).collect(), "messages");
    assert!(tried.store.recorded().len() > 20, "most of them are calls, and each has its record");
}

#[test]
fn messages_that_are_cut_at_every_byte() {
    let file = fixture("sipp_compact_headers.pcap");
    let sip = capture::frames(&file)
        .into_iter()
        .filter(|frame| capture::datagram(frame).is_some_and(|datagram| datagram.source.port() == 5060));
    let messages: Vec<Vec<u8>> =
        sip.map(|frame| capture::datagram(&frame).expect("SIP").payload.to_vec()).collect();
    assert!(messages.len() >= 6);
    let cut = messages.iter().flat_map(|message| (0..message.len()).map(|len| datagram(&message[..len])));
    assert_unmoved(cut.collect(), "cut messages");
}

#[test]
fn thousands_of_calls_that_come_to_nothing() {
    let calls = (0..4000).map(|call| datagram(&invite(call, b"Max-Forwards: 70\r\n", SDP.as_bytes())));
    let tried = assert_unmoved(calls.collect(), "a flood of INVITEs");
    assert_eq!(tried.metrics.sum("sipreel_calls_seen_total"), 4001.0);
}

#[test]
fn streams_that_belong_to_nobody() {
    let mut dice = Dice::new(51);
    let rtp = |n: u32| {
        let mut packet = vec![0x80, 0];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((n * 160).to_be_bytes());
        packet.extend((n % 3000).to_be_bytes());
        packet.extend([dice.byte(); 160]);
        datagram(&packet)
    };
    let tried = assert_unmoved((0..9000).map(rtp).collect(), "streams of nobody");
    assert_eq!(tried.store.recorded().len(), 1);
}

#[test]
fn a_capture_that_is_damaged_anywhere_is_read_as_far_as_it_goes() {
    let mut dice = Dice::new(61);
    let file = fs::read(fixture("sipp_pcma_play.pcap")).expect("a fixture");
    let store = common::Store::new();
    for n in 0..40 {
        let mut damaged = file.clone();
        match n % 3 {
            0 => damaged.truncate(dice.below(file.len())),
            1 => {
                for _ in 0..20 {
                    let at = dice.below(file.len());
                    damaged[at] = dice.byte();
                }
            }
            _ => {
                let at = dice.below(file.len() - 64);
                damaged[at..at + 64].fill(0xff);
            }
        }
        let path = store.beside(&format!("damaged-{n}.pcap"));
        fs::write(&path, damaged).expect("it can be written");
        let tried = replay(&[path], &[]);
        assert!([0, 3].contains(&tried.run.code), "{n}: {:?}", tried.run);
        assert!(!tried.run.stderr.contains("panicked"), "{n}: {:?}", tried.run);
        tried.assert_sum_rule(&format!("damaged capture {n}"));
    }
}

// ---- every capture there is, mutated ----

/// A good call between addresses that no fixture has.
struct Good {
    frames: Vec<Frame>,
    recordings: BTreeMap<PathBuf, Vec<u8>>,
}

static GOOD_CALL: LazyLock<Good> = LazyLock::new(|| good_call(2000));

/// The call, in which both talk for so long, and its recording with nothing beside it.
fn good_call(talk_ms: i64) -> Good {
    let phone = |user, host| Phone::new(user, host, 7000);
    let (caller, callee) = (phone("grace", "203.0.113.201"), phone("heidi", "203.0.113.202"));
    let dialog = Dialog { call_id: "good".to_owned(), caller, callee };
    let mut script = Script::new("good", "one good call");
    let _ = script.plain_call(&dialog, 0, talk_ms);
    let frames = script.finish().frames.into_iter();
    let frames = frames.map(|frame| Frame { at_ns: frame.at_us as i64 * 1000, link: 1, bytes: frame.bytes });
    let frames: Vec<Frame> = frames.collect();
    let store = common::Store::new();
    let path = store.beside("good.pcap");
    fs::write(&path, capture::pcap(&frames)).expect("it can be written");
    let alone = replay(&[path], &["--keep", "all"]);
    assert_eq!(alone.store.recorded()[0].record["outcome"], "recorded");
    Good { frames, recordings: alone.store.recordings() }
}

/// Every capture of `fixtures/`, those from scripts too.
fn every_fixture() -> Vec<PathBuf> {
    let made = fs::read_dir(fixture("made")).expect("captures made from scripts");
    let mut all: Vec<PathBuf> = made.map(|entry| entry.expect("an entry").path()).collect();
    all.extend(common::all_fixtures());
    all.retain(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"));
    all.sort();
    all
}

/// The good call and a mutation of `file` in one capture, both as long as the good call. Its frames stand where they
/// came; what stands between them has the time and the place that the mutation gave it.
fn beside_the_good_call(file: &Path, seed: u64) -> Vec<Frame> {
    let frames = capture::frames(file);
    let mut good = GOOD_CALL.frames.iter().peekable();
    let span = |frames: &[Frame]| (frames[0].at_ns, frames[frames.len() - 1].at_ns - frames[0].at_ns);
    let ((begin, lasts), (own_begin, own_lasts)) = (span(&GOOD_CALL.frames), span(&frames));
    let moved = |at_ns: i64| {
        begin + (i128::from(at_ns - own_begin) * i128::from(lasts) / i128::from(own_lasts.max(1))) as i64
    };
    let link = frames[0].link;
    let stamped: Vec<_> = frames.into_iter().map(|frame| (moved(frame.at_ns), frame.bytes)).collect();
    let mut all = Vec::new();
    for (at_ns, bytes) in mutated(&stamped, &mut Dice::new(seed)) {
        // A stamp within the call's time may be true.
        let reached = if (begin..=begin + lasts).contains(&at_ns) { at_ns } else { begin };
        while let Some(frame) = good.next_if(|frame| frame.at_ns <= reached) {
            all.push(frame.clone());
        }
        all.push(Frame { at_ns, link, bytes });
    }
    all.extend(good.cloned());
    all
}

/// Every table holds no more than it may.
fn assert_within_limits(metrics: &Metrics, what: &str) {
    let of = |family: &str| -> BTreeMap<String, f64> {
        let own = |name: &String| {
            name.strip_prefix(family).and_then(|rest| rest.strip_prefix('{')).map(str::to_owned)
        };
        metrics.0.iter().filter_map(|(name, value)| Some((own(name)?, *value))).collect()
    };
    let (entries, limits) = (of("sipreel_table_entries"), of("sipreel_table_limit"));
    assert!(entries.len() >= 11 && entries.keys().eq(limits.keys()), "{what}");
    assert!(of("sipreel_table_evictions_total").keys().eq(limits.keys()), "{what}");
    for (table, entries) in entries {
        assert!(entries <= limits[&table], "{what}: {table} {entries} of {}", limits[&table]);
    }
}

/// One mutation of a capture; it must not touch the good call in it.
fn assert_good_call_survives(file: &Path, seed: u64) {
    let what = format!("{} mutated by seed {seed}", file.display());
    let frames = beside_the_good_call(file, seed);
    let mutated = Mutated(std::env::temp_dir().join(format!("mutated-{}.pcapng", std::process::id())));
    fs::write(&mutated.0, capture::pcapng(&frames)).expect("it can be written");
    let path = mutated.0.clone();
    let tried = replay(&[path], &["--keep", "all"]);
    assert_eq!((tried.run.code, tried.run.stderr.as_str()), (0, ""), "{what}");
    assert_eq!(tried.metrics.of("sipreel_calls_total{outcome=\"internal_error\"}"), 0.0, "{what}");
    assert_eq!(
        tried.metrics.of("sipreel_capture_packets_total{source=\"file\"}"),
        frames.len() as f64,
        "{what}"
    );
    tried.assert_sum_rule(&what);
    assert_within_limits(&tried.metrics, &what);
    let found = tried.store.recordings();
    for (name, bytes) in &GOOD_CALL.recordings {
        assert!(found.get(name) == Some(bytes), "{what}: {} is another", name.display());
    }
}

/// A capture that is kept where the test failed.
struct Mutated(PathBuf);

impl Drop for Mutated {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the capture: {}", self.0.display());
        } else {
            fs::remove_file(&self.0).expect("it can be removed");
        }
    }
}

/// Each fixture by three seeds, or by ever new ones for so many seconds as `SIPREEL_MUTATION_SECONDS` says.
#[test]
fn every_capture_mutated_leaves_a_good_call_whole() {
    let fixtures = every_fixture();
    assert!(fixtures.len() >= 20);
    let seconds = std::env::var("SIPREEL_MUTATION_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    let (begun, lasts) = (Instant::now(), Duration::from_secs(seconds.unwrap_or_default()));
    let mut seed = 1000;
    while seed < 1003 || begun.elapsed() < lasts {
        for file in &fixtures {
            assert_good_call_survives(file, seed);
        }
        seed += 1;
    }
    println!("{} captures by {} seeds each", fixtures.len(), seed - 1000);
}

// ---- a flood ----

/// 50 000 INVITEs a second, each of another call, while a call is running: for a twentieth of a second, or for so many
/// seconds as `SIPREEL_FLOOD_SECONDS` says.
#[test]
fn a_flood_of_invites_leaves_a_running_call_whole() {
    const A_SECOND: i64 = 50_000;
    let seconds: Option<i64> =
        std::env::var("SIPREEL_FLOOD_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    let count = seconds.map_or(A_SECOND / 20, |seconds| seconds * A_SECOND);
    let good = good_call(count * 1000 / A_SECOND + 1000);
    let begin = good.frames[0].at_ns + 500_000_000;
    let flood = (0..count).map(|n| {
        let body = format!("{SDP}m=audio {} RTP/AVP 0\r\n", 1024 + n % 60_000);
        let bytes = datagram(&invite(n as usize, b"Max-Forwards: 70\r\n", body.as_bytes()));
        Frame { at_ns: begin + n * 1_000_000_000 / A_SECOND, link: 1, bytes }
    });
    let mut frames: Vec<Frame> = good.frames.iter().cloned().chain(flood).collect();
    frames.sort_by_key(|frame| frame.at_ns);
    let store = common::Store::new();
    let path = store.beside("flood.pcap");
    fs::write(&path, capture::pcap(&frames)).expect("it can be written");
    let (begun, tried) = (Instant::now(), replay(&[path], &["--keep", "all"]));
    println!("{} frames in {:.1} s", frames.len(), begun.elapsed().as_secs_f64());
    assert_eq!((tried.run.code, tried.run.stderr.as_str()), (0, ""));
    assert_eq!(tried.metrics.of("sipreel_calls_total{outcome=\"recorded\"}"), 1.0);
    assert_eq!(tried.metrics.of("sipreel_calls_total{outcome=\"not_answered\"}"), count as f64);
    assert_within_limits(&tried.metrics, "a flood");
    // Each has its record; so many are too many to be read.
    assert_eq!(tried.metrics.of("sipreel_calls_seen_total"), count as f64 + 1.0);
    assert_eq!(records(&tried.store.path().join("recordings")), count as usize + 1);
    for (name, bytes) in &good.recordings {
        let found = fs::read(tried.store.path().join("recordings").join(name)).unwrap_or_default();
        assert!(found == *bytes, "{} is another", name.display());
    }
}

/// How many records there are in a folder.
fn records(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let count = |entry: fs::DirEntry| match entry.file_type().expect("a type").is_dir() {
        true => records(&entry.path()),
        false => usize::from(entry.file_name() == "call.json"),
    };
    entries.map(count).sum()
}
