//! `sipreel calls reconcile`: the calls that a PBX says there were (CDRs) against those of the store. Tells the calls
//! that the mirror never saw, and attaches what the PBX knows of the others, such as an account or a case.

mod cdr;

use std::collections::HashMap;
use std::error;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write, stdin, stdout};
use std::path::Path;

use clock::{Span, Time};
use store::audit::Action;
use store::{CallId, Error, Query, Record, Store, Tag};

use crate::attach::settle;
use crate::cli::Reconcile;
use crate::exit::Exit;
use crate::log::Log;
use crate::table::printable;
use cdr::{Cdr, Cdrs, is_same_party};

pub(crate) fn run(arguments: &Reconcile) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let unusable = |why: anyhow::Error| Unusable(format!("{}: {why:#}", arguments.file.display()));
    let cdrs = open(&arguments.file).and_then(|file| Cdrs::read(file, arguments)).map_err(unusable)?;
    let log = Log::new(&store, "calls reconcile", &arguments.why);
    let mut search = Search::new(&cdrs.rows, Span::from_ns((arguments.within * 1e9) as i64));
    store::each(&store, &search.query(), |record| {
        search.handle_record(&record);
        Ok(())
    })?;
    let found = search.found;
    let (attached, refused) = if arguments.dry_run { (0, 0) } else { attach(&store, &log, &cdrs, &found)? };
    let missing = tell_missing(&cdrs, &found, arguments.json)?;
    let mut deed = log.deed(Action::Reconcile, None);
    deed.detail = serde_json::json!({ "cdrs": cdrs.rows.len(), "missing": missing, "attached": attached });
    log.tell(&deed);
    eprintln!("{} CDRs: {missing} calls were never seen; {attached} calls tagged", cdrs.rows.len());
    if refused > 0 {
        eprintln!("sipreel: {refused} CDRs have values that are no tag, or their call has no room for one");
    }
    if cdrs.unreadable > 0 {
        eprintln!("sipreel: {} lines are no CDR: neither Call-ID nor parties with a time", cdrs.unreadable);
    }
    Ok(match (missing + cdrs.unreadable, refused) {
        (0, 0) => Exit::Done,
        _ => Exit::Findings,
    })
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(stdin()));
    }
    Ok(Box::new(File::open(path)?))
}

/// A file that is no list of calls, or cannot be read.
#[derive(Debug)]
pub(crate) struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Unusable {}

/// CDRs that are looked for among the records.
struct Search<'a> {
    rows: &'a [Cdr],
    by_call_id: HashMap<&'a str, Vec<usize>>,
    /// Those without a Call-ID, by time.
    by_time: Vec<(Time, usize)>,
    within: Span,
    /// The call of each row, and how far its time is from the row's.
    found: Vec<Option<(Span, CallId)>>,
}

impl<'a> Search<'a> {
    fn new(rows: &'a [Cdr], within: Span) -> Search<'a> {
        let mut by_call_id: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut by_time = vec![];
        for (n, row) in rows.iter().enumerate() {
            match (&row.call_id, row.at) {
                (Some(call_id), _) => by_call_id.entry(call_id).or_default().push(n),
                (None, Some(at)) => by_time.push((at, n)),
                (None, None) => {}
            }
        }
        by_time.sort_unstable();
        Search { rows, by_call_id, by_time, within, found: vec![None; rows.len()] }
    }

    /// Every record that one of the rows may be about.
    fn query(&self) -> Query {
        let by_time_alone = self.by_call_id.is_empty();
        let (first, last) = (self.by_time.first(), self.by_time.last());
        Query {
            since: first.filter(|_| by_time_alone).map(|(at, _)| *at - self.within),
            until: last.filter(|_| by_time_alone).map(|(at, _)| *at + self.within + Span::from_ns(1000)),
            ..Query::default()
        }
    }

    fn handle_record(&mut self, record: &Record) {
        let at = record.id.time();
        for &n in self.by_call_id.get(record.call_id.as_str()).into_iter().flatten() {
            // The first call of that Call-ID; forks and repetitions come later.
            if let Some(found) = self.found.get_mut(n) {
                found.get_or_insert_with(|| (Span::ZERO, record.id.clone()));
            }
        }
        let from = self.by_time.partition_point(|(time, _)| *time < at - self.within);
        let near = self.by_time.iter().skip(from).take_while(|(time, _)| *time <= at + self.within);
        for &(time, n) in near {
            let off = if time > at { time - at } else { at - time };
            let fits = self.rows.get(n).is_some_and(|row| is_of(row, record));
            let found = self.found.get_mut(n).filter(|_| fits);
            if let Some(found) = found.filter(|it| it.as_ref().is_none_or(|(before, _)| off < *before)) {
                *found = Some((off, record.id.clone()));
            }
        }
    }
}

/// Whether both parties of a row are those of the call.
fn is_of(row: &Cdr, record: &Record) -> bool {
    let (caller, callee) = (&record.caller, &record.callee);
    let calling = [&caller.user, &caller.uri].into_iter().flatten().chain(&record.identities.p_asserted);
    let called = [&callee.user, &callee.uri, &record.identities.request_uri].into_iter().flatten();
    row.from.as_ref().is_none_or(|from| calling.into_iter().any(|name| is_same_party(from, name)))
        && row.to.as_ref().is_none_or(|to| called.into_iter().any(|name| is_same_party(to, name)))
}

/// Tags the calls that were found; gives how many calls got tags, and how many rows could give none.
fn attach(
    store: &Store,
    log: &Log,
    cdrs: &Cdrs,
    found: &[Option<(Span, CallId)>],
) -> Result<(u64, u64), Error> {
    let (mut attached, mut refused) = (0, 0);
    for (row, found) in cdrs.rows.iter().zip(found) {
        let Some((_, id)) = found.as_ref().filter(|_| !row.attached.is_empty()) else { continue };
        let tags: Result<Vec<Tag>, _> =
            row.attached.iter().map(|(key, value)| Tag::new(key, value)).collect();
        let Ok(tags) = tags else {
            refused += 1;
            continue;
        };
        let has_all = |record: &Record| {
            tags.iter().all(|tag| record.tags.get(tag.key()).is_some_and(|value| value == tag.value()))
        };
        if store.record(id).is_ok_and(|record| has_all(&record)) {
            continue;
        }
        let mut deed = log.deed(Action::Reconcile, Some(id));
        deed.detail = serde_json::json!({ "line": row.line, "tags": row.attached });
        let tagged = store.edit(&deed, |record| {
            record.tag(&tags).map_err(|why| Error::Refused { id: id.clone(), why: why.to_string() })
        });
        match tagged {
            Ok(_) => attached += 1,
            Err(Error::Refused { .. } | Error::Absent { .. }) => refused += 1,
            Err(error) => return Err(error),
        }
    }
    if attached > 0 {
        settle(store);
    }
    Ok((attached, refused))
}

/// Writes the rows without a call; gives how many there are.
fn tell_missing(cdrs: &Cdrs, found: &[Option<(Span, CallId)>], json: bool) -> anyhow::Result<u64> {
    let mut out = stdout().lock();
    let mut missing = 0;
    for (row, _) in cdrs.rows.iter().zip(found).filter(|(_, found)| found.is_none()) {
        missing += 1;
        if json {
            writeln!(out, "{}", row.to_json())?;
        } else {
            let shown = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"), 60);
            let at = row.at.map_or_else(|| "-".to_owned(), Time::to_rfc3339);
            let (from, to, call_id) = (shown(&row.from), shown(&row.to), shown(&row.call_id));
            writeln!(out, "line {}: {at}  {from} > {to}  {call_id}", row.line)?;
        }
    }
    Ok(missing)
}
