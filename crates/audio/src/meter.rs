//! How loud a recording is: both channels listened to as they are made, in frames of 20 ms, told for each second and for
//! the whole. Levels are in dBov: 0 is a square wave at full scale (ITU-T G.100.1).
//!
//! What is too loud or too faint is not known here.

use crate::likeness::{Likeness, LikenessMeter};

/// Listens to the samples of a recording.
#[derive(Debug)]
pub struct Meter {
    rate: usize,
    /// Samples up to now.
    position: usize,
    channels: [Listener; 2],
    likeness: LikenessMeter,
}

/// What was heard.
#[derive(Clone, PartialEq, Debug)]
pub struct Levels {
    /// Of each channel.
    pub channels: [ChannelLevels; 2],
    /// Whether one channel says what the other says.
    pub likeness: Option<Likeness>,
}

/// What was heard in one channel.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct ChannelLevels {
    /// Each second from the first sample on; the last may be shorter.
    pub seconds: Vec<SecondLevel>,
    /// The highest sample.
    pub peak: u16,
    /// Samples at full scale, three or more in a row.
    pub clipped: u64,
    frames: Frames,
}

/// One second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SecondLevel {
    /// Its mean level; [`SILENCE_DBOV`] where all is zero.
    pub dbov: f32,
    /// The level of its loudest frame.
    pub loudest_dbov: f32,
    /// Samples at full scale, three or more in a row.
    pub clipped: u32,
}

/// How loud speech is, and how much of it there is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Activity {
    /// The mean level of what is active.
    pub dbov: f64,
    /// How much of the time that is, 0 to 1.
    pub share: f64,
}

impl Meter {
    /// For a recording of so many samples a second.
    #[must_use]
    pub fn new(rate: u32) -> Meter {
        let rate = (rate as usize).max(FRAMES_A_SECOND);
        Meter { rate, position: 0, channels: Default::default(), likeness: LikenessMeter::default() }
    }

    /// Takes the next samples of both channels, interleaved.
    pub fn listen(&mut self, stereo: &[i16]) {
        let (mut rest, _) = stereo.as_chunks::<2>();
        while !rest.is_empty() {
            let into_second = self.position % self.rate;
            let frame_end = (into_second / self.frame() + 1) * self.frame();
            let end = if frame_end + self.frame() > self.rate { self.rate } else { frame_end };
            let (part, behind) = rest.split_at((end - into_second).min(rest.len()));
            let [caller, callee] = &mut self.channels;
            caller.take(part.iter().map(|&[sample, _]| sample));
            callee.take(part.iter().map(|&[_, sample]| sample));
            self.position += part.len();
            if into_second + part.len() == end {
                self.end_frame();
            }
            if self.position.is_multiple_of(self.rate) {
                self.channels.iter_mut().for_each(Listener::end_second);
            }
            rest = behind;
        }
    }

    /// There is no more.
    #[must_use]
    pub fn finish(mut self) -> Levels {
        if !self.position.is_multiple_of(self.rate) {
            // The rest of a frame is told with the second, and is no frame.
            self.channels.iter_mut().for_each(Listener::end_second);
        }
        Levels { channels: self.channels.map(|channel| channel.levels), likeness: self.likeness.finish() }
    }

    fn frame(&self) -> usize {
        self.rate / FRAMES_A_SECOND
    }

    fn end_frame(&mut self) {
        let [caller, callee] = &mut self.channels;
        let levels = [caller.end_frame(), callee.end_frame()];
        self.likeness.handle_frame(levels);
    }
}

impl ChannelLevels {
    /// How loud it is while somebody speaks: the mean over what is no more than 15.9 dB below that mean (in the manner
    /// of ITU-T P.56, method B, by frames). `None` where there is nothing but zeros.
    #[must_use]
    pub fn activity(&self) -> Option<Activity> {
        let energy = self.frames.energy as f64;
        let (mut frames, mut samples) =
            self.frames.counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let mut found = None;
        // The threshold rises until no more than the margin is left between it and the mean of what is above it.
        for (below, &(count, long)) in self.frames.counts.iter().enumerate().rev() {
            if frames == 0 {
                break;
            }
            let dbov = dbov(energy / samples as f64);
            found = Some(Activity { dbov, share: frames as f64 / self.frames.all.max(1) as f64 });
            if dbov + below as f64 <= MARGIN_DB {
                break;
            }
            (frames, samples) = (frames - count, samples - long);
        }
        found
    }

    /// The level that nine in ten frames that are not all zero are above; `None` where all are.
    #[must_use]
    pub fn noise_dbov(&self) -> Option<f64> {
        let sound: u64 = self.frames.counts.iter().map(|(count, _)| count).sum();
        let mut left = sound - sound / 10;
        for (below, &(count, _)) in self.frames.counts.iter().enumerate() {
            if count >= left && count > 0 {
                return Some(-(below as f64));
            }
            left -= count.min(left);
        }
        None
    }

    /// The level of the highest sample; `None` where all are zero.
    #[must_use]
    pub fn peak_dbov(&self) -> Option<f64> {
        (self.peak > 0).then(|| dbov(f64::from(self.peak).powi(2)))
    }
}

/// Frames by their level.
#[derive(Clone, PartialEq, Debug)]
struct Frames {
    /// How many there were, those of zeros among them.
    all: u64,
    /// The sum of all squares.
    energy: u64,
    /// How many were so many dB below 0 dBov and less than one more, and how many samples they had.
    counts: Vec<(u64, u64)>,
}

impl Default for Frames {
    fn default() -> Frames {
        Frames { all: 0, energy: 0, counts: vec![(0, 0); LEVELS] }
    }
}

/// One channel being listened to.
#[derive(Default, Debug)]
struct Listener {
    levels: ChannelLevels,
    /// The sum of squares and the samples of the frame and of the second before the frame.
    frame: (u64, u64),
    second: (u64, u64),
    loudest: Option<f64>,
    clipped: u32,
    /// Samples at full scale in a row.
    run: u32,
}

impl Listener {
    fn take(&mut self, samples: impl ExactSizeIterator<Item = i16> + Clone) {
        let mut peak = 0;
        self.frame.1 += samples.len() as u64;
        for sample in samples.clone() {
            peak = peak.max(sample.unsigned_abs());
            self.frame.0 += u64::from(i32::from(sample).pow(2).cast_unsigned());
        }
        self.levels.peak = self.levels.peak.max(peak);
        if peak < FULL_SCALE {
            self.run = 0;
            return;
        }
        for sample in samples {
            self.run = if sample.unsigned_abs() < FULL_SCALE { 0 } else { self.run.saturating_add(1) };
            self.clipped += match self.run {
                0..CLIPPED_RUN => 0,
                CLIPPED_RUN => CLIPPED_RUN,
                _ => 1,
            };
        }
    }

    /// Gives the frame's level, where it is not all zero.
    fn end_frame(&mut self) -> Option<f64> {
        let (energy, samples) = std::mem::take(&mut self.frame);
        let frames = &mut self.levels.frames;
        frames.all += 1;
        frames.energy = frames.energy.saturating_add(energy);
        self.second = (self.second.0 + energy, self.second.1 + samples);
        let level = (energy > 0).then(|| dbov(energy as f64 / samples as f64))?;
        if let Some((count, long)) = frames.counts.get_mut((-level).max(0.0) as usize) {
            (*count, *long) = (*count + 1, *long + samples);
        }
        self.loudest = Some(self.loudest.map_or(level, |loudest| loudest.max(level)));
        Some(level)
    }

    fn end_second(&mut self) {
        let rest = std::mem::take(&mut self.frame);
        let (energy, samples) = std::mem::take(&mut self.second);
        let (energy, samples) = (energy + rest.0, samples + rest.1);
        let level = if energy > 0 { dbov(energy as f64 / samples as f64) } else { SILENCE_DBOV };
        let loudest = self.loudest.take().unwrap_or(level);
        let clipped = std::mem::take(&mut self.clipped);
        self.levels.clipped += u64::from(clipped);
        let second = SecondLevel { dbov: level as f32, loudest_dbov: loudest as f32, clipped };
        self.levels.seconds.push(second);
    }
}

/// The level of a mean square.
fn dbov(square: f64) -> f64 {
    (10.0 * (square / FULL_SQUARE).log10()).max(SILENCE_DBOV)
}

/// Below anything that 16 bits can hold.
pub const SILENCE_DBOV: f64 = -100.0;
const FULL_SQUARE: f64 = 32_768.0 * 32_768.0;
/// G.711's highest values, and all above.
const FULL_SCALE: u16 = 32_000;
const CLIPPED_RUN: u32 = 3;
const FRAMES_A_SECOND: usize = 50;
/// 0 to -100 dBov.
const LEVELS: usize = 101;
/// P.56: what is so far below the mean is no speech.
const MARGIN_DB: f64 = 15.9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listened(rate: u32, parts: &[&[[i16; 2]]]) -> Levels {
        let mut meter = Meter::new(rate);
        parts.iter().for_each(|part| meter.listen(part.as_flattened()));
        meter.finish()
    }

    /// A square wave has the level of its height.
    fn square(height: i16, samples: usize) -> Vec<[i16; 2]> {
        (0..samples).map(|n| [if n % 2 == 0 { height } else { -height }, 0]).collect()
    }

    #[test]
    fn a_square_wave_has_the_level_of_its_height() {
        let mut samples = square(3277, 8000);
        samples.extend(square(33, 8000));
        samples.extend(square(3277, 100));
        let [caller, callee] = listened(8000, &[&samples]).channels;
        let levels: Vec<i32> = caller.seconds.iter().map(|second| second.dbov.round() as i32).collect();
        assert_eq!(levels, [-20, -60, -20]);
        assert_eq!((caller.peak, caller.clipped), (3277, 0));
        assert_eq!(callee.seconds[0], SecondLevel { dbov: -100.0, loudest_dbov: -100.0, clipped: 0 });
        assert_eq!((callee.activity(), callee.noise_dbov(), callee.peak_dbov()), (None, None, None));
        // Half of the time is speech, and the other half forty decibels below it.
        let activity = caller.activity().unwrap();
        assert!((activity.dbov + 20.0).abs() < 0.1 && (activity.share - 0.5).abs() < 0.01, "{activity:?}");
        assert_eq!(caller.noise_dbov(), Some(-59.0));
    }

    #[test]
    fn a_click_is_no_speech() {
        let mut samples = square(330, 80_000);
        samples[40_000..40_160].copy_from_slice(&square(20_000, 160));
        let [caller, _] = listened(8000, &[&samples]).channels;
        let activity = caller.activity().unwrap();
        // What goes on all the time is within the margin of it.
        assert!((-31.0..-30.0).contains(&activity.dbov) && activity.share > 0.99, "{activity:?}");
    }

    #[test]
    fn full_scale_counts_from_the_third_sample_in_a_row_on() {
        let mut samples = vec![[0, 0]; 16_000];
        for (at, sample) in
            [(10, 32_124), (11, 32_124), (157, 32_767), (158, -32_768), (159, 32_124), (160, 32_000)]
        {
            samples[at][1] = sample;
        }
        let [_, callee] = listened(8000, &[&samples]).channels;
        assert_eq!((callee.clipped, callee.seconds[0].clipped, callee.seconds[1].clipped), (4, 4, 0));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(
            samples in prop::collection::vec((any::<i16>(), -40i16..40), 0..5000),
            cuts in prop::collection::vec(0usize..5000, 0..8),
            rate in prop::sample::select(vec![8000u32, 16_000, 11_025, 1, 49]),
        ) {
            let samples: Vec<[i16; 2]> = samples.into_iter().map(|(one, other)| [one, other]).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(samples.len())).collect();
            cuts.extend([0, samples.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[[i16; 2]]> = cuts.windows(2).map(|cut| &samples[cut[0]..cut[1]]).collect();
            let levels = listened(rate, &parts);
            prop_assert_eq!(&levels, &listened(rate, &[&samples]));
            let seconds = samples.len().div_ceil((rate as usize).max(50));
            prop_assert_eq!(levels.channels[0].seconds.len(), seconds);
            let mut naive = 0;
            let full: Vec<bool> = samples.iter().map(|sample| sample[0].unsigned_abs() >= 32_000).collect();
            for run in full.chunk_by(|one, other| one == other).filter(|run| run[0] && run.len() >= 3) {
                naive += run.len() as u64;
            }
            prop_assert_eq!(levels.channels[0].clipped, naive);
        }
    }
}
