//! Capture time and spans, as numbers.
//!
//! A [`Time`] is what the capture stamped on a frame; everything behind `capture` takes its time as an argument of
//! this type. Nothing here can ask the machine what time it is.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

const NS_PER_S: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch, as the capture stamped them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(i64);

impl Time {
    /// The time `ns` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn from_ns(ns: i64) -> Self {
        Time(ns)
    }

    /// The time of a whole second and its fraction; a time past the year 2262 stays at the last that is known.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanoseconds: u32) -> Self {
        Time(seconds.saturating_mul(NS_PER_S).saturating_add(nanoseconds as i64))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_ns(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, for a gauge; a `f64` keeps it to about 0.2 us.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NS_PER_S as f64
    }

    /// RFC 3339 in UTC with six decimals: `2026-01-31T10:15:02.123456Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
        PRINTER.timestamp_to_string(&self.timestamp())
    }

    /// Reads RFC 3339 (any offset); `None` where it is no such time.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let timestamp: Timestamp = text.parse().ok()?;
        let ns = timestamp.as_nanosecond();
        // The first microsecond of all is written as one that began before there was time.
        let first = i128::from(i64::MIN);
        let ns = if (first - 999..first).contains(&ns) { first } else { ns };
        i64::try_from(ns).ok().map(Time)
    }

    /// The time in UTC by a `strftime` pattern; nothing is rounded.
    #[must_use]
    pub fn format_utc(self, pattern: &str) -> String {
        self.timestamp().strftime(pattern).to_string()
    }

    fn timestamp(self) -> Timestamp {
        // An i64 of nanoseconds reaches from 1677 to 2262, well inside what a timestamp can hold.
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A signed length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of nanoseconds.
    #[must_use]
    pub const fn from_ns(ns: i64) -> Self {
        Span(ns)
    }

    /// A span of milliseconds.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Span(ms.saturating_mul(1_000_000))
    }

    /// A span of seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Span(seconds.saturating_mul(NS_PER_S))
    }

    /// The span in nanoseconds.
    #[must_use]
    pub const fn as_ns(self) -> i64 {
        self.0
    }

    /// The span in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NS_PER_S as f64
    }

    /// The span in milliseconds.
    #[must_use]
    pub fn as_ms_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Neg for Span {
    type Output = Span;
    fn neg(self) -> Span {
        Span(self.0.saturating_neg())
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_rfc3339_with_six_decimals() {
        let time = Time::from_parts(1_464_083_609, 112_219_999);
        assert_eq!(time.to_rfc3339(), "2016-05-24T09:53:29.112219Z");
        assert_eq!(Time::from_rfc3339("2016-05-24T11:53:29.112219999+02:00"), Some(time));
        assert_eq!(Time::from_rfc3339("yesterday"), None);
    }

    #[test]
    fn keeps_whole_seconds_at_six_decimals() {
        assert_eq!(Time::from_parts(0, 0).to_rfc3339(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn formats_a_path_without_rounding_up_into_the_next_day() {
        let time = Time::from_rfc3339("2026-01-31T23:59:59.999999999Z").unwrap();
        assert_eq!(time.format_utc("%Y/%m/%d/%Y%m%dT%H%M%S.%6fZ"), "2026/01/31/20260131T235959.999999Z");
    }

    #[test]
    fn the_first_and_the_last_time_read_back() {
        for time in [Time::from_ns(i64::MIN), Time::from_ns(i64::MAX)] {
            let read = Time::from_rfc3339(&time.to_rfc3339()).unwrap();
            assert_eq!(read.to_rfc3339(), time.to_rfc3339());
        }
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        let last = Time::from_ns(i64::MAX);
        assert_eq!(last + Span::from_secs(1), last);
        assert_eq!(Time::from_parts(i64::MAX, 0), last);
        assert_eq!((last - Time::from_ns(-1)).as_ns(), i64::MAX);
        assert!(!last.to_rfc3339().is_empty());
    }
}
