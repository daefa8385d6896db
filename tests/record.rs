//! Live recording: from agents that send HEP, and from interfaces. What is recorded is what a replay of the same packets
//! records.

#![cfg(test)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::capture::{self, Frame};
use common::live::Recorder;
use common::{Run, Store, fixture, hep, micros, text};

/// A recorder of what agents send, with its metrics served.
fn agents_recorder(store: &Store, more: &[&str]) -> Recorder {
    let mut command = common::sipreel();
    command.args(["record", "--hep", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--store"]);
    Recorder::start(command.arg(store.path()).args(more))
}

/// What an agent sends of a capture.
fn packets(frames: &[Frame]) -> Vec<Vec<u8>> {
    frames.iter().filter_map(|frame| hep::packet(frame, None)).collect()
}

const CARRIED: &str = "sipreel_hep_packets_total{result=\"carried\"}";

/// Sends datagrams, in a small part of the time that they took, but no faster than they can be read.
fn send(to: SocketAddr, packets: &[Vec<u8>]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for some in packets.chunks(25) {
        for packet in some {
            socket.send_to(packet, to).expect("it can be sent");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Both stores hold the same calls: the same records, and the same audio.
fn assert_same_calls(live: &Store, replayed: &Store, what: &str) {
    let (live, replayed) = (live.recorded(), replayed.recorded());
    assert_eq!(live.len(), replayed.len(), "{what}");
    for (live, replayed) in live.iter().zip(&replayed) {
        assert_eq!(live.record, replayed.record, "{what}");
        if !live.record["recording"].is_null() {
            assert!(live.file("call.wav") == replayed.file("call.wav"), "{what}: other audio");
        }
    }
}

// ---- HEP ----

#[test]
fn datagrams_of_an_agent_are_recorded_as_the_frames_that_it_saw() {
    for name in ["sipp_pcma_play.pcap", "sipp_ipv6.pcap", "baresip_speech.pcap", "sipp_busy_486.pcap"] {
        let store = Store::new();
        let mut recorder = agents_recorder(&store, &["--keep", "all"]);
        let packets = packets(&capture::frames(&fixture(name)));
        send(recorder.agents(), &packets);
        let metrics = recorder.wait_until(CARRIED, packets.len() as f64);
        let of_hep = |family: &str| metrics.of(&format!("sipreel_{family}{{source=\"hep\"}}"));
        assert_eq!(of_hep("capture_packets_total"), packets.len() as f64);
        assert_eq!(metrics.of("sipreel_capture_packets_total{source=\"file\"}"), 0.0);
        assert_eq!(metrics.sum("sipreel_capture_dropped_packets_total"), 0.0);
        let newest = capture::frames(&fixture(name)).last().expect("frames").at_ns;
        assert!((of_hep("capture_last_packet_timestamp_seconds") - newest as f64 / 1e9).abs() < 1e-3);
        assert_eq!(recorder.ask("/readyz"), ("HTTP/1.1 200 OK".into(), "ok\n".into()));

        let (code, said) = recorder.end();
        assert_eq!(code, Some(0), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("1 calls seen: 1 ")), "{said:?}");
        let replayed = common::replay(&[fixture(name)], &["--keep", "all"]);
        assert_same_calls(&store, &replayed.store, name);
        // What is kept is a capture again, and gives the same once more.
        let kept: Vec<PathBuf> =
            store.recorded().iter().map(|call| call.folder.join("call.pcapng")).collect();
        let again = common::replay(&kept, &["--keep", "all"]);
        assert_same_calls(&again.store, &replayed.store, name);
    }
}

/// Of the next capture.
const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 21));

#[test]
fn connections_of_agents_are_read_whatever_pieces_come() {
    let name = "baresip_dtmf_rfc4733.pcap";
    let store = Store::new();
    let mut recorder = agents_recorder(&store, &["--digits", "keep"]);
    let frames = capture::frames(&fixture(name));
    let address = recorder.agents();
    let mut connections = [(); 2].map(|()| TcpStream::connect(address).expect("it listens"));
    connections[1].write_all(b"rubbish at first").expect("it is read");
    // Each phone has its agent; each packet comes in two pieces.
    let mut sent = 0;
    for (n, frame) in frames.iter().enumerate() {
        let Some(packet) = hep::packet(frame, None) else { continue };
        let by_caller = capture::datagram(frame).is_some_and(|datagram| datagram.source.ip() == CALLER);
        let connection = &mut connections[usize::from(by_caller)];
        let (first, second) = packet.split_at(n % packet.len());
        connection.write_all(first).expect("it is read");
        connection.write_all(second).expect("it is read");
        sent += 1;
        if n % 25 == 0 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    let metrics = recorder.wait_until(CARRIED, f64::from(sent));
    assert_eq!(metrics.of("sipreel_hep_skipped_bytes_total"), 16.0);
    assert_eq!(metrics.of("sipreel_table_entries{table=\"hep_connections\"}"), 2.0);
    drop(connections);
    recorder.wait_until("sipreel_table_entries{table=\"hep_connections\"}", 0.0);
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    let replayed = common::replay(&[fixture(name)], &["--digits", "keep"]);
    assert_same_calls(&store, &replayed.store, name);
}

#[test]
fn what_kamailio_sends_is_one_call() {
    let store = Store::new();
    let mut recorder = agents_recorder(&store, &[]);
    let frames = capture::frames(&common::fixtures().join("hep/kamailio_siptrace.pcap"));
    let packets: Vec<Vec<u8>> =
        frames.iter().filter_map(|frame| Some(capture::datagram(frame)?.payload.to_vec())).collect();
    assert_eq!(packets.len(), 13);
    send(recorder.agents(), &packets);
    recorder.wait_until(CARRIED, 13.0);
    assert_eq!(recorder.end().0, Some(0));
    let recorded = store.recorded();
    assert_eq!(recorded.len(), 1);
    let record = &recorded[0].record;
    assert_eq!(
        (text(&record["state"]), text(&record["end_reason"])),
        ("completed".into(), "bye_caller".into())
    );
    let told = |key: &str| micros(&record[key]).expect("a time");
    // sipp was told to talk for 1.5 s; the first message was seen when the agent says.
    let talk = told("ended_at") - told("answered_at");
    assert!((1_500_000..1_530_000).contains(&talk), "{talk}");
    let first = told("invited_at") - frames[0].at_ns / 1000;
    assert!((-5_000..=0).contains(&first), "{first}");
    let ladder = store.calls(&["show", &text(&record["id"])]);
    assert!(ladder.stdout.contains("INVITE") && ladder.stdout.contains("BYE"), "{}", ladder.stdout);
}

#[test]
fn without_the_key_nothing_is_taken_and_rubbish_is_counted() {
    let store = Store::new();
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[record]\nhep_key = 'sesame'\nhep = ['127.0.0.1:0']\nlisten = '127.0.0.1:0'\n")
        .expect("it can be written");
    let mut command = common::sipreel();
    command.arg("record").arg("--config").arg(&config).arg("--store").arg(store.path());
    let mut recorder = Recorder::start(&mut command);
    let frames = capture::frames(&fixture("sipp_busy_486.pcap"));
    let with = |key| frames.iter().filter_map(|frame| hep::packet(frame, key)).collect::<Vec<_>>();
    let right = with(Some("sesame"));
    send(recorder.agents(), &with(None));
    send(recorder.agents(), &with(Some("open")));
    send(recorder.agents(), &[b"INVITE sip:b@x SIP/2.0\r\n\r\n".to_vec(), b"HEP3\xff\xff".to_vec()]);
    send(recorder.agents(), &right);
    let metrics = recorder.wait_until(CARRIED, right.len() as f64);
    let refused = |why: &str| metrics.of(&format!("sipreel_hep_packets_total{{result=\"{why}\"}}"));
    assert_eq!((refused("key"), refused("not_hep"), refused("length")), (2.0 * right.len() as f64, 1.0, 1.0));
    assert_eq!(metrics.of("sipreel_calls_seen_total"), 1.0);
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0));
    assert!(
        said.iter().any(|line| line.starts_with("HEP packets not used: 1 not_hep, 1 length, ")),
        "{said:?}"
    );
}

#[test]
fn time_passes_on_a_silent_link_and_searches_find_what_is_over() {
    let store = Store::new();
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[patience]\nringing_s = 1\n[limits]\ncalls = 77\n").expect("it can be written");
    let mut recorder = agents_recorder(&store, &["--config", config.to_str().expect("a plain path")]);
    let frames = capture::frames(&fixture("sipp_pcma_play.pcap"));
    send(recorder.agents(), &packets(&frames[..1]));
    let metrics = recorder.wait_until("sipreel_calls_total{outcome=\"not_answered\"}", 1.0);
    assert_eq!(metrics.of("sipreel_calls_active"), 0.0);
    assert_eq!(metrics.of("sipreel_table_limit{table=\"calls\"}"), 77.0);
    let found = store.list(&[]);
    assert_eq!((found.len(), text(&found[0]["state"])), (1, "unanswered".into()));
    assert_eq!(recorder.end().0, Some(0));
}

#[test]
fn a_call_that_is_open_at_the_end_is_kept_as_far_as_it_came() {
    let store = Store::new();
    let mut recorder = agents_recorder(&store, &[]);
    let frames = capture::frames(&fixture("sipp_pcma_play.pcap"));
    let half = packets(&frames[..frames.len() / 2]);
    send(recorder.agents(), &half);
    let metrics = recorder.wait_until(CARRIED, half.len() as f64);
    assert_eq!(metrics.of("sipreel_calls_active"), 1.0);
    assert_eq!(recorder.end().0, Some(0));
    let recorded = store.recorded();
    let record = &recorded[0].record;
    assert_eq!(
        (text(&record["end_reason"]), text(&record["outcome"])),
        ("shutdown".into(), "recorded_partial".into())
    );
    assert!(recorded[0].wav().channels[0].len() > 8000);
    assert!(fs::read_dir(store.path().join("open")).expect("it is there").next().is_none());
}

#[test]
fn it_tests_itself_and_no_call_is_counted_for_it() {
    let store = Store::new();
    let mut recorder = agents_recorder(&store, &["--selftest-interval", "1h"]);
    let metrics = recorder.wait_until("sipreel_selftests_total{result=\"passed\"}", 1.0);
    assert!(metrics.of("sipreel_selftest_last_success_timestamp_seconds") > 1.7e9);
    assert_eq!(metrics.of("sipreel_selftests_total{result=\"failed\"}"), 0.0);
    assert_eq!(metrics.of("sipreel_calls_seen_total"), 0.0);
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    assert!(store.list(&[]).is_empty());
}

// ---- interfaces ----

/// A network of its own with two ends of one cable, gone after the test.
struct Namespace(String);

impl Namespace {
    /// `None` where that is not permitted here, which is said.
    fn new(name: &str) -> Option<Namespace> {
        let namespace = Namespace(format!("{name}-{}", std::process::id()));
        let ip = |arguments: &[&str]| {
            Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
        };
        if !ip(&["netns", "add", &namespace.0]) {
            println!("skipped: a network namespace may not be made here");
            return None;
        }
        let cable = ["link", "add", "near", "type", "veth", "peer", "name", "far"];
        let made = namespace.ip(&cable) && namespace.ip(&["link", "set", "near", "up"]);
        if !made || !namespace.ip(&["link", "set", "far", "up"]) {
            println!("skipped: no cable can be made in a network namespace here");
            return None;
        }
        Some(namespace)
    }

    fn ip(&self, arguments: &[&str]) -> bool {
        self.command(Path::new("ip")).args(arguments).output().is_ok_and(|output| output.status.success())
    }

    /// A program that runs in it.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program);
        command.env_remove("SIPREEL_STORE").env_remove("SIPREEL_CONFIG");
        command
    }

    /// Sends a capture into the far end in the time that it took; `false` where there is no tcpreplay, which is said.
    fn send(&self, file: &Path) -> bool {
        let mut tcpreplay = self.command(Path::new("tcpreplay"));
        match tcpreplay.args(["-q", "-i", "far"]).arg(file).output() {
            Ok(output) if output.status.success() => true,
            failed => {
                println!("skipped: tcpreplay does not run here: {failed:?}");
                false
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

#[test]
fn an_interface_is_recorded_as_the_capture_that_is_sent_there() {
    let Some(namespace) = Namespace::new("sipreel-record") else { return };
    let store = Store::new();
    let metrics = store.beside("metrics.txt");
    let mut command = namespace.command(Path::new(env!("CARGO_BIN_EXE_sipreel")));
    command.args(["record", "-i", "near", "-f", "udp", "-B", "16", "--keep", "all", "--store"]);
    command.arg(store.path()).arg("--metrics").arg(&metrics);
    let mut recorder = Recorder::start(&mut command);
    recorder.wait_for("recording from near");
    let name = "sipp_pcma_play.pcap";
    if !namespace.send(&fixture(name)) {
        return;
    }
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    let metrics = common::Metrics::parse(&fs::read_to_string(metrics).expect("metrics"));
    let frames = capture::frames(&fixture(name));
    assert_eq!(metrics.of("sipreel_capture_packets_total{source=\"interface\"}"), frames.len() as f64);
    assert_eq!(metrics.sum("sipreel_capture_dropped_packets_total"), 0.0);

    let replayed = common::replay(&[fixture(name)], &[]);
    let (live, replayed) = (store.recorded(), replayed.store.recorded());
    assert_eq!((live.len(), replayed.len()), (1, 1));
    for key in ["call_id", "state", "outcome", "end_reason", "status_code", "caller", "callee"] {
        assert_eq!(live[0].record[key], replayed[0].record[key], "{key}");
    }
    for role in ["caller", "callee"] {
        let (live, replayed) = (&live[0].leg(role)["streams"][0], &replayed[0].leg(role)["streams"][0]);
        for key in ["ssrc", "source", "destination", "codec", "packets", "octets", "lost", "duplicates"] {
            assert_eq!(live[key], replayed[key], "{role}: {key}");
        }
        for key in ["rule", "confidence"] {
            assert_eq!(live["match"][key], replayed["match"][key], "{role}: {key}");
        }
    }
    // A busy machine sends later than it should, and pauses: so no times are compared, but what was sent and is heard.
    let sent = |frames: &[Frame]| -> Vec<(u32, u16, Vec<u8>)> {
        capture::rtp(frames).into_iter().map(|rtp| (rtp.ssrc, rtp.sequence, rtp.payload)).collect()
    };
    assert!(
        sent(&capture::frames(&live[0].folder.join("call.pcapng"))) == sent(&frames),
        "every packet is kept"
    );
    for (live, replayed) in live[0].wav().channels.iter().zip(&replayed[0].wav().channels) {
        let pieces: Vec<&[i16]> = replayed.chunks_exact(800).filter(|piece| is_loud(piece)).collect();
        let heard = pieces.iter().filter(|piece| live.windows(800).any(|window| window == **piece)).count();
        assert!(pieces.len() >= 20 && heard * 10 >= pieces.len() * 8, "{heard} of {}", pieces.len());
    }
}

#[test]
fn a_doctor_looks_at_an_interface_for_as_long_as_was_asked() {
    let Some(namespace) = Namespace::new("sipreel-doctor") else { return };
    let mut doctor = namespace.command(Path::new(env!("CARGO_BIN_EXE_sipreel")));
    doctor.args(["doctor", "-i", "near", "-f", "udp", "--for", "6s", "--json"]);
    let mut doctor =
        doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut said = String::new();
    BufReader::new(doctor.stderr.take().expect("a pipe")).read_line(&mut said).expect("it can be read");
    assert_eq!(said, "looking at near for 6 s\n");
    let is_sent = namespace.send(&fixture("sipp_busy_486.pcap"));
    let output = doctor.wait_with_output().expect("it ends");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    if !is_sent {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!((told["packets"].as_u64(), told["calls"].as_u64()), (Some(4), Some(1)), "{told}");
}

/// A tenth of a second in which somebody speaks.
fn is_loud(samples: &[i16]) -> bool {
    samples.iter().filter(|sample| sample.unsigned_abs() > 1000).count() > 100
}

#[test]
fn an_interface_that_is_lost_and_comes_back_is_recorded_on() {
    let Some(namespace) = Namespace::new("sipreel-lost") else { return };
    let store = Store::new();
    let mut command = namespace.command(Path::new(env!("CARGO_BIN_EXE_sipreel")));
    let run: Run = command.args(["record", "-i", "lo"]).output().expect("the program starts").into();
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (3, "sipreel: lo: is down; `ip link set lo up` brings it up\n")
    );
    assert!(namespace.ip(&["link", "set", "lo", "up"]));
    let mut command = namespace.command(Path::new(env!("CARGO_BIN_EXE_sipreel")));
    command.args(["record", "-i", "near", "-i", "lo", "--store"]).arg(store.path());
    let mut recorder = Recorder::start(&mut command);
    recorder.wait_for("recording from near");
    assert!(namespace.ip(&["link", "del", "near"]));
    recorder.wait_for("near: lost");
    assert!(namespace.ip(&["link", "add", "near", "type", "veth", "peer", "name", "far"]));
    assert!(namespace.ip(&["link", "set", "near", "up"]) && namespace.ip(&["link", "set", "far", "up"]));
    recorder.wait_for("near: back");
    if !namespace.send(&fixture("sipp_busy_486.pcap")) {
        return;
    }
    let (code, said) = recorder.end();
    assert_eq!(code, Some(0), "{said:?}");
    assert_eq!(store.recorded().len(), 1, "{said:?}");
}

// ---- standard input ----

#[test]
fn a_capture_that_grows_on_standard_input_is_recorded_as_it_comes() {
    let name = "sipp_pcma_play.pcap";
    let store = Store::new();
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--listen", "127.0.0.1:0", "--store"]).arg(store.path());
    let mut recorder = Recorder::start(command.stdin(Stdio::piped()));
    let mut stdin = recorder.stdin();
    let file = fs::read(fixture(name)).expect("the fixture");
    let (half, rest) = file.split_at(file.len() / 2);
    stdin.write_all(half).expect("it reads");
    stdin.flush().expect("it reads");
    let of_file = "sipreel_capture_packets_total{source=\"file\"}";
    let frames = capture::frames(&fixture(name));
    let whole = frames.iter().scan(24, |at, frame| {
        *at += 16 + frame.bytes.len();
        Some(*at)
    });
    let whole = whole.take_while(|&end| end <= half.len()).count();
    let metrics = recorder.wait_until(of_file, whole as f64);
    assert_eq!(metrics.of("sipreel_calls_active"), 1.0);
    stdin.write_all(rest).expect("it reads");
    drop(stdin);
    let (code, said) = recorder.wait();
    assert_eq!(code, Some(0), "{said:?}");
    let replayed = common::replay(&[fixture(name)], &[]);
    assert_same_calls(&store, &replayed.store, name);
}

#[test]
fn a_standard_input_that_is_no_capture_is_3() {
    let store = Store::new();
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--store"]).arg(store.path());
    let mut recorder = Recorder::start(command.stdin(Stdio::piped()));
    recorder.stdin().write_all(b"Dear Sir or Madam, this is no capture").expect("it reads");
    let (code, said) = recorder.wait();
    assert_eq!(code, Some(3), "{said:?}");
    assert!(said.iter().any(|line| line.contains("standard input: not a capture")), "{said:?}");
}

// ---- the command line ----

#[test]
fn what_cannot_be_recorded_from_is_told_in_one_line() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let taken = taken.local_addr().expect("an address").to_string();
    for (arguments, words) in [
        (vec![], "nothing to record from; name an interface (-i) or an address for HEP (--hep)"),
        (vec!["-i", "nowhere9"], "nowhere9: no such interface; `sipreel record -D` lists"),
        (vec!["--hep", &taken], "the port is taken"),
        (vec!["--hep", "192.0.2.1:9060"], "this machine has no such address"),
        (vec!["-i", "lo", "-f", "udp and und"], "the filter \"udp and und\" does not compile"),
    ] {
        if arguments.contains(&"-i") && !common::is_root() {
            continue;
        }
        let store = Store::new();
        let mut command = common::sipreel();
        let output = command.arg("record").args(&arguments).arg("--store").arg(store.path()).output();
        let run = Run::from(output.expect("the program starts"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(words) && run.stderr.lines().count() == 1, "{words}: {run:?}");
        assert!(!store.path().exists(), "nothing is made before it can begin");
    }
}

#[test]
fn the_interfaces_are_listed() {
    let run = common::run(&["record", "-D"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.lines().any(|line| line.starts_with("lo ")), "{run:?}");
}

#[test]
fn a_second_signal_quits() {
    let store = Store::new();
    let mut recorder = agents_recorder(&store, &[]);
    recorder.agents();
    recorder.signal("-STOP");
    recorder.signal("-TERM");
    recorder.signal("-INT");
    recorder.signal("-CONT");
    let (code, said) = recorder.end();
    assert!(code == Some(130) || code == Some(143), "{code:?}: {said:?}");
}
