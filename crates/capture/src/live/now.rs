//! The system's clock, for what comes without a time stamp.

use std::time::{SystemTime, UNIX_EPOCH};

use clock::Time;

/// The time by the system's clock.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_parts(since.as_secs() as i64, since.subsec_nanos())
}
