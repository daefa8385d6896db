//! One thing that was found, and all of them.

use std::fmt;

use serde::Serialize;

/// Something that a user should know of a mirror.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// What it is about, in one word that stays the same: `snaplen`, `one_direction`.
    pub finding: &'static str,
    /// Whether recordings suffer from it.
    pub fault: bool,
    /// What was found.
    pub text: String,
    /// What to do, where something is to be done.
    pub advice: Option<&'static str>,
    /// How many it concerns.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

/// Everything that was found: the faults, then the rest.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Findings {
    /// Frames that were looked at.
    pub packets: u64,
    /// Seconds that they cover.
    pub seconds: f64,
    /// Calls among them.
    pub calls: u64,
    /// Whether recordings suffer from anything.
    pub fault: bool,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { packets, seconds, calls, .. } = self;
        writeln!(f, "looked at {packets} packets in {seconds:.1} s, {calls} calls")?;
        for finding in &self.findings {
            let kind = if finding.fault { "FAULT" } else { "note" };
            writeln!(f, "{kind:<6} {}", finding.text)?;
            if let Some(advice) = finding.advice {
                writeln!(f, "       {advice}")?;
            }
        }
        let faults = self.findings.iter().filter(|finding| finding.fault).count();
        match faults {
            0 => writeln!(f, "no fault found"),
            1 => writeln!(f, "1 fault"),
            faults => writeln!(f, "{faults} faults"),
        }
    }
}
