//! What `calls show` tells of a call's signalling beyond its course: who else was named, who else rang, what was
//! written.

use store::Record;

use crate::table::printable;

/// Facts by their names, each one line; none where there is nothing to tell.
pub(crate) fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let identities = &record.identities;
    for (name, values) in [
        ("asserted", &identities.p_asserted),
        ("preferred", &identities.p_preferred),
        ("remote id", &identities.remote_party_id),
        ("diversion", &identities.diversion),
        ("history", &identities.history_info),
    ] {
        facts.extend(values.iter().map(|value| (name, printable(value, WIDEST))));
    }
    let agents = &identities.user_agents;
    for (role, agent) in [("caller", &agents.caller), ("callee", &agents.callee)] {
        facts.extend(agent.iter().map(|agent| (role, format!("uses {}", printable(agent, WIDEST)))));
    }
    for redirect in &record.redirects {
        let to = printable(&redirect.contacts.join(", "), WIDEST);
        facts.push(("redirected", format!("{}  to {to}", redirect.status_code)));
    }
    facts.extend(record.session_timer.iter().map(|timer| ("session", session(timer))));
    facts.extend(record.forks.iter().map(|fork| ("fork", forked(fork))));
    for message in &record.messages {
        let text = message.text.as_deref().unwrap_or("(no text)");
        let line = format!("{}  {} > {}  {text}", message.at.to_rfc3339(), message.from, message.to);
        facts.push(("message", printable(&line, WIDEST)));
    }
    facts
}

fn session(timer: &store::SessionTimer) -> String {
    let refresher = timer.refresher.map_or("nobody named", store::Role::as_str);
    let (interval_s, refreshes) = (timer.interval_s.value(), timer.refreshes);
    format!("{interval_s:.0} s at the most, refreshed {refreshes} times by {refresher}")
}

fn forked(fork: &store::ForkRecord) -> String {
    let who = fork.contact.as_deref().unwrap_or(&fork.tag);
    let agent = fork.user_agent.as_ref().map(|agent| format!(" ({agent})")).unwrap_or_default();
    let status = fork.status_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    let streams = fork.streams.len();
    printable(&format!("{who}{agent}  status {status}, {streams} streams of early media"), WIDEST)
}

/// Longer than a line of a terminal, and no longer than is pleasant.
const WIDEST: usize = 160;
