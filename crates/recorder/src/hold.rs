//! `sipreel hold`: calls that must not be deleted, whatever a rule says.

use std::io::{Write, stdout};

use store::audit::Action;
use store::{CallId, Error, Held, LegalHold, Query, Store};

use crate::attach::settle;
use crate::cli::{Hold, HoldAdd, HoldList, HoldRelease, Why};
use crate::exit::Exit;
use crate::log::Log;
use crate::table::{align, printable};

pub(crate) fn run(command: &Hold) -> anyhow::Result<Exit> {
    match command {
        Hold::Add(arguments) => add(arguments),
        Hold::List(arguments) => list(arguments),
        Hold::Release(arguments) => release(arguments),
    }
}

fn add(arguments: &HoldAdd) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let query = arguments.filters.query();
    let what = match (&arguments.id, query == Query::default()) {
        (Some(id), true) => {
            store.record(id)?;
            Held::Call(id.clone())
        }
        (None, false) => Held::Query(Box::new(query)),
        _ => {
            eprintln!(
                "sipreel: name the id of one call, or filters such as --party and --since, and not both"
            );
            return Ok(Exit::Usage);
        }
    };
    let log = Log::new(&store, "hold add", &Why { reason: Some(arguments.reason.clone()) });
    let mut deed = log.deed(Action::Hold, None);
    if let Held::Call(id) = &what {
        deed.call = Some(id.clone());
    }
    // From here on it holds; the records show it for whoever looks at them.
    let hold = store.hold(&deed, &arguments.owner, &arguments.reason, what)?;
    let calls = show(&store, &hold)?;
    settle(&store);
    writeln!(stdout(), "{}", hold.id)?;
    eprintln!("{calls} calls are held by {}", hold.id);
    Ok(Exit::Done)
}

/// Has each call's record say what became of a hold; gives how many there are.
fn show(store: &Store, hold: &LegalHold) -> Result<u64, Error> {
    let mut calls: Vec<CallId> = vec![];
    match &hold.what {
        Held::Call(id) => calls.push(id.clone()),
        Held::Query(query) => store::each(store, query, |record| {
            calls.push(record.id);
            Ok(())
        })?,
    }
    let mut shown = 0;
    for id in &calls {
        match store.show_hold(id, hold) {
            // Deleted before there was a hold.
            Err(Error::Absent { .. }) => {}
            record => {
                record?;
                shown += 1;
            }
        }
    }
    Ok(shown)
}

fn list(arguments: &HoldList) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let holds = store.holds()?;
    let shown: Vec<_> =
        holds.all().iter().filter(|hold| arguments.all || hold.released_at.is_none()).collect();
    let mut out = stdout().lock();
    if arguments.json {
        for hold in &shown {
            writeln!(out, "{}", serde_json::to_string(hold)?)?;
        }
    } else if !shown.is_empty() {
        let head = ["HOLD", "SINCE", "OWNER", "HOLDS", "RELEASED", "REASON"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(shown.iter().map(|hold| row(hold))).collect();
        out.write_all(align(&rows).as_bytes())?;
    }
    Ok(if shown.is_empty() { Exit::Findings } else { Exit::Done })
}

fn row(hold: &LegalHold) -> [String; 6] {
    let what = match &hold.what {
        Held::Call(id) => id.to_string(),
        Held::Query(query) => searched(query),
    };
    [
        hold.id.clone(),
        hold.at.format_utc("%Y-%m-%d %H:%M:%S"),
        printable(&hold.owner, 28),
        printable(&what, 60),
        hold.released_at.map_or_else(|| "-".to_owned(), |at| at.format_utc("%Y-%m-%d %H:%M:%S")),
        printable(&hold.reason, 60),
    ]
}

/// What of a search is set, as JSON has it.
fn searched(query: &Query) -> String {
    let mut json = serde_json::to_value(query).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
    }
    json.to_string()
}

fn release(arguments: &HoldRelease) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "hold release", &Why { reason: Some(arguments.reason.clone()) });
    let hold = store.release(&log.deed(Action::Release, None), &arguments.hold)?;
    let calls = show(&store, &hold)?;
    settle(&store);
    eprintln!("{calls} calls are no longer held by {}", hold.id);
    Ok(Exit::Done)
}
