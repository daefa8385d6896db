//! `[patience]`: how long to wait for what, by the capture's clock.

use call::Patience;

use super::{Config, Problem};

impl Config {
    pub(super) fn patience(&self) -> Result<Patience, Problem> {
        let (check, set) = (self.checker(), &self.file.patience);
        let mut patience = Patience::default();
        const DAY: f64 = 86_400.0;
        for (key, set, value, least, most) in [
            ("patience.grace_s", &set.grace_s, &mut patience.grace, 0.0, 60.0),
            ("patience.linger_s", &set.linger_s, &mut patience.linger, 0.0, 600.0),
            ("patience.challenge_s", &set.challenge_s, &mut patience.challenge, 1.0, 600.0),
            ("patience.ringing_s", &set.ringing_s, &mut patience.ringing, 1.0, DAY),
            ("patience.media_s", &set.media_s, &mut patience.media, 1.0, DAY),
            ("patience.no_media_s", &set.no_media_s, &mut patience.no_media, 1.0, 7.0 * DAY),
        ] {
            *value = check.span(key, set, least..=most)?.unwrap_or(*value);
        }
        Ok(patience)
    }
}
