//! The rating of a connection, and the opinion score that stands for it (G.107, annex B; G.107.1, section 7.8).

use crate::codec::{Band, Codec};
use crate::{narrowband, wideband};

/// What a listener's end of a connection is like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Path {
    /// From mouth to ear, one way, in milliseconds.
    pub delay_ms: f64,
    /// Packets that the listener never heard, 0 to 1: lost, or too late for the playout buffer.
    pub loss_ratio: f64,
    /// How many times as long the runs of lost packets are as they would be by chance; 1 or more.
    pub burst_ratio: f64,
}

/// An estimate of quality.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rating {
    /// The transmission rating factor: to 100 for narrowband, to 129 for wideband.
    pub r: f64,
    /// The mean opinion score on a listener's scale of 1 to 4.5.
    pub mos: f64,
    /// The model.
    pub model: &'static str,
}

/// Rates `codec` over `path`; `None` where the model has no figures for the codec under loss.
#[must_use]
pub fn rate(codec: Codec, path: Path) -> Option<Rating> {
    let percent = 100.0 * path.loss_ratio.clamp(0.0, 1.0);
    let equipment = codec.effective_impairment(percent, path.burst_ratio)?;
    let (model, r, on_narrow_scale) = match codec.band {
        Band::Narrow => {
            let r = narrowband::transmission_rating(path.delay_ms) - equipment;
            ("G.107", r, r)
        }
        Band::Wide => {
            let r = wideband::transmission_rating(path.delay_ms) - equipment;
            ("G.107.1", r, r / 1.29)
        }
    };
    Some(Rating { r: r.max(0.0), mos: opinion(on_narrow_scale), model })
}

/// G.107, equation B-4.
fn opinion(r: f64) -> f64 {
    match r {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        _ => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Path = Path { delay_ms: 0.0, loss_ratio: 0.0, burst_ratio: 1.0 };

    fn mos(name: &str, path: Path) -> f64 {
        rate(Codec::of_encoding(name, None).unwrap(), path).unwrap().mos
    }

    #[test]
    fn scores_are_those_that_are_published() {
        // G.107, table B.1: R of 93.2 is 4.41, 80 is 4.03, 70 is 3.60, 60 is 3.10, 50 is 2.58.
        assert!((mos("PCMU", CLEAN) - 4.41).abs() < 0.005);
        for (r, score) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!((opinion(r) - score).abs() < 0.01, "{r}: {}", opinion(r));
        }
        assert_eq!((opinion(-3.0), opinion(140.0)), (1.0, 4.5));
        assert!((mos("G729", CLEAN) - 4.1).abs() < 0.05);
        assert!((mos("G722", CLEAN) - 4.35).abs() < 0.1);
    }

    #[test]
    fn loss_is_never_good_and_may_be_beyond_the_model() {
        let at = |loss_ratio| mos("PCMA", Path { loss_ratio, ..CLEAN });
        let scores: Vec<f64> = (0..=20).map(|n| at(f64::from(n) / 20.0)).collect();
        assert!(scores.windows(2).all(|pair| pair[0] > pair[1] || pair[1] < 1.3), "{scores:?}");
        assert!((3.3..3.5).contains(&at(0.10)) && at(0.01) > 4.2, "{scores:?}");
        let lossy = Path { loss_ratio: 0.01, ..CLEAN };
        assert_eq!(rate(Codec::of_encoding("G722", None).unwrap(), lossy), None);
    }

    #[test]
    fn no_numbers_whatever_leave_the_scale() {
        for delay_ms in [f64::MIN, -1.0, 0.0, 1e3, f64::MAX] {
            for loss_ratio in [f64::MIN, 0.0, 0.5, 1.0, f64::INFINITY] {
                let path = Path { delay_ms, loss_ratio, burst_ratio: 1.0 };
                let score = mos("PCMU", path);
                assert!((1.0..=4.5).contains(&score), "{path:?}: {score}");
            }
        }
    }
}
