//! The spans of a stream between leaps of the sender's time stamps, each with a clock of its own.
//!
//! They are found with a look at the packets around. A short one is fitted at once; for a long one the packets are gone
//! through again, since what they all show together decides how each counts.

use std::collections::VecDeque;

use crate::envelope::{Delay, Envelope, Line};
use crate::timeline::{Sounding, gap_ticks};

/// Packets under one clock.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Section {
    /// So many packets under one line; `None` as long as they are to be gone through again.
    Clocked(u64, Option<Line>),
    /// So many packets, each of which is placed by its arrival alone.
    Lone(u64),
}

impl Section {
    pub(crate) const fn packets(&self) -> u64 {
        match *self {
            Section::Clocked(packets, _) | Section::Lone(packets) => packets,
        }
    }
}

/// Finds the sections of packets that come in the order of sending.
#[derive(Debug)]
pub(crate) struct Surveyor {
    /// Packets around the next one to be decided on, and which of them that is.
    around: VecDeque<Seen>,
    next: usize,
    last: Option<Sounding>,
    /// The section that is open: how many packets, and their delays as long as they are few.
    packets: u64,
    delays: Vec<Delay>,
    sections: Vec<Section>,
    most_delays: usize,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    delay: Delay,
    /// Whether it cannot go on where the packet before it ended, whatever came when.
    is_broken: bool,
}

impl Surveyor {
    pub(crate) fn new() -> Surveyor {
        Surveyor::with(MOST_DELAYS)
    }

    /// Keeps so many delays of a section to fit it at once.
    pub(crate) fn with(most_delays: usize) -> Surveyor {
        Surveyor {
            around: VecDeque::with_capacity(2 * NEIGHBOURS + 1),
            next: 0,
            last: None,
            packets: 0,
            delays: Vec::new(),
            sections: Vec::new(),
            most_delays,
        }
    }

    /// Takes the next packet, which is so late.
    pub(crate) fn handle_packet(&mut self, packet: &Sounding, delay: Delay) {
        let breaks = |last: Sounding| {
            last.sent.era != packet.sent.era || gap_ticks(&last, packet) < -i64::from(last.duration_ticks) / 2
        };
        let is_broken = self.last.replace(*packet).is_some_and(breaks);
        self.around.push_back(Seen { delay, is_broken });
        if self.around.len() - self.next >= NEIGHBOURS {
            self.decide();
        }
    }

    /// The sections; there are no more packets.
    pub(crate) fn finish(mut self) -> Vec<Section> {
        while self.next < self.around.len() {
            self.decide();
        }
        self.close();
        self.sections
    }

    fn decide(&mut self) {
        let Some(&Seen { delay, is_broken }) = self.around.get(self.next) else { return };
        if self.packets > 0 && (is_broken || self.leaps()) {
            self.close();
        }
        self.packets += 1;
        if self.delays.len() < self.most_delays {
            self.delays.push(delay);
        }
        self.next += 1;
        if self.next > NEIGHBOURS {
            self.around.pop_front();
            self.next -= 1;
        }
    }

    /// Whether the sender's clock is another one from the next packet on. A stall of the network looks alike at first,
    /// but its packets catch up; hence the look at the packets around.
    fn leaps(&self) -> bool {
        let behind = |n: usize| self.around.get(n).map_or(0, |seen| seen.delay.behind_ns);
        let at = self.next;
        if at == 0 || (behind(at) - behind(at - 1)).abs() <= LEAP_NS {
            return false;
        }
        let in_section = usize::try_from(self.packets).unwrap_or(usize::MAX).min(NEIGHBOURS);
        let least = |from: usize, to: usize| (from..to).map(behind).min();
        let before = least(at.saturating_sub(in_section), at);
        let after = least(at, self.around.len().min(at + NEIGHBOURS));
        before.zip(after).is_some_and(|(before, after)| (after - before).abs() > LEAP_NS)
    }

    fn close(&mut self) {
        let packets = std::mem::take(&mut self.packets);
        let is_full = self.sections.len() >= MOST_SECTIONS;
        match (packets, self.sections.last_mut()) {
            (0, _) => {}
            (1, Some(Section::Lone(count))) => *count += 1,
            (_, Some(Section::Lone(count))) if is_full => *count += packets,
            (1, _) => self.sections.push(Section::Lone(1)),
            _ if is_full => self.sections.push(Section::Lone(packets)),
            _ => self.sections.push(Section::Clocked(packets, self.line(packets))),
        }
        self.delays.clear();
    }

    fn line(&self, packets: u64) -> Option<Line> {
        (packets == self.delays.len() as u64).then(|| {
            let mut envelope = Envelope::of(packets);
            self.delays.iter().for_each(|delay| envelope.push(*delay));
            envelope.line()
        })
    }
}

/// Gives the sections that have none their lines, by the delays of all packets in the order of sending.
pub(crate) fn fit(sections: &mut [Section], mut delays: impl Iterator<Item = Delay>) {
    for section in sections {
        match section {
            Section::Clocked(packets, line @ None) => {
                let mut envelope = Envelope::of(*packets);
                let of_it = delays.by_ref().take(usize::try_from(*packets).unwrap_or(usize::MAX));
                of_it.for_each(|delay| envelope.push(delay));
                *line = Some(envelope.line());
            }
            Section::Clocked(packets, Some(_)) | Section::Lone(packets) => {
                let passed = usize::try_from(*packets).unwrap_or(usize::MAX);
                delays.by_ref().take(passed).for_each(drop);
            }
        }
    }
}

/// What a listener hears as out of place; no quartz drifts that far within the neighbourhood.
const LEAP_NS: i64 = 100_000_000;
/// Five seconds of packets of 20 ms.
const NEIGHBOURS: usize = 256;
/// Twenty minutes of packets of 20 ms, a mebibyte.
const MOST_DELAYS: usize = 1 << 16;
/// Twelve mebibytes. A stream that leaps more often than three times a second all day long has no clock: from there on
/// each packet is placed by its arrival.
const MOST_SECTIONS: usize = 1 << 18;
