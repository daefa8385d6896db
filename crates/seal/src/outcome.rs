//! What became of a call: exactly one outcome, and flags for what a listener should know.

use std::collections::BTreeSet;

use call::{Both, Call, End, Side};
use sdp::MediaKind;
use store::Outcome;

use crate::leg::Leg;

/// The one outcome of `call`.
pub(crate) fn outcome(call: &Call, legs: &Both<Leg<'_>>) -> Outcome {
    if !call.was_answered() {
        return Outcome::NotAnswered;
    }
    let undecoded = legs.caller.undecoded() + legs.callee.undecoded() > 0;
    match (legs.caller.sounds(), legs.callee.sounds()) {
        (true, _) | (_, true) if is_capture_lossy(legs) => Outcome::CaptureLoss,
        // It went on; only who recorded it did not.
        (true, _) | (_, true) if call.end == End::Shutdown => Outcome::RecordedPartial,
        (true, true) if undecoded || is_joined_late(call) => Outcome::RecordedPartial,
        (true, true) => Outcome::Recorded,
        (true, false) | (false, true) if undecoded => Outcome::RecordedPartial,
        (true, false) | (false, true) => Outcome::OneWay,
        (false, false) if undecoded && is_shut(legs) => Outcome::SrtpNoKey,
        (false, false) if undecoded => Outcome::CodecUnsupported,
        (false, false) if call.notes.contains(&DISK_FULL) => Outcome::StorageError,
        (false, false) if call.ambiguous_streams > 0 => Outcome::AmbiguousMedia,
        (false, false) => Outcome::NoMedia,
    }
}

/// Whether the capture lost so much of what was sent that it is heard.
fn is_capture_lossy(legs: &Both<Leg<'_>>) -> bool {
    [&legs.caller, &legs.callee].iter().any(|leg| leg.loss_shares().1 >= LOSS_WORTH_A_FLAG)
}

fn is_shut(legs: &Both<Leg<'_>>) -> bool {
    legs.caller.is_shut() || legs.callee.is_shut()
}

/// Whether the capture began after its signalling had; where none was seen at all, that is another matter.
fn is_joined_late(call: &Call) -> bool {
    call.dialog.joined_late && call.is_signalled
}

/// Whether audio that is in the clear could not be decoded.
pub(crate) fn is_undecoded(legs: &Both<Leg<'_>>) -> bool {
    legs.caller.undecoded() + legs.callee.undecoded() > 0 && !is_shut(legs)
}

/// What a listener should know.
pub(crate) fn flags(call: &Call, legs: &Both<Leg<'_>>) -> BTreeSet<String> {
    let both = || Side::BOTH.iter().map(|&side| legs.of(side));
    let lossy = both().any(|leg| leg.loss_shares().0 >= LOSS_WORTH_A_FLAG);
    let capture_lost = both().any(|leg| leg.lost_by_capture() > 0);
    let leaps = both().flat_map(Leg::heard).any(|voice| voice.timeline.leaps > 0);
    let one_way = call.was_answered() && legs.caller.sounds() != legs.callee.sounds();
    let video = both().flat_map(|leg| &leg.voices).any(|voice| voice.matched.kind == MediaKind::Video);
    // By arrival: where jitter is taken out, the first sample may belong a little before its packet came.
    let heard = both().flat_map(Leg::heard).filter(|voice| voice.sounds());
    let first_at = heard.map(|voice| voice.matched.stream.first_at).min();
    let early = first_at.zip(call.dialog.answered_at).is_some_and(|(first, answer)| first < answer);
    let held = call.negotiation.epochs().iter().any(|epoch| epoch.hold != call::Hold::None);
    let mismatched = both().flat_map(|leg| &leg.voices).any(|voice| voice.is_mismatched);
    let contradicted = both().flat_map(Leg::heard).filter_map(|voice| voice.clock_check);
    let contradicted = contradicted.into_iter().any(|check| check.contradicts());
    let all = [
        (call.ambiguous_streams > 0, "ambiguous_media"),
        (capture_lost, "capture_loss"),
        (contradicted, "clock_contradicted"),
        (mismatched, "codec_mismatch"),
        (is_undecoded(legs), "codec_unsupported"),
        (early, "early_media"),
        (call.negotiation.is_fax(), "fax"),
        (!call.forks.is_empty(), "forked"),
        (held, "hold"),
        (is_joined_late(call), "joined_late"),
        (call.messages_dropped > 0, "messages_dropped"),
        (!call.is_signalled, "no_signalling"),
        (one_way, "one_way"),
        (lossy, "packet_loss"),
        (!call.dialog.redirects.is_empty(), "redirected"),
        (both().any(|leg| leg.has_second_hop), "second_hop"),
        (call.negotiation.is_secure(), "srtp"),
        (is_shut(legs), "srtp_no_key"),
        (call.forks.iter().any(|fork| fork.branch.answered_at.is_some()), "several_answers"),
        (leaps, "timestamp_leap"),
        (video, "video"),
    ];
    let raised = all.into_iter().filter(|(raised, _)| *raised).map(|(_, flag)| flag);
    raised.chain(call.notes.iter().copied()).map(str::to_owned).collect()
}

/// The flag of a call whose media was turned away because the disk was full.
pub const DISK_FULL: &str = "disk_full";

/// One packet in a hundred: from here on it is heard.
const LOSS_WORTH_A_FLAG: f64 = 0.01;
