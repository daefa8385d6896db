//! Dialled digits as tones in the audio: two sines at once, one of four low and one of four high frequencies (ITU-T
//! Q.23), found by Goertzel's algorithm within the limits that Q.24 sets receivers.
//!
//! Speech has everything in it for a moment. What counts as a digit has both tones and next to nothing beside them, in
//! about the same strength, for longer than a syllable holds still.

/// A digit that was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tone {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// Its first sample.
    pub from: u64,
    /// The sample after its last; both are known to a half of a window.
    pub to: u64,
}

/// What one look takes in, in milliseconds: long enough to tell the tones apart, short enough for the 40 ms that a
/// digit lasts at least.
const WINDOW_MS: f64 = 16.0;
/// Looks that begin within a window: every other one is only taken where one beside it has shown a digit.
const LOOKS: usize = 2;
/// A digit shows in so many looks in a row, and is over when it does not in so many.
const CONFIRMED: u32 = 3;
const MISSED: u32 = 3;
/// Windows that are looked at together, since a filter waits for itself at every sample.
const TOGETHER: usize = 2;

/// The low group, then the high one.
const TONES_HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const DIGITS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// Enough for all of them. What was sampled faster is brought down to about that.
const RATE_HZ: u32 = 8000;
/// Below that rate the tones cannot be there.
const LOWEST_RATE_HZ: u32 = 4000;

/// The quietest tone that counts: -36 dB below a full sine each.
const QUIETEST: f32 = 0.000_25;
/// How much stronger one tone may be than the other (twist), as power: 9 dB either way.
const TWIST: f32 = 8.0;
/// How much stronger the tone must be than any other of its group, as power: 8 dB.
const ABOVE_OTHERS: f32 = 6.3;
/// The share of all power that must show at the two frequencies. A tone that is 1.5 % off shows less than all of its own,
/// 0.71 in the worst case; music has been seen that shows 0.66 for as long as a digit lasts.
const PURITY: f32 = 0.69;

/// Listens to one channel.
#[derive(Clone, Debug)]
pub struct Tones {
    rate: u32,
    /// So many samples are brought down to one.
    factor: usize,
    /// The sum of those that are not yet so many, and their number.
    begun: (f32, usize),
    /// The window that was looked at last, and what came since.
    recent: Vec<f32>,
    len: usize,
    bank: Bank,
    /// How many samples, as brought down, were looked at.
    looked_at: u64,
    /// What the last window showed.
    last: Option<char>,
    current: Option<Current>,
}

/// A digit that is being heard.
#[derive(Clone, Copy, Debug)]
struct Current {
    digit: char,
    from: u64,
    to: u64,
    looks: u32,
    missed: u32,
}

impl Tones {
    /// Until when a digit is sure to be known, in milliseconds after its first sample: its first look takes a window, each
    /// of the next two may come after as many as can be missed, and windows wait for each other.
    pub const KNOWN_AFTER_MS: u64 = 16 + 6 * 8 + 16 * TOGETHER as u64 + 16;

    /// Listens at `rate` samples a second; below 4000 nothing can be heard, and nothing is.
    #[must_use]
    pub fn new(rate: u32) -> Tones {
        let factor = (rate / RATE_HZ).max(1);
        let lowered_hz = f64::from(rate) / f64::from(factor);
        let step = ((lowered_hz * WINDOW_MS / 1000.0) as usize / LOOKS).max(1);
        let len = step * LOOKS;
        Tones {
            rate,
            factor: factor as usize,
            begun: (0.0, 0),
            recent: vec![0.0; len],
            len,
            bank: Bank::new(lowered_hz, len),
            looked_at: 0,
            last: None,
            current: None,
        }
    }

    /// Takes in the samples that follow, one channel of the interleaved `stereo`, and adds each digit that is over to
    /// `found`.
    pub fn handle_stereo(&mut self, stereo: &[i16], channel: usize, found: &mut Vec<Tone>) {
        if self.rate < LOWEST_RATE_HZ {
            return;
        }
        let one = |frame: &[i16]| frame.get(channel).map_or(0.0, |&sample| f32::from(sample) * UNIT);
        let samples = stereo.chunks_exact(2).map(one);
        if self.factor == 1 {
            self.recent.extend(samples);
        } else {
            self.bring_down(samples);
        }
        let mut from = 0;
        while self.recent.len() - from >= (TOGETHER + 1) * self.len {
            self.look(from, TOGETHER, found);
            from += TOGETHER * self.len;
        }
        self.recent.drain(..from);
    }

    /// The first sample of the digit that is being heard, if it is sure to be one.
    #[must_use]
    pub fn hears_since(&self) -> Option<u64> {
        let current = self.current.filter(|current| current.looks >= CONFIRMED)?;
        Some(self.tone(current).from)
    }

    /// The audio is over.
    pub fn finish(mut self, found: &mut Vec<Tone>) {
        let windows = (self.recent.len() / self.len).saturating_sub(1);
        self.recent.resize((TOGETHER + 1) * self.len, 0.0);
        self.look(0, windows.min(TOGETHER), found);
        self.end(found);
    }

    /// Each sample is the mean of as many as there are to one: what is above the tones is weakened enough by it.
    fn bring_down(&mut self, samples: impl Iterator<Item = f32>) {
        let share = 1.0 / self.factor as f32;
        for sample in samples {
            self.begun = (self.begun.0 + sample, self.begun.1 + 1);
            if self.begun.1 == self.factor {
                self.recent.push(self.begun.0 * share);
                self.begun = (0.0, 0);
            }
        }
    }

    /// Looks at the first `windows` of the [`TOGETHER`] that come after the one at `from`, and between them.
    fn look(&mut self, from: usize, windows: usize, found: &mut Vec<Tone>) {
        let batch = self.recent.get(from + self.len..).unwrap_or_default();
        let mut pieces = batch.chunks_exact(self.len);
        let shown = self.digits(&[(); TOGETHER].map(|()| pieces.next().unwrap_or_default()));
        for (at, digit) in shown.into_iter().enumerate().take(windows) {
            let end = self.looked_at + self.len as u64;
            let between = if self.last.is_some() || digit.is_some() {
                let begin = from + at * self.len + self.len / LOOKS;
                let window = self.recent.get(begin..begin + self.len).unwrap_or_default();
                let [digit, ..] = self.digits(&[window, &[]]);
                digit
            } else {
                None
            };
            self.note(between, end - self.len as u64 / LOOKS as u64, found);
            self.note(digit, end, found);
            (self.last, self.looked_at) = (digit, end);
        }
    }

    /// What a look that ends before sample `end` saw.
    fn note(&mut self, digit: Option<char>, end: u64, found: &mut Vec<Tone>) {
        match (&mut self.current, digit) {
            (Some(current), Some(digit)) if current.digit == digit => {
                (current.to, current.looks, current.missed) = (end, current.looks + 1, 0);
            }
            (Some(current), _) if current.missed + 1 < MISSED => current.missed += 1,
            (_, digit) => {
                self.end(found);
                let from = end.saturating_sub(self.len as u64);
                self.current = digit.map(|digit| Current { digit, from, to: end, looks: 1, missed: 0 });
            }
        }
    }

    fn end(&mut self, found: &mut Vec<Tone>) {
        let confirmed = self.current.take().filter(|current| current.looks >= CONFIRMED);
        found.extend(confirmed.map(|current| self.tone(current)));
    }

    /// Half a window of a tone is enough to see it: the first look began that much before, the last ended after.
    const fn tone(&self, Current { digit, from, to, .. }: Current) -> Tone {
        let (quarter, factor) = (self.len as u64 / 4, self.factor as u64);
        Tone { digit, from: (from + quarter) * factor, to: (to - quarter) * factor }
    }

    /// The digit that fills each window; one that is empty has none.
    fn digits(&self, windows: &[&[f32]; TOGETHER]) -> [Option<char>; TOGETHER] {
        let powers = windows.map(|window| energy(window) / self.len as f32);
        // Most of a conversation ends here.
        let may_show = |(window, &power): (&&[f32], &f32)| power >= QUIETEST && self.bank.may_show(window);
        if !windows.iter().zip(&powers).any(may_show) {
            return [None; TOGETHER];
        }
        let mut shown = powers.iter().zip(self.bank.powers(windows)).map(|(&all, tones)| digit(all, &tones));
        [(); TOGETHER].map(|()| shown.next().flatten())
    }
}

fn energy(window: &[f32]) -> f32 {
    products(window, window)
}

/// The sum of the products of two windows' samples, summed up in lanes so that they need not wait for each other.
fn products(one: &[f32], other: &[f32]) -> f32 {
    let (ones, one_rest) = one.as_chunks::<8>();
    let (others, other_rest) = other.as_chunks::<8>();
    let mut lanes = [0f32; 8];
    for (one, other) in ones.iter().zip(others) {
        for ((lane, one), other) in lanes.iter_mut().zip(one).zip(other) {
            *lane += one * other;
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    lanes.iter().sum::<f32>() + rest
}

/// A sample of 16 bits as a share of the loudest.
const UNIT: f32 = 1.0 / 32_768.0;

/// The digit whose tones make up next to `all` of the power.
fn digit(all: f32, tones: &[f32; 8]) -> Option<char> {
    let (low, high) = tones.split_at(tones.len() / 2);
    let ((row, low), (column, high)) = (strongest(low)?, strongest(high)?);
    let is_twisted = low > high * TWIST || high > low * TWIST;
    let is_pure = low + high >= PURITY * all;
    if is_twisted || !is_pure || low.min(high) < QUIETEST {
        return None;
    }
    DIGITS.get(row)?.get(column).copied()
}

/// The strongest of a group and its power, if it stands out.
fn strongest(powers: &[f32]) -> Option<(usize, f32)> {
    let best = powers.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
    let (best, &power) = best?;
    let alone = powers.iter().enumerate().all(|(at, &other)| at == best || power > other * ABOVE_OTHERS);
    alone.then_some((best, power))
}

/// A filter of two taps for each tone, all run at once.
#[derive(Clone, Copy, Debug)]
struct Bank {
    coefficients: [f32; 8],
    /// What makes the power of a pure sine that of its samples.
    scale: f32,
    /// How alike neighbouring samples are, at the least and at the most, where a digit makes up enough of the sound.
    likeness: (f32, f32),
}

impl Bank {
    fn new(rate_hz: f64, len: usize) -> Bank {
        let turn = |hz: f64| std::f64::consts::TAU * hz / rate_hz.max(1.0);
        let coefficients = TONES_HZ.map(|hz| (2.0 * turn(hz).cos()) as f32);
        Bank { coefficients, scale: 2.0 / (len * len) as f32, likeness: likeness(&coefficients) }
    }

    /// Whether a digit can be there: the correlation of a sine with itself a sample later is the cosine of its turn, and
    /// that of a sum is the mean by power. Voices, which have most of theirs below the tones, seldom pass.
    fn may_show(&self, window: &[f32]) -> bool {
        let later = window.get(1..).unwrap_or_default();
        let correlation = products(window, later) / energy(window).max(f32::MIN_POSITIVE);
        let (least, most) = self.likeness;
        (least..=most).contains(&correlation)
    }

    /// The power of each tone in each window.
    fn powers(&self, [one, other]: &[&[f32]; TOGETHER]) -> [[f32; 8]; TOGETHER] {
        let mut states = [[[0f32; 8]; 2]; TOGETHER];
        let [first, second] = &mut states;
        let both = one.len().min(other.len());
        for (&one, &other) in one.iter().zip(*other) {
            self.step(first, one);
            self.step(second, other);
        }
        for &sample in one.iter().skip(both) {
            self.step(first, sample);
        }
        states.map(|state| self.power(&state))
    }

    fn step(&self, [last, before]: &mut [[f32; 8]; 2], sample: f32) {
        for ((last, before), coefficient) in last.iter_mut().zip(before).zip(&self.coefficients) {
            (*last, *before) = ((sample - *before) + coefficient * *last, *last);
        }
    }

    fn power(&self, [last, before]: &[[f32; 8]; 2]) -> [f32; 8] {
        let mut powers = [0f32; 8];
        for (((power, last), before), coefficient) in
            powers.iter_mut().zip(last).zip(before).zip(&self.coefficients)
        {
            *power = (last * last + before * before - coefficient * last * before) * self.scale;
        }
        powers
    }
}

/// Between what correlations the sound of a digit lies, whatever the rest of it is.
fn likeness(coefficients: &[f32; 8]) -> (f32, f32) {
    let (low, high) = coefficients.split_at(coefficients.len() / 2);
    let cosine =
        |group: &[f32], pick: fn(f32, f32) -> f32| group.iter().copied().reduce(pick).unwrap_or(0.0) / 2.0;
    let (weaker, stronger) = (1.0 / (1.0 + TWIST), TWIST / (1.0 + TWIST));
    let most = stronger * cosine(low, f32::max) + weaker * cosine(high, f32::max);
    let least = weaker * cosine(low, f32::min) + stronger * cosine(high, f32::min);
    let rest = 1.0 - PURITY;
    (PURITY * least - rest - EDGES, PURITY * most + rest + EDGES)
}

/// A window is no whole number of periods, and its last sample has no neighbour.
const EDGES: f32 = 0.04;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sines of these levels (1 is full scale together at 0.5 each), after a pause.
    fn sound(rate: u32, pause_ms: u32, tone_ms: u32, low: (f64, f64), high: (f64, f64)) -> Vec<i16> {
        let samples = |ms: u32| (rate * ms / 1000) as usize;
        let tone = (0..samples(tone_ms)).map(|n| {
            let at = n as f64 / f64::from(rate) * std::f64::consts::TAU;
            ((low.1 * (low.0 * at).sin() + high.1 * (high.0 * at).sin()) * 32_767.0) as i16
        });
        let pause = vec![0; samples(pause_ms)];
        pause.iter().copied().chain(tone).chain(pause.iter().copied()).collect()
    }

    fn heard(rate: u32, samples: &[i16]) -> Vec<Tone> {
        heard_in_pieces(rate, samples, 333)
    }

    fn heard_in_pieces(rate: u32, samples: &[i16], piece: usize) -> Vec<Tone> {
        let (mut tones, mut all) = (Tones::new(rate), Vec::new());
        let stereo: Vec<i16> = samples.iter().flat_map(|&sample| [0, sample]).collect();
        for piece in stereo.chunks(2 * piece) {
            tones.handle_stereo(piece, 1, &mut all);
        }
        tones.finish(&mut all);
        all
    }

    fn digits(rate: u32, samples: &[i16]) -> String {
        heard(rate, samples).iter().map(|tone| tone.digit).collect()
    }

    fn tone(digit: char) -> (f64, f64) {
        let row = DIGITS.iter().position(|row| row.contains(&digit)).unwrap();
        let column = DIGITS[row].iter().position(|&known| known == digit).unwrap();
        (TONES_HZ[row], TONES_HZ[4 + column])
    }

    #[test]
    fn every_digit_is_heard_at_every_rate_with_its_time_and_length() {
        for rate in [8000, 16_000, 48_000] {
            for digit in DIGITS.into_iter().flatten() {
                let (low, high) = tone(digit);
                let all = heard(rate, &sound(rate, 120, 80, (low, 0.2), (high, 0.2)));
                assert_eq!(all.len(), 1, "{digit} at {rate}: {all:?}");
                let ms = |sample: u64| sample as f64 * 1000.0 / f64::from(rate);
                let Tone { digit: told, from, to } = all[0];
                assert_eq!(told, digit);
                assert!(
                    (ms(from) - 120.0).abs() <= 10.0 && (ms(to) - 200.0).abs() <= 10.0,
                    "{} {}",
                    ms(from),
                    ms(to)
                );
            }
        }
    }

    #[test]
    fn the_limits_are_those_of_q_24() {
        let five = tone('5');
        let at = |tone_ms, low_by: f64, high_by: f64, low_level, high_level| {
            let sound =
                sound(8000, 100, tone_ms, (five.0 * low_by, low_level), (five.1 * high_by, high_level));
            digits(8000, &sound)
        };
        assert_eq!(at(40, 1.0, 1.0, 0.2, 0.2), "5", "40 ms must be heard");
        assert_eq!(at(20, 1.0, 1.0, 0.2, 0.2), "", "20 ms must not");
        assert_eq!(at(60, 1.015, 0.985, 0.2, 0.2), "5", "1.5 % off must be heard");
        for digit in DIGITS.into_iter().flatten() {
            for off in [0.985, 1.015] {
                let (low, high) = tone(digit);
                let heard = digits(8000, &sound(8000, 100, 40, (low * off, 0.2), (high * off, 0.2)));
                assert_eq!(heard, digit.to_string(), "40 ms of {digit} at {off}");
            }
        }
        assert_eq!(at(60, 1.0, 1.0, 0.2, 0.1), "5", "6 dB of twist");
        assert_eq!(at(60, 1.0, 1.0, 0.2, 0.05), "", "12 dB of twist are no digit");
        assert_eq!(at(60, 1.0, 1.0, 0.03, 0.03), "5", "quiet");
        assert_eq!(at(60, 1.0, 1.0, 0.2, 0.0), "", "one tone is none");
        assert_eq!(
            digits(8000, &sound(8000, 100, 200, (440.0, 0.2), (480.0, 0.2))),
            "",
            "a dial tone is none"
        );
    }

    #[test]
    fn the_same_digit_twice_is_two_and_a_gap_within_one_is_none() {
        let (low, high) = tone('7');
        let twice =
            [sound(8000, 40, 60, (low, 0.2), (high, 0.2)), sound(8000, 40, 60, (low, 0.2), (high, 0.2))];
        assert_eq!(digits(8000, &twice.concat()), "77");
        let mut torn = sound(8000, 60, 120, (low, 0.2), (high, 0.2));
        torn[880..920].fill(0);
        assert_eq!(digits(8000, &torn), "7", "5 ms of silence do not end it");
    }

    #[test]
    fn the_size_of_the_pieces_changes_nothing() {
        let all: Vec<i16> = "159D"
            .chars()
            .flat_map(|key| sound(8000, 37, 55, (tone(key).0, 0.2), (tone(key).1, 0.2)))
            .collect();
        let whole = heard_in_pieces(8000, &all, all.len());
        assert_eq!(whole.iter().map(|tone| tone.digit).collect::<String>(), "159D");
        for piece in [1, 7, 64, 128, 200, 1000] {
            assert_eq!(heard_in_pieces(8000, &all, piece), whole, "{piece}");
        }
    }

    #[test]
    fn a_digit_is_known_in_time() {
        for rate in [8000, 16_000, 44_100] {
            let samples = sound(rate, 33, 300, (tone('6').0, 0.2), (tone('6').1, 0.2));
            let (mut tones, mut found, mut known_at) = (Tones::new(rate), Vec::new(), None);
            for (at, &sample) in samples.iter().enumerate() {
                tones.handle_stereo(&[sample, 0], 0, &mut found);
                if let (None, Some(from)) = (known_at, tones.hears_since()) {
                    known_at = Some((at as u64 + 1 - from) * 1000 / u64::from(rate));
                }
            }
            assert!(known_at.is_some_and(|ms| ms <= Tones::KNOWN_AFTER_MS), "{known_at:?} ms at {rate}");
        }
    }

    #[test]
    fn speech_is_no_digit() {
        for file in [
            &include_bytes!("../../../fixtures/speech/alice.wav")[..],
            include_bytes!("../../../fixtures/speech/bob.wav"),
        ] {
            let (samples, _) = file[44..].as_chunks::<2>();
            let samples: Vec<i16> = samples.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect();
            assert!(samples.iter().any(|sample| sample.abs() > 5000));
            for rate in [8000, 16_000] {
                assert_eq!(digits(rate, &samples), "");
            }
        }
        assert_eq!(digits(1000, &[30_000; 5000]), "");
    }
}
