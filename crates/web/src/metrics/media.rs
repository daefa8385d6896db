//! RTP and what was made of it: `rtp_*`, `leg_*`, `recorded_audio_seconds_total`.

use prometheus::{Counter, Histogram, IntCounter, IntGauge};

use super::families::{Labelled, Register, observe, set};
use super::{Disposition, Labels, OrphanReason, SrtpResult};

/// Media: packets, streams, the quality of a leg at its call's end, the audio recorded.
///
/// Sums of seconds and ratios are sums of floats: they come out the same when they are observed in the same order.
#[derive(Debug)]
pub struct Media {
    packets: Labelled<IntCounter>,
    streams: IntGauge,
    orphans: Labelled<IntCounter>,
    srtp: Labelled<IntCounter>,
    loss: Histogram,
    jitter: Histogram,
    mos: Histogram,
    audio: Labelled<Counter>,
}

impl Media {
    pub(super) fn register(register: &Register<'_>, labels: &Labels<'_>) -> Self {
        Media {
            packets: register.totals(
                "rtp_packets_total",
                "Datagrams that look like RTP or share its ports, by what became of them.",
                &[("disposition", Disposition::NAMES)],
            ),
            streams: register.level("rtp_streams_active", "RTP streams in the table."),
            orphans: register.totals(
                "rtp_orphan_streams_total",
                "RTP streams that ended without a call, by why.",
                &[("reason", OrphanReason::NAMES)],
            ),
            srtp: register.totals(
                "srtp_packets_total",
                "Encrypted packets of streams whose key is known, by what became of them.",
                &[("result", SrtpResult::NAMES)],
            ),
            loss: register.histogram(
                "leg_loss_ratio",
                "Packets lost of packets expected, of each leg with media, as seen where the capture was taken.",
                LOSS_RATIO,
            ),
            jitter: register.histogram(
                "leg_jitter_seconds",
                "Mean interarrival jitter (RFC 3550) of each leg with media.",
                JITTER_SECONDS,
            ),
            mos: register.histogram(
                "leg_mos",
                "Estimated mean opinion score (ITU-T G.107) of each leg whose codec the model knows.",
                MOS,
            ),
            audio: register.seconds(
                "recorded_audio_seconds_total",
                "Seconds of audio in recordings, over both channels, by where the samples come from.",
                ("kind", labels.audio),
            ),
        }
    }

    /// All datagrams so far of a disposition.
    pub fn set_packets(&self, disposition: Disposition, total: u64) {
        self.packets.raise(&[disposition.as_str()], total);
    }

    /// Streams in the table now.
    pub fn set_streams_active(&self, streams: u64) {
        set(&self.streams, streams);
    }

    /// All streams so far that ended without a call.
    pub fn set_orphans(&self, reason: OrphanReason, total: u64) {
        self.orphans.raise(&[reason.as_str()], total);
    }

    /// More encrypted packets of a call that is sealed.
    pub fn add_srtp(&self, result: SrtpResult, packets: u64) {
        if let Some(counter) = self.srtp.child(&[result.as_str()]) {
            counter.inc_by(packets);
        }
    }

    /// A leg's lost packets of those expected, 0 to 1.
    pub fn observe_loss_ratio(&self, ratio: f64) {
        observe(&self.loss, ratio);
    }

    /// A leg's mean jitter.
    pub fn observe_jitter(&self, seconds: f64) {
        observe(&self.jitter, seconds);
    }

    /// A leg's score, 1 to 4.5; where it is unknown, nothing is observed.
    pub fn observe_mos(&self, mos: f64) {
        observe(&self.mos, mos);
    }

    /// Seconds of audio that a recording holds of one kind.
    pub fn add_audio(&self, kind: &str, seconds: f64) {
        if let Some(audio) = self.audio.child(&[kind])
            && seconds.is_finite()
            && seconds > 0.0
        {
            audio.inc_by(seconds);
        }
    }
}

/// The first holds the legs without any loss; concealment hides about 3 %, and nobody speaks on past 20 %.
const LOSS_RATIO: &[f64] = &[0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0];

/// Phones have buffers of 20 to 200 ms.
const JITTER_SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];

/// 2.6, 3.1, 3.6, 4.0 and 4.3 are where G.107, Annex B, changes its word on how content users are.
const MOS: &[f64] = &[1.0, 1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.3, 4.5];
