//! The commands by which a store is kept in order: what is attached, deleted, held, and logged.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clock::Time;
use store::{CallId, Note, Tag};

use super::{Filters, InStore, Why, duration, time};

#[derive(Args, Debug)]
pub(crate) struct TagCall {
    /// The id of the call
    pub(crate) id: CallId,
    /// What to set; `KEY=` takes a tag off
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<Tag>,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct NoteCall {
    /// The id of the call
    pub(crate) id: CallId,
    /// The note
    #[arg(value_parser = Note::check)]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// The id of the call
    pub(crate) id: CallId,
    /// Why, for the audit log and for what is left of the call
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Also where a class keeps it longer; a hold still forbids it
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: InStore,
}

#[derive(Args, Debug)]
pub(crate) struct Reconcile {
    /// The calls, one a line, under a line with the columns' names; '-' is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The column with the Call-ID [default: one named call_id, call-id, callid or sip_call_id]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) call_id: Option<String>,
    /// The column with the caller [default: from, caller, src, source or calling]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) from: Option<String>,
    /// The column with the callee [default: to, callee, dst, destination or called]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) to: Option<String>,
    /// The column with the time of the invite: RFC 3339, `2026-01-31 10:15:02` in UTC, or seconds since 1970 [default:
    /// time, start, calldate, start_time or invited_at]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time: Option<String>,
    /// A column whose values become a tag of the call, under its own name or another; may be given again
    #[arg(long, value_name = "COLUMN[=TAG]")]
    pub(crate) attach: Vec<String>,
    /// How far the times of one call may lie apart where no Call-ID tells
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) within: f64,
    /// Attach nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The calls that were never seen as one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Retention {
    /// Delete the calls whose time is over, and the oldest of classes that need room
    Run(RetentionRun),
    /// Decide anew by which class each call is kept, after the configuration or the tags were changed
    Apply(RetentionApply),
    /// Keep one call until another time
    Set(RetentionSet),
}

#[derive(Args, Debug)]
pub(crate) struct RetentionRun {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One JSON object a call
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct RetentionApply {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Also where a call would be kept less long than it is now
    #[arg(long)]
    pub(crate) force: bool,
    /// Tell what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One JSON object a call
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct RetentionSet {
    /// The id of the call
    pub(crate) id: CallId,
    /// Until when: RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Time,
    /// Also where that is sooner than it is now
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Hold {
    /// Hold one call, or all that fit, now and later
    Add(Box<HoldAdd>),
    /// List the holds
    List(HoldList),
    /// End a hold
    Release(HoldRelease),
}

#[derive(Args, Debug)]
pub(crate) struct HoldAdd {
    /// The id of one call
    pub(crate) id: Option<CallId>,
    /// Who answers for the hold
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Args, Debug)]
pub(crate) struct HoldList {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Those that were released, too
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON object a hold
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct HoldRelease {
    /// The hold, as `hold list` shows it
    pub(crate) hold: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) store: InStore,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Audit {
    /// List the log's lines, oldest first
    List(AuditList),
    /// Hold each line against the chain, and tell the first that breaks it
    Verify(AuditVerify),
}

#[derive(Args, Debug)]
pub(crate) struct AuditList {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// The lines as they stand, one JSON object each, instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// About that call
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<CallId>,
    /// Of these kinds, such as export or delete
    #[arg(long, value_delimiter = ',')]
    pub(crate) action: Vec<String>,
    /// By that user: a name, or a number
    #[arg(long, value_name = "USER")]
    pub(crate) actor: Option<String>,
    /// Done at that time or later: RFC 3339, or back from now as -30m, -2h, -7d
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) since: Option<Time>,
}

#[derive(Args, Debug)]
pub(crate) struct AuditVerify {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// The verdict as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// One call alone
    pub(crate) id: Option<CallId>,
    #[command(flatten)]
    pub(crate) store: InStore,
    /// Calls invited at that time or later: RFC 3339, or back from now as -30m, -2h, -7d
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) since: Option<Time>,
    /// Calls invited before that time
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) until: Option<Time>,
    /// First sign the calls that nobody signed, as they are now: those of earlier versions, or of before a crash
    #[arg(long)]
    pub(crate) sign_new: bool,
    /// One JSON object a finding, and one at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Keys {
    /// List the public keys, each in a file that openssl reads
    List(KeysList),
}

#[derive(Args, Debug)]
pub(crate) struct KeysList {
    #[command(flatten)]
    pub(crate) store: InStore,
    /// One JSON object a key
    #[arg(long)]
    pub(crate) json: bool,
}
