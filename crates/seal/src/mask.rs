//! Dialled digits in the audio: they are heard as tones while it is made, and where they are to be masked, both channels
//! are silent from before each digit until after it, however it was dialled.
//!
//! A tone is only known for a digit once it has lasted a while. So audio is held back for that long before it is written.

use audio::{Tone, Tones};

/// Silence before and after a digit, in milliseconds.
pub(crate) const MARGIN_MS: u64 = 40;
/// From the first sample that a digit may blank until it is sure to be known.
const HELD_BACK_MS: u64 = MARGIN_MS + Tones::KNOWN_AFTER_MS;

/// Samples from the first to the one after the last.
pub(crate) type Span = (u64, u64);

/// Listens to both channels, and blanks.
pub(crate) struct Mask {
    rate: u32,
    is_masking: bool,
    listeners: [Tones; 2],
    found: Vec<Tone>,
    heard: [Vec<Tone>; 2],
    /// What is blanked: for digits that are known without listening, and for those heard in each channel.
    known: Vec<Span>,
    blanked: [Vec<Span>; 2],
}

/// What was heard and what was blanked, in order; the spans are apart.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) tones: [Vec<Tone>; 2],
    pub(crate) masked: Vec<Span>,
}

impl Mask {
    /// For a recording of `rate`; where `is_masking`, the digits at `known` are blanked and those that are heard.
    pub(crate) fn new(rate: u32, is_masking: bool, known: &[Span]) -> Self {
        let mut known: Vec<Span> = known.iter().map(|&span| widened(span, rate)).collect();
        known.sort_unstable();
        let known = if is_masking { joined(known) } else { Vec::new() };
        let (found, heard, blanked) = Default::default();
        Mask {
            rate,
            is_masking,
            listeners: [Tones::new(rate), Tones::new(rate)],
            found,
            heard,
            known,
            blanked,
        }
    }

    /// How many samples are held back: what comes after them can blank nothing before them.
    pub(crate) const fn held_back(&self) -> u64 {
        if self.is_masking { samples(HELD_BACK_MS, self.rate) } else { 0 }
    }

    /// Listens to the stereo samples that follow.
    pub(crate) fn listen(&mut self, stereo: &[i16]) {
        for channel in 0..self.listeners.len() {
            if let Some(listener) = self.listeners.get_mut(channel) {
                listener.handle_stereo(stereo, channel, &mut self.found);
            }
            self.take_found(channel);
        }
    }

    /// Nothing follows any more.
    pub(crate) fn finish_listening(&mut self) {
        for channel in 0..self.listeners.len() {
            if let Some(listener) = self.listeners.get_mut(channel) {
                std::mem::replace(listener, Tones::new(self.rate)).finish(&mut self.found);
            }
            self.take_found(channel);
        }
    }

    fn take_found(&mut self, channel: usize) {
        let (Some(heard), Some(blanked)) = (self.heard.get_mut(channel), self.blanked.get_mut(channel))
        else {
            return;
        };
        for tone in self.found.drain(..) {
            if self.is_masking {
                add(blanked, widened((tone.from, tone.to), self.rate));
            }
            if heard.len() < MOST_HEARD {
                heard.push(tone);
            }
        }
    }

    /// Blanks what is to be of the stereo samples from number `from` on. Of what was listened to, the last
    /// [`Self::held_back`] samples have to wait.
    pub(crate) fn blank(&self, from: u64, stereo: &mut [i16]) {
        if !self.is_masking {
            return;
        }
        let to = from + stereo.len() as u64 / 2;
        for spans in [&self.known, &self.blanked[0], &self.blanked[1]] {
            let first = spans.partition_point(|span| span.1 <= from);
            for &span in spans.iter().skip(first).take_while(|span| span.0 < to) {
                silence(stereo, from, span);
            }
        }
        for since in self.listeners.iter().filter_map(Tones::hears_since) {
            silence(stereo, from, (widened((since, since), self.rate).0, u64::MAX));
        }
    }

    /// Everything that was heard, and what was blanked of a recording of `frames`.
    pub(crate) fn into_heard(self, frames: u64) -> Heard {
        let [caller, callee] = self.blanked;
        let mut spans = [self.known, caller, callee].concat();
        spans.sort_unstable();
        let within =
            spans.into_iter().map(|(from, to)| (from, to.min(frames))).filter(|(from, to)| from < to);
        Heard { tones: self.heard, masked: joined(within) }
    }
}

/// Nobody dials that many digits in a call. What is past them is masked, but not listed.
const MOST_HEARD: usize = 10_000;

const fn samples(ms: u64, rate: u32) -> u64 {
    ms * rate as u64 / 1000
}

/// With the margin at both ends.
const fn widened((from, to): Span, rate: u32) -> Span {
    let margin = samples(MARGIN_MS, rate);
    (from.saturating_sub(margin), to.saturating_add(margin))
}

/// Spans in the order of their beginnings, joined where they meet.
fn joined(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut all = Vec::new();
    spans.into_iter().for_each(|span| add(&mut all, span));
    all
}

fn add(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some((_, end)) if span.0 <= *end => *end = (*end).max(span.1),
        _ => spans.push(span),
    }
}

/// Silences what of `stereo`, whose first sample is number `from`, lies in `span`.
fn silence(stereo: &mut [i16], from: u64, span: Span) {
    let within =
        |at: u64| usize::try_from(at.saturating_sub(from)).unwrap_or(usize::MAX).min(stereo.len() / 2);
    let (begin, end) = (within(span.0), within(span.1));
    if let Some(frames) = stereo.get_mut(2 * begin..2 * end) {
        frames.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8000;

    /// Speech-like noise with the tones of a `5` at these samples, 400 long, in one channel; no sample is zero.
    fn audio(frames: usize, digits: &[(usize, usize)]) -> Vec<i16> {
        let mut state = 1u32;
        let mut stereo: Vec<i16> = (0..2 * frames)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as i16 | 1
            })
            .collect();
        for &(channel, at) in digits {
            for n in 0..400.min(frames - at) {
                let turn = n as f64 / f64::from(RATE) * std::f64::consts::TAU;
                let tone = 6000.0 * ((770.0 * turn).sin() + (1336.0 * turn).sin());
                stereo[2 * (at + n) + channel] = tone as i16 | 1;
            }
        }
        stereo
    }

    /// As a recording is made: in blocks, the last samples held back.
    fn masked(stereo: &[i16], known: &[Span], block: usize) -> (Vec<i16>, Heard) {
        let frames = stereo.len() / 2;
        let mut mask = Mask::new(RATE, true, known);
        let (mut out, mut written, mut made) = (Vec::new(), 0, 0);
        while written < frames {
            let until = (written + block + mask.held_back() as usize).min(frames);
            mask.listen(&stereo[2 * made..2 * until]);
            made = until;
            if made == frames {
                mask.finish_listening();
            }
            let settled = if made == frames { frames } else { written + block };
            let mut now = stereo[2 * written..2 * settled].to_vec();
            mask.blank(written as u64, &mut now);
            out.extend(now);
            written = settled;
        }
        (out, mask.into_heard(frames as u64))
    }

    #[test]
    fn both_channels_are_silent_around_every_digit_and_nowhere_else() {
        let digits = [(0, 2000), (1, 6000), (1, 6700), (0, 11_600)];
        let stereo = audio(12_000, &digits);
        let whole = masked(&stereo, &[(9000, 9800)], 12_000);
        let heard: Vec<usize> = whole.1.tones.iter().map(Vec::len).collect();
        assert_eq!(heard, [2, 2], "{:?}", whole.1.tones);
        let spans = &whole.1.masked;
        assert_eq!(spans.len(), 4, "the two that follow each other closely are one: {spans:?}");
        for &(_, at) in &digits {
            let (from, to) = (at as u64 - 200, (at as u64 + 600).min(12_000));
            assert!(spans.iter().any(|span| span.0 <= from && to <= span.1), "{at}: {spans:?}");
        }
        assert!(spans.contains(&(9000 - 320, 9800 + 320)));
        for (at, (frame, before)) in (0u64..).zip(whole.0.chunks(2).zip(stereo.chunks(2))) {
            let is_masked = spans.iter().any(|span| (span.0..span.1).contains(&at));
            assert_eq!(frame, if is_masked { &[0, 0] } else { before }, "{at}");
        }
        for block in [1, 64, 333, 1000, 5000] {
            let pieces = masked(&stereo, &[(9000, 9800)], block);
            assert!(pieces.0 == whole.0 && &pieces.1.masked == spans, "blocks of {block}");
        }
    }

    #[test]
    fn where_digits_are_kept_they_are_heard_and_nothing_is_blanked() {
        let mut stereo = audio(4000, &[(0, 1000)]);
        let before = stereo.clone();
        let mut mask = Mask::new(RATE, false, &[(0, 100)]);
        assert_eq!(mask.held_back(), 0);
        mask.listen(&stereo);
        mask.finish_listening();
        mask.blank(0, &mut stereo);
        assert_eq!(stereo, before);
        let heard = mask.into_heard(4000);
        assert_eq!((heard.tones[0].len(), heard.masked), (1, vec![]));
        assert_eq!(heard.tones[0][0].digit, '5');
    }
}
