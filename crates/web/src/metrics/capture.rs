//! What came in, and what was lost or not understood on the way to a datagram: `capture_*`, `ip_*`, `tcp_*`.

use prometheus::{Gauge, IntCounter};

use super::families::{Labelled, Register, advance, raise};
use super::{Labels, Source, Stage};

/// Frames and packets. Totals are those of all sources of a kind together.
#[derive(Debug)]
pub struct Capture {
    packets: Labelled<IntCounter>,
    bytes: Labelled<IntCounter>,
    dropped: Labelled<IntCounter>,
    duplicates: IntCounter,
    duplicate_ratio: Labelled<Gauge>,
    truncated: IntCounter,
    super_frames: IntCounter,
    undecodable: Labelled<IntCounter>,
    set_aside: Labelled<IntCounter>,
    last_packet: Labelled<Gauge>,
    fragments: Labelled<IntCounter>,
    tcp_streams: Labelled<IntCounter>,
    hep: Labelled<IntCounter>,
    hep_skipped_bytes: IntCounter,
    tcp_segments: IntCounter,
    tcp_holes: IntCounter,
    tls_records: Labelled<IntCounter>,
}

impl Capture {
    pub(super) fn register(register: &Register<'_>, labels: &Labels<'_>) -> Self {
        let source = ("source", Source::NAMES);
        Capture {
            packets: register.totals("capture_packets_total", "Packets that came in.", &[source]),
            bytes: register.totals("capture_bytes_total", "Bytes captured of these packets.", &[source]),
            dropped: register.totals(
                "capture_dropped_packets_total",
                "Packets lost before they were looked at, by who lost them.",
                &[source, ("stage", Stage::NAMES)],
            ),
            duplicates: register.total(
                "capture_duplicate_packets_total",
                "Packets turned away because the mirror had shown them before.",
            ),
            duplicate_ratio: register.ratios(
                "capture_duplicate_ratio",
                "Share of a source's packets, of all so far, that were such duplicates: 0 to 1.",
                source,
            ),
            truncated: register
                .total("capture_truncated_packets_total", "Packets that the snap length cut short."),
            super_frames: register.total(
                "capture_super_frames_total",
                "Frames longer than any on the wire: several, joined by the network card or its driver.",
            ),
            undecodable: register.totals(
                "capture_undecodable_frames_total",
                "Frames that nothing could be made of, by what stopped it.",
                &[("reason", labels.undecodable)],
            ),
            set_aside: register.totals(
                "capture_set_aside_packets_total",
                "Packets that were understood and are neither signalling nor media, by what they are.",
                &[("kind", labels.set_aside)],
            ),
            last_packet: register.times(
                "capture_last_packet_timestamp_seconds",
                "Unix time of the newest packet, as it was captured; 0 before the first.",
                source,
            ),
            fragments: register.totals(
                "ip_fragments_total",
                "IP fragments by what became of them.",
                &[("result", labels.fragments)],
            ),
            tcp_streams: register.totals(
                "tcp_streams_total",
                "TCP streams by what became of them.",
                &[("result", labels.tcp_streams)],
            ),
            hep: register.totals(
                "hep_packets_total",
                "HEP packets that agents sent, by what became of them.",
                &[("result", labels.hep)],
            ),
            hep_skipped_bytes: register.total(
                "hep_skipped_bytes_total",
                "Bytes of agents' connections that belonged to no HEP packet.",
            ),
            tcp_segments: register.total("tcp_segments_total", "TCP segments, of every connection."),
            tcp_holes: register.total(
                "tcp_stream_holes_total",
                "Holes in TCP streams that carry signalling: octets that were never captured.",
            ),
            tls_records: register.totals(
                "tls_records_total",
                "Sealed TLS records of connections whose keys are known, by what became of them.",
                &[("result", labels.tls_records)],
            ),
        }
    }

    /// All packets so far.
    pub fn set_packets(&self, source: Source, total: u64) {
        self.packets.raise(&[source.as_str()], total);
    }

    /// All bytes so far.
    pub fn set_bytes(&self, source: Source, total: u64) {
        self.bytes.raise(&[source.as_str()], total);
    }

    /// All packets so far that `stage` lost.
    pub fn set_dropped(&self, source: Source, stage: Stage, total: u64) {
        self.dropped.raise(&[source.as_str(), stage.as_str()], total);
    }

    /// All duplicates so far.
    pub fn set_duplicates(&self, total: u64) {
        raise(&self.duplicates, total);
    }

    /// How many duplicates there are among all packets so far.
    pub fn set_duplicate_ratio(&self, source: Source, duplicates: u64, packets: u64) {
        if let Some(ratio) = self.duplicate_ratio.child(&[source.as_str()]) {
            ratio.set(if packets == 0 { 0.0 } else { duplicates as f64 / packets as f64 });
        }
    }

    /// All frames so far that are several in one.
    pub fn set_super_frames(&self, total: u64) {
        raise(&self.super_frames, total);
    }

    /// All packets so far that were cut short.
    pub fn set_truncated(&self, total: u64) {
        raise(&self.truncated, total);
    }

    /// All frames so far that a reason kept from being decoded.
    pub fn set_undecodable(&self, reason: &str, total: u64) {
        self.undecodable.raise(&[reason], total);
    }

    /// All packets so far of a kind that is neither signalling nor media.
    pub fn set_set_aside(&self, kind: &str, total: u64) {
        self.set_aside.raise(&[kind], total);
    }

    /// When a packet was captured, in seconds since the Unix epoch; the newest stays.
    pub fn saw_packet_at(&self, source: Source, seconds: f64) {
        if let Some(last) = self.last_packet.child(&[source.as_str()]) {
            advance(last, seconds);
        }
    }

    /// All fragments so far with a result.
    pub fn set_fragments(&self, result: &str, total: u64) {
        self.fragments.raise(&[result], total);
    }

    /// All TCP streams so far with a result.
    pub fn set_tcp_streams(&self, result: &str, total: u64) {
        self.tcp_streams.raise(&[result], total);
    }

    /// All HEP packets so far with a result.
    pub fn set_hep(&self, result: &str, total: u64) {
        self.hep.raise(&[result], total);
    }

    /// All bytes so far between HEP packets.
    pub fn set_hep_skipped_bytes(&self, total: u64) {
        raise(&self.hep_skipped_bytes, total);
    }

    /// All segments so far.
    pub fn set_tcp_segments(&self, total: u64) {
        raise(&self.tcp_segments, total);
    }

    /// All holes so far.
    pub fn set_tcp_holes(&self, total: u64) {
        raise(&self.tcp_holes, total);
    }

    /// All TLS records so far with a result.
    pub fn set_tls_records(&self, result: &str, total: u64) {
        self.tls_records.raise(&[result], total);
    }
}
