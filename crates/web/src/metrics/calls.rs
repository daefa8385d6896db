//! Calls: `calls_seen_total`, `calls_total`, `calls_active`, `calls_closed_total`, `call_links_total`, and how long they take.

use prometheus::{Histogram, IntCounter, IntGauge};

use super::families::{Labelled, Register, observe, raise, set};
use super::{Labels, Unbalanced};

/// Calls. Either as they happen ([`opened`](Self::opened), [`ended`](Self::ended)), which keeps the sum rule by
/// itself, or as totals that somebody else counts (`set_*`), all within one update.
#[derive(Debug)]
pub struct Calls {
    seen: IntCounter,
    ended: Labelled<IntCounter>,
    active: IntGauge,
    closed: Labelled<IntCounter>,
    links: Labelled<IntCounter>,
    setup: Histogram,
    duration: Histogram,
}

impl Calls {
    pub(super) fn register(register: &Register<'_>, labels: &Labels<'_>) -> Self {
        Calls {
            seen: register.total("calls_seen_total", "Call attempts seen."),
            ended: register.totals(
                "calls_total",
                "Calls by what became of them. Their sum and sipreel_calls_active make sipreel_calls_seen_total.",
                &[("outcome", labels.outcomes)],
            ),
            active: register.level("calls_active", "Calls seen that have no outcome yet."),
            closed: register.totals(
                "calls_closed_total",
                "Calls whose signalling or media came to an end, by how.",
                &[("reason", labels.end_reasons)],
            ),
            links: register.totals(
                "call_links_total",
                "Pairs of calls that are linked as one conversation, by why.",
                &[("reason", labels.link_reasons)],
            ),
            setup: register.histogram(
                "call_setup_seconds",
                "From the INVITE to its answer, of answered calls.",
                SETUP_SECONDS,
            ),
            duration: register.histogram(
                "call_duration_seconds",
                "From the answer to the end, of answered calls.",
                DURATION_SECONDS,
            ),
        }
    }

    /// A call was seen; it is active until it has an outcome.
    pub fn opened(&self) {
        self.seen.inc();
        self.active.inc();
    }

    /// An active call has its outcome.
    pub fn ended(&self, outcome: &str) {
        if let Some(ended) = self.ended.child(&[outcome]) {
            ended.inc();
            self.active.dec();
        }
    }

    /// A call came to its end; its outcome may still be open.
    pub fn closed(&self, reason: &str) {
        if let Some(closed) = self.closed.child(&[reason]) {
            closed.inc();
        }
    }

    /// All calls seen so far.
    pub fn set_seen(&self, total: u64) {
        raise(&self.seen, total);
    }

    /// All calls of an outcome so far.
    pub fn set_ended(&self, outcome: &str, total: u64) {
        self.ended.raise(&[outcome], total);
    }

    /// Calls that have no outcome now.
    pub fn set_active(&self, calls: u64) {
        set(&self.active, calls);
    }

    /// All calls so far that ended for a reason.
    pub fn set_closed(&self, reason: &str, total: u64) {
        self.closed.raise(&[reason], total);
    }

    /// All links so far that were found for a reason.
    pub fn set_links(&self, reason: &str, total: u64) {
        self.links.raise(&[reason], total);
    }

    /// How long an answered call took to be answered.
    pub fn observe_setup(&self, seconds: f64) {
        observe(&self.setup, seconds);
    }

    /// How long an answered call took from then on.
    pub fn observe_duration(&self, seconds: f64) {
        observe(&self.duration, seconds);
    }

    pub(super) fn sum_rule(&self) -> Result<(), Unbalanced> {
        let (seen, active) = (self.seen.get(), self.active.get());
        let ended = self.ended.children().map(IntCounter::get).fold(0, u64::saturating_add);
        // More ends than beginnings balance out in the sum, and are as wrong.
        let balanced = active >= 0 && ended.checked_add_signed(active) == Some(seen);
        if balanced { Ok(()) } else { Err(Unbalanced { seen, active, ended }) }
    }
}

/// A phone rings within seconds and gives up within three minutes (RFC 3261, timer C).
const SETUP_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 60.0, 180.0];

/// From a hang-up at once to the line that somebody leaves open for a day.
const DURATION_SECONDS: &[f64] = &[
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0,
    86400.0,
];
