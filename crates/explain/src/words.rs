//! Pieces of sentences.

use clock::Time;
use store::{Named, Role};

/// Where a party said that it receives media.
pub(crate) fn named(role: Role, named: &Named) -> String {
    let (endpoint, at) = (named.endpoint, time(named.at));
    match named.how.as_str() {
        "description" => format!("receives at {endpoint}, as its description said at {at}"),
        "signalling_host" => {
            format!("may receive at {endpoint}: the described port at the host that described it at {at}")
        }
        "ice_check" => format!("receives at {endpoint}, as a connectivity check of ICE showed at {at}"),
        "candidate" => format!("may receive at {endpoint}, a candidate in its description of {at}"),
        other => format!("the {role} was known to receive at {endpoint} by {} at {at}", printable(other)),
    }
}

/// The time of day in UTC, to the millisecond.
pub(crate) fn time(at: Time) -> String {
    let text = at.to_rfc3339();
    let day = text.split_once('T').map_or(text.as_str(), |(_, day)| day);
    day.get(..12).unwrap_or(day).to_owned()
}

/// Text from the network on one line of a terminal: nothing in it may move the cursor.
pub(crate) fn printable(text: &str) -> String {
    let safe = |letter: char| if letter.is_control() { '?' } else { letter };
    text.chars().take(LONGEST).map(safe).collect()
}

const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_enough() {
        assert_eq!(time(Time::from_rfc3339("2026-03-02T09:00:01.123456Z").unwrap()), "09:00:01.123");
    }
}
