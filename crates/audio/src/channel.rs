//! One channel of a recording from cues of codecs of different rates. Each rate is a track of its own; those below the
//! recording's rate are brought up to it, and at each sample the one that has the most to say is heard.

use crate::ledger::{Ledger, Origin};
use crate::resampler::{BEFORE, Resampler, TAPS};
use crate::track::{Cue, Cues, Elsewhere, Track};

/// A channel in the making.
#[derive(Debug)]
pub struct Channel<'a> {
    /// Of the recording's own rate: each sample of it stands as it was decoded.
    native: Track<'a>,
    /// The higher rate first.
    raised: Vec<Raised<'a>>,
    position: u64,
    /// What was written, where there is more than the native track.
    ledger: Ledger,
}

impl<'a> Channel<'a> {
    /// A channel of what `cues` gives each time it is asked: cues in the order of their places, which are counted at
    /// `rate`, of codecs of `rates`, none of which is higher.
    #[must_use]
    pub fn new(cues: &dyn Fn() -> Cues<'a>, rates: &[u32], elsewhere: &Elsewhere<'a>, rate: u32) -> Self {
        let mut lower: Vec<u32> = rates.iter().copied().filter(|&lower| lower != rate).collect();
        lower.sort_unstable_by(|one, other| other.cmp(one));
        lower.dedup();
        let raised = lower
            .iter()
            .map(|&lower| Raised::new(of_rate(cues(), lower, rate), elsewhere.clone(), lower, rate))
            .collect();
        let native = if lower.is_empty() { cues() } else { of_rate(cues(), rate, rate) };
        let native = Track::new(native, elsewhere.clone(), rate);
        Channel { native, raised, position: 0, ledger: Ledger::default() }
    }

    /// Writes the next samples into one channel of the interleaved stereo `frames`, which hold silence.
    pub fn fill(&mut self, frames: &mut [i16], channel: usize) {
        self.settle();
        self.native.fill(frames, channel);
        let (from, to) = (self.position, self.position + frames.len() as u64 / 2);
        self.position = to;
        if self.raised.is_empty() {
            return;
        }
        for raised in &mut self.raised {
            raised.fill(from, to);
        }
        let mut at = from;
        while at < to {
            at = self.write_span(at, from, to, frames, channel);
        }
    }

    /// What came before this window is not looked at again.
    fn settle(&mut self) {
        self.native.settle(self.position);
        self.ledger.settle(self.position);
        for raised in &mut self.raised {
            raised.track.settle(raised.resampler.input_of(self.position));
        }
    }

    /// Writes the samples from `at` on up to where another track, or something else of the same, has the most to say.
    fn write_span(&mut self, at: u64, from: u64, to: u64, frames: &mut [i16], channel: usize) -> u64 {
        let (mut origin, native_end) = self.native.ledger().at(at);
        let (mut end, mut heard) = (native_end.min(to), None);
        for raised in &self.raised {
            let (other, other_end) = raised.origin_at(at);
            end = end.min(other_end);
            if other.weight() > origin.weight() {
                (origin, heard) = (other, Some(raised));
            }
        }
        if let Some(raised) = heard {
            let span = (at - from) as usize..(end - from) as usize;
            let samples = raised.output.get(span.clone()).unwrap_or_default();
            let places = frames.get_mut(2 * span.start..2 * span.end).unwrap_or_default();
            for (frame, &sample) in places.chunks_exact_mut(2).zip(samples) {
                if let Some(place) = frame.get_mut(channel) {
                    *place = sample;
                }
            }
        }
        self.ledger.extend_to(end, origin);
        end
    }

    /// Where every interval comes from.
    #[must_use]
    pub fn into_ledger(self) -> Ledger {
        if self.raised.is_empty() { self.native.into_ledger() } else { self.ledger }
    }
}

impl Origin {
    /// How much there is to say for it, against another origin at the same time.
    const fn weight(self) -> u8 {
        match self {
            Origin::Received => 3,
            Origin::Concealed => 2,
            Origin::ComfortNoise => 1,
            Origin::Silence | Origin::Hold | Origin::Masked | Origin::NotCaptured => 0,
        }
    }
}

/// The cues of one rate, their places counted at it.
fn of_rate<'a>(cues: Cues<'a>, own: u32, rate: u32) -> Cues<'a> {
    let mut end = None;
    let place = move |cue: Cue<'a>| {
        let exact = u128::from(cue.at) * u128::from(own);
        let mut at = ((exact + u128::from(rate) / 2) / u128::from(rate.max(1))) as u64;
        // Packets that follow each other still do, however the places are rounded.
        if let Some(end) = end.filter(|&end| own != rate && at.abs_diff(end) <= 1) {
            at = end;
        }
        end = Some(at + u64::from(cue.samples));
        Cue { at, ..cue }
    };
    Cues::new(cues.filter(move |cue| cue.codec.sample_rate() == own).map(place))
}

/// A track of a lower rate.
#[derive(Debug)]
struct Raised<'a> {
    track: Track<'a>,
    resampler: Resampler,
    /// Samples of the track around the last ones that were asked for, the first of which is number `input_from`,
    /// counted from [`BEFORE`] - 1 samples of silence before the track on.
    input: Vec<i16>,
    input_from: u64,
    /// The samples of the window.
    output: Vec<i16>,
    /// Room for the track to write to.
    stereo: Vec<i16>,
}

impl<'a> Raised<'a> {
    fn new(cues: Cues<'a>, elsewhere: Elsewhere<'a>, lower: u32, rate: u32) -> Self {
        Raised {
            track: Track::new(cues, elsewhere, lower),
            resampler: Resampler::new(lower, rate),
            input: vec![0; BEFORE as usize - 1],
            input_from: 0,
            output: Vec::new(),
            stereo: Vec::new(),
        }
    }

    /// Makes the samples from `from` to `to`.
    fn fill(&mut self, from: u64, to: u64) {
        let first = self.resampler.input_of(from);
        let past = self.resampler.input_of(to.saturating_sub(1)) + TAPS as u64;
        let used = (first.saturating_sub(self.input_from) as usize).min(self.input.len());
        self.input.drain(..used);
        self.input_from += used as u64;
        let wanted = (past.saturating_sub(self.input_from) as usize).saturating_sub(self.input.len());
        self.stereo.clear();
        self.stereo.resize(2 * wanted, 0);
        self.track.fill(&mut self.stereo, 0);
        self.input.extend(self.stereo.iter().step_by(2));
        self.output.clear();
        let begin = (first - self.input_from) as usize;
        let input = self.input.get(begin..).unwrap_or_default();
        self.resampler.fill(from, to, input, &mut self.output);
    }

    /// What sample `at` of the recording is made of, and how far that goes.
    fn origin_at(&self, at: u64) -> (Origin, u64) {
        let (origin, end) = self.track.ledger().at(self.resampler.input_of(at));
        (origin, self.resampler.output_of(end).max(at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::decoder::Decoder;
    use crate::track::Sound;
    use proptest::prelude::*;

    const PAYLOAD: [u8; 160] = {
        let mut payload = [0; 160];
        let mut n = 0;
        while n < 160 {
            payload[n] = (n * 89 % 251) as u8;
            n += 1;
        }
        payload
    };

    fn cue(at: u64, encoding: &str, after_loss: bool) -> Cue<'static> {
        let codec = Codec::registered(encoding, 8000, 1, "").unwrap();
        let samples = codec.samples_in(&PAYLOAD) as u32;
        Cue { at, sound: Sound::Payload(&PAYLOAD), samples, stream: 0, codec, after_loss }
    }

    fn render(cues: &[Cue<'_>], rate: u32, frames: usize, window: usize) -> (Vec<i16>, Ledger) {
        let rates: Vec<u32> = cues.iter().map(|cue| cue.codec.sample_rate()).collect();
        let mut channel = Channel::new(&|| Cues::new(cues.iter().copied()), &rates, &vec![], rate);
        let mut stereo = vec![0i16; 2 * frames];
        for part in stereo.chunks_mut(2 * window) {
            channel.fill(part, 1);
        }
        assert!(stereo.iter().step_by(2).all(|&sample| sample == 0), "the other channel is untouched");
        (stereo.iter().skip(1).step_by(2).copied().collect(), channel.into_ledger())
    }

    #[test]
    fn a_codec_that_changes_in_mid_call_goes_on_in_its_place() {
        // mu-law, G.722, mu-law, each 20 ms: 320 samples at 16 kHz.
        let cues = [cue(0, "PCMU", false), cue(320, "G722", false), cue(640, "PCMU", false)];
        let (samples, ledger) = render(&cues, 16_000, 960, 100);
        let mut exact = vec![];
        Decoder::new(cues[1].codec).decode(&PAYLOAD, &mut exact);
        assert_eq!(samples[320..640], exact, "the recording's own rate is exact");
        assert_eq!(ledger.intervals().len(), 1, "{ledger:?}");
        assert_eq!(ledger.samples_of(Origin::Received), 960);
        assert!(samples[..320].iter().any(|&sample| sample != 0));
        assert!(samples[640..].iter().any(|&sample| sample != 0));
    }

    #[test]
    fn a_lower_rate_is_raised_where_it_belongs() {
        let tone: Vec<u8> = (0..1600)
            .map(|n| g711::encode(g711::Law::Mu, (9000.0 * (f64::from(n) / 8000.0 * 6283.0).sin()) as i16))
            .collect();
        let codec = Codec::registered("PCMU", 8000, 1, "").unwrap();
        let cue =
            Cue { sound: Sound::Payload(&tone), samples: 1600, at: 480, codec, ..cue(0, "PCMU", false) };
        let (samples, ledger) = render(&[cue], 48_000, 480 + 9600 + 100, 777);
        assert_eq!(
            ledger.intervals()[1],
            crate::Interval { from: 480, to: 10_080, origin: Origin::Received }
        );
        assert!(samples[..480].iter().chain(&samples[10_080..]).all(|&sample| sample == 0));
        // A thousand times a second, 48 samples each.
        for (n, &sample) in samples.iter().enumerate().take(9000).skip(1000) {
            let expected = 9000.0 * ((n - 480) as f64 / 48_000.0 * 6283.0).sin();
            assert!((f64::from(sample) - expected).abs() < 500.0, "{n}: {sample} {expected}");
        }
    }

    #[test]
    fn noise_lasts_until_something_else_comes() {
        let level = [40u8];
        let codec = Codec::registered("CN", 8000, 1, "").unwrap();
        let noise =
            Cue { sound: Sound::Payload(&level), samples: 1000, at: 160, codec, ..cue(0, "PCMU", false) };
        let (samples, ledger) =
            render(&[cue(0, "PCMU", false), noise, cue(900, "PCMU", false)], 8000, 1100, 64);
        let noisy = crate::Interval { from: 160, to: 900, origin: Origin::ComfortNoise };
        assert_eq!(ledger.intervals()[1], noisy);
        assert!(samples[160..900].iter().any(|&sample| sample != 0));
        assert!(samples[160..900].iter().all(|&sample| sample.abs() < 1200));
    }

    #[test]
    fn a_loss_is_concealed_at_every_rate() {
        for (encoding, rate) in [("PCMU", 8000), ("G722", 16_000), ("GSM", 8000), ("G726-32", 8000)] {
            let first = cue(0, encoding, false);
            let lost = Cue { at: u64::from(first.samples) * 2, after_loss: true, ..first };
            let far = Cue { at: lost.at + u64::from(rate), after_loss: true, ..first };
            let (_, ledger) = render(&[first, lost, far], rate, far.at as usize + 100, 333);
            let longest = u64::from(rate) * 60 / 1000;
            let expected = u64::from(first.samples).min(longest) + longest;
            assert_eq!(ledger.samples_of(Origin::Concealed), expected, "{encoding}");
        }
    }

    proptest! {
        #[test]
        fn the_size_of_the_window_changes_nothing(
            gaps in prop::collection::vec((0u64..900, 0usize..4, any::<bool>()), 1..12),
            window in 1usize..700,
        ) {
            let mut at = 0;
            let cues: Vec<_> = gaps.iter().map(|&(gap, codec, lost)| {
                at += gap;
                let cue = cue(at, ["PCMU", "G722", "G726-32", "GSM"][codec], lost);
                at += u64::from(cue.samples) * 16_000 / u64::from(cue.codec.sample_rate());
                cue
            }).collect();
            let whole = render(&cues, 16_000, 9000, 9000);
            prop_assert_eq!(&render(&cues, 16_000, 9000, window), &whole);
            prop_assert_eq!(whole.1.end(), 9000);
        }

        /// A tone that goes on over losses, as a voice does: where packets are missing, and where they come again, no step
        /// from sample to sample is larger than the tone's own are, but for what leading over from a phase that was guessed adds.
        #[test]
        fn no_step_at_a_join_is_larger_than_its_neighbours(
            period in 41usize..118,
            came in prop::collection::vec(prop::bool::weighted(0.85), 8..40),
        ) {
            let level = 8000.0;
            let tone = |n: usize| level * (n as f64 / period as f64 * std::f64::consts::TAU).sin();
            let frames = came.len() * 160;
            let codes: Vec<u8> = (0..frames).map(|n| g711::encode(g711::Law::Mu, tone(n) as i16)).collect();
            let codec = Codec::registered("PCMU", 8000, 1, "").unwrap();
            let (mut cues, mut is_lost) = (vec![], false);
            for (n, (&came, payload)) in came.iter().zip(codes.chunks(160)).enumerate() {
                // Enough is heard first for the pitch to be known.
                if came || n < 4 {
                    let (at, sound) = (n as u64 * 160, Sound::Payload(payload));
                    cues.push(Cue { at, sound, samples: 160, stream: 0, codec, after_loss: is_lost });
                }
                is_lost = !(came || n < 4);
            }
            let (samples, ledger) = render(&cues, 8000, frames, 500);
            let step = |at: usize| (i32::from(samples[at]) - i32::from(samples[at - 1])).abs();
            // A phase that is off by half a period is led over within a quarter of the shortest.
            let led = (2.0 * level) as i32 / (40 / 4);
            for join in ledger.intervals().iter().skip(1).filter(|interval| interval.origin == Origin::Concealed) {
                let (begins, ends) = (join.from as usize, join.to as usize);
                // As far back as a pitch period may lie.
                let within = (begins - 240..begins).map(step).max().unwrap();
                prop_assert!(step(begins) <= within, "{} at {begins}, {within} before", step(begins));
                let inside = (begins + 1..ends).map(step).max().unwrap_or(0);
                prop_assert!(inside <= within + led, "{inside} in the concealment, {within} before");
                if ends - begins < 480 && ends < frames {
                    prop_assert!(step(ends) <= within + led, "{} at {ends}, {within} before", step(ends));
                }
            }
        }
    }
}
