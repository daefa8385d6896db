//! `sipreel retention` and `calls delete`: what goes, what stays longer, and what is not to go yet.

use std::io::{Write, stdout};

use serde_json::json;
use store::audit::{Action, Deed};
use store::retention::Due;
use store::{Error, Policy, Query, Store};

use crate::attach::settle;
use crate::cli::{self, Delete, Retention, RetentionApply, RetentionRun, RetentionSet, Why};
use crate::exit::Exit;
use crate::log::Log;
use crate::sweep::Sweep;

pub(crate) fn run(command: &Retention) -> anyhow::Result<Exit> {
    match command {
        Retention::Run(arguments) => sweep(arguments),
        Retention::Apply(arguments) => apply(arguments),
        Retention::Set(arguments) => set(arguments),
    }
}

fn sweep(arguments: &RetentionRun) -> anyhow::Result<Exit> {
    let config = arguments.store.config()?;
    let retention = config.retention()?;
    let store = Store::at(arguments.store.dir_with(&config))?;
    let log = Log::new(&store, "retention run", &arguments.why);
    if !arguments.dry_run {
        store.finish_deletions(cli::now(), log.actor())?;
    }
    let holds = store.holds()?;
    let sweep = Sweep { store: &store, retention: &retention, log: &log, now: cli::now() };
    let due = sweep.due(&holds, |query, take| store::each(&store, query, take))?;
    let mut out = stdout().lock();
    let (mut calls, mut bytes) = (0_u64, 0);
    for due in &due {
        if arguments.dry_run || sweep.delete(due, &holds)? {
            tell(&mut out, due, arguments.json)?;
            calls += 1;
            bytes += due.bytes;
        }
    }
    if arguments.dry_run {
        eprintln!("{calls} calls with {bytes} bytes would be deleted");
    } else {
        settle(&store);
        let mut deed = log.deed(Action::Retention, None);
        deed.detail = json!({ "deleted": calls, "bytes": bytes });
        store.audit().append(&deed)?;
        eprintln!("{calls} calls with {bytes} bytes deleted");
    }
    Ok(Exit::Done)
}

fn tell(out: &mut impl Write, due: &Due, json: bool) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string(due)?)?;
    } else {
        writeln!(out, "{}  {}  {}  {} bytes", due.id, due.rule, due.why.as_str(), due.bytes)?;
    }
    Ok(())
}

fn apply(arguments: &RetentionApply) -> anyhow::Result<Exit> {
    let config = arguments.store.config()?;
    let retention = config.retention()?;
    let store = Store::at(arguments.store.dir_with(&config))?;
    let log = Log::new(&store, "retention apply", &arguments.why);
    let mut changes = vec![];
    store::each(&store, &Query::default(), |record| {
        let decided = retention.decide(&record);
        if decided != record.policy {
            changes.push((record.id.clone(), record.policy.is_lowered_by(&decided)));
        }
        Ok(())
    })?;
    let mut out = stdout().lock();
    let (mut changed, mut refused) = (0_u64, 0_u64);
    for (id, is_lowered) in changes {
        let is_refused = is_lowered && !arguments.force;
        if !is_refused && !arguments.dry_run {
            let mut deed = log.deed(Action::Retention, Some(&id));
            deed.detail = json!({ "lowered": is_lowered });
            let forced = arguments.force;
            let applied = store.edit(&deed, |record| {
                let decided = retention.decide(record);
                lower(&record.policy, &decided, forced)
                    .map_err(|why| Error::Refused { id: record.id.clone(), why })?;
                record.policy = decided;
                Ok(())
            });
            match applied {
                Err(Error::Absent { .. } | Error::Refused { .. }) => continue,
                applied => drop(applied?),
            }
        }
        (changed, refused) = (changed + u64::from(!is_refused), refused + u64::from(is_refused));
        let word = match (is_refused, is_lowered) {
            (true, _) => "refused",
            (_, true) => "lowered",
            _ => "raised",
        };
        if arguments.json {
            writeln!(out, "{}", json!({ "id": id, "result": word }))?;
        } else {
            writeln!(out, "{id}  {word}")?;
        }
    }
    if !arguments.dry_run {
        settle(&store);
    }
    eprintln!("{changed} calls changed");
    if refused > 0 {
        eprintln!(
            "sipreel: {refused} calls would be kept less long, and are left as they are; --force does it"
        );
    }
    Ok(if refused > 0 { Exit::Findings } else { Exit::Done })
}

fn set(arguments: &RetentionSet) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "retention set", &arguments.why);
    let mut deed = log.deed(Action::Retention, Some(&arguments.id));
    deed.detail = json!({ "until": arguments.until.to_rfc3339(), "forced": arguments.force });
    store.edit(&deed, |record| {
        let rule = record.policy.rule.clone().or_else(|| Some("by-hand".to_owned()));
        let policy = Policy { rule, retain_until: Some(arguments.until), holds: record.policy.holds.clone() };
        lower(&record.policy, &policy, arguments.force)
            .map_err(|why| Error::Refused { id: record.id.clone(), why })?;
        record.policy = policy;
        Ok(())
    })?;
    settle(&store);
    Ok(Exit::Done)
}

/// Whether a call may be kept by `after` from here on.
fn lower(before: &Policy, after: &Policy, force: bool) -> Result<(), String> {
    if force || !before.is_lowered_by(after) {
        return Ok(());
    }
    let until = before.retain_until.map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
    Err(format!("it is kept {until}; --force keeps it less long"))
}

pub(crate) fn delete(arguments: &Delete) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls delete", &Why { reason: Some(arguments.reason.clone()) });
    store.finish_deletions(cli::now(), log.actor())?;
    let deed: Deed = log.deed(Action::Delete, Some(&arguments.id));
    let holds = store.holds()?;
    store.delete(&deed, &holds, |record| match record.policy.retain_until {
        Some(until) if until > deed.at && !arguments.force => {
            Err(format!("it is kept until {until}; --force deletes it all the same"))
        }
        _ => Ok(()),
    })?;
    settle(&store);
    Ok(Exit::Done)
}
