//! One channel of a recording, written window by window from payloads that each have their place.

use std::hint::black_box;

use g711::Concealment;

use crate::codec::Codec;
use crate::ledger::{Ledger, Origin};

/// A payload and the sample at which it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Cue<'a> {
    /// The place of its first sample.
    pub at: u64,
    /// How it is decoded.
    pub codec: Codec,
    /// What is decoded.
    pub payload: &'a [u8],
    /// Whether packets are missing right before it, so that a gap there is a loss and not a pause.
    pub after_loss: bool,
}

/// A channel in the making. Cues come in the order of their places; where two overlap, what stands already stays.
#[derive(Debug)]
pub struct Track<'a> {
    cues: Vec<Cue<'a>>,
    next: usize,
    /// What is to be written next, up to `until`.
    piece: Piece<'a>,
    until: u64,
    position: u64,
    history: History<'a>,
    ledger: Ledger,
}

#[derive(Debug)]
enum Piece<'a> {
    Silence,
    Payload { cue: Cue<'a> },
    Concealment(Box<Concealment>),
}

impl<'a> Track<'a> {
    /// A channel of `cues`.
    #[must_use]
    pub fn new(cues: Vec<Cue<'a>>) -> Self {
        let (piece, history, ledger) = (Piece::Silence, History::default(), Ledger::default());
        Track { cues, next: 0, piece, until: 0, position: 0, history, ledger }
    }

    /// Writes the next samples into one channel of the interleaved stereo `frames`, which hold silence.
    pub fn fill(&mut self, frames: &mut [i16], channel: usize) {
        self.bring_near(self.position + frames.len() as u64 / 2);
        let mut rest = frames;
        while rest.len() >= 2 {
            if self.position >= self.until {
                self.next_piece();
            }
            let room = (rest.len() / 2) as u64;
            let count = (self.until - self.position).min(room) as usize;
            let (now, later) = rest.split_at_mut(2 * count);
            self.write(now, channel);
            self.position += count as u64;
            rest = later;
        }
    }

    /// Where every interval comes from.
    #[must_use]
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Touches the payloads up to `until`. Those of one leg lie far apart in a capture of many calls, so each would be
    /// waited for alone while it is decoded; asked for together, they come together.
    fn bring_near(&self, until: u64) {
        let coming = self.cues.get(self.next..).unwrap_or_default().iter().take_while(|cue| cue.at < until);
        let lines = coming.flat_map(|cue| cue.payload.iter().step_by(CACHE_LINE).chain(cue.payload.last()));
        black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    }

    fn write(&mut self, frames: &mut [i16], channel: usize) {
        let origin = match &mut self.piece {
            Piece::Silence => Origin::Silence,
            Piece::Payload { cue } => {
                let skip = (self.position - cue.at) as usize;
                cue.codec.decode_interleaved(cue.payload, skip, frames, channel);
                Origin::Received
            }
            Piece::Concealment(concealment) => {
                let mut samples = [0; LONGEST_CONCEALMENT as usize];
                let samples = samples.split_at_mut(frames.len() / 2).0;
                concealment.conceal(samples);
                for (frame, &sample) in frames.chunks_exact_mut(2).zip(&*samples) {
                    if let Some(place) = frame.get_mut(channel) {
                        *place = sample;
                    }
                }
                Origin::Concealed
            }
        };
        self.ledger.extend_to(self.position + frames.len() as u64 / 2, origin);
    }

    /// Chooses what comes at `position`.
    fn next_piece(&mut self) {
        while let Some(&cue) = self.cues.get(self.next) {
            let end = cue.at + cue.codec.samples_in(cue.payload.len()) as u64;
            if self.position < cue.at {
                self.bridge(&cue);
                return;
            }
            self.next += 1;
            if self.position < end {
                self.history.push(&cue);
                (self.piece, self.until) = (Piece::Payload { cue }, end);
                return;
            }
        }
        self.history.clear();
        (self.piece, self.until) = (Piece::Silence, u64::MAX);
    }

    /// The gap before `cue`: a loss is concealed for a while, the rest is silence.
    fn bridge(&mut self, cue: &Cue<'a>) {
        if cue.after_loss && !self.history.is_empty() {
            let concealment = Concealment::after(self.history.decode().as_slice());
            self.until = cue.at.min(self.position + LONGEST_CONCEALMENT);
            self.piece = Piece::Concealment(Box::new(concealment));
        } else {
            (self.piece, self.until) = (Piece::Silence, cue.at);
        }
        self.history.clear();
    }
}

const CACHE_LINE: usize = 64;

/// 60 ms at 8000 Hz: beyond it, ITU-T G.711 Appendix I is silent.
const LONGEST_CONCEALMENT: u64 = 480;

/// The payloads that were written last, without a gap among them: what a loss is concealed from.
#[derive(Default, Debug)]
struct History<'a> {
    recent: [Option<Cue<'a>>; RECENT],
    next: usize,
}

/// Enough packets of 10 ms for the 48.75 ms that the concealment looks back.
const RECENT: usize = 5;

impl<'a> History<'a> {
    fn push(&mut self, cue: &Cue<'a>) {
        if let Some(place) = self.recent.get_mut(self.next % RECENT) {
            *place = Some(*cue);
        }
        self.next += 1;
    }

    fn clear(&mut self) {
        *self = History::default();
    }

    fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// The samples of the payloads, oldest first.
    fn decode(&self) -> Vec<i16> {
        let mut samples = Vec::new();
        for n in self.next..self.next + RECENT {
            let Some(Some(cue)) = self.recent.get(n % RECENT) else { continue };
            let from = samples.len();
            samples.resize(from + cue.codec.samples_in(cue.payload.len()), 0);
            cue.codec.decode(cue.payload, samples.get_mut(from..).unwrap_or_default());
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use g711::Law;
    use proptest::prelude::*;

    const CODEC: Codec = Codec::G711(Law::Mu);

    fn cue(at: u64, payload: &[u8], after_loss: bool) -> Cue<'_> {
        Cue { at, codec: CODEC, payload, after_loss }
    }

    /// Renders `frames` frames in windows of `window`, and gives the left channel.
    fn render(cues: &[Cue<'_>], frames: usize, window: usize) -> (Vec<i16>, Ledger) {
        let mut track = Track::new(cues.to_vec());
        let mut stereo = vec![0i16; 2 * frames];
        for part in stereo.chunks_mut(2 * window) {
            track.fill(part, 0);
        }
        assert!(stereo.chunks(2).all(|frame| frame[1] == 0), "the other channel is untouched");
        (stereo.chunks(2).map(|frame| frame[0]).collect(), track.into_ledger())
    }

    fn origins(ledger: &Ledger) -> Vec<(u64, u64, Origin)> {
        ledger.intervals().iter().map(|interval| (interval.from, interval.to, interval.origin)).collect()
    }

    #[test]
    fn every_sample_stands_in_its_place() {
        let payload: Vec<u8> = (0..160).map(|n| n as u8).collect();
        let (samples, ledger) = render(&[cue(40, &payload, false), cue(400, &payload, false)], 600, 7);
        for (n, &code) in payload.iter().enumerate() {
            assert_eq!(samples[40 + n], g711::decode(Law::Mu, code));
            assert_eq!(samples[400 + n], g711::decode(Law::Mu, code));
        }
        let expected = [
            (0, 40, Origin::Silence),
            (40, 200, Origin::Received),
            (200, 400, Origin::Silence),
            (400, 560, Origin::Received),
            (560, 600, Origin::Silence),
        ];
        assert_eq!(origins(&ledger), expected);
    }

    #[test]
    fn a_loss_is_concealed_for_60_ms_and_then_silent() {
        let tone: Vec<u8> = (0..480)
            .map(|n| {
                g711::encode(Law::Mu, (8000.0 * (f64::from(n) * std::f64::consts::TAU / 50.0).sin()) as i16)
            })
            .collect();
        let (samples, ledger) = render(&[cue(0, &tone, false), cue(1480, &tone, true)], 1480, 333);
        let expected =
            [(0, 480, Origin::Received), (480, 960, Origin::Concealed), (960, 1480, Origin::Silence)];
        assert_eq!(origins(&ledger), expected);
        assert!(samples[480..560].iter().any(|&sample| sample > 6000), "the tone goes on");
        assert!(samples[960..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn a_loss_at_the_very_start_is_silence() {
        let (_, ledger) = render(&[cue(160, &[0; 160], true)], 320, 64);
        assert_eq!(origins(&ledger), [(0, 160, Origin::Silence), (160, 320, Origin::Received)]);
    }

    #[test]
    fn where_two_overlap_the_first_stays() {
        let (first, second) = ([0x00; 160], [0x80; 160]);
        let (samples, _) = render(&[cue(0, &first, false), cue(100, &second, false)], 260, 50);
        assert!(samples[..160].iter().all(|&sample| sample == g711::decode(Law::Mu, 0x00)));
        assert!(samples[160..].iter().all(|&sample| sample == g711::decode(Law::Mu, 0x80)));
    }

    proptest! {
        #[test]
        fn the_size_of_the_window_changes_nothing(
            gaps in prop::collection::vec((0u64..900, 0usize..200, any::<bool>()), 1..20),
            window in 1usize..500,
        ) {
            let payload: Vec<u8> = (0..200).map(|n| (n * 37) as u8).collect();
            let mut at = 0;
            let cues: Vec<_> = gaps.iter().map(|&(gap, len, lost)| {
                at += gap;
                cue(at, &payload[..len], lost)
            }).collect();
            let whole = render(&cues, 4000, 4000);
            prop_assert_eq!(&render(&cues, 4000, window), &whole);
            prop_assert_eq!(whole.1.end(), 4000);
        }
    }
}
