//! L16 (RFC 3551, section 4.5.11): samples of 16 bits, the higher octet first, the channels' in turn.

/// A rate and a number of channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// In units of 25 Hz, of which every usual rate is a multiple.
    rate_25_hz: u16,
    channels: u8,
}

impl Format {
    /// L16 of a rate that sound is really sampled at; any other would be a mistake, or made up to cost us something.
    #[must_use]
    pub fn registered(clock_rate: u32, channels: u8) -> Option<Format> {
        let known = RATES_HZ.contains(&clock_rate) && (1..=MOST_CHANNELS).contains(&channels);
        known.then_some(Format { rate_25_hz: (clock_rate / 25) as u16, channels })
    }

    /// Samples a second of one channel.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        self.rate_25_hz as u32 * 25
    }

    /// How many samples of one channel `octets` hold.
    #[must_use]
    pub const fn samples_in(self, octets: usize) -> usize {
        octets / (2 * self.channels as usize)
    }

    /// Whether so many octets are whole frames.
    pub(crate) const fn fits(self, octets: usize) -> bool {
        octets.is_multiple_of(2 * self.channels as usize)
    }

    /// Appends the samples of `payload`, the mean of its channels.
    pub(crate) fn decode(self, payload: &[u8], samples: &mut Vec<i16>) {
        let (all, _) = payload.as_chunks::<2>();
        let channels = usize::from(self.channels.max(1));
        samples.extend(all.chunks_exact(channels).map(|frame| {
            let sum: i32 = frame.iter().map(|&octets| i32::from(i16::from_be_bytes(octets))).sum();
            sum.div_euclid(channels as i32) as i16
        }));
    }
}

const RATES_HZ: [u32; 9] = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
/// RFC 3551, table 3 ends there.
const MOST_CHANNELS: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_of_a_cd_are_one_and_a_telephone_is_exact() {
        let cd = Format::registered(44_100, 2).unwrap();
        assert_eq!((cd.sample_rate(), cd.samples_in(1408)), (44_100, 352));
        let mut samples = vec![];
        cd.decode(&[0x7f, 0xff, 0x7f, 0xfd, 0x80, 0x00, 0x80, 0x01, 0x12], &mut samples);
        assert_eq!(samples, [32_766, -32_768]);
        samples.clear();
        Format::registered(8000, 1).unwrap().decode(&[0x80, 0x00, 0x00, 0x01, 0xff, 0xff], &mut samples);
        assert_eq!(samples, [-32_768, 1, -1]);
    }

    #[test]
    fn a_rate_that_nobody_uses_is_none() {
        assert_eq!(Format::registered(12_345, 1), None);
        assert_eq!(Format::registered(48_000, 0), None);
        assert_eq!(Format::registered(48_000, 200), None);
        for rate in RATES_HZ {
            assert_eq!(Format::registered(rate, 1).unwrap().sample_rate(), rate);
        }
    }
}
