//! What `replay` and `record` have in common, as the command line and the file say it together.

use std::path::PathBuf;
use std::thread;

use rtp::Copying;
use seal::Silence;
use store::Durability;

use super::{Config, Problem};
use crate::cli::{Common, Digits, Keep};

/// How calls are recorded, and into which store.
pub(crate) struct Settings {
    pub(crate) store: PathBuf,
    pub(crate) seal: seal::Settings,
    pub(crate) call: call::Config,
    pub(crate) wire: wire::Limits,
    pub(crate) threads: usize,
}

impl Settings {
    /// What the command line says, then the file, then what is usual.
    pub(crate) fn new(common: &Common, config: &Config, durability: Durability) -> Result<Settings, Problem> {
        config.check()?;
        let file = config.file_settings()?;
        let keep = common.keep.or(file.keep).unwrap_or(Keep::Signalling);
        let digits = common.digits.or(file.digits).unwrap_or(Digits::Mask);
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
                with_keys: common.with_keys || file.with_keys,
                silence: Silence::default(),
                durability,
            },
            call: call::Config {
                copying: if keep == Keep::All { Copying::Frames } else { Copying::Payloads },
                ..config.call_config()?
            },
            wire: config.wire_limits()?,
            threads: threads.map_or_else(processors, usize::from),
        })
    }
}

/// The keys that a flag can stand for.
pub(super) struct FileSettings {
    digits: Option<Digits>,
    keep: Option<Keep>,
    with_keys: bool,
    threads: Option<u16>,
}

impl Config {
    pub(super) fn file_settings(&self) -> Result<FileSettings, Problem> {
        let file = &self.file;
        Ok(FileSettings {
            digits: file.digits,
            keep: file.keep,
            with_keys: file.with_keys.unwrap_or_default(),
            threads: self.checker().whole("threads", &file.threads, 1..=256)?,
        })
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
