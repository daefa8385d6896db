//! Each sample in its place, whatever the network and the clocks do to the packets: calls of G.711 made with one fault each,
//! and the recording held against what was sent, sample by sample.

#![cfg(test)]

mod common;

use std::fs;

use audio_codec_algorithms::{decode_alaw, decode_ulaw};
use common::Store;
use common::capture::{self, Frame};
use maker::{By, Dialog, packet, sdp_with};
use serde_json::Value;

/// Octets, and samples, of 20 ms.
const FRAME: usize = 160;
const MU: u8 = 0;
const A: u8 = 8;
const START_US: i64 = 1_772_442_000_000_000;

/// A packet of a party, and when it comes, counted from the first one that is sent.
#[derive(Clone, Debug)]
struct Sent {
    at_us: i64,
    seq: u16,
    ticks: u32,
    ssrc: u32,
    payload_type: u8,
    payload: Vec<u8>,
}

/// Noise, each octet of its own: a sample that stands elsewhere is found out. Softer for ten packets in fifty, so that there
/// are quiet spots.
fn noise(seed: u32, packet: usize, octets: usize) -> Vec<u8> {
    let mut state = seed ^ (packet as u32).wrapping_mul(0x9e37_79b9) | 1;
    let floor = if packet % 50 < 10 { 0x60 } else { 0x10 };
    let octet = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Two signs, magnitudes below the floor's.
        (state >> 24) as u8 & 0x80 | (floor + (state >> 8) as u8 % 0x18)
    };
    (0..octets).map(octet).collect()
}

fn decoded(payload_type: u8, payload: &[u8]) -> Vec<i16> {
    let decode = if payload_type == A { decode_alaw } else { decode_ulaw };
    payload.iter().map(|&octet| decode(octet)).collect()
}

/// `count` packets of 20 ms as a perfect phone over a perfect network would have them.
fn perfect(seed: u32, count: usize) -> Vec<Sent> {
    let sent = |n: usize| Sent {
        at_us: n as i64 * 20_000,
        seq: n as u16,
        ticks: (n * FRAME) as u32,
        ssrc: seed,
        payload_type: MU,
        payload: noise(seed, n, FRAME),
    };
    (0..count).map(sent).collect()
}

fn samples(packets: &[Sent]) -> Vec<i16> {
    packets.iter().flat_map(|sent| decoded(sent.payload_type, &sent.payload)).collect()
}

/// The call in which each party sends its packets, recorded: both channels, and the record.
fn heard(legs: [&[Sent]; 2]) -> (Vec<Vec<i16>>, Value) {
    let dialog = Dialog::usual("placement");
    let (caller, callee) = (By::Caller, By::Callee);
    let mut frames = Vec::new();
    let mut frame = |at_us: i64, source, destination, payload: &[u8]| {
        let bytes = packet::ethernet(&packet::udp(source, destination, 0, payload));
        frames.push(Frame { at_ns: (START_US + at_us) * 1000, link: 1, bytes });
    };
    let mut say = |at_us: i64, by: By, message: &[u8]| {
        frame(at_us, dialog.phone(by).sip, dialog.phone(by.other()).sip, message);
    };
    let media = "m=audio {port} RTP/AVP 0 8\r\n";
    let description = |by| sdp_with(dialog.phone(by).media, media);
    say(-200_000, caller, &dialog.request("INVITE", 1, caller, "", &description(caller)));
    say(-100_000, callee, &dialog.response("200 OK", (1, "INVITE"), caller, "", &description(callee)));
    say(-90_000, caller, &dialog.request("ACK", 1, caller, "", ""));
    let last = legs.iter().flat_map(|leg| leg.iter()).map(|sent| sent.at_us).max().unwrap_or(0);
    say(last + 100_000, caller, &dialog.request("BYE", 2, caller, "", ""));
    say(last + 110_000, callee, &dialog.response("200 OK", (2, "BYE"), caller, "", ""));
    for (by, leg) in [caller, callee].into_iter().zip(legs) {
        for sent in leg {
            let mut octets = vec![0x80, sent.payload_type];
            octets.extend(sent.seq.to_be_bytes());
            octets.extend(sent.ticks.to_be_bytes());
            octets.extend(sent.ssrc.to_be_bytes());
            octets.extend(&sent.payload);
            frame(sent.at_us, dialog.phone(by).media, dialog.phone(by.other()).media, &octets);
        }
    }
    frames.sort_by_key(|frame| frame.at_ns);
    let store = Store::new();
    let path = store.beside("call.pcap");
    fs::write(&path, capture::pcap(&frames)).expect("a capture");
    let run = store.replay(&[path], &["-q"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let mut calls = store.recorded();
    assert_eq!(calls.len(), 1);
    let call = calls.remove(0);
    (call.wav().channels, call.record)
}

/// What each channel holds, as far as the shorter goes, is what was said; silence may follow.
fn assert_whole(channels: &[Vec<i16>], said: [&[i16]; 2], of: &str) {
    for (channel, said) in channels.iter().zip(said) {
        let differs = channel.iter().zip(said).position(|(one, other)| one != other);
        assert_eq!(differs, None, "{of}: the first sample that differs");
        assert!(channel.len() >= said.len(), "{of}: {} of {} samples", channel.len(), said.len());
        assert!(channel[said.len()..].iter().all(|&sample| sample == 0), "{of}: silence behind");
    }
}

/// The same numbers each time.
fn dice() -> impl FnMut(u32) -> u32 {
    let mut state = 0x1234_5678_u32;
    move |sides| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % sides
    }
}

#[test]
fn whatever_the_network_does_without_loss_moves_nothing() {
    type Fault = (&'static str, fn(&mut Vec<Sent>));
    let faults: [Fault; 7] = [
        ("none", |_| {}),
        ("jitter of 50 ms", |packets| {
            let mut dice = dice();
            // The fastest way is there now and then.
            for sent in packets.iter_mut().filter(|sent| sent.seq % 8 != 0) {
                sent.at_us += i64::from(dice(50_000));
            }
        }),
        ("six stalls of 300 ms", |packets| {
            for sent in packets.iter_mut() {
                let within = sent.at_us % 1_500_000;
                if (1_000_000..1_300_000).contains(&within) {
                    sent.at_us += 1_300_000 - within;
                }
            }
        }),
        ("reordering", |packets| {
            for pair in packets.chunks_exact_mut(7) {
                (pair[2].at_us, pair[4].at_us) = (pair[4].at_us, pair[2].at_us);
            }
        }),
        ("doubles", |packets| {
            let again: Vec<Sent> = packets.iter().filter(|sent| sent.seq % 3 == 0).cloned().collect();
            packets.extend(again.into_iter().map(|sent| Sent { at_us: sent.at_us + 350, ..sent }));
        }),
        ("a wrap of the numbers", |packets| {
            packets.iter_mut().for_each(|sent| sent.seq = sent.seq.wrapping_add(65_300));
        }),
        ("a wrap of the time stamps", |packets| {
            packets.iter_mut().for_each(|sent| sent.ticks = sent.ticks.wrapping_add(u32::MAX - 40_000));
        }),
    ];
    for (name, fault) in faults {
        let (caller, callee) = (perfect(1, 500), perfect(2, 500));
        let said = [samples(&caller), samples(&callee)];
        let (mut one, mut other) = (caller, callee);
        fault(&mut one);
        fault(&mut other);
        let (channels, record) = heard([&one, &other]);
        assert_whole(&channels, [&said[0], &said[1]], name);
        assert_eq!(record["outcome"], "recorded", "{name}");
        assert_eq!(record["legs"][0]["streams"][0]["lost"], 0, "{name}");
    }
}

#[test]
fn what_comes_of_a_lossy_network_stands_in_its_place() {
    let (caller, callee) = (perfect(1, 1500), perfect(2, 1500));
    let mut dice = dice();
    // Bursts of one to five, 8 % in all; the first and the last packet come.
    let mut lost = vec![false; caller.len()];
    while lost.iter().filter(|&&is| is).count() < caller.len() * 8 / 100 {
        let (at, run) = (1 + dice(1490) as usize, 1 + dice(5) as usize);
        lost[at..at + run].fill(true);
    }
    let came: Vec<Sent> =
        caller.iter().zip(&lost).filter(|(_, lost)| !**lost).map(|(sent, _)| sent.clone()).collect();
    let (channels, record) = heard([&came, &callee]);
    assert_whole(&channels[1..], [&samples(&callee), &[]], "the other party");
    let stream = &record["legs"][0]["streams"][0];
    assert_eq!(stream["lost"], caller.len() - came.len());
    for sent in &came {
        let at = usize::from(sent.seq) * FRAME;
        let expected = decoded(MU, &sent.payload);
        assert!(channels[0][at..at + FRAME] == expected, "packet {} is where it was sent", sent.seq);
    }
    let flags = record["flags"].as_array().expect("flags");
    assert!(flags.iter().any(|flag| flag == "packet_loss"));
}

#[test]
fn two_clocks_that_run_apart_stay_together_for_twenty_minutes() {
    const COUNT: usize = 20 * 60 * 50;
    let skewed = |seed: u32, ppm: i64| -> Vec<Sent> {
        let mut packets = perfect(seed, COUNT);
        for sent in &mut packets {
            sent.at_us -= sent.at_us * ppm / 1_000_000;
            // The numbers go round.
            sent.ticks = sent.ticks.wrapping_add(7);
        }
        packets
    };
    let (caller, callee) = (skewed(1, 500), skewed(2, -500));
    let (channels, record) = heard([&caller, &callee]);
    let mut off: [Vec<i64>; 2] = Default::default();
    for (channel, leg, ppm) in [(0, &caller, 500.0), (1, &callee, -500.0)] {
        let found = record["legs"][channel]["streams"][0]["skew_ppm"].as_f64().expect("a skew");
        assert!((found - ppm).abs() < 5.0, "{found} ppm");
        // Where each fiftieth packet stands, against when it came: 8 samples a millisecond.
        for (n, sent) in leg.iter().enumerate().skip(25).step_by(50) {
            let due = sent.at_us * 8 / 1000;
            let wanted = decoded(MU, &sent.payload);
            let found = (due - 170..=due + 170).find(|&at| {
                let at = at.max(0) as usize;
                channels[channel].get(at..at + FRAME).is_some_and(|samples| samples == wanted)
            });
            let found =
                found.unwrap_or_else(|| panic!("packet {n} of channel {channel} is not near its place"));
            off[channel].push(found - due);
        }
    }
    let apart = off[0].iter().zip(&off[1]).map(|(one, other)| (one - other).abs());
    let most = apart.max().expect("packets");
    assert!(most <= 20 * 8, "the legs are {most} samples apart");
}

#[test]
fn time_stamps_that_leap_move_no_audio() {
    for leap in [1_000_000_000_u32, 1_000_000_000_u32.wrapping_neg()] {
        let (mut caller, callee) = (perfect(1, 600), perfect(2, 600));
        caller[300..].iter_mut().for_each(|sent| sent.ticks = sent.ticks.wrapping_add(leap));
        let said = [samples(&caller), samples(&callee)];
        let (channels, record) = heard([&caller, &callee]);
        assert_whole(&channels, [&said[0], &said[1]], "a leap");
        assert!(record["flags"].as_array().expect("flags").iter().any(|flag| flag == "timestamp_leap"));
    }
}

#[test]
fn a_new_source_and_a_new_codec_follow_on_without_a_frame_lost() {
    let (mut caller, mut callee) = (perfect(1, 600), perfect(2, 600));
    for sent in &mut caller[300..] {
        (sent.ssrc, sent.seq, sent.ticks) =
            (77, sent.seq.wrapping_add(30_000), sent.ticks.wrapping_add(0x5555_5555));
    }
    callee[200..400].iter_mut().for_each(|sent| sent.payload_type = A);
    let said = [samples(&caller), samples(&callee)];
    let (channels, record) = heard([&caller, &callee]);
    assert_whole(&channels, [&said[0], &said[1]], "changes");
    assert_eq!(record["legs"][0]["streams"].as_array().expect("streams").len(), 2);
}

#[test]
fn packets_of_10_20_30_and_60_ms_line_up() {
    let mixed = |seed: u32| -> Vec<Sent> {
        let mut packets = Vec::new();
        let mut tick = 0;
        for n in 0..400 {
            let octets = [80, 160, 240, 480][n % 4];
            let sent = Sent {
                at_us: tick as i64 * 125,
                seq: n as u16,
                ticks: tick as u32,
                ssrc: seed,
                payload_type: MU,
                payload: noise(seed, n, octets),
            };
            packets.push(sent);
            tick += octets;
        }
        packets
    };
    let (caller, callee) = (mixed(1), perfect(2, 600));
    let said = [samples(&caller), samples(&callee)];
    let (channels, _) = heard([&caller, &callee]);
    assert_whole(&channels, [&said[0], &said[1]], "packet times");
}

#[test]
fn silence_that_is_not_sent_is_as_long_as_it_was() {
    let (mut caller, callee) = (perfect(1, 600), perfect(2, 600));
    // Half of each second is not sent; the numbers go on without a gap.
    caller.retain(|sent| sent.seq % 50 < 25);
    for (n, sent) in caller.iter_mut().enumerate() {
        sent.seq = n as u16;
    }
    let mut said = vec![0; 600 * FRAME];
    for sent in &caller {
        let at = sent.ticks as usize;
        said[at..at + FRAME].copy_from_slice(&decoded(MU, &sent.payload));
    }
    let (channels, record) = heard([&caller, &callee]);
    assert_whole(&channels, [&said, &samples(&callee)], "silence suppression");
    assert_eq!(record["legs"][0]["streams"][0]["lost"], 0);
}
