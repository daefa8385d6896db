//! The sender's clock against the capture's: a line under the lower envelope of (arrival - time stamp).
//!
//! The network can only delay a packet, never hasten it, so the packets that came with the least delay tell the clock,
//! and jitter above them tells nothing. The line is the edge of the lower convex hull that spans the middle of the
//! points: of all lines that lie under every point it is the one nearest to them in sum. A sender can hasten a packet,
//! though: the few that stand alone far below all others around them were sent before their time, and tell nothing
//! either.

/// One packet: when its first sample was taken by the sender's clock, and how much later it arrived.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Delay {
    /// The time stamp in nanoseconds of the sender's clock.
    pub(crate) sent_ns: i64,
    /// Arrival less `sent_ns`.
    pub(crate) behind_ns: i64,
}

/// Sender clock to capture clock.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Line {
    at_ns: i64,
    behind_ns: f64,
    slope: f64,
    fitted: bool,
}

impl Line {
    /// Through one point, as the capture's own clock goes.
    pub(crate) fn level(at_ns: i64, behind_ns: i64) -> Line {
        Line { at_ns, behind_ns: behind_ns as f64, slope: 0.0, fitted: false }
    }

    /// When, by the capture's clock, the sample of `sent_ns` would have arrived without delay.
    pub(crate) fn place_ns(&self, sent_ns: i64) -> i64 {
        sent_ns + (self.behind_ns + self.slope * (sent_ns - self.at_ns) as f64).round() as i64
    }

    /// How much later than the one before, in seconds a second, each sample belongs by the capture's clock.
    pub(crate) fn drift(&self) -> f64 {
        self.slope
    }

    /// How much faster the sender's clock runs than the capture's; `None` where it could not be told.
    pub(crate) fn skew_ppm(&self) -> Option<f64> {
        self.fitted.then_some(-self.slope * 1e6)
    }
}

/// Below this a slope says more of the jitter than of the clock.
const SHORTEST_FIT_NS: i64 = 10_000_000_000;
/// No quartz is off by a thousandth: such a slope is a change of route.
const STEEPEST: f64 = 1e-3;

/// The lower envelope of delays that come one by one, sorted by `sent_ns`; what it holds is a window of them and the
/// corners of the hull.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Delays that are looked at together, and so many are.
    window: Vec<Delay>,
    size: usize,
    hull: Hull,
    first_ns: Option<i64>,
    last_ns: i64,
    lowest_ns: i64,
}

impl Envelope {
    /// Of so many delays.
    pub(crate) fn of(count: u64) -> Envelope {
        let windows = (count / WINDOW).max(1);
        let size = count.div_ceil(windows).max(1) as usize;
        let (window, hull) = (Vec::with_capacity(size), Hull::default());
        Envelope { window, size, hull, first_ns: None, last_ns: 0, lowest_ns: i64::MAX }
    }

    /// Takes the next one.
    pub(crate) fn push(&mut self, delay: Delay) {
        self.window.push(delay);
        if self.window.len() >= self.size {
            self.take_window();
        }
    }

    /// The line under all delays. Where they span too little time for a slope to be told from jitter, or the slope is
    /// none that a quartz has, the line is level.
    pub(crate) fn line(mut self) -> Line {
        self.take_window();
        let Some(first_ns) = self.first_ns else { return Line::level(0, 0) };
        let level = Line::level(first_ns, self.lowest_ns);
        if self.last_ns - first_ns < SHORTEST_FIT_NS {
            return level;
        }
        let middle = first_ns + (self.last_ns - first_ns) / 2;
        let corners = &self.hull.corners;
        let edge = corners.iter().zip(corners.iter().skip(1)).find(|(_, right)| right.sent_ns >= middle);
        let Some((left, right)) = edge else { return level };
        let slope = (right.behind_ns - left.behind_ns) as f64 / (right.sent_ns - left.sent_ns) as f64;
        if slope.abs() > STEEPEST {
            return level;
        }
        Line { at_ns: left.sent_ns, behind_ns: left.behind_ns as f64, slope, fitted: true }
    }

    /// Without those that were sent before their time. sipp, for one, sends a packet a second 16 ms too early and is
    /// back in step with the next.
    fn take_window(&mut self) {
        let floor = floor_ns(&self.window);
        for delay in self.window.drain(..).filter(|delay| delay.behind_ns >= floor) {
            self.first_ns.get_or_insert(delay.sent_ns);
            self.last_ns = delay.sent_ns;
            self.lowest_ns = self.lowest_ns.min(delay.behind_ns);
            self.hull.add(delay);
        }
    }
}

/// Where the packets begin that no gap parts from the rest.
fn floor_ns(delays: &[Delay]) -> i64 {
    if delays.len() < FEWEST {
        return i64::MIN;
    }
    let mut behind: Vec<i64> = delays.iter().map(|delay| delay.behind_ns).collect();
    let spread = behind.iter().max().zip(behind.iter().min()).map_or(0, |(most, least)| most - least);
    if spread <= GAP_NS {
        return i64::MIN;
    }
    behind.sort_unstable();
    let lowest = behind.iter().zip(behind.iter().skip(1)).take(delays.len() / ONE_HASTY_IN);
    lowest.filter(|(one, next)| *next - *one > GAP_NS).map(|(_, next)| *next).next_back().unwrap_or(i64::MIN)
}

/// Five seconds of packets of 20 ms: within it no quartz drifts by more than a gap's fraction.
const WINDOW: u64 = 256;
/// Among fewer packets jitter alone leaves gaps.
const FEWEST: usize = 128;
/// No more than one packet in so many is hasty; where they are more, they are the network's best.
const ONE_HASTY_IN: usize = 25;
const GAP_NS: i64 = 10_000_000;

/// The lower convex hull of what was added.
#[derive(Default, Debug)]
struct Hull {
    /// Its corners, left to right (Andrew's monotone chain).
    corners: Vec<Delay>,
}

impl Hull {
    fn add(&mut self, delay: Delay) {
        if let Some(last) = self.corners.last_mut()
            && last.sent_ns == delay.sent_ns
        {
            last.behind_ns = last.behind_ns.min(delay.behind_ns);
            return;
        }
        while let [.., before, last] = self.corners.as_slice()
            && !turns_left(*before, *last, delay)
        {
            self.corners.pop();
        }
        self.corners.push(delay);
        if self.corners.len() > MOST_CORNERS {
            // Without every other one it is still a hull, of fewer packets.
            let mut is_kept = false;
            self.corners.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
    }
}

/// A mebibyte of them. Whole nanoseconds and quartzes give some thousands for a day; more are made, not measured.
const MOST_CORNERS: usize = 1 << 16;

fn turns_left(a: Delay, b: Delay, c: Delay) -> bool {
    let (abx, aby) = (i128::from(b.sent_ns - a.sent_ns), i128::from(b.behind_ns - a.behind_ns));
    let (acx, acy) = (i128::from(c.sent_ns - a.sent_ns), i128::from(c.behind_ns - a.behind_ns));
    abx * acy > aby * acx
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn delays(count: i64, skew_ppm: i64, jitter: impl Fn(i64) -> i64) -> Vec<Delay> {
        let one = |n: i64| {
            let sent_ns = n * 20_000_000;
            Delay { sent_ns, behind_ns: 5_000_000 - sent_ns / 1_000_000 * skew_ppm + jitter(n) }
        };
        (0..count).map(one).collect()
    }

    fn under(delays: &[Delay]) -> Line {
        let mut envelope = Envelope::of(delays.len() as u64);
        delays.iter().for_each(|delay| envelope.push(*delay));
        envelope.line()
    }

    /// The naive twin has all delays at once: those that are not hasty, and of each pair of them on either side of the
    /// middle the line that none lies below.
    fn under_at_once(delays: &[Delay]) -> Line {
        let windows = (delays.len() / WINDOW as usize).max(1);
        let window = delays.len().div_ceil(windows).max(1);
        let timely = |some: &[Delay]| {
            let floor = floor_ns(some);
            some.iter().copied().filter(move |delay| delay.behind_ns >= floor).collect::<Vec<_>>()
        };
        let delays: Vec<Delay> = delays.chunks(window).flat_map(timely).collect();
        let (Some(first), Some(last)) = (delays.first(), delays.last()) else { return Line::level(0, 0) };
        let lowest = delays.iter().map(|delay| delay.behind_ns).min().unwrap();
        if last.sent_ns - first.sent_ns < SHORTEST_FIT_NS {
            return Line::level(first.sent_ns, lowest);
        }
        let middle = first.sent_ns + (last.sent_ns - first.sent_ns) / 2;
        let mut hull: Vec<Delay> = Vec::new();
        for &delay in &delays {
            while let [.., before, last] = hull.as_slice()
                && !turns_left(*before, *last, delay)
            {
                hull.pop();
            }
            hull.push(delay);
        }
        let at = hull.iter().skip(1).position(|right| right.sent_ns >= middle).unwrap();
        let (left, right) = (hull[at], hull[at + 1]);
        let slope = (right.behind_ns - left.behind_ns) as f64 / (right.sent_ns - left.sent_ns) as f64;
        if slope.abs() > STEEPEST {
            return Line::level(first.sent_ns, lowest);
        }
        Line { at_ns: left.sent_ns, behind_ns: left.behind_ns as f64, slope, fitted: true }
    }

    #[test]
    fn a_hull_of_made_up_delays_stays_small_and_below() {
        // Each packet a corner: the slope goes up from the first to the last.
        let delays: Vec<Delay> = (0..200_000i64)
            .map(|n| Delay { sent_ns: n * 20_000_000, behind_ns: (n - 100_000).pow(2) / 50 })
            .collect();
        let mut envelope = Envelope::of(delays.len() as u64);
        delays.iter().for_each(|delay| envelope.push(*delay));
        assert!(envelope.hull.corners.len() <= MOST_CORNERS);
        let line = envelope.line();
        assert!(line.skew_ppm().unwrap().abs() < 1.0, "{line:?}");
        assert!(line.place_ns(100_000 * 20_000_000) - 100_000 * 20_000_000 < 1000);
    }

    #[test]
    fn jitter_moves_nothing() {
        let line = under(&delays(3000, 0, |n| (n * 7919 % 50) * 1_000_000));
        assert!(line.skew_ppm().unwrap().abs() < 0.001);
        assert_eq!(line.place_ns(40_000_000_000), 40_005_000_000);
    }

    #[test]
    fn tells_a_fast_sender_from_a_slow_one() {
        let fast = under(&delays(3000, 300, |n| (n * 7919 % 50) * 1_000_000));
        assert!((fast.skew_ppm().unwrap() - 300.0).abs() < 1.0, "{:?}", fast.skew_ppm());
        let slow = under(&delays(3000, -300, |n| (n * 104_729 % 11) * 1_000_000));
        assert!((slow.skew_ppm().unwrap() + 300.0).abs() < 1.0, "{:?}", slow.skew_ppm());
    }

    #[test]
    fn packets_sent_before_their_time_move_nothing() {
        for count in [311, 3000] {
            let hasty = delays(count, 0, |n| if n % 40 == 29 { -16_000_000 } else { n % 40 * 100_000 });
            assert_eq!(under(&hasty).place_ns(0), 5_000_000, "{count} packets");
            // One in twenty is no accident.
            let often = delays(count, 0, |n| if n % 20 == 9 { -16_000_000 } else { n % 40 * 100_000 });
            assert_eq!(under(&often).place_ns(0), -11_000_000, "{count} packets");
        }
    }

    #[test]
    fn a_short_stream_gives_no_slope() {
        let line = under(&delays(400, 300, |_| 0));
        assert_eq!(line.skew_ppm(), None);
        assert_eq!(under(&[]).place_ns(7), 7);
    }

    proptest! {
        #[test]
        fn lies_under_all_points_but_the_hasty(jitter in prop::collection::vec(0i64..300_000_000, 2..900), skew in -500i64..500) {
            let delays = delays(jitter.len() as i64, skew, |n| jitter[n as usize]);
            let line = under(&delays);
            let above = |delay: &&Delay| line.place_ns(delay.sent_ns) > delay.sent_ns + delay.behind_ns + 1;
            prop_assert_eq!(line, under_at_once(&delays));
            prop_assert!(delays.iter().filter(above).count() <= delays.len() / ONE_HASTY_IN);
            if delays.len() < FEWEST {
                prop_assert_eq!(delays.iter().find(above), None);
            }
        }
    }
}
