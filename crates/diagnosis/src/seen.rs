//! What was seen, in numbers.

use crate::calls::Calls;

/// Counts over the time that was looked at.
#[derive(Clone, Default, Debug)]
pub struct Seen {
    /// Frames.
    pub packets: u64,
    /// From the first frame to the last, in seconds of the capture's clock.
    pub seconds: f64,
    /// SIP requests.
    pub requests: u64,
    /// SIP responses.
    pub responses: u64,
    /// Frames that a mirror had shown before.
    pub copies: u64,
    /// Packets of which the end was cut off.
    pub cut: u64,
    /// Frames longer than the network can carry: several packets that the card or the kernel put together.
    pub super_frames: u64,
    /// Fragmented packets that never became whole.
    pub fragments_lost: u64,
    /// Whether a filter kept some frames out.
    pub is_filtered: bool,
    /// RTP packets in calls.
    pub rtp_in_calls: u64,
    /// RTP packets in streams that no call claimed.
    pub rtp_of_no_call: u64,
    /// Those streams.
    pub streams_of_no_call: u64,
    /// Who lost how many packets before they came here.
    pub dropped: Vec<(&'static str, u64)>,
    /// What the calls' records say.
    pub calls: Calls,
    /// Bytes that the store's disk has left, where there is a store.
    pub free_bytes: Option<u64>,
}
