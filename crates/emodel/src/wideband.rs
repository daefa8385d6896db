//! The transmission rating of a wideband connection without the codec's share (G.107.1, with its default values).

use crate::narrowband::absolute_delay;

/// R with a codec that costs nothing, at `delay_ms` from mouth to ear one way, on the scale to 129.
pub(crate) fn transmission_rating(delay_ms: f64) -> f64 {
    BEST - absolute_delay(delay_ms)
}

/// Ro,wb: no telephone band cuts it.
const BEST: f64 = 129.0;
