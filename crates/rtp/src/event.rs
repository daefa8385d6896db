//! Telephone events: dialled digits as RTP packets of their own (RFC 4733, section 2.3).
//!
//! ```text
//!  |     event     |E|R| volume    |          duration             |
//! ```

use std::collections::BTreeMap;

use clock::{Span, Time};

/// One key pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// `0` to `9`, `*`, `#`, `A` to `D`; `!` is a flash.
    pub digit: char,
    /// When its first packet came.
    pub at: Time,
    /// How long it was pressed.
    pub duration: Span,
}

/// One packet's payload of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPayload {
    /// The event code (RFC 4733, section 3).
    pub event: u8,
    /// The end bit.
    pub end: bool,
    /// How long the event lasted so far, in ticks.
    pub duration_ticks: u16,
}

impl EventPayload {
    /// Reads the first event of a payload; `None` where it is too short.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(EventPayload { event, end: flags & 0x80 != 0, duration_ticks: u16::from_be_bytes([high, low]) })
    }

    /// The key that the event stands for; `None` for tones that no key makes.
    #[must_use]
    pub fn digit(self) -> Option<char> {
        KEYS.get(usize::from(self.event)).map(|&key| char::from(key))
    }
}

const KEYS: [u8; 17] = *b"0123456789*#ABCD!";

/// Gathers the events of one stream. All packets of an event carry the time stamp of its start, however often the end
/// is sent again and whatever sequence numbers the repeats have (some senders repeat them with the same one).
#[derive(Default, Debug)]
pub struct Events {
    by_start: BTreeMap<(i64, u8), (Time, u16)>,
}

impl Events {
    /// Takes in a packet whose unwrapped time stamp is `ticks`.
    pub fn handle_payload(&mut self, at: Time, ticks: i64, payload: &[u8]) {
        let Some(event) = EventPayload::read(payload) else { return };
        if event.digit().is_none() || self.by_start.len() >= MOST_EVENTS {
            return;
        }
        let (first, longest) = self.by_start.entry((ticks, event.event)).or_insert((at, 0));
        *first = (*first).min(at);
        *longest = (*longest).max(event.duration_ticks);
    }

    /// The keys in the order in which they were pressed.
    #[must_use]
    pub fn keys(&self, clock_rate: u32) -> Vec<TelephoneEvent> {
        let key = |(&(_, event), &(at, ticks)): (&(i64, u8), &(Time, u16))| {
            let duration = Span::from_ns(i64::from(ticks) * 1_000_000_000 / i64::from(clock_rate.max(1)));
            let digit = EventPayload { event, end: true, duration_ticks: ticks }.digit()?;
            Some(TelephoneEvent { digit, at, duration })
        };
        self.by_start.iter().filter_map(key).collect()
    }
}

/// Nobody dials that many keys in a call.
const MOST_EVENTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_end_packets_are_one_key() {
        let mut events = Events::default();
        for (n, duration) in [160u16, 320, 480, 480, 480].into_iter().enumerate() {
            let [high, low] = duration.to_be_bytes();
            let flags = if n > 1 { 0x8a } else { 0x0a };
            events.handle_payload(Time::from_ns(n as i64), 1000, &[11, flags, high, low]);
        }
        events.handle_payload(Time::from_ns(9), 5000, &[11, 0x8a, 0, 80]);
        let keys = events.keys(8000);
        assert_eq!(keys.iter().map(|key| key.digit).collect::<String>(), "##");
        assert_eq!((keys[0].at, keys[0].duration), (Time::from_ns(0), Span::from_ms(60)));
    }

    #[test]
    fn what_no_key_makes_is_no_digit() {
        let mut events = Events::default();
        events.handle_payload(Time::default(), 0, &[200, 0, 0, 1]);
        events.handle_payload(Time::default(), 0, &[1, 0]);
        assert!(events.keys(8000).is_empty());
    }
}
