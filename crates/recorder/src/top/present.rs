//! What is going on in a recorder at one moment: its status, the newest calls in progress, and what became of the last
//! ones. The recorder makes it where somebody asks; `sipreel top` reads it.

use call::{CallKey, Dialog, Phase, SoFar, Tracker};
use clock::Time;
use serde::{Deserialize, Serialize};
use store::Record;

use crate::status::Status;
use crate::table;

/// How all is at one moment.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Present {
    /// When, in RFC 3339.
    pub(crate) at: String,
    /// Seconds since the recorder began.
    pub(crate) uptime_s: f64,
    #[serde(flatten)]
    pub(crate) status: Status,
    /// The newest calls in progress, the newest first.
    pub(crate) calls: Vec<OpenCall>,
    /// What became of the last calls, the last first.
    pub(crate) last: Vec<Ended>,
}

/// A call in progress.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct OpenCall {
    /// The id that its recording will have, as far as it is known.
    pub(crate) id: String,
    pub(crate) caller: String,
    pub(crate) callee: String,
    /// calling, ringing, answered, refused or over: one that waits for stragglers.
    pub(crate) state: String,
    /// Seconds since the first message.
    pub(crate) age_s: f64,
    /// Seconds since the answer.
    pub(crate) talk_s: Option<f64>,
    /// Streams of media, and packets in them.
    pub(crate) streams: u64,
    pub(crate) packets: u64,
}

/// A call that has its outcome.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) caller: String,
    pub(crate) callee: String,
    pub(crate) outcome: String,
    pub(crate) duration_s: Option<f64>,
    pub(crate) ended_at: Option<String>,
}

/// Calls that are named; there may be a hundred thousand.
const MOST_CALLS: usize = 100;

impl Present {
    /// The newest open calls, as of the time of the last packet.
    pub(crate) fn calls_of(tracker: &Tracker, now: Time) -> Vec<OpenCall> {
        let keys: Vec<CallKey> = tracker.open_keys();
        let newest = keys.into_iter().rev().take(MOST_CALLS);
        newest.filter_map(|key| Some(OpenCall::of(&tracker.so_far(key)?, now))).collect()
    }
}

impl OpenCall {
    fn of(so_far: &SoFar<'_>, now: Time) -> OpenCall {
        let dialog = so_far.dialog;
        let seconds = |since: Time| tenths((now - since).as_secs_f64().max(0.0));
        OpenCall {
            id: seal::journal::id(so_far).to_string(),
            caller: party(&dialog.caller),
            callee: party(&dialog.callee),
            state: state(dialog).to_owned(),
            age_s: seconds(dialog.invited_at),
            talk_s: dialog.answered_at.map(seconds),
            streams: so_far.streams.len() as u64,
            packets: so_far.streams.iter().map(|stream| stream.kept.len() as u64).sum(),
        }
    }
}

impl Ended {
    pub(crate) fn of(record: &Record) -> Ended {
        Ended {
            id: record.id.to_string(),
            caller: table::party(&record.caller),
            callee: table::party(&record.callee),
            outcome: record.outcome.to_string(),
            duration_s: record.duration_s.map(|duration| tenths(duration.value())),
            ended_at: record.ended_at.map(Time::to_rfc3339),
        }
    }
}

fn party(address: &sip::NameAddress) -> String {
    let name = address.user().unwrap_or(&address.uri);
    table::printable(if name.is_empty() { "-" } else { name }, 28)
}

fn state(dialog: &Dialog) -> &'static str {
    match dialog.phase() {
        Phase::Calling if dialog.ringing_at.is_some() => "ringing",
        Phase::Calling => "calling",
        Phase::Refused => "refused",
        Phase::Answered => "answered",
        Phase::Over => "over",
    }
}

pub(crate) fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}
