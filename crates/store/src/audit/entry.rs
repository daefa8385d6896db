//! One line of the audit log.

use clock::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actor::Actor;
use crate::id::CallId;
use crate::timestamp;

/// The longest line, without its line feed.
pub(crate) const MOST_LINE: usize = 64 << 10;
/// The longest reason, in characters.
const MOST_REASON: usize = 2000;
/// What stands before the hash, and how much of the line it and the hash are.
const BEFORE_HASH: &str = ",\"hash\":\"";
const HASH_PART: usize = BEFORE_HASH.len() + 64 + 2;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words say it")]
#[non_exhaustive]
pub enum Action {
    List,
    Show,
    Explain,
    Play,
    Listen,
    Export,
    Render,
    Reindex,
    Tag,
    Note,
    Reconcile,
    Hold,
    Release,
    Retention,
    Delete,
    Redact,
    Key,
    Verify,
    Configuration,
    Mend,
}

impl Action {
    /// The word for it in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::List => "list",
            Action::Show => "show",
            Action::Explain => "explain",
            Action::Play => "play",
            Action::Listen => "listen",
            Action::Export => "export",
            Action::Render => "render",
            Action::Reindex => "reindex",
            Action::Tag => "tag",
            Action::Note => "note",
            Action::Reconcile => "reconcile",
            Action::Hold => "hold",
            Action::Release => "release",
            Action::Retention => "retention",
            Action::Delete => "delete",
            Action::Redact => "redact",
            Action::Key => "key",
            Action::Verify => "verify",
            Action::Configuration => "configuration",
            Action::Mend => "mend",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it was meant to.
    Done,
    /// A rule forbade it.
    Refused,
    /// It could not be done.
    Failed,
}

/// What is to be logged.
#[derive(Clone, Debug)]
pub struct Deed {
    /// When.
    pub at: Time,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// With which call, where it was one.
    pub call: Option<CallId>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// How it ended.
    pub result: Outcome,
    /// Anything else, an object.
    pub detail: Value,
}

impl Deed {
    /// A deed that was done, with no more said of it.
    #[must_use]
    pub fn new(at: Time, actor: Actor, action: Action) -> Deed {
        Deed { at, actor, action, call: None, reason: None, result: Outcome::Done, detail: json!({}) }
    }

    /// That a line of so many octets, which was cut short, was taken off before this deed was logged.
    pub(super) fn mended(&self, torn_bytes: u64) -> Deed {
        Deed {
            detail: json!({ "torn_bytes": torn_bytes }),
            ..Deed::new(self.at, self.actor.clone(), Action::Mend)
        }
    }
}

/// One line, as it stands in the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub n: u64,
    /// When it was done.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// What was done; lines of later versions may have other words.
    pub action: String,
    /// By whom.
    pub actor: Actor,
    /// With which call.
    #[serde(default)]
    pub call: Option<CallId>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// How it ended.
    pub result: Outcome,
    /// Anything else.
    #[serde(default)]
    pub detail: Value,
    /// The hash of the line before; none before the first.
    pub previous: Option<String>,
    /// The hash of this line.
    #[serde(default, skip_serializing)]
    pub hash: String,
}

impl Entry {
    /// The line for `deed` behind `last`.
    pub(super) fn new(deed: &Deed, last: Option<&Entry>) -> Entry {
        let mut entry = Entry {
            n: last.map_or(1, |last| last.n.saturating_add(1)),
            at: deed.at,
            action: deed.action.as_str().to_owned(),
            actor: deed.actor.clone(),
            call: deed.call.clone(),
            reason: deed.reason.as_ref().map(|reason| reason.chars().take(MOST_REASON).collect()),
            result: deed.result,
            detail: deed.detail.clone(),
            previous: last.map(|last| last.hash.clone()),
            hash: String::new(),
        };
        let mut body = entry.body();
        if body.len() + HASH_PART > MOST_LINE {
            entry.detail = json!({ "left_out_bytes": body.len() });
            body = entry.body();
        }
        entry.hash = hash(&body);
        entry
    }

    /// The whole line but for its line feed.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{}{BEFORE_HASH}{}\"}}", self.body(), self.hash)
    }

    /// What is hashed: the object up to the hash.
    fn body(&self) -> String {
        let mut json = serde_json::to_string(self).expect("its only map has text for keys");
        json.truncate(json.len() - 1);
        json
    }

    /// Reads a line whose hash is right; `None` where it is none.
    pub(super) fn parse(line: &[u8]) -> Option<Entry> {
        let (body, end) = line.split_at_checked(line.len().checked_sub(HASH_PART)?)?;
        let claimed = end.strip_prefix(BEFORE_HASH.as_bytes())?.strip_suffix(b"\"}")?;
        let is_right = hash(std::str::from_utf8(body).ok()?).as_bytes() == claimed;
        if is_right { serde_json::from_slice(line).ok() } else { None }
    }
}

fn hash(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().to_string()
}
