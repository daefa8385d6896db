//! What phones report of a call by SIP (RFC 6035). A report names its call in its body: the request that carries it, a
//! PUBLISH mostly, has a Call-ID of its own. It is taken as long as the call is open, and as long after its end as its own
//! messages may be late; what comes later still is counted, and changes no record.

use clock::{Span, Time};
use sip::Message;
use sip::voice_quality::{self, QualityReport};

use crate::open_call::OpenCall;
use crate::tracker::Tracker;

/// A report, and when it came.
#[derive(Clone, PartialEq, Debug)]
pub struct VoiceQuality {
    /// When.
    pub at: Time,
    /// What it says.
    pub report: QualityReport,
}

impl Tracker {
    /// Takes in what the message reports of a call, its own or another.
    pub(crate) fn handle_voice_quality(&mut self, message: &Message<'_>, at: Time) {
        let Some(report) = voice_quality::report(message) else { return };
        let key = self.calls.of_call_id(&report.call_id).into_iter().next();
        let Some(call) = key.and_then(|key| self.calls.get_mut(key)) else {
            self.counts.voice_quality.elsewhere += 1;
            return;
        };
        match call.keep_voice_quality(VoiceQuality { at, report }) {
            Kept::Yes => self.counts.voice_quality.in_call += 1,
            Kept::Known => {}
            Kept::TooMany => self.counts.voice_quality.refused += 1,
        }
        key.into_iter().for_each(|key| self.calls.reschedule(key));
    }
}

enum Kept {
    Yes,
    /// It was sent or seen before.
    Known,
    TooMany,
}

impl OpenCall {
    fn keep_voice_quality(&mut self, told: VoiceQuality) -> Kept {
        let again = |known: &VoiceQuality| known.report == told.report && told.at - known.at < REPEATED;
        if self.voice_quality.iter().any(again) {
            return Kept::Known;
        }
        if weight_of(&told) > LONGEST_REPORT {
            return Kept::TooMany;
        }
        if self.voice_quality.len() < MOST_REPORTS {
            self.voice_quality.push(told);
            return Kept::Yes;
        }
        // The latest says how it ended.
        if let Some(last) = self.voice_quality.last_mut() {
            *last = told;
        }
        Kept::TooMany
    }
}

/// How many bytes they take.
pub(crate) fn weight(reports: &[VoiceQuality]) -> usize {
    reports.iter().map(weight_of).sum()
}

fn weight_of(told: &VoiceQuality) -> usize {
    let QualityReport { call_id, local, remote, local_address, remote_address, .. } = &told.report;
    let texts = [local, remote, &local_address.ip, &remote_address.ip];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    size_of::<VoiceQuality>() + call_id.len() + texts
}

/// Each side's at the end, and some between.
const MOST_REPORTS: usize = 16;
const LONGEST_REPORT: usize = 8 << 10;
/// A request may be sent again for so long (64 times T1).
const REPEATED: Span = Span::from_secs(32);
