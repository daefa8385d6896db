//! SIP messages: `sip_*`.

use prometheus::IntCounter;

use super::Labels;
use super::families::{Labelled, Register, raise};

/// SIP messages: requests by method, responses by class, both with the retransmissions among them.
#[derive(Debug)]
pub struct Sip {
    requests: Labelled<IntCounter>,
    responses: Labelled<IntCounter>,
    retransmissions: IntCounter,
    texts: Labelled<IntCounter>,
    quality_reports: Labelled<IntCounter>,
    errors: Labelled<IntCounter>,
}

impl Sip {
    pub(super) fn register(register: &Register<'_>, labels: &Labels<'_>) -> Self {
        Sip {
            requests: register.totals(
                "sip_messages_total",
                "SIP requests by method, retransmissions among them.",
                &[("method", labels.sip_methods)],
            ),
            responses: register.totals(
                "sip_responses_total",
                "SIP responses by the class of their status code, retransmissions among them.",
                &[("class", labels.sip_classes)],
            ),
            retransmissions: register
                .total("sip_retransmissions_total", "SIP messages that their sender sent again."),
            texts: register.totals(
                "sip_texts_total",
                "SIP MESSAGE requests by where they belong: in a call's dialog, beside one that their parties have, \
                 or elsewhere, where they are not kept. Retransmissions are among them.",
                &[("place", &TEXT_PLACES)],
            ),
            quality_reports: register.totals(
                "sip_quality_reports_total",
                "Reports of voice quality (RFC 6035), each counted once, by where they belong: with a call, elsewhere or \
                 too late, or too many of one call.",
                &[("place", &REPORT_PLACES)],
            ),
            errors: register.totals(
                "sip_parse_errors_total",
                "What looked like SIP and is no message, by where it fails.",
                &[("kind", labels.sip_errors)],
            ),
        }
    }

    /// All requests so far of a method.
    pub fn set_requests(&self, method: &str, total: u64) {
        self.requests.raise(&[method], total);
    }

    /// All responses so far of a class.
    pub fn set_responses(&self, class: &str, total: u64) {
        self.responses.raise(&[class], total);
    }

    /// All retransmissions so far.
    pub fn set_retransmissions(&self, total: u64) {
        raise(&self.retransmissions, total);
    }

    /// All MESSAGE requests so far in a dialog, beside a call, elsewhere.
    pub fn set_texts(&self, totals: [u64; 3]) {
        for (place, total) in TEXT_PLACES.into_iter().zip(totals) {
            self.texts.raise(&[place], total);
        }
    }

    /// All reports of voice quality so far with a call, elsewhere, refused.
    pub fn set_quality_reports(&self, totals: [u64; 3]) {
        for (place, total) in REPORT_PLACES.into_iter().zip(totals) {
            self.quality_reports.raise(&[place], total);
        }
    }

    /// All errors so far of a kind.
    pub fn set_errors(&self, kind: &str, total: u64) {
        self.errors.raise(&[kind], total);
    }
}

/// Where a report may belong.
const REPORT_PLACES: [&str; 3] = ["call", "elsewhere", "refused"];
/// Where a MESSAGE may belong.
const TEXT_PLACES: [&str; 3] = ["dialog", "call", "elsewhere"];
