//! What the record tells of a call's signalling beyond its course: the early dialogs that lost, with their streams,
//! redirections, the session timer, what the parties wrote, and by which software.

use std::cell::Cell;
use std::path::Path;

use call::{Call, Dialog, Fork, SessionTimer, Side};
use rtp::Medium;
use store::{Record, Role, Seconds};

use crate::foreign::Foreigners;
use crate::record::stream;
use crate::voice::{Reading, Secrecy, Voice};

/// Adds it to `record`.
pub(crate) fn describe(record: &mut Record, call: &Call, medium: &dyn Medium) {
    let dialog = &call.dialog;
    describe_identities(&mut record.identities, dialog);
    record.forks = call.forks.iter().map(|fork| describe_fork(fork, call, medium)).collect();
    record.redirects = dialog
        .redirects
        .iter()
        .map(|redirect| store::RedirectRecord {
            at: redirect.at,
            status_code: redirect.status_code,
            contacts: redirect.contacts.clone(),
        })
        .collect();
    record.session_timer = dialog.session_timer.map(describe_timer);
    let texts = call.texts.iter().map(|text| store::TextMessage {
        at: text.at,
        from: text.from.clone(),
        to: text.to.clone(),
        content_type: text.content_type.clone(),
        text: text.text.clone(),
        dialog: text.in_dialog,
    });
    record.messages = texts.collect();
}

fn describe_identities(described: &mut store::Identities, dialog: &Dialog) {
    let identities = &dialog.identities;
    described.p_asserted.clone_from(&identities.p_asserted);
    described.p_preferred.clone_from(&identities.p_preferred);
    described.remote_party_id.clone_from(&identities.remote_party_id);
    described.diversion.clone_from(&identities.diversion);
    described.history_info.clone_from(&identities.history_info);
    described.request_uri.clone_from(&dialog.request_uri);
    described.user_agents.caller.clone_from(&identities.user_agents.caller);
    described.user_agents.callee.clone_from(&identities.user_agents.callee);
}

fn describe_timer(timer: SessionTimer) -> store::SessionTimer {
    let SessionTimer { interval, refresher, refreshes, .. } = timer;
    store::SessionTimer { interval_s: Seconds::from(interval), refresher: refresher.map(role), refreshes }
}

fn describe_fork(fork: &Fork, call: &Call, medium: &dyn Medium) -> store::ForkRecord {
    let branch = &fork.branch;
    let streams = Side::BOTH.into_iter().flat_map(|side| streams(fork, side, call, medium));
    store::ForkRecord {
        tag: branch.tag.clone(),
        contact: branch.contact.clone(),
        user_agent: branch.user_agent.clone(),
        status_code: Some(branch.status_code),
        ringing_at: branch.ringing_at,
        answered_at: branch.answered_at,
        ended_at: branch.ended_at,
        streams: streams.collect(),
    }
}

/// Early media that nobody is to hear needs no key and no decoder.
fn streams(fork: &Fork, side: Side, call: &Call, medium: &dyn Medium) -> Vec<store::ForkStream> {
    let secrecy = if fork.negotiation.is_secure() { Secrecy::Shut } else { Secrecy::None };
    let nobody = Foreigners { ffmpeg: None, folder: Path::new("") };
    let (negotiation, until, reports) = (&fork.negotiation, call.media_until, &*call.reported);
    let room = Cell::new(0);
    let reading = Reading { negotiation, side, medium, until, reports, foreigners: &nobody, room };
    let streams = fork.legs.of(side).iter().map(|matched| {
        let voice = Voice::new(matched, &reading, secrecy);
        store::ForkStream { role: role(side), stream: stream(&voice, call) }
    });
    streams.collect()
}

pub(crate) fn role(side: Side) -> Role {
    if side == Side::Caller { Role::Caller } else { Role::Callee }
}
