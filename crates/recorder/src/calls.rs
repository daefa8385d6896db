//! `sipreel calls`: find and show what was recorded.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};

use anyhow::Context;
use ladder::Ladder;
use store::audit::Action;
use store::{CallId, Query, Record, Records, Source, Store};

use crate::attach;
use crate::chain;
use crate::cli::{Calls, List, One};
use crate::exit::Exit;
use crate::export;
use crate::listen;
use crate::log::Log;
use crate::reconcile;
use crate::retention;
use crate::signalling;
use crate::table;

pub(crate) fn run(command: &Calls) -> anyhow::Result<Exit> {
    match command {
        Calls::List(arguments) => list(arguments),
        Calls::Show(arguments) => show(arguments),
        Calls::Explain(arguments) => explain(arguments),
        Calls::Listen(arguments) => listen::run(arguments),
        Calls::Export(arguments) => export::run(arguments),
        Calls::Tag(arguments) => attach::tag(arguments),
        Calls::Note(arguments) => attach::note(arguments),
        Calls::Delete(arguments) => retention::delete(arguments),
        Calls::Reconcile(arguments) => reconcile::run(arguments),
    }
}

fn list(arguments: &List) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let records = match &arguments.linked {
        Some(id) => linked(&store, id, &query(arguments))?,
        None => {
            let found = Records::find(&store, &query(arguments))?;
            tell_of(&found.source);
            found.records
        }
    };
    let log = Log::new(&store, "calls list", &arguments.why);
    let mut deed = log.deed(Action::List, arguments.linked.as_ref());
    deed.detail = serde_json::json!({ "query": query(arguments), "found": records.len() });
    log.tell(&deed);
    let mut out = stdout().lock();
    if arguments.json {
        for record in &records {
            writeln!(out, "{}", record.to_json())?;
        }
    } else if !records.is_empty() {
        out.write_all(table::draw(&records).as_bytes())?;
    }
    if records.is_empty() && stdout().is_terminal() {
        eprintln!("no call fits");
    }
    Ok(if records.is_empty() { Exit::Findings } else { Exit::Done })
}

/// The calls of a conversation that fit, from their files.
fn linked(store: &Store, id: &CallId, query: &Query) -> anyhow::Result<Vec<Record>> {
    let mut records = chain::of(store, &store.record(id)?);
    records.retain(|record| query.matches(record));
    let newest = query.limit.map_or(0, |limit| records.len().saturating_sub(limit));
    Ok(records.split_off(newest))
}

fn query(arguments: &List) -> Query {
    Query { limit: arguments.limit, ..arguments.filters.query() }
}

/// A word where the answer did not come from an index in order.
fn tell_of(source: &Source) {
    match source {
        Source::Index(store::Opened::Fine) | Source::Owner => {}
        Source::Index(opened) => eprintln!("sipreel: {opened}"),
        Source::Files(read) => eprintln!(
            "sipreel: the index cannot be opened here; {} records were read from their files",
            read.records
        ),
    }
}

fn show(arguments: &One) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls show", &arguments.why);
    let record = log.told(Action::Show, &arguments.id, store.record(&arguments.id))?;
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", record.to_json())?;
        return Ok(Exit::Done);
    }
    out.write_all(facts(&record).as_bytes())?;
    if !record.links.is_empty() {
        writeln!(out)?;
        out.write_all(chain::draw(&chain::of(&store, &record), &record.id).as_bytes())?;
    }
    if let Some(packets) = store.packets(&record.id) {
        let ladder = Ladder::read(&packets).with_context(|| format!("{}: no ladder", packets.display()))?;
        if let Some(damage) = &ladder.damage {
            eprintln!("sipreel: {damage}");
        }
        writeln!(out)?;
        out.write_all(ladder.draw(WIDTH).as_bytes())?;
    }
    Ok(Exit::Done)
}

fn explain(arguments: &One) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let log = Log::new(&store, "calls explain", &arguments.why);
    let explanation =
        explain::explain(&log.told(Action::Explain, &arguments.id, store.record(&arguments.id))?);
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", explanation.to_json())?;
    } else {
        write!(out, "{explanation}")?;
    }
    Ok(Exit::Done)
}

/// Columns of a plain terminal.
const WIDTH: usize = 100;

/// What is known of a call, one line a fact.
fn facts(record: &Record) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    let time = |at: Option<clock::Time>| at.map_or_else(|| "-".to_owned(), clock::Time::to_rfc3339);
    let seconds = |seconds: Option<store::Seconds>| {
        seconds.map_or_else(|| "-".to_owned(), |s| format!("{:.3} s", s.value()))
    };
    let who = |party: &store::Party| {
        let display = party.display.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        table::printable(&format!("{display}<{}>", party.uri.as_deref().unwrap_or("-")), 100)
    };
    fact("call", record.id.as_str());
    fact("call-id", &table::printable(&record.call_id, 100));
    fact("caller", &who(&record.caller));
    fact("callee", &who(&record.callee));
    fact("invited", &time(record.invited_at));
    fact("ringing", &time(record.ringing_at));
    fact("answered", &format!("{}  after {}", time(record.answered_at), seconds(record.setup_s)));
    fact("ended", &format!("{}  talked {}", time(record.ended_at), seconds(record.duration_s)));
    let reason = record.end_reason.map_or("-", store::EndReason::as_str);
    let status = record.status_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    fact("state", &format!("{}, {reason}, status {status}", record.state));
    fact("outcome", record.outcome.as_str());
    if !record.flags.is_empty() {
        fact("flags", &record.flags.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    if let Some(told) = kept(&record.policy) {
        fact("kept", &told);
    }
    for (key, value) in &record.tags {
        fact("tag", &table::printable(&format!("{key}={value}"), 100));
    }
    for note in &record.notes {
        let (at, who) = (note.at.format_utc("%Y-%m-%d %H:%M:%S"), table::printable(&note.actor, 20));
        fact("note", &format!("{at} {who}: {}", table::printable(&note.text, 1000)));
    }
    for (name, told) in signalling::facts(record) {
        fact(name, &told);
    }
    if let Some(audio) = &record.recording {
        fact(
            "audio",
            &format!("{}  {:.2} s at {} Hz", audio.path, audio.duration_s.value(), audio.sample_rate),
        );
    }
    for leg in &record.legs {
        for stream in &leg.streams {
            fact(leg.role.as_str(), &described(stream));
        }
        if !leg.dtmf.is_empty() {
            fact(
                leg.role.as_str(),
                &format!("dialled {}", leg.dtmf.iter().map(|key| key.digit).collect::<String>()),
            );
        }
    }
    text
}

/// By which class a call is kept, and until when; nothing where nobody said.
fn kept(policy: &store::Policy) -> Option<String> {
    let until = policy.retain_until.map(|until| format!("until {until}"));
    let rule = policy.rule.as_ref().map(|rule| format!("by {}", table::printable(rule, 64)));
    let held = (!policy.holds.is_empty())
        .then(|| table::printable(&format!("held: {}", policy.holds.join(", ")), 100));
    let all: Vec<String> = [until, rule, held].into_iter().flatten().collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn described(stream: &store::StreamRecord) -> String {
    let within: String = stream.encapsulation.iter().map(|wrap| format!(", in {wrap}")).collect();
    format!(
        "{} {} > {}  {}  {} packets, {} lost, jitter {:.1} ms  ({}, {}{within})",
        stream.ssrc,
        stream.source,
        stream.destination,
        stream.codec.as_deref().unwrap_or("?"),
        stream.packets,
        stream.lost,
        stream.jitter_ms.mean.value(),
        stream.matched.rule,
        stream.matched.confidence.value(),
    )
}
