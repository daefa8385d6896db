//! What is written on a command line as times, lengths of time and names.

use clock::{Span, Time};

/// A token (RFC 3261, section 25.1).
pub(crate) fn header_name(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no name of a header: give it without colon and value, such as X-CID"))
    }
}

/// RFC 3339, or a span back from now.
pub(crate) fn time(text: &str) -> Result<Time, String> {
    if let Some(back) = text.strip_prefix('-') {
        return Ok(now() - Span::from_ns((duration(back)? * 1e9) as i64));
    }
    let expected = || format!("{text:?} is no time: give RFC 3339 such as 2026-01-31T10:00:00Z, or -2h");
    Time::from_rfc3339(text).ok_or_else(expected)
}

pub(crate) fn now() -> Time {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_parts(since_epoch.as_secs() as i64, since_epoch.subsec_nanos())
}

/// A number of seconds, or of what its unit says.
pub(crate) fn duration(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        other => return Err(format!("{other:?} is no unit of time: s, m, h or d")),
    };
    let number: f64 =
        digits.parse().map_err(|_| format!("{text:?} is no length of time: give 90s, 5m or 2h"))?;
    if (0.0..=1e9).contains(&number) {
        Ok(number * unit)
    } else {
        Err(format!("{text:?} is too long or negative"))
    }
}

pub(super) fn journal_interval(text: &str) -> Result<f64, String> {
    let seconds = duration(text)?;
    let wanted = || format!("{text:?} is out of range; give 0.5s to 60s");
    Some(seconds).filter(|seconds| (0.5..=60.0).contains(seconds)).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_named_without_its_colon() {
        assert_eq!(header_name("X-CID").as_deref(), Ok("X-CID"));
        assert!(
            header_name("X-CID: 1").is_err() && header_name("").is_err() && header_name("Übung").is_err()
        );
    }

    #[test]
    fn reads_times_and_durations() {
        assert_eq!(duration("90"), Ok(90.0));
        assert_eq!(duration("1.5h"), Ok(5400.0));
        assert!(duration("5 parsecs").is_err() && duration("").is_err() && duration("nan").is_err());
        assert_eq!(time("2016-05-24T09:53:29Z").unwrap().as_ns(), 1_464_083_609_000_000_000);
        let back = (now() - time("-2h").unwrap()).as_secs_f64();
        assert!((back - 7200.0).abs() < 60.0);
        assert!(time("yesterday").is_err());
    }
}
