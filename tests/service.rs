//! The recorder as a service: what it tells the service manager, what it is allowed to, and the rights of its files.

#![cfg(test)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::live::Recorder;
use common::{Store, fixture};

/// The next thing that is said, without what people read.
fn said(manager: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let length = manager.recv(&mut message).expect("something is said in time");
    let text = String::from_utf8_lossy(message.get(..length).unwrap_or_default()).into_owned();
    text.lines().filter(|line| !line.starts_with("STATUS=")).collect()
}

#[test]
fn a_service_manager_hears_when_it_is_ready_alive_and_stopping() {
    let store = Store::new();
    let socket = store.beside("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
    let mut command = common::sipreel();
    command.args(["record", "--hep", "127.0.0.1:0", "--store"]).arg(store.path());
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
    let recorder = Recorder::start(&mut command);
    assert_eq!(said(&manager), "READY=1");
    assert_eq!((said(&manager), said(&manager)), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    assert_eq!(recorder.end().0, Some(0));
    let last = std::iter::repeat_with(|| said(&manager)).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

/// Fields of /proc/PID/status.
fn status(pid: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field is there");
    line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn root_becomes_another_user_and_keeps_the_rights_to_capture() {
    let store = Store::new();
    let nobody = Command::new("id").args(["-u", "nobody"]).output().expect("id runs").stdout;
    let nobody = String::from_utf8_lossy(&nobody).trim().to_owned();
    fs::create_dir(store.path()).expect("it can be made");
    let given = Command::new("chown").arg("nobody").arg(store.path()).status().expect("chown runs");
    if !given.success() {
        println!("skipped: only root can become another user");
        return;
    }
    // The folder of the test is for its owner alone.
    for folder in store.path().ancestors().skip(1).take(1) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("rights can be set");
    }
    let mut command = common::sipreel();
    command.args(["record", "--hep", "127.0.0.1:0", "-Z", "nobody", "--store"]).arg(store.path());
    let mut recorder = Recorder::start(&mut command);
    recorder.wait_for("recording from");
    let pid = recorder.id();
    assert_eq!(status(pid, "Uid"), [nobody.as_str(); 4].join(" "));
    let rights = u64::from_str_radix(&status(pid, "CapEff"), 16).expect("a number");
    assert_eq!(rights & !(1 << 12 | 1 << 13), 0, "no more than CAP_NET_ADMIN and CAP_NET_RAW: {rights:x}");
    assert_eq!(status(pid, "CapPrm"), status(pid, "CapEff"));
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert_eq!(recorder.end().0, Some(0));
}

#[test]
fn a_user_that_is_not_there_is_a_mistake_and_nothing_is_made() {
    let store = Store::new();
    let mut command = common::sipreel();
    command.args(["record", "--hep", "127.0.0.1:0", "-Z", "nosuchuser", "--store"]).arg(store.path());
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "sipreel: -Z nosuchuser: there is no such user\n");
    assert!(!store.path().exists());
}

#[test]
fn files_are_for_the_owner_and_the_group_to_read() {
    let store = Store::new();
    assert_eq!(store.replay(&[fixture("sipp_pcma_play.pcap")], &["-q"]).code, 0);
    let mut folders = vec![store.path()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let mode = entry.metadata().expect("it is there").permissions().mode() & 0o777;
            let is_folder = entry.path().is_dir();
            // The key that signs is for nobody else.
            let of_file = if entry.file_name() == "signing.key" { 0o600 } else { 0o640 };
            assert_eq!(mode, if is_folder { 0o750 } else { of_file }, "{}", entry.path().display());
            if is_folder { folders.push(entry.path()) } else { files += 1 }
        }
    }
    assert!(files >= 3, "a call and an index are files");
}

#[test]
fn the_unit_is_in_order_as_far_as_it_can_be_told_here() {
    let unit =
        fs::read_to_string(common::repository().join("packaging/sipreel.service")).expect("it is there");
    let dir = tempfile::tempdir().expect("a folder");
    // Where the program is, it is looked for; here it is not installed.
    let path = dir.path().join("sipreel.service");
    let here = unit.replace("/usr/bin/sipreel", env!("CARGO_BIN_EXE_sipreel"));
    fs::write(&path, here).expect("it can be written");
    let analyze =
        |arguments: &[&str], path: &Path| Command::new("systemd-analyze").args(arguments).arg(path).output();
    match analyze(&["verify", "--man=no"], &path) {
        Ok(output) if output.status.success() && output.stderr.is_empty() => {}
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("skipped: no systemd-analyze here"),
    }
    for line in ["Type=notify", "WatchdogSec=30", "CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN"] {
        assert!(unit.lines().any(|own| own == line), "{line}");
    }
}
