//! The metrics of a run, brought up to date from what the parts have counted.

use call::Tracker;
use store::{EndReason, LinkReason, Outcome, Provenance};
use web::metrics::{Disposition, Families, Labels, Metrics, Operation, OrphanReason, SrtpResult, Table};

use crate::connections;
use crate::conversation::Conversations;
use crate::intake::{Counts, Intake};
use crate::ledger::Entered;
use crate::sealers::Done;
use crate::sources::{self, Sources};

/// The metrics, all at zero.
pub(crate) fn new() -> Metrics {
    let words = |all: &[Outcome]| all.iter().map(|word| word.as_str()).collect::<Vec<_>>();
    let methods: Vec<&str> = sip::Method::ALL.iter().map(|method| method.as_str()).collect();
    let classes: Vec<&str> = sip::StatusClass::ALL.iter().map(|class| class.as_str()).collect();
    let reasons: Vec<&str> = wire::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let set_aside: Vec<&str> =
        wire::Kind::ALL.iter().map(|kind| kind.as_str()).chain([TCP, OTHER_UDP, FILTERED]).collect();
    let fragments: Vec<&str> = wire::FragmentResult::ALL.iter().map(|result| result.as_str()).collect();
    let hep: Vec<&str> =
        hep::Refused::ALL.iter().map(|refused| refused.as_str()).chain([sources::CARRIED]).collect();
    let labels = Labels {
        outcomes: &words(Outcome::ALL),
        end_reasons: &EndReason::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        link_reasons: &LinkReason::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        audio: &Provenance::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        sip_methods: &methods,
        sip_classes: &classes,
        sip_errors: &sip::ReadError::KINDS,
        undecodable: &reasons,
        set_aside: &set_aside,
        fragments: &fragments,
        tcp_streams: &transport::StreamResult::ALL.iter().map(|result| result.as_str()).collect::<Vec<_>>(),
        tls_records: &transport::TlsRecord::ALL.iter().map(|record| record.as_str()).collect::<Vec<_>>(),
        hep: &hep,
    };
    let revision = option_env!("SIPREEL_REVISION").unwrap_or("unknown");
    Metrics::new(env!("CARGO_PKG_VERSION"), revision, &labels)
}

/// Segments of connections that carry no signalling.
const TCP: &str = "tcp";
/// Datagrams that are neither SIP nor anything that shares a port with RTP.
const OTHER_UDP: &str = "other_udp";
/// Frames that a filter kept out.
const FILTERED: &str = "filtered";

/// Enters a call that was sealed.
pub(crate) fn enter(metrics: &Metrics, done: &Done) {
    metrics.update(|families| {
        let record = &done.sealed.record;
        families.calls.ended(record.outcome.as_str());
        if let Some(reason) = record.end_reason {
            families.calls.closed(reason.as_str());
        }
        if let Some(setup) = record.setup_s {
            families.calls.observe_setup(setup.value());
            families.calls.observe_duration(record.duration_s.map_or(0.0, store::Seconds::value));
        }
        for quality in [done.sealed.quality.caller, done.sealed.quality.callee].into_iter().flatten() {
            families.media.observe_loss_ratio(quality.loss_ratio);
            families.media.observe_jitter(quality.jitter_s);
        }
        for mos in record.legs.iter().filter_map(|leg| leg.mos.as_ref()) {
            families.media.observe_mos(mos.value.value());
        }
        families.media.add_srtp(SrtpResult::Opened, done.sealed.srtp.opened);
        families.media.add_srtp(SrtpResult::AuthenticationFailed, done.sealed.srtp.refused);
        for &(origin, samples) in &done.sealed.origins {
            let rate = record.recording.as_ref().map_or(1, |recording| recording.sample_rate);
            families.media.add_audio(origin.as_str(), samples as f64 / f64::from(rate));
        }
        if record.recording.is_some() {
            families.storage.completed_at(record.ended_at.map_or(0.0, clock::Time::as_secs_f64));
        }
        if done.sealed.error.is_some() {
            families.storage.failed(Operation::Write);
        }
        families.storage.observe_seal(done.took.as_secs_f64());
    });
}

/// Brings everything that the reading thread counts up to date. What is `entered` has ended.
pub(crate) fn count(metrics: &Metrics, intake: &Intake, sources: &Sources, entered: Entered) {
    metrics.update(|families| {
        sources.count(families);
        count_frames(families, intake.counts());
        connections::count(families, intake.streams(), intake.handshakes());
        families.capture.set_set_aside(TCP, intake.streams().table().ignored);
        count_tracked(families, intake.tracker(), entered);
        count_wire(families, intake);
    });
}

/// Enters what is known of conversations.
pub(crate) fn count_links(metrics: &Metrics, conversations: &Conversations) {
    metrics.update(|families| {
        for (reason, count) in conversations.found() {
            families.calls.set_links(reason.as_str(), count);
        }
        let fills = conversations.fills();
        for (table, fill) in [
            (Table::LinkedCalls, fills.calls),
            (Table::LinkedBytes, fills.bytes),
            (Table::LinkedPayloads, fills.payloads),
        ] {
            families.tables.set(table, fill.entries, fill.limit, fill.evicted);
        }
    });
}

fn count_wire(families: &Families, intake: &Intake) {
    let (fragments, duplicates) = (intake.fragments(), intake.duplicates());
    for &result in wire::FragmentResult::ALL {
        families.capture.set_fragments(result.as_str(), fragments.of(result));
    }
    let (limits, evicted) = (intake.limits(), fragments.of(wire::FragmentResult::Evicted));
    let (packets, bytes) = (fragments.packets as u64, fragments.bytes as u64);
    families.tables.set(Table::Fragments, packets, limits.packets as u64, evicted);
    families.tables.set(Table::FragmentBytes, bytes, limits.bytes as u64, fragments.evicted_for_bytes);
    let seen = duplicates.counts();
    families.tables.set(Table::Duplicates, seen.entries as u64, duplicates.limit() as u64, seen.evicted);
    families.capture.set_duplicates(intake.copies());
}

fn count_frames(families: &Families, counts: &Counts) {
    families.capture.set_truncated(counts.truncated);
    for (reason, &count) in wire::Reason::ALL.iter().zip(&counts.undecodable) {
        families.capture.set_undecodable(reason.as_str(), count);
    }
    for (kind, &count) in wire::Kind::ALL.iter().zip(&counts.other) {
        families.capture.set_set_aside(kind.as_str(), count);
    }
    families.capture.set_set_aside(FILTERED, counts.filtered);
}

fn count_tracked(families: &Families, tracker: &Tracker, entered: Entered) {
    let counts = tracker.counts();
    let seen = counts.calls_seen + entered.recovered;
    families.calls.set_seen(seen);
    families.calls.set_active(seen - entered.calls);
    for (method, &count) in sip::Method::ALL.iter().zip(&counts.requests) {
        families.sip.set_requests(method.as_str(), count);
    }
    for (class, &count) in sip::StatusClass::ALL.iter().zip(&counts.responses) {
        families.sip.set_responses(class.as_str(), count);
    }
    families.sip.set_retransmissions(counts.retransmissions);
    let texts = counts.texts;
    families.sip.set_texts([texts.in_dialog, texts.in_call, texts.elsewhere]);
    let quality = counts.voice_quality;
    families.sip.set_quality_reports([quality.in_call, quality.elsewhere, quality.refused]);
    for (kind, &count) in sip::ReadError::KINDS.iter().zip(&counts.sip_errors) {
        families.sip.set_errors(kind, count);
    }
    families.capture.set_set_aside(OTHER_UDP, counts.other_datagrams);
    let rtp = counts.rtp;
    for (disposition, count) in [
        (Disposition::Attached, rtp.attached),
        (Disposition::Orphan, rtp.orphan),
        (Disposition::Probation, rtp.probation),
        (Disposition::Malformed, rtp.malformed),
        (Disposition::Refused, rtp.refused),
        (Disposition::Rtcp, rtp.rtcp),
        (Disposition::Stun, rtp.stun),
        (Disposition::Dtls, rtp.dtls),
        (Disposition::Fax, counts.fax_datagrams),
    ] {
        families.media.set_packets(disposition, count);
    }
    families.media.set_streams_active(tracker.open_streams() as u64);
    families.media.set_orphans(OrphanReason::Unclaimed, counts.orphans.unclaimed);
    families.media.set_orphans(OrphanReason::Ambiguous, counts.orphans.ambiguous);
    families.media.set_orphans(OrphanReason::Evicted, counts.orphans.evicted);
    let fills = tracker.fills();
    for (table, fill) in [
        (Table::Calls, fills.calls),
        (Table::Streams, fills.streams),
        (Table::KeptPackets, fills.packets),
        (Table::CopiedBytes, fills.copied_bytes),
        (Table::Waiting, fills.waiting),
        (Table::Hearsay, fills.hearsay),
        (Table::Claims, fills.claims),
        (Table::SignallingBytes, fills.signalling_bytes),
        (Table::DepartedCalls, fills.departed_calls),
        (Table::DepartedStreams, fills.departed_streams),
        (Table::Losses, fills.lost),
    ] {
        families.tables.set(table, fill.entries, fill.limit, fill.evicted);
    }
}
