//! kill -9 at random moments: no closed call is lost or damaged, each open one comes back up to the journal interval, and
//! the index is in step after each start.
//!
//! `SIPREEL_CRASH_ROUNDS` and `SIPREEL_CRASH_CALLS` make more of it; the moments come from a seed and are the same each time.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use common::live::Recorder;
use common::{Store, leg, text};

/// What a crash may cost of an open call: the journal interval that is set, and what was on the way to the recorder.
const INTERVAL: Duration = Duration::from_secs(2);
const ON_THE_WAY: Duration = Duration::from_millis(500);
const PTIME: Duration = Duration::from_millis(20);

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A xorshift generator: the same moments each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A capture that grows on the recorder's standard input.
struct Feed {
    stdin: std::process::ChildStdin,
}

impl Feed {
    fn begin(mut stdin: std::process::ChildStdin) -> Feed {
        let header: [u32; 6] = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, 101];
        stdin.write_all(&header.map(u32::to_le_bytes).concat()).expect("it reads");
        Feed { stdin }
    }

    fn send(&mut self, [source, destination]: [(u8, u16); 2], payload: &[u8]) {
        let length = u16::try_from(28 + payload.len()).expect("it fits").to_be_bytes();
        let udp = u16::try_from(8 + payload.len()).expect("it fits").to_be_bytes();
        let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, 17, 0, 0];
        packet.extend([10, 0, 0, source.0, 10, 0, 0, destination.0]);
        packet.extend([source.1.to_be_bytes(), destination.1.to_be_bytes(), udp, [0, 0]].concat());
        packet.extend(payload);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let length = u32::try_from(packet.len()).expect("it fits");
        let header = [now.as_secs() as u32, now.subsec_nanos(), length, length];
        let record = [header.map(u32::to_le_bytes).concat(), packet].concat();
        self.stdin.write_all(&record).expect("it reads");
    }
}

/// One call of the traffic, both of whose parties speak all the time.
#[derive(Clone, Debug)]
struct Call {
    number: u64,
    packets: u16,
    /// When it hangs up.
    length: u16,
    began: Instant,
}

const CALLER: u8 = 1;
const CALLEE: u8 = 2;

impl Call {
    fn id(&self) -> String {
        format!("call-{}@crash.example", self.number)
    }

    fn port(&self, party: u8) -> u16 {
        20_000 + 4 * u16::try_from(self.number % 5000).expect("it fits") + if party == CALLER { 0 } else { 2 }
    }

    fn way(&self, from: u8) -> [(u8, u16); 2] {
        let to = if from == CALLER { CALLEE } else { CALLER };
        [(from, self.port(from)), (to, self.port(to))]
    }

    fn sdp(&self, party: u8) -> String {
        let port = self.port(party);
        format!(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.{party}\r\ns=-\r\nc=IN IP4 10.0.0.{party}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        )
    }

    fn message(&self, start: &str, method: &str, cseq: u32, body: &str) -> Vec<u8> {
        let (number, id) = (self.number, self.id());
        let to_tag = if start.starts_with("INVITE") { "" } else { ";tag=b" };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{start}\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{number}-{cseq}\r\nFrom: <sip:a{number}@10.0.0.1>;tag=a\r\n\
             To: <sip:b@10.0.0.2>{to_tag}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    fn set_up(&self, feed: &mut Feed) {
        let (there, back) = ([(CALLER, 5060), (CALLEE, 5060)], [(CALLEE, 5060), (CALLER, 5060)]);
        feed.send(there, &self.message("INVITE sip:b@10.0.0.2 SIP/2.0", "INVITE", 1, &self.sdp(CALLER)));
        feed.send(back, &self.message("SIP/2.0 200 OK", "INVITE", 1, &self.sdp(CALLEE)));
        feed.send(there, &self.message("ACK sip:b@10.0.0.2 SIP/2.0", "ACK", 1, ""));
    }

    fn hang_up(&self, feed: &mut Feed) {
        let (there, back) = ([(CALLER, 5060), (CALLEE, 5060)], [(CALLEE, 5060), (CALLER, 5060)]);
        feed.send(there, &self.message("BYE sip:b@10.0.0.2 SIP/2.0", "BYE", 2, ""));
        feed.send(back, &self.message("SIP/2.0 200 OK", "BYE", 2, ""));
    }

    /// A-law that no other call and no other packet has, and never a silent one.
    fn payload(&self, party: u8, packet: u16) -> [u8; 160] {
        let mut random = Random(self.number << 24 | u64::from(packet) << 4 | u64::from(party));
        random.below(1);
        std::array::from_fn(|_| random.below(256) as u8)
    }

    fn speak(&mut self, feed: &mut Feed) {
        for party in [CALLER, CALLEE] {
            let [high, low] = self.packets.to_be_bytes();
            let ticks = (u32::from(self.packets) * 160).to_be_bytes();
            let ssrc = (self.number as u32 * 2 + u32::from(party)).to_be_bytes();
            let header = [&[0x80, 8, high, low][..], &ticks, &ssrc].concat();
            feed.send(self.way(party), &[&header, &self.payload(party, self.packets)[..]].concat());
        }
        self.packets += 1;
    }

    /// What is to be heard of a party in the packets from the first to `end`.
    fn samples(&self, party: u8, end: u16) -> Vec<i16> {
        (0..end).flat_map(|packet| self.payload(party, packet)).map(g711).collect()
    }
}

/// ITU-T G.711 A-law, by another's table.
fn g711(byte: u8) -> i16 {
    audio_codec_algorithms::decode_alaw(byte)
}

/// Traffic for one recorder until it is killed.
struct Traffic {
    random: Random,
    next: u64,
}

impl Traffic {
    fn call(&mut self) -> Call {
        self.next += 1;
        let length = u16::try_from(25 + self.random.below(275)).expect("it fits");
        Call { number: self.next, packets: 0, length, began: Instant::now() }
    }

    /// `count` calls at once for that long; gives those that are open then, and those that hung up.
    fn run(&mut self, feed: &mut Feed, count: u64, time: Duration) -> (Vec<Call>, Vec<Call>) {
        let (begun, mut tick) = (Instant::now(), Instant::now());
        let (mut open, mut over): (Vec<Call>, Vec<Call>) = (Vec::new(), Vec::new());
        while begun.elapsed() < time {
            if (open.len() as u64) < count {
                let call = self.call();
                call.set_up(feed);
                open.push(call);
            }
            open.iter_mut().for_each(|call| call.speak(feed));
            let (done, going): (Vec<Call>, Vec<Call>) =
                open.into_iter().partition(|call| call.packets >= call.length);
            done.iter().for_each(|call| call.hang_up(feed));
            over.extend(done);
            open = going;
            tick += PTIME;
            thread::sleep(tick.saturating_duration_since(Instant::now()));
        }
        (open, over)
    }
}

fn recorder(store: &Store) -> Recorder {
    let config = store.beside("sipreel.toml");
    fs::write(&config, "[patience]\nlinger_s = 0.3\ngrace_s = 0.1\n").expect("it can be written");
    let mut command = common::sipreel();
    command.args(["record", "-i", "-", "--listen", "127.0.0.1:0", "--selftest-interval", "0", "--store"]);
    command.arg(store.path()).arg("--config").arg(config).stdin(Stdio::piped());
    Recorder::start(&mut command)
}

fn left_open(store: &Store) -> usize {
    fs::read_dir(store.path().join("open")).map(Iterator::count).unwrap_or(0)
}

/// The record of a call that is over, by its Call-ID.
fn by_call_id(store: &Store) -> BTreeMap<String, common::Recorded> {
    let recorded = store.recorded().into_iter();
    let by_call_id: Vec<_> = recorded.map(|call| (text(&call.record["call_id"]), call)).collect();
    let count = by_call_id.len();
    let map: BTreeMap<_, _> = by_call_id.into_iter().collect();
    assert_eq!(map.len(), count, "a call was recorded twice");
    map
}

fn packets(call: &common::Recorded, role: &str) -> u64 {
    let streams = leg(&call.record, role)["streams"].as_array().cloned().unwrap_or_default();
    streams.iter().map(|stream| stream["packets"].as_u64().expect("a number")).sum()
}

/// Both parties are heard as they spoke, for as many packets as the record tells.
fn assert_audio(call: &Call, recorded: &common::Recorded) {
    let wav = recorded.wav();
    for (channel, role, party) in [(0, "caller", CALLER), (1, "callee", CALLEE)] {
        let end = u16::try_from(packets(recorded, role)).expect("it fits");
        let spoken = call.samples(party, end);
        let (beginning, heard) = (&spoken[..spoken.len().min(160)], &wav.channels[channel]);
        let at = heard.windows(beginning.len()).position(|window| window == beginning);
        let at = at.unwrap_or_else(|| panic!("{}: the {role} is not heard", call.id()));
        assert!(heard[at..].starts_with(&spoken), "{}: not all of the {role} is heard", call.id());
    }
}

#[test]
fn kill_9_costs_no_closed_call_and_no_more_than_the_interval_of_an_open_one() {
    let (rounds, count) = (setting("SIPREEL_CRASH_ROUNDS", 3), setting("SIPREEL_CRASH_CALLS", 15));
    let store = Store::new();
    let mut traffic = Traffic { random: Random(0x5eed_cafe), next: 0 };
    let (mut worst, mut recovered, mut closed) = (Duration::ZERO, 0, 0);
    for round in 0..rounds {
        let mut running = recorder(&store);
        running.wait_for("recording from");
        let mut feed = Feed::begin(running.stdin());
        let time = Duration::from_millis(1500 + traffic.random.below(4000));
        let (open, over) = traffic.run(&mut feed, count, time);
        running.signal("-KILL");
        let (killed, (_, said)) = (Instant::now(), running.wait());
        drop(feed);
        let published = store.recordings();

        // The next start, without traffic.
        let journals = left_open(&store);
        let mut next = recorder(&store);
        let _silence = Feed::begin(next.stdin());
        if journals > 0 {
            next.wait_for("calls recovered that were open");
        }
        let metrics = common::Metrics::parse(&next.ask("/metrics").1);
        let (sum, active) = (metrics.sum("sipreel_calls_total"), metrics.sum("sipreel_calls_active"));
        assert_eq!(sum + active, metrics.sum("sipreel_calls_seen_total"));
        let (code, told) = next.end();
        assert_eq!((code, left_open(&store)), (Some(0), 0), "{told:?}");

        let after = store.recordings();
        for (path, bytes) in &published {
            assert!(after.get(path) == Some(bytes), "round {round}: {} is not as it was", path.display());
        }
        let records = by_call_id(&store);
        let listed: Vec<String> = store.list(&[]).iter().map(|record| text(&record["id"])).collect();
        let mut ids: Vec<String> = records.values().map(common::Recorded::id).collect();
        ids.sort_unstable();
        assert_eq!(listed, ids, "round {round}: the index is in step");
        for call in open.iter().chain(&over) {
            let age = killed - call.began;
            let Some(recorded) = records.get(&call.id()) else {
                assert!(age <= INTERVAL + ON_THE_WAY, "{} of {age:?} is lost: {said:?} {told:?}", call.id());
                continue;
            };
            let heard = packets(recorded, "caller").min(packets(recorded, "callee"));
            let lost = PTIME * u32::try_from(u64::from(call.packets) - heard).expect("it fits");
            let flags = recorded.record["flags"].as_array().expect("a list");
            if flags.contains(&"recovered".into()) {
                recovered += 1;
                assert!(lost <= INTERVAL + ON_THE_WAY, "round {round}: {} lost {lost:?}", call.id());
                worst = worst.max(lost);
            } else {
                closed += 1;
                assert_eq!(lost, Duration::ZERO, "round {round}: {} was closed", call.id());
            }
            if heard > 0 {
                assert_audio(call, recorded);
            }
            if call.packets < call.length && heard > 0 {
                let (end, outcome) =
                    (text(&recorded.record["end_reason"]), text(&recorded.record["outcome"]));
                assert_eq!((&*end, &*outcome), ("shutdown", "recorded_partial"), "{}", call.id());
            }
        }
    }
    println!("{rounds} rounds: {closed} calls closed, {recovered} recovered, at most {worst:?} of one lost");
    assert!(recovered > 0 && closed > 0, "{recovered} recovered, {closed} closed");
}
