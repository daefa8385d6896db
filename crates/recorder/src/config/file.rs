//! The file as it stands: every key there is, none of them needed. A key that is not here is refused.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::value::{Bytes, Number, Seconds, Whole};
use crate::cli::{Digits, Format, Keep, Layout, Orphans, Rate, TimeStamps};

/// A value, and where in the file it stands.
pub(crate) type Set<T> = Option<Spanned<T>>;

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) store: Option<PathBuf>,
    pub(crate) digits: Option<Digits>,
    pub(crate) keep: Option<Keep>,
    pub(crate) compress_packets: Option<bool>,
    pub(crate) format: Option<Format>,
    pub(crate) layout: Option<Layout>,
    pub(crate) rate: Option<Rate>,
    pub(crate) with_keys: Option<bool>,
    pub(crate) orphans: Option<Orphans>,
    pub(crate) tls_keylog: Option<Vec<PathBuf>>,
    pub(crate) threads: Set<Whole>,
    pub(crate) limits: Limits,
    pub(crate) patience: Patience,
    pub(crate) links: Links,
    pub(crate) checks: Checks,
    pub(crate) record: Record,
    pub(crate) disk: Disk,
    pub(crate) serve: Serve,
    pub(crate) retention: Option<Vec<Class>>,
    pub(crate) upkeep: Upkeep,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) class: Spanned<String>,
    pub(crate) days: Set<Whole>,
    pub(crate) at_least_days: Set<Whole>,
    pub(crate) bytes: Set<Bytes>,
    pub(crate) outcome: Option<Vec<store::Outcome>>,
    pub(crate) party: Option<Vec<String>>,
    pub(crate) tag: Option<Vec<String>>,
    pub(crate) flag: Option<String>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Upkeep {
    pub(crate) every_s: Set<Seconds>,
    pub(crate) deletions_per_s: Set<Whole>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) calls: Set<Whole>,
    pub(crate) signalling_bytes: Set<Bytes>,
    pub(crate) streams: Set<Whole>,
    pub(crate) packets: Set<Whole>,
    pub(crate) copied_bytes: Set<Bytes>,
    pub(crate) look_back_s: Set<Seconds>,
    pub(crate) fragmented_packets: Set<Whole>,
    pub(crate) fragment_bytes: Set<Bytes>,
    pub(crate) fragment_s: Set<Seconds>,
    pub(crate) tcp_connections: Set<Whole>,
    pub(crate) tcp_bytes: Set<Bytes>,
    pub(crate) duplicates: Set<Whole>,
    pub(crate) duplicate_s: Set<Seconds>,
    pub(crate) hep_connections: Set<Whole>,
    pub(crate) linked_calls: Set<Whole>,
    pub(crate) linked_bytes: Set<Bytes>,
    pub(crate) linked_payloads: Set<Whole>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Patience {
    pub(crate) grace_s: Set<Seconds>,
    pub(crate) linger_s: Set<Seconds>,
    pub(crate) challenge_s: Set<Seconds>,
    pub(crate) ringing_s: Set<Seconds>,
    pub(crate) media_s: Set<Seconds>,
    pub(crate) no_media_s: Set<Seconds>,
    pub(crate) unsignalled_s: Set<Seconds>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Links {
    pub(crate) headers: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Checks {
    pub(crate) silence_dbov: Set<Number>,
    pub(crate) dead_air_s: Set<Seconds>,
    pub(crate) one_way_s: Set<Seconds>,
    pub(crate) low_dbov: Set<Number>,
    pub(crate) high_dbov: Set<Number>,
    pub(crate) noise_dbov: Set<Number>,
    pub(crate) clipping_ratio: Set<Number>,
    pub(crate) echo_correlation: Set<Number>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Record {
    pub(crate) interfaces: Option<Vec<Spanned<String>>>,
    pub(crate) filter: Option<String>,
    pub(crate) buffer_mib: Set<Whole>,
    pub(crate) snaplen: Set<Whole>,
    pub(crate) promiscuous: Option<bool>,
    pub(crate) time_stamp_type: Option<TimeStamps>,
    pub(crate) hep: Option<Vec<Spanned<String>>>,
    pub(crate) hep_key: Set<String>,
    pub(crate) listen: Set<String>,
    pub(crate) selftest_s: Set<Seconds>,
    pub(crate) journal_s: Set<Seconds>,
    pub(crate) stop_s: Set<Seconds>,
    pub(crate) confine: Option<bool>,
    pub(crate) listeners: Option<bool>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Serve {
    pub(crate) listen: Set<String>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Disk {
    pub(crate) warn_free: Set<Bytes>,
    pub(crate) stop_free: Set<Bytes>,
}
