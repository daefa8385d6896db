//! Silence that is left out: a pause in which neither party sounds is kept as long as somebody may want to hear how long
//! it was, and not as long as a capture's time stamps can claim. A wrong one alone would make centuries of it.

use audio::{Cue, Cues};
use clock::Span;

/// How much silence of both parties at once a recording may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// The longest pause that is kept in full; of a longer one so much is kept.
    pub longest: Span,
    /// All pauses together; what is more is left out.
    pub most: Span,
}

impl Default for Silence {
    fn default() -> Self {
        Silence { longest: Span::from_secs(3600), most: Span::from_secs(24 * 3600) }
    }
}

/// Samples that are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    /// Where in the recording they would be.
    pub(crate) at: u64,
    /// How many.
    pub(crate) left_out: u64,
}

/// Where the cues of both legs go.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    /// What was left out before the first cue.
    pub(crate) lead: u64,
    /// What was left out within.
    pub(crate) cuts: Vec<Cut>,
    /// How long the recording is.
    pub(crate) frames: u64,
    /// The place of the first cue after each cut, and what was left out up to there.
    shifts: Vec<(u64, u64)>,
}

impl Plan {
    /// Sees to it that both legs, each leg's cues in order, are moved together where the pause before them is too long.
    pub(crate) fn of<'c>(
        [caller, callee]: [impl Iterator<Item = Cue<'c>>; 2],
        silence: &Silence,
        rate: u32,
    ) -> Plan {
        let samples =
            |span: Span| (span.as_ns().max(0) as u64 / 1_000_000).saturating_mul(u64::from(rate)) / 1000;
        let (longest, mut left) = (samples(silence.longest), samples(silence.most));
        let (mut end, mut shift, mut plan) = (None, 0, Plan::default());
        let (mut caller, mut callee) = (caller.peekable(), callee.peekable());
        plan.lead = [caller.peek(), callee.peek()].into_iter().flatten().map(|cue| cue.at).min().unwrap_or(0);
        loop {
            let callee_is_next = match (caller.peek(), callee.peek()) {
                (Some(one), Some(other)) => other.at < one.at,
                (None, other) => other.is_some(),
                (Some(_), None) => false,
            };
            let next = if callee_is_next { callee.next() } else { caller.next() };
            let Some(cue) = next else { return plan };
            let until = end.unwrap_or(plan.lead);
            let pause = cue.at.saturating_sub(until);
            let kept = pause.min(longest).min(left);
            left -= kept;
            if pause > kept {
                let at = (until + kept).saturating_sub(plan.lead + shift);
                plan.cuts.push(Cut { at, left_out: pause - kept });
                shift += pause - kept;
                plan.shifts.push((cue.at, shift));
            }
            end = Some(until.max(cue.end(rate)));
            let moved = Cue { at: cue.at.saturating_sub(plan.lead + shift), ..cue };
            plan.frames = plan.frames.max(moved.end(rate));
        }
    }

    /// The cues of one leg, moved.
    pub(crate) fn moved<'c>(&'c self, cues: Cues<'c>) -> Cues<'c> {
        let (mut shifts, mut shift) = (self.shifts.iter().peekable(), 0);
        Cues::new(cues.map(move |cue| {
            while let Some((_, all)) = shifts.next_if(|(at, _)| *at <= cue.at) {
                shift = *all;
            }
            Cue { at: cue.at.saturating_sub(self.lead + shift), ..cue }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::Codec;

    const SILENCE: Silence = Silence { longest: Span::from_secs(10), most: Span::from_secs(25) };

    /// A leg of packets of a second each, that begin at these seconds.
    fn leg(starts_s: &[u64]) -> Vec<Cue<'static>> {
        let codec = Codec::registered("PCMU", 8000, 1, "").unwrap();
        let sound = audio::Sound::Payload(&[0; 8000]);
        let cue =
            |&at: &u64| Cue { at: at * 8000, codec, sound, samples: 8000, stream: 0, after_loss: false };
        starts_s.iter().map(cue).collect()
    }

    /// What became of two legs, in seconds.
    #[derive(PartialEq, Debug)]
    struct Shortened {
        caller: Vec<u64>,
        callee: Vec<u64>,
        lead: u64,
        /// Where, and how much.
        cuts: Vec<(u64, u64)>,
    }

    fn shortened(caller: &[u64], callee: &[u64]) -> Shortened {
        let legs = [leg(caller), leg(callee)];
        let plan = Plan::of(legs.each_ref().map(|leg| leg.iter().copied()), &SILENCE, 8000);
        let [caller, callee] = legs.each_ref().map(|leg| {
            let moved: Vec<Cue<'_>> = plan.moved(Cues::new(leg.iter().copied())).collect();
            assert!(moved.iter().all(|cue| cue.end(8000) <= plan.frames));
            moved.iter().map(|cue| cue.at / 8000).collect()
        });
        let (lead, cuts) = (plan.lead, plan.cuts);
        let cuts = cuts.iter().map(|cut| (cut.at / 8000, cut.left_out / 8000)).collect();
        Shortened { caller, callee, lead: lead / 8000, cuts }
    }

    #[test]
    fn a_pause_while_the_other_speaks_is_none() {
        let speaks: Vec<u64> = (0..100).collect();
        let found = shortened(&[0, 99], &speaks);
        assert_eq!(found, Shortened { caller: vec![0, 99], callee: speaks, lead: 0, cuts: vec![] });
    }

    #[test]
    fn a_pause_is_kept_up_to_its_limit_and_both_legs_stay_together() {
        let years = 1_000_000_000;
        let found = shortened(&[0, 5, years, years + 3], &[1, years + 1]);
        let (caller, callee) = (vec![0, 5, 16, 19], vec![1, 17]);
        assert_eq!(found, Shortened { caller, callee, lead: 0, cuts: vec![(16, years - 16)] });
    }

    #[test]
    fn all_pauses_together_have_a_limit_too() {
        let found = shortened(&[0, 10, 20, 30, 40], &[]);
        assert_eq!(found.caller, [0, 10, 20, 28, 29]);
        assert_eq!(found.cuts, [(28, 2), (29, 9)]);
    }

    #[test]
    fn nothing_comes_before_the_first_sound() {
        let found = shortened(&[500], &[499, 501]);
        assert_eq!(found, Shortened { caller: vec![1], callee: vec![0, 2], lead: 499, cuts: vec![] });
    }
}
