//! One stream made ready to sound: its packets in the order of sending, each with its meaning and its place in time.

use audio::{Codec, Cue, Decoded};
use call::Matched;
use clock::{Span, Time};
use rtp::{
    Bursts, LossGatherer, Losses, Medium, PayloadType, Sequence, Slot, Statistics, TelephoneEvent, Timeline,
};
use sdp::MediaKind;

use crate::drift;
use crate::foreign::{self, Foreigners};
use crate::listening::Delays;
use crate::meaning::{Meaning, Meanings};
use crate::part::Part;
use crate::secure::Clear;
use crate::sorter::{Sorted, Sorter};

/// Whether a stream was encrypted, and what came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secrecy<'a> {
    /// It was not.
    None,
    /// It was, and is in the clear again.
    Opened(&'a Clear),
    /// It was, and no key is known: noise is no audio.
    Shut,
}

/// What streams are read with.
pub(crate) struct Reading<'a, 'f> {
    /// Where their packets are.
    pub(crate) medium: &'a dyn Medium,
    /// What came later is not the call's.
    pub(crate) until: Option<Time>,
    /// Who decodes what is foreign.
    pub(crate) foreigners: &'f Foreigners<'f>,
}

/// A stream and everything that its packets tell.
#[derive(Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) matched: &'a Matched,
    pub(crate) statistics: Statistics,
    pub(crate) bursts: Bursts,
    pub(crate) losses: Losses,
    pub(crate) delays: Option<Delays>,
    pub(crate) timeline: Timeline,
    pub(crate) keys: Vec<TelephoneEvent>,
    /// The payload type of most packets, with its name and clock rate.
    pub(crate) payload_type: PayloadType,
    pub(crate) format: Option<(String, u32)>,
    /// Packets of audio, or what should be, that cannot be decoded.
    pub(crate) undecoded: u64,
    pub(crate) secrecy: Secrecy<'a>,
    /// Whether what was agreed on cannot be what was sent.
    pub(crate) is_mismatched: bool,
    parts: Vec<Part<'a>>,
    decoded: Option<Box<dyn Decoded>>,
}

impl<'a> Voice<'a> {
    /// Reads the packets that came until `until`.
    pub(crate) fn new(
        matched: &'a Matched,
        meanings: &mut Meanings<'_>,
        reading: &Reading<'a, '_>,
        secrecy: Secrecy<'a>,
    ) -> Self {
        let in_time = |slot: &Slot| reading.until.is_none_or(|until| slot.arrival() <= until);
        let kept = &matched.stream.kept;
        let mut arrived: Vec<(&Slot, &[u8])> = Vec::with_capacity(kept.len());
        match secrecy {
            Secrecy::Opened(clear) => {
                arrived.extend(kept.slots().zip(clear.payloads()).filter(|(slot, _)| in_time(slot)));
            }
            Secrecy::None | Secrecy::Shut => {
                let in_time = kept.payloads(reading.medium).filter(|(slot, _)| in_time(slot));
                in_time.for_each(|packet| arrived.push(packet));
            }
        }
        let sequence = Sequence::of(arrived.iter().map(|(slot, _)| *slot));
        let payload_type = commonest(&arrived);
        let of_it = arrived.iter().find(|(slot, _)| slot.payload_type() == payload_type);
        let format_at = of_it.map_or(matched.stream.first_at, |(slot, _)| slot.arrival());
        let format = meanings.name(payload_type, format_at);
        let clock_rate = format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate);
        // The time stamp of a telephone event stands still while it lasts; it tells nothing of the network.
        let mut is_timed =
            |slot: &Slot| meanings.of(slot.payload_type(), slot.arrival()) != Meaning::TelephoneEvent;
        let statistics =
            Statistics::of(arrived.iter().map(|(slot, _)| *slot), &sequence, clock_rate, &mut is_timed);
        let (sounds, is_shut) = (matched.kind == MediaKind::Audio, matches!(secrecy, Secrecy::Shut));
        let mut sorter = Sorter::new(meanings, sounds, is_shut, clock_rate);
        for sent in &sequence.sent {
            if let Some(&(slot, payload)) = arrived.get(sent.index as usize) {
                sorter.sort(*sent, slot, payload);
            }
        }
        let first_at = arrived.first().map_or(matched.stream.first_at, |(slot, _)| slot.arrival());
        let mut sorted = sorter.finish();
        let decoded = foreign::decode(&mut sorted, reading.foreigners);
        let Sorted { sounding, parts, events, undecoded, is_mismatched } = sorted;
        let timeline = Timeline::new(first_at, clock_rate, sounding);
        let keys = events.keys(clock_rate);
        let bursts = Bursts::of(&sequence);
        let mut losses = LossGatherer::new(first_at);
        sequence.sent.iter().for_each(|sent| losses.handle_sent(sent));
        let delays = Delays::of(&timeline, first_at, clock_rate);
        Voice {
            matched,
            statistics,
            bursts,
            losses: losses.finish(),
            delays,
            timeline,
            keys,
            payload_type,
            format,
            undecoded,
            secrecy,
            is_mismatched,
            parts,
            decoded,
        }
    }

    /// Whether anything of it can be heard.
    pub(crate) fn sounds(&self) -> bool {
        self.parts.iter().any(Part::is_heard)
    }

    /// The highest rate of what can be heard.
    pub(crate) fn sample_rate(&self) -> Option<u32> {
        let heard = self.parts.iter().filter(|part| part.is_heard());
        heard.map(|part| part.codec.sample_rate()).max()
    }

    /// What was decoded elsewhere.
    pub(crate) fn decoded(&self) -> Option<&dyn Decoded> {
        self.decoded.as_deref()
    }

    /// Where its first sample belongs.
    pub(crate) fn starts_at(&self) -> Option<Time> {
        self.timeline.talkspurts.iter().map(|talkspurt| talkspurt.start).min()
    }

    /// What sounds when, in samples of `rate` a second after `origin`; `stream` is this one's number.
    pub(crate) fn cues(&self, origin: Time, rate: u32, stream: u16) -> Vec<Cue<'a>> {
        let clock_rate = i64::from(self.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate).max(1));
        let mut cues: Vec<Cue<'a>> = Vec::with_capacity(self.parts.len());
        let mut end = 0u64;
        for talkspurt in &self.timeline.talkspurts {
            let start = samples(talkspurt.start - origin, rate);
            let range = talkspurt.packets.clone();
            let packets = self.timeline.packets.get(range.clone()).unwrap_or_default();
            let parts = self.parts.get(range).unwrap_or_default();
            let payments = drift::payments(talkspurt, packets, parts, self.decoded(), clock_rate);
            let mut payments = payments.into_iter().peekable();
            let mut paid = 0;
            for (index, (packet, &Part { codec, sound, samples: count })) in
                packets.iter().zip(parts).enumerate()
            {
                let into = (packet.sent.ticks - talkspurt.ticks).saturating_mul(i64::from(rate)) / clock_rate;
                let payment = payments
                    .next_if(|payment| payment.packet == index)
                    .map_or(0, |payment| samples(payment.span, rate));
                paid += payment;
                end = end.saturating_add_signed(payment.min(0));
                // Where a time stamp would lay one packet over the end of another, no sample of either is given up.
                let at = u64::try_from(start + into + paid).unwrap_or(0).max(end);
                let after_loss = packet.lost_before > 0 || payment > 0;
                let cue = Cue { at, sound, samples: count, stream, codec, after_loss };
                end = cue.end(rate);
                cues.push(cue);
            }
        }
        extend_noise(&mut cues, rate);
        cues
    }
}

/// Comfort noise lasts until the sender is heard of again.
fn extend_noise(cues: &mut [Cue<'_>], rate: u32) {
    let mut next = None;
    for cue in cues.iter_mut().rev() {
        if let (Codec::ComfortNoise(_), Some(next)) = (cue.codec, next) {
            let pause = u128::from(u64::saturating_sub(next, cue.at)) * u128::from(cue.codec.sample_rate());
            cue.samples = u32::try_from(pause.div_ceil(u128::from(rate.max(1)))).unwrap_or(u32::MAX);
        }
        next = Some(cue.at);
    }
}

/// A span in samples, to the nearest.
pub(crate) fn samples(span: Span, rate: u32) -> i64 {
    let exact = i128::from(span.as_ns()) * i128::from(rate);
    ((exact + 500_000_000).div_euclid(1_000_000_000)) as i64
}

/// The payload type of the most packets that are not telephone events by their size: what the stream is about.
fn commonest(arrived: &[(&Slot, &[u8])]) -> PayloadType {
    let mut counts = [0usize; 128];
    for (slot, _) in arrived {
        if let Some(count) = counts.get_mut(usize::from(slot.payload_type().0)) {
            *count += 1;
        }
    }
    let most = counts.iter().zip(0u8..).max_by_key(|&(count, number)| (*count, std::cmp::Reverse(number)));
    PayloadType(most.map_or(0, |(_, number)| number))
}
