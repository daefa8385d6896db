//! What is said at the end of a run: calls by outcome, packets, and what was not read and why.

use std::fmt::Write;

use wire::{Kind, Reason};

use crate::connections;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::sources::Sources;

/// The summary, one line a matter.
pub(crate) fn summary(intake: &Intake, sources: &Sources, ledger: &Ledger) -> String {
    let (counts, tracked) = (intake.counts(), intake.tracker().counts());
    let mut text = String::new();
    let outcomes: Vec<String> =
        ledger.outcomes().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let parts = if outcomes.is_empty() { String::new() } else { format!(": {}", outcomes.join(", ")) };
    let recovered = ledger.entered().recovered;
    let _ = writeln!(text, "{} calls seen{parts}", tracked.calls_seen + recovered);
    if recovered > 0 {
        let _ = writeln!(text, "{recovered} of them were open when an earlier recorder ended");
    }
    let signalling: u64 = tracked.requests.iter().chain(&tracked.responses).sum();
    let orphans = tracked.orphans.unclaimed + tracked.orphans.ambiguous + tracked.orphans.evicted;
    let _ = writeln!(
        text,
        "{} packets: {signalling} SIP ({} retransmissions), {} RTP in calls, {} RTP in {orphans} streams of no call, {} RTCP",
        counts.frames, tracked.retransmissions, tracked.rtp.attached, tracked.rtp.orphan, tracked.rtp.rtcp,
    );
    if tracked.fax_datagrams > 0 {
        let _ = writeln!(text, "{} datagrams of faxes (T.38)", tracked.fax_datagrams);
    }
    let unread = unread(intake);
    if !unread.is_empty() {
        let _ = writeln!(text, "not read: {}", unread.join(", "));
    }
    let refused: Vec<String> = listed(sources.refused());
    if !refused.is_empty() {
        let _ = writeln!(text, "HEP packets not used: {}", refused.join(", "));
    }
    let lost: Vec<String> = sources.lost().map(|(who, count)| format!("{count} by {who}")).collect();
    if !lost.is_empty() {
        let _ = writeln!(text, "lost before they were read: {}", lost.join(", "));
    }
    text
}

fn listed<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Vec<String> {
    counts.map(|(what, count)| format!("{count} {what}")).collect()
}

/// Every packet that is in neither of the counts above, by why.
fn unread(intake: &Intake) -> Vec<String> {
    let (counts, tracked) = (intake.counts(), intake.tracker().counts());
    let other = Kind::ALL.iter().map(|kind| kind.as_str()).zip(counts.other);
    let undecodable = Reason::ALL.iter().map(|reason| reason.as_str()).zip(counts.undecodable);
    let errors = sip::ReadError::KINDS.iter().copied().zip(tracked.sip_errors);
    let rest = [
        ("filtered out", counts.filtered),
        ("duplicates", intake.copies()),
        ("other UDP", tracked.other_datagrams),
        ("STUN", tracked.rtp.stun),
        ("DTLS", tracked.rtp.dtls),
        ("RTP-like but no stream", tracked.rtp.probation),
        ("malformed RTP", tracked.rtp.malformed),
        ("RTP without room", tracked.rtp.refused),
        ("fragments of packets that never became whole", intake.fragments().waiting),
    ];
    let all = connections::unread(intake.streams())
        .into_iter()
        .chain(rest)
        .chain(other)
        .chain(undecodable)
        .chain(errors);
    listed(all.filter(|(_, count)| *count > 0))
}
