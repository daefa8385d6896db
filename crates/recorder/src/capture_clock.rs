//! The capture's clock on a silent link.
//!
//! What waits is timed by the stamps of the packets. Where none come, time goes on from the last stamp as this machine's
//! steady clock does: the agents that send HEP have clocks of their own, and a system clock may be set.

use std::time::Instant;

use clock::{Span, Time};

/// The last stamp, and when it was seen.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct CaptureClock(Option<(Time, Instant)>);

impl CaptureClock {
    /// A packet stamped `at` came just now.
    pub(crate) fn saw(&mut self, at: Time) {
        self.0 = Some((at, Instant::now()));
    }

    /// What the clock shows; `None` before the first packet.
    pub(crate) fn now(&self) -> Option<Time> {
        let (at, seen) = self.0?;
        Some(at + Span::from_ns(i64::try_from(seen.elapsed().as_nanos()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_from_the_last_stamp() {
        let mut clock = CaptureClock::default();
        assert_eq!(clock.now(), None);
        let at = Time::from_parts(1_000_000_000, 0);
        clock.saw(at);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = clock.now().unwrap() - at;
        assert!((Span::from_ms(20)..Span::from_secs(60)).contains(&passed), "{passed:?}");
    }
}
