//! The digits that the parties dialled, by whichever way they travelled: events in RTP (RFC 4733), INFO, tones in the audio.

use audio::Tone;
use call::{Both, Call, InfoKey, Side};
use clock::{Span, Time};
use store::{Digit, DigitMethod};

use crate::Settings;
use crate::leg::Leg;
use crate::render::Rendered;

/// A digit that is known without listening.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pressed {
    side: Side,
    digit: char,
    at: Time,
    duration: Span,
    method: DigitMethod,
}

/// What packets and messages tell, side by side, in order.
pub(crate) fn pressed(call: &Call, legs: &Both<Leg<'_>>) -> Vec<Pressed> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        let from = all.len();
        all.extend(legs.of(side).keys().into_iter().map(|key| Pressed {
            side,
            digit: key.digit,
            at: key.at,
            duration: key.duration,
            method: DigitMethod::Rfc4733,
        }));
        all.extend(call.info_digits.iter().filter(|key| key.side == side).map(
            |&InfoKey { digit, at, duration_ms, .. }| Pressed {
                side,
                digit,
                at,
                duration: Span::from_ms(i64::from(duration_ms.unwrap_or(0))),
                method: DigitMethod::Info,
            },
        ));
        all.get_mut(from..).unwrap_or_default().sort_by_key(|pressed| pressed.at);
    }
    all
}

/// From when until when each digit lasted, as numbers of samples.
pub(crate) fn spans(pressed: &[Pressed], sample: impl Fn(Time) -> u64) -> Vec<(u64, u64)> {
    pressed.iter().map(|one| (sample(one.at), sample(one.at + one.duration))).collect()
}

/// The digits of one side as they stand in its record.
pub(crate) fn listed(
    pressed: &[Pressed],
    rendered: Option<&Rendered>,
    side: Side,
    settings: &Settings,
) -> Vec<Digit> {
    let of_side = pressed.iter().filter(|one| one.side == side);
    let told = of_side.clone().map(|one| (one.digit, one.at, one.duration, one.method));
    let channel = usize::from(side == Side::Callee);
    let tones = rendered.into_iter().flat_map(|rendered| {
        rendered.heard.tones.get(channel).into_iter().flatten().map(|&Tone { digit, from, to }| {
            let at = rendered.time_of(from);
            (digit, at, rendered.time_of(to) - at, DigitMethod::Inband)
        })
    });
    let heard = tones.filter(|&(digit, at, duration, _)| {
        !of_side.clone().any(|one| one.digit == digit && is_same_place(one, at, duration))
    });
    let mut digits: Vec<Digit> = told
        .chain(heard)
        .map(|(digit, at, duration, method)| Digit {
            digit: if settings.show_digits { digit } else { '*' },
            at,
            duration_ms: (duration.as_ns() / 1_000_000) as u32,
            method,
        })
        .collect();
    digits.sort_by_key(|digit| digit.at);
    digits
}

/// Whether a tone may be the sound of that digit: a phone may send both. Signalling takes other ways than media.
fn is_same_place(one: &Pressed, at: Time, duration: Span) -> bool {
    let apart = if one.method == DigitMethod::Info { APART_FROM_INFO } else { APART };
    at <= one.at + one.duration + apart && one.at <= at + duration + apart
}

/// The events of a digit may come later than its sound by what packets wait for each other.
const APART: Span = Span::from_ms(200);
const APART_FROM_INFO: Span = Span::from_ms(1000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_in_the_place_of_an_event_is_the_same_digit() {
        let at = Time::from_parts(1_700_000_000, 0);
        let ms = |ms: i64| at + Span::from_ms(ms);
        let pressed =
            |method| Pressed { side: Side::Caller, digit: '7', at, duration: Span::from_ms(100), method };
        let event = pressed(DigitMethod::Rfc4733);
        let tone = Span::from_ms(80);
        for (from, same) in [(0, true), (-250, true), (-300, false), (299, true), (301, false)] {
            assert_eq!(is_same_place(&event, ms(from), tone), same, "{from}");
        }
        assert!(is_same_place(&pressed(DigitMethod::Info), ms(1000), tone));
        assert!(!is_same_place(&pressed(DigitMethod::Info), ms(1101), tone));
    }
}
