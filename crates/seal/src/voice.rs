//! One stream made ready to sound: what its packets tell, and how to go through them again, each with its meaning and its
//! place in time. Of a short stream what sounds is held; of a long one it is made anew each time.

use std::cell::Cell;

use audio::{Codec, Decoded};
use call::{Matched, Negotiation, Side};
use clock::{Span, Time};
use rtp::{
    BurstGatherer, Bursts, LossGatherer, Losses, Medium, PayloadType, Reports, SenderClock, Slot, Statistics,
    Steps, TelephoneEvent, Timeline,
};

use crate::clock_check::{Checking, ClockCheck};
use crate::cues::VoiceCues;
use crate::drift::{self, Payer, Payment};
use crate::foreign::{self, Foreigners};
use crate::listening::{DelayGatherer, Delays};
use crate::meaning::Meaning;
use crate::part::Piece;
use crate::secure::Clear;
use crate::source::{Choice, Source};

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

/// What the streams of a leg are read with.
pub(crate) struct Reading<'a, 'f> {
    /// What was agreed on.
    pub(crate) negotiation: &'a Negotiation,
    /// Who sent them.
    pub(crate) side: Side,
    /// Where their packets are.
    pub(crate) medium: &'a dyn Medium,
    /// What came later is not the call's.
    pub(crate) until: Option<Time>,
    /// What both sides reported.
    pub(crate) reports: &'a Reports,
    /// Who decodes what is foreign.
    pub(crate) foreigners: &'f Foreigners<'f>,
    /// How many pieces of them may still be held.
    pub(crate) room: Cell<usize>,
}

/// Twenty minutes of packets of 20 ms, some five mebibytes.
pub(crate) const MOST_HELD: usize = 1 << 16;

/// A stream and everything that its packets tell.
#[derive(Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) matched: &'a Matched,
    pub(crate) statistics: Statistics,
    pub(crate) bursts: Bursts,
    pub(crate) losses: Losses,
    pub(crate) delays: Option<Delays>,
    /// What its sender's reports say of its timeline.
    pub(crate) clock_check: Option<ClockCheck>,
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
    /// The rates of what sounds, and the highest of what can be heard.
    pub(crate) sample_rates: Vec<u32>,
    heard_rate: Option<u32>,
    starts_at: Option<Time>,
    payments: Vec<Payment>,
    pieces: Gone<'a>,
    decoded: Option<Box<dyn Decoded>>,
}

/// How to go through the pieces of a stream.
#[derive(Debug)]
struct Gone<'a> {
    source: Source<'a>,
    clock_rate: u32,
    choice: Choice,
    /// All of them, where they are few.
    held: Option<Vec<Piece<'a>>>,
}

impl<'a> Gone<'a> {
    fn through(&self) -> Box<dyn Iterator<Item = Piece<'a>> + '_> {
        match &self.held {
            Some(held) => Box::new(held.iter().copied()),
            None => Box::new(self.source.pieces(self.clock_rate, self.choice)),
        }
    }
}

impl<'a> Voice<'a> {
    /// Reads the packets that came in time.
    pub(crate) fn new(matched: &'a Matched, reading: &Reading<'a, '_>, secrecy: Secrecy<'a>) -> Self {
        let &Reading { negotiation, side, medium, until, .. } = reading;
        let source = Source { negotiation, side, matched, secrecy, medium, until };
        let mut meanings = source.meanings();
        let (payload_type, format_at) = commonest(source.slots());
        let first_at = source.slots().next().map_or(matched.stream.first_at, |slot| slot.arrival());
        let format = meanings.name(payload_type, format_at.unwrap_or(matched.stream.first_at));
        let clock_rate = format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate);
        // The time stamp of a telephone event stands still while it lasts; it tells nothing of the network.
        let mut is_timed =
            |slot: &Slot| meanings.of(slot.payload_type(), slot.arrival()) != Meaning::TelephoneEvent;
        let mut arrived = Statistics::of(source.slots(), clock_rate, &mut is_timed);
        arrived.octets -= source.padding();
        let (mut steps, mut bursts) = (Steps::default(), BurstGatherer::default());
        let mut losses = LossGatherer::new(first_at);
        let mut gathered = Gathered::new(reading.room.get());
        let mut packets = source.pieces(clock_rate, Choice::Any);
        while let Some(sent) = packets.advance() {
            steps.handle_sent(&sent);
            bursts.handle_sent(&sent);
            losses.handle_sent(&sent);
            packets.ready().for_each(|piece| gathered.take(piece));
        }
        let statistics = arrived.and_order(packets.sequence.irregularities(), &steps, clock_rate);
        let sorter = packets.sorter;
        let mut pieces = Gone { source, clock_rate, choice: Choice::Any, held: gathered.held };
        let mut undecoded = sorter.undecoded;
        let mut decoded = None;
        if let Some(foreign) = gathered.foreign {
            decoded =
                foreign::decode(foreign, || pieces.through().map(|piece| piece.part), reading.foreigners);
            pieces.choice = if decoded.is_some() { Choice::With(foreign, 0) } else { Choice::Without };
            let mut chosen = Gathered::new(reading.room.get());
            source.pieces(clock_rate, pieces.choice).for_each(|piece| chosen.take(piece));
            undecoded += gathered.count - chosen.count;
            pieces.held = chosen.held.take();
            gathered = Gathered { held: None, ..chosen };
        }
        reading.room.set(reading.room.get() - pieces.held.as_ref().map_or(0, Vec::len));
        let soundings = || pieces.through().map(|piece| piece.sounding);
        let timeline = Timeline::of(first_at, clock_rate, soundings);
        let mut voice = Voice {
            matched,
            statistics,
            bursts: bursts.finish(),
            losses: losses.finish(),
            delays: None,
            clock_check: None,
            timeline,
            keys: sorter.events.keys(clock_rate),
            payload_type,
            format,
            undecoded,
            secrecy,
            is_mismatched: sorter.is_mismatched(),
            sample_rates: gathered.sample_rates,
            heard_rate: gathered.heard_rate,
            starts_at: None,
            payments: Vec::new(),
            pieces,
            decoded,
        };
        voice.place(first_at, reading.reports.clock_of(matched.stream.ssrc));
        voice
    }

    /// Finds where it begins, how late its packets came, whether its sender says otherwise, and where its drift is paid.
    fn place(&mut self, first_at: Time, said: Option<&SenderClock>) {
        let clock_rate = self.clock_rate();
        let first_ticks = self.matched.stream.kept.first().map(Slot::ticks);
        let mut check =
            said.zip(first_ticks).map(|(said, ticks)| Checking::new(said, first_at, ticks, clock_rate));
        let mut delays = DelayGatherer::new(first_at, clock_rate as u32);
        let mut placer = self.timeline.placer();
        // The talkspurts that owe too much at their end: where each begins, and how much that is.
        let mut owing: Vec<(u64, i64)> = Vec::new();
        let mut begin = 0;
        for (n, piece) in (0..).zip(self.pieces.through()) {
            let (talkspurt, begins) = placer.place(&piece.sounding);
            if begins {
                begin = n;
                self.starts_at = Some(self.starts_at.map_or(talkspurt.start, |at| at.min(talkspurt.start)));
            }
            delays.handle_packet(&piece.sounding.sent, &talkspurt);
            if let Some(check) = &mut check {
                check.handle_packet(&piece.sounding.sent, &talkspurt);
            }
            let owed_ns = drift::owed_ns(&talkspurt, &piece.sounding, clock_rate);
            match owing.last_mut() {
                Some((at, owed)) if *at == begin => *owed = owed_ns,
                _ if drift::is_too_much(owed_ns) => owing.push((begin, owed_ns)),
                _ => {}
            }
        }
        self.delays = delays.finish();
        self.clock_check = check.and_then(Checking::finish);
        if !owing.is_empty() {
            self.payments = self.pay(&owing, clock_rate);
        }
    }

    fn pay(&self, owing: &[(u64, i64)], clock_rate: i64) -> Vec<Payment> {
        let (mut placer, mut payer) = (self.timeline.placer(), Payer::new(self.decoded(), clock_rate));
        let mut owing = owing.iter().peekable();
        for (n, piece) in (0..).zip(self.pieces.through()) {
            let (talkspurt, begins) = placer.place(&piece.sounding);
            if begins {
                payer.begin(owing.next_if(|(at, _)| *at == n).map_or(0, |(_, owed_ns)| *owed_ns));
            }
            payer.handle_piece(n, &piece, &talkspurt);
        }
        payer.finish()
    }

    fn clock_rate(&self) -> i64 {
        i64::from(self.format.as_ref().map_or(8000, |(_, clock_rate)| *clock_rate).max(1))
    }

    /// Whether anything of it can be heard.
    pub(crate) fn sounds(&self) -> bool {
        self.heard_rate.is_some()
    }

    /// Its packets as they arrived, without their payloads.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.pieces.source.slots()
    }

    /// The highest rate of what can be heard.
    pub(crate) fn sample_rate(&self) -> Option<u32> {
        self.heard_rate
    }

    /// What was decoded elsewhere.
    pub(crate) fn decoded(&self) -> Option<&dyn Decoded> {
        self.decoded.as_deref()
    }

    /// Where its first sample belongs.
    pub(crate) fn starts_at(&self) -> Option<Time> {
        self.starts_at
    }

    /// What sounds when, in samples of `rate` a second after `origin`; `stream` is this one's number.
    pub(crate) fn cues(&self, origin: Time, rate: u32, stream: u16) -> VoiceCues<'a, '_> {
        let pieces = self.pieces.through();
        VoiceCues::new(
            pieces,
            self.timeline.placer(),
            &self.payments,
            Axis { origin, rate },
            (stream, self.clock_rate()),
        )
    }
}

/// What the samples of a recording are counted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// Where the first belongs.
    pub(crate) origin: Time,
    pub(crate) rate: u32,
}

/// What pieces tell that are gone through once.
struct Gathered<'a> {
    /// All of them, as long as there is room.
    held: Option<Vec<Piece<'a>>>,
    room: usize,
    count: u64,
    foreign: Option<audio::Foreign>,
    sample_rates: Vec<u32>,
    heard_rate: Option<u32>,
}

impl<'a> Gathered<'a> {
    fn new(room: usize) -> Self {
        let held = Some(Vec::new());
        Gathered { held, room, count: 0, foreign: None, sample_rates: Vec::new(), heard_rate: None }
    }

    fn take(&mut self, piece: Piece<'a>) {
        self.count += 1;
        if let Codec::Foreign(foreign) = piece.part.codec {
            // A stream has one such codec; where it should have more, the others are left out.
            self.foreign.get_or_insert(foreign);
        }
        let rate = piece.part.codec.sample_rate();
        if !self.sample_rates.contains(&rate) {
            self.sample_rates.push(rate);
        }
        if piece.part.is_heard() {
            self.heard_rate = self.heard_rate.max(Some(rate));
        }
        match &mut self.held {
            Some(held) if held.len() < self.room => held.push(piece),
            _ => self.held = None,
        }
    }
}

/// A span in samples, to the nearest.
pub(crate) fn samples(span: Span, rate: u32) -> i64 {
    let exact = i128::from(span.as_ns()) * i128::from(rate);
    ((exact + 500_000_000).div_euclid(1_000_000_000)) as i64
}

/// The payload type of the most packets: what the stream is about; and when the first packet of it came.
fn commonest(slots: impl Iterator<Item = Slot>) -> (PayloadType, Option<Time>) {
    let mut counts = [(0u64, None); 128];
    for slot in slots {
        if let Some((count, first_at)) = counts.get_mut(usize::from(slot.payload_type().0)) {
            *count += 1;
            first_at.get_or_insert(slot.arrival());
        }
    }
    let most =
        counts.iter().zip(0u8..).max_by_key(|&((count, _), number)| (*count, std::cmp::Reverse(number)));
    most.map_or((PayloadType(0), None), |((_, first_at), number)| (PayloadType(number), *first_at))
}
