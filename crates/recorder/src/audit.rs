//! `sipreel audit`: the log of who did what with which call, listed and checked.

use std::io::{Write, stdout};

use store::Store;
use store::audit::{Entry, Outcome};

use crate::cli::{Audit, AuditList, AuditVerify};
use crate::exit::Exit;
use crate::table::{align, printable};

pub(crate) fn run(command: &Audit) -> anyhow::Result<Exit> {
    match command {
        Audit::List(arguments) => list(arguments),
        Audit::Verify(arguments) => verify(arguments),
    }
}

fn list(arguments: &AuditList) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let head = ["N", "AT", "WHO", "BY", "CALL", "RESULT", "REASON"].map(str::to_owned);
    let mut rows = vec![head];
    let mut found = 0_u64;
    // Whoever appends waits while the log is read: what is slow comes behind that.
    let mut lines = String::new();
    let unreadable = store.audit().entries(|entry| {
        if fits(arguments, &entry) {
            found += 1;
            if arguments.json {
                lines.push_str(&entry.to_line());
                lines.push('\n');
            } else {
                rows.push(row(&entry));
            }
        }
        Ok(())
    })?;
    if !arguments.json && found > 0 {
        lines = align(&rows);
    }
    stdout().lock().write_all(lines.as_bytes())?;
    if unreadable > 0 {
        eprintln!("sipreel: {unreadable} lines of the log do not hold; `sipreel audit verify` tells where");
    }
    Ok(if found == 0 || unreadable > 0 { Exit::Findings } else { Exit::Done })
}

fn fits(arguments: &AuditList, entry: &Entry) -> bool {
    let by = |user: &String| entry.actor.user.as_ref() == Some(user) || entry.actor.uid.to_string() == *user;
    arguments.call.as_ref().is_none_or(|call| entry.call.as_ref() == Some(call))
        && (arguments.action.is_empty() || arguments.action.contains(&entry.action))
        && arguments.actor.as_ref().is_none_or(by)
        && arguments.since.is_none_or(|since| entry.at >= since)
}

fn row(entry: &Entry) -> [String; 7] {
    let result = match entry.result {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    };
    [
        entry.n.to_string(),
        entry.at.format_utc("%Y-%m-%d %H:%M:%S"),
        printable(&entry.actor.name(), 20),
        printable(if entry.action == "mend" { "mend" } else { &entry.actor.by }, 20),
        entry.call.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        result.to_owned(),
        printable(entry.reason.as_deref().unwrap_or("-"), 60),
    ]
}

fn verify(arguments: &AuditVerify) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let audit = store.audit();
    let verdict = audit.verify()?;
    if arguments.json {
        writeln!(stdout(), "{}", serde_json::to_string(&verdict)?)?;
    } else if let Some(broken) = &verdict.broken {
        writeln!(
            stdout(),
            "{}: line {} breaks the chain: {}",
            audit.path().display(),
            broken.line,
            broken.why
        )?;
    } else {
        let head = verdict.head.as_deref().unwrap_or("-");
        writeln!(stdout(), "{} lines hold; the last one's hash is {head}", verdict.lines)?;
    }
    Ok(if verdict.broken.is_some() { Exit::Findings } else { Exit::Done })
}
