//! What sounds of one stream and when, made as it is asked for.

use std::iter::Peekable;
use std::slice;

use audio::{Codec, Cue};
use rtp::Placer;

use crate::drift::Payment;
use crate::part::{Part, Piece};
use crate::voice::{Axis, samples};

/// The cues of one stream in the order of their places.
pub(crate) struct VoiceCues<'a, 'v> {
    pieces: Box<dyn Iterator<Item = Piece<'a>> + 'v>,
    placer: Placer<'v>,
    payments: Peekable<slice::Iter<'v, Payment>>,
    axis: Axis,
    stream: u16,
    clock_rate: i64,
    /// Which piece is next.
    next: u64,
    /// Of the talkspurt at hand: the sample of its start, and by how much what follows is shifted.
    start: i64,
    paid: i64,
    /// Where the last cue begins and ends.
    at: u64,
    end: u64,
    /// The last cue that was made: comfort noise lasts until the next one.
    made: Option<Cue<'a>>,
}

impl<'a, 'v> VoiceCues<'a, 'v> {
    /// Of a stream of that number and clock rate.
    pub(crate) fn new(
        pieces: Box<dyn Iterator<Item = Piece<'a>> + 'v>,
        placer: Placer<'v>,
        payments: &'v [Payment],
        axis: Axis,
        (stream, clock_rate): (u16, i64),
    ) -> Self {
        let payments = payments.iter().peekable();
        let (next, start, paid, at, end) = (0, 0, 0, 0, 0);
        let mut cues = VoiceCues {
            pieces,
            placer,
            payments,
            axis,
            stream,
            clock_rate,
            next,
            start,
            paid,
            at,
            end,
            made: None,
        };
        cues.made = cues.make();
        cues
    }

    fn make(&mut self) -> Option<Cue<'a>> {
        let Piece { sounding, part: Part { codec, sound, samples: count } } = self.pieces.next()?;
        let (talkspurt, begins) = self.placer.place(&sounding);
        let Axis { origin, rate } = self.axis;
        if begins {
            (self.start, self.paid) = (samples(talkspurt.start - origin, rate), 0);
        }
        let (payments, next) = (&mut self.payments, self.next);
        let payment = payments.next_if(|payment| payment.packet == next);
        let payment = payment.map_or(0, |payment| samples(payment.span, rate));
        self.next += 1;
        self.paid += payment;
        self.end = self.end.saturating_add_signed(payment.min(0));
        let into = (sounding.sent.ticks - talkspurt.ticks).saturating_mul(i64::from(rate)) / self.clock_rate;
        // Where a time stamp would lay one packet over the end of another, no sample of either is given up.
        let place = u64::try_from(self.start + into + self.paid).unwrap_or(0);
        let at = place.max(self.end).max(self.at);
        let after_loss = sounding.lost_before > 0 || payment > 0;
        let cue = Cue { at, sound, samples: count, stream: self.stream, codec, after_loss };
        (self.at, self.end) = (at, cue.end(rate));
        Some(cue)
    }
}

impl<'a> Iterator for VoiceCues<'a, '_> {
    type Item = Cue<'a>;

    fn next(&mut self) -> Option<Cue<'a>> {
        let mut cue = self.made.take()?;
        self.made = self.make();
        if let (Codec::ComfortNoise(_), Some(next)) = (cue.codec, &self.made) {
            let pause = u128::from(next.at.saturating_sub(cue.at)) * u128::from(cue.codec.sample_rate());
            let rate = u128::from(self.axis.rate.max(1));
            cue.samples = u32::try_from(pause.div_ceil(rate)).unwrap_or(u32::MAX);
        }
        Some(cue)
    }
}
