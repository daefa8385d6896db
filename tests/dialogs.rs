//! Whom a call's signalling names is found, and who else rang and what was written is shown and kept.

#![cfg(test)]

mod common;

use std::path::PathBuf;

use common::{Store, text};

fn made(name: &str) -> PathBuf {
    common::fixtures().join("made").join(format!("{name}.pcap"))
}

/// A store into which each scene was replayed by itself: they have the same phones at the same time.
fn replayed(names: &[&str], more: &[&str]) -> Store {
    let store = Store::new();
    for name in names {
        let run = store.replay(&[made(name)], more);
        assert_eq!(run.code, 0, "{run:?}");
    }
    store
}

#[test]
fn whoever_is_named_anywhere_is_found() {
    let store = replayed(&["identities", "redirect_302", "forked_call", "plain_call"], &[]);
    let found = |filter: &[&str]| -> Vec<String> {
        store.list(filter).iter().map(|record| text(&record["call_id"])).collect()
    };
    for (filter, calls) in [
        (["--party", "+4930111"], &["named"][..]),
        (["--party", "tel:+4930111"], &["named"]),
        (["--party", "desk"], &["named"]),
        (["--party", "4711"], &["named"]),
        (["--party", "0815"], &["named"]),
        (["--party", "lobby"], &["named"]),
        (["--party", "hotline"], &["named"]),
        (["--party", "mobile"], &["redirected"]),
        (["--from", "lobby"], &[]),
        (["--user-agent", "yealink*"], &["named"]),
        (["--user-agent", "*PBX*"], &["named"]),
        (["--user-agent", "desk"], &["forked"]),
        (["--user-agent", "some proxy"], &[]),
        (["--flag", "forked"], &["forked"]),
        (["--flag", "redirected"], &["redirected"]),
    ] {
        assert_eq!(found(&filter), calls, "{filter:?}");
    }
}

#[test]
fn a_call_is_shown_with_all_that_was_said_around_it() {
    let scenes = ["identities", "redirect_302", "forked_call", "message_in_dialog", "session_timer_expired"];
    let store = replayed(&scenes, &["--digits", "mask"]);
    for (call_id, facts) in [
        (
            "named",
            &["asserted    \"Alice\" <sip:+4930111@192.0.2.10>", "caller      uses Yealink SIP-T46S"][..],
        ),
        ("redirected", &["redirected  302  to sip:mobile@198.51.100.40:5060"]),
        (
            "forked",
            &[
                "fork        sip:bob@198.51.100.20:5060 (desk)  status 487, 1 streams of early media",
                "forked",
            ],
        ),
        ("written", &["see page 4", "and page 5"]),
        ("timer", &["session     90 s at the most, refreshed 0 times by callee"]),
    ] {
        let all = store.recorded();
        let recorded = all.iter().find(|one| one.record["call_id"] == call_id).expect("the call");
        let shown = store.calls(&["show", &recorded.id()]);
        for fact in facts {
            assert!(shown.stdout.contains(fact), "{fact}: {}", shown.stdout);
        }
    }
}

#[test]
fn the_early_media_of_who_lost_is_kept_though_it_is_not_heard() {
    let frames = |keep: &str| {
        let store = replayed(&["forked_call"], &["--keep", keep]);
        let again = Store::new();
        let kept = store.recorded().remove(0);
        let run = again.replay(
            &[store.path().join(text(&kept.record["recording"]["path"])).with_file_name("call.pcapng")],
            &[],
        );
        assert_eq!(run.code, 0, "{run:?}");
        let again = again.recorded().remove(0);
        (kept.record["forks"].clone(), again.record["forks"].clone())
    };
    let (forks, again) = frames("all");
    assert_eq!(forks[0]["streams"][0]["packets"], 20);
    assert_eq!(forks, again, "the kept packets tell the same");
    let (_, again) = frames("signalling");
    assert_eq!(again[0]["streams"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_is_recorded_does_not_depend_on_threads() {
    let scenes = ["forked_call", "auth_407_new_tag", "glare_491", "mid_dialog_reinvite", "message_in_dialog"];
    let [one, four] = ["1", "4"].map(|threads| replayed(&scenes, &["--threads", threads]).recordings());
    assert_eq!(one.len(), scenes.len() * 4);
    assert!(one == four);
}
