//! One party's side of a call: its streams, and which of them sounds when.

use std::iter::repeat;

use audio::{Cue, Elsewhere};
use call::{Call, Side};
use clock::{Span, Time};
use emodel::Rating;
use rtp::{Medium, TelephoneEvent};
use sdp::MediaKind;

use crate::Quality;
use crate::foreign::Foreigners;
use crate::listening;
use crate::meaning::Meanings;
use crate::owners::Owned;
use crate::secure::Clear;
use crate::voice::{Reading, Secrecy, Voice};

/// A leg made ready to sound.
#[derive(Debug)]
pub(crate) struct Leg<'a> {
    /// In the order of their first packets.
    pub(crate) voices: Vec<Voice<'a>>,
    /// Positions in `voices`, the one that takes precedence first; those that only repeat another are left out.
    sounding: Vec<usize>,
    /// Whether a stream was seen on more than one hop.
    pub(crate) has_second_hop: bool,
    /// Who lost what of what sounds.
    owned: Vec<Owned>,
}

impl<'a> Leg<'a> {
    /// `clear` is what could be opened of its streams, in their order.
    pub(crate) fn new(
        call: &'a Call,
        side: Side,
        medium: &'a dyn Medium,
        clear: &'a [Option<Clear>],
        foreigners: &Foreigners<'_>,
    ) -> Self {
        let is_secure = call.negotiation.is_secure();
        let mut meanings = Meanings::new(call, side);
        let streams = call.legs.of(side).iter().zip(clear.iter().map(Option::as_ref).chain(repeat(None)));
        let in_time = streams
            .filter(|(matched, _)| call.media_until.is_none_or(|until| matched.stream.first_at <= until));
        let reading = Reading { medium, until: call.media_until, foreigners };
        let voice = |(matched, clear)| {
            let secrecy = match clear {
                Some(clear) => Secrecy::Opened(clear),
                None if is_secure => Secrecy::Shut,
                None => Secrecy::None,
            };
            Voice::new(matched, &mut meanings, &reading, secrecy)
        };
        let voices: Vec<Voice<'_>> = in_time.map(voice).collect();
        let mut by_precedence: Vec<usize> = (0..voices.len()).collect();
        by_precedence.sort_by_cached_key(|&at| voices.get(at).map(|voice| voice.matched.precedence()));
        let mut leg = Leg { voices, sounding: Vec::new(), has_second_hop: false, owned: Vec::new() };
        for at in by_precedence {
            if leg.repeats_another(at) {
                leg.has_second_hop = true;
            } else {
                leg.sounding.push(at);
            }
        }
        leg.owned = leg.heard().map(|voice| Owned::of(call, voice)).collect();
        leg
    }

    /// Whether the stream is one that sounds already, seen on another hop: the same source at the same time.
    fn repeats_another(&self, at: usize) -> bool {
        let Some(stream) = self.voices.get(at).map(|voice| &voice.matched.stream) else { return false };
        self.heard().any(|voice| {
            let other = &voice.matched.stream;
            other.ssrc == stream.ssrc && other.first_at <= stream.last_at && stream.first_at <= other.last_at
        })
    }

    /// The streams that sound, the one that takes precedence first.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Voice<'a>> {
        self.sounding.iter().filter_map(|&at| self.voices.get(at))
    }

    /// Whether anything can be heard.
    pub(crate) fn sounds(&self) -> bool {
        self.heard().any(Voice::sounds)
    }

    /// Where its first sample belongs.
    pub(crate) fn starts_at(&self) -> Option<Time> {
        self.heard().filter_map(Voice::starts_at).min()
    }

    /// Packets of audio that cannot be decoded.
    pub(crate) fn undecoded(&self) -> u64 {
        let audio = self.voices.iter().filter(|voice| voice.matched.kind == MediaKind::Audio);
        audio.map(|voice| voice.undecoded).sum()
    }

    /// Whether some of it is encrypted, and no key is known.
    pub(crate) fn is_shut(&self) -> bool {
        self.voices.iter().any(|voice| matches!(voice.secrecy, Secrecy::Shut))
    }

    /// The keys that were pressed, in order.
    pub(crate) fn keys(&self) -> Vec<TelephoneEvent> {
        let mut keys: Vec<_> = self.heard().flat_map(|voice| voice.keys.iter().copied()).collect();
        keys.sort_by_key(|key| key.at);
        keys
    }

    /// The highest rate among what sounds.
    pub(crate) fn sample_rate(&self) -> Option<u32> {
        self.heard().filter_map(Voice::sample_rate).max()
    }

    /// What was decoded elsewhere, by the streams' positions.
    pub(crate) fn elsewhere(&self) -> Elsewhere<'_> {
        self.voices.iter().map(Voice::decoded).collect()
    }

    /// What sounds when. Where streams overlap, the one that takes precedence is heard.
    pub(crate) fn cues(&self, origin: Time, rate: u32) -> Vec<Cue<'a>> {
        let heard = self.sounding.iter().filter_map(|&at| Some((at, self.voices.get(at)?)));
        let mut heard = heard.filter(|(_, voice)| voice.sounds());
        let cues_of = |(at, voice): (usize, &Voice<'a>)| {
            voice.cues(origin, rate, u16::try_from(at).unwrap_or(u16::MAX))
        };
        let Some(first) = heard.next() else { return Vec::new() };
        let extent = |cue: &Cue<'_>| (cue.at, cue.end(rate));
        let mut cues = cues_of(first);
        let mut taken = spans(cues.iter().map(extent), rate);
        for voice in heard {
            let mut more = cues_of(voice);
            more.retain(|cue| is_free(&taken, extent(cue)));
            if more.is_empty() {
                continue;
            }
            let mut both: Vec<_> = taken.into_iter().chain(spans(more.iter().map(extent), rate)).collect();
            both.sort_unstable();
            // A pause is one stream's own: what speaks between two others may be a third.
            taken = joined(both.into_iter(), 0);
            cues.extend(more);
        }
        cues.sort_by_key(|cue| cue.at);
        cues
    }

    /// What a listener would have said of it; `None` where nothing sounds, or the model does not hold.
    pub(crate) fn rating(&self) -> Option<Rating> {
        let not_captured = self.owned.iter().map(|owned| owned.capture);
        listening::rating(self.heard().zip(not_captured))
    }

    /// Packets that the network lost of what is heard.
    pub(crate) fn lost_by_network(&self) -> u64 {
        self.owned.iter().map(|owned| owned.network).sum()
    }

    /// Packets that the capture lost of it.
    pub(crate) fn lost_by_capture(&self) -> u64 {
        self.owned.iter().map(|owned| owned.capture).sum()
    }

    /// When the capture lost them, in order and apart, with a margin for jitter.
    pub(crate) fn not_captured(&self) -> Vec<(Time, Time)> {
        let runs = self.owned.iter().flat_map(|owned| &owned.runs);
        let mut spans: Vec<(Time, Time)> =
            runs.map(|loss| (loss.from - LATE_OR_EARLY, loss.to + LATE_OR_EARLY)).collect();
        spans.sort_unstable();
        let mut apart: Vec<(Time, Time)> = Vec::new();
        for (from, to) in spans {
            match apart.last_mut() {
                Some((_, end)) if from <= *end => *end = (*end).max(to),
                _ => apart.push((from, to)),
            }
        }
        apart
    }

    /// The shares of what was expected that the network and the capture lost.
    pub(crate) fn loss_shares(&self) -> (f64, f64) {
        let came = self.heard().map(|voice| &voice.statistics);
        let came: u64 = came.map(|told| told.packets - told.duplicates.min(told.packets)).sum();
        let (network, capture) = (self.lost_by_network(), self.lost_by_capture());
        let expected = (came + network + capture).max(1) as f64;
        (network as f64 / expected, capture as f64 / expected)
    }

    /// What the network did to what was heard; `None` where nothing came.
    pub(crate) fn quality(&self) -> Option<Quality> {
        let (mut expected, mut lost, mut jitter_ms, mut packets) = (0, 0, 0.0, 0);
        for statistics in self.heard().map(|voice| &voice.statistics) {
            expected += statistics.packets - statistics.duplicates.min(statistics.packets) + statistics.lost;
            lost += statistics.lost;
            jitter_ms += statistics.mean_jitter_ms * statistics.packets as f64;
            packets += statistics.packets;
        }
        (packets > 0).then(|| Quality {
            loss_ratio: lost as f64 / expected.max(1) as f64,
            jitter_s: jitter_ms / packets as f64 / 1000.0,
        })
    }
}

/// The spans that `extents` take up, which come in order; pauses shorter than [`PAUSE`] belong to them, so that a
/// handful of stray packets does not speak in between.
fn spans(extents: impl Iterator<Item = (u64, u64)>, rate: u32) -> Vec<(u64, u64)> {
    joined(extents, (PAUSE.as_ns() as u64).saturating_mul(u64::from(rate)) / 1_000_000_000)
}

/// Extents, which come in order, as spans: those joined that are no more than `pause` apart.
fn joined(extents: impl Iterator<Item = (u64, u64)>, pause: u64) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (from, to) in extents {
        match spans.last_mut() {
            Some((_, end)) if from <= *end + pause => *end = (*end).max(to),
            _ => spans.push((from, to)),
        }
    }
    spans
}

fn is_free(taken: &[(u64, u64)], (from, end): (u64, u64)) -> bool {
    let before = taken.partition_point(|&(start, _)| start < end);
    before.checked_sub(1).and_then(|at| taken.get(at)).is_none_or(|&(_, to)| to <= from)
}

const PAUSE: Span = Span::from_ms(1000);
const LATE_OR_EARLY: Span = Span::from_ms(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_pauses_belong_to_the_span_and_long_ones_are_free() {
        let extent = |at| (at, at + 160);
        let taken = spans([1000, 1160, 5000, 20_000].into_iter().map(extent), 8000);
        assert_eq!(taken, [(1000, 5160), (20_000, 20_160)]);
        for (at, free) in
            [(840, true), (841, false), (3000, false), (5160, true), (19_840, true), (19_841, false)]
        {
            assert_eq!(is_free(&taken, extent(at)), free, "{at}");
        }
    }
}
