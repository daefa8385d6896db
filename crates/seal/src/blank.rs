//! Which of the kept packets hold audio that is masked: their payloads are blanked, or the digits could be heard from them.
//!
//! A packet is judged by its arrival and by how late packets of its stream were at the most, so that copies on other hops
//! and what is not decoded are judged too. In doubt it is blanked.

use audio::Codec;
use call::Matched;
use clock::{Span, Time};
use g711::Law;

use crate::leg::Leg;
use crate::meaning::Meaning;

/// What is masked of a call, as seen from one of its streams.
#[derive(Clone, Copy)]
pub(crate) struct Masked<'a> {
    /// From when until when, in order and apart.
    spans: &'a [(Time, Time)],
    /// How late a packet can have come.
    late: Span,
    /// How much audio it can hold.
    length: Span,
}

impl<'a> Masked<'a> {
    /// For `matched`, a stream of that leg; as of any stream where it is none of its voices.
    pub(crate) fn of(spans: &'a [(Time, Time)], matched: &Matched, leg: &Leg<'_>) -> Self {
        let voice = leg.voices.iter().find(|voice| std::ptr::eq(voice.matched, matched));
        let late = voice.and_then(|voice| voice.delays).map(|delays| from_ms(delays.max));
        let length = voice.map(|voice| from_ms(voice.statistics.ptime_ms));
        let late = late.map_or(LATEST, |late| late.min(LATEST));
        Masked { spans, late, length: length.map_or(LONGEST, |length| length.clamp(LEAST, LONGEST)) }
    }

    /// What a payload, with its padding `len` octets, is to be written over with, where it may hold what is masked.
    pub(crate) fn blank(&self, arrival: Time, meaning: Meaning, len: usize) -> Option<Vec<u8>> {
        if meaning == Meaning::TelephoneEvent || len == 0 {
            return None;
        }
        // A packet may hold a copy of what came before it.
        let copies = if meaning == Meaning::Redundant { COPIED } else { self.length };
        let (from, to) = (arrival - self.late - copies, arrival + self.length);
        let first = self.spans.partition_point(|span| span.1 <= from);
        self.spans.get(first).filter(|span| span.0 < to).map(|_| vec![silence(meaning); len])
    }
}

/// What came later than that was a stall of seconds.
const LATEST: Span = Span::from_ms(1000);
const LEAST: Span = Span::from_ms(20);
const LONGEST: Span = Span::from_ms(120);
/// How old copies in a packet are that somebody sends (RFC 2198).
const COPIED: Span = Span::from_ms(500);

fn from_ms(ms: f64) -> Span {
    Span::from_ns((ms * 1e6) as i64)
}

/// An octet of silence; of most codecs there is none.
const fn silence(meaning: Meaning) -> u8 {
    match meaning {
        Meaning::Audio(Codec::G711(Law::Mu)) => 0xff,
        Meaning::Audio(Codec::G711(Law::A)) => 0xd5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_masked_sample_is_blanked_and_nothing_else() {
        let at = |ms: i64| Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms);
        let spans = [(at(1000), at(1200)), (at(5000), at(5100))];
        let masked = Masked { spans: &spans, late: Span::from_ms(50), length: Span::from_ms(20) };
        let mu = Meaning::Audio(Codec::G711(Law::Mu));
        for (ms, blanked) in [
            (980, false),
            (981, true),
            (1269, true),
            (1270, false),
            (4980, false),
            (4990, true),
            (5169, true),
            (9000, false),
        ] {
            assert_eq!(masked.blank(at(ms), mu, 2), blanked.then(|| vec![0xff; 2]), "{ms}");
        }
        assert_eq!(masked.blank(at(1100), Meaning::TelephoneEvent, 4), None, "an event is blanked by itself");
        assert_eq!(masked.blank(at(1600), Meaning::Redundant, 3), Some(vec![0; 3]), "it may hold a copy");
        assert_eq!(masked.blank(at(1100), Meaning::Unsupported, 0), None);
    }
}
