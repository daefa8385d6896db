//! Dialogs in all their forms: who ends them, who joins them late, who is asked again.

use super::net::{ALICE, Net, PROXY, packets, sdp};
use super::*;
use crate::State;
use clock::Span;

#[test]
fn either_side_hangs_up_and_the_first_of_two_that_cross_counts() {
    for (caller_first, end) in [(true, End::ByeCaller), (false, End::ByeCallee)] {
        let mut net = Net::new();
        net.set_up();
        net.talk();
        if caller_first {
            net.ask("2 BYE", "b", "");
            net.callee_asks("1 BYE", "b", "");
        } else {
            net.callee_asks("1 BYE", "b", "");
            net.ask("2 BYE", "b", "");
        }
        let ended_at = net.now - Span::from_ms(10);
        net.callee_is_answered(200, "1 BYE", "b", "");
        net.answer(200, "2 BYE", "b", "");
        let call = net.call();
        assert_eq!((call.end, call.state(), call.ended_at), (end, State::Completed, ended_at));
        assert_eq!(packets(&call.legs), [vec![10], vec![10]]);
    }
}

#[test]
fn a_bye_that_was_lost_is_made_up_for_by_silence() {
    let mut net = Net::new();
    net.set_up();
    net.talk();
    let last_at = net.now;
    net.wait(310);
    let call = net.call();
    assert_eq!((call.end, call.state(), call.ended_at), (End::MediaTimeout, State::Incomplete, last_at));
}

#[test]
fn a_held_call_may_be_silent_for_longer_than_a_lost_bye() {
    let mut net = Net::new();
    net.set_up();
    net.talk();
    net.ask("2 INVITE", "b", &sdp(1, 4000, "0", "a=inactive\r\n"));
    net.answer(200, "2 INVITE", "b", &sdp(3, 6000, "0", "a=inactive\r\n"));
    net.wait(1200);
    net.ask("3 INVITE", "b", &sdp(1, 4000, "0", ""));
    net.answer(200, "3 INVITE", "b", &sdp(3, 6000, "0", ""));
    net.talk();
    net.ask("4 BYE", "b", "");
    let call = net.call();
    assert_eq!((call.end, call.negotiation.epochs().len()), (End::ByeCaller, 3));
    assert_eq!(packets(&call.legs)[0].iter().sum::<usize>(), 20);
}

#[test]
fn an_answer_that_crosses_a_cancel_counts() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(180, "1 INVITE", "b", "");
    net.ask("1 CANCEL", "", "");
    net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
    net.answer(200, "1 CANCEL", "b", "");
    net.ask("1 ACK", "b", "");
    net.ask("2 BYE", "b", "");
    let call = net.call();
    assert_eq!(
        (call.end, call.state(), call.dialog.status_code),
        (End::ByeCaller, State::Completed, Some(200))
    );
    assert!(call.dialog.answered_at.is_some());
}

#[test]
fn a_cancel_without_an_answer_is_one() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(180, "1 INVITE", "b", "");
    net.ask("1 CANCEL", "", "");
    net.answer(200, "1 CANCEL", "b", "");
    net.answer(487, "1 INVITE", "b", "");
    let call = net.call();
    assert_eq!((call.end, call.state(), call.dialog.status_code), (End::Cancel, State::Cancelled, Some(487)));
}

#[test]
fn credentials_are_asked_for_and_the_call_stays_one() {
    for (code, tag, cseq) in [(401, "a", "2"), (407, "a", "2"), (407, "a-2", "2"), (401, "a-2", "1")] {
        let mut net = Net::new();
        net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
        net.answer(code, "1 INVITE", "p", "");
        net.ask("1 ACK", "p", "");
        tag.clone_into(&mut net.tag);
        net.hop = "z9hG4bKagain".into();
        net.wait(20);
        net.ask(&format!("{cseq} INVITE"), "", &sdp(1, 4000, "0", ""));
        let old = std::mem::replace(&mut net.tag, "a".into());
        net.answer(code, "1 INVITE", "p", "");
        net.tag = old;
        net.answer(200, &format!("{cseq} INVITE"), "b", &sdp(3, 6000, "0", ""));
        net.talk();
        net.callee_asks("1 BYE", "b", "");
        let call = net.call();
        let told = (call.end, call.state(), call.dialog.status_code, call.forks.len());
        assert_eq!(told, (End::ByeCallee, State::Completed, Some(200), 0), "{code} {tag} {cseq}");
        assert_eq!(packets(&call.legs), [vec![10], vec![10]]);
        assert_eq!(call.dialog.caller.tag.as_deref(), Some(tag));
    }
}

#[test]
fn somebody_elses_invite_with_the_same_call_id_is_no_retry() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", "");
    net.answer(486, "1 INVITE", "p", "");
    net.tag = "other".into();
    net.ask("1 INVITE", "", "");
    assert_eq!(net.end().len(), 2, "busy is not answered by software");
}

#[test]
fn a_redirected_call_is_one_and_tells_where_to() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.more = "Contact: <sip:bob@192.0.2.9>;q=0.9, <tel:+4930222>\r\n".into();
    net.answer(302, "1 INVITE", "r", "");
    net.ask("1 ACK", "r", "");
    net.wait(10);
    net.hop = "z9hG4bKelsewhere".into();
    net.ask("2 INVITE", "", &sdp(1, 4000, "0", ""));
    net.answer(200, "2 INVITE", "b", &sdp(3, 6000, "0", ""));
    net.ask("3 BYE", "b", "");
    let call = net.call();
    assert_eq!((call.state(), call.dialog.redirects.len(), call.forks.len()), (State::Completed, 1, 0));
    let redirect = &call.dialog.redirects[0];
    assert_eq!(
        (redirect.status_code, &redirect.contacts[..]),
        (302, &["sip:bob@192.0.2.9".into(), "tel:+4930222".into()][..])
    );
    assert_eq!(call.dialog.request_uri.as_deref(), Some("sip:bob@example.net"));
}

#[test]
fn a_redirection_that_nobody_follows_is_a_refusal() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", "");
    net.answer(302, "1 INVITE", "r", "");
    net.wait(40);
    assert_eq!(net.over.len(), 1);
    assert_eq!((net.over[0].end, net.over[0].state()), (End::Rejected, State::Rejected));
}

#[test]
fn a_call_id_that_is_used_again_after_the_end_is_a_new_call() {
    let mut net = Net::new();
    for n in 0..3 {
        net.ask(&format!("{} INVITE", 1 + 2 * n), "", &sdp(1, 4000, "0", ""));
        net.answer(200, &format!("{} INVITE", 1 + 2 * n), "b", &sdp(3, 6000, "0", ""));
        net.ask(&format!("{} BYE", 2 + 2 * n), "b", "");
        net.answer(200, &format!("{} BYE", 2 + 2 * n), "b", "");
    }
    let calls = net.end();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.state() == State::Completed));
}

#[test]
fn an_invite_that_nobody_answers_is_a_call() {
    let mut net = Net::new();
    for _ in 0..3 {
        net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    }
    net.wait(210);
    let call = net.call();
    assert_eq!((call.end, call.state(), call.retransmissions()), (End::MediaTimeout, State::Unanswered, 2));
}

#[test]
fn a_session_that_is_not_refreshed_and_is_silent_is_over() {
    for (refreshed, waits, end) in
        [(false, 95, Some(End::SessionTimer)), (true, 95, None), (true, 200, Some(End::SessionTimer))]
    {
        let mut net = Net::new();
        net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
        net.more = "Session-Expires: 90;refresher=uac\r\n".into();
        net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
        net.talk();
        net.wait(40);
        if refreshed {
            net.ask("2 UPDATE", "b", "");
            net.more = "Session-Expires: 90;refresher=uac\r\n".into();
            net.answer(200, "2 UPDATE", "b", "");
        }
        net.wait(waits - 40);
        assert_eq!(net.over.first().map(|call| call.end), end, "{refreshed} {waits}");
        let timer = net.call().dialog.session_timer.unwrap();
        assert_eq!((timer.refreshes, timer.refresher), (u32::from(refreshed), Some(Side::Caller)));
    }
}

#[test]
fn a_session_that_still_speaks_is_not_over_whatever_its_timer_says() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    net.more = "x: 90\r\n".into();
    net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
    for _ in 0..20 {
        net.talk();
        net.wait(10);
    }
    assert!(net.over.is_empty());
    net.wait(60);
    assert_eq!(net.call().end, End::SessionTimer);
}

#[test]
fn a_capture_that_begins_in_the_middle_finds_the_media_of_the_call() {
    type Begin = fn(&mut Net);
    let begins: [(&str, Begin); 5] = [
        ("re-INVITE", |net| {
            net.ask("7 INVITE", "b", &sdp(1, 4000, "0", ""));
            net.answer(200, "7 INVITE", "b", &sdp(3, 6000, "0", ""));
        }),
        ("200", |net| net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""))),
        ("183", |net| {
            net.answer(183, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
            net.answer(200, "1 INVITE", "b", "");
        }),
        ("ACK", |net| net.ask("1 ACK", "b", &sdp(1, 4000, "0", ""))),
        ("UPDATE", |net| net.ask("2 UPDATE", "b", &sdp(1, 4000, "0", ""))),
    ];
    for (name, begin) in begins {
        let mut net = Net::new();
        begin(&mut net);
        net.talk();
        net.callee_asks("1 BYE", "b", "");
        net.callee_is_answered(200, "1 BYE", "b", "");
        let call = net.call();
        assert_eq!(packets(&call.legs), [vec![10], vec![10]], "{name}");
        assert!(call.dialog.joined_late, "{name}");
        assert_eq!(
            (call.state(), call.end, call.forks.len()),
            (State::Incomplete, End::ByeCallee, 0),
            "{name}"
        );
        assert_eq!(call.dialog.caller.uri, "sip:alice@example.com", "{name}");
    }
}

#[test]
fn a_bye_alone_is_the_end_of_a_call_that_was_not_seen() {
    let mut net = Net::new();
    net.ask("9 BYE", "b", "");
    net.answer(200, "9 BYE", "b", "");
    let call = net.call();
    assert_eq!((call.state(), call.end, call.dialog.request_uri), (State::Incomplete, End::ByeCaller, None));
}

#[test]
fn of_a_call_that_rang_when_the_capture_began_its_end_is_told() {
    for (code, state) in [(486, State::Rejected), (503, State::Failed), (0, State::Incomplete)] {
        let mut net = Net::new();
        net.answer(180, "1 INVITE", "b", "");
        if code > 0 {
            net.answer(code, "1 INVITE", "b", "");
        }
        let call = net.call();
        assert_eq!((call.state(), call.was_answered()), (state, false), "{code}");
    }
}

#[test]
fn what_comes_late_of_a_call_that_is_over_begins_none() {
    let mut net = Net::new();
    net.set_up();
    net.ask("2 BYE", "b", "");
    net.wait(60);
    assert_eq!(net.over.len(), 1);
    net.ask("2 BYE", "b", "");
    net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
    net.ask("1 ACK", "b", &sdp(1, 4000, "0", ""));
    net.call();
}

#[test]
fn what_is_no_invite_makes_no_call() {
    let mut net = Net::new();
    for method in
        ["PUBLISH", "SUBSCRIBE", "NOTIFY", "OPTIONS", "REGISTER", "MESSAGE", "INFO", "REFER", "CANCEL", "ACK"]
    {
        net.ask(&format!("1 {method}"), "", "");
        net.answer(200, &format!("1 {method}"), "b", "");
        net.ask(&format!("2 {method}"), "b", "");
        net.answer(481, &format!("2 {method}"), "b", "");
    }
    assert_eq!(net.end().len(), 0);
}

#[test]
fn a_busy_phone_behind_a_proxy_does_not_end_a_call_that_goes_on() {
    let mut net = Net::new();
    net.ask("1 INVITE", "", &sdp(1, 4000, "0", ""));
    let send = |net: &mut Net, hop: &str, from, to, text: &str| {
        let message = format!(
            "{text}\r\nVia: SIP/2.0/UDP p;branch={hop}\r\nFrom: <sip:alice@example.com>;tag=a\r\n\
             To: <sip:bob@example.net>{}\r\nCall-ID: c1@192.0.2.1\r\nCSeq: 1 {}\r\n\r\n",
            if text.starts_with("SIP") { ";tag=busy" } else { "" },
            if text.starts_with("CANCEL") { "CANCEL" } else { "INVITE" }
        );
        net.send((from, 5060), (to, 5060), message.as_bytes());
    };
    send(&mut net, "z9hG4bKone", PROXY, 7, "INVITE sip:bob@192.0.2.7 SIP/2.0");
    send(&mut net, "z9hG4bKtwo", PROXY, 8, "INVITE sip:bob@192.0.2.8 SIP/2.0");
    send(&mut net, "z9hG4bKone", 7, PROXY, "SIP/2.0 180 Ringing");
    send(&mut net, "z9hG4bKone", 7, PROXY, "SIP/2.0 486 Busy Here");
    send(&mut net, "z9hG4bKtwo", PROXY, 8, "CANCEL sip:bob@192.0.2.8 SIP/2.0");
    assert_eq!(net.tracker.open_calls(), 1);
    net.wait(20);
    net.answer(200, "1 INVITE", "b", &sdp(3, 6000, "0", ""));
    net.talk();
    net.ask("2 BYE", "b", "");
    let call = net.call();
    assert_eq!((call.state(), call.dialog.status_code), (State::Completed, Some(200)));
    let forks: Vec<_> =
        call.forks.iter().map(|fork| (fork.branch.tag.as_str(), fork.branch.status_code)).collect();
    assert_eq!(forks, [("busy", 486)]);
}

#[test]
fn a_bye_that_is_asked_for_credentials_ended_nothing() {
    let mut net = Net::new();
    net.set_up();
    net.ask("2 BYE", "b", "");
    net.answer(407, "2 BYE", "b", "");
    net.talk();
    net.ask("3 BYE", "b", "");
    let ended_at = net.now;
    net.answer(200, "3 BYE", "b", "");
    assert_eq!(net.call().ended_at, ended_at);
}

#[test]
fn texts_are_kept_with_the_call_of_those_who_write_them() {
    let mut net = Net::new();
    net.set_up();
    net.more = "Content-Type: text/plain\r\n".into();
    net.ask("2 MESSAGE", "b", "running late");
    net.more = "Content-Type: text/plain\r\n".into();
    net.ask("2 MESSAGE", "b", "running late");
    let outside = |from: &str, to: &str, n: u8| {
        format!(
            "MESSAGE {to} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKm{n}\r\nFrom: <{from}>;tag=m\r\nTo: <{to}>\r\n\
             Call-ID: m{n}\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n\r\noutside {n}"
        )
    };
    let message = outside("sip:bob@example.net", "sip:alice@example.com", 1);
    net.send((PROXY, 5060), (ALICE, 5060), message.as_bytes());
    let message = outside("sip:carol@example.net", "sip:alice@example.com", 2);
    net.send((PROXY, 5060), (ALICE, 5060), message.as_bytes());
    net.ask("3 BYE", "b", "");
    let message = outside("sip:bob@example.net", "sip:alice@example.com", 3);
    net.send((PROXY, 5060), (ALICE, 5060), message.as_bytes());
    let texts = net.tracker.counts().texts;
    assert_eq!((texts.in_dialog, texts.in_call, texts.elsewhere), (2, 1, 2));
    let call = net.call();
    let kept: Vec<_> =
        call.texts.iter().map(|text| (text.text.as_deref().unwrap(), text.in_dialog)).collect();
    assert_eq!(kept, [("running late", true), ("outside 1", false)]);
}
