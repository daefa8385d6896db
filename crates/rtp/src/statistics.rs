//! What a stream's packets tell of the network: loss, doubles, disorder and jitter (RFC 3550, sections 6.4.1 and A.8).

use clock::Time;

use crate::sequence::{Irregularities, Sent};
use crate::slot::Slot;

/// The figures of one stream.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Statistics {
    /// Packets that came, doubles among them.
    pub packets: u64,
    /// Bytes of their payloads; of encrypted ones with what encryption adds.
    pub octets: u64,
    /// Sequence numbers that never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// The mean of the interarrival jitter over the packets, in milliseconds.
    pub mean_jitter_ms: f64,
    /// The highest interarrival jitter, in milliseconds.
    pub max_jitter_ms: f64,
    /// The usual time from one packet's time stamp to the next one's, in milliseconds; 0 where there is no usual one.
    pub ptime_ms: f64,
}

impl Statistics {
    /// The figures of packets in the order of arrival. The jitter is that of the packets whose time stamps go with the
    /// time, which `is_timed` tells. What the order of sending tells is added by [`Statistics::and_order`].
    pub fn of(
        slots: impl Iterator<Item = Slot>,
        clock_rate: u32,
        is_timed: &mut dyn FnMut(&Slot) -> bool,
    ) -> Statistics {
        let mut jitter = Jitter::new(clock_rate);
        let mut statistics = Statistics::default();
        for slot in slots {
            statistics.packets += 1;
            statistics.octets += slot.body_len() as u64;
            if is_timed(&slot) {
                jitter.arrive(&slot);
            }
        }
        statistics.mean_jitter_ms = jitter.sum_ms / jitter.differences.max(1) as f64;
        statistics.max_jitter_ms = jitter.max_ms;
        statistics
    }

    /// With what the order of sending tells.
    #[must_use]
    pub fn and_order(self, irregularities: Irregularities, steps: &Steps, clock_rate: u32) -> Statistics {
        let Irregularities { lost, duplicates, reordered, .. } = irregularities;
        let ptime_ms = steps.usual() as f64 * 1000.0 / f64::from(clock_rate.max(1));
        Statistics { lost, duplicates, reordered, ptime_ms, ..self }
    }

    /// Lost of expected, 0 to 1.
    #[must_use]
    pub fn loss_ratio(&self) -> f64 {
        let expected = self.packets - self.duplicates.min(self.packets) + self.lost;
        if expected == 0 { 0.0 } else { self.lost as f64 / expected as f64 }
    }
}

/// The steps of the time stamps between neighbours in the order of sending.
#[derive(Default, Debug)]
pub struct Steps {
    last: Option<Sent>,
    /// How often each came.
    counts: Vec<(i64, u32)>,
}

impl Steps {
    /// Takes the next packet.
    pub fn handle_sent(&mut self, sent: &Sent) {
        let Some(last) = self.last.replace(*sent) else { return };
        let step = sent.ticks - last.ticks;
        if sent.seq.0 - last.seq.0 != 1 || step <= 0 {
            return;
        }
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == step) {
            *count += 1;
        } else if self.counts.len() < DISTINCT_STEPS {
            self.counts.push((step, 1));
        }
    }

    /// The commonest one in ticks; 0 where there is none.
    #[must_use]
    pub fn usual(&self) -> i64 {
        let commonest = self.counts.iter().max_by_key(|(step, count)| (*count, -*step));
        commonest.map_or(0, |(step, _)| *step)
    }
}

/// A sender has one or two packet times; what varies more has no usual one.
const DISTINCT_STEPS: usize = 16;

/// The running estimate of RFC 3550, A.8.
#[derive(Debug)]
pub struct Jitter {
    clock_rate: f64,
    last: Option<(Time, crate::id::Ticks)>,
    now_ms: f64,
    sum_ms: f64,
    differences: u64,
    max_ms: f64,
}

impl Jitter {
    /// Of packets whose time stamps count `clock_rate` a second.
    #[must_use]
    pub fn new(clock_rate: u32) -> Jitter {
        Jitter {
            clock_rate: f64::from(clock_rate.max(1)),
            last: None,
            now_ms: 0.0,
            sum_ms: 0.0,
            differences: 0,
            max_ms: 0.0,
        }
    }

    /// Takes the next packet that arrived; gives the estimate in milliseconds.
    pub fn arrive(&mut self, slot: &Slot) -> f64 {
        if let Some((arrival, ticks)) = self.last {
            let sent_ms = f64::from(slot.ticks().ahead_of(ticks)) * 1000.0 / self.clock_rate;
            let difference = ((slot.arrival() - arrival).as_ms_f64() - sent_ms).abs();
            // A leap of the time stamps is no transit time.
            if difference < LEAP_MS {
                self.now_ms += (difference - self.now_ms) / 16.0;
            }
            self.sum_ms += self.now_ms;
            self.differences += 1;
            self.max_ms = self.max_ms.max(self.now_ms);
        }
        self.last = Some((slot.arrival(), slot.ticks()));
        self.now_ms
    }
}

/// Ten seconds: beyond it, two time stamps are of different clocks.
const LEAP_MS: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{PayloadType, Seq, Ssrc, Ticks};
    use crate::kept::{Copying, Frame, Kept, Medium};
    use crate::packet::Packet;
    use crate::sequence::Sequence;

    struct Nowhere;

    impl Medium for Nowhere {
        fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
            None
        }
    }

    fn statistics(packets: &[(u16, u32, i64)]) -> Statistics {
        let mut kept = Kept::default();
        for &(seq, ticks, at_ms) in packets {
            let payload = [0; 160];
            let (seq, ticks, payload_type) = (Seq(seq), Ticks(ticks), PayloadType(0));
            let packet = Packet {
                ssrc: Ssrc(1),
                seq,
                ticks,
                payload_type,
                marker: false,
                header: &[],
                body: &payload,
            };
            let frame = Frame { bytes: &payload, link: 1, place: None };
            kept.push(Time::from_ns(at_ms * 1_000_000), &packet, &frame, Copying::Payloads);
        }
        let mut sequence = Sequence::of(kept.slots(&Nowhere).map(|slot| (slot, ())));
        let mut steps = Steps::default();
        sequence.by_ref().for_each(|(sent, ..)| steps.handle_sent(&sent));
        let arrived = Statistics::of(kept.slots(&Nowhere), 8000, &mut |_| true);
        arrived.and_order(sequence.irregularities(), &steps, 8000)
    }

    #[test]
    fn counts_and_measures() {
        let found = statistics(&[(1, 0, 0), (2, 160, 20), (4, 480, 60), (4, 480, 60), (5, 640, 96)]);
        assert_eq!((found.packets, found.octets, found.lost, found.duplicates), (5, 800, 1, 1));
        assert!((found.ptime_ms - 20.0).abs() < 1e-9);
        assert!((found.max_jitter_ms - 1.0).abs() < 1e-9, "16 ms late is a jitter of 16 / 16");
        assert!((found.loss_ratio() - 0.2).abs() < 1e-9);
    }

    #[test]
    fn an_even_stream_has_no_jitter_and_one_packet_no_packet_time() {
        let packets: Vec<_> = (0..50).map(|n| (n as u16, n as u32 * 240, n * 30)).collect();
        assert_eq!((statistics(&packets).mean_jitter_ms, statistics(&packets).ptime_ms), (0.0, 30.0));
        assert_eq!((statistics(&packets[..1]).ptime_ms, statistics(&packets[..1]).loss_ratio()), (0.0, 0.0));
    }
}
