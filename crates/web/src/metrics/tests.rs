//! The contract of the metrics, held against the text that a scrape gets.

use std::collections::BTreeMap;

use super::*;

const LABELS: Labels<'_> = Labels {
    outcomes: &[
        "recorded",
        "recorded_partial",
        "one_way",
        "no_media",
        "srtp_no_key",
        "codec_unsupported",
        "policy_skipped",
        "not_answered",
        "capture_loss",
        "storage_error",
        "ambiguous_media",
        "internal_error",
    ],
    end_reasons: &[
        "bye_caller",
        "bye_callee",
        "cancel",
        "rejected",
        "media_timeout",
        "session_timer",
        "replaced",
        "port_reuse",
        "capture_end",
        "shutdown",
    ],
    link_reasons: &["session_id", "replaces", "refer", "icid", "x_header", "payload_match"],
    audio: &["received", "concealed", "comfort_noise", "silence", "hold", "masked", "not_captured"],
    sip_methods: &["INVITE", "ACK", "BYE", "other"],
    sip_classes: &["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"],
    sip_errors: &["empty", "start_line"],
    undecodable: &["link_type", "cut_ip_header"],
    set_aside: &["arp", "tcp"],
    fragments: &["reassembled", "timed_out"],
    tcp_streams: &["closed", "evicted"],
    hep: &["carried", "key"],
    tls_records: &["opened", "failed"],
};

/// Every family of the contract: name, type, label names, children.
const CONTRACT: &[(&str, &str, &[&str], usize)] = &[
    ("build_info", "gauge", &["version", "revision"], 1),
    ("call_duration_seconds", "histogram", &[], 1),
    ("call_links_total", "counter", &["reason"], 6),
    ("call_setup_seconds", "histogram", &[], 1),
    ("calls_active", "gauge", &[], 1),
    ("calls_closed_total", "counter", &["reason"], 10),
    ("calls_seen_total", "counter", &[], 1),
    ("calls_total", "counter", &["outcome"], 12),
    ("capture_bytes_total", "counter", &["source"], 3),
    ("capture_dropped_packets_total", "counter", &["source", "stage"], 12),
    ("capture_duplicate_packets_total", "counter", &[], 1),
    ("capture_duplicate_ratio", "gauge", &["source"], 3),
    ("capture_last_packet_timestamp_seconds", "gauge", &["source"], 3),
    ("capture_packets_total", "counter", &["source"], 3),
    ("capture_set_aside_packets_total", "counter", &["kind"], 2),
    ("capture_super_frames_total", "counter", &[], 1),
    ("capture_truncated_packets_total", "counter", &[], 1),
    ("capture_undecodable_frames_total", "counter", &["reason"], 2),
    ("hep_packets_total", "counter", &["result"], 2),
    ("hep_skipped_bytes_total", "counter", &[], 1),
    ("index_query_seconds", "histogram", &[], 1),
    ("ip_fragments_total", "counter", &["result"], 2),
    ("journal_bytes_total", "counter", &[], 1),
    ("journal_lag_seconds", "gauge", &[], 1),
    ("journal_missed_packets_total", "counter", &[], 1),
    ("last_recording_completed_timestamp_seconds", "gauge", &[], 1),
    ("leg_jitter_seconds", "histogram", &[], 1),
    ("leg_loss_ratio", "histogram", &[], 1),
    ("leg_mos", "histogram", &[], 1),
    ("recorded_audio_seconds_total", "counter", &["kind"], 7),
    ("rtp_orphan_streams_total", "counter", &["reason"], 3),
    ("rtp_packets_total", "counter", &["disposition"], 9),
    ("rtp_streams_active", "gauge", &[], 1),
    ("seal_seconds", "histogram", &[], 1),
    ("selftest_last_success_timestamp_seconds", "gauge", &[], 1),
    ("selftests_total", "counter", &["result"], 2),
    ("sip_messages_total", "counter", &["method"], 4),
    ("sip_parse_errors_total", "counter", &["kind"], 2),
    ("sip_quality_reports_total", "counter", &["place"], 3),
    ("sip_responses_total", "counter", &["class"], 6),
    ("sip_retransmissions_total", "counter", &[], 1),
    ("sip_texts_total", "counter", &["place"], 3),
    ("srtp_packets_total", "counter", &["result"], 2),
    ("storage_errors_total", "counter", &["op"], 7),
    ("storage_free_bytes", "gauge", &[], 1),
    ("storage_used_bytes", "gauge", &[], 1),
    ("storage_watermark_reached", "gauge", &["watermark"], 2),
    ("table_entries", "gauge", &["table"], Table::ALL.len()),
    ("table_evictions_total", "counter", &["table"], Table::ALL.len()),
    ("table_limit", "gauge", &["table"], Table::ALL.len()),
    ("tcp_segments_total", "counter", &[], 1),
    ("tcp_stream_holes_total", "counter", &[], 1),
    ("tcp_streams_total", "counter", &["result"], 2),
    ("tls_records_total", "counter", &["result"], 2),
];

fn metrics() -> Metrics {
    Metrics::new("0.1.0", "e5aa02f", &LABELS)
}

/// A sample of the text format: name, labels, value.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// A family of the text format.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
    samples: Vec<Sample>,
}

/// Reads the text format line by line and stops at the first line that is none of it. Every sample must stand below
/// the HELP and TYPE of its own family.
fn read(text: &str) -> Vec<(String, Family)> {
    assert!(text.ends_with('\n'));
    let mut families: Vec<(String, Family)> = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect(line);
            families.push((name.to_owned(), Family { help: help.to_owned(), ..Family::default() }));
            continue;
        }
        let (family, content) = families.last_mut().expect(line);
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            content.kind = kind
                .strip_prefix(family.as_str())
                .and_then(|kind| kind.strip_prefix(' '))
                .expect(line)
                .into();
            continue;
        }
        let sample = read_sample(line);
        let suffix = sample.name.strip_prefix(family.as_str()).expect(line);
        let known =
            if content.kind == "histogram" { ["_bucket", "_sum", "_count"].as_slice() } else { &[""] };
        assert!(known.contains(&suffix), "{line}");
        content.samples.push(sample);
    }
    families
}

fn read_sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect(line);
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect(line)),
        None => (series, ""),
    };
    assert!(
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
        "{line}"
    );
    let label = |pair: &str| {
        let (name, value) = pair.split_once("=\"").expect(line);
        (name.to_owned(), value.strip_suffix('"').expect(line).to_owned())
    };
    let labels = labels.split(',').filter(|pair| !pair.is_empty()).map(label).collect();
    Sample { name: name.to_owned(), labels, value: value.parse().expect(line) }
}

/// The value of the one sample whose name and labels read like `series`.
fn value(metrics: &Metrics, series: &str) -> f64 {
    let text = metrics.encode();
    let found: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).collect();
    assert_eq!(found.len(), 1, "{series}: {found:?}");
    found[0].parse().unwrap()
}

#[test]
fn every_family_is_there_at_zero_before_anything_happened() {
    let families = read(&metrics().encode());
    let names: Vec<&str> = families.iter().map(|(name, _)| name.as_str()).collect();
    let contract: Vec<String> = CONTRACT.iter().map(|(name, ..)| format!("sipreel_{name}")).collect();
    assert_eq!(names, contract);

    for ((name, family), (_, kind, labels, children)) in families.iter().zip(CONTRACT) {
        assert!(family.help.ends_with('.') && family.help.len() > 10, "{name}: {}", family.help);
        assert_eq!(family.kind, *kind, "{name}");
        let of_children =
            |sample: &&Sample| !sample.name.ends_with("_bucket") && !sample.name.ends_with("_sum");
        assert_eq!(family.samples.iter().filter(of_children).count(), *children, "{name}");
        for sample in &family.samples {
            let mut own: Vec<&str> = sample.labels.iter().map(|(name, _)| name.as_str()).collect();
            own.retain(|label| *label != "le");
            let mut expected = labels.to_vec();
            own.sort_unstable();
            expected.sort_unstable();
            assert_eq!(own, expected, "{name}");
            let zero = if name == "sipreel_build_info" { 1.0 } else { 0.0 };
            assert_eq!(sample.value, zero, "{sample:?}");
        }
    }
}

#[test]
fn counters_and_only_they_end_in_total() {
    for (name, kind, ..) in CONTRACT {
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
    }
}

#[test]
fn no_label_holds_a_number() {
    for (name, family) in read(&metrics().encode()) {
        for (label, value) in family.samples.iter().flat_map(|sample| &sample.labels) {
            let is_class = label == "class" && matches!(value.as_bytes(), [b'1'..=b'6', b'x', b'x']);
            let is_method = label == "method" && value.bytes().all(|byte| byte.is_ascii_uppercase());
            let is_word = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let is_own = name == "sipreel_build_info" || label == "le";
            assert!(is_class || is_method || is_word || is_own, "{name}: {label}={value}");
        }
    }
}

#[test]
fn buckets_ascend_and_end_with_all() {
    let metrics = metrics();
    metrics.update(|families| {
        for ratio in [0.0, 0.004, 0.02, 1.0] {
            families.media.observe_loss_ratio(ratio);
        }
        families.calls.observe_duration(1e6);
    });
    for (name, family) in read(&metrics.encode()) {
        let bounds: Vec<(f64, f64)> = family
            .samples
            .iter()
            .filter(|sample| sample.name.ends_with("_bucket"))
            .map(|sample| (sample.labels[0].1.replace("+Inf", "inf").parse().unwrap(), sample.value))
            .collect();
        assert!(
            bounds.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1),
            "{name}: {bounds:?}"
        );
        assert_eq!(bounds.is_empty(), family.kind != "histogram", "{name}");
        assert!(bounds.last().is_none_or(|(bound, _)| bound.is_infinite()), "{name}");
    }
    let below = |bound: &str| value(&metrics, &format!("sipreel_leg_loss_ratio_bucket{{le=\"{bound}\"}}"));
    assert_eq!((below("0"), below("0.005"), below("0.02"), below("+Inf")), (1.0, 2.0, 3.0, 4.0));
    assert_eq!(value(&metrics, "sipreel_call_duration_seconds_bucket{le=\"86400\"}"), 0.0);
}

#[test]
fn calls_add_up_as_they_happen() {
    let metrics = metrics();
    assert_eq!(metrics.sum_rule(), Ok(()));
    for outcome in LABELS.outcomes {
        metrics.update(|families| families.calls.opened());
        metrics.update(|families| families.calls.opened());
        assert_eq!(metrics.sum_rule(), Ok(()));
        metrics.update(|families| families.calls.ended(outcome));
        assert_eq!(metrics.sum_rule(), Ok(()));
    }
    assert_eq!(value(&metrics, "sipreel_calls_seen_total"), 24.0);
    assert_eq!(value(&metrics, "sipreel_calls_active"), 12.0);
    assert_eq!(value(&metrics, "sipreel_calls_total{outcome=\"one_way\"}"), 1.0);
}

#[test]
fn calls_that_do_not_add_up_are_told() {
    let metrics = metrics();
    metrics.update(|families| {
        families.calls.set_seen(7);
        families.calls.set_active(2);
        families.calls.set_ended("recorded", 4);
    });
    let unbalanced = Unbalanced { seen: 7, active: 2, ended: 4 };
    assert_eq!(metrics.sum_rule(), Err(unbalanced));
    assert_eq!(unbalanced.to_string(), "7 calls were seen, but 4 have an outcome and 2 are active");
    metrics.update(|families| families.calls.set_ended("no_media", 1));
    assert_eq!(metrics.sum_rule(), Ok(()));
}

#[test]
fn an_end_without_a_beginning_does_not_add_up() {
    let metrics = metrics();
    metrics.update(|families| families.calls.ended("recorded"));
    assert_eq!(metrics.sum_rule(), Err(Unbalanced { seen: 0, active: -1, ended: 1 }));
}

#[test]
fn a_scrape_sees_whole_updates_only() {
    let metrics = metrics();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..500 {
                metrics.update(|families| {
                    families.calls.opened();
                    families.calls.ended("recorded");
                });
            }
        });
        for _ in 0..50 {
            let families: BTreeMap<String, Family> = read(&metrics.encode()).into_iter().collect();
            let sum = |name: &str| families[name].samples.iter().map(|sample| sample.value).sum::<f64>();
            assert_eq!(sum("sipreel_calls_total"), sum("sipreel_calls_seen_total"));
            assert_eq!(metrics.sum_rule(), Ok(()));
        }
    });
}

#[test]
fn every_value_arrives_where_it_belongs() {
    let metrics = metrics();
    metrics.update(|Families { calls, capture, sip, media, tables, storage }| {
        calls.set_closed("bye_caller", 1);
        calls.closed("bye_caller");
        calls.observe_setup(3.0);
        calls.observe_duration(4.0);
        capture.set_packets(Source::File, 5);
        capture.set_bytes(Source::Interface, 1 << 40);
        capture.set_dropped(Source::Hep, Stage::Kernel, 7);
        capture.set_duplicates(8);
        capture.set_duplicate_ratio(Source::Hep, 1, 4);
        capture.set_duplicate_ratio(Source::File, 0, 0);
        capture.set_super_frames(6);
        capture.set_truncated(9);
        capture.set_undecodable("link_type", 10);
        capture.set_set_aside("tcp", 23);
        capture.saw_packet_at(Source::File, 1_769_854_502.123_456);
        capture.saw_packet_at(Source::File, 1.0);
        capture.set_fragments("timed_out", 12);
        capture.set_tcp_streams("closed", 13);
        capture.set_hep("key", 43);
        capture.set_hep_skipped_bytes(44);
        sip.set_requests("INVITE", 14);
        sip.set_responses("2xx", 15);
        sip.set_retransmissions(16);
        sip.set_texts([32, 33, 34]);
        sip.set_quality_reports([35, 36, 37]);
        sip.set_errors("empty", 17);
        media.set_packets(Disposition::Stun, 18);
        media.set_streams_active(19);
        media.set_orphans(OrphanReason::Ambiguous, 20);
        media.observe_jitter(21.0);
        media.observe_mos(4.4);
        media.add_audio("masked", 22.5);
        media.add_audio("masked", -1.0);
        media.add_audio("masked", f64::NAN);
        tables.set_entries(Table::Calls, 23);
        tables.set_limit(Table::Streams, 24);
        tables.set_evictions(Table::Fragments, 25);
        tables.set(Table::Duplicates, 32, 33, 34);
        storage.set_free(26);
        storage.set_used(u64::MAX);
        storage.set_errors(Operation::Rename, 27);
        storage.failed(Operation::Rename);
        storage.observe_query(29.0);
        storage.observe_seal(30.0);
        storage.completed_at(31.0);
    });
    for (series, expected) in [
        ("calls_closed_total{reason=\"bye_caller\"}", 2.0),
        ("call_setup_seconds_sum", 3.0),
        ("call_duration_seconds_sum", 4.0),
        ("capture_packets_total{source=\"file\"}", 5.0),
        ("capture_bytes_total{source=\"interface\"}", 1_099_511_627_776.0),
        ("capture_dropped_packets_total{source=\"hep\",stage=\"kernel\"}", 7.0),
        ("capture_duplicate_packets_total", 8.0),
        ("capture_duplicate_ratio{source=\"hep\"}", 0.25),
        ("capture_duplicate_ratio{source=\"file\"}", 0.0),
        ("capture_super_frames_total", 6.0),
        ("capture_truncated_packets_total", 9.0),
        ("capture_undecodable_frames_total{reason=\"link_type\"}", 10.0),
        ("capture_set_aside_packets_total{kind=\"tcp\"}", 23.0),
        ("capture_last_packet_timestamp_seconds{source=\"file\"}", 1_769_854_502.123_456),
        ("ip_fragments_total{result=\"timed_out\"}", 12.0),
        ("tcp_streams_total{result=\"closed\"}", 13.0),
        ("hep_packets_total{result=\"key\"}", 43.0),
        ("hep_packets_total{result=\"carried\"}", 0.0),
        ("hep_skipped_bytes_total", 44.0),
        ("sip_messages_total{method=\"INVITE\"}", 14.0),
        ("sip_responses_total{class=\"2xx\"}", 15.0),
        ("sip_retransmissions_total", 16.0),
        ("sip_texts_total{place=\"call\"}", 33.0),
        ("sip_quality_reports_total{place=\"elsewhere\"}", 36.0),
        ("sip_parse_errors_total{kind=\"empty\"}", 17.0),
        ("rtp_packets_total{disposition=\"stun\"}", 18.0),
        ("rtp_streams_active", 19.0),
        ("rtp_orphan_streams_total{reason=\"ambiguous\"}", 20.0),
        ("leg_jitter_seconds_sum", 21.0),
        ("leg_mos_sum", 4.4),
        ("recorded_audio_seconds_total{kind=\"masked\"}", 22.5),
        ("table_entries{table=\"calls\"}", 23.0),
        ("table_limit{table=\"streams\"}", 24.0),
        ("table_evictions_total{table=\"fragments\"}", 25.0),
        ("table_entries{table=\"duplicates\"}", 32.0),
        ("table_limit{table=\"duplicates\"}", 33.0),
        ("table_evictions_total{table=\"duplicates\"}", 34.0),
        ("storage_free_bytes", 26.0),
        ("storage_used_bytes", 9_223_372_036_854_775_807.0),
        ("storage_errors_total{op=\"rename\"}", 28.0),
        ("index_query_seconds_sum", 29.0),
        ("seal_seconds_sum", 30.0),
        ("last_recording_completed_timestamp_seconds", 31.0),
        ("build_info{revision=\"e5aa02f\",version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(value(&metrics, &format!("sipreel_{series}")), expected, "{series}");
    }
}

#[test]
fn the_same_values_give_the_same_text() {
    let filled = || {
        let metrics = metrics();
        metrics.update(|families| {
            for hundredth in 0..100 {
                families.media.add_audio("received", f64::from(hundredth) / 100.0);
                families.media.observe_mos(f64::from(hundredth) / 25.0);
            }
        });
        metrics.encode()
    };
    assert_eq!(filled(), filled());
}

#[test]
fn the_process_shows_only_when_asked_for() {
    let has_process =
        |metrics: Metrics| read(&metrics.encode()).iter().any(|(name, _)| name.starts_with("process_"));
    assert!(!has_process(metrics()));
    assert_eq!(has_process(metrics().with_process()), cfg!(target_os = "linux"));
}
