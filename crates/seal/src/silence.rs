//! Silence that is left out: a pause in which neither party sounds is kept as long as somebody may want to hear how long
//! it was, and not as long as a capture's time stamps can claim. A wrong one alone would make centuries of it.

use audio::Cue;
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

/// Moves the cues of both legs, each leg's in order, together where the pause before them is too long. Gives what was
/// left out before the first cue and within.
pub(crate) fn shorten(legs: &mut [Vec<Cue<'_>>; 2], silence: &Silence, rate: u32) -> (u64, Vec<Cut>) {
    let samples =
        |span: Span| (span.as_ns().max(0) as u64 / 1_000_000).saturating_mul(u64::from(rate)) / 1000;
    let (longest, mut left) = (samples(silence.longest), samples(silence.most));
    let (mut end, mut shift, mut cuts) = (None, 0, Vec::new());
    let [caller, callee] = legs;
    let (mut caller, mut callee) = (caller.iter_mut().peekable(), callee.iter_mut().peekable());
    let lead = [caller.peek(), callee.peek()].into_iter().flatten().map(|cue| cue.at).min().unwrap_or(0);
    loop {
        let callee_is_next = match (caller.peek(), callee.peek()) {
            (Some(one), Some(other)) => other.at < one.at,
            (None, other) => other.is_some(),
            (Some(_), None) => false,
        };
        let next = if callee_is_next { callee.next() } else { caller.next() };
        let Some(cue) = next else { return (lead, cuts) };
        let until = end.unwrap_or(lead);
        let pause = cue.at.saturating_sub(until);
        let kept = pause.min(longest).min(left);
        left -= kept;
        if pause > kept {
            cuts.push(Cut { at: (until + kept).saturating_sub(lead + shift), left_out: pause - kept });
            shift += pause - kept;
        }
        end = Some(until.max(cue.end(rate)));
        cue.at = cue.at.saturating_sub(lead + shift);
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
        let mut legs = [leg(caller), leg(callee)];
        let (lead, cuts) = shorten(&mut legs, &SILENCE, 8000);
        let [caller, callee] = legs.map(|leg| leg.iter().map(|cue| cue.at / 8000).collect());
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
