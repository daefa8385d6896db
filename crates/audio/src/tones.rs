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
    /// The sample behind its last; both are known to a half of a window.
    pub to: u64,
}

/// What one look takes in, in milliseconds: long enough to tell the tones apart, short enough for the 40 ms that a
/// digit lasts at least.
const WINDOW_MS: f64 = 16.0;
/// Looks to a window.
const LOOKS: usize = 2;
/// A digit shows in so many looks in a row, and is over when it does not in so many.
const CONFIRMED: u32 = 3;
const MISSED: u32 = 3;

/// The low group, then the high one.
const TONES_HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const DIGITS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The quietest tone that counts: -36 dB below a full sine each.
const QUIETEST: f32 = 0.000_25;
/// How much stronger one tone may be than the other (twist), as power: 9 dB either way.
const TWIST: f32 = 8.0;
/// How much stronger the tone must be than any other of its group, as power: 8 dB.
const ABOVE_OTHERS: f32 = 6.3;
/// The share of all power that must show at the two frequencies: a tone that is 1.5 % off shows less than all of its
/// own.
const PURITY: f32 = 0.6;

/// Listens to one channel.
#[derive(Clone, Debug)]
pub struct Tones {
    rate: u32,
    /// The last window's samples, oldest first.
    window: Vec<f32>,
    len: usize,
    step: usize,
    bank: Bank,
    heard: u64,
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
    /// Listens at `rate` samples a second; below 4000 nothing can be heard, and nothing is.
    #[must_use]
    pub fn new(rate: u32) -> Tones {
        let step = ((f64::from(rate) * WINDOW_MS / 1000.0) as usize / LOOKS).max(1);
        let len = step * LOOKS;
        let (window, bank) = (Vec::with_capacity(2 * len), Bank::new(rate, len));
        Tones { rate, window, len, step, bank, heard: 0, current: None }
    }

    /// Takes in the samples that follow, and gives each digit that is over to `found`.
    pub fn handle_samples(&mut self, samples: &[i16], mut found: impl FnMut(Tone)) {
        for piece in samples.chunks(self.step) {
            self.window.extend(piece.iter().map(|&sample| f32::from(sample) / 32_768.0));
            self.heard += piece.len() as u64;
            while self.window.len() >= self.len {
                let digit = self.digit();
                let unseen = (self.window.len() - self.len) as u64;
                self.note(digit, self.heard - unseen, &mut found);
                self.window.drain(..self.step);
            }
        }
    }

    /// The first sample of the digit that is being heard, if it is sure to be one.
    #[must_use]
    pub fn hears_since(&self) -> Option<u64> {
        self.current.filter(|current| current.looks >= CONFIRMED).map(|current| current.from)
    }

    /// The audio is over.
    pub fn finish(mut self, mut found: impl FnMut(Tone)) {
        self.end(&mut found);
    }

    /// What a look that ends with sample `end` saw.
    fn note(&mut self, digit: Option<char>, end: u64, found: &mut impl FnMut(Tone)) {
        let begin = end - self.len as u64;
        match (&mut self.current, digit) {
            (Some(current), Some(digit)) if current.digit == digit => {
                (current.to, current.looks, current.missed) = (end, current.looks + 1, 0);
            }
            (Some(current), _) if current.missed + 1 < MISSED => current.missed += 1,
            (_, digit) => {
                self.end(found);
                self.current =
                    digit.map(|digit| Current { digit, from: begin, to: end, looks: 1, missed: 0 });
            }
        }
    }

    fn end(&mut self, found: &mut impl FnMut(Tone)) {
        if let Some(Current { digit, from, to, looks, .. }) = self.current.take()
            && looks >= CONFIRMED
        {
            // Half a window of a tone is enough to see it: the first look began that much before, the last ended after.
            let half = self.len as u64 / 4;
            found(Tone { digit, from: from + half, to: to - half });
        }
    }

    /// The digit that fills the window.
    fn digit(&self) -> Option<char> {
        let window = self.window.get(..self.len)?;
        let all = window.iter().map(|sample| sample * sample).sum::<f32>() / self.len as f32;
        // Most of a conversation ends here.
        if self.rate < 4000 || all < QUIETEST {
            return None;
        }
        let powers = self.bank.powers(window);
        let (low, high) = powers.split_at(powers.len() / 2);
        let ((row, low), (column, high)) = (strongest(low)?, strongest(high)?);
        let twisted = low > high * TWIST || high > low * TWIST;
        let is_pure = low + high >= PURITY * all;
        if twisted || !is_pure || low.min(high) < QUIETEST {
            return None;
        }
        DIGITS.get(row)?.get(column).copied()
    }
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
}

impl Bank {
    fn new(rate: u32, len: usize) -> Bank {
        let turn = |hz: f64| std::f64::consts::TAU * hz / f64::from(rate.max(1));
        let coefficients = TONES_HZ.map(|hz| (2.0 * turn(hz).cos()) as f32);
        Bank { coefficients, scale: 2.0 / (len * len) as f32 }
    }

    fn powers(&self, window: &[f32]) -> [f32; 8] {
        let (mut last, mut before) = ([0f32; 8], [0f32; 8]);
        for &sample in window {
            let mut next = [0f32; 8];
            for (((next, last), before), coefficient) in
                next.iter_mut().zip(&last).zip(&before).zip(&self.coefficients)
            {
                *next = sample + coefficient * last - before;
            }
            (before, last) = (last, next);
        }
        let mut powers = [0f32; 8];
        for (((power, last), before), coefficient) in
            powers.iter_mut().zip(&last).zip(&before).zip(&self.coefficients)
        {
            *power = (last * last + before * before - coefficient * last * before) * self.scale;
        }
        powers
    }
}

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
        let (mut tones, mut all) = (Tones::new(rate), Vec::new());
        // In pieces of odd lengths, as windows come.
        for piece in samples.chunks(333) {
            tones.handle_samples(piece, |tone| all.push(tone));
        }
        tones.finish(|tone| all.push(tone));
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
