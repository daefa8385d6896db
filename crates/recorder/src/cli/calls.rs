//! The commands that look at recorded calls, and by what calls are found.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clock::Time;
use store::{CallId, Outcome, Pattern, Query, State, TagQuery};

use super::{Delete, InStore, NoteCall, Reconcile, TagCall, Why, duration, time};

#[derive(Subcommand, Debug)]
pub(crate) enum Calls {
    /// List calls, oldest first
    List(Box<List>),
    /// Show one call: its facts, then its signalling as a ladder
    Show(One),
    /// Say why each stream is in a call, and why the call has the audio that it has
    Explain(One),
    /// Hear a call that goes on: a WAV on standard output, some three seconds behind (`| ffplay -`)
    Listen(Listen),
    /// Hand calls to somebody else: audio, records, packets, pages to open them by, and proofs
    Export(Box<Export>),
    /// Set tags of a call, or take them off
    Tag(TagCall),
    /// Write a note about a call
    Note(NoteCall),
    /// Delete one call for good: its audio, its packets and its record
    Delete(Delete),
    /// Hold a list of calls from elsewhere (CDRs, a CSV) against the store: tells the calls that were never seen
    Reconcile(Reconcile),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
    /// One JSON object a line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Of the conversation of that call: it, and all that are linked with it
    #[arg(long, value_name = "ID")]
    pub(crate) linked: Option<CallId>,
    /// No more than the newest N
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// What calls have to be like.
#[derive(Args, Clone, Debug)]
pub(crate) struct Filters {
    /// The caller: whole, or a part with `*` at the open end (`+49*`, `*1234`)
    #[arg(long, visible_alias = "caller", value_name = "PARTY")]
    pub(crate) from: Option<Pattern>,
    /// The callee
    #[arg(long, visible_alias = "callee", value_name = "PARTY")]
    pub(crate) to: Option<Pattern>,
    #[command(flatten)]
    pub(crate) others: Others,
}

/// The same but for who called whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct Others {
    /// Either party, or whoever else the signalling names: asserted, diverted from, redirected to
    #[arg(long, value_name = "PARTY")]
    pub(crate) party: Option<Pattern>,
    /// The software of a phone, as it calls itself (`Yealink*`)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) user_agent: Option<Pattern>,
    /// Invited at that time or later: RFC 3339, or back from now as -30m, -2h, -7d
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) since: Option<Time>,
    /// Invited before that time
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub(crate) until: Option<Time>,
    /// With one of these outcomes
    #[arg(long, value_delimiter = ',')]
    pub(crate) outcome: Vec<Outcome>,
    /// In one of these states
    #[arg(long, value_delimiter = ',')]
    pub(crate) state: Vec<State>,
    /// With a stream of that encoding, such as PCMU
    #[arg(long)]
    pub(crate) codec: Option<String>,
    /// With that flag, such as one_way
    #[arg(long)]
    pub(crate) flag: Option<String>,
    /// With that tag: KEY, or KEY=VALUE with `*` for anything; may be given again
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub(crate) tag: Vec<TagQuery>,
    /// With each of these words in its names, URIs, Call-ID, tags or notes
    #[arg(long, value_name = "WORDS")]
    pub(crate) text: Option<String>,
    /// Kept by the class of that name
    #[arg(long, value_name = "CLASS")]
    pub(crate) rule: Option<String>,
    /// At least so long from answer to end: seconds, or 90s, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) min_duration: Option<f64>,
}

impl Filters {
    /// The same as a search.
    pub(crate) fn query(&self) -> Query {
        Query { from: self.from.clone(), to: self.to.clone(), ..self.others.query() }
    }
}

impl Others {
    fn query(&self) -> Query {
        let it = self.clone();
        Query {
            party: it.party,
            user_agent: it.user_agent,
            since: it.since,
            until: it.until,
            outcome: it.outcome,
            state: it.state,
            codec: it.codec,
            flag: it.flag,
            tag: it.tag,
            text: it.text,
            min_duration: it.min_duration,
            rule: it.rule,
            ..Query::default()
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// The id of the call, as `calls list` shows it
    pub(crate) id: CallId,
    #[command(flatten)]
    pub(crate) store: InStore,
    /// The record as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// The id of the call, as `top --json` shows it and the folders in STORE/open are named
    pub(crate) id: CallId,
    /// From the beginning of the call, and not from now on
    #[arg(long)]
    pub(crate) from_start: bool,
    #[command(flatten)]
    pub(crate) store: InStore,
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// The ids of calls; without any, filters say which
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<CallId>,
    #[command(flatten)]
    pub(crate) store: InStore,
    /// The folder to write into, made if it is not there, or an archive: FILE.tar.zst
    #[arg(long, value_name = "DIR|FILE.tar.zst")]
    pub(crate) to: PathBuf,
    /// Lossless audio as that, sample for sample [default: as it stands in the store]
    #[arg(long, value_enum)]
    pub(crate) format: Option<AudioAs>,
    /// Leave out of records, pages and ladders what says who it was; packets are left out then, and voices stay
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) mask: Vec<Masked>,
    /// The caller: whole, or a part with `*` at the open end
    #[arg(long, value_name = "PARTY")]
    pub(crate) caller: Option<Pattern>,
    /// The callee
    #[arg(long, value_name = "PARTY")]
    pub(crate) callee: Option<Pattern>,
    #[command(flatten)]
    pub(crate) others: Others,
    #[command(flatten)]
    pub(crate) why: Why,
}

impl Export {
    /// Which calls, where they are not named.
    pub(crate) fn query(&self) -> Query {
        Query { from: self.caller.clone(), to: self.callee.clone(), ..self.others.query() }
    }
}

/// What audio is handed over as.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AudioAs {
    /// WAV; a FLAC becomes one
    Wav,
    /// FLAC; a WAV becomes one
    Flac,
}

/// What is masked in a copy.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Masked {
    /// Numbers, names, URIs, Call-IDs, dialled digits
    Parties,
    /// Network addresses
    Addresses,
    /// Notes, tags, messages
    Text,
    /// All of these
    All,
}
