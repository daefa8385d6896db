//! Forked calls and what is offered within a dialog: who answered sounds, and what was agreed upon last holds.

use super::net::{Net, packets, sdp, sdp_at};
use super::*;
use crate::negotiation::Hold;
use crate::{Both, State};
use flow::{Address, Endpoint};

/// Two phones ring with early media, the second answers.
fn forked() -> Net {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0 96", "a=rtpmap:96 opus/48000/2\r\n"));
    net.more = "Contact: <sip:bob@192.0.2.7>\r\nUser-Agent: desk phone\r\n".into();
    net.answer(183, "1 INVITE", "b1", &sdp(7, 7000, "0 101", "a=rtpmap:101 telephone-event/8000\r\n"));
    net.answer(183, "1 INVITE", "b2", &sdp(8, 8000, "8 101", "a=rtpmap:101 L16/8000\r\n"));
    net.media((7, 7000), (1, 4000), 0x71, 0);
    net.media((8, 8000), (1, 4000), 0x81, 0);
    net.media((1, 4000), (7, 7000), 0xa1, 0);
    net.media((1, 4000), (8, 8000), 0xa2, 8);
    net
}

fn ssrcs(legs: &Both<Vec<crate::Matched>>) -> [Vec<u32>; 2] {
    Side::BOTH.map(|side| legs.of(side).iter().map(|matched| matched.stream.ssrc.0).collect())
}

#[test]
fn the_early_media_of_a_phone_that_did_not_answer_is_not_the_calls() {
    let mut net = forked();
    net.answer(200, "1 INVITE", "b2", &sdp(8, 8000, "8 101", "a=rtpmap:101 L16/8000\r\n"));
    let answered_at = net.now;
    net.ask("1 ACK", "b2", "");
    net.media((8, 8000), (1, 4000), 0x81, 8);
    net.media((7, 7000), (1, 4000), 0x71, 0);
    net.ask("2 BYE", "b2", "");
    let call = net.call();
    assert_eq!((call.state(), ssrcs(&call.legs)), (State::Completed, [vec![0xa2], vec![0x81]]));
    assert_eq!(packets(&call.legs), [vec![10], vec![20]]);
    let [fork] = &call.forks[..] else { panic!("one phone lost") };
    assert_eq!((ssrcs(&fork.legs), packets(&fork.legs)), ([vec![0xa1], vec![0x71]], [vec![10], vec![20]]));
    let branch = &fork.branch;
    assert_eq!((branch.tag.as_str(), branch.status_code, branch.ended_at), ("b1", 183, Some(answered_at)));
    assert_eq!(branch.contact.as_deref(), Some("sip:bob@192.0.2.7"));
    assert_eq!(branch.user_agent.as_deref(), Some("desk phone"));
    // What a number means is told by each phone for itself.
    let meaning = |negotiation: &crate::Negotiation| {
        negotiation.format(Side::Callee, 101, call.ended_at).map(|format| format.encoding.clone())
    };
    assert_eq!(meaning(&call.negotiation).as_deref(), Some("L16"));
    assert_eq!(meaning(&fork.negotiation).as_deref(), Some("TELEPHONE-EVENT"));
    let [epoch] = call.negotiation.epochs() else { panic!("{:?}", call.negotiation.epochs()) };
    assert!(epoch.from < answered_at);
}

#[test]
fn the_first_that_rang_may_answer_as_well() {
    let mut net = forked();
    net.answer(200, "1 INVITE", "b1", "");
    net.ask("2 BYE", "b1", "");
    let call = net.call();
    assert_eq!(ssrcs(&call.legs), [vec![0xa1], vec![0x71]]);
    assert_eq!(ssrcs(&call.forks[0].legs), [vec![0xa2], vec![0x81]]);
}

#[test]
fn of_two_that_answer_the_first_is_the_call() {
    let mut net = forked();
    net.answer(200, "1 INVITE", "b1", "");
    net.answer(200, "1 INVITE", "b2", &sdp(8, 8000, "8", ""));
    net.ask("1 ACK", "b1", "");
    net.ask("1 ACK", "b2", "");
    net.ask("2 BYE", "b2", "");
    net.answer(200, "2 BYE", "b2", "");
    assert_eq!(net.tracker.open_calls(), 1);
    net.media((7, 7000), (1, 4000), 0x71, 0);
    net.callee_asks("1 BYE", "b1", "");
    let call = net.call();
    assert_eq!((call.end, call.dialog.callee.tag.as_deref()), (End::ByeCallee, Some("b1")));
    assert_eq!(packets(&call.legs)[1], [20]);
    let branch = &call.forks[0].branch;
    assert!(branch.answered_at.is_some() && branch.ended_at > branch.answered_at);
}

#[test]
fn one_who_only_answers_with_a_description_is_told_from_one_who_rang_with_media() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(183, "1 INVITE", "b1", &sdp(7, 7000, "0", ""));
    net.media((7, 7000), (1, 4000), 0x71, 0);
    net.answer(180, "1 INVITE", "b2", "");
    net.answer(200, "1 INVITE", "b2", &sdp(8, 8000, "0", ""));
    net.media((8, 8000), (1, 4000), 0x81, 0);
    let call = net.call();
    assert_eq!((ssrcs(&call.legs), ssrcs(&call.forks[0].legs)), ([vec![], vec![0x81]], [vec![], vec![0x71]]));
}

#[test]
fn phones_behind_one_address_lose_nothing() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(183, "1 INVITE", "b1", &sdp(3, 6000, "0", ""));
    net.media((3, 6000), (1, 4000), 0xb, 0);
    net.answer(200, "1 INVITE", "b2", &sdp(3, 6000, "0", ""));
    net.media((3, 6000), (1, 4000), 0xb, 0);
    let call = net.call();
    assert_eq!((packets(&call.legs), packets(&call.forks[0].legs)), ([vec![], vec![20]], [vec![], vec![]]));
}

#[test]
fn where_the_one_who_answers_never_describes_himself_nothing_is_taken_away() {
    let mut net = forked();
    net.answer(200, "1 INVITE", "b3", "");
    net.ask("2 BYE", "b3", "");
    let call = net.call();
    assert_eq!(ssrcs(&call.legs), [vec![0xa1, 0xa2], vec![0x71, 0x81]]);
    assert_eq!(call.forks.len(), 2);
}

#[test]
fn a_fork_that_nobody_answers_is_told_of_all_the_same() {
    let mut net = forked();
    net.ask("1 CANCEL", "", "");
    net.answer(487, "1 INVITE", "b1", "");
    let call = net.call();
    let codes: Vec<u16> = call.forks.iter().map(|fork| fork.branch.status_code).collect();
    assert_eq!((call.state(), codes, packets(&call.legs)[1].len()), (State::Cancelled, vec![487, 183], 2));
}

#[test]
fn early_media_is_found_by_host_where_its_port_is_another() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(183, "1 INVITE", "b1", &sdp(7, 7000, "0", ""));
    net.answer(183, "1 INVITE", "b2", &sdp(8, 8000, "0", ""));
    net.media((7, 7777), (1, 4000), 0x71, 0);
    net.answer(200, "1 INVITE", "b2", &sdp(8, 8000, "0", ""));
    let call = net.call();
    assert_eq!((ssrcs(&call.legs)[1].len(), ssrcs(&call.forks[0].legs)[1].as_slice()), (0, &[0x71][..]));
}

#[test]
fn a_prack_and_an_update_carry_offers_and_answers() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", "");
    net.answer(183, "1 INVITE", "b", &sdp(3, 6000, "8", ""));
    net.ask("2 PRACK", "b", &sdp(1, 4000, "8", ""));
    let answered_at = net.now;
    net.answer(200, "2 PRACK", "b", "");
    net.media((3, 6000), (1, 4000), 0xb, 8);
    net.ask("3 UPDATE", "b", &sdp(1, 4002, "0", ""));
    net.answer(200, "3 UPDATE", "b", &sdp(3, 6002, "0", ""));
    net.media((3, 6002), (1, 4002), 0xb2, 0);
    net.ask("4 PRACK", "b", &sdp(1, 4004, "0", ""));
    net.answer(200, "4 PRACK", "b", &sdp(3, 6002, "0", ""));
    net.answer(200, "1 INVITE", "b", "");
    net.ask("1 ACK", "b", "");
    net.callee_asks("1 UPDATE", "b", &sdp(3, 6004, "0", "a=sendonly\r\n"));
    net.callee_is_answered(200, "1 UPDATE", "b", &sdp(1, 4004, "0", "a=recvonly\r\n"));
    net.ask("5 BYE", "b", "");
    let call = net.call();
    let epochs = call.negotiation.epochs();
    assert_eq!((epochs.len(), epochs[0].from, epochs[3].hold), (4, answered_at, Hold::Callee));
    assert_eq!(packets(&call.legs)[1], [10, 10]);
    assert_eq!((call.state(), call.forks.len()), (State::Completed, 0));
}

#[test]
fn an_offer_that_is_refused_leaves_what_was_agreed_upon() {
    for (code, method) in [(488, "INVITE"), (491, "INVITE"), (504, "UPDATE"), (487, "INVITE")] {
        let mut net = Net::new();
        net.ask("1 INVITE", "", &sdp(1, 4000, "0 96", "a=rtpmap:96 L16/8000\r\n"));
        net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0 96", "a=rtpmap:96 L16/8000\r\n"));
        net.ask("1 ACK", "b", "");
        let offer = sdp(1, 4444, "96", "a=rtpmap:96 opus/48000/2\r\na=sendonly\r\n");
        // Seen on two hops, the second of which rewrites the address.
        net.ask(&format!("2 {method}"), "b", &offer);
        net.ask(&format!("2 {method}"), "b", &offer.replace("4444", "4446"));
        net.answer(code, &format!("2 {method}"), "b", &sdp(3, 9, "0", ""));
        net.answer(code, &format!("2 {method}"), "b", "");
        net.talk();
        let now = net.now;
        let call = net.call();
        let encoding = |at| call.negotiation.format(Side::Caller, 96, at).unwrap().encoding.clone();
        assert_eq!(encoding(now), "L16", "{code}");
        assert_eq!((call.negotiation.epochs().len(), call.dialog.status_code), (1, Some(200)), "{code}");
        assert_eq!(packets(&call.legs), [vec![10], vec![10]], "{code}");
        assert_eq!(
            call.negotiation.naming(Side::Callee, Endpoint::new(Address::v4([192, 0, 2, 3]), 9)),
            None
        );
    }
}

#[test]
fn offers_that_glare_are_both_refused_and_made_again() {
    let mut net = Net::new();
    net.set_up();
    net.ask("2 INVITE", "b", &sdp(1, 4000, "8", "a=sendonly\r\n"));
    net.callee_asks("2 INVITE", "b", &sdp(3, 6000, "8", "a=sendonly\r\n"));
    net.callee_is_answered(491, "2 INVITE", "b", "");
    net.answer(491, "2 INVITE", "b", "");
    let refused_at = net.now;
    net.callee_asks("3 INVITE", "b", &sdp(3, 6000, "8", "a=sendonly\r\n"));
    net.callee_is_answered(200, "3 INVITE", "b", &sdp(1, 4000, "8", "a=recvonly\r\n"));
    net.ask("3 INVITE", "b", &sdp(1, 4000, "8", ""));
    net.answer(200, "3 INVITE", "b", &sdp(3, 6000, "8", "a=sendonly\r\n"));
    net.ask("4 BYE", "b", "");
    let call = net.call();
    assert!(call.negotiation.format(Side::Caller, 8, refused_at).is_some());
    let holds: Vec<Hold> = call.negotiation.epochs().iter().map(|epoch| epoch.hold).collect();
    assert_eq!(holds, [Hold::None, Hold::Callee, Hold::Callee]);
}

#[test]
fn each_kind_of_hold_and_its_end_is_told() {
    let held = |lines: &str, host: &str| sdp_at(host, 4000, "0", lines);
    for (offer, answer, hold) in [
        (held("a=sendonly\r\n", "192.0.2.1"), "a=recvonly\r\n", Hold::Caller),
        (held("a=inactive\r\n", "192.0.2.1"), "a=inactive\r\n", Hold::Caller),
        (held("", "0.0.0.0"), "", Hold::Caller),
        (held("a=sendonly\r\n", "0.0.0.0"), "a=recvonly\r\n", Hold::Caller),
        (held("", "192.0.2.1"), "a=sendonly\r\n", Hold::Callee),
        (held("a=sendonly\r\n", "192.0.2.1"), "a=sendonly\r\n", Hold::Both),
    ] {
        let mut net = Net::new();
        net.set_up();
        net.ask("2 INVITE", "b", &offer);
        net.answer(200, "2 INVITE", "b", &sdp(3, 6000, "0", answer));
        net.ask("3 INVITE", "b", &sdp(1, 4000, "0", ""));
        net.answer(200, "3 INVITE", "b", &sdp(3, 6000, "0", ""));
        net.talk();
        let call = net.call();
        let holds: Vec<Hold> = call.negotiation.epochs().iter().map(|epoch| epoch.hold).collect();
        assert_eq!(holds, [Hold::None, hold, Hold::None], "{offer} {answer}");
        assert_eq!(packets(&call.legs), [vec![10], vec![10]]);
    }
}

#[test]
fn an_answer_that_could_not_be_another_keeps_up_the_hold_that_was() {
    let mut net = Net::new();
    net.set_up();
    net.ask("2 INVITE", "b", &sdp(1, 4000, "0", "a=sendonly\r\n"));
    net.answer(200, "2 INVITE", "b", &sdp(3, 6000, "0", "a=recvonly\r\n"));
    net.callee_asks("1 INVITE", "b", &sdp(3, 6000, "0", "a=inactive\r\n"));
    net.callee_is_answered(200, "1 INVITE", "b", &sdp(1, 4000, "0", "a=inactive\r\n"));
    net.ask("3 INVITE", "b", &sdp(1, 4000, "0", ""));
    net.answer(200, "3 INVITE", "b", &sdp(3, 6000, "0", "a=sendonly\r\n"));
    let call = net.call();
    let holds: Vec<Hold> = call.negotiation.epochs().iter().map(|epoch| epoch.hold).collect();
    assert_eq!(holds, [Hold::None, Hold::Caller, Hold::Both, Hold::Callee]);
}

#[test]
fn a_re_invite_moves_the_media() {
    let mut net = Net::new();
    net.set_up();
    net.talk();
    net.ask("2 INVITE", "b", &sdp(4, 4400, "8", ""));
    net.answer(200, "2 INVITE", "b", &sdp(3, 6000, "8", ""));
    net.media((4, 4400), (3, 6000), 0xa4, 8);
    net.media((3, 6000), (4, 4400), 0xb, 8);
    net.ask("3 BYE", "b", "");
    let call = net.call();
    assert_eq!((packets(&call.legs), call.negotiation.epochs().len()), ([vec![10, 10], vec![10, 10]], 2));
}

#[test]
fn what_forks_is_bounded() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    for n in 0..1000u16 {
        net.more = format!("Contact: <sip:{}>\r\nServer: {}\r\n", "x".repeat(5000), "y".repeat(5000));
        net.answer(183, "1 INVITE", &format!("b{n}"), &sdp(7, 1024 + n, "0", ""));
    }
    assert!(net.tracker.calls.weight() < 4 << 20, "{}", net.tracker.calls.weight());
    net.answer(200, "1 INVITE", "b999", &sdp(3, 6000, "0", ""));
    net.talk();
    let call = net.call();
    assert_eq!((call.state(), packets(&call.legs)), (State::Incomplete, [vec![10], vec![10]]));
    assert!(call.forks.len() <= crate::branch::MOST_BRANCHES);
}
