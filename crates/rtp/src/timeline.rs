//! The place of every audio packet of a stream in time: time stamps place it within the stream, arrivals place the
//! stream in the call.
//!
//! A stream falls into *sections* where the sender's time stamps leap or run backward against what arrival allows, and
//! a section into *talkspurts* at pauses. Within a talkspurt samples stay contiguous and exact; at its start it is set
//! where the sender's clock says, so that drift is paid back in the pause before it.
//!
//! What is held in memory is the sections; the packets are gone through as often as they are asked for.

use clock::{Span, Time};

use crate::envelope::{Delay, Line};
use crate::section::{self, Section, Surveyor};
use crate::sequence::Sent;

/// An audio packet in the order of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sounding {
    /// The packet.
    pub sent: Sent,
    /// How many ticks its audio lasts.
    pub duration_ticks: u32,
    /// How many packets are missing between the audio packet before it and this one.
    pub lost_before: u32,
}

/// Why there may be a gap before a talkspurt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// It is the first.
    Nothing,
    /// The time stamps skip a span and no packet is missing: silence suppression (RFC 3551, section 4.1).
    Silence,
    /// Packets are missing.
    Loss,
    /// The time stamps leapt, ran backward or began anew; only arrival tells.
    Leap,
}

/// A span of audio without a pause; packets lost inside it leave gaps of exactly their length.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Talkspurt {
    /// Where its first sample belongs.
    pub start: Time,
    /// The unwrapped time stamp of its first packet.
    pub ticks: i64,
    /// What came before.
    pub before: Before,
    /// How much later than the samples before it, in seconds a second, each sample belongs by the capture's clock: a
    /// slow sender's drift is above zero.
    pub drift: f64,
}

/// Where everything belongs.
#[derive(Clone, PartialEq, Debug)]
pub struct Timeline {
    clock: Clock,
    sections: Vec<Section>,
    /// How many packets there are.
    pub packets: u64,
    /// How much faster the sender's clock runs than the capture's, in parts per million, by the longest section.
    pub skew_ppm: Option<f64>,
    /// How often the time stamps leapt or began anew.
    pub leaps: u32,
}

impl Timeline {
    /// Places audio packets in the order of sending, whose arrivals are counted from `first_arrival`, by a clock of
    /// `clock_rate` ticks a second. They are gone through a second time where they are many.
    pub fn of<I: Iterator<Item = Sounding>>(
        first_arrival: Time,
        clock_rate: u32,
        packets: impl Fn() -> I,
    ) -> Timeline {
        let clock = Clock { first_arrival, rate: i64::from(clock_rate.max(1)) };
        let mut surveyor = Surveyor::new();
        packets().for_each(|packet| surveyor.handle_packet(&packet, clock.delay(&packet)));
        Timeline::by(clock, surveyor.finish(), packets)
    }

    fn by<I: Iterator<Item = Sounding>>(
        clock: Clock,
        mut sections: Vec<Section>,
        packets: impl Fn() -> I,
    ) -> Timeline {
        if sections.iter().any(|section| matches!(section, Section::Clocked(_, None))) {
            section::fit(&mut sections, packets().map(|packet| clock.delay(&packet)));
        }
        // Each lone packet is a section of its own.
        let length = |section: &Section| match section {
            Section::Clocked(packets, _) => *packets,
            Section::Lone(_) => 1,
        };
        // The first of equals.
        let longest =
            sections.iter().reduce(|one, other| if length(other) > length(one) { other } else { one });
        let skew_ppm = match longest {
            Some(Section::Clocked(_, Some(line))) => line.skew_ppm(),
            _ => None,
        };
        let begun: u64 = sections.iter().map(|section| section.packets() / length(section)).sum();
        let leaps = u32::try_from(begun.saturating_sub(1)).unwrap_or(u32::MAX);
        let packets = sections.iter().map(Section::packets).sum();
        Timeline { clock, sections, packets, skew_ppm, leaps }
    }

    /// Tells of all packets again, in the same order, to which talkspurt each belongs.
    #[must_use]
    pub fn placer(&self) -> Placer<'_> {
        let sections = self.sections.iter();
        Placer { clock: self.clock, sections, section: Section::Lone(0), left: 0, last: None }
    }
}

/// Goes along the packets of a stream.
#[derive(Debug)]
pub struct Placer<'t> {
    clock: Clock,
    sections: std::slice::Iter<'t, Section>,
    section: Section,
    /// How many packets of it are to come.
    left: u64,
    last: Option<(Sounding, Talkspurt)>,
}

impl Placer<'_> {
    /// The talkspurt of the next packet, and whether that begins with it.
    pub fn place(&mut self, packet: &Sounding) -> (Talkspurt, bool) {
        let mut leaps = matches!(self.section, Section::Lone(_));
        if self.left == 0 {
            self.section = self.sections.next().copied().unwrap_or(Section::Lone(1));
            (self.left, leaps) = (self.section.packets(), true);
        }
        self.left = self.left.saturating_sub(1);
        let before = match &self.last {
            None => Before::Nothing,
            Some(_) if leaps => Before::Leap,
            Some((last, talkspurt)) if !ends_talkspurt(last, packet) => {
                let talkspurt = *talkspurt;
                self.last = Some((*packet, talkspurt));
                return (talkspurt, false);
            }
            Some(_) if packet.lost_before > 0 => Before::Loss,
            Some(_) => Before::Silence,
        };
        let line = match self.section {
            Section::Clocked(_, Some(line)) => line,
            Section::Clocked(_, None) | Section::Lone(_) => {
                let delay = self.clock.delay(packet);
                Line::level(delay.sent_ns, delay.behind_ns)
            }
        };
        let ticks = packet.sent.ticks;
        let start = self.clock.first_arrival + Span::from_ns(line.place_ns(self.clock.ns_of(ticks)));
        let talkspurt = Talkspurt { start, ticks, before, drift: line.drift() };
        self.last = Some((*packet, talkspurt));
        (talkspurt, true)
    }
}

/// The clock of a stream's time stamps, and when its first packet came.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Clock {
    first_arrival: Time,
    rate: i64,
}

impl Clock {
    /// Whole seconds and the rest by themselves: a rest is below 2^32, so that no product needs 128 bits.
    fn ns_of(self, ticks: i64) -> i64 {
        let (seconds, rest) = (ticks / self.rate, ticks % self.rate);
        let exact = seconds.saturating_mul(NS_PER_S).saturating_add(rest * NS_PER_S / self.rate);
        exact.clamp(-FARTHEST_NS, FARTHEST_NS)
    }

    fn delay(self, packet: &Sounding) -> Delay {
        let sent_ns = self.ns_of(packet.sent.ticks);
        Delay { sent_ns, behind_ns: packet.sent.arrival_ns.clamp(-FARTHEST_NS, FARTHEST_NS) - sent_ns }
    }
}

const NS_PER_S: i64 = 1_000_000_000;

/// 73 years: so the difference of two delays still fits, whatever clock rate and time stamps a capture tells of.
const FARTHEST_NS: i64 = i64::MAX / 4;

pub(crate) fn gap_ticks(one: &Sounding, next: &Sounding) -> i64 {
    next.sent.ticks - one.sent.ticks - i64::from(one.duration_ticks)
}

/// A gap that is silence suppression, or a loss too long to be concealed.
fn ends_talkspurt(one: &Sounding, next: &Sounding) -> bool {
    let gap = gap_ticks(one, next);
    gap > 0 && (next.lost_before == 0 || gap > CONCEALED_PACKETS * i64::from(one.duration_ticks))
}

/// More than what is concealed (60 ms) at any usual packet time.
const CONCEALED_PACKETS: i64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExtSeq;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// Packets of 20 ms at 8000 Hz: number, time stamp, arrival in ns.
    fn sounding(packets: &[(i64, i64, i64)]) -> Vec<Sounding> {
        let mut last = None;
        let one = |(index, &(seq, ticks, arrival_ns)): (usize, &(i64, i64, i64))| {
            let lost_before = last.map_or(0, |last| seq - last - 1) as u32;
            last = Some(seq);
            let sent = Sent { index: index as u32, seq: ExtSeq(seq), ticks, arrival_ns, era: 0 };
            Sounding { sent, duration_ticks: 160, lost_before }
        };
        packets.iter().enumerate().map(one).collect()
    }

    /// A timeline and its talkspurts, each with how many packets it has.
    #[derive(PartialEq, Debug)]
    struct Told {
        timeline: Timeline,
        talkspurts: Vec<(Talkspurt, usize)>,
    }

    fn told(timeline: Timeline, packets: &[Sounding]) -> Told {
        let mut placer = timeline.placer();
        let mut talkspurts: Vec<(Talkspurt, usize)> = Vec::new();
        for packet in packets {
            match (placer.place(packet), talkspurts.last_mut()) {
                ((talkspurt, false), Some((last, count))) => {
                    assert_eq!(*last, talkspurt);
                    *count += 1;
                }
                ((talkspurt, begins), _) => {
                    assert!(begins);
                    talkspurts.push((talkspurt, 1));
                }
            }
        }
        assert_eq!(timeline.packets, packets.len() as u64);
        Told { timeline, talkspurts }
    }

    fn timeline(packets: &[(i64, i64, i64)]) -> Told {
        let packets = sounding(packets);
        told(Timeline::of(Time::default(), 8000, || packets.iter().copied()), &packets)
    }

    /// The same, with every section of more than `most_delays` packets gone through again.
    fn gone_through_again(packets: &[Sounding], most_delays: usize) -> Told {
        let clock = Clock { first_arrival: Time::default(), rate: 8000 };
        let mut surveyor = Surveyor::with(most_delays);
        packets.iter().for_each(|packet| surveyor.handle_packet(packet, clock.delay(packet)));
        told(Timeline::by(clock, surveyor.finish(), || packets.iter().copied()), packets)
    }

    /// The naive twin has all packets at once: where sections end, and the talkspurts by their first packets.
    fn at_once(packets: &[Sounding]) -> (Vec<usize>, Vec<(usize, Time)>) {
        const LEAP_NS: i64 = 100_000_000;
        let clock = Clock { first_arrival: Time::default(), rate: 8000 };
        let delays: Vec<Delay> = packets.iter().map(|packet| clock.delay(packet)).collect();
        let least =
            |from: usize, to: usize| delays[from..to].iter().map(|delay| delay.behind_ns).min().unwrap();
        let (mut ends, mut start) = (vec![], 0);
        for at in 1..packets.len() {
            let (one, next) = (&packets[at - 1], &packets[at]);
            let broken =
                one.sent.era != next.sent.era || gap_ticks(one, next) < -i64::from(one.duration_ticks) / 2;
            let jump = (delays[at].behind_ns - delays[at - 1].behind_ns).abs() > LEAP_NS;
            let before = || least(start.max(at.saturating_sub(256)), at);
            let leaps = || (least(at, packets.len().min(at + 256)) - before()).abs() > LEAP_NS;
            if broken || (jump && leaps()) {
                ends.push(at);
                start = at;
            }
        }
        ends.push(packets.len());
        let (mut talkspurts, mut start) = (vec![], 0);
        for &end in &ends {
            let mut envelope = crate::envelope::Envelope::of((end - start) as u64);
            delays[start..end].iter().for_each(|delay| envelope.push(*delay));
            let line = envelope.line();
            for at in start..end {
                if at == start || ends_talkspurt(&packets[at - 1], &packets[at]) {
                    let place = Span::from_ns(line.place_ns(clock.ns_of(packets[at].sent.ticks)));
                    talkspurts.push((at, Time::default() + place));
                }
            }
            start = end;
        }
        (ends, talkspurts)
    }

    fn starts_ms(told: &Told) -> Vec<f64> {
        let talkspurts = told.talkspurts.iter().map(|(talkspurt, _)| talkspurt);
        talkspurts.map(|talkspurt| (talkspurt.start - Time::default()).as_ms_f64()).collect()
    }

    #[test]
    fn six_stalls_of_300_ms_move_nothing() {
        let stalled =
            |n: i64| if n % 100 >= 50 && n % 100 < 65 { (n / 100 * 100 + 65) * 20 * MS } else { n * 20 * MS };
        let packets: Vec<_> = (0..600).map(|n| (n, n * 160, stalled(n))).collect();
        let timeline = timeline(&packets);
        assert_eq!(timeline.talkspurts.len(), 1, "{:?}", timeline.talkspurts);
        assert_eq!((starts_ms(&timeline), timeline.timeline.leaps), (vec![0.0], 0));
    }

    #[test]
    fn silence_suppression_begins_a_talkspurt_where_the_time_stamp_says() {
        let timeline = timeline(&[(0, 0, 0), (1, 160, 20 * MS), (2, 8000, 1003 * MS), (3, 8160, 1020 * MS)]);
        assert_eq!(starts_ms(&timeline), [0.0, 1000.0]);
        assert_eq!(timeline.talkspurts[1].0.before, Before::Silence);
    }

    #[test]
    fn a_short_loss_stays_inside_and_a_long_one_ends_the_talkspurt() {
        let timeline = timeline(&[(0, 0, 0), (3, 480, 60 * MS), (103, 16_480, 2060 * MS)]);
        assert_eq!(
            timeline.talkspurts.iter().map(|(spurt, _)| spurt.before).collect::<Vec<_>>(),
            [Before::Nothing, Before::Loss]
        );
        assert_eq!(starts_ms(&timeline), [0.0, 2060.0]);
    }

    #[test]
    fn a_leap_forward_makes_no_hours_of_silence() {
        let packets: Vec<_> =
            (0..200).map(|n| (n, n * 160 + i64::from(n >= 100) * 28_800_000, n * 20 * MS)).collect();
        let timeline = timeline(&packets);
        assert_eq!(starts_ms(&timeline), [0.0, 2000.0]);
        assert_eq!((timeline.talkspurts[1].0.before, timeline.timeline.leaps), (Before::Leap, 1));
    }

    #[test]
    fn a_leap_backward_overwrites_no_past() {
        let packets: Vec<_> =
            (0..200).map(|n| (n, n * 160 - i64::from(n >= 100) * 8000, n * 20 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), [0.0, 2000.0]);
    }

    #[test]
    fn a_pause_that_the_time_stamps_deny_is_told_by_arrival() {
        let packets: Vec<_> =
            (0..600).map(|n| (n, n * 160, n * 20 * MS + i64::from(n >= 300) * 5000 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), [0.0, 11_000.0]);
    }

    #[test]
    fn a_sender_whose_time_stamps_stand_still_is_placed_by_arrival() {
        let packets: Vec<_> = (0..10).map(|n| (n, 0, n * 20 * MS)).collect();
        assert_eq!(starts_ms(&timeline(&packets)), (0..10).map(|n| f64::from(n) * 20.0).collect::<Vec<_>>());
    }

    #[test]
    fn drift_is_paid_back_in_the_pause() {
        // The sender's clock is 300 ppm fast and speaks for 30 s, pauses for 1 s, and speaks for 30 s.
        let ticks = |n: i64| n * 160 + i64::from(n >= 1500) * 8000;
        let arrival = |n: i64| (ticks(n) as f64 / 8000.0 * 1e9 / 1.0003) as i64;
        let packets: Vec<_> = (0..3000).map(|n| (n, ticks(n), arrival(n))).collect();
        let timeline = timeline(&packets);
        assert!((timeline.timeline.skew_ppm.unwrap() - 300.0).abs() < 0.5);
        assert_eq!(timeline.talkspurts.len(), 2);
        assert!((starts_ms(&timeline)[1] - arrival(1500) as f64 / 1e6).abs() < 0.001);
    }

    #[test]
    fn times_that_cannot_be_are_borne() {
        let ends = [0, i64::MAX, i64::MIN, 1 << 40, 0];
        let packets: Vec<_> =
            ends.iter().enumerate().map(|(n, &at)| (n as i64, n as i64 * i64::from(i32::MAX), at)).collect();
        for clock_rate in [0, 1, 8000, u32::MAX] {
            let packets = sounding(&packets);
            let timeline = Timeline::of(Time::from_ns(i64::MAX), clock_rate, || packets.iter().copied());
            let placed: usize = told(timeline, &packets).talkspurts.iter().map(|(_, count)| count).sum();
            assert_eq!(placed, ends.len());
        }
    }

    proptest! {
        /// The naive twin knows the sender's clock; whatever the network did, every talkspurt starts within 1 ms of it
        /// as long as some packets came without delay.
        #[test]
        fn every_talkspurt_stands_where_the_sender_set_it(
            skew_ppm in -300i64..300,
            fate in prop::collection::vec((0u8..20, 0i64..80, 0i64..40), 800..1500),
        ) {
            let (mut ticks, mut sent, mut truth) = (0, Vec::new(), Vec::new());
            for (n, &(luck, jitter_ms, pause)) in fate.iter().enumerate() {
                ticks += 160 + i64::from(luck == 19) * pause * 160;
                let at = (ticks as f64 / 8000.0 * 1e9 * (1.0 - skew_ppm as f64 / 1e6)) as i64;
                truth.push((ticks, at));
                if luck > 1 {
                    let jitter = if luck % 4 == 0 { 0 } else { jitter_ms * MS };
                    sent.push((n as i64, ticks, at + jitter));
                }
            }
            let timeline = timeline(&sent);
            let place = |ticks: i64| truth.iter().find(|(other, _)| *other == ticks).unwrap().1;
            for (talkspurt, _) in &timeline.talkspurts {
                let error_ns = talkspurt.start.as_ns() - place(talkspurt.ticks);
                prop_assert!(error_ns.abs() < MS, "{} ns at {}", error_ns, talkspurt.ticks);
            }
            let placed: usize = timeline.talkspurts.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(placed, sent.len(), "no packet is thrown away");
        }

        /// Leaps both ways, restarts, stalls, pauses, losses and packets whose time stamps stand still.
        #[test]
        fn what_is_held_of_the_packets_changes_nothing(
            steps in prop::collection::vec((0u8..14, 1i64..400, -40_000i64..40_000), 1..14),
            most_delays in 0usize..600,
        ) {
            let (mut seq, mut ticks, mut at, mut era) = (0i64, 0i64, 0i64, 0);
            let mut packets: Vec<Sounding> = Vec::new();
            for (kind, count, far) in steps {
                match kind {
                    0 => ticks += far,
                    1 => at += far.abs() * MS / 8,
                    2 => (ticks, at) = (ticks + far.abs(), at + far.abs() * MS / 8),
                    3 => seq += far.abs() % 40,
                    4 => era += 1,
                    _ => {}
                }
                for n in 0..count {
                    let lost_before = packets.last().map_or(0, |last| seq - last.sent.seq.0 - 1) as u32;
                    let late = if kind == 5 { (count - n) * 20 * MS } else { n * 7919 % 13 * MS };
                    let index = packets.len() as u32;
                    let sent = Sent { index, seq: ExtSeq(seq), ticks, arrival_ns: at + late, era };
                    packets.push(Sounding { sent, duration_ticks: 160, lost_before });
                    (seq, at) = (seq + 1, at + 20 * MS);
                    ticks += if kind == 6 { 0 } else { 160 };
                }
            }
            let whole = gone_through_again(&packets, usize::MAX);
            prop_assert_eq!(&gone_through_again(&packets, most_delays), &whole);
            let (ends, starts) = at_once(&packets);
            prop_assert_eq!(whole.timeline.leaps as usize, ends.len() - 1);
            let mut at = 0;
            let told: Vec<(usize, Time)> = whole.talkspurts.iter().map(|(talkspurt, count)| {
                at += count;
                (at - count, talkspurt.start)
            }).collect();
            prop_assert_eq!(told, starts);
        }
    }
}
