//! Packets that the capture itself lost, as it tells: pcapng counts them with the packet behind them (the option
//! epb_dropcount, and the drops of old Packet Blocks). The totals of a statistics block say nothing of when, and are passed
//! over.

use clock::Time;

/// Packets that were lost between two that were captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost {
    /// When the last packet before them came.
    pub from: Time,
    /// When the first packet behind them came.
    pub to: Time,
    /// How many.
    pub packets: u64,
}
