//! The command line as a user meets it: exit codes, what goes to stdout and what to stderr, the filters, a damaged
//! index, the server beside other commands, and digits that must not be found.

#![cfg(test)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use common::capture::{self, Rtp};
use common::{Recorded, Run, Store, fixture, micros, text};

/// A store of all fixtures.
fn full() -> Store {
    let store = Store::new();
    let run = store.replay(&common::all_fixtures(), &["-q"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    store
}

/// A store of one ordinary call.
fn one_call() -> (Store, Recorded) {
    let store = Store::new();
    assert_eq!(store.replay(&[fixture("baresip_speech.pcap")], &["-q"]).code, 0);
    let mut recorded = store.recorded();
    assert_eq!(recorded.len(), 1);
    (store, recorded.remove(0))
}

// ---- what helps a user ----

#[test]
fn a_self_test_passes_and_leaves_the_store_as_it_was() {
    let store = Store::new();
    let test = |more: &[&str]| {
        let mut command = common::sipreel();
        Run::from(
            command.arg("selftest").arg("--store").arg(store.path()).args(more).output().expect("it runs"),
        )
    };
    let run = test(&[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("passed: "), "{}", run.stdout);
    let result: Value = serde_json::from_str(&test(&["--json"]).stdout).expect("JSON");
    assert_eq!((&result["result"], &result["failure"]), (&Value::from("passed"), &Value::Null));
    assert!(store.list(&[]).is_empty());
    let left = fs::read_dir(store.path()).expect("a folder").flatten();
    assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("selftest")));
}

#[test]
fn the_help_is_there_for_shells_and_as_manual_pages() {
    let scripts =
        [("bash", "complete -F _sipreel"), ("zsh", "#compdef sipreel"), ("fish", "complete -c sipreel")];
    for (shell, said) in scripts {
        let run = common::run(&["completions", shell]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(said) && run.stdout.contains("min-duration"), "{shell}");
    }
    let page = common::run(&["man", "calls", "list"]);
    assert!(page.code == 0 && page.stdout.contains("sipreel\\-calls\\-list"), "{}", page.stdout);
    let unknown = common::run(&["man", "calls", "lost"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert_one_line(&unknown, &["calls lost", "--help"]);
}

// ---- replay: exit codes ----

#[test]
fn a_replay_talks_on_stderr_and_sums_up() {
    let store = Store::new();
    let run = store.replay(&[fixture("baresip_speech.pcap"), fixture("sipp_busy_486.pcap")], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    for said in ["2 calls seen", "1 recorded", "1 not_answered", "packets"] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

#[test]
fn inputs_that_cannot_be_read_are_told_and_the_others_are_read() {
    let store = Store::new();
    let (text, folder, empty) =
        (store.beside("letter.pcap"), store.beside("folder.pcap"), store.beside("empty.pcap"));
    fs::write(&text, "Dear Sir or Madam").expect("it can be written");
    fs::create_dir(&folder).expect("it can be made");
    fs::write(&empty, "").expect("it can be written");
    let nowhere = store.beside("nowhere.pcap");
    let bad = [&nowhere, &text, &folder, &empty];
    for bad in bad {
        let store = Store::new();
        let run = store
            .replay(&[fixture("sipp_busy_486.pcap"), bad.clone(), fixture("baresip_speech.pcap")], &["-q"]);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{bad:?}: {run:?}");
        assert_one_line(&run, &[&bad.display().to_string()]);
        assert_eq!(store.recorded().len(), 2, "{bad:?}: what stands before and behind it is recorded");
    }
    let run = store.replay(&[nowhere], &["-q"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert_one_line(&run, &["nowhere.pcap", "no such file"]);
}

/// stderr is one line with these words in it.
fn assert_one_line(run: &Run, words: &[&str]) {
    let lines: Vec<&str> = run.stderr.lines().collect();
    let [line] = lines[..] else { panic!("one line: {:?}", run.stderr) };
    for word in words {
        assert!(line.contains(word), "{word}: {line}");
    }
}

#[test]
fn damage_in_the_middle_is_told_and_what_came_before_is_kept() {
    let store = Store::new();
    let file = fs::read(fixture("baresip_speech.pcap")).expect("a fixture");
    let frames = capture::frames(&fixture("baresip_speech.pcap"));
    let kept = 500;
    let at = 24 + frames[..kept].iter().map(|frame| 16 + frame.bytes.len()).sum::<usize>();
    let mut damaged = file.clone();
    damaged[at + 8..at + 16].fill(0xee);
    let path = store.beside("damaged.pcap");
    fs::write(&path, damaged).expect("it can be written");
    let run = store.replay(&[path, fixture("sipp_busy_486.pcap")], &["-q"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert_one_line(&run, &["damaged.pcap", &format!("byte {at}"), &format!("{kept} frames")]);
    let recorded = store.recorded();
    assert_eq!(recorded.len(), 2);
    let cut =
        recorded.iter().find(|one| one.record["outcome"] == "recorded").expect("the call before the damage");
    assert_eq!(cut.record["state"], "incomplete");
    let packets: u64 = ["caller", "callee"]
        .iter()
        .map(|role| cut.leg(role)["streams"][0]["packets"].as_u64().expect("a count"))
        .sum();
    assert_eq!(packets as usize, capture::rtp(&frames[..kept]).len());
}

#[test]
fn a_last_packet_that_is_cut_is_a_warning() {
    let store = Store::new();
    let file = fs::read(fixture("baresip_speech.pcap")).expect("a fixture");
    let path = store.beside("cut.pcap");
    fs::write(&path, &file[..file.len() - 7]).expect("it can be written");
    let run = store.replay(&[path], &["-q"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_one_line(&run, &["cut.pcap", "cut short"]);
    assert_eq!(store.recorded()[0].record["outcome"], "recorded");
}

#[test]
fn a_command_line_that_makes_no_sense_is_2() {
    let speech = fixture("baresip_speech.pcap").display().to_string();
    let lines: [&[&str]; 12] = [
        &["replay"],
        &["replay", &speech, "--wings"],
        &["replay", &speech, "--digits", "some"],
        &["replay", &speech, "--keep", "half"],
        &["replay", &speech, "--threads", "0"],
        &["replay", &speech, "-q", "-v"],
        &["fly"],
        &[],
        &["calls"],
        &["calls", "list", "--outcome", "lovely"],
        &["calls", "list", "--since", "yesterday"],
        &["calls", "show", "not-an-id"],
    ];
    for line in lines {
        let run = common::run(line);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{line:?}: {run:?}");
        assert!(!run.stderr.is_empty(), "{line:?} says why");
    }
    for flag in ["--help", "--version"] {
        let run = common::run(&[flag]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{flag}");
        assert!(run.stdout.contains("sipreel"), "{flag}");
    }
}

#[test]
fn a_store_that_cannot_be_is_5() {
    let beside = Store::new();
    let file = beside.beside("file");
    fs::write(&file, "in the way").expect("it can be written");
    for store in [file.clone(), file.join("below")] {
        let run = replay_into(common::sipreel(), &store);
        assert_eq!((run.code, run.stdout.as_str()), (5, ""), "{run:?}");
        assert_one_line(&run, &[&file.display().to_string()]);
    }
    for line in [["calls", "list", "--store"], ["calls", "list", "--json"]] {
        let mut command = common::sipreel();
        command.args(line).env("SIPREEL_STORE", beside.path());
        if line[2] == "--store" {
            command.arg(beside.path());
        }
        let run: Run = command.output().expect("the program starts").into();
        assert_eq!((run.code, run.stdout.as_str()), (5, ""), "no store there: {run:?}");
        assert!(!beside.path().exists(), "reading makes nothing");
    }
}

fn replay_into(mut command: Command, store: &Path) -> Run {
    command.arg("replay").arg(fixture("sipp_busy_486.pcap")).args(["-q", "--store"]).arg(store);
    command.output().expect("the program starts").into()
}

/// The program run by a user whom rights stop; `None` where there is no way to be one, which is said.
fn unprivileged() -> Option<Command> {
    let nobody = |command: &mut Command| {
        if common::is_root() {
            command.uid(65_534).gid(65_534);
        }
    };
    let mut probe = common::sipreel();
    nobody(&mut probe);
    if !probe.arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: root, and another user may not run the program here");
        return None;
    }
    let mut command = common::sipreel();
    nobody(&mut command);
    Some(command)
}

/// Opens a folder's rights to everybody, or takes all rights to write away.
fn set_rights(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("they are ours");
}

#[test]
fn rights_that_are_missing_are_4() {
    let (Some(reader), Some(writer)) = (unprivileged(), unprivileged()) else { return };
    let open = tempfile::tempdir().expect("a folder");
    set_rights(open.path(), 0o777);
    let (secret, plain) = (open.path().join("secret.pcap"), open.path().join("plain.pcap"));
    for copy in [&secret, &plain] {
        fs::copy(fixture("sipp_busy_486.pcap"), copy).expect("it can be copied");
        set_rights(copy, 0o644);
    }
    set_rights(&secret, 0o000);
    let store = open.path().join("store");
    let mut command = reader;
    command.arg("replay").args([&plain, &secret]).args(["-q", "--store"]).arg(&store);
    let run: Run = command.output().expect("the program starts").into();
    assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{run:?}");
    assert_one_line(&run, &["secret.pcap", "permission denied"]);
    assert_eq!(common::tree(&store.join("recordings")).len(), 2, "the file before it is recorded");

    let closed = open.path().join("closed");
    fs::create_dir(&closed).expect("it can be made");
    set_rights(&closed, 0o555);
    let mut command = writer;
    command.arg("replay").arg(&plain).args(["-q", "--store"]).arg(closed.join("store"));
    let run: Run = command.output().expect("the program starts").into();
    assert_eq!(run.code, 4, "{run:?}");
    assert_one_line(&run, &["permission denied"]);
}

#[test]
fn a_store_that_may_only_be_read_is_listed_all_the_same() {
    let Some(mut reader) = unprivileged() else { return };
    let (store, recorded) = one_call();
    let mut folders = vec![store.path(), store.path().parent().expect("a parent").to_path_buf()];
    while let Some(path) = folders.pop() {
        set_rights(&path, if path.is_dir() { 0o755 } else { 0o644 });
        let entries = fs::read_dir(&path).into_iter().flatten();
        folders.extend(
            entries
                .map(|entry| entry.expect("an entry").path())
                .filter(|below| below.starts_with(store.path())),
        );
    }
    if !common::is_root() {
        return; // these are the owner's own rights
    }
    let run: Run = reader
        .args(["calls", "list", "--json", "--store"])
        .arg(store.path())
        .output()
        .expect("it starts")
        .into();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.stdout.trim_end().as_bytes(), recorded.file("call.json").trim_ascii_end());
}

#[test]
fn an_interface_without_rights_is_4_and_says_what_to_do() {
    let Some(mut command) = unprivileged() else { return };
    let store = Store::new();
    let run: Run = command
        .args(["record", "-i", "lo", "--store"])
        .arg(store.path())
        .output()
        .expect("the program starts")
        .into();
    assert_eq!(run.code, 4, "{run:?}");
    assert_one_line(
        &run,
        &["lo: no permission to capture", "sudo setcap cap_net_raw,cap_net_admin=eip /", "sipreel"],
    );
}

// ---- calls ----

#[test]
fn each_filter_finds_what_fits_and_nothing_else() {
    let store = full();
    let all = store.list(&[]);
    assert!(all.len() >= 17);
    let times: Vec<i64> = all.iter().map(|record| micros(&record["invited_at"]).expect("a time")).collect();
    assert!(times.is_sorted(), "oldest first");
    let middle = text(&all[8]["invited_at"]);
    let flags =
        |record: &Value, flag: &str| record["flags"].as_array().expect("flags").iter().any(|one| one == flag);
    let codecs = |record: &Value, codec: &str| {
        let legs = record["legs"].as_array().expect("legs").iter();
        legs.flat_map(|leg| leg["streams"].as_array().expect("streams"))
            .any(|stream| stream["codec"] == codec)
    };
    type Fits<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let filters: Vec<(Vec<&str>, Fits<'_>)> = vec![
        (vec!["--from", "carol"], Box::new(|record| record["caller"]["user"] == "carol")),
        (vec!["--from", "CAR*"], Box::new(|record| record["caller"]["user"] == "carol")),
        (vec!["--from", "alice"], Box::new(|record| record["caller"]["user"] == "alice")),
        (vec!["--to", "*ob"], Box::new(|record| record["callee"]["user"] == "bob")),
        (vec!["--to", "alice"], Box::new(|_| false)),
        (vec!["--party", "carol"], Box::new(|record| record["caller"]["user"] == "carol")),
        (vec!["--party", "bob"], Box::new(|_| true)),
        (vec!["--since", &middle], Box::new(|record| text(&record["invited_at"]) >= middle)),
        (vec!["--until", &middle], Box::new(|record| text(&record["invited_at"]) < middle)),
        (vec!["--since", "2035-01-01T00:00:00Z"], Box::new(|_| false)),
        (vec!["--outcome", "not_answered"], Box::new(|record| record["outcome"] == "not_answered")),
        (
            vec!["--outcome", "not_answered,srtp_no_key"],
            Box::new(|record| {
                ["not_answered", "srtp_no_key"].iter().any(|outcome| record["outcome"] == *outcome)
            }),
        ),
        (
            vec!["--state", "cancelled", "--state", "rejected"],
            Box::new(|record| ["cancelled", "rejected"].iter().any(|state| record["state"] == *state)),
        ),
        (vec!["--codec", "pcmu"], Box::new(|record| codecs(record, "PCMU"))),
        (vec!["--flag", "early_media"], Box::new(|record| flags(record, "early_media"))),
        (vec!["--flag", "hold"], Box::new(|record| flags(record, "hold"))),
        (
            vec!["--min-duration", "8s"],
            Box::new(|record| record["duration_s"].as_f64().is_some_and(|talk| talk >= 8.0)),
        ),
        (vec!["--min-duration", "2m"], Box::new(|_| false)),
        (
            vec!["--from", "alice", "--codec", "PCMU", "--min-duration", "7.5"],
            Box::new(|record| {
                codecs(record, "PCMU") && record["duration_s"].as_f64().is_some_and(|talk| talk >= 7.5)
            }),
        ),
    ];
    let mut found_some = 0;
    for (filter, fits) in filters {
        let truth: Vec<&Value> = all.iter().filter(|record| fits(record)).collect();
        let found = store.list(&filter);
        assert_eq!(found.iter().collect::<Vec<_>>(), truth, "{filter:?}");
        found_some += usize::from(!found.is_empty() && found.len() < all.len());
    }
    assert!(found_some >= 12, "the filters part the calls");
    assert_eq!(store.list(&["--limit", "3"]), all[all.len() - 3..], "the newest three, oldest first");
}

#[test]
fn a_table_is_for_people_and_json_for_programs() {
    let store = full();
    let table = store.calls(&["list"]);
    assert_eq!((table.code, table.stderr.as_str()), (0, ""));
    let mut lines = table.stdout.lines();
    let head = lines.next().expect("a head");
    assert!(["INVITED", "FROM", "TO", "OUTCOME", "ID"].iter().all(|title| head.contains(title)), "{head}");
    for (line, record) in lines.by_ref().zip(store.list(&[])) {
        let shown = ["id", "outcome", "state"].map(|field| text(&record[field]));
        assert!(shown.iter().all(|cell| line.contains(cell)), "{line}");
    }
    let nothing = store.calls(&["list", "--from", "nobody"]);
    assert_eq!((nothing.code, nothing.stdout.as_str(), nothing.stderr.as_str()), (1, "", ""));
}

#[test]
fn a_call_is_shown_with_its_ladder() {
    let (store, recorded) = one_call();
    let shown = store.calls(&["show", &recorded.id()]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let record = &recorded.record;
    let facts =
        [&record["id"], &record["call_id"], &record["invited_at"], &record["ended_at"], &record["outcome"]];
    for fact in facts.map(text) {
        assert!(shown.stdout.contains(&fact), "{fact}: {}", shown.stdout);
    }
    let ladder = ["INVITE", "180", "200", "ACK", "BYE", "127.0.0.21:5060", "127.0.0.22:5060"];
    let mut rest = shown.stdout.as_str();
    for step in &ladder[..5] {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step} in its order: {}", shown.stdout));
        rest = &rest[at + step.len()..];
    }
    assert!(ladder[5..].iter().all(|host| shown.stdout.contains(host)), "{}", shown.stdout);

    let absent = store.calls(&["show", "20260131T101502.123456Z-1f2e3d4c"]);
    assert_eq!((absent.code, absent.stdout.as_str()), (1, ""));
    assert_one_line(&absent, &["20260131T101502.123456Z-1f2e3d4c"]);
}

#[test]
fn a_call_is_exported_with_all_its_files() {
    let (store, recorded) = one_call();
    let to = store.beside("for/the/lawyer");
    let run = store.calls(&["export", &recorded.id(), "--to", to.to_str().expect("a plain path")]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let exported = common::tree(&to);
    for name in ["call.json", "call.pcapng", "call.wav", "series.csv"] {
        let path = to.join(name);
        assert_eq!(exported[Path::new(name)], recorded.file(name), "{name}");
        assert!(run.stdout.lines().any(|line| Path::new(line) == path), "{name} is named: {}", run.stdout);
    }
    assert_eq!(run.stdout.lines().count(), exported.len(), "stdout is the files and nothing else");
}

#[test]
fn what_is_kept_is_what_was_asked_for() {
    let file = fixture("baresip_speech.pcap");
    let frames = capture::frames(&file);
    for (keep, sip, rtp) in [("none", false, false), ("signalling", true, false), ("all", true, true)] {
        let store = Store::new();
        assert_eq!(store.replay(std::slice::from_ref(&file), &["-q", "--keep", keep]).code, 0);
        let kept = store.recorded()[0].folder.join("call.pcapng");
        if !sip {
            assert!(!kept.exists());
            continue;
        }
        let kept = capture::frames(&kept);
        let wanted = frames.iter().filter(|frame| {
            let Some(datagram) = capture::datagram(frame) else { return false };
            rtp || datagram.source.port() == 5060 || datagram.destination.port() == 5060
        });
        assert!(kept.iter().eq(wanted), "{keep}: {} packets", kept.len());
    }
}

// ---- the index ----

#[test]
fn a_damaged_index_costs_no_answer() {
    let store = full();
    let (before, files) = (store.calls(&["list", "--json"]), store.recordings());
    let index = store.path().join("index");
    let good = common::tree(&index);
    for quarters in [1, 2, 3, 4] {
        fs::remove_dir_all(&index).expect("it can be removed");
        for (name, bytes) in &good {
            let mut bytes = bytes.clone();
            if name == Path::new("db") {
                let from = bytes.len() * (4 - quarters) / 4;
                bytes[from..].fill(0);
            }
            fs::create_dir_all(index.join(name).parent().expect("a folder")).expect("it can be made");
            fs::write(index.join(name), bytes).expect("it can be written");
        }
        let after = store.calls(&["list", "--json"]);
        assert_eq!(after.code, 0, "{}", after.stderr);
        assert!(
            after.stdout == before.stdout,
            "{quarters} quarters of sled's file are zero: {}",
            after.stderr
        );
        // Where what is left of the log is enough, there is nothing to tell.
        if quarters == 4 || !after.stderr.is_empty() {
            assert_one_line(&after, &["index"]);
        }
        let again = store.calls(&["list", "--json"]);
        assert!(
            again.stdout == before.stdout && again.stderr.is_empty(),
            "it is whole again: {}",
            again.stderr
        );
    }
    fs::remove_dir_all(&index).expect("it can be removed");
    assert!(store.calls(&["list", "--json"]).stdout == before.stdout, "no index at all");
    common::assert_same_tree(&files, &store.recordings(), "the recordings are not touched");
}

// ---- config ----

#[test]
fn a_configuration_that_is_shown_is_in_order() {
    let shown = common::run(&["config", "show"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let store = Store::new();
    let file = store.beside("sipreel.toml");
    fs::write(&file, shown.stdout).expect("it can be written");
    let checked = common::run(&[Path::new("config"), Path::new("check"), &file]);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{checked:?}");
}

#[test]
fn a_configuration_that_is_not_in_order_is_2_before_anything_is_read() {
    let store = Store::new();
    let file = store.beside("bad.toml");
    fs::write(&file, "store = 'x'\n\n[limits]\nstreams = 0\n").expect("it can be written");
    let at =
        format!("{}:4: limits.streams: 0 is out of range; give a whole number from 1 to", file.display());
    let config = file.to_str().expect("a plain path");
    for arguments in [
        vec!["config", "check", config],
        vec!["replay", "nowhere.pcap", "--config", config],
        vec!["record", "--hep", "127.0.0.1:0", "--config", config],
        vec!["serve", "--config", config],
    ] {
        let run = common::run(&arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert_one_line(&run, &[&at]);
    }
}

#[test]
fn the_command_line_goes_before_the_configuration() {
    let store = Store::new();
    let file = store.beside("sipreel.toml");
    let configured = store.path().display().to_string();
    let text = format!("store = '{configured}'\ndigits = 'keep'\nkeep = 'none'\n[limits]\nstreams = 1234\n");
    fs::write(&file, text).expect("it can be written");
    let run = |arguments: &[&str]| -> Run {
        let mut command = common::sipreel();
        command.env("SIPREEL_CONFIG", &file).args(arguments).output().expect("it starts").into()
    };
    let capture = fixture("baresip_dtmf_rfc4733.pcap");
    let capture = capture.to_str().expect("a plain path");
    let metrics = store.beside("metrics.txt");
    let replayed = run(&["replay", "-q", capture, "--metrics", metrics.to_str().expect("a plain path")]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    let counted = common::Metrics::parse(&fs::read_to_string(metrics).expect("metrics"));
    assert_eq!(counted.of("sipreel_table_limit{table=\"streams\"}"), 1234.0);
    let recorded = store.recorded();
    assert_eq!(recorded.len(), 1, "the configured store");
    assert_eq!(recorded[0].leg("caller")["dtmf"][0]["digit"], "4");
    assert!(!recorded[0].folder.join("call.pcapng").exists());
    assert_eq!(run(&["calls", "list", "--json"]).stdout.lines().count(), 1, "found there too");

    let other = Store::new();
    let path = other.path();
    let path = path.to_str().expect("a plain path");
    let replayed = run(&["replay", "-q", capture, "--store", path, "--digits", "mask", "--keep", "all"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    let recorded = other.recorded();
    assert_eq!(recorded[0].leg("caller")["dtmf"][0]["digit"], "*");
    assert!(recorded[0].folder.join("call.pcapng").exists());
}

#[test]
fn every_table_is_as_large_as_the_configuration_says() {
    let store = Store::new();
    let (file, metrics) = (store.beside("sipreel.toml"), store.beside("metrics.txt"));
    let tables = [
        ("calls", "calls", 2.0),
        ("streams", "streams", 1002.0),
        ("fragmented_packets", "fragments", 1003.0),
        ("fragment_bytes", "fragment_bytes", 1_048_576.0),
        ("duplicates", "duplicates", 1005.0),
        ("packets", "kept_packets", 1_000_006.0),
        ("copied_bytes", "copied_bytes", 1_048_577.0),
        ("signalling_bytes", "signalling_bytes", 10_000_008.0),
    ];
    let keys: String = tables.iter().map(|(key, _, limit)| format!("{key} = {limit}\n")).collect();
    fs::write(&file, format!("[limits]\n{keys}")).expect("it can be written");
    let path = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let more = ["-q", "--config", &path(&file), "--metrics", &path(&metrics)];
    let run = store.replay(&common::all_fixtures(), &more);
    assert_eq!(run.code, 0, "{run:?}");
    let counted = common::Metrics::parse(&fs::read_to_string(metrics).expect("metrics"));
    for (_, table, limit) in tables {
        assert_eq!(counted.of(&format!("sipreel_table_limit{{table=\"{table}\"}}")), limit);
    }
    let seen = counted.of("sipreel_calls_seen_total");
    assert_eq!((counted.sum("sipreel_calls_total"), store.recorded().len() as f64), (seen, seen));
    let unlimited = common::replay(&common::all_fixtures(), &[]).metrics.of("sipreel_calls_seen_total");
    assert!(seen >= unlimited, "no call is refused");
}

// ---- serve ----

/// A server that ends with the test.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(store: &Store) -> Served {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let mut command = common::sipreel();
        command.args(["serve", "--listen", &free.to_string(), "--store"]).arg(store.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let served = Served { child, address: free };
        let begun = Instant::now();
        while TcpStream::connect(free).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it listens");
            thread::sleep(Duration::from_millis(20));
        }
        served
    }

    /// Status line and body.
    fn ask(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: sipreel\r\nConnection: close\r\n\r\n")
            .expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.lines().next().expect("a status").to_owned(), body.to_owned())
    }

    /// Asks it to end as a service manager does; gives the exit code and what went to stdout.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let status = self.child.wait().expect("it ends");
        let mut said = String::new();
        self.child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (status.code(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_server_answers_and_other_commands_work_beside_it() {
    let store = full();
    let before = store.calls(&["list", "--json"]);
    let served = Served::start(&store);
    assert_eq!(served.ask("/healthz"), ("HTTP/1.1 200 OK".into(), "ok\n".into()));
    assert_eq!(served.ask("/readyz"), ("HTTP/1.1 200 OK".into(), "ok\n".into()));
    assert!(served.ask("/nothing").0.contains("404"));
    let (status, metrics) = served.ask("/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let counted = common::Metrics::parse(&metrics);
    let calls = before.stdout.lines().count() as f64;
    assert_eq!((counted.sum("sipreel_calls_seen_total"), counted.sum("sipreel_calls_total")), (calls, calls));
    assert_eq!(counted.sum("sipreel_calls_active"), 0.0);
    assert_metrics_are_well_formed(&metrics);

    let beside = store.calls(&["list", "--json"]);
    assert_eq!(
        (beside.code, &beside.stdout, beside.stderr.as_str()),
        (0, &before.stdout, ""),
        "asked over the socket"
    );
    let id = text(&store.list(&["--limit", "1"])[0]["id"]);
    assert_eq!(store.calls(&["show", &id]).code, 0);
    assert_eq!(served.end(), (Some(0), String::new()));
    assert_eq!(store.calls(&["list", "--json"]).stdout, before.stdout);
    assert!(!store.path().join("sipreel.sock").exists(), "the socket goes with it");
}

/// Every family has HELP and TYPE, and no label names an address, a number or a Call-ID.
fn assert_metrics_are_well_formed(metrics: &str) {
    for line in metrics.lines().filter(|line| line.starts_with("sipreel_")) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let family =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let has = |kind: &str, family: &str| metrics.contains(&format!("# {kind} {family} "));
        assert!(["HELP", "TYPE"].iter().all(|kind| has(kind, name) || has(kind, family)), "{line}");
        let labels =
            line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let values = labels.split("\",").filter_map(|label| label.split_once("=\""));
        for (label, value) in values.map(|(label, value)| (label, value.trim_end_matches('"'))) {
            let word =
                value.chars().any(|letter| letter.is_ascii_alphabetic()) && !value.contains(['@', ':', ' ']);
            assert!(word || ["le", "version", "revision"].contains(&label), "{line}");
        }
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let (store, _) = one_call();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let mut command = common::sipreel();
    let run: Run = command
        .args(["serve", "--listen", &address, "--store"])
        .arg(store.path())
        .output()
        .expect("it starts")
        .into();
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert_one_line(&run, &[&address]);
}

// ---- digits ----

/// Telephone events among kept packets.
fn events(recorded: &Recorded, payload_type: u8) -> Vec<Rtp> {
    let packets = capture::rtp(&capture::frames(&recorded.folder.join("call.pcapng")));
    packets.into_iter().filter(|packet| packet.payload_type == payload_type).collect()
}

const DIALLED: &str = "baresip_dtmf_rfc4733.pcap";

#[test]
fn masked_digits_are_nowhere() {
    let store = Store::new();
    let run = store.replay(&[fixture(DIALLED)], &["--keep", "all"]);
    assert_eq!(run.code, 0);
    assert!(!run.stderr.contains("4321"), "{}", run.stderr);
    let recorded = store.recorded().remove(0);
    let keys = recorded.leg("caller")["dtmf"].as_array().expect("dtmf").clone();
    assert_eq!(keys.iter().map(|key| text(&key["digit"])).collect::<String>(), "*****");
    let sent = sent_events();
    let kept = events(&recorded, sent[0].payload_type);
    assert_eq!(kept.len(), sent.len(), "they are kept");
    for (kept, sent) in kept.iter().zip(&sent) {
        assert!(!(0..=16).contains(&kept.payload[0]), "event {} can be read", kept.payload[0]);
        assert_eq!(kept.payload[1..], sent.payload[1..], "only the key is gone");
        assert_eq!(
            (kept.sequence, kept.time_stamp, kept.at_ns),
            (sent.sequence, sent.time_stamp, sent.at_ns)
        );
    }
    let shown = store.calls(&["show", &recorded.id()]);
    assert!(shown.stdout.contains("*****") && !shown.stdout.contains("4321"), "{}", shown.stdout);
}

#[test]
fn digits_that_may_be_kept_are_kept() {
    let store = Store::new();
    assert_eq!(store.replay(&[fixture(DIALLED)], &["-q", "--keep", "all", "--digits", "keep"]).code, 0);
    let recorded = store.recorded().remove(0);
    let keys = recorded.leg("caller")["dtmf"].as_array().expect("dtmf").clone();
    assert_eq!(keys.iter().map(|key| text(&key["digit"])).collect::<String>(), "4321#");
    let sent = sent_events();
    assert_eq!(events(&recorded, sent[0].payload_type), sent);
    assert!(store.calls(&["show", &recorded.id()]).stdout.contains("4321#"));
}

/// The telephone events of the fixture: what is neither PCMU nor PCMA.
fn sent_events() -> Vec<Rtp> {
    let packets = capture::rtp(&capture::frames(&fixture(DIALLED)));
    let sent: Vec<Rtp> =
        packets.into_iter().filter(|packet| packet.payload_type > 95 && packet.payload.len() == 4).collect();
    assert_eq!(sent.len(), 82);
    sent
}

#[test]
fn digits_in_info_are_masked_too() {
    let Some(folder) = common::captures() else { return };
    let file = folder.join("files/NormB__sipnab__DTMFsipinfo.pcap");
    let shown = Store::new();
    assert_eq!(shown.replay(std::slice::from_ref(&file), &["-q", "--digits", "keep"]).code, 0);
    let masked = Store::new();
    assert_eq!(masked.replay(&[file], &["-q"]).code, 0);
    let keys = |store: &Store| -> String {
        let recorded = store.recorded().remove(0);
        let legs =
            ["caller", "callee"].map(|role| recorded.leg(role)["dtmf"].as_array().expect("dtmf").clone());
        legs.concat().iter().map(|key| text(&key["digit"])).collect()
    };
    let dialled = keys(&shown);
    assert!(!dialled.is_empty() && !dialled.contains('*'), "{dialled}");
    assert_eq!(keys(&masked), "*".repeat(dialled.len()));
    let signals = |store: &Store| -> Vec<String> {
        let kept = String::from_utf8_lossy(&store.recorded().remove(0).file("call.pcapng")).into_owned();
        kept.lines()
            .filter(|line| line.to_ascii_lowercase().starts_with("signal="))
            .map(|line| line.trim().to_owned())
            .collect()
    };
    assert!(
        signals(&shown).iter().any(|line| line.ends_with(|last: char| last.is_ascii_digit())),
        "{:?}",
        signals(&shown)
    );
    assert!(signals(&masked).iter().all(|line| line.ends_with('*')), "{:?}", signals(&masked));
}
