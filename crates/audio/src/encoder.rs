//! Samples to Opus packets of 20 ms (RFC 6716), one channel each: the encoding is the crate `opus-rs`'s.

use opus_rs::{Application, OpusEncoder};

/// An encoder's state.
pub struct Encoder {
    state: OpusEncoder,
    frame: usize,
    packet: Vec<u8>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Encoder").field("frame", &self.frame).finish_non_exhaustive()
    }
}

/// What one packet may take at the most (section 3.4).
const LARGEST: usize = 1275;
/// Packets a second.
const PACKETS: u32 = 50;

impl Encoder {
    /// The rates that Opus encodes.
    pub const RATES: [u32; 5] = [8000, 12_000, 16_000, 24_000, 48_000];

    /// An encoder of speech at `rate`; `None` for a rate that Opus does not have.
    #[must_use]
    pub fn new(rate: u32) -> Option<Encoder> {
        let mut state = OpusEncoder::new(i32::try_from(rate).ok()?, 1, Application::Voip).ok()?;
        state.bitrate_bps = match rate {
            0..=8000 => 20_000,
            8001..=16_000 => 32_000,
            _ => 64_000,
        };
        Some(Encoder { state, frame: (rate / PACKETS) as usize, packet: vec![0; LARGEST] })
    }

    /// Samples of a packet.
    #[must_use]
    pub const fn frame(&self) -> usize {
        self.frame
    }

    /// The packet of the samples that follow, as many as [`Self::frame`] says; `None` where the encoder fails at them.
    pub fn encode(&mut self, samples: &[i16]) -> Option<&[u8]> {
        let length = self.state.encode_i16(samples, self.frame, &mut self.packet).ok()?;
        self.packet.get(..length)
    }
}
