//! The coverage ledger for people and programs: what was seen, what became of it, and who lost what. A recorder tells it
//! over the socket of its store; without one, the index tells what it can.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{Write, stdout};

use serde::{Deserialize, Serialize};
use store::{Outcome, Query, Record, Records, Store};

use crate::cli::Status as Arguments;
use crate::exit::Exit;
use crate::journal::Standing;
use crate::watermarks::Level;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let store = Store::at(arguments.store.dir()?)?;
    let status = match store::socket::ask_status(&store) {
        Ok(json) => serde_json::from_str(&json)?,
        Err(_) => Status::of_store(&store)?,
    };
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", status.to_json())?;
    } else {
        write!(out, "{status}")?;
    }
    Ok(Exit::Done)
}

/// How a recorder, or a store without one, is.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Status {
    /// Whether a recorder told this; its counts are those since it began.
    pub(crate) recording: bool,
    /// Calls seen.
    pub(crate) seen: u64,
    /// Calls that have no outcome yet.
    pub(crate) active: u64,
    /// Calls with an outcome that were to be recorded: answered, and of no policy that skips them.
    pub(crate) eligible: u64,
    /// Calls of which there is audio.
    pub(crate) recorded: u64,
    /// Each outcome.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Of the calls seen, those that were open when an earlier recorder ended.
    pub(crate) recovered: u64,
    /// Packets that came.
    pub(crate) packets: u64,
    /// Packets that were lost, by who lost them.
    pub(crate) dropped: Dropped,
    pub(crate) disk: Disk,
    pub(crate) journal: Journals,
    /// When the newest recorded call ended, in RFC 3339.
    pub(crate) last_recording_at: Option<String>,
}

/// Packets, by who lost them.
#[derive(Serialize, Deserialize, Clone, Copy, Default, Debug)]
pub(crate) struct Dropped {
    pub(crate) interface: u64,
    pub(crate) kernel: u64,
    pub(crate) queue: u64,
    pub(crate) disk: u64,
}

/// The disk of the store.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Disk {
    pub(crate) free_bytes: u64,
    pub(crate) used_bytes: u64,
    /// fine, low or full.
    pub(crate) level: String,
}

/// The journals of the open calls.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub(crate) struct Journals {
    pub(crate) lag_s: f64,
    pub(crate) bytes: u64,
    pub(crate) missed_packets: u64,
}

impl From<Standing> for Journals {
    fn from(standing: Standing) -> Journals {
        let lag_s = (standing.lag.as_secs_f64() * 1000.0).round() / 1000.0;
        Journals { lag_s, bytes: standing.bytes, missed_packets: standing.missed }
    }
}

impl Status {
    /// What the outcomes say, whoever counted them.
    pub(crate) fn of_outcomes(outcomes: impl Iterator<Item = (Outcome, u64)>) -> Status {
        let mut status = Status::default();
        status.outcomes.extend(Outcome::ALL.iter().map(|outcome| (outcome.as_str().to_owned(), 0)));
        for (outcome, count) in outcomes {
            status.outcomes.insert(outcome.as_str().to_owned(), count);
            status.seen += count;
            status.eligible += if is_eligible(outcome) { count } else { 0 };
            status.recorded += if has_audio(outcome) { count } else { 0 };
        }
        status
    }

    fn of_store(store: &Store) -> Result<Status, store::Error> {
        let records = Records::find(store, &Query::default())?.records;
        let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
        for record in &records {
            *outcomes.entry(record.outcome).or_default() += 1;
        }
        let mut status = Status::of_outcomes(outcomes.into_iter());
        let recordings = || records.iter().filter(|record| record.recording.is_some());
        status.last_recording_at = recordings().filter_map(ended_at).max();
        let bytes = |record: &Record| record.recording.as_ref().map_or(0, |recording| recording.bytes);
        status.disk = Disk {
            free_bytes: store.free_bytes()?,
            used_bytes: recordings().map(bytes).sum(),
            level: Level::Fine.to_string(),
        };
        Ok(status)
    }

    pub(crate) fn to_json(&self) -> String {
        // Of numbers, words and maps by words nothing fails.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// When a recorded call ended.
pub(crate) fn ended_at(record: &Record) -> Option<String> {
    record.ended_at.map(clock::Time::to_rfc3339)
}

fn is_eligible(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::NotAnswered | Outcome::PolicySkipped)
}

fn has_audio(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Recorded | Outcome::RecordedPartial | Outcome::OneWay)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.recording { "a recorder is at work" } else { "no recorder is at work" };
        writeln!(f, "{who}")?;
        let mut line = format!(
            "{} calls seen, {} active, {} eligible, {} recorded",
            self.seen, self.active, self.eligible, self.recorded
        );
        for (outcome, count) in self.outcomes.iter().filter(|(_, count)| **count > 0) {
            write!(line, "; {count} {outcome}")?;
        }
        writeln!(f, "{line}")?;
        if self.recording {
            let Dropped { interface, kernel, queue, disk } = self.dropped;
            writeln!(
                f,
                "{} packets; lost by interface {interface}, kernel {kernel}, queue {queue}, disk {disk}",
                self.packets
            )?;
            let Journals { lag_s, bytes, missed_packets } = self.journal;
            writeln!(f, "journal {lag_s:.1} s behind, {bytes} bytes, {missed_packets} packets missed")?;
        }
        let Disk { free_bytes, used_bytes, level } = &self.disk;
        writeln!(f, "disk {level}: {} MiB free, {} MiB of audio", free_bytes >> 20, used_bytes >> 20)?;
        writeln!(f, "last recording {}", self.last_recording_at.as_deref().unwrap_or("none"))
    }
}
