//! The metrics of a run, brought up to date from what the parts have counted.

use call::Tracker;
use store::{EndReason, Outcome, Provenance};
use web::metrics::{
    Disposition, Families, Labels, Metrics, Operation, OrphanReason, Source, SrtpResult, Table,
};

use crate::intake::{Counts, Intake};
use crate::sealers::Done;

/// The metrics, all at zero.
pub(crate) fn new() -> Metrics {
    let words = |all: &[Outcome]| all.iter().map(|word| word.as_str()).collect::<Vec<_>>();
    let methods: Vec<&str> = sip::Method::ALL.iter().map(|method| method.as_str()).collect();
    let classes: Vec<&str> = sip::StatusClass::ALL.iter().map(|class| class.as_str()).collect();
    let reasons: Vec<&str> = wire::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let set_aside: Vec<&str> =
        wire::Kind::ALL.iter().map(|kind| kind.as_str()).chain([TCP, OTHER_UDP]).collect();
    let fragments: Vec<&str> = wire::FragmentResult::ALL.iter().map(|result| result.as_str()).collect();
    let labels = Labels {
        outcomes: &words(Outcome::ALL),
        end_reasons: &EndReason::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        audio: &Provenance::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        sip_methods: &methods,
        sip_classes: &classes,
        sip_errors: &sip::ReadError::KINDS,
        undecodable: &reasons,
        set_aside: &set_aside,
        fragments: &fragments,
        tcp_streams: &TCP_STREAMS,
    };
    let revision = option_env!("SIPREEL_REVISION").unwrap_or("unknown");
    Metrics::new(env!("CARGO_PKG_VERSION"), revision, &labels)
}

/// Segments, which are not read yet.
const TCP: &str = "tcp";
/// Datagrams that are neither SIP nor anything that shares a port with RTP.
const OTHER_UDP: &str = "other_udp";

/// What becomes of the byte streams of TCP connections; none is read yet.
const TCP_STREAMS: [&str; 1] = ["unread"];

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

/// Brings everything that the reading thread counts up to date. `ended` calls are sealed and entered.
pub(crate) fn count(metrics: &Metrics, intake: &Intake, ended: u64) {
    metrics.update(|families| {
        count_frames(families, intake.counts());
        count_tracked(families, intake.tracker(), ended);
        for &result in wire::FragmentResult::ALL {
            families.capture.set_fragments(result.as_str(), intake.fragments().of(result));
        }
        families.tables.set_entries(Table::Fragments, intake.fragments().packets as u64);
        families.tables.set_limit(Table::Fragments, wire::Limits::default().packets as u64);
        families.tables.set_evictions(Table::Fragments, intake.fragments().of(wire::FragmentResult::Evicted));
    });
}

fn count_frames(families: &Families, counts: &Counts) {
    families.capture.set_packets(Source::File, counts.frames);
    families.capture.set_bytes(Source::File, counts.bytes);
    families.capture.set_truncated(counts.truncated);
    families.capture.saw_packet_at(Source::File, counts.last_at.as_secs_f64());
    for (reason, &count) in wire::Reason::ALL.iter().zip(&counts.undecodable) {
        families.capture.set_undecodable(reason.as_str(), count);
    }
    for (kind, &count) in wire::Kind::ALL.iter().zip(&counts.other) {
        families.capture.set_set_aside(kind.as_str(), count);
    }
    families.capture.set_set_aside(TCP, counts.segments);
}

fn count_tracked(families: &Families, tracker: &Tracker, ended: u64) {
    let counts = tracker.counts();
    families.calls.set_seen(counts.calls_seen);
    families.calls.set_active(counts.calls_seen - ended);
    for (method, &count) in sip::Method::ALL.iter().zip(&counts.requests) {
        families.sip.set_requests(method.as_str(), count);
    }
    for (class, &count) in sip::StatusClass::ALL.iter().zip(&counts.responses) {
        families.sip.set_responses(class.as_str(), count);
    }
    families.sip.set_retransmissions(counts.retransmissions);
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
    ] {
        families.media.set_packets(disposition, count);
    }
    families.media.set_streams_active(tracker.open_streams() as u64);
    families.media.set_orphans(OrphanReason::Unclaimed, counts.orphans.unclaimed);
    families.media.set_orphans(OrphanReason::Ambiguous, counts.orphans.ambiguous);
    families.media.set_orphans(OrphanReason::Evicted, counts.orphans.evicted);
    families.tables.set_entries(Table::Calls, tracker.open_calls() as u64);
    families.tables.set_limit(Table::Calls, tracker.config().calls as u64);
    families.tables.set_evictions(Table::Calls, counts.calls_evicted);
    families.tables.set_entries(Table::Streams, tracker.open_streams() as u64);
    families.tables.set_limit(Table::Streams, tracker.config().streams.streams as u64);
    families.tables.set_evictions(Table::Streams, counts.streams_evicted);
}
