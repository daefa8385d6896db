//! Two calls' voices never mix: whatever phones, addresses and ports calls share one after the other, behind whichever
//! NAT, with or without a BYE, each packet ends up in its own call, on its own side, or in none.
//!
//! Every packet carries the number of its call and who spoke. A twin that knows all of it sets the limits of what can
//! be known at all: one socket speaks for one call at a time, and a tenth of a second lies between two of them.

#![cfg(test)]

use call::{Arrival, Call, Config, End, Side, Tracker};
use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use proptest::prelude::*;
use rtp::{Frame, Medium};

/// A phone as it is, and as it describes itself.
#[derive(Clone, Copy, Debug)]
struct Phone {
    host: u8,
    port: u8,
    nat: Nat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Nat {
    None,
    /// The address is another one, the port the same.
    KeepsPort,
    /// Both are others.
    OtherPort,
}

/// What a call is like.
#[derive(Clone, Copy, Debug)]
struct Plan {
    caller: Phone,
    callee: Phone,
    after_ms: i64,
    rings_ms: i64,
    talks_ms: i64,
    early_media: bool,
    answered: bool,
    says_bye: bool,
    /// Packets under way when the BYE is seen.
    tail_ms: i64,
    /// Whether each socket has one SSRC for all its calls, with numbers that begin anew.
    same_ssrc: bool,
}

impl Phone {
    /// Where its packets are seen to come from, and to go to.
    fn socket(self) -> Endpoint {
        Endpoint::new(Address::v4([203, 0, 113, self.host]), 4000 + 2 * u16::from(self.port))
    }

    fn signalling(self) -> Endpoint {
        Endpoint::new(self.socket().address, 5060)
    }

    /// What its description says.
    fn described(self) -> Endpoint {
        let socket = self.socket();
        match self.nat {
            Nat::None => socket,
            // Many private networks number alike.
            Nat::KeepsPort => Endpoint::new(Address::v4([10, 0, 0, 1]), socket.port),
            Nat::OtherPort => Endpoint::new(Address::v4([10, 0, 0, 1]), 9000 + u16::from(self.port % 2)),
        }
    }
}

/// What stands before each host.
fn nats() -> impl Strategy<Value = [Nat; HOSTS]> {
    let nat = prop_oneof![2 => Just(Nat::None), 1 => Just(Nat::KeepsPort), 1 => Just(Nat::OtherPort)];
    prop::array::uniform(nat)
}

fn phone(hosts: std::ops::Range<u8>) -> impl Strategy<Value = Phone> {
    (hosts, 0..2u8).prop_map(|(host, port)| Phone { host, port, nat: Nat::None })
}

const HOSTS: usize = 6;

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    (nats(), prop::collection::vec(plan(), 1..8)).prop_map(|(nats, mut plans)| {
        for phone in plans.iter_mut().flat_map(|plan| [&mut plan.caller, &mut plan.callee]) {
            phone.nat = nats[usize::from(phone.host)];
        }
        plans
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let phones = (phone(1..4), phone(4..6));
    let times = (100..2000i64, 20..1500i64, 0..3000i64, 0..200i64);
    let kinds = (any::<bool>(), prop::bool::weighted(0.8), any::<bool>(), any::<bool>());
    (phones, times, kinds).prop_map(|((caller, callee), times, kinds)| {
        let (after_ms, rings_ms, talks_ms, tail_ms) = times;
        let (early_media, answered, says_bye, same_ssrc) = kinds;
        Plan {
            caller,
            callee,
            after_ms,
            rings_ms,
            talks_ms,
            early_media,
            answered,
            says_bye,
            tail_ms,
            same_ssrc,
        }
    })
}

/// One datagram of the scene.
struct Datagram {
    at_ms: i64,
    flow: Flow,
    payload: Vec<u8>,
}

/// Everything that is seen of `plans`. A call begins `after_ms` after both its sockets were last used, so that calls
/// with other sockets run at the same time.
fn scene(plans: &[Plan]) -> Vec<Datagram> {
    let mut datagrams = Vec::new();
    let mut free_at: Vec<(Endpoint, i64)> = Vec::new();
    for (number, plan) in (0u32..).zip(plans) {
        let sockets = [plan.caller.socket(), plan.callee.socket()];
        let free = |socket: &Endpoint| {
            free_at.iter().rev().find(|(used, _)| used == socket).map_or(0, |used| used.1)
        };
        let begins = sockets.iter().map(free).max().unwrap_or(0) + plan.after_ms;
        let ends = enact(number, plan, begins, &mut datagrams);
        free_at.extend(sockets.map(|socket| (socket, ends)));
    }
    datagrams.sort_by_key(|datagram| datagram.at_ms);
    datagrams
}

/// One call from `begins` on; gives when the last of it is seen.
fn enact(number: u32, plan: &Plan, begins: i64, datagrams: &mut Vec<Datagram>) -> i64 {
    let answers = begins + plan.rings_ms;
    let ends = answers + plan.talks_ms;
    let (caller, callee) = (plan.caller, plan.callee);
    let there = Flow::new(caller.signalling(), callee.signalling());
    let mut say = |at_ms, flow, start: &str, cseq: &str, to_tag: &str, described: Option<Endpoint>| {
        let payload = message(number, start, cseq, to_tag, described);
        datagrams.push(Datagram { at_ms, flow, payload });
    };
    say(begins, there, "INVITE sip:b@x SIP/2.0", "1 INVITE", "", Some(caller.described()));
    if !plan.answered {
        say(answers, there.reversed(), "SIP/2.0 486 Busy Here", "1 INVITE", ";tag=b", None);
    } else {
        say(answers, there.reversed(), "SIP/2.0 200 OK", "1 INVITE", ";tag=b", Some(callee.described()));
        if plan.says_bye {
            say(ends, there, "BYE sip:b@x SIP/2.0", "2 BYE", ";tag=b", None);
        }
    }
    let until = if plan.answered { ends + plan.tail_ms } else { answers };
    // Where the caller's port is another one, nothing names either end before the callee does; if it never does, or
    // sends under an old SSRC until then, nobody can tell.
    let is_nameless = caller.nat == Nat::OtherPort && (!plan.answered || plan.same_ssrc);
    let callee_from = if plan.early_media && !is_nameless { begins + 20 } else { answers + 10 };
    let caller_from = if plan.answered { answers + 20 } else { until };
    let ways = [(Side::Caller, caller, callee, caller_from), (Side::Callee, callee, caller, callee_from)];
    for (side, from, to, from_ms) in ways {
        let ssrc = if plan.same_ssrc {
            u32::from(from.host) << 8 | u32::from(from.port)
        } else {
            (number + 1) << 16 | side as u32
        };
        for (seq, at_ms) in (0u16..).zip((from_ms..until).step_by(20)) {
            let payload = packet(ssrc, seq, number, side);
            datagrams.push(Datagram { at_ms, flow: Flow::new(from.socket(), to.socket()), payload });
        }
    }
    until.max(ends)
}

fn message(number: u32, start: &str, cseq: &str, to_tag: &str, described: Option<Endpoint>) -> Vec<u8> {
    let body = described.map_or_else(String::new, |Endpoint { address, port }| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        )
    });
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{start}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK{number}{cseq}\r\nFrom: <sip:a@x>;tag=a{number}\r\n\
         To: <sip:b@x>{to_tag}\r\nCall-ID: {number}\r\nCSeq: {cseq}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn packet(ssrc: u32, seq: u16, number: u32, side: Side) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(seq.to_be_bytes());
    packet.extend((u32::from(seq) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(number.to_be_bytes());
    packet.push(side as u8);
    packet
}

struct Nowhere;

impl Medium for Nowhere {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

/// What is in a call that is not its own, in words.
fn strangers(call: &Call) -> Vec<String> {
    let mut strangers = Vec::new();
    for side in Side::BOTH {
        for matched in call.legs.of(side) {
            for (slot, payload) in matched.stream.kept.payloads(&Nowhere) {
                let in_time = call.media_until.is_none_or(|until| slot.arrival() <= until);
                let (number, speaker) = payload.split_at(4);
                let number = u32::from_be_bytes(number.try_into().unwrap());
                let is_own = number.to_string() == call.dialog.call_id && speaker == [side as u8];
                if in_time && !is_own {
                    strangers.push(format!(
                        "call {} has of call {number}, side {speaker:?}, as {side:?}'s: {} by {:?}",
                        call.dialog.call_id, matched.stream.flow, matched.why
                    ));
                    break;
                }
            }
        }
    }
    strangers
}

/// The calls that come of it, and how many packets of RTP went in.
fn watch(datagrams: &[Datagram]) -> (Vec<Call>, u64, call::Counts) {
    let mut tracker = Tracker::new(Config::default());
    let begin = Time::from_parts(1_700_000_000, 0);
    let (mut calls, mut packets) = (Vec::new(), 0);
    for Datagram { at_ms, flow, payload } in datagrams {
        packets += u64::from(payload.starts_with(&[0x80]));
        let frame = Frame { bytes: payload, link: 101, place: None };
        tracker.handle_datagram(&Arrival {
            at: begin + Span::from_ms(*at_ms),
            flow: *flow,
            payload,
            path: &flow::Path::NONE,
            frame,
        });
        calls.extend(std::iter::from_fn(|| tracker.poll_call()));
    }
    tracker.handle_end(End::CaptureEnd);
    calls.extend(std::iter::from_fn(|| tracker.poll_call()));
    (calls, packets, tracker.counts())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_calls_that_share_phones_and_ports_no_voices_mix(plans in plans()) {
        let (calls, packets, counts) = watch(&scene(&plans));
        let strangers: Vec<String> = calls.iter().flat_map(strangers).collect();
        prop_assert!(strangers.is_empty(), "{}", strangers.join("\n"));
        prop_assert_eq!(calls.len(), plans.len());
        let rtp = counts.rtp;
        prop_assert_eq!(rtp.attached + rtp.orphan + rtp.probation, packets, "each packet is counted once");
    }

    #[test]
    fn a_call_alone_has_all_its_media(plans in plans()) {
        let plan = plans[0];
        let plan = Plan { answered: true, talks_ms: plan.talks_ms + 100, ..plan };
        let hidden = plan.caller.nat == Nat::OtherPort && plan.callee.nat == Nat::OtherPort;
        let (calls, packets, counts) = watch(&scene(&[plan]));
        prop_assert_eq!(strangers(&calls[0]), Vec::<String>::new());
        // Where neither end of any stream is named there is nothing to go by.
        if !hidden {
            prop_assert_eq!(counts.rtp.attached, packets);
        }
    }
}
