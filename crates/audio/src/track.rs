//! One channel of a recording at one rate, written window by window from payloads that each have their place.

use std::collections::VecDeque;
use std::fmt;
use std::hint::black_box;

use g711::Law;

use crate::codec::Codec;
use crate::concealment::{Concealment, history_samples, longest_samples};
use crate::decoder::{Decoded, Decoder, Noise};
use crate::ledger::{Ledger, Origin};

/// What sounds, and the sample at which it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Cue<'a> {
    /// The place of its first sample.
    pub at: u64,
    /// What is decoded.
    pub sound: Sound<'a>,
    /// How many samples that are, at the codec's rate. Comfort noise is as long as that, or until the next cue.
    pub samples: u32,
    /// Which stream it is of: what a codec remembers is of one stream.
    pub stream: u16,
    /// How it is decoded.
    pub codec: Codec,
    /// Whether packets are missing right before it, so that a gap there is a loss and not a pause.
    pub after_loss: bool,
}

impl Cue<'_> {
    /// The sample after its last, counted at `rate` as its place is. Comfort noise takes up no time: it gives way to
    /// everything.
    #[must_use]
    pub const fn end(&self, rate: u32) -> u64 {
        if matches!(self.codec, Codec::ComfortNoise(_)) {
            return self.at;
        }
        let own = self.codec.sample_rate();
        let samples = if own == rate {
            self.samples as u64
        } else {
            (self.samples as u64 * rate as u64).div_ceil(own as u64)
        };
        self.at.saturating_add(samples)
    }
}

/// Where the samples of a cue come from.
#[derive(Clone, Copy, Debug)]
pub enum Sound<'a> {
    /// A payload.
    Payload(&'a [u8]),
    /// What was decoded elsewhere, from that sample of the stream's on.
    Decoded(u64),
}

impl<'a> Sound<'a> {
    const fn payload(self) -> &'a [u8] {
        match self {
            Sound::Payload(payload) => payload,
            Sound::Decoded(_) => &[],
        }
    }
}

/// What was decoded elsewhere, by stream.
pub type Elsewhere<'a> = Vec<Option<&'a dyn Decoded>>;

/// Cues in the order of their places, made as they are asked for.
pub struct Cues<'a>(Box<dyn Iterator<Item = Cue<'a>> + 'a>);

impl<'a> Cues<'a> {
    /// Those of `cues`.
    pub fn new(cues: impl Iterator<Item = Cue<'a>> + 'a) -> Self {
        Cues(Box::new(cues))
    }
}

impl<'a> Iterator for Cues<'a> {
    type Item = Cue<'a>;

    fn next(&mut self) -> Option<Cue<'a>> {
        self.0.next()
    }
}

impl fmt::Debug for Cues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cues")
    }
}

/// A channel in the making. Cues come in the order of their places; where two overlap, what stands already stays.
#[derive(Debug)]
pub(crate) struct Track<'a> {
    cues: Cues<'a>,
    /// Those that were asked for and are to come.
    ahead: VecDeque<Cue<'a>>,
    elsewhere: Elsewhere<'a>,
    rate: u32,
    /// What is to be written next, up to `until`.
    piece: Piece<'a>,
    until: u64,
    position: u64,
    /// The samples of a piece that was decoded as a whole.
    decoded: Vec<i16>,
    /// Those of the cue to come, where what comes before it had to know them.
    foreseen: Option<Vec<i16>>,
    decoders: Vec<(u16, Decoder)>,
    history: History<'a>,
    ledger: Ledger,
}

#[derive(Debug)]
enum Piece<'a> {
    Silence,
    /// Decoded where it is written, by a table.
    Companded {
        law: Law,
        payload: &'a [u8],
        at: u64,
    },
    /// In `decoded`, the first of which belongs at `at`.
    Decoded {
        at: u64,
        origin: Origin,
    },
    Noise(Noise),
}

impl<'a> Track<'a> {
    /// A channel of `cues`, which are all of codecs of `rate`.
    pub(crate) fn new(cues: Cues<'a>, elsewhere: Elsewhere<'a>, rate: u32) -> Self {
        Track {
            cues,
            ahead: VecDeque::new(),
            elsewhere,
            rate,
            piece: Piece::Silence,
            until: 0,
            position: 0,
            decoded: Vec::new(),
            foreseen: None,
            decoders: Vec::new(),
            history: History::default(),
            ledger: Ledger::default(),
        }
    }

    /// Writes the next samples into one channel of the interleaved stereo `frames`, which hold silence.
    pub(crate) fn fill(&mut self, frames: &mut [i16], channel: usize) {
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

    /// Nobody asks what the samples before `before` are until all are written.
    pub(crate) fn settle(&mut self, before: u64) {
        self.ledger.settle(before);
    }

    /// Where every interval so far comes from.
    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Where every interval comes from.
    pub(crate) fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Touches the payloads up to `until`. Those of one leg lie far apart in a capture of many calls, so each would be
    /// waited for alone while it is decoded; asked for together, they come together.
    fn bring_near(&mut self, until: u64) {
        while self.ahead.len() < MOST_AHEAD && self.ahead.back().is_none_or(|last| last.at < until) {
            let Some(cue) = self.cues.next() else { break };
            self.ahead.push_back(cue);
        }
        let payloads = self.ahead.iter().map(|cue| cue.sound.payload());
        let lines = payloads.flat_map(|payload| payload.iter().step_by(CACHE_LINE).chain(payload.last()));
        black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    }

    fn write(&mut self, frames: &mut [i16], channel: usize) {
        let count = frames.len() / 2;
        let origin = match &mut self.piece {
            Piece::Silence => Origin::Silence,
            Piece::Companded { law, payload, at } => {
                let rest = payload.get((self.position - *at) as usize..).unwrap_or_default();
                g711::decode_interleaved(*law, rest, frames, channel);
                Origin::Received
            }
            Piece::Decoded { at, origin } => {
                let rest = self.decoded.get((self.position - *at) as usize..).unwrap_or_default();
                spread(rest, frames, channel);
                *origin
            }
            Piece::Noise(noise) => {
                self.decoded.clear();
                self.decoded.resize(count, 0);
                noise.fill(&mut self.decoded);
                spread(&self.decoded, frames, channel);
                Origin::ComfortNoise
            }
        };
        self.ledger.extend_to(self.position + count as u64, origin);
    }

    /// The cue that is to come.
    fn peek(&mut self) -> Option<Cue<'a>> {
        if self.ahead.is_empty() {
            self.ahead.extend(self.cues.next());
        }
        self.ahead.front().copied()
    }

    /// Chooses what comes at `position`.
    fn next_piece(&mut self) {
        while let Some(cue) = self.peek() {
            if self.position < cue.at {
                self.bridge(&cue);
                return;
            }
            self.ahead.pop_front();
            let end = cue.at + u64::from(cue.samples);
            let piece = match (cue.codec, cue.sound) {
                (Codec::ComfortNoise(_), Sound::Payload(payload)) => {
                    self.history.clear();
                    let next_at = self.peek().map_or(end, |next| next.at.max(self.position));
                    if self.position < end.min(next_at) {
                        self.until = end.min(next_at);
                        self.piece = Piece::Noise(Noise::new(payload));
                        return;
                    }
                    continue;
                }
                (Codec::G711(law), Sound::Payload(payload)) => {
                    self.history.push(law, payload);
                    Piece::Companded { law, payload, at: cue.at }
                }
                _ => {
                    // Even where nothing of it can be heard any more: the next payload rests on it.
                    self.decode(&cue);
                    self.history.take(&self.decoded, self.rate);
                    Piece::Decoded { at: cue.at, origin: Origin::Received }
                }
            };
            if self.position < end {
                (self.piece, self.until) = (piece, end);
                return;
            }
        }
        self.history.clear();
        (self.piece, self.until) = (Piece::Silence, u64::MAX);
    }

    /// Brings the samples of `cue` into `decoded`.
    fn decode(&mut self, cue: &Cue<'a>) {
        if let Some(foreseen) = self.foreseen.take() {
            self.decoded = foreseen;
            return;
        }
        self.decoded.clear();
        match cue.sound {
            Sound::Payload(payload) => {
                let decoded = &mut self.decoded;
                with_decoder(&mut self.decoders, cue, |decoder| decoder.decode(payload, decoded));
            }
            Sound::Decoded(from) => {
                self.decoded.resize(cue.samples as usize, 0);
                if let Some(Some(decoded)) = self.elsewhere.get(usize::from(cue.stream)) {
                    decoded.read(from, &mut self.decoded);
                }
            }
        }
        self.decoded.resize(cue.samples as usize, 0);
    }

    /// The gap before `cue`: a loss is concealed for a while, the rest is silence.
    fn bridge(&mut self, cue: &Cue<'a>) {
        (self.piece, self.until) = (Piece::Silence, cue.at);
        if cue.after_loss && !self.history.is_empty() {
            self.until = cue.at.min(self.position + longest_samples(self.rate));
            self.piece = self.conceal(cue);
        }
        self.history.clear();
    }

    /// By the codec's own means where it has some, else by what was heard last.
    fn conceal(&mut self, cue: &Cue<'a>) -> Piece<'a> {
        // What follows the loss may hold a copy of what was lost last.
        let next = if self.until == cue.at { cue.sound.payload() } else { &[] };
        let wanted = (self.until - self.position) as usize;
        let decoded = &mut self.decoded;
        decoded.clear();
        let recover = |decoder: &mut Decoder| decoder.recover(next, wanted, decoded);
        if cue.codec.conceals() && with_decoder(&mut self.decoders, cue, recover) {
            return Piece::Decoded { at: self.position, origin: Origin::Concealed };
        }
        let mut concealment = Concealment::after(&self.history.samples(), self.rate);
        self.decoded.clear();
        self.decoded.resize(wanted + 1, 0);
        concealment.conceal(&mut self.decoded);
        if self.until == cue.at
            && let Some(first) = self.first_of(cue)
        {
            lead_over(&mut self.decoded, first, self.rate);
        }
        self.decoded.truncate(wanted);
        Piece::Decoded { at: self.position, origin: Origin::Concealed }
    }

    /// The first sample of the cue to come.
    fn first_of(&mut self, cue: &Cue<'a>) -> Option<i16> {
        match (cue.codec, cue.sound) {
            (Codec::ComfortNoise(_), _) => None,
            (Codec::G711(law), Sound::Payload(payload)) => {
                payload.first().map(|&code| g711::decode(law, code))
            }
            _ => {
                let concealed = std::mem::take(&mut self.decoded);
                self.decode(cue);
                let decoded = std::mem::replace(&mut self.decoded, concealed);
                let first = decoded.first().copied();
                self.foreseen = Some(decoded);
                first
            }
        }
    }
}

/// Lets the decoder of a cue's stream and codec work: the one that was used last stands last, and the first one goes
/// where there are too many.
fn with_decoder<T>(
    decoders: &mut Vec<(u16, Decoder)>,
    cue: &Cue<'_>,
    work: impl FnOnce(&mut Decoder) -> T,
) -> T {
    let is_its = |(stream, decoder): &(u16, Decoder)| *stream == cue.stream && decoder.codec() == cue.codec;
    let mut decoder = match decoders.iter().position(is_its) {
        Some(at) => decoders.remove(at).1,
        None => Decoder::new(cue.codec),
    };
    if decoders.len() >= MOST_DECODERS {
        decoders.remove(0);
    }
    let done = work(&mut decoder);
    decoders.push((cue.stream, decoder));
    done
}

/// More streams of one leg, or codecs of one stream, at a time than anybody uses.
const MOST_DECODERS: usize = 8;

/// Bends the end of what was `concealed` so that its last sample, which is one too many, would be `first`: the step from
/// it to what was received is then one that the sound has anyway. What was received is not touched.
fn lead_over(concealed: &mut [i16], first: i16, rate: u32) {
    let Some(&last) = concealed.last() else { return };
    let off = i32::from(first) - i32::from(last);
    let length = concealed.len().min((rate * LEAD_MS / 1000) as usize);
    let end = concealed.len() - length;
    for (n, sample) in concealed.iter_mut().skip(end).enumerate() {
        let bent = i32::from(*sample) + off * (n as i32 + 1) / length as i32;
        *sample = bent.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
}

/// Two periods of a low voice: what is bent over less is heard as a knock.
const LEAD_MS: u32 = 10;

fn spread(samples: &[i16], frames: &mut [i16], channel: usize) {
    for (frame, &sample) in frames.chunks_exact_mut(2).zip(samples) {
        if let Some(place) = frame.get_mut(channel) {
            *place = sample;
        }
    }
}

const CACHE_LINE: usize = 64;
/// Cues that are brought near at once: more than a window holds, unless they are made up.
const MOST_AHEAD: usize = 1024;

/// What was heard last, without a gap in it: what a loss is concealed from.
#[derive(Default, Debug)]
struct History<'a> {
    /// Companded, and only decoded where it is needed.
    companded: [Option<(Law, &'a [u8])>; RECENT],
    next: usize,
    /// Of other codecs.
    samples: Vec<i16>,
}

/// Enough packets of 10 ms for the 48.75 ms that the concealment looks back.
const RECENT: usize = 5;

impl<'a> History<'a> {
    fn push(&mut self, law: Law, payload: &'a [u8]) {
        if let Some(place) = self.companded.get_mut(self.next % RECENT) {
            *place = Some((law, payload));
        }
        self.next += 1;
        self.samples.clear();
    }

    fn take(&mut self, samples: &[i16], rate: u32) {
        self.samples.extend_from_slice(samples);
        let surplus = self.samples.len().saturating_sub(history_samples(rate));
        self.samples.drain(..surplus);
        self.next = 0;
    }

    fn clear(&mut self) {
        self.companded = [None; RECENT];
        self.next = 0;
        self.samples.clear();
    }

    fn is_empty(&self) -> bool {
        self.next == 0 && self.samples.is_empty()
    }

    /// The oldest first.
    fn samples(&self) -> Vec<i16> {
        let mut samples = self.samples.clone();
        for n in self.next..self.next + RECENT {
            let Some(Some((law, payload))) = self.companded.get(n % RECENT).filter(|_| self.next > 0) else {
                continue;
            };
            let from = samples.len();
            samples.resize(from + payload.len(), 0);
            g711::decode_into(*law, payload, samples.get_mut(from..).unwrap_or_default());
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
        let (sound, samples) = (Sound::Payload(payload), payload.len() as u32);
        Cue { at, sound, samples, stream: 0, codec: CODEC, after_loss }
    }

    /// Renders `frames` frames in windows of `window`, and gives the left channel.
    fn render(cues: &[Cue<'_>], frames: usize, window: usize) -> (Vec<i16>, Ledger) {
        let mut track = Track::new(Cues::new(cues.iter().copied()), vec![], 8000);
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
