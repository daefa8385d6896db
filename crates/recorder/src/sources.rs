//! What came from each kind of source, and what was lost on the way here.

use crate::status::Dropped;
use capture::Frame;
use capture::live::{AgentCounts, Drops};
use clock::Time;
use web::metrics::{Families, Source, Stage, Table};

/// What became of a HEP packet that was no trouble.
pub(crate) const CARRIED: &str = "carried";

/// Counts by kind of source.
#[derive(Default)]
pub(crate) struct Sources {
    file: Seen,
    interface: Seen,
    hep: Seen,
    agents: AgentCounts,
    super_frames: u64,
}

/// What came from one kind.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) last_at: Time,
    /// Of the packets, those that a mirror had shown before.
    pub(crate) copies: u64,
    pub(crate) drops: Drops,
    /// Packets for which the disk was too full.
    pub(crate) turned_away: u64,
}

impl Seen {
    /// Enters a frame, which brought so many copies.
    #[inline]
    pub(crate) fn saw(&mut self, frame: &Frame<'_>, copies: u64) {
        self.packets += 1;
        self.copies += copies;
        self.bytes += frame.bytes.len() as u64;
        self.last_at = self.last_at.max(frame.at);
    }
}

impl Sources {
    /// What was seen of one kind.
    pub(crate) fn of_mut(&mut self, source: Source) -> &mut Seen {
        match source {
            Source::File => &mut self.file,
            Source::Interface => &mut self.interface,
            Source::Hep => &mut self.hep,
        }
    }

    /// What agents sent, as far as it is known.
    pub(crate) fn set_agents(&mut self, counts: AgentCounts) {
        self.agents = counts;
    }

    /// Frames that were joined of several on the way here.
    pub(crate) fn set_super_frames(&mut self, seen: u64) {
        self.super_frames = seen;
    }

    /// Who lost how many packets; none at zero.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let kernel = self.interface.drops.kernel + self.hep.drops.kernel;
        let disk = [&self.file, &self.interface, &self.hep].iter().map(|seen| seen.turned_away).sum();
        [("the kernel", kernel), ("the network card", self.interface.drops.card), ("the disk", disk)]
            .into_iter()
            .filter(|(_, packets)| *packets > 0)
    }

    /// Packets that were lost, by who lost them.
    pub(crate) fn dropped(&self) -> Dropped {
        [&self.file, &self.interface, &self.hep].iter().fold(Dropped::default(), |sum, seen| Dropped {
            interface: sum.interface + seen.drops.card,
            kernel: sum.kernel + seen.drops.kernel,
            queue: sum.queue,
            disk: sum.disk + seen.turned_away,
        })
    }

    /// What agents sent that gave no packet, by why; none at zero.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = hep::Refused::ALL.iter().map(|refused| refused.as_str()).zip(self.agents.refused);
        all.filter(|(_, packets)| *packets > 0)
    }

    /// Brings the metrics up to date.
    pub(crate) fn count(&self, families: &Families) {
        let (capture, agents) = (&families.capture, &self.agents);
        let each = [(Source::File, self.file), (Source::Interface, self.interface), (Source::Hep, self.hep)];
        for (source, seen) in each {
            capture.set_packets(source, seen.packets);
            capture.set_bytes(source, seen.bytes);
            capture.set_duplicate_ratio(source, seen.copies, seen.packets);
            capture.saw_packet_at(source, seen.last_at.as_secs_f64());
            capture.set_dropped(source, Stage::Kernel, seen.drops.kernel);
            capture.set_dropped(source, Stage::Interface, seen.drops.card);
            capture.set_dropped(source, Stage::Disk, seen.turned_away);
        }
        capture.set_super_frames(self.super_frames);
        capture.set_hep(CARRIED, agents.carried);
        for (refused, count) in hep::Refused::ALL.iter().zip(agents.refused) {
            capture.set_hep(refused.as_str(), count);
        }
        capture.set_hep_skipped_bytes(agents.skipped_bytes);
        families.tables.set_entries(Table::HepConnections, agents.connections as u64);
        families.tables.set_limit(Table::HepConnections, agents.most_connections as u64);
        families.tables.set_evictions(Table::HepConnections, agents.evicted);
    }
}
