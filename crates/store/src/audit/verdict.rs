//! Whether the lines of an audit log hold together.

use std::fmt;

use serde::Serialize;

use super::entry::Entry;

/// What looking at a whole log gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// Lines that hold, up to the first that does not.
    pub lines: u64,
    /// The hash of the last of them: whoever keeps it elsewhere can tell later that no line was cut off.
    pub head: Option<String>,
    /// The first line that breaks the chain.
    pub broken: Option<Broken>,
}

/// Where a log breaks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Broken {
    /// The line, from 1.
    pub line: u64,
    /// How it shows.
    pub why: Break,
}

/// How a line breaks the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// It does not fit its own hash, or is no line of a log.
    Line,
    /// It is not the line that follows the one before it.
    Order,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Break::Line => "it was changed or cut short",
            Break::Order => "a line before it was taken out, put in or moved",
        })
    }
}

/// A walk along the chain.
#[derive(Default)]
pub(super) struct Chain {
    lines: u64,
    head: Option<String>,
    broken: Option<Broken>,
}

impl Chain {
    pub(super) fn handle_line(&mut self, number: u64, line: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        // A line without its end may be the half of one.
        let why = match line.strip_suffix(b"\n").and_then(Entry::parse) {
            None => Break::Line,
            Some(entry) if entry.previous != self.head || entry.n != self.lines + 1 => Break::Order,
            Some(entry) => {
                self.lines += 1;
                self.head = Some(entry.hash);
                return;
            }
        };
        self.broken = Some(Broken { line: number, why });
    }

    pub(super) fn verdict(self) -> Verdict {
        Verdict { lines: self.lines, head: self.head, broken: self.broken }
    }
}
