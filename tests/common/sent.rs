//! Calls in which one party sends known payloads, and what other software made of those (`fixtures/codecs/README.md`).

use std::fs;
use std::path::PathBuf;

use maker::{By, Dialog, Script, sdp_with};

use super::{Recorded, Store};

pub(crate) fn reference(name: &str) -> Vec<u8> {
    let path = super::fixtures().join("codecs").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn pcm(name: &str) -> Vec<i16> {
    reference(name).as_chunks().0.iter().map(|&octets| i16::from_le_bytes(octets)).collect()
}

/// One packet of the caller's.
pub(crate) struct Sent {
    /// Its number; numbers that are left out are lost.
    pub(crate) seq: u16,
    pub(crate) ticks: u32,
    pub(crate) payload_type: u8,
    pub(crate) payload: Vec<u8>,
}

/// A call in which the caller sends these packets, each when its time stamp says by a clock of `clock_rate`, and the
/// callee nothing. `media` are the lines of the offer and the answer.
pub(crate) fn one_way_call(name: &'static str, media: &str, clock_rate: u32, packets: &[Sent]) -> Vec<u8> {
    let mut script = Script::new(name, "");
    let dialog = Dialog::usual(name);
    let (caller, callee) = (By::Caller, By::Callee);
    let description = |by| sdp_with(dialog.phone(by).media, media);
    script.say(0, &dialog, caller, &dialog.request("INVITE", 1, caller, "", &description(caller)));
    let answer = dialog.response("200 OK", (1, "INVITE"), caller, "", &description(callee));
    script.say(100, &dialog, callee, &answer);
    script.say(110, &dialog, caller, &dialog.request("ACK", 1, caller, "", ""));
    let mut end_ms = 0;
    for sent in packets {
        let mut packet = vec![0x80, sent.payload_type];
        packet.extend(sent.seq.to_be_bytes());
        packet.extend(sent.ticks.to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend(&sent.payload);
        end_ms = i64::from(sent.ticks) * 1000 / i64::from(clock_rate);
        script.datagram(200 + end_ms, dialog.caller.media, dialog.callee.media, &packet);
    }
    script.hang_up(&dialog, 300 + end_ms, 2);
    script.finish().file()
}

/// `payloads` cut into packets of `octets` and `ticks`.
pub(crate) fn cut(payloads: &[u8], payload_type: u8, octets: usize, ticks: u32) -> Vec<Sent> {
    let sent = |(n, payload): (usize, &[u8])| Sent {
        seq: n as u16,
        ticks: n as u32 * ticks,
        payload_type,
        payload: payload.to_vec(),
    };
    payloads.chunks(octets).enumerate().map(sent).collect()
}

pub(crate) fn capture(store: &Store, file: &[u8]) -> PathBuf {
    let path = store.beside("call.pcap");
    fs::write(&path, file).expect("a capture");
    path
}

/// The one call of the capture, replayed.
pub(crate) fn recorded(store: &Store, file: &[u8], more: &[&str]) -> Recorded {
    let run = store.replay(&[capture(store, file)], &[&["-q"], more].concat());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let mut calls = store.recorded();
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}
