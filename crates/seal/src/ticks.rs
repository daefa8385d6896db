//! One clock for a stream that changes its codec to one of another clock rate (RFC 7160): time stamps of both are told in
//! ticks of the stream's own clock.

/// The sender's clock as it goes on from one rate to another.
#[derive(Debug)]
pub(crate) struct Ticks {
    /// Ticks a second that all time stamps are told in.
    clock_rate: u32,
    /// The rate that holds now, and where it began: by its own ticks, and by the stream's.
    now: Option<(u32, i64, i64)>,
    /// When the last packet came and where it stood.
    last: (i64, i64),
}

impl Ticks {
    /// For a stream whose own clock has that rate.
    pub(crate) const fn new(clock_rate: u32) -> Ticks {
        Ticks { clock_rate, now: None, last: (0, 0) }
    }

    /// The place of a packet that came at `arrival_ns` with the time stamp `ticks`, of `clock_rate`.
    pub(crate) fn place(&mut self, ticks: i64, clock_rate: u32, arrival_ns: i64) -> i64 {
        let place = match self.now {
            Some((rate, own, here)) if rate == clock_rate => {
                here.saturating_add(self.converted(ticks.saturating_sub(own), rate))
            }
            // It goes on from the last packet by what the network says: the old time stamp tells nothing of the new one.
            Some(_) => {
                let (last_ns, last) = self.last;
                let since_ns = i128::from(arrival_ns.saturating_sub(last_ns));
                let since = since_ns * i128::from(self.clock_rate) / 1_000_000_000;
                let here = last.saturating_add(since as i64);
                self.now = Some((clock_rate, ticks, here));
                here
            }
            None => {
                let here = self.converted(ticks, clock_rate);
                self.now = Some((clock_rate, ticks, here));
                here
            }
        };
        self.last = (arrival_ns, place);
        place
    }

    fn converted(&self, ticks: i64, clock_rate: u32) -> i64 {
        if clock_rate == self.clock_rate {
            return ticks;
        }
        let exact = i128::from(ticks) * i128::from(self.clock_rate) / i128::from(clock_rate.max(1));
        exact.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rate_is_left_as_it_is() {
        let mut ticks = Ticks::new(8000);
        for n in [5, 165, -7, 1 << 60, -(1 << 60)] {
            assert_eq!(ticks.place(n, 8000, n.saturating_mul(3)), n);
        }
    }

    #[test]
    fn a_codec_of_another_clock_goes_on_where_the_last_one_was() {
        let mut ticks = Ticks::new(8000);
        let ms = |n: i64| n * 1_000_000;
        assert_eq!(ticks.place(160, 8000, ms(20)), 160);
        assert_eq!(ticks.place(99_000, 48_000, ms(40)), 320);
        assert_eq!(ticks.place(99_960, 48_000, ms(67)), 480);
        assert_eq!(ticks.place(100_920, 48_000, ms(80)), 640);
        assert_eq!(ticks.place(7, 8000, ms(100)), 800);
    }
}
