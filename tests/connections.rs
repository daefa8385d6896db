//! Signalling in TCP connections: what others find in the same captures, what is said of TLS that cannot be read, and
//! that keys are of use only where they are good, and stay where they came from.

#![cfg(test)]

mod common;

use std::fs;

use common::{Replayed, Store, fixture, replay};

/// How many SIP messages tshark 4.0.17 finds in the captures of others that have some in TCP, and what became of the
/// connections with SIP in them.
const CAPTURES: [(&str, f64, f64); 6] = [
    ("OISF__suricata-verify__sip-body-large.pcap", 2.0, 1.0),
    ("OISF__suricata-verify__sip-tcp.pcap", 2.0, 1.0),
    ("aboutsip__pkts__fragmented_tcp_sip.pcap", 6.0, 1.0),
    ("seladb__PcapPlusPlus__sip_resp.pcap", 7.0, 1.0),
    ("arkime__arkime__arkime_synthetic.pcap", 4.0, 1.0),
    ("hdiniz__rtpdump__sample2_vowifi_ipv4_esp_ipv4.pcap", 9.0, 1.0),
];

fn messages(replayed: &Replayed) -> f64 {
    replayed.metrics.sum("sipreel_sip_messages_total") + replayed.metrics.sum("sipreel_sip_responses_total")
}

fn streams(replayed: &Replayed, result: &str) -> f64 {
    replayed.metrics.of(&format!("sipreel_tcp_streams_total{{result=\"{result}\"}}"))
}

#[test]
fn the_messages_are_those_that_tshark_finds() {
    let Some(folder) = common::captures() else { return };
    for (name, expected, connections) in CAPTURES {
        let replayed = replay(&[folder.join("files").join(name)], &[]);
        assert_eq!(messages(&replayed), expected, "{name}");
        assert_eq!(streams(&replayed, "sip"), connections, "{name}");
    }
}

#[test]
fn a_message_that_no_datagram_could_hold_is_kept_whole() {
    let Some(folder) = common::captures() else { return };
    let replayed = replay(&[folder.join("files/OISF__suricata-verify__sip-body-large.pcap")], &[]);
    let [call] = &replayed.store.recorded()[..] else { panic!("one call") };
    let kept = call.file("call.pcapng");
    assert!(kept.len() > 64_000, "{} bytes", kept.len());
    let shown = replayed.store.calls(&["show", &call.id()]);
    assert!(shown.stdout.contains("INVITE") && shown.stdout.contains("100 Trying"), "{shown:?}");
}

#[test]
fn tls_without_its_keys_is_told_and_is_no_rubbish() {
    let other = fixture("sipp_tls12_gcm.keys");
    for keys in [&[][..], &["--tls-keylog", other.to_str().expect("a plain name")]] {
        let replayed = replay(&[fixture("sipp_tls13.pcap")], keys);
        assert_eq!((replayed.run.code, replayed.store.recorded().len()), (0, 0));
        assert_eq!(streams(&replayed, "encrypted_signalling"), 1.0);
        assert_eq!((streams(&replayed, "other"), messages(&replayed)), (0.0, 0.0));
    }
    let store = Store::new();
    let mut command = common::sipreel();
    command.arg("replay").arg(fixture("sipp_tls13.pcap")).arg("--store").arg(store.path());
    let said = String::from_utf8(command.output().expect("the program starts").stderr).expect("UTF-8");
    assert!(said.contains("1 TLS connections that may carry signalling"), "{said}");
}

#[test]
fn what_was_sealed_is_kept_as_it_was_said() {
    let keys = fixture("sipp_tls13.keys");
    let replayed =
        replay(&[fixture("sipp_tls13.pcap")], &["--tls-keylog", keys.to_str().expect("a plain name")]);
    assert_eq!(streams(&replayed, "sip_tls"), 1.0);
    assert_eq!(replayed.metrics.of("sipreel_tls_records_total{result=\"failed\"}"), 0.0);
    let [call] = &replayed.store.recorded()[..] else { panic!("one call") };
    let shown = replayed.store.calls(&["show", &call.id()]).stdout;
    for message in ["INVITE", "180 Ringing", "200 OK (INVITE)", "ACK", "BYE", "127.0.0.14:5061"] {
        assert!(shown.contains(message), "{message}: {shown}");
    }
}

/// The capture as pcapng with its key log inside, as `editcap --inject-secrets` makes it.
fn with_secrets(name: &str) -> Vec<u8> {
    let keys = fs::read(fixture(&format!("{name}.keys"))).expect("a key log");
    let block = |kind: u32, parts: &[&[u8]]| {
        let mut content = parts.concat();
        content.resize(content.len().next_multiple_of(4), 0);
        let len = (content.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, &content, &len].concat()
    };
    let len = (keys.len() as u32).to_le_bytes();
    let mut file = block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes(), &[1, 0, 0, 0], &[0xff; 8]]);
    file.extend(block(10, &[&0x544c_534bu32.to_le_bytes(), &len, &keys]));
    file.extend(block(1, &[&[1, 0, 0, 0], &[0; 4]]));
    for frame in common::capture::frames(&fixture(&format!("{name}.pcap"))) {
        let micros = (frame.at_ns / 1000) as u64;
        let (high, low) = (((micros >> 32) as u32).to_le_bytes(), (micros as u32).to_le_bytes());
        let len = (frame.bytes.len() as u32).to_le_bytes();
        file.extend(block(6, &[&[0; 4], &high, &low, &len, &len, &frame.bytes]));
    }
    file
}

#[test]
fn a_capture_that_holds_its_keys_needs_no_others() {
    let store = Store::new();
    let capture = store.beside("secrets.pcapng");
    fs::write(&capture, with_secrets("sipp_tls13")).expect("it can be written");
    let replayed = replay(&[capture], &["--keep", "all"]);
    assert_eq!((streams(&replayed, "sip_tls"), messages(&replayed)), (1.0, 7.0));
    let [call] = &replayed.store.recorded()[..] else { panic!("one call") };
    assert_eq!(call.record["outcome"], "recorded");
}

/// The segments of `sipp_tls13`, each with its flags, by place among the frames.
fn without(unwanted: impl Fn(usize, u8) -> bool) -> Vec<common::capture::Frame> {
    let frames = common::capture::frames(&fixture("sipp_tls13.pcap"));
    let is_tcp = |bytes: &[u8]| bytes[23] == 6;
    let mut segments = 0;
    let wanted = frames.into_iter().filter(|frame| {
        segments += usize::from(is_tcp(&frame.bytes));
        !(is_tcp(&frame.bytes) && unwanted(segments, frame.bytes[14 + 20 + 13]))
    });
    wanted.collect()
}

#[test]
fn tls_is_read_without_the_handshake_of_tcp_and_behind_a_hole() {
    let keys = fixture("sipp_tls13.keys");
    let keys = ["--tls-keylog", keys.to_str().expect("a plain name")];
    let store = Store::new();
    let is_syn = |flags: u8| flags & 2 != 0;
    // The 16th holds the 180.
    let cut = [without(|_, flags| is_syn(flags)), without(|n, flags| is_syn(flags) || n == 16)];
    for (n, frames) in cut.into_iter().enumerate() {
        let capture = store.beside(&format!("cut{n}.pcap"));
        fs::write(&capture, common::capture::pcap(&frames)).expect("it can be written");
        let replayed = replay(&[capture], &keys);
        assert_eq!(streams(&replayed, "sip_tls"), 1.0, "{n}");
        assert_eq!(messages(&replayed), 7.0 - n as f64, "{n}");
        let [call] = &replayed.store.recorded()[..] else { panic!("one call") };
        assert_eq!(
            (&call.record["outcome"], call.record["ringing_at"].is_null()),
            (&"recorded".into(), n == 1)
        );
    }
}

#[test]
fn keys_stay_where_they_came_from() {
    for name in ["sipp_tls13", "sipp_tls12_cbc"] {
        let path = fixture(&format!("{name}.keys"));
        let text = fs::read_to_string(&path).expect("a key log");
        let replayed = replay(
            &[fixture(&format!("{name}.pcap"))],
            &["--keep", "all", "--tls-keylog", path.to_str().expect("a plain name")],
        );
        let mut told: Vec<Vec<u8>> = replayed.store.recordings().into_values().collect();
        told.extend([replayed.run.stdout, replayed.run.stderr].map(String::into_bytes));
        told.push(format!("{:?}", replayed.metrics.0).into_bytes());
        assert!(told.len() >= 5);
        for secret in text.lines().filter_map(|line| line.split(' ').nth(2)) {
            let octets: Vec<u8> = (0..secret.len() / 2)
                .map(|n| u8::from_str_radix(&secret[2 * n..2 * n + 2], 16).expect("hexadecimal"))
                .collect();
            let has = |told: &Vec<u8>, what: &[u8]| told.windows(what.len()).any(|window| window == what);
            assert!(!told.iter().any(|told| has(told, secret.as_bytes()) || has(told, &octets)), "{name}");
        }
    }
}

#[test]
fn a_key_log_that_is_none_is_told_before_anything_is_read() {
    let store = Store::new();
    let (bad, missing) = (store.beside("bad.keys"), store.beside("missing.keys"));
    fs::write(&bad, "# a comment\nCLIENT_RANDOM 0011 2233\n").expect("it can be written");
    for (keys, said) in [(&bad, "bad.keys: line 2: "), (&missing, "missing.keys: ")] {
        let run = store
            .replay(&[fixture("sipp_tls13.pcap")], &["--tls-keylog", keys.to_str().expect("a plain name")]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(said) && run.stderr.contains("SSLKEYLOGFILE"), "{run:?}");
        assert!(!run.stderr.contains("2233") && run.stderr.lines().count() == 1, "{run:?}");
        assert!(!store.path().exists(), "nothing was read, nothing was made");
    }
}
