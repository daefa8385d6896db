//! What a receiver reports of a stream: the blocks of sender and receiver reports (RFC 3550, section 6.4.1), and the
//! time of a sender report, which they point back to.

use crate::compound::Rtcp;
use crate::id::{Ssrc, Ticks};

/// A report block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReceptionBlock {
    /// Whose stream.
    pub(crate) subject: Ssrc,
    /// Lost of expected since the report before, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Lost since the beginning; below zero where doubles came.
    pub(crate) cumulative_lost: i32,
    /// The highest sequence number, its cycles in the upper half.
    pub(crate) highest_seq: u32,
    /// In ticks of the subject's clock.
    pub(crate) jitter: u32,
    /// The middle of the time in the subject's last sender report; 0 where none came.
    pub(crate) last_sr: u32,
    /// How long ago that came, in 65536ths of a second.
    pub(crate) since_last_sr: u32,
}

/// The time that a sender report bears, and the time stamp of that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SenderInfo {
    /// As NTP has it: seconds since 1900 in the upper half.
    pub(crate) ntp: u64,
    pub(crate) ticks: Ticks,
}

impl SenderInfo {
    /// What a report block points back by.
    pub(crate) const fn middle(self) -> u32 {
        (self.ntp >> 16) as u32
    }
}

/// A sender or receiver report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reception<'a> {
    pub(crate) reporter: Ssrc,
    /// The sender's own word, of a sender report.
    pub(crate) sent: Option<SenderInfo>,
    blocks: &'a [u8],
}

impl<'a> Reception<'a> {
    pub(crate) fn read(packet: &Rtcp<'a>) -> Option<Self> {
        let (reporter, rest) = packet.body.split_first_chunk()?;
        let (sent, blocks) = match packet.packet_type {
            SENDER_REPORT => {
                let (info, blocks) = rest.split_first_chunk::<SENDER_INFO>()?;
                let (ntp, counts) = info.split_first_chunk()?;
                let ticks = Ticks(u32::from_be_bytes(*counts.first_chunk()?));
                (Some(SenderInfo { ntp: u64::from_be_bytes(*ntp), ticks }), blocks)
            }
            RECEIVER_REPORT => (None, rest),
            _ => return None,
        };
        let blocks = blocks.get(..BLOCK * usize::from(packet.count))?;
        Some(Reception { reporter: Ssrc(u32::from_be_bytes(*reporter)), sent, blocks })
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = ReceptionBlock> {
        self.blocks.as_chunks::<BLOCK>().0.iter().map(block)
    }
}

/// ```text
///  0               1               2               3
/// |                 SSRC of the source                            |
/// | fraction lost |       cumulative number of packets lost       |
/// |           extended highest sequence number received           |
/// |                      interarrival jitter                      |
/// |                         last SR (LSR)                         |
/// |                   delay since last SR (DLSR)                  |
/// ```
fn block(bytes: &[u8; BLOCK]) -> ReceptionBlock {
    let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    let mut words = words.chain(std::iter::repeat(0));
    let mut next = || words.next().unwrap_or_default();
    let (subject, lost) = (next(), next());
    ReceptionBlock {
        subject: Ssrc(subject),
        fraction_lost: (lost >> 24) as u8,
        // Its sign is that of 24 bits.
        cumulative_lost: (lost << 8).cast_signed() >> 8,
        highest_seq: next(),
        jitter: next(),
        last_sr: next(),
        since_last_sr: next(),
    }
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SENDER_INFO: usize = 20;
const BLOCK: usize = 24;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compound::Compound;

    /// A block as it goes over the wire.
    pub(crate) fn written(block: &ReceptionBlock) -> Vec<u8> {
        let lost = u32::from(block.fraction_lost) << 24 | block.cumulative_lost.cast_unsigned() & 0x00ff_ffff;
        let words =
            [block.subject.0, lost, block.highest_seq, block.jitter, block.last_sr, block.since_last_sr];
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// A sender report where `sent_at` is said, else a receiver report.
    pub(crate) fn report(reporter: u32, sent_at: Option<u32>, blocks: &[ReceptionBlock]) -> Vec<u8> {
        let mut body = reporter.to_be_bytes().to_vec();
        if let Some(middle) = sent_at {
            body.extend([0xe0, 0]);
            body.extend(middle.to_be_bytes());
            body.extend([0; 14]);
        }
        blocks.iter().for_each(|block| body.extend(written(block)));
        let packet_type = if sent_at.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        let mut packet = vec![0x80 | blocks.len() as u8, packet_type, 0, (body.len() / 4) as u8];
        packet.extend(body);
        packet
    }

    const BLOCKS: [ReceptionBlock; 2] = [
        ReceptionBlock {
            subject: Ssrc(7),
            fraction_lost: 25,
            cumulative_lost: 1000,
            highest_seq: 0x0001_0002,
            jitter: 160,
            last_sr: 0xaabb_ccdd,
            since_last_sr: 65_536,
        },
        ReceptionBlock {
            subject: Ssrc(8),
            fraction_lost: 0,
            cumulative_lost: -3,
            highest_seq: 5,
            jitter: 0,
            last_sr: 0,
            since_last_sr: 0,
        },
    ];

    #[test]
    fn reads_what_was_written() {
        for sent_at in [None, Some(0x1234_5678)] {
            let bytes = report(9, sent_at, &BLOCKS);
            let packet = Compound::read(&bytes).unwrap().packets().next().unwrap();
            let read = Reception::read(&packet).unwrap();
            assert_eq!((read.reporter, read.sent.map(SenderInfo::middle)), (Ssrc(9), sent_at));
            assert_eq!(read.blocks().collect::<Vec<_>>(), BLOCKS);
        }
    }

    #[test]
    fn fewer_blocks_than_are_told_of_are_none() {
        let mut bytes = report(9, None, &BLOCKS[..1]);
        bytes[0] = 0x82;
        let packet = Compound::read(&bytes).unwrap().packets().next().unwrap();
        assert!(Reception::read(&packet).is_none());
    }
}
