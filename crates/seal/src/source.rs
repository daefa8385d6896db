//! The packets of one stream, gone through as often as they are asked for: a day of them is too much to be held, and
//! what is made of each is quickly made again.

use std::collections::VecDeque;

use audio::{Codec, Foreign, Sound};
use call::{Matched, Negotiation, Side};
use clock::Time;
use rtp::{Medium, Sent, Sequence, Slot};
use sdp::MediaKind;

use crate::meaning::Meanings;
use crate::part::Piece;
use crate::sorter::Sorter;
use crate::voice::Secrecy;

/// Where the packets of a stream come from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// What was agreed on.
    pub(crate) negotiation: &'a Negotiation,
    /// Who sent it.
    pub(crate) side: Side,
    pub(crate) matched: &'a Matched,
    pub(crate) secrecy: Secrecy<'a>,
    pub(crate) medium: &'a dyn Medium,
    /// What came later is not the call's.
    pub(crate) until: Option<Time>,
}

/// Packets with their payloads, as they arrived.
pub(crate) type Arrivals<'a> = Box<dyn Iterator<Item = (Slot, &'a [u8])> + 'a>;

impl<'a> Source<'a> {
    /// The packets as they arrived, with what their payloads say, if anybody can read it.
    pub(crate) fn arrivals(&self) -> Arrivals<'a> {
        let until = self.until;
        let is_in_time = move |(slot, _): &(Slot, &[u8])| until.is_none_or(|until| slot.arrival() <= until);
        let (kept, medium) = (&self.matched.stream.kept, self.medium);
        match self.secrecy {
            Secrecy::Opened(clear) => Box::new(kept.slots(medium).zip(clear.payloads()).filter(is_in_time)),
            Secrecy::None | Secrecy::Shut => Box::new(kept.payloads(medium).filter(is_in_time)),
        }
    }

    /// Octets of padding in all, which are no payload's.
    pub(crate) fn padding(&self) -> u64 {
        let kept = &self.matched.stream.kept;
        if !kept.is_padded() || !matches!(self.secrecy, Secrecy::None) {
            return 0;
        }
        self.arrivals().map(|(slot, payload)| (slot.body_len() - payload.len()) as u64).sum()
    }

    /// The packets as they arrived, without their payloads.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + use<'a> {
        let until = self.until;
        let slots = self.matched.stream.kept.slots(self.medium);
        slots.filter(move |slot| until.is_none_or(|until| slot.arrival() <= until))
    }

    pub(crate) fn meanings(&self) -> Meanings<'a> {
        Meanings::by(self.negotiation, self.side)
    }

    /// What sounds of the packets, in the order of sending, by a clock of that rate.
    pub(crate) fn pieces(&self, clock_rate: u32, chosen: Choice) -> Pieces<'a> {
        let sounds = self.matched.kind == MediaKind::Audio;
        let is_shut = matches!(self.secrecy, Secrecy::Shut);
        let sorter = Sorter::new(self.meanings(), sounds, is_shut, clock_rate);
        Pieces { sequence: Sequence::of(self.arrivals()), sorter, chosen, ready: VecDeque::new() }
    }
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("ssrc", &self.matched.stream.ssrc).finish_non_exhaustive()
    }
}

/// What sounds of a stream, on the way through its packets.
pub(crate) struct Pieces<'a> {
    pub(crate) sequence: Sequence<Arrivals<'a>, &'a [u8]>,
    pub(crate) sorter: Sorter<'a>,
    chosen: Choice,
    ready: VecDeque<Piece<'a>>,
}

impl<'a> Pieces<'a> {
    /// Makes what sounds of the next packet; tells which packet that was, and `None` once there are no more.
    pub(crate) fn advance(&mut self) -> Option<Sent> {
        let (sent, slot, payload) = self.sequence.next()?;
        self.sorter.sort(sent, &slot, payload);
        let chosen = &mut self.chosen;
        self.ready.extend(self.sorter.pieces.drain(..).filter_map(|piece| chosen.choose(piece)));
        Some(sent)
    }

    /// What sounds of the packets that [`Pieces::advance`] told of.
    pub(crate) fn ready(&mut self) -> impl Iterator<Item = Piece<'a>> {
        self.ready.drain(..)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while self.ready.is_empty() {
            self.advance()?;
        }
        self.ready.pop_front()
    }
}

/// Which pieces sound: those that nobody decodes do not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// It is not known yet: all of them.
    Any,
    /// Those of this foreign codec were not decoded, and no other is there.
    Without,
    /// Those of this foreign codec were decoded elsewhere up to that sample; those of others were not.
    With(Foreign, u64),
}

impl Choice {
    fn choose<'a>(&mut self, mut piece: Piece<'a>) -> Option<Piece<'a>> {
        let Codec::Foreign(foreign) = piece.part.codec else { return Some(piece) };
        match self {
            Choice::Any => Some(piece),
            Choice::With(decoded, from) if *decoded == foreign => {
                piece.part.sound = Sound::Decoded(*from);
                *from += u64::from(piece.part.samples);
                Some(piece)
            }
            Choice::Without | Choice::With(..) => None,
        }
    }
}
