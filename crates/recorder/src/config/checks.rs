//! `[checks]`: what in the audio of a call is worth a word.

use seal::Checks;

use super::{Config, Problem};

impl Config {
    /// What the checks of a recording's audio hold against.
    pub(super) fn checks(&self) -> Result<Checks, Problem> {
        let (check, set) = (self.checker(), &self.file.checks);
        let mut checks = Checks::default();
        const HOUR: f64 = 3600.0;
        for (key, set, value) in [
            ("checks.dead_air_s", &set.dead_air_s, &mut checks.dead_air),
            ("checks.one_way_s", &set.one_way_s, &mut checks.one_way),
        ] {
            *value = check.span(key, set, 1.0..=HOUR)?.unwrap_or(*value);
        }
        for (key, set, value, range) in [
            ("checks.silence_dbov", &set.silence_dbov, &mut checks.silence_dbov, -95.0..=-30.0),
            ("checks.low_dbov", &set.low_dbov, &mut checks.low_dbov, -90.0..=0.0),
            ("checks.high_dbov", &set.high_dbov, &mut checks.high_dbov, -90.0..=0.0),
            ("checks.noise_dbov", &set.noise_dbov, &mut checks.noise_dbov, -90.0..=0.0),
            ("checks.clipping_ratio", &set.clipping_ratio, &mut checks.clipping_ratio, 0.0001..=1.0),
            ("checks.echo_correlation", &set.echo_correlation, &mut checks.echo_correlation, 0.5..=1.0),
        ] {
            *value = check.number(key, set, range)?.unwrap_or(*value);
        }
        Ok(checks)
    }
}
