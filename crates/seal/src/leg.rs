//! One party's side of a call: its streams, and which of them sound. When they do, `score` tells.

use std::cell::Cell;
use std::iter::repeat;

use audio::Elsewhere;
use call::{Call, Side};
use clock::{Span, Time};
use emodel::Rating;
use rtp::{Medium, TelephoneEvent};
use sdp::MediaKind;

use crate::Quality;
use crate::foreign::Foreigners;
use crate::listening;
use crate::owners::Owned;
use crate::secure::Clear;
use crate::voice::{MOST_HELD, Reading, Secrecy, Voice};

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
        let streams = call.legs.of(side).iter().zip(clear.iter().map(Option::as_ref).chain(repeat(None)));
        let in_time = streams
            .filter(|(matched, _)| call.media_until.is_none_or(|until| matched.stream.first_at <= until));
        let (until, room) = (call.media_until, Cell::new(MOST_HELD));
        let (negotiation, reports) = (&call.negotiation, &*call.reported);
        let reading = Reading { negotiation, side, medium, until, reports, foreigners, room };
        let voice = |(matched, clear)| {
            let secrecy = match clear {
                Some(clear) => Secrecy::Opened(clear),
                None if is_secure => Secrecy::Shut,
                None => Secrecy::None,
            };
            Voice::new(matched, &reading, secrecy)
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

    /// The streams that can be heard, each with its position, the one that takes precedence first.
    pub(crate) fn sounding(&self) -> impl Iterator<Item = (u16, &Voice<'a>)> {
        let heard = self.sounding.iter().filter_map(|&at| Some((at, self.voices.get(at)?)));
        heard
            .filter(|(_, voice)| voice.sounds())
            .map(|(at, voice)| (u16::try_from(at).unwrap_or(u16::MAX), voice))
    }

    /// The rates of what can be heard, comfort noise among it.
    pub(crate) fn sample_rates(&self) -> Vec<u32> {
        self.sounding().flat_map(|(_, voice)| voice.sample_rates.iter().copied()).collect()
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

const LATE_OR_EARLY: Span = Span::from_ms(60);
