//! A capture whose time stamps claim hours between two packets: the recording holds what was heard, a bounded silence,
//! and says what it left out.

use call::{Arrival, Config, End, Tracker};
use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use rtp::{Frame, Medium};
use seal::{Keep, Settings, Silence};
use store::{Durability, Store};

const CALLER: (u8, u16) = (1, 4000);
const CALLEE: (u8, u16) = (2, 6000);

struct Nothing;

impl Medium for Nothing {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

fn send(tracker: &mut Tracker, at: Time, from: (u8, u16), to: (u8, u16), payload: &[u8]) {
    let end = |(host, port)| Endpoint::new(Address::v4([192, 0, 2, host]), port);
    let flow = Flow::new(end(from), end(to));
    let frame = Frame { bytes: payload, link: 101, place: None };
    tracker.handle_datagram(&Arrival { at, flow, path: &flow::Path::NONE, payload, frame });
}

fn message(start: &str, port: u16, host: u8) -> Vec<u8> {
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 192.0.2.{host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    );
    let length = body.len();
    format!(
        "{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>;tag=b\r\n\
         Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn packet(seq: u16, ticks: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(seq.to_be_bytes());
    packet.extend(ticks.to_be_bytes());
    packet.extend([0, 0, 0, 7]);
    packet.extend([0x10; 160]);
    packet
}

#[test]
fn pauses_are_kept_up_to_their_bound_and_what_is_left_out_is_told() {
    let mut tracker = Tracker::new(Config::default());
    let begun = Time::from_parts(1_700_000_000, 0);
    let invite = message("INVITE sip:b@x SIP/2.0", CALLER.1, CALLER.0);
    send(&mut tracker, begun, (CALLER.0, 5060), (CALLEE.0, 5060), &invite);
    let answer = message("SIP/2.0 200 OK", CALLEE.1, CALLEE.0);
    send(&mut tracker, begun, (CALLEE.0, 5060), (CALLER.0, 5060), &answer);
    // Ten times two packets, 290 s apart: media often enough to hold the call open.
    for n in 0..20u16 {
        let at_ms = i64::from(n / 2) * 290_000 + i64::from(n % 2) * 20;
        let at = begun + Span::from_ms(at_ms);
        send(&mut tracker, at, CALLER, CALLEE, &packet(n, (at_ms * 8) as u32));
    }
    tracker.handle_end(End::CaptureEnd);
    let call = tracker.poll_call().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let silence = Silence { longest: Span::from_secs(60), most: Span::from_secs(150) };
    let settings = Settings {
        keep: Keep::None,
        show_digits: false,
        compress_packets: false,
        shape: seal::Shape::default(),
        with_keys: false,
        silence,
        checks: seal::Checks::default(),
        durability: Durability::Fast,
    };
    let sealed = seal::seal(&call, &Nothing, &store, &settings);
    let recording = sealed.record.recording.as_ref().unwrap();
    assert_eq!(recording.frames, 20 * 160 + 150 * 8000);
    assert_eq!(recording.started_at, Some(begun));
    assert!(sealed.record.flags.contains("silence_cut"));
    let left_out: f64 = recording.cuts.iter().map(|cut| cut.left_out_s.value()).sum();
    assert!((left_out + 150.0 - 9.0 * 289.96).abs() < 1e-3, "{left_out}");
    assert_eq!(store.record(&sealed.record.id).unwrap().to_json(), sealed.record.to_json());
}
