//! Concealment of lost audio by the last pitch periods heard: G.711 Appendix I (09/1999).
//!
//! The Appendix holds playout back by 3.75 ms to blend the last good samples into the synthetic ones, and blends
//! the first good ones after the loss as well. A recording keeps every received sample as it is, so nothing is held
//! back here: the difference at the join is let fade within the concealed part, and the far end is not touched.

use core::ops::RangeInclusive;

/// Lags searched for the pitch: 200 Hz down to 66 2/3 Hz.
const PITCH_SAMPLES: RangeInclusive<usize> = 40..=120;
/// The last 20 ms heard are what is looked for in the past.
const WINDOW_SAMPLES: usize = 160;
/// 10 ms: the Appendix counts a loss in frames of this length.
const FRAME_SAMPLES: usize = 80;
/// Attenuation begins at full level with the second frame and ends at silence with the sixth.
const FADE_SAMPLES: usize = Concealment::LONGEST_SAMPLES - FRAME_SAMPLES;
/// Below this energy a stretch of the past is noise to the search, as in the Appendix.
const LEAST_ENERGY: i64 = 250;

/// What a listener is given while packets are missing; made where a loss begins, from what was heard before it.
///
/// The first 10 ms repeat the last pitch period, the next 10 ms the last two and all that follow the last three, so
/// that a long loss does not buzz. From 10 ms on the level falls by 20 % of the full one every 10 ms.
/// The same history gives the same samples on every machine.
#[derive(Clone, Debug)]
pub struct Concealment {
    /// What was heard last, its end at the end; zeros before it where less was heard.
    history: [i16; Concealment::HISTORY_SAMPLES],
    /// Zero where too little was heard to tell: then silence is all there is to give.
    pitch: usize,
    /// How many pitch periods, and a quarter one before them, were heard: 1 to 3.
    periods: usize,
    /// How many samples of this loss were given so far, at most `LONGEST_SAMPLES`.
    given: usize,
}

impl Concealment {
    /// As much as is of use of what was heard before a loss: three of the longest pitch periods and a quarter.
    pub const HISTORY_SAMPLES: usize = 390;
    /// 60 ms; what is missing beyond is silence.
    pub const LONGEST_SAMPLES: usize = 480;

    /// For a loss that follows `history` at 8 kHz, of which the last [`Self::HISTORY_SAMPLES`] count. Less will do;
    /// with less than 10 ms there is nothing to repeat.
    #[must_use]
    pub fn after(history: &[i16]) -> Self {
        let heard = history.len().min(Self::HISTORY_SAMPLES);
        let mut kept = [0; Self::HISTORY_SAMPLES];
        for (sample, &of_history) in kept.iter_mut().rev().zip(history.iter().rev()) {
            *sample = of_history;
        }
        let pitch = pitch_of(&kept, heard).unwrap_or(0);
        let periods = heard.saturating_sub(pitch / 4).checked_div(pitch).unwrap_or(0).clamp(1, 3);
        Concealment { history: kept, pitch, periods, given: 0 }
    }

    /// Fills `out` with the next samples of the loss, and says how many of them are concealed audio: all that come
    /// after those are silence. May be called again as the loss goes on.
    pub fn conceal(&mut self, out: &mut [i16]) -> usize {
        let left = if self.pitch == 0 { 0 } else { Self::LONGEST_SAMPLES - self.given };
        let (audible, silent) = out.split_at_mut(out.len().min(left));
        for sample in audible.iter_mut() {
            *sample = self.at(self.given);
            self.given += 1;
        }
        silent.fill(0);
        audible.len()
    }

    /// The sample `index` after the last that was heard.
    fn at(&self, index: usize) -> i16 {
        let into_frame = index % FRAME_SAMPLES;
        let frame = index / FRAME_SAMPLES;
        let mut sample = self.repeated(frame, index);
        // Where a frame takes in one more period, a quarter period leads over from the fewer.
        if (1..=2).contains(&frame) && into_frame < self.quarter() {
            sample = blend(self.repeated(frame - 1, index), sample, into_frame, self.quarter());
        }
        sample += self.join(index);
        if frame > 0 {
            sample = sample * (Self::LONGEST_SAMPLES - index) as i32 / FADE_SAMPLES as i32;
        }
        sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }

    /// The last periods, in a circle, as `frame` has them: one more in each of the first three.
    fn repeated(&self, frame: usize, index: usize) -> i32 {
        let begun = frame.min(2) * FRAME_SAMPLES;
        let length = (frame + 1).min(self.periods) * self.pitch;
        // Each circle is entered in its first period and in phase with the one before.
        let place = (index - begun + begun % self.pitch) % length;
        let sample = self.back(length - place);
        match (place + self.quarter()).checked_sub(length) {
            // The last quarter leads over to what came before the circle's first sample.
            Some(n) => blend(sample, self.back(2 * length - place), n, self.quarter()),
            None => sample,
        }
    }

    /// What lies between the last sample heard and the one a period earlier, whose successor comes first here: it
    /// fades over a quarter period.
    fn join(&self, index: usize) -> i32 {
        let quarter = self.quarter();
        let fading = quarter.saturating_sub(index) as i32;
        (self.back(1) - self.back(self.pitch + 1)) * fading / quarter as i32
    }

    fn quarter(&self) -> usize {
        self.pitch / 4
    }

    /// The sample heard `n` before the loss, from 1.
    fn back(&self, n: usize) -> i32 {
        let sample = Self::HISTORY_SAMPLES.checked_sub(n).and_then(|place| self.history.get(place));
        sample.copied().unwrap_or(0).into()
    }
}

/// From `old` to `new`, after `n` of `length` samples.
fn blend(old: i32, new: i32, n: usize, length: usize) -> i32 {
    let (n, length) = (n as i32 + 1, length as i32 + 1);
    (old * (length - n) + new * n) / length
}

/// The lag at which the past most resembles the last samples heard, the shortest of equals; `None` where fewer than
/// two of the shortest periods were `heard`.
///
/// The Appendix looks at every second sample and lag first; there is time here to look at all of them.
fn pitch_of(history: &[i16; Concealment::HISTORY_SAMPLES], heard: usize) -> Option<usize> {
    let longest = (heard / 2).min(*PITCH_SAMPLES.end());
    let window = (heard - longest).min(WINDOW_SAMPLES);
    let (past, last) = history.split_at_checked(history.len() - window)?;
    let mut best = None;
    for lag in *PITCH_SAMPLES.start()..=longest {
        let earlier = history.get(past.len() - lag..)?;
        let likeness = likeness(last, earlier);
        if best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, lag));
        }
    }
    best.map(|(_, lag)| lag)
}

/// The correlation of `last` with as many samples of `earlier`, squared with its sign kept, over the energy of the
/// latter: it orders lags as the correlation over the square root would.
fn likeness(last: &[i16], earlier: &[i16]) -> f64 {
    let mut correlation = 0;
    let mut energy = 0;
    for (&a, &b) in last.iter().zip(earlier) {
        correlation += i64::from(a) * i64::from(b);
        energy += i64::from(b) * i64::from(b);
    }
    // 160 products of 31 bits are exact in a double; what follows is IEEE 754, alike on every machine.
    let correlation = correlation as f64;
    correlation * correlation.abs() / energy.max(LEAST_ENERGY) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    const HISTORY: usize = Concealment::HISTORY_SAMPLES;
    const LONGEST: usize = Concealment::LONGEST_SAMPLES;

    fn sine(period: f64, amplitude: f64, samples: usize) -> Vec<i16> {
        let angle = |n: usize| n as f64 * std::f64::consts::TAU / period;
        (0..samples).map(|n| (angle(n).sin() * amplitude) as i16).collect()
    }

    /// A glottal pulse a period, rung by a formant at 700 Hz, over a little noise.
    fn voice(period: usize, samples: usize) -> Vec<i16> {
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 16) / 65_536.0 - 0.5
        };
        let ring = |n: usize| (-(n as f64) / 20.0).exp() * (n as f64 * 0.55).sin();
        (0..samples).map(|n| (9_000.0 * ring(n % period) + 300.0 * noise()) as i16).collect()
    }

    fn concealed(history: &[i16], samples: usize) -> Vec<i16> {
        let mut out = vec![1; samples];
        Concealment::after(history).conceal(&mut out);
        out
    }

    fn energy(samples: &[i16]) -> f64 {
        samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
    }

    #[test]
    fn continues_a_sine_as_if_nothing_were_lost() {
        for period in [40, 57, 80, 101, 120] {
            let whole = sine(f64::from(period), 10_000.0, HISTORY + FRAME_SAMPLES);
            let (heard, lost) = whole.split_at(HISTORY);
            for (n, (given, &was)) in concealed(heard, FRAME_SAMPLES).into_iter().zip(lost).enumerate() {
                assert!((given - was).abs() <= 2, "period {period}, sample {n}: {given} for {was}");
            }
        }
    }

    #[test]
    fn keeps_the_period_and_the_phase_through_all_frames() {
        for period in [40, 57, 80, 101, 120] {
            let whole = sine(f64::from(period), 10_000.0, HISTORY + LONGEST);
            for (n, given) in concealed(&whole[..HISTORY], LONGEST).into_iter().enumerate() {
                let level = ((LONGEST - n) as f64 / 400.0).min(1.0);
                let expected = f64::from(whole[HISTORY + n]) * level;
                assert!((f64::from(given) - expected).abs() <= 3.0, "period {period}, sample {n}");
            }
        }
    }

    #[test]
    fn finds_the_pitch_of_a_voice() {
        for period in [45, 64, 80, 100, 119] {
            assert_eq!(Concealment::after(&voice(period, 1_000)).pitch, period);
        }
        // Of 40, 80 and 120, which are all as good.
        assert_eq!(Concealment::after(&sine(40.0, 10_000.0, HISTORY)).pitch, 40);
    }

    #[test]
    fn decays_by_a_fifth_a_frame_and_is_silent_after_60_ms() {
        let heard = voice(80, HISTORY);
        let given = concealed(&heard, LONGEST + 200);
        let frames: Vec<f64> = given.chunks(FRAME_SAMPLES).map(energy).collect();
        let of_one_period = energy(&heard[HISTORY - 80..]);
        for (frame, level) in [1.0_f64, 0.9, 0.7, 0.5, 0.3, 0.1].into_iter().enumerate() {
            let found = (frames[frame] / of_one_period).sqrt();
            assert!((found - level).abs() < 0.12, "frame {frame}: {found} for {level}");
        }
        assert!(frames.windows(2).all(|pair| pair[1] <= pair[0]));
        assert_eq!(given[LONGEST..], [0; 200]);
    }

    #[test]
    fn takes_in_an_older_period_with_each_of_the_first_three_frames() {
        let mut heard = vec![0; HISTORY - 240];
        for amplitude in [3_000.0, 2_000.0, 1_000.0] {
            heard.extend(sine(80.0, amplitude, 80));
        }
        let given = concealed(&heard, LONGEST);
        let expected =
            [1_000.0, 2_000.0 * 0.925, 3_000.0 * 0.725, 2_000.0 * 0.525, 1_000.0 * 0.325, 3_000.0 * 0.125];
        for (frame, amplitude) in expected.into_iter().enumerate() {
            // Past the leading-over of the first quarter, before that of the last.
            let found = f64::from(given[frame * FRAME_SAMPLES + 30]);
            let sample = amplitude * std::f64::consts::FRAC_1_SQRT_2;
            assert!((found - sample).abs() < 3.0, "frame {frame}: {found} for {sample}");
        }
    }

    #[test]
    fn joins_periods_that_do_not_meet() {
        // A sine that climbs by 2000 a period: each end of a circle lies that far from its beginning.
        let climbing =
            |(n, sample): (usize, i16)| sample.saturating_add(20 * (n as i16 - HISTORY as i16 / 2));
        let heard: Vec<i16> = sine(100.0, 5_000.0, HISTORY).into_iter().enumerate().map(climbing).collect();
        let mut joined = heard.clone();
        joined.extend(concealed(&heard, LONGEST));
        assert!(largest_step(&joined) <= largest_step(&heard) * 3 / 2, "{}", largest_step(&joined));
    }

    #[test]
    fn makes_no_step_larger_than_those_of_the_voice() {
        for period in [45, 64, 80, 100, 119] {
            for cut in 0..period {
                let heard = voice(period, HISTORY + cut);
                let mut joined = heard.clone();
                joined.extend(concealed(&heard, LONGEST + 10));
                let (of_voice, of_all) = (largest_step(&heard), largest_step(&joined));
                assert!(of_all <= of_voice * 11 / 10, "period {period}, cut {cut}: {of_all} over {of_voice}");
            }
        }
    }

    #[test]
    fn may_be_asked_in_parts_and_says_where_silence_begins() {
        let heard = voice(73, HISTORY);
        let whole = concealed(&heard, 700);
        let mut concealment = Concealment::after(&heard);
        let mut parts = vec![1; 700];
        let counts: Vec<usize> = parts.chunks_mut(200).map(|part| concealment.conceal(part)).collect();
        assert_eq!(parts, whole);
        assert_eq!(counts, [200, 200, 80, 0]);
    }

    #[test]
    fn only_the_last_samples_heard_count() {
        let heard = voice(73, 2_000);
        assert_eq!(concealed(&heard, LONGEST), concealed(&heard[2_000 - HISTORY..], LONGEST));
    }

    #[test]
    fn makes_do_with_a_short_history() {
        for heard in 0..HISTORY {
            let history = voice(50, heard);
            let mut out = [1; LONGEST];
            let count = Concealment::after(&history).conceal(&mut out);
            assert_eq!(count, if heard < 80 { 0 } else { LONGEST }, "{heard}");
            assert_eq!(out.iter().any(|&sample| sample != 0), heard >= 80, "{heard}");
        }
        // One packet of 20 ms: the period is told, and no hole comes of what was not heard.
        let given = concealed(&sine(50.0, 10_000.0, 160), LONGEST);
        assert!(given[..400].chunks(25).all(|half| half.iter().any(|s| s.abs() > 1_000)));
    }

    #[test]
    fn takes_the_loudest_input() {
        for history in [[i16::MIN; HISTORY], [i16::MAX; HISTORY]] {
            assert_eq!(concealed(&history, FRAME_SAMPLES), history[..FRAME_SAMPLES]);
        }
        let square: Vec<i16> = (0..HISTORY).map(|n| if n % 90 < 45 { i16::MIN } else { i16::MAX }).collect();
        assert_eq!(concealed(&square, LONGEST).len(), LONGEST);
    }
}
