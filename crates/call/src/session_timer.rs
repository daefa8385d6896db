//! Session timers (RFC 4028): a 2xx to an INVITE or UPDATE says how long the session lives unless it is refreshed.

use clock::{Span, Time};
use sip::{HeaderName, Message};

use crate::side::Side;

/// What was agreed upon last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimer {
    /// How long the session lives without a refresh.
    pub interval: Span,
    /// Who is to refresh it, where the answer says so.
    pub refresher: Option<Side>,
    /// How often it was refreshed.
    pub refreshes: u32,
    /// When it is over unless it is refreshed.
    pub(crate) expires_at: Time,
    /// The transaction that set it: the requester and its number.
    transaction: (Side, u32),
}

impl SessionTimer {
    /// What the 2xx `answer` to a request of `requester` makes of the timer `before`: without the header the session
    /// has no end of its own (section 7.2).
    pub(crate) fn after(
        before: Option<SessionTimer>,
        answer: &Message<'_>,
        requester: Side,
        at: Time,
    ) -> Option<SessionTimer> {
        let value = answer.header(HeaderName::SessionExpires).next()?;
        let (seconds, parameters) = value.split_once(';').unwrap_or((&value, ""));
        let seconds: u32 = seconds.trim().parse().ok()?;
        let transaction = (requester, answer.cseq()?.number);
        let refreshes = match before {
            Some(before) if before.transaction == transaction => before.refreshes,
            Some(before) => before.refreshes.saturating_add(1),
            None => 0,
        };
        let interval = Span::from_secs(i64::from(seconds));
        let refresher = refresher(parameters, requester);
        Some(SessionTimer { interval, refresher, refreshes, expires_at: at + interval, transaction })
    }
}

fn refresher(parameters: &str, requester: Side) -> Option<Side> {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, role) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("refresher"))?;
    match role.trim().to_ascii_lowercase().as_str() {
        "uac" => Some(requester),
        "uas" => Some(requester.other()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cseq: u32, header: &str) -> Vec<u8> {
        format!("SIP/2.0 200 OK\r\nCSeq: {cseq} UPDATE\r\n{header}\r\n").into_bytes()
    }

    #[test]
    fn is_set_refreshed_and_taken_off() {
        let at = |s| Time::from_parts(s, 0);
        let mut timer = None;
        for (cseq, header, requester, s, refresher, refreshes) in [
            (1, "Session-Expires: 1800;refresher=uac\r\n", Side::Caller, 0, Some(Side::Caller), 0),
            (1, "Session-Expires: 1800;refresher=uac\r\n", Side::Caller, 1, Some(Side::Caller), 0),
            (2, "x: 1800 ; Refresher = UAS\r\n", Side::Callee, 900, Some(Side::Caller), 1),
            (2, "x: 90\r\n", Side::Caller, 1700, None, 2),
        ] {
            let bytes = answer(cseq, header);
            timer = SessionTimer::after(timer, &Message::read(&bytes).unwrap(), requester, at(s));
            let set = timer.unwrap();
            assert_eq!((set.refresher, set.refreshes), (refresher, refreshes), "{header}");
            assert_eq!(set.expires_at, at(s) + set.interval);
        }
        assert_eq!(timer.unwrap().interval, Span::from_secs(90));
        for header in ["", "Session-Expires: soon\r\n", "Session-Expires: 99999999999\r\n"] {
            let bytes = answer(3, header);
            assert_eq!(
                SessionTimer::after(timer, &Message::read(&bytes).unwrap(), Side::Caller, at(2000)),
                None
            );
        }
    }
}
