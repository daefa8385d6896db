//! Concealment at any rate. ITU-T G.711 Appendix I is for 8 kHz; at others the loss is filled in the same way: the last
//! pitch period over again, fainter every 10 ms, for 60 ms.

use g711::Concealment as Narrow;

/// What is given while packets are missing.
#[derive(Debug)]
pub(crate) enum Concealment {
    Narrow(Box<Narrow>),
    Repeated(Repeated),
}

impl Concealment {
    /// For a loss that follows `history` at `rate`.
    pub(crate) fn after(history: &[i16], rate: u32) -> Concealment {
        match rate {
            8000 => Concealment::Narrow(Box::new(Narrow::after(history))),
            _ => Concealment::Repeated(Repeated::after(history, rate as usize)),
        }
    }

    /// Fills `out` with what comes next.
    pub(crate) fn conceal(&mut self, out: &mut [i16]) {
        match self {
            Concealment::Narrow(narrow) => {
                narrow.conceal(out);
            }
            Concealment::Repeated(repeated) => out.iter_mut().for_each(|sample| *sample = repeated.next()),
        }
    }
}

/// How many samples at `rate` are of use of what came before a loss.
pub(crate) fn history_samples(rate: u32) -> usize {
    rate as usize * HISTORY_MS / 1000
}

/// How many samples at `rate` are concealed at the most.
pub(crate) fn longest_samples(rate: u32) -> u64 {
    u64::from(rate) * LONGEST_MS / 1000
}

const HISTORY_MS: usize = 50;
const LONGEST_MS: u64 = 60;

/// The last pitch period, over and over.
#[derive(Debug)]
pub(crate) struct Repeated {
    /// One period, its end led over to what came before its first sample; empty where too little was heard.
    period: Vec<i16>,
    /// What lies between the last sample heard and the one that would have come before the first period's.
    join: i32,
    given: usize,
    rate: usize,
}

impl Repeated {
    fn after(history: &[i16], rate: usize) -> Repeated {
        let mut repeated = Repeated { period: Vec::new(), join: 0, given: 0, rate };
        let Some(pitch) = pitch(history, rate) else { return repeated };
        let back =
            |n: usize| history.len().checked_sub(n).and_then(|at| history.get(at)).copied().unwrap_or(0);
        let quarter = pitch / 4;
        repeated.period = (0..pitch)
            .map(|n| match (n + quarter).checked_sub(pitch) {
                // The last quarter leads over to the period before.
                Some(into) => {
                    let (old, new) = (i32::from(back(pitch - n)), i32::from(back(2 * pitch - n)));
                    (old + (new - old) * into as i32 / quarter.max(1) as i32) as i16
                }
                None => back(pitch - n),
            })
            .collect();
        repeated.join = i32::from(back(1)) - i32::from(back(pitch + 1));
        repeated
    }

    fn next(&mut self) -> i16 {
        let (at, ten_ms) = (self.given, self.rate / 100);
        self.given += 1;
        let Some(&sample) = self.period.get(at % self.period.len().max(1)) else { return 0 };
        let quarter = (self.period.len() / 4).max(1);
        let join = self.join * quarter.saturating_sub(at) as i32 / quarter as i32;
        // Full for 10 ms, and gone after 60.
        let level = (6 * ten_ms).saturating_sub(at).min(5 * ten_ms) as i64;
        let faded = i64::from(i32::from(sample) + join) * level / (5 * ten_ms).max(1) as i64;
        faded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}

/// The lag between 5 and 15 ms at which the last 20 ms are most like what came before; the lags are tried at steps of
/// an eighth of a millisecond, as at 8 kHz, and then around the best.
fn pitch(history: &[i16], rate: usize) -> Option<usize> {
    let (step, window) = ((rate / 8000).max(1), rate / 50);
    let most = (rate * 15 / 1000).min(history.len().checked_sub(window)?);
    let least = rate / 200;
    let best = |lags: &mut dyn Iterator<Item = usize>| {
        // The first of equals: the shortest lag.
        lags.map(|lag| (likeness(history, lag, window, step), lag))
            .reduce(|one, other| if other.0 > one.0 { other } else { one })
    };
    let (_, rough) = best(&mut (least..=most).step_by(step))?;
    let near = rough.saturating_sub(step).max(least)..=(rough + step).min(most);
    best(&mut near.into_iter()).map(|(_, lag)| lag)
}

/// The correlation of the last `window` samples with those `lag` before, against the energy of the latter.
fn likeness(history: &[i16], lag: usize, window: usize, step: usize) -> f64 {
    let from = history.len().saturating_sub(window);
    let (now, before) = (
        history.get(from..).unwrap_or_default(),
        history.get(from.saturating_sub(lag)..).unwrap_or_default(),
    );
    let (mut product, mut energy) = (0i64, 0i64);
    for (&now, &before) in now.iter().zip(before).step_by(step) {
        product += i64::from(now) * i64::from(before);
        energy += i64::from(before).pow(2);
    }
    product as f64 / (energy.max(1) as f64).sqrt()
}
