//! What speaks for the capture having lost packets, and not the network: drops that it counted, and streams of hosts that
//! have nothing in common which miss packets at the same moment. Both are told by the packets and their times alone.

use std::collections::VecDeque;

use clock::{Span, Time};
use flow::{Address, Flow};

use crate::call::Matched;
use crate::fill::Fill;

/// A while in which the capture lost packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureLoss {
    /// From when on.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// How that is known.
    pub sign: CaptureSign,
}

/// What tells that it was the capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaptureSign {
    /// It counted so many drops.
    Counted(u64),
    /// Packets of so many pairs of hosts, which have none in common with the call's, are missing.
    Shared(usize),
}

/// What was lost lately, by anybody.
#[derive(Default, Debug)]
pub(crate) struct LatelyLost {
    /// In the order in which they ended.
    counted: VecDeque<CaptureLoss>,
    /// The gaps of the last moments.
    gaps: VecDeque<Gap>,
    /// In the order in which they were found.
    coincidences: VecDeque<Coincidence>,
    /// Gaps in each of the last seconds, by the second.
    usual: VecDeque<(i64, u32)>,
    forgotten: u64,
}

/// Packets of one stream that are missing.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: Time,
    to: Time,
    hosts: [Address; 2],
}

/// A while in which more streams missed packets than do by chance.
#[derive(Clone, Debug)]
struct Coincidence {
    from: Time,
    to: Time,
    /// Whose they were, each once.
    pairs: Vec<[Address; 2]>,
}

impl LatelyLost {
    /// The capture counted so many drops in that while.
    pub(crate) fn note_drops(&mut self, from: Time, to: Time, packets: u64) {
        if packets > 0 && to - from <= LONGEST_WHILE {
            let sign = CaptureSign::Counted(packets);
            self.counted.push_back(CaptureLoss { from: from.min(to), to, sign });
        }
        if self.counted.len() > MOST_COUNTED {
            self.counted.pop_front();
            self.forgotten += 1;
        }
    }

    /// Packets of a stream are missing between two of its packets.
    pub(crate) fn note_gap(&mut self, from: Time, to: Time, flow: Flow) {
        if !(Span::ZERO..=LONGEST_GAP).contains(&(to - from)) {
            return;
        }
        if self.gaps.len() >= MOST_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(Gap { from, to, hosts: hosts(flow) });
        let by_chance = self.usual_in(from, to);
        let together = || self.gaps.iter().filter(|gap| gap.from <= to && gap.to >= from);
        if together().count() <= FEWEST_PAIRS {
            return;
        }
        let mut pairs: Vec<[Address; 2]> = together().map(|gap| gap.hosts).collect();
        pairs.sort_unstable();
        pairs.dedup();
        // The one itself does not count.
        if pairs.len() as f64 > FEWEST_PAIRS as f64 + TIMES_CHANCE * by_chance {
            let from = together().map(|gap| gap.from).min().unwrap_or(from);
            let to = together().map(|gap| gap.to).max().unwrap_or(to);
            self.note_coincidence(Coincidence { from, to, pairs });
        }
    }

    /// How many gaps there are in such a while by the last seconds' measure.
    fn usual_in(&mut self, from: Time, to: Time) -> f64 {
        let second = to.as_ns().div_euclid(1_000_000_000);
        match self.usual.back_mut() {
            Some((last, count)) if *last == second => *count = count.saturating_add(1),
            _ => self.usual.push_back((second, 1)),
        }
        while self.usual.front().is_some_and(|(first, _)| (second - first).abs() >= USUAL_S) {
            self.usual.pop_front();
        }
        let gaps: u64 = self.usual.iter().map(|(_, count)| u64::from(*count)).sum();
        gaps as f64 / USUAL_S as f64 * (to - from).as_secs_f64()
    }

    fn note_coincidence(&mut self, found: Coincidence) {
        let last = self.coincidences.back_mut();
        let goes_on = |last: &&mut Coincidence| {
            let (from, to) = (last.from.min(found.from), last.to.max(found.to));
            found.from <= last.to && found.to >= last.from && to - from <= LONGEST_COINCIDENCE
        };
        if let Some(last) = last.filter(goes_on) {
            (last.from, last.to) = (last.from.min(found.from), last.to.max(found.to));
            last.pairs.extend(found.pairs);
            last.pairs.sort_unstable();
            last.pairs.dedup();
            last.pairs.truncate(MOST_PAIRS);
            return;
        }
        if self.coincidences.len() >= MOST_COINCIDENCES {
            self.coincidences.pop_front();
            self.forgotten += 1;
        }
        self.coincidences.push_back(found);
    }

    /// How many are remembered.
    pub(crate) fn fill(&self) -> Fill {
        let entries = self.counted.len() + self.coincidences.len();
        Fill::new(entries, MOST_COUNTED + MOST_COINCIDENCES, self.forgotten)
    }

    /// What speaks for the capture between the first and the last packet of these streams, in the order of time.
    pub(crate) fn of<'a>(&self, streams: impl Iterator<Item = &'a Matched> + Clone) -> Vec<CaptureLoss> {
        let Some(from) = streams.clone().map(|matched| matched.stream.first_at).min() else {
            return Vec::new();
        };
        let to = streams.clone().map(|matched| matched.stream.last_at).max().unwrap_or(from);
        let counted = self.counted.iter().filter(|lost| lost.to >= from && lost.from <= to).copied();
        let mut all: Vec<CaptureLoss> = counted.take(MOST_A_CALL).collect();
        let own: Vec<Address> = streams.flat_map(|matched| hosts(matched.stream.flow)).collect();
        let is_apart = |pair: &&[Address; 2]| !pair.iter().any(|host| own.contains(host));
        let near = self.coincidences.iter().filter(|found| found.to >= from && found.from <= to);
        for Coincidence { from, to, pairs } in near.take(MOST_A_CALL) {
            let apart = pairs.iter().filter(is_apart).count();
            if apart >= FEWEST_PAIRS {
                all.push(CaptureLoss { from: *from, to: *to, sign: CaptureSign::Shared(apart) });
            }
        }
        all.sort_by_key(|lost| (lost.from, lost.to));
        all
    }
}

/// The same for both directions.
fn hosts(flow: Flow) -> [Address; 2] {
    let mut hosts = [flow.source.address, flow.destination.address];
    hosts.sort_unstable();
    hosts
}

/// Drops that were counted over a longer while might have been any time in it.
const LONGEST_WHILE: Span = Span::from_secs(10);
/// A longer gap meets others by chance.
const LONGEST_GAP: Span = Span::from_ms(200);
/// Of what goes on, each part is told by itself.
const LONGEST_COINCIDENCE: Span = Span::from_ms(400);
/// Two may share a way that nobody here knows of.
const FEWEST_PAIRS: usize = 3;
/// Where many streams lose packets all the time, some always do at once.
const TIMES_CHANCE: f64 = 4.0;
const USUAL_S: i64 = 10;
const MOST_COUNTED: usize = 1 << 14;
/// They are all looked at when there is one more.
const MOST_GAPS: usize = 128;
const MOST_COINCIDENCES: usize = 1 << 12;
const MOST_PAIRS: usize = 64;
const MOST_A_CALL: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use flow::Endpoint;
    use rtp::{Copying, Disposition, Frame, Limits, Packet, Streams};
    use sdp::MediaKind;

    use super::*;
    use crate::evidence::{Evidence, How, Reason, Rule, Witness};
    use crate::side::Side;

    fn at_ms(ms: i64) -> Time {
        Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms)
    }

    fn flow(source: u8, destination: u8) -> Flow {
        let end = |host| Endpoint::new(Address::v4([192, 0, 2, host]), 4000);
        Flow::new(end(source), end(destination))
    }

    /// A stream of the call from 1 to 2 that was there from 0 to 10 s.
    fn matched() -> Matched {
        let mut streams = Streams::new(Limits::default(), Copying::Payloads);
        let mut id = None;
        for (seq, ms) in [(1u8, 0), (2, 10_000)] {
            let bytes = [0x80, 0, 0, seq, 0, 0, 0, seq, 0, 0, 0, 7, 1, 2, 3, 4];
            let packet = Packet::read(&bytes).unwrap();
            let frame = Frame { bytes: &bytes, link: 101, place: None };
            let kept = streams.handle_packet(at_ms(ms), flow(1, 2), &packet, &frame, &mut Vec::new());
            if let Disposition::Opened(opened) = kept {
                id = Some(opened);
            }
        }
        let main = Witness { end: None, how: How::Flow, by: Side::Caller, at: at_ms(0) };
        let evidence = Evidence { main, source: None };
        let why = Reason { rule: Rule::Flow, confidence: 1.0, evidence };
        Matched { stream: streams.take(id.unwrap()).unwrap(), why, kind: MediaKind::Audio }
    }

    fn found(lost: &LatelyLost) -> Vec<(i64, i64, CaptureSign)> {
        let matched = matched();
        let ms = |time: Time| (time - at_ms(0)).as_ns() / 1_000_000;
        let all = lost.of(std::iter::once(&matched));
        all.into_iter().map(|lost| (ms(lost.from), ms(lost.to), lost.sign)).collect()
    }

    #[test]
    fn drops_count_where_they_fall_into_the_call() {
        let mut lost = LatelyLost::default();
        lost.note_drops(at_ms(-500), at_ms(-400), 1);
        lost.note_drops(at_ms(5000), at_ms(5250), 7);
        lost.note_drops(at_ms(6000), at_ms(6250), 0);
        lost.note_drops(at_ms(0), at_ms(10_001), 9);
        lost.note_drops(at_ms(10_500), at_ms(10_600), 1);
        assert_eq!(found(&lost), [(5000, 5250, CaptureSign::Counted(7))]);
    }

    #[test]
    fn streams_that_have_nothing_in_common_do_not_lose_packets_at_once_by_chance() {
        let mut lost = LatelyLost::default();
        // Two others at 1 s, three at 2 s, of which one is seen both ways, and four at 3 s, of which one shares a host.
        for (ms, others) in [
            (1000, &[(3, 4), (5, 6)][..]),
            (2000, &[(3, 4), (4, 3), (5, 6)]),
            (3000, &[(3, 4), (5, 6), (7, 2)]),
            (4000, &[(3, 4), (5, 6), (7, 8)]),
        ] {
            lost.note_gap(at_ms(ms), at_ms(ms + 40), flow(1, 2));
            for &(source, destination) in others {
                lost.note_gap(at_ms(ms + 10), at_ms(ms + 50), flow(source, destination));
            }
        }
        // Not at the same time, and too long to tell.
        lost.note_gap(at_ms(5000), at_ms(5040), flow(1, 2));
        for (one, other) in [(3, 4), (5, 6), (7, 8)] {
            lost.note_gap(at_ms(5050), at_ms(5090), flow(one, other));
        }
        lost.note_gap(at_ms(6000), at_ms(6300), flow(1, 2));
        assert_eq!(found(&lost), [(4000, 4050, CaptureSign::Shared(3))]);
    }

    #[test]
    fn where_everybody_loses_packets_all_the_time_nothing_follows_from_it() {
        let mut lost = LatelyLost::default();
        // A hundred pairs of hosts, each with a gap of 40 ms every second, none at the same time as the next.
        for n in 0..1000i64 {
            let (one, other) = ((n % 100) as u8 + 3, (n % 100) as u8 + 103);
            lost.note_gap(at_ms(10 * n), at_ms(10 * n + 40), flow(one, other));
        }
        // Until it is known that they do, a few are taken for more than chance.
        let early = found(&lost).len();
        assert!(found(&lost).iter().all(|(from, ..)| *from < 2000), "{:?}", found(&lost));
        // Twenty more at once are no chance.
        (3..103).for_each(|one| lost.note_gap(at_ms(9990), at_ms(9995), flow(one, one + 100)));
        assert!(found(&lost).len() > early);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut lost = LatelyLost::default();
        for n in 0..MOST_COUNTED as i64 + 5 {
            lost.note_drops(at_ms(n), at_ms(n + 1), 1);
        }
        for n in 0..MOST_COINCIDENCES as i64 + 7 {
            let pairs = [(3, 4), (5, 6), (7, 8), (9, 10)];
            pairs.map(|(one, other)| flow(one, other)).into_iter().for_each(|flow| {
                lost.note_gap(at_ms(60_000 * n), at_ms(60_000 * n + 20), flow);
            });
        }
        let most = MOST_COUNTED + MOST_COINCIDENCES;
        assert_eq!(lost.fill(), Fill::new(most, most, 12));
        assert!(lost.gaps.len() <= MOST_GAPS && lost.usual.len() <= USUAL_S as usize);
    }
}
