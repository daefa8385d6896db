//! `[disk]`, and what of `[record]` guards against a crash: all of it may change while calls are recorded.

use std::time::Duration;

use super::{Config, Problem};
use crate::cli::Record;
use crate::watermarks::Marks;

/// What may change while calls are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Live {
    /// How far the journals may be behind.
    pub(crate) journal_interval: Duration,
    /// How long the end may take.
    pub(crate) stop_timeout: Duration,
    /// What is to stay free.
    pub(crate) disk: Marks,
}

impl Default for Live {
    fn default() -> Live {
        Live {
            journal_interval: Duration::from_secs(2),
            stop_timeout: Duration::from_secs(20),
            disk: Marks::default(),
        }
    }
}

impl Live {
    /// What the command line says, then the configuration.
    pub(crate) fn new(arguments: &Record, config: &Config) -> Result<Live, Problem> {
        let mut live = config.safety()?;
        if let Some(seconds) = arguments.journal_interval {
            live.journal_interval = Duration::from_secs_f64(seconds);
        }
        if let Some(seconds) = arguments.stop_timeout {
            live.stop_timeout = Duration::from_secs_f64(seconds);
        }
        Ok(live)
    }
}

impl Config {
    /// Whether anything differs that may not change while calls are recorded.
    pub(crate) fn differs_beyond_safety(&self, other: &Config) -> bool {
        let rest = |config: &Config| {
            let mut table: toml::Table = config.text.parse().unwrap_or_default();
            table.remove("disk");
            if let Some(toml::Value::Table(record)) = table.get_mut("record") {
                record.retain(|key, _| !["journal_s", "stop_s", "listeners"].contains(&key));
                if record.is_empty() {
                    table.remove("record");
                }
            }
            table
        };
        rest(self) != rest(other)
    }

    /// What `[disk]` and `[record]` say.
    pub(crate) fn safety(&self) -> Result<Live, Problem> {
        let (check, record, disk) = (self.checker(), &self.file.record, &self.file.disk);
        let mut live = Live::default();
        for (key, set, value, range) in [
            ("record.journal_s", &record.journal_s, &mut live.journal_interval, 0.5..=60.0),
            ("record.stop_s", &record.stop_s, &mut live.stop_timeout, 1.0..=3600.0),
        ] {
            let span = check.span(key, set, range)?;
            *value = span.map_or(*value, |span| Duration::from_nanos(span.as_ns().unsigned_abs()));
        }
        for (key, set, value) in [
            ("disk.warn_free", &disk.warn_free, &mut live.disk.warn_free),
            ("disk.stop_free", &disk.stop_free, &mut live.disk.stop_free),
        ] {
            *value = check.bytes(key, set, 0..=1 << 50)?.map_or(*value, |bytes| bytes as u64);
        }
        Ok(live)
    }
}
