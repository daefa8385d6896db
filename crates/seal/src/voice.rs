//! One stream made ready to sound: its packets in the order of sending, each with its meaning and its place in time.

use audio::{Codec, Cue};
use call::Matched;
use clock::{Span, Time};
use rtp::{
    Bursts, Events, Medium, PayloadType, Sent, Sequence, Slot, Sounding, Statistics, TelephoneEvent, Timeline,
};
use sdp::MediaKind;

use crate::drift;
use crate::meaning::{Meaning, Meanings};
use crate::secure::Clear;

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

/// A stream and everything that its packets tell.
#[derive(Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) matched: &'a Matched,
    pub(crate) statistics: Statistics,
    pub(crate) bursts: Bursts,
    /// The arrival of its first packet.
    pub(crate) first_at: Time,
    pub(crate) timeline: Timeline,
    pub(crate) keys: Vec<TelephoneEvent>,
    /// The payload type of most packets, with its name and clock rate.
    pub(crate) payload_type: PayloadType,
    pub(crate) format: Option<(String, u32)>,
    /// Packets of audio, or what should be, that cannot be decoded.
    pub(crate) undecoded: u64,
    pub(crate) secrecy: Secrecy<'a>,
    payloads: Vec<(Codec, &'a [u8])>,
}

impl<'a> Voice<'a> {
    /// Reads the packets that came until `until`.
    pub(crate) fn new(
        matched: &'a Matched,
        meanings: &mut Meanings<'_>,
        medium: &'a dyn Medium,
        until: Option<Time>,
        secrecy: Secrecy<'a>,
    ) -> Self {
        let in_time = |slot: &Slot| until.is_none_or(|until| slot.arrival() <= until);
        let kept = &matched.stream.kept;
        let mut arrived: Vec<(&Slot, &[u8])> = Vec::with_capacity(kept.len());
        match secrecy {
            Secrecy::Opened(clear) => {
                arrived.extend(kept.slots().zip(clear.payloads()).filter(|(slot, _)| in_time(slot)));
            }
            Secrecy::None | Secrecy::Shut => {
                arrived.extend(kept.payloads(medium).filter(|(slot, _)| in_time(slot)));
            }
        }
        let sequence = Sequence::of(arrived.iter().map(|(slot, _)| *slot));
        let payload_type = commonest(&arrived);
        let format = meanings.name(payload_type, matched.stream.first_at);
        let clock_rate = format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate);
        // The time stamp of a telephone event stands still while it lasts; it tells nothing of the network.
        let mut is_timed =
            |slot: &Slot| meanings.of(slot.payload_type(), slot.arrival()) != Meaning::TelephoneEvent;
        let statistics =
            Statistics::of(arrived.iter().map(|(slot, _)| *slot), &sequence, clock_rate, &mut is_timed);
        let mut sorter = Sorter {
            meanings,
            sounds: matched.kind == MediaKind::Audio,
            is_shut: matches!(secrecy, Secrecy::Shut),
            clock_rate,
            sounding: Vec::with_capacity(arrived.len()),
            payloads: Vec::with_capacity(arrived.len()),
            events: Events::default(),
            undecoded: 0,
            last: None,
            lost: 0,
        };
        for sent in &sequence.sent {
            if let Some(&(slot, payload)) = arrived.get(sent.index as usize) {
                sorter.sort(*sent, slot, payload);
            }
        }
        let first_at = arrived.first().map_or(matched.stream.first_at, |(slot, _)| slot.arrival());
        let timeline = Timeline::new(first_at, clock_rate, sorter.sounding);
        let keys = sorter.events.keys(clock_rate);
        let (payloads, undecoded) = (sorter.payloads, sorter.undecoded);
        let bursts = Bursts::of(&sequence);
        Voice {
            matched,
            statistics,
            bursts,
            first_at,
            timeline,
            keys,
            payload_type,
            format,
            undecoded,
            secrecy,
            payloads,
        }
    }

    /// Whether anything of it can be heard.
    pub(crate) fn sounds(&self) -> bool {
        !self.timeline.packets.is_empty()
    }

    /// Where its first sample belongs.
    pub(crate) fn starts_at(&self) -> Option<Time> {
        self.timeline.talkspurts.iter().map(|talkspurt| talkspurt.start).min()
    }

    /// What sounds when, in samples of `rate` a second after `origin`.
    pub(crate) fn cues(&self, origin: Time, rate: u32) -> Vec<Cue<'a>> {
        let clock_rate = i64::from(self.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate).max(1));
        let mut cues = Vec::with_capacity(self.payloads.len());
        let mut end = 0u64;
        for talkspurt in &self.timeline.talkspurts {
            let start = samples(talkspurt.start - origin, rate);
            let range = talkspurt.packets.clone();
            let packets = self.timeline.packets.get(range.clone()).unwrap_or_default();
            let payloads = self.payloads.get(range).unwrap_or_default();
            let mut payments =
                drift::payments(talkspurt, packets, payloads, clock_rate).into_iter().peekable();
            let mut paid = 0;
            for (index, (packet, &(codec, payload))) in packets.iter().zip(payloads).enumerate() {
                let into = (packet.sent.ticks - talkspurt.ticks).saturating_mul(i64::from(rate)) / clock_rate;
                let payment = payments
                    .next_if(|payment| payment.packet == index)
                    .map_or(0, |payment| samples(payment.span, rate));
                paid += payment;
                end = end.saturating_add_signed(payment.min(0));
                // Where a time stamp would lay one packet over the end of another, no sample of either is given up.
                let at = u64::try_from(start + into + paid).unwrap_or(0).max(end);
                end = at + codec.samples_in(payload.len()) as u64;
                cues.push(Cue { at, codec, payload, after_loss: packet.lost_before > 0 || payment > 0 });
            }
        }
        cues
    }
}

/// A span in samples, to the nearest.
fn samples(span: Span, rate: u32) -> i64 {
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

/// Deals the packets of a stream out by their meaning.
struct Sorter<'m, 'c, 'a> {
    meanings: &'m mut Meanings<'c>,
    sounds: bool,
    is_shut: bool,
    clock_rate: u32,
    sounding: Vec<Sounding>,
    payloads: Vec<(Codec, &'a [u8])>,
    events: Events,
    undecoded: u64,
    last: Option<Sent>,
    lost: u32,
}

impl<'a> Sorter<'_, '_, 'a> {
    fn sort(&mut self, sent: Sent, slot: &Slot, payload: &'a [u8]) {
        self.count_lost(sent);
        if self.is_shut {
            self.undecoded += u64::from(!payload.is_empty());
            return;
        }
        match self.meanings.of(slot.payload_type(), slot.arrival()) {
            Meaning::Audio(codec) if self.sounds && !payload.is_empty() => {
                let samples = codec.samples_in(payload.len()) as u64;
                let duration = samples * u64::from(self.clock_rate) / u64::from(codec.sample_rate());
                let lost_before = std::mem::take(&mut self.lost);
                let duration_ticks = u32::try_from(duration).unwrap_or(u32::MAX);
                self.sounding.push(Sounding { sent, duration_ticks, lost_before });
                self.payloads.push((codec, payload));
            }
            Meaning::TelephoneEvent => self.events.handle_payload(slot.arrival(), sent.ticks, payload),
            // A packet without payload keeps a NAT's door open.
            Meaning::Audio(_) | Meaning::Unsupported => self.undecoded += u64::from(!payload.is_empty()),
            Meaning::ComfortNoise => {}
        }
    }

    /// Adds up the numbers that are missing since the last packet that sounds.
    fn count_lost(&mut self, sent: Sent) {
        if let Some(last) = self.last.filter(|last| last.era == sent.era) {
            let missing = (sent.seq.0 - last.seq.0 - 1).clamp(0, i64::from(u32::MAX));
            self.lost = self.lost.saturating_add(missing as u32);
        }
        self.last = Some(sent);
    }
}
