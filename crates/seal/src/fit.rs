//! Whether payloads can be what the session description says they are, by their size and by the time they take.

use audio::Codec;
use rtp::Sent;

/// What the packets of a stream say for and against it.
#[derive(Default, Debug)]
pub(crate) struct Fit {
    /// The last packet of audio, and where it should end.
    last: Option<(Codec, Sent, i64)>,
    /// Packets of a size that the codec does not make.
    odd_sizes: u32,
    /// Packets after which the next one, by number, comes at another time than their length says, and at the right one.
    off_time: u32,
    on_time: u32,
    packets: u32,
}

impl Fit {
    /// Takes in the next packet of audio.
    pub(crate) fn check(&mut self, codec: Codec, clock_rate: u32, sent: Sent, payload: &[u8]) {
        self.packets = self.packets.saturating_add(1);
        self.odd_sizes = self.odd_sizes.saturating_add(u32::from(!codec.fits(payload)));
        if let Some((of, last, end)) = self.last {
            let follows = of == codec && last.era == sent.era && sent.seq.0 == last.seq.0 + 1;
            // A time stamp that stands still is a sender's fault, and nothing of the codec.
            if follows && sent.ticks > last.ticks {
                let right = end == sent.ticks;
                self.on_time = self.on_time.saturating_add(u32::from(right));
                self.off_time = self.off_time.saturating_add(u32::from(!right));
            }
        }
        let samples = codec.samples_in(payload) as u64;
        let ticks = samples * u64::from(clock_rate) / u64::from(codec.sample_rate());
        self.last = (samples > 0).then(|| (codec, sent, sent.ticks.saturating_add_unsigned(ticks)));
    }

    /// Whether enough of them contradict it.
    pub(crate) const fn is_broken(&self) -> bool {
        let sizes = self.odd_sizes > FEW && self.odd_sizes > self.packets / 2;
        // Pauses are off time too; where they are all there is, nothing ever follows on time.
        let times = self.off_time > FEW && self.off_time / 9 > self.on_time;
        sizes || times
    }
}

/// So many may be damaged.
const FEW: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use rtp::ExtSeq;

    fn fit(encoding: &str, octets: usize, step: i64, packets: i64) -> Fit {
        let codec = Codec::registered(encoding, 8000, 1, "").unwrap();
        let mut fit = Fit::default();
        for n in 0..packets {
            let sent = Sent { index: n as u32, seq: ExtSeq(n), ticks: n * step, arrival_ns: 0, era: 0 };
            fit.check(codec, 8000, sent, &vec![0; octets]);
        }
        fit
    }

    #[test]
    fn what_fits_is_left_alone() {
        for (encoding, octets, step) in
            [("PCMU", 160, 160), ("G722", 160, 160), ("GSM", 33, 160), ("G729", 20, 160), ("PCMA", 240, 240)]
        {
            assert!(!fit(encoding, octets, step, 500).is_broken(), "{encoding}");
        }
        assert!(!fit("PCMU", 20, 160, 5).is_broken(), "too few to tell");
        assert!(!fit("PCMU", 160, 0, 500).is_broken(), "a time stamp that stands still");
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(fit("GSM", 160, 160, 50).is_broken(), "no number of frames");
        assert!(fit("G729", 33, 160, 50).is_broken(), "no number of frames");
        assert!(fit("PCMU", 20, 160, 50).is_broken(), "an eighth of the time");
        assert!(fit("G722", 160, 320, 50).is_broken(), "a clock of 16 kHz");
    }
}
