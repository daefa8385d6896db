//! Whatever messages come in whatever order: each call ends once, its times are in order, its phase fits them, and
//! nothing grows without bound.

use proptest::prelude::*;
use proptest::sample::select;

use super::net::{Net, sdp};
use super::*;
use crate::dialog::Phase;
use crate::{KeptMessage, State};

/// One thing that happens on the wire.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        cseq: String,
        tag: &'static str,
        body: String,
    },
    Answer {
        code: u16,
        cseq: String,
        tag: &'static str,
        body: String,
    },
    CalleeAsks {
        cseq: String,
        tag: &'static str,
        body: String,
    },
    CalleeIsAnswered {
        code: u16,
        cseq: String,
        tag: &'static str,
        body: String,
    },
    Media {
        from: u8,
        to: u8,
    },
    Wait(i64),
    /// The caller goes on under another tag, in another call, or on another hop.
    Become {
        tag: &'static str,
        call_id: &'static str,
        hop: &'static str,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    const METHODS: &[&str] =
        &["INVITE", "INVITE", "INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "MESSAGE", "INFO"];
    const CODES: &[u16] = &[100, 180, 183, 200, 200, 200, 302, 401, 407, 481, 486, 487, 488, 491, 503, 603];
    let tag = || select(&["", "b1", "b2", "b3"][..]);
    let cseq = || (1..5u32, select(METHODS)).prop_map(|(number, method)| format!("{number} {method}"));
    let body = || {
        let lines = select(&["", "a=sendonly\r\n", "a=inactive\r\n", "a=recvonly\r\n"][..]);
        (select(&[0u8, 0, 1, 3, 7][..]), 2000..2003u16, select(&["0", "8 96", "96"][..]), lines).prop_map(
            |(host, port, formats, lines)| {
                if host == 0 { String::new() } else { sdp(host, 2 * port, formats, lines) }
            },
        )
    };
    let code = || select(CODES);
    let step = prop_oneof![
        4 => (cseq(), tag(), body()).prop_map(|(cseq, tag, body)| Step::Ask { cseq, tag, body }),
        4 => (code(), cseq(), tag(), body())
            .prop_map(|(code, cseq, tag, body)| Step::Answer { code, cseq, tag, body }),
        2 => (cseq(), tag(), body()).prop_map(|(cseq, tag, body)| Step::CalleeAsks { cseq, tag, body }),
        2 => (code(), cseq(), tag(), body())
            .prop_map(|(code, cseq, tag, body)| Step::CalleeIsAnswered { code, cseq, tag, body }),
        1 => (select(&[1u8, 3, 7][..]), select(&[1u8, 3, 7][..])).prop_map(|(from, to)| Step::Media { from, to }),
        1 => select(&[1i64, 6, 40, 250, 400][..]).prop_map(Step::Wait),
        1 => (select(&["a", "a", "a2"][..]), select(&["c1", "c1", "c2"][..]), select(&["z9hG4bK1", "z9hG4bK2"][..]))
            .prop_map(|(tag, call_id, hop)| Step::Become { tag, call_id, hop }),
    ];
    proptest::collection::vec(step, 0..60)
}

fn take(net: &mut Net, step: &Step) {
    match step {
        Step::Ask { cseq, tag, body } => net.ask(cseq, tag, body),
        Step::Answer { code, cseq, tag, body } => net.answer(*code, cseq, tag, body),
        Step::CalleeAsks { cseq, tag, body } => net.callee_asks(cseq, tag, body),
        Step::CalleeIsAnswered { code, cseq, tag, body } => net.callee_is_answered(*code, cseq, tag, body),
        Step::Media { from, to } => net.media((*from, 4000), (*to, 4002), u32::from(*from), 0),
        Step::Wait(seconds) => net.wait(*seconds),
        Step::Become { tag, call_id, hop } => {
            (net.tag, net.call_id, net.hop) = ((*tag).into(), (*call_id).into(), (*hop).into());
        }
    }
}

/// What holds of a call that is over, whatever became of it.
fn check(call: &Call) -> Result<(), TestCaseError> {
    let dialog = &call.dialog;
    let begun = dialog.invited_at;
    for at in
        [dialog.ringing_at, dialog.answered_at, dialog.ended_at, Some(call.ended_at)].into_iter().flatten()
    {
        prop_assert!(at >= begun, "{:?}", dialog);
    }
    if let (Some(answered), Some(ended)) = (dialog.answered_at, dialog.ended_at) {
        prop_assert!(answered <= ended, "{:?}", dialog);
    }
    prop_assert_eq!(dialog.end.is_some(), dialog.ended_at.is_some());
    prop_assert!(dialog.end.is_none_or(|end| end == call.end), "{:?} {:?}", dialog.end, call.end);
    let (answered, end) = (dialog.answered_at.is_some(), dialog.end);
    let fits = match dialog.phase() {
        Phase::Calling => !answered && matches!(end, None | Some(End::Cancel)),
        Phase::Refused => !answered && end == Some(End::Rejected),
        Phase::Answered => end.is_none() && (answered || dialog.joined_late),
        Phase::Over => end.is_some() && end != Some(End::Rejected),
    };
    prop_assert!(fits, "{:?}", dialog);
    let completed = dialog.answered_at.is_some()
        && matches!(call.end, End::ByeCaller | End::ByeCallee)
        && !dialog.joined_late;
    prop_assert_eq!(call.state() == State::Completed, completed, "{:?}", dialog);
    let winner = dialog.answered_at.and(dialog.callee.tag.as_deref());
    let mut tags: Vec<&str> = call.forks.iter().map(|fork| fork.branch.tag.as_str()).collect();
    prop_assert!(tags.iter().all(|tag| winner != Some(tag)), "{:?} lost to {:?}", tags, winner);
    tags.sort_unstable();
    tags.dedup();
    prop_assert_eq!(tags.len(), call.forks.len(), "a fork is told of once");
    prop_assert!(call.forks.iter().all(|fork| fork.branch.ended_at.is_some()));
    prop_assert!(call.negotiation.epochs().is_sorted_by_key(|epoch| epoch.from));
    let times: Vec<Time> = call.messages.iter().map(|message: &KeptMessage| message.at).collect();
    prop_assert!(times.is_sorted());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_call_ends_once_and_makes_sense(steps in steps()) {
        let mut net = Net::new();
        let mut sent = 0;
        for step in &steps {
            take(&mut net, step);
            sent += if matches!(step, Step::Media { .. }) { 10 } else { 0 };
            prop_assert!(net.tracker.calls.weight() < 1 << 20);
        }
        let counts = {
            net.tracker.handle_end(End::CaptureEnd);
            net.over.extend(std::iter::from_fn(|| net.tracker.poll_call()));
            prop_assert_eq!((net.tracker.open_calls(), net.tracker.calls.weight()), (0, 0));
            net.tracker.counts()
        };
        prop_assert_eq!(counts.calls_seen, net.over.len() as u64);
        prop_assert_eq!(counts.rtp.attached + counts.rtp.orphan + counts.rtp.probation, sent);
        let mut attached = 0;
        for call in &net.over {
            check(call)?;
            let forks = call.forks.iter().map(|fork| &fork.legs);
            let legs = std::iter::once(&call.legs).chain(forks);
            let streams = legs.flat_map(|legs| Side::BOTH.iter().flat_map(|&side| legs.of(side)));
            attached += streams.map(|matched| matched.stream.kept.len() as u64).sum::<u64>();
        }
        prop_assert_eq!(counts.rtp.attached, attached, "a stream is in one call and one place");
    }
}
