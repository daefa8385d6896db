//! Calls made of messages as phones send them, and of payloads as a relay sends them on.

use super::*;
use crate::arrival::Arrival;
use crate::call::Call;
use crate::config::Config;
use crate::dialog::End;
use crate::payload_print::{Print, Sample};
use crate::side::Side;
use crate::tracker::Tracker;
use flow::{Address, Endpoint, Flow};
use proptest::prelude::*;
use rtp::{Frame, Medium};

/// Nothing is mapped: packets that were only lent are copied.
struct Nowhere;

impl Medium for Nowhere {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

/// A network that is watched, and the calls in the order of their ends.
struct Wire {
    tracker: Tracker,
}

/// A dialog of two users: its Call-ID, and for each the user, which is also its tag, and the last octet of its host.
#[derive(Clone, Copy)]
struct Dialog(&'static str, (&'static str, u8), (&'static str, u8));

fn at(ms: i64) -> Time {
    Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms)
}

fn host(octet: u8) -> Address {
    Address::v4([192, 0, 2, octet])
}

impl Wire {
    fn new() -> Wire {
        Wire { tracker: Tracker::new(Config::default()) }
    }

    fn send(&mut self, ms: i64, from: (u8, u16), to: (u8, u16), payload: &[u8]) {
        let end = |(octet, port)| Endpoint::new(host(octet), port);
        let frame = Frame { bytes: payload, link: 101, place: None };
        let flow = Flow::new(end(from), end(to));
        self.tracker.handle_datagram(&Arrival { at: at(ms), flow, path: &flow::Path::NONE, payload, frame });
    }

    /// A message by the caller or, where `back`, by the callee; `start` is its first line, `{to}` the callee's URI.
    fn say(&mut self, ms: i64, Dialog(call_id, caller, callee): Dialog, back: bool, text: &str) {
        let (start, extra) = text.split_once('\n').unwrap_or((text, ""));
        let method = start.split(' ').next().unwrap_or_default();
        let is_response = method == "SIP/2.0";
        // Who sends a response answers the other's request.
        let (from, to) = if back != is_response { (callee, caller) } else { (caller, callee) };
        let cseq = extra.lines().find_map(|line| line.strip_prefix("CSeq: ")).map(str::to_owned);
        let cseq = cseq.unwrap_or_else(|| format!("{} {method}", 1 + ms / 1000));
        let rest: String = extra
            .lines()
            .filter(|line| !line.starts_with("CSeq"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let uri = format!("sip:{}@192.0.2.{}", to.0, to.1);
        let to_tag = if method == "INVITE" { String::new() } else { format!(";tag={}", to.0) };
        let message = format!(
            "{}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK{call_id}{ms}\r\nFrom: <sip:{}@192.0.2.{}>;tag={}\r\n\
             To: <{uri}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n{rest}Content-Length: 0\r\n\r\n",
            start.replace("{to}", &uri),
            from.0,
            from.1,
            from.0,
        );
        let (source, destination) = if back { (callee, caller) } else { (caller, callee) };
        self.send(ms, (source.1, 5060), (destination.1, 5060), message.as_bytes());
    }

    fn set_up(&mut self, ms: i64, dialog: Dialog, extra: &str) {
        self.say(ms, dialog, false, &format!("INVITE {{to}} SIP/2.0\n{extra}"));
        self.say(ms + 20, dialog, true, &format!("SIP/2.0 200 OK\nCSeq: {} INVITE", 1 + ms / 1000));
    }

    fn hang_up(&mut self, ms: i64, dialog: Dialog) {
        self.say(ms, dialog, false, "BYE {to} SIP/2.0");
    }

    fn calls(mut self) -> Vec<Call> {
        self.tracker.handle_end(End::CaptureEnd);
        std::iter::from_fn(|| self.tracker.poll_call()).collect()
    }

    /// Every link as "older newer reason", and each call's end.
    fn links(self, headers: &[&str]) -> (Vec<String>, Vec<(String, End)>) {
        let headers: Vec<String> = headers.iter().map(|&name| name.to_owned()).collect();
        let mut table = LinkTable::new(Links { headers: headers.clone(), ..Links::default() });
        let (mut links, mut ends) = (Vec::new(), Vec::new());
        for call in self.calls() {
            let name = call.dialog.call_id.clone();
            let found = table.enter(name.clone(), Correlation::of(&call, &headers, &Nowhere));
            links.extend(found.into_iter().map(|(other, reason)| {
                let (one, other) = if other < name { (other, &name) } else { (name.clone(), &other.clone()) };
                format!("{one} {other} {reason:?}")
            }));
            ends.push((name, call.end));
        }
        links.sort();
        (links, ends)
    }
}

const ALICE: (&str, u8) = ("alice", 1);
const BOB: (&str, u8) = ("bob", 2);
const CAROL: (&str, u8) = ("carol", 3);
/// The B2BUA between them.
const PBX: (&str, u8) = ("pbx", 9);
const ALICE_PBX: Dialog = Dialog("a", ALICE, PBX);
const PBX_BOB: Dialog = Dialog("b", PBX, BOB);

fn through_a_b2bua(first: &str, second: &str, headers: &[&str]) -> Vec<String> {
    let mut wire = Wire::new();
    wire.set_up(0, ALICE_PBX, first);
    wire.set_up(10, PBX_BOB, second);
    wire.hang_up(2000, ALICE_PBX);
    wire.hang_up(2010, PBX_BOB);
    wire.links(headers).0
}

#[test]
fn a_session_id_goes_through_a_b2bua() {
    let (a, b) = ("ab30317f1a784dc48ff824d0d3715d86", "47755a9de7794ba387653f2099600ef2");
    let nil = "00000000000000000000000000000000";
    let value = |own: &str, other: &str| format!("Session-ID: {own};remote={other}");
    assert_eq!(through_a_b2bua(&value(a, nil), &value(a, nil), &[]), ["a b SessionId"]);
    assert_eq!(through_a_b2bua(&value(a, b), &value(b, a), &[]), ["a b SessionId"]);
    assert_eq!(through_a_b2bua(&format!("Session-ID: {a}"), &value(a, nil), &[]), ["a b SessionId"]);
    assert!(through_a_b2bua(&value(a, nil), &value(b, nil), &[]).is_empty(), "nil is nobody");
}

#[test]
fn an_icid_and_a_header_of_the_site() {
    let icid = |value: &str| format!("P-Charging-Vector: icid-value=\"{value}\";icid-generated-at=x");
    assert_eq!(through_a_b2bua(&icid("i1"), &icid("i1"), &[]), ["a b Icid"]);
    assert!(through_a_b2bua(&icid("i1"), &icid("i2"), &[]).is_empty());
    let own = |value: &str| format!("X-Conversation: {value}");
    assert_eq!(through_a_b2bua(&own("7"), &own("7"), &["x-conversation"]), ["a b XHeader"]);
    assert!(through_a_b2bua(&own("7"), &own("7"), &[]).is_empty(), "not configured");
    assert!(through_a_b2bua(&own("7"), &own("8"), &["X-Conversation"]).is_empty());
    // The second leg's header holds the first leg's Call-ID, or the other way round.
    assert_eq!(through_a_b2bua("", "X-CID: a", &["X-CID"]), ["a b XHeader"]);
    assert_eq!(through_a_b2bua("X-CID: b", "", &["X-CID"]), ["a b XHeader"]);
}

#[test]
fn what_everybody_sends_links_nobody_for_long() {
    let mut wire = Wire::new();
    let ids: Vec<&'static str> = (0..40).map(|n| &*Box::leak(format!("c{n:02}").into_boxed_str())).collect();
    for (n, id) in ids.iter().enumerate() {
        wire.set_up(n as i64 * 100, Dialog(id, ALICE, BOB), "X-Vendor: acme");
        wire.hang_up(n as i64 * 100 + 50, Dialog(id, ALICE, BOB));
    }
    let (links, _) = wire.links(&["X-Vendor"]);
    assert_eq!(links.len(), MOST_SHARERS * (MOST_SHARERS - 1) / 2);
}

/// alice calls bob; bob sends her on to carol.
fn blind_transfer(refer: &str, second: Dialog, extra: &str, refused: bool) -> Vec<String> {
    let first = Dialog("a", ALICE, BOB);
    let mut wire = Wire::new();
    wire.set_up(0, first, "");
    wire.say(2000, first, true, &format!("REFER {{to}} SIP/2.0\n{refer}\nCSeq: 7 REFER"));
    let answer = if refused { "SIP/2.0 603 Declined" } else { "SIP/2.0 202 Accepted" };
    wire.say(2010, first, false, &format!("{answer}\nCSeq: 7 REFER"));
    wire.set_up(2100, second, extra);
    wire.say(2500, first, true, "BYE {to} SIP/2.0");
    wire.hang_up(9000, second);
    wire.links(&[]).0
}

#[test]
fn a_blind_transfer_is_followed() {
    let to_carol = Dialog("c", ALICE, CAROL);
    let refer = "Refer-To: <sip:carol@192.0.2.3>";
    assert_eq!(blind_transfer(refer, to_carol, "", false), ["a c Refer"]);
    assert!(blind_transfer(refer, to_carol, "", true).is_empty(), "refused");
    let elsewhere = "Refer-To: <sip:dave@192.0.2.3>";
    assert!(blind_transfer(elsewhere, to_carol, "", false).is_empty(), "another target");
    let stranger = Dialog("c", ("eve", 7), CAROL);
    assert!(blind_transfer(refer, stranger, "", false).is_empty(), "another caller");
    let by = "Referred-By: <sip:bob@192.0.2.2>";
    assert_eq!(blind_transfer(refer, stranger, by, false), ["a c Refer"], "who says who sent it");
    // A PBX dials the phone where it is, in the name of who is transferred.
    let by_name = "Refer-To: <sip:carol@pbx.example>";
    assert_eq!(blind_transfer(by_name, to_carol, "", false), ["a c Refer"]);
    assert!(blind_transfer(by_name, Dialog("c", ("alice", 7), CAROL), "", false).is_empty());
}

#[test]
fn an_attended_transfer_joins_all_three() {
    let (first, second, third) =
        (Dialog("a", ALICE, BOB), Dialog("b", BOB, CAROL), Dialog("c", ALICE, CAROL));
    let mut wire = Wire::new();
    wire.set_up(0, first, "");
    wire.set_up(1000, second, "");
    let refer = "Refer-To: <sip:carol@192.0.2.3?Replaces=b%3Bto-tag%3Dcarol%3Bfrom-tag%3Dbob>";
    wire.say(2000, first, true, &format!("REFER {{to}} SIP/2.0\n{refer}\nCSeq: 7 REFER"));
    wire.set_up(2100, third, "Replaces: b;to-tag=carol;from-tag=bob");
    wire.say(2200, second, true, "BYE {to} SIP/2.0");
    wire.say(2300, first, true, "BYE {to} SIP/2.0");
    wire.hang_up(9000, third);
    let (links, mut ends) = wire.links(&[]);
    assert_eq!(links, ["a b Refer", "a c Refer", "b c Replaces"]);
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    let told: Vec<End> = ends.iter().map(|(_, end)| *end).collect();
    assert_eq!(told, [End::ByeCallee, End::Replaced, End::ByeCaller]);
}

#[test]
fn a_replacement_that_is_refused_replaces_nothing() {
    let (first, second) = (Dialog("a", ALICE, BOB), Dialog("b", CAROL, ALICE));
    let mut wire = Wire::new();
    wire.set_up(0, first, "");
    wire.say(1000, second, false, "INVITE {to} SIP/2.0\nReplaces: a;to-tag=alice;from-tag=bob");
    wire.say(1010, second, true, "SIP/2.0 481 No Such Dialog\nCSeq: 2 INVITE");
    wire.hang_up(5000, first);
    let (links, ends) = wire.links(&[]);
    assert_eq!(links, ["a b Replaces"], "it was asked for all the same");
    assert!(ends.contains(&("a".to_owned(), End::ByeCaller)), "{ends:?}");
    let mut wire = Wire::new();
    wire.set_up(0, first, "");
    wire.set_up(1000, second, "Replaces: a;to-tag=alice;from-tag=another");
    assert!(wire.links(&[]).0.is_empty(), "another dialog of that Call-ID");
}

#[test]
fn what_is_forgotten_leaves_nothing_behind() {
    let mut wire = Wire::new();
    let ids: Vec<&'static str> = (0..20).map(|n| &*Box::leak(format!("f{n:02}").into_boxed_str())).collect();
    for (n, id) in ids.iter().enumerate() {
        let (start, dialog) = (n as i64 * 1000, Dialog(id, ALICE, BOB));
        wire.set_up(
            start,
            dialog,
            "Session-ID: ab30317f1a784dc48ff824d0d3715d86\nReplaces: f00;to-tag=x;from-tag=y",
        );
        wire.say(start + 40, dialog, true, "REFER {to} SIP/2.0\nRefer-To: <sip:carol@x>");
        wire.hang_up(start + 500, dialog);
    }
    let calls = wire.calls();
    let mut table = LinkTable::new(Links { calls: 3, payloads: 20, ..Links::default() });
    for (n, call) in calls.iter().enumerate() {
        let mut correlation = Correlation::of(call, &[], &Nowhere);
        let stream = voice(n as u64, 40);
        correlation.prints = vec![print(Side::Caller, (1, 9), &stream)];
        table.enter(n, correlation);
        assert!(table.entries.len() <= 3 && table.digests <= 20 && table.by_digest.len() <= 20);
    }
    assert_eq!(table.fills().calls.evicted, 17);
    while table.forget() {}
    assert_eq!((table.bytes, table.digests), (0, 0));
    assert!(table.by_call_id.is_empty() && table.by_key.is_empty() && table.by_replaced.is_empty());
    assert!(table.invites.is_empty() && table.refers.is_empty() && table.by_digest.is_empty());
}

/// What one party says: so many payloads that were taken, each with its time in milliseconds.
fn voice(seed: u64, count: usize) -> Vec<(u64, i64)> {
    (0..count as u64)
        .map(|n| ((seed << 32 | n).wrapping_mul(0x9e37_79b9_7f4a_7c15) << 3, n as i64 * 160))
        .collect()
}

fn print(sender: Side, (from, to): (u8, u8), said: &[(u64, i64)]) -> Print {
    let end = |octet| Endpoint::new(host(octet), 4000);
    let mut samples: Vec<Sample> = said.iter().map(|&(digest, ms)| Sample { digest, at: at(ms) }).collect();
    samples.sort_by_key(|sample| (sample.at, sample.digest));
    Print { sender, flow: Flow::new(end(from), end(to)), samples }
}

/// A call that says nothing but by its payloads.
fn bare(call_id: &str, prints: Vec<Print>) -> Correlation {
    let mut wire = Wire::new();
    wire.set_up(0, ALICE_PBX, "");
    let call = wire.calls().remove(0);
    let mut correlation = Correlation::of(&call, &[], &Nowhere);
    (correlation.call_id, correlation.prints) = (call_id.to_owned(), prints);
    correlation
}

fn payload_links(calls: Vec<Vec<Print>>) -> Vec<(usize, usize)> {
    let mut table = LinkTable::new(Links::default());
    let mut links = Vec::new();
    for (n, prints) in calls.into_iter().enumerate() {
        let found = table.enter(n, bare(&n.to_string(), prints));
        links.extend(found.into_iter().map(|(other, reason)| {
            assert_eq!(reason, LinkReason::PayloadMatch);
            (other, n)
        }));
    }
    links
}

/// What a relay makes of it: some packets lost, all of them later, none by the same time.
fn relayed(said: &[(u64, i64)], delay: i64, faults: &[(bool, i64)]) -> Vec<(u64, i64)> {
    let kept = said.iter().zip(faults.iter().cycle()).filter(|(_, (lost, _))| !lost);
    kept.map(|(&(digest, ms), (_, jitter))| (digest, ms + delay + jitter)).collect()
}

proptest! {
    /// Both legs of a relay are found through loss, reordering and delay, by the host they meet in or, where its two
    /// sides have an address each, by both directions, whichever leg is over first.
    #[test]
    fn a_relay_is_found(
        delay in 1..300i64,
        faults in prop::collection::vec((prop::bool::weighted(0.3), 0..150i64), 7..40),
        one_address: bool,
        second_first: bool,
        said in 40..400usize,
    ) {
        prop_assume!(faults.iter().filter(|(lost, _)| !lost).count() * 2 >= faults.len());
        let (alice, bob) = (voice(1, said), voice(2, said));
        let out = if one_address { 9 } else { 10 };
        let mut calls = vec![
            vec![print(Side::Caller, (1, 9), &alice), print(Side::Callee, (9, 1), &relayed(&bob, delay, &faults))],
            vec![print(Side::Caller, (out, 2), &relayed(&alice, delay, &faults)), print(Side::Callee, (2, out), &bob)],
        ];
        if second_first {
            calls.reverse();
        }
        prop_assert_eq!(payload_links(calls), [(0, 1)]);
    }

    /// Calls that have nothing to do with each other never are: their own speech, the same music from one server a few
    /// milliseconds apart, and the same announcement at another time.
    #[test]
    fn calls_that_only_hear_the_same_are_not(
        calls in 2..7usize,
        apart in 0..20i64,
        faults in prop::collection::vec((prop::bool::weighted(0.1), 0..5i64), 7..40),
        later in 600..100_000i64,
        music_last: bool,
    ) {
        // What was heard last is what is remembered: each of the two is it in its turn.
        let (music_at, prompt_at) = if music_last { (1_000_000, 0) } else { (0, 1_000_000) };
        let moved = |said: &[(u64, i64)], by: i64| said.iter().map(|&(digest, ms)| (digest, ms + by)).collect::<Vec<_>>();
        let (music, prompt) = (voice(100, 200), voice(101, 100));
        let all = (0..calls as u8).map(|n| {
            let phone = 20 + n;
            let mut heard = moved(&relayed(&music, i64::from(n) * apart, &faults), music_at);
            heard.extend(moved(&prompt, prompt_at + i64::from(n) * later));
            vec![print(Side::Caller, (phone, 9), &voice(u64::from(n), 200)), print(Side::Callee, (9, phone), &heard)]
        });
        prop_assert!(payload_links(all.collect()).is_empty());
    }
}

#[test]
fn a_chain_of_relays_is_linked_hop_by_hop() {
    let alice = voice(1, 50);
    let hop = |n: i64, way| vec![print(Side::Caller, way, &relayed(&alice, 30 * n, &[(false, 0)]))];
    assert_eq!(payload_links(vec![hop(0, (1, 9)), hop(1, (9, 8)), hop(2, (8, 2))]), [(0, 1), (1, 2)]);
}

#[test]
fn a_leg_that_joined_at_the_end_of_a_long_call_is_found() {
    let alice = voice(1, 5000);
    let long = vec![print(Side::Caller, (1, 9), &alice)];
    let short = vec![print(Side::Caller, (9, 2), &relayed(&alice[4970..], 20, &[(false, 0)]))];
    assert_eq!(payload_links(vec![long.clone(), short.clone()]), [(0, 1)]);
    assert_eq!(payload_links(vec![short, long]), [(0, 1)]);
}
