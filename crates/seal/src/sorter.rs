//! Deals the packets of a stream out by their meaning: what sounds, which keys were pressed, and what cannot be decoded.

use audio::{Codec, Sound};
use rtp::{Events, PayloadType, Sent, Slot, Sounding};

use crate::fit::Fit;
use crate::meaning::{Meaning, Meanings};
use crate::part::{Part, Piece};
use crate::redundancy;
use crate::ticks::Ticks;

/// The packets of one stream, in the order of sending, as they are sorted.
pub(crate) struct Sorter<'a> {
    meanings: Meanings<'a>,
    sounds: bool,
    is_shut: bool,
    clock_rate: u32,
    ticks: Ticks,
    fit: Fit,
    last: Option<Sent>,
    lost: u32,
    /// Where what sounds reaches to.
    end: i64,
    /// What sounds of the packets since it was last taken.
    pub(crate) pieces: Vec<Piece<'a>>,
    pub(crate) events: Events,
    /// Packets of audio, or what should be, that cannot be decoded.
    pub(crate) undecoded: u64,
}

impl<'a> Sorter<'a> {
    /// For a stream of that clock, which is to sound or not, and can be read or not.
    pub(crate) fn new(meanings: Meanings<'a>, sounds: bool, is_shut: bool, clock_rate: u32) -> Self {
        Sorter {
            meanings,
            sounds,
            is_shut,
            clock_rate,
            ticks: Ticks::new(clock_rate),
            fit: Fit::default(),
            last: None,
            lost: 0,
            end: i64::MIN,
            pieces: Vec::new(),
            events: Events::default(),
            undecoded: 0,
        }
    }

    /// Whether sizes or times of the payloads so far contradict what was agreed on.
    pub(crate) fn is_mismatched(&self) -> bool {
        self.fit.is_broken()
    }

    /// Takes the next packet.
    pub(crate) fn sort(&mut self, sent: Sent, slot: &Slot, payload: &'a [u8]) {
        self.count_lost(sent);
        match self.meanings.of(slot.payload_type(), slot.arrival()) {
            // A packet without payload keeps a NAT's door open.
            _ if payload.is_empty() => {}
            _ if self.is_shut => self.undecoded += 1,
            Meaning::TelephoneEvent => self.events.handle_payload(slot.arrival(), sent.ticks, payload),
            Meaning::Audio(codec) if self.sounds => {
                let codec = codec.shown_by(payload);
                let clock_rate = self.meanings.clock_rate(slot.payload_type(), slot.arrival());
                self.fit.check(codec, clock_rate, sent, payload);
                let sent = self.placed(sent, slot);
                self.sound(sent, codec, payload);
            }
            Meaning::Redundant if self.sounds => self.unpack(sent, slot, payload),
            Meaning::Audio(_) | Meaning::Redundant | Meaning::Unsupported => self.undecoded += 1,
        }
    }

    /// The packet with its time stamp told by the stream's own clock.
    fn placed(&mut self, sent: Sent, slot: &Slot) -> Sent {
        let clock_rate = self.meanings.clock_rate(slot.payload_type(), slot.arrival());
        Sent { ticks: self.ticks.place(sent.ticks, clock_rate, sent.arrival_ns), ..sent }
    }

    fn sound(&mut self, sent: Sent, codec: Codec, payload: &'a [u8]) {
        let samples = codec.samples_in(payload);
        let mut end = sent.ticks;
        if samples > 0 {
            end = self.push(sent, codec, payload, samples);
        }
        let silence = match codec {
            Codec::Foreign(foreign) => foreign.silence(payload).map(|noise| (Codec::NARROW_NOISE, noise)),
            Codec::ComfortNoise(_) => Some((codec, payload)),
            _ => None,
        };
        match silence {
            Some((codec, noise)) => {
                self.push(Sent { ticks: end, ..sent }, codec, noise, 0);
            }
            None => self.undecoded += u64::from(samples == 0),
        }
    }

    /// Its own block, and of the copies those that are of lost packets.
    fn unpack(&mut self, sent: Sent, slot: &Slot, payload: &'a [u8]) {
        let blocks = redundancy::blocks(payload);
        self.undecoded += u64::from(blocks.is_empty());
        let placed = self.placed(sent, slot);
        let is_after_loss = self.lost > 0;
        for block in blocks {
            let codec = match self.meanings.of(PayloadType(block.payload_type), slot.arrival()) {
                Meaning::Audio(codec) => codec.shown_by(block.payload),
                Meaning::TelephoneEvent if block.ticks_before == 0 => {
                    self.events.handle_payload(slot.arrival(), sent.ticks, block.payload);
                    continue;
                }
                _ => {
                    self.undecoded += u64::from(block.ticks_before == 0 && !block.payload.is_empty());
                    continue;
                }
            };
            if block.ticks_before == 0 {
                if !block.payload.is_empty() {
                    self.sound(placed, codec, block.payload);
                }
            } else if is_after_loss && !block.payload.is_empty() {
                let before = i64::from(block.ticks_before);
                // It would have come that much earlier.
                let before_ns = before * 1_000_000_000 / i64::from(self.clock_rate.max(1));
                let copy = Sent {
                    ticks: placed.ticks.saturating_sub(before),
                    arrival_ns: placed.arrival_ns.saturating_sub(before_ns),
                    ..placed
                };
                if copy.ticks >= self.end && self.end > i64::MIN {
                    self.sound(copy, codec, block.payload);
                }
            }
        }
    }

    /// Gives where it ends.
    fn push(&mut self, sent: Sent, codec: Codec, payload: &'a [u8], samples: usize) -> i64 {
        let ticks = samples as u64 * u64::from(self.clock_rate) / u64::from(codec.sample_rate());
        let duration_ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        let lost_before = std::mem::take(&mut self.lost);
        let sounding = Sounding { sent, duration_ticks, lost_before };
        let samples = u32::try_from(samples).unwrap_or(u32::MAX);
        let part = Part { codec, sound: Sound::Payload(payload), samples };
        self.pieces.push(Piece { sounding, part });
        self.end = sent.ticks.saturating_add(duration_ticks.into());
        self.end
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
