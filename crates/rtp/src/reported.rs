//! What the far ends report of the streams of one call by RTCP: for each stream and reporter the latest, the worst and
//! the mean of each figure, however many reports come.
//!
//! The round trip is that from where the capture was taken to the reporter and back: from the sender report that passed
//! here to the report that answers it, without the time that the reporter says it kept it (RFC 3550, section 6.4.1).

use clock::{Span, Time};

use crate::compound::Compound;
use crate::extended::{self, ExtendedBlock, StatisticsBlock, VoipBlock};
use crate::id::Ssrc;
use crate::reception::{Reception, ReceptionBlock};
use crate::sender_clock::{SenderClock, SenderTime};

/// One figure over many reports.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figure {
    /// The latest.
    pub last: f64,
    /// The worst.
    pub worst: f64,
    sum: f64,
    count: u32,
}

impl Figure {
    /// The mean of all.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }

    /// Enters another value, if there is one; `worst` picks the worse of two.
    pub fn take(figure: &mut Option<Figure>, value: impl Into<Option<f64>>, worst: fn(f64, f64) -> f64) {
        let Some(value) = value.into() else { return };
        let known = figure.get_or_insert(Figure { last: value, worst: value, sum: 0.0, count: 0 });
        known.last = value;
        known.worst = worst(known.worst, value);
        known.sum += value;
        known.count = known.count.saturating_add(1);
    }
}

/// Report blocks of one reporter about one stream.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct ReceptionFigures {
    /// How many there were.
    pub reports: u64,
    /// Lost of expected between two reports, 0 to 1.
    pub loss_ratio: Option<Figure>,
    /// Lost in all, by the last report; below zero where doubles came.
    pub cumulative_lost: i32,
    /// The highest sequence number in the last report, its cycles in the upper half.
    pub highest_seq: u32,
    /// In ticks of the stream's clock.
    pub jitter_ticks: Option<Figure>,
    /// From the capture to the reporter and back.
    pub round_trip_ms: Option<Figure>,
    /// When the last report came.
    pub last_at: Time,
}

/// Statistics of one reporter about one stream.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct SummaryFigures {
    /// How many blocks there were.
    pub reports: u64,
    /// Lost in all of them.
    pub lost: u64,
    /// Doubles in all of them.
    pub duplicates: u64,
    /// The mean of each block, in ticks of the stream's clock.
    pub jitter_ticks: Option<Figure>,
    /// The highest in any block, in ticks.
    pub max_jitter_ticks: u32,
}

/// VoIP metrics of one reporter about one stream.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct VoipFigures {
    /// How many blocks there were.
    pub reports: u64,
    /// Lost of expected since the beginning, 0 to 1.
    pub loss_ratio: Option<Figure>,
    /// Thrown away by the playout buffer.
    pub discard_ratio: Option<Figure>,
    /// Lost or thrown away within bursts.
    pub burst_density: Option<Figure>,
    /// Lost or thrown away between bursts.
    pub gap_density: Option<Figure>,
    /// Between both ends, as the reporter found it.
    pub round_trip_ms: Option<Figure>,
    /// Within the reporter.
    pub end_system_delay_ms: Option<Figure>,
    /// The level of speech.
    pub signal_dbm0: Option<Figure>,
    /// The level of what is no speech.
    pub noise_dbm0: Option<Figure>,
    /// How much of the echo comes back.
    pub echo_return_loss_db: Option<Figure>,
    /// The transmission rating.
    pub r: Option<Figure>,
    /// The listening quality, 1 to 5.
    pub mos_lq: Option<Figure>,
    /// The conversational quality.
    pub mos_cq: Option<Figure>,
    /// The playout buffer.
    pub jitter_buffer_ms: Option<Figure>,
}

/// What one reporter says of one stream.
#[derive(Clone, PartialEq, Debug)]
pub struct Reported {
    /// Whose stream.
    pub subject: Ssrc,
    /// Who received it.
    pub reporter: Ssrc,
    /// By sender and receiver reports.
    pub reception: Option<ReceptionFigures>,
    /// By statistics of extended reports.
    pub summary: Option<SummaryFigures>,
    /// By VoIP metrics of extended reports.
    pub voip: Option<Box<VoipFigures>>,
}

/// Everything reported in one call.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Reports {
    told: Vec<Reported>,
    /// The sender reports that passed last, by whom; the oldest goes.
    sent: Vec<(Ssrc, u32, Time)>,
    clocks: Vec<SenderClock>,
    /// Datagrams of which nothing can be read: encrypted, or cut.
    pub unread: u64,
    /// Blocks of extended reports that are not read.
    pub other_blocks: u64,
    /// Blocks about more streams, and times of more senders, than a call has.
    pub crowded_out: u64,
}

impl Reports {
    /// Takes in a datagram of RTCP.
    pub fn handle(&mut self, at: Time, datagram: &[u8]) {
        let Some(compound) = Compound::read(datagram) else {
            self.unread += 1;
            return;
        };
        for packet in compound.packets() {
            if let Some(reception) = Reception::read(&packet) {
                self.handle_reception(at, &reception);
            } else if let Some((reporter, blocks)) = extended::blocks(&packet) {
                for block in blocks {
                    match block {
                        ExtendedBlock::Statistics(block) => {
                            self.of(block.subject, reporter, |told| summarize(&mut told.summary, &block));
                        }
                        ExtendedBlock::Voip(block) => {
                            self.of(block.subject, reporter, |told| rate(&mut told.voip, &block));
                        }
                        ExtendedBlock::Other => self.other_blocks += 1,
                    }
                }
            }
        }
    }

    /// An encrypted datagram came: there is nothing to be read in it.
    pub fn handle_encrypted(&mut self) {
        self.unread += 1;
    }

    /// What was told of the stream of that SSRC, in the order of the reporters' first words.
    pub fn about(&self, subject: Ssrc) -> impl Iterator<Item = &Reported> {
        self.told.iter().filter(move |told| told.subject == subject)
    }

    /// What the sender of that SSRC said of its clock.
    #[must_use]
    pub fn clock_of(&self, sender: Ssrc) -> Option<&SenderClock> {
        self.clocks.iter().find(|clock| clock.sender == sender)
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let voip = self.told.iter().filter(|told| told.voip.is_some()).count() * size_of::<VoipFigures>();
        let clocks: usize = self.clocks.iter().map(SenderClock::weight).sum();
        clocks
            + voip
            + self.told.len() * size_of::<Reported>()
            + self.sent.len() * size_of::<(Ssrc, u32, Time)>()
    }

    fn handle_reception(&mut self, at: Time, reception: &Reception<'_>) {
        if let Some(sent) = reception.sent {
            if self.sent.len() >= MOST_SENT {
                self.sent.remove(0);
            }
            self.sent.push((reception.reporter, sent.middle(), at));
            self.handle_time(reception.reporter, SenderTime::new(at, sent.ntp, sent.ticks));
        }
        for block in reception.blocks() {
            let round_trip = self.round_trip(at, &block);
            self.of(block.subject, reception.reporter, |told| {
                receive(told.reception.get_or_insert_default(), at, &block, round_trip);
            });
        }
    }

    fn handle_time(&mut self, sender: Ssrc, time: Option<SenderTime>) {
        let Some(time) = time else { return };
        if let Some(clock) = self.clocks.iter_mut().find(|clock| clock.sender == sender) {
            clock.push(time);
        } else if self.clocks.len() < MOST_CLOCKS {
            self.clocks.push(SenderClock::new(sender, time));
        } else {
            self.crowded_out += 1;
        }
    }

    fn round_trip(&self, at: Time, block: &ReceptionBlock) -> Option<Span> {
        let asked = |(sender, middle, _): &&(Ssrc, u32, Time)| {
            *sender == block.subject && *middle == block.last_sr && block.last_sr != 0
        };
        let &(_, _, sent_at) = self.sent.iter().rev().find(asked)?;
        let kept_ns = (u64::from(block.since_last_sr) * 1_000_000_000) >> 16;
        let round_trip = at - (sent_at + Span::from_ns(kept_ns.cast_signed()));
        // A clock of the reporter that runs a little fast makes less than nothing of a short way.
        (SLACK..LONGEST_TRIP).contains(&round_trip).then(|| round_trip.max(Span::ZERO))
    }

    fn of(&mut self, subject: Ssrc, reporter: Ssrc, note: impl FnOnce(&mut Reported)) {
        let same = |told: &&mut Reported| told.subject == subject && told.reporter == reporter;
        if let Some(told) = self.told.iter_mut().find(same) {
            note(told);
        } else if self.told.len() < MOST_TOLD {
            let mut told = Reported { subject, reporter, reception: None, summary: None, voip: None };
            note(&mut told);
            self.told.push(told);
        } else {
            self.crowded_out += 1;
        }
    }
}

fn receive(figures: &mut ReceptionFigures, at: Time, block: &ReceptionBlock, round_trip: Option<Span>) {
    figures.reports += 1;
    figures.cumulative_lost = block.cumulative_lost;
    figures.highest_seq = block.highest_seq;
    figures.last_at = at;
    Figure::take(&mut figures.loss_ratio, f64::from(block.fraction_lost) / 256.0, f64::max);
    Figure::take(&mut figures.jitter_ticks, f64::from(block.jitter), f64::max);
    Figure::take(&mut figures.round_trip_ms, round_trip.map(Span::as_ms_f64), f64::max);
}

fn summarize(figures: &mut Option<SummaryFigures>, block: &StatisticsBlock) {
    let figures = figures.get_or_insert_default();
    figures.reports += 1;
    figures.lost += u64::from(block.lost.unwrap_or_default());
    figures.duplicates += u64::from(block.duplicates.unwrap_or_default());
    Figure::take(&mut figures.jitter_ticks, block.jitter.map(|(mean, _)| f64::from(mean)), f64::max);
    figures.max_jitter_ticks = figures.max_jitter_ticks.max(block.jitter.map_or(0, |(_, max)| max));
}

fn rate(figures: &mut Option<Box<VoipFigures>>, block: &VoipBlock) {
    let figures = figures.get_or_insert_default();
    figures.reports += 1;
    Figure::take(&mut figures.loss_ratio, block.loss_ratio, f64::max);
    Figure::take(&mut figures.discard_ratio, block.discard_ratio, f64::max);
    Figure::take(&mut figures.burst_density, block.burst_density, f64::max);
    Figure::take(&mut figures.gap_density, block.gap_density, f64::max);
    Figure::take(&mut figures.round_trip_ms, block.round_trip_ms.map(f64::from), f64::max);
    Figure::take(&mut figures.end_system_delay_ms, block.end_system_delay_ms.map(f64::from), f64::max);
    Figure::take(&mut figures.signal_dbm0, block.signal_dbm0.map(f64::from), f64::min);
    Figure::take(&mut figures.noise_dbm0, block.noise_dbm0.map(f64::from), f64::max);
    Figure::take(&mut figures.echo_return_loss_db, block.echo_return_loss_db.map(f64::from), f64::min);
    Figure::take(&mut figures.r, block.r.map(f64::from), f64::min);
    Figure::take(&mut figures.mos_lq, block.mos_lq, f64::min);
    Figure::take(&mut figures.mos_cq, block.mos_cq, f64::min);
    Figure::take(&mut figures.jitter_buffer_ms, f64::from(block.jitter_buffer_ms), f64::max);
}

/// A stream each way, on a few hops, and those of a hold.
const MOST_TOLD: usize = 32;
/// A report answers the last one, or the one before that.
const MOST_SENT: usize = 16;
const MOST_CLOCKS: usize = 16;
const SLACK: Span = Span::from_ms(-20);
const LONGEST_TRIP: Span = Span::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extended::tests::{VOIP_BODY, report as extended_report};
    use crate::reception::tests::report;

    fn at_ms(ms: i64) -> Time {
        Time::from_parts(1_700_000_000, 0) + Span::from_ms(ms)
    }

    fn block(subject: u32, fraction_lost: u8, jitter: u32, last_sr: u32, since_ms: u32) -> ReceptionBlock {
        let since_last_sr = since_ms * 65_536 / 1000;
        let subject = Ssrc(subject);
        ReceptionBlock {
            subject,
            fraction_lost,
            cumulative_lost: 4,
            highest_seq: 90,
            jitter,
            last_sr,
            since_last_sr,
        }
    }

    #[test]
    fn latest_worst_and_mean_of_many_reports() {
        let mut reports = Reports::default();
        for (n, (fraction, jitter)) in [(0, 80), (64, 240), (0, 160)].into_iter().enumerate() {
            reports.handle(at_ms(5000 * n as i64), &report(9, None, &[block(7, fraction, jitter, 0, 0)]));
        }
        let told: Vec<_> = reports.about(Ssrc(7)).collect();
        let reception = told[0].reception.unwrap();
        assert_eq!((told.len(), reception.reports, reception.cumulative_lost), (1, 3, 4));
        let loss = reception.loss_ratio.unwrap();
        assert_eq!((loss.last, loss.worst), (0.0, 0.25));
        assert!((loss.mean() - 0.25 / 3.0).abs() < 1e-12);
        let jitter = reception.jitter_ticks.unwrap();
        assert_eq!((jitter.last, jitter.worst, jitter.mean()), (160.0, 240.0, 160.0));
        assert_eq!(reception.round_trip_ms, None);
        assert_eq!(reports.about(Ssrc(9)).count(), 0);
    }

    #[test]
    fn the_round_trip_is_from_here_to_the_reporter_and_back() {
        let mut reports = Reports::default();
        reports.handle(at_ms(0), &report(7, Some(0x1000), &[]));
        reports.handle(at_ms(100), &report(8, Some(0x1000), &[]));
        // It kept it for two seconds.
        reports.handle(at_ms(2030), &report(9, None, &[block(7, 0, 0, 0x1000, 2000)]));
        let trip =
            |reports: &Reports| reports.about(Ssrc(7)).next().unwrap().reception.unwrap().round_trip_ms;
        let found = trip(&reports).unwrap();
        assert!((found.last - 30.0).abs() < 0.02, "{found:?}");
        // It says that it kept it for longer than it was there, and then that it came before it was sent.
        reports.handle(at_ms(2030), &report(9, None, &[block(7, 0, 0, 0x1000, 3000)]));
        reports.handle(at_ms(2030), &report(9, None, &[block(7, 0, 0, 0x2000, 0)]));
        assert_eq!(trip(&reports).unwrap().last, found.last);
    }

    #[test]
    fn voip_metrics_stand_beside() {
        let mut reports = Reports::default();
        reports.handle(at_ms(0), &extended_report(9, &[(7, 0, &VOIP_BODY), (1, 0, &[0; 8])]));
        let mut worse = VOIP_BODY;
        (worse[20], worse[22]) = (50, 127);
        reports.handle(at_ms(1), &extended_report(9, &[(7, 0, &worse)]));
        let voip = reports.about(Ssrc(7)).next().unwrap().voip.as_deref().unwrap();
        assert_eq!((voip.reports, voip.r.unwrap().worst, voip.r.unwrap().mean()), (2, 50.0, 65.5));
        assert_eq!(voip.mos_lq.unwrap().last, 4.1, "what is not known says nothing");
        assert_eq!(reports.other_blocks, 1);
    }

    #[test]
    fn what_is_encrypted_or_endless_takes_no_room() {
        let mut reports = Reports::default();
        let mut secure = report(9, None, &[block(7, 0, 0, 0, 0)]);
        secure.extend([0x80, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        reports.handle(at_ms(0), &secure);
        assert_eq!((reports.unread, reports.about(Ssrc(7)).count()), (1, 0));
        for subject in 0..1000 {
            reports.handle(at_ms(0), &report(subject, Some(subject), &[block(subject, 0, 0, 0, 0)]));
        }
        assert_eq!((reports.told.len(), reports.sent.len()), (MOST_TOLD, MOST_SENT));
        assert_eq!(reports.clocks.len(), MOST_CLOCKS);
        assert_eq!(reports.crowded_out, 2 * 1000 - (MOST_TOLD + MOST_CLOCKS) as u64);
    }
}
