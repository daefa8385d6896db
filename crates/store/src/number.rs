//! Decimal numbers as a record holds them: rounded once, so that the same call gives the same bytes.

use clock::Span;
use serde::{Deserialize, Serialize};

/// Two bits less than what a number holds exactly.
const LARGEST: f64 = (1u64 << 51) as f64;

macro_rules! rounded {
    ($(#[$doc:meta])* $name:ident, $scale:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, PartialOrd, Default, Debug, Serialize, Deserialize)]
        #[serde(from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// The number at the record's precision; what is not finite becomes 0.
            #[must_use]
            pub fn new(value: f64) -> Self {
                let scaled: f64 = value * $scale;
                // What is too large to be rounded the same way twice has no decimals worth the name.
                let rounded = if scaled.abs() < LARGEST { scaled.round() / $scale } else { value };
                let rounded = if scaled.is_finite() { rounded } else { 0.0 };
                // Adding zero turns -0.0 into 0.0, which JSON would tell apart.
                $name(rounded + 0.0)
            }

            /// The rounded number.
            #[must_use]
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        impl From<f64> for $name {
            fn from(value: f64) -> Self {
                $name::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.0
            }
        }
    };
}

rounded!(
    /// Seconds, to the microsecond.
    Seconds,
    1e6
);
rounded!(
    /// Milliseconds, to the microsecond.
    Milliseconds,
    1e3
);
rounded!(
    /// Parts in a million, with three decimals.
    Ppm,
    1e3
);
rounded!(
    /// A score such as a MOS or a confidence, with three decimals.
    Score,
    1e3
);

impl From<Span> for Seconds {
    fn from(span: Span) -> Self {
        Seconds::new(span.as_secs_f64())
    }
}

impl From<Span> for Milliseconds {
    fn from(span: Span) -> Self {
        Milliseconds::new(span.as_ms_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rounded_stays_as_it_is() {
        for seconds in [9_049_880_097.337_276, 9e9, 1.1e9 + 0.123_456, 1e300, -9_049_880_097.337_275] {
            for step in 0..1000 {
                let once = Seconds::new(seconds + f64::from(step) * 1e-6);
                assert_eq!(Seconds::new(once.value()), once);
            }
        }
    }

    #[test]
    fn rounds_and_stays_a_number() {
        assert_eq!(Seconds::new(0.1 + 0.2).value(), 0.3);
        assert_eq!(Seconds::from(Span::from_ns(1_234_567_891)).value(), 1.234_568);
        assert_eq!(Milliseconds::from(Span::from_ns(-1_499)).value(), -0.001);
        for odd in [f64::NAN, f64::INFINITY, f64::MAX, -0.0, -1e-9] {
            assert_eq!(serde_json::to_string(&Ppm::new(odd)).unwrap(), "0.0");
        }
        assert_eq!(serde_json::from_str::<Score>("1").unwrap(), Score::new(1.0));
    }
}
