//! What one leg's recording is made from: its streams' cues in the order of their places. Where streams overlap, the one
//! that takes precedence is heard.

use std::iter::Peekable;

use audio::{Cue, Cues};
use clock::{Span, Time};

use crate::leg::Leg;
use crate::voice::{Axis, Voice};

/// The cues of a leg, made each time they are asked for.
pub(crate) struct Score<'a, 'l> {
    layers: Vec<Layer<'a, 'l>>,
    axis: Axis,
}

/// One stream, and the spans that those before it take up.
struct Layer<'a, 'l> {
    voice: &'l Voice<'a>,
    stream: u16,
    taken: Vec<(u64, u64)>,
}

impl<'a, 'l> Score<'a, 'l> {
    /// Of `leg`, in samples of `rate` a second after `origin`.
    pub(crate) fn new(leg: &'l Leg<'a>, origin: Time, rate: u32) -> Self {
        let mut score = Score { layers: Vec::new(), axis: Axis { origin, rate } };
        let mut taken: Vec<(u64, u64)> = Vec::new();
        let mut heard = leg.sounding().peekable();
        while let Some((stream, voice)) = heard.next() {
            let layer = Layer { voice, stream, taken: taken.clone() };
            if heard.peek().is_some() {
                let own = spans(layer.cues(score.axis).map(|cue| (cue.at, cue.end(rate))), rate);
                let mut both: Vec<_> = taken.into_iter().chain(own).collect();
                both.sort_unstable();
                // A pause is one stream's own: what speaks between two others may be a third.
                taken = joined(both.into_iter(), 0);
            }
            score.layers.push(layer);
        }
        score
    }

    /// What sounds when.
    pub(crate) fn cues(&self) -> Cues<'_> {
        let axis = self.axis;
        match self.layers.as_slice() {
            [only] => Cues::new(only.cues(axis)),
            layers => Cues::new(Merged(layers.iter().map(|layer| layer.cues(axis).peekable()).collect())),
        }
    }
}

impl<'a, 'l> Layer<'a, 'l> {
    /// What can be heard of it.
    fn cues(&self, axis: Axis) -> impl Iterator<Item = Cue<'a>> + use<'_, 'a, 'l> {
        let (rate, taken) = (axis.rate, &self.taken);
        let cues = self.voice.cues(axis.origin, rate, self.stream);
        cues.filter(move |cue| is_free(taken, (cue.at, cue.end(rate))))
    }
}

/// Cues of several streams, each in order, in the order of all; of equals, the one of the first.
struct Merged<I: Iterator>(Vec<Peekable<I>>);

impl<'a, I: Iterator<Item = Cue<'a>>> Iterator for Merged<I> {
    type Item = Cue<'a>;

    fn next(&mut self) -> Option<Cue<'a>> {
        let places = self.0.iter_mut().map(|cues| cues.peek().map(|cue| cue.at));
        let (_, first) = places.zip(0..).filter_map(|(at, n)| Some((at?, n))).min()?;
        self.0.get_mut::<usize>(first)?.next()
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
