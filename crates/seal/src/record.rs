//! The record of a call, from what its signalling and its streams tell.

use call::{Both, Call, End, Hold, Side, State};
use clock::Span;
use serde_json::json;
use sip::NameAddress;
use store::{CallId, EndReason, Milliseconds, Provenance, Record, Seconds};

use crate::clock_check::ClockCheck;
use crate::evidence;
use crate::leg::Leg;
use crate::listening::{Delays, PLAYOUT};
use crate::meaning;
use crate::outcome;
use crate::output::Audio;
use crate::render::Rendered;
use crate::reported;
use crate::signalling::role;
use crate::voice::{Secrecy, Voice};

/// Everything but the recording itself.
pub(crate) fn describe(call: &Call, legs: &Both<Leg<'_>>, id: CallId) -> Record {
    let dialog = &call.dialog;
    let mut record =
        Record::new(id, dialog.call_id.clone(), state(call.state()), outcome::outcome(call, legs));
    if call.is_signalled {
        record.caller = party(&dialog.caller);
        record.callee = party(&dialog.callee);
    }
    let begun = dialog.request_uri.is_some() || !call.is_signalled;
    record.invited_at = begun.then_some(dialog.invited_at);
    record.ringing_at = dialog.ringing_at;
    record.answered_at = dialog.answered_at;
    record.ended_at = Some(call.ended_at);
    record.end_reason = Some(end_reason(call.end));
    record.status_code = dialog.status_code;
    record.setup_s = dialog
        .answered_at
        .filter(|_| !dialog.joined_late)
        .map(|answered| Seconds::from(answered - dialog.invited_at));
    // Of a call whose answer was not seen, as much as was seen.
    let talked_from = dialog.answered_at.or(dialog.joined_late.then_some(dialog.invited_at));
    let talked = talked_from.map_or(Span::ZERO, |from| (call.ended_at - from).max(Span::ZERO));
    record.duration_s = Some(Seconds::from(talked));
    record.legs = Side::BOTH.iter().map(|&side| leg(call, legs.of(side), side)).collect();
    record.refused_streams = evidence::refused(call);
    let epochs = call.negotiation.epochs().iter();
    record.epochs = epochs.map(|epoch| store::Epoch { from: epoch.from, hold: hold(epoch.hold) }).collect();
    record.flags = outcome::flags(call, legs);
    record.fax = fax(&call.fax);
    record.unplaced_reports = reported::unplaced(call);
    record
}

/// The audio file, and where each of its intervals comes from.
pub(crate) fn add_recording(record: &mut Record, rendered: &Rendered) {
    let rate = f64::from(rendered.sample_rate);
    let seconds = |samples: u64| Seconds::new(samples as f64 / rate);
    let of_file = |frames: u64| Seconds::new(frames as f64 / f64::from(rendered.file_rate));
    let path = |name: &str| format!("{}/{name}", store::Store::relative(&record.id));
    let files = rendered.files.iter().zip(0u16..).map(|(file, channel)| store::AudioFile {
        path: path(&file.name),
        channel,
        bytes: file.written.bytes,
        blake3: file.written.blake3.clone(),
    });
    let files: Vec<store::AudioFile> = files.collect();
    record.recording = rendered.files.first().map(|Audio { name, written }| store::RecordingFile {
        path: path(name),
        format: rendered.shape.format.name().to_owned(),
        encoding: rendered.shape.format.encoding().to_owned(),
        channels: rendered.shape.channels(),
        sample_rate: rendered.file_rate,
        frames: written.frames,
        started_at: Some(rendered.started_at),
        duration_s: of_file(written.frames),
        bytes: written.bytes,
        blake3: written.blake3.clone(),
        cuts: rendered
            .cuts
            .iter()
            .map(|cut| store::Cut { at_s: seconds(cut.at), left_out_s: seconds(cut.left_out) })
            .collect(),
        provenance_grain_s: (rendered.grain() > 0).then(|| seconds(rendered.grain())),
        files: if files.len() > 1 { files } else { Vec::new() },
    });
    let interval = |(channel, interval): (u16, &audio::Interval)| store::Interval {
        channel,
        from_s: of_file(interval.from),
        to_s: of_file(interval.to),
        kind: provenance(interval.origin),
    };
    if !rendered.cuts.is_empty() {
        record.flags.insert("silence_cut".to_owned());
    }
    record.provenance = rendered.intervals().map(interval).collect();
}

fn leg(call: &Call, leg: &Leg<'_>, side: Side) -> store::Leg {
    let mut described = store::Leg::new(role(side));
    described.named = evidence::named(call, side);
    described.streams = leg.voices.iter().map(|voice| stream(voice, call)).collect();
    described.mos = leg.rating().map(|rating| store::Mos {
        value: store::Score::new(rating.mos),
        model: rating.model.to_owned(),
        r: Some(store::Score::new(rating.r)),
        playout_ms: Some((PLAYOUT.as_ns() / 1_000_000) as u32),
    });
    if let Some(quality) = leg.quality() {
        described.quality = json!({
            "loss_ratio": round(quality.loss_ratio, 1e6),
            "mean_jitter_ms": round(quality.jitter_s * 1000.0, 1e3),
            "lost_by": { "network": leg.lost_by_network(), "capture": leg.lost_by_capture() },
            "time_stamp_leaps": leg.heard().map(|voice| voice.timeline.leaps).sum::<u32>(),
        });
    }
    described
}

fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

pub(crate) fn stream(voice: &Voice<'_>, call: &Call) -> store::StreamRecord {
    let (stream, statistics) = (&voice.matched.stream, &voice.statistics);
    let (encryption, authentication_failures) = match voice.secrecy {
        Secrecy::None => (None, 0),
        Secrecy::Opened(clear) => (Some("srtp".to_owned()), clear.counts().refused),
        Secrecy::Shut => (Some("srtp".to_owned()), 0),
    };
    let ptime_ms = statistics.ptime_ms.round() as u32;
    store::StreamRecord {
        ssrc: store::Ssrc(stream.ssrc.0),
        source: socket(stream.flow.source),
        destination: socket(stream.flow.destination),
        payload_type: voice.payload_type.0,
        codec: voice.format.as_ref().map(|(name, _)| meaning::spelled(name).to_owned()),
        clock_rate: voice.format.as_ref().map(|(_, clock_rate)| *clock_rate),
        ptime_ms: (ptime_ms > 0).then_some(ptime_ms),
        packets: statistics.packets,
        octets: statistics.octets,
        lost: statistics.lost,
        duplicates: statistics.duplicates,
        reordered: statistics.reordered,
        delay_ms: voice.delays.map(delays),
        bursts: (statistics.lost > 0).then(|| bursts(voice)),
        jitter_ms: store::Jitter {
            mean: Milliseconds::new(statistics.mean_jitter_ms),
            max: Milliseconds::new(statistics.max_jitter_ms),
        },
        reported: reported::of(
            call,
            stream,
            voice.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate),
        ),
        skew_ppm: voice.timeline.skew_ppm.map(store::Ppm::new),
        clock_check: voice.clock_check.map(clock_check),
        first_packet_at: Some(stream.first_at),
        last_packet_at: Some(stream.last_at),
        matched: evidence::matched(&voice.matched.why),
        encryption,
        authentication_failures,
        encapsulation: encapsulation(&stream.path),
    }
}

/// The wrappings by name and number, outermost first, with a word for those that the path had no room for.
fn encapsulation(path: &flow::Path) -> Vec<String> {
    let more = path.has_more().then(|| "...".to_owned());
    path.wraps().map(|wrap| wrap.to_string()).chain(more).collect()
}

fn fax(fax: &call::Fax) -> Option<store::Fax> {
    let stream = |stream: &call::FaxStream| store::FaxStream {
        sender: role(stream.sender),
        source: socket(stream.flow.source),
        destination: socket(stream.flow.destination),
        packets: stream.packets,
        octets: stream.octets,
        lost: stream.lost,
        first_packet_at: Some(stream.first_at),
        last_packet_at: Some(stream.last_at),
    };
    let streams: Vec<_> = fax.streams.iter().map(stream).collect();
    (!streams.is_empty()).then_some(store::Fax { streams, not_kept: fax.dropped })
}

fn clock_check(check: ClockCheck) -> store::ClockCheck {
    store::ClockCheck {
        reports: check.reports,
        skew_ppm: check.skew_ppm.map(store::Ppm::new),
        off_ms: Milliseconds::new(check.off_ms),
    }
}

fn delays(delays: Delays) -> store::Delays {
    let Delays { p50, p95, p99, max, .. } = delays;
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(Milliseconds::new);
    store::Delays { p50, p95, p99, max }
}

fn bursts(voice: &Voice<'_>) -> store::Bursts {
    let bursts = &voice.bursts;
    store::Bursts {
        count: bursts.bursts,
        density: bursts.burst_density().map(store::Score::new),
        gap_density: bursts.gap_density().map(store::Score::new),
        longest_run: bursts.longest_run,
    }
}

pub(crate) fn socket(endpoint: flow::Endpoint) -> std::net::SocketAddr {
    std::net::SocketAddr::new(endpoint.address.ip(), endpoint.port)
}

fn party(address: &NameAddress) -> store::Party {
    store::Party {
        user: address.user().map(str::to_owned),
        uri: Some(address.uri.clone()),
        display: address.display.clone(),
        tag: address.tag.clone(),
    }
}

pub(crate) fn state(state: State) -> store::State {
    match state {
        State::Completed => store::State::Completed,
        State::Cancelled => store::State::Cancelled,
        State::Rejected => store::State::Rejected,
        State::Failed => store::State::Failed,
        State::Unanswered => store::State::Unanswered,
        State::Incomplete => store::State::Incomplete,
    }
}

pub(crate) fn end_reason(end: End) -> EndReason {
    match end {
        End::ByeCaller => EndReason::ByeCaller,
        End::ByeCallee => EndReason::ByeCallee,
        End::Cancel => EndReason::Cancel,
        End::Rejected => EndReason::Rejected,
        End::MediaTimeout => EndReason::MediaTimeout,
        End::SessionTimer => EndReason::SessionTimer,
        End::Replaced => EndReason::Replaced,
        End::PortReuse => EndReason::PortReuse,
        End::CaptureEnd => EndReason::CaptureEnd,
        End::Shutdown => EndReason::Shutdown,
    }
}

fn hold(hold: Hold) -> store::Hold {
    match hold {
        Hold::None => store::Hold::None,
        Hold::Caller => store::Hold::Caller,
        Hold::Callee => store::Hold::Callee,
        Hold::Both => store::Hold::Both,
    }
}

fn provenance(origin: audio::Origin) -> Provenance {
    match origin {
        audio::Origin::Received => Provenance::Received,
        audio::Origin::Concealed => Provenance::Concealed,
        audio::Origin::ComfortNoise => Provenance::ComfortNoise,
        audio::Origin::Silence => Provenance::Silence,
        audio::Origin::Hold => Provenance::Hold,
        audio::Origin::Masked => Provenance::Masked,
        audio::Origin::NotCaptured => Provenance::NotCaptured,
    }
}
