//! What `replay` and `record` have in common, as the command line and the file say it together.

use std::path::PathBuf;
use std::thread;

use rtp::Copying;
use seal::Silence;
use store::Durability;
use tls::KeyLog;

use super::{Config, Pace, Problem};
use crate::cli::{Common, Digits, Keep, Orphans};
use crate::connections;

/// How calls are recorded, and into which store.
pub(crate) struct Settings {
    pub(crate) store: PathBuf,
    pub(crate) seal: seal::Settings,
    pub(crate) call: call::Config,
    pub(crate) wire: wire::Limits,
    pub(crate) tcp: wire::tcp::Limits,
    pub(crate) links: call::Links,
    /// The secrets of TLS connections.
    pub(crate) keys: KeyLog,
    pub(crate) threads: usize,
    pub(crate) retention: store::retention::Retention,
    pub(crate) pace: Pace,
}

impl Settings {
    /// What the command line says, then the file, then what is usual.
    pub(crate) fn new(common: &Common, config: &Config, durability: Durability) -> anyhow::Result<Settings> {
        config.check()?;
        let file = config.file_settings()?;
        let keep = common.keep.or(file.keep).unwrap_or(Keep::Signalling);
        let digits = common.digits.or(file.digits).unwrap_or(Digits::Mask);
        let orphans = common.orphans.or(file.orphans).unwrap_or(Orphans::Drop);
        let threads = common.threads.or(file.threads);
        Ok(Settings {
            store: common.store.dir_with(config),
            seal: seal::Settings {
                keep: match keep {
                    Keep::None => seal::Keep::None,
                    Keep::Signalling => seal::Keep::Signalling,
                    Keep::All => seal::Keep::All,
                },
                show_digits: digits == Digits::Keep,
                compress_packets: common.compress_packets || file.compress_packets,
                shape: config.shape(common.shape).into(),
                with_keys: common.with_keys || file.with_keys,
                silence: Silence::default(),
                checks: config.checks()?,
                durability,
            },
            call: call::Config {
                copying: if keep == Keep::All { Copying::Frames } else { Copying::Payloads },
                orphans: orphans.into(),
                ..config.call_config()?
            },
            wire: config.wire_limits()?,
            tcp: config.tcp_limits()?,
            links: config.links(&common.link_header)?,
            keys: connections::key_log(if common.tls_keylog.is_empty() {
                &file.tls_keylog
            } else {
                &common.tls_keylog
            })?,
            threads: threads.map_or_else(processors, usize::from),
            retention: config.retention()?,
            pace: config.pace()?,
        })
    }
}

/// The keys that a flag can stand for.
pub(super) struct FileSettings {
    digits: Option<Digits>,
    keep: Option<Keep>,
    compress_packets: bool,
    with_keys: bool,
    orphans: Option<Orphans>,
    tls_keylog: Vec<PathBuf>,
    threads: Option<u16>,
}

impl Config {
    pub(super) fn file_settings(&self) -> Result<FileSettings, Problem> {
        let file = &self.file;
        Ok(FileSettings {
            digits: file.digits,
            keep: file.keep,
            compress_packets: file.compress_packets.unwrap_or_default(),
            with_keys: file.with_keys.unwrap_or_default(),
            orphans: file.orphans,
            tls_keylog: file.tls_keylog.clone().unwrap_or_default(),
            threads: self.checker().whole("threads", &file.threads, 1..=256)?,
        })
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
