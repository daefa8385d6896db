//! `sipreel verify` and `sipreel keys`: whether everything is as it was signed, and by which keys.

use std::io::{Write, stdout};

use anyhow::Context;
use serde_json::json;
use store::audit::{Action, Outcome};
use store::integrity::{Fault, Finding};
use store::{Query, Store};

use crate::cli::{self, Keys, Verify};
use crate::exit::Exit;
use crate::log::Log;

pub(crate) fn run(arguments: &Verify) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "verify", &arguments.why);
    if arguments.sign_new {
        sign_new(&store, &log)?;
    }
    let query = Query { since: arguments.since, until: arguments.until, ..Query::default() };
    let mut out = stdout().lock();
    let mut written = Ok(());
    let verified = store.verify(&query, arguments.id.as_ref(), |finding| {
        if written.is_ok() {
            written = tell(&mut out, &finding, arguments.json);
        }
    })?;
    written?;
    let audit = store.audit().verify()?;
    if let Some(broken) = &audit.broken {
        let finding = Finding {
            fault: Fault::Line,
            path: "audit.log".to_owned(),
            call: None,
            second: None,
            at: Some(broken.line),
        };
        tell(&mut out, &finding, arguments.json)?;
    }
    let is_fine = verified.findings == 0 && audit.broken.is_none();
    let mut deed = log.deed(Action::Verify, arguments.id.as_ref());
    deed.detail = json!({ "calls": verified.calls, "findings": verified.findings });
    deed.result = if is_fine { Outcome::Done } else { Outcome::Failed };
    log.tell(&deed);
    if arguments.json {
        writeln!(out, "{}", json!({ "verified": verified }))?;
    } else {
        eprintln!(
            "{} calls with {} files and {} bytes, {} deleted ones: {} findings",
            verified.calls,
            verified.files,
            verified.bytes,
            verified.deleted,
            verified.findings + u64::from(audit.broken.is_some()),
        );
    }
    Ok(if is_fine { Exit::Done } else { Exit::Findings })
}

fn sign_new(store: &Store, log: &Log) -> anyhow::Result<()> {
    let signed = store.sign_new().context("the calls that nobody signed cannot be signed")?;
    store.seal_days(cli::now())?;
    let mut deed = log.deed(Action::Key, None);
    deed.detail = json!({ "signed_calls": signed });
    store.audit().append(&deed)?;
    eprintln!("{signed} calls signed as they are now");
    Ok(())
}

fn tell(out: &mut impl Write, finding: &Finding, json: bool) -> std::io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string(finding)?);
    }
    let place = match (finding.second, finding.at) {
        (Some(second), Some(at)) => format!(" from second {second} on (byte {at})"),
        (None, Some(line)) if finding.call.is_none() => format!(", line {line}"),
        (None, Some(at)) => format!(" from byte {at} on"),
        _ => String::new(),
    };
    let what = match finding.fault {
        Fault::Changed => "was changed",
        Fault::Length => "was cut or lengthened",
        Fault::Missing => "is gone",
        Fault::Unsigned => "was signed by nobody",
        Fault::Deleted => "was deleted and is there",
        Fault::Line => "has a line without a signature or hash that holds",
        Fault::Order => "has a line that does not follow the one before it",
        Fault::Key => "is not the key that it was",
        Fault::Root => "is not what its day's root was taken of",
    };
    writeln!(out, "{}: {what}{place}", finding.path)
}

pub(crate) fn keys(command: &Keys) -> anyhow::Result<Exit> {
    let Keys::List(arguments) = command;
    let store = Store::at(arguments.store.dir()?)?;
    let keys = store.public_keys()?;
    let mut out = stdout().lock();
    for key in &keys {
        if arguments.json {
            writeln!(out, "{}", json!({ "key": key.name.as_str(), "path": key.path }))?;
        } else {
            writeln!(out, "{}  {}", key.name, key.path.display())?;
        }
    }
    Ok(if keys.is_empty() { Exit::Findings } else { Exit::Done })
}
