//! One section of a pcapng capture (draft-ietf-opsawg-pcapng): its byte order, its interfaces, and the packets in its
//! blocks. Where the blocks come from, and that they are whole, is the caller's part.

use std::collections::VecDeque;

use clock::Time;
use pcap_parser::{Block, EPB_MAGIC, IDB_MAGIC, OptionCode, SHB_MAGIC, SPB_MAGIC};
use pcap_parser::{EnhancedPacketBlock, InterfaceDescriptionBlock, SimplePacketBlock, UnknownBlock};
use pcap_parser::{parse_block_be, parse_block_le};

use crate::classic::MAX_PACKET;
use crate::error::Why;
use crate::format::word;
use crate::frame::Head;
use crate::lost::Lost;

/// How many bytes of a block tell its [`Shape`]: as many as the shortest block has.
pub(crate) const FIRST: usize = 12;

/// The longest block that is looked into: a packet, and room for its options.
const MAX_BLOCK: u32 = 4 * MAX_PACKET;

/// Of all secrets of one input so many bytes are handed on: those of a day of connections.
const MAX_SECRETS: usize = 16 << 20;

/// More interfaces than any machine has.
const MAX_INTERFACES: usize = 65_536;

/// The Packet Block of old captures, which became the Enhanced Packet Block.
const PACKET_BLOCK: u32 = 2;

/// The Decryption Secrets Block, and in it an NSS key log (draft-ietf-opsawg-pcapng, section 4.7).
const SECRETS_BLOCK: u32 = 10;
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// The option epb_dropcount of an Enhanced Packet Block.
const DROP_COUNT: u16 = 4;

/// What an old Packet Block says where it does not know.
const UNKNOWN_DROPS: u16 = u16::MAX;

/// They are taken after each packet.
const MOST_LOST: usize = 64;

/// What is known of the section that is being read.
#[derive(Debug, Default)]
pub(crate) struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// The time of the packet before, for blocks that have none.
    last: Time,
    /// Key logs that were not taken yet, and the bytes of all that there were.
    key_logs: VecDeque<Vec<u8>>,
    secrets: usize,
    /// What the capture lost, as far as it was not taken.
    lost: VecDeque<Lost>,
}

/// What a block says of itself before its contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) kind: u32,
    /// The whole length of the block, a multiple of four and at least [`FIRST`].
    pub(crate) len: u32,
}

impl Shape {
    /// Whether the block's contents matter; others are passed over unread.
    pub(crate) fn matters(self) -> bool {
        matches!(self.kind, IDB_MAGIC | EPB_MAGIC | SPB_MAGIC | PACKET_BLOCK)
            || (self.kind == SECRETS_BLOCK && self.len <= MAX_BLOCK)
    }
}

impl Section {
    /// The shape of the block that begins with `first`; where it is a section header, a new section begins.
    pub(crate) fn shape(&mut self, first: [u8; FIRST]) -> Result<Shape, Why> {
        let [a, b, c, d, e, f, g, h, rest @ ..] = first;
        if u32::from_le_bytes([a, b, c, d]) == SHB_MAGIC {
            self.begin(rest)?;
        }
        let shape = Shape { kind: self.word([a, b, c, d]), len: self.word([e, f, g, h]) };
        let longest = if shape.matters() { MAX_BLOCK } else { u32::MAX };
        if !shape.len.is_multiple_of(4) || !(FIRST as u32..=longest).contains(&shape.len) {
            return Err(Why::BlockLength(shape.len));
        }
        Ok(shape)
    }

    /// Checks that a block ends with the length that it began with.
    pub(crate) fn check_end(&self, shape: Shape, end: [u8; 4]) -> Result<(), Why> {
        let last = self.word(end);
        if last == shape.len { Ok(()) } else { Err(Why::BlockEnd { first: shape.len, last }) }
    }

    /// Reads a whole block that matters; the packet in it, its bytes counted from the block's begin.
    #[inline]
    pub(crate) fn read(&mut self, shape: Shape, block: &[u8]) -> Result<Option<Head>, Why> {
        if shape.kind == SECRETS_BLOCK {
            self.learn(block);
            return Ok(None);
        }
        let parsed = if self.big_endian { parse_block_be(block) } else { parse_block_le(block) };
        let impossible = Why::Block(shape.kind);
        let head = match parsed {
            Ok((_, Block::EnhancedPacket(packet))) => {
                let head = self.enhanced(&packet)?;
                self.note_lost(head, self.drops_of(&packet));
                head
            }
            Ok((_, Block::SimplePacket(packet))) => self.simple(&packet)?,
            Ok((_, Block::Unknown(packet))) => {
                let (head, drops) = self.obsolete(&packet).ok_or(impossible)??;
                self.note_lost(head, drops);
                head
            }
            Ok((_, Block::InterfaceDescription(block))) => {
                self.describe(&block)?;
                return Ok(None);
            }
            _ => return Err(impossible),
        };
        if head.len > MAX_PACKET as usize {
            return Err(Why::PacketLength(head.len as u32));
        }
        self.last = head.at;
        Ok(Some(head))
    }

    fn begin(&mut self, byte_order: [u8; 4]) -> Result<(), Why> {
        self.big_endian = match byte_order {
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            _ => return Err(Why::ByteOrder),
        };
        self.interfaces.clear();
        Ok(())
    }

    /// ```text
    /// | kind 32 | length 32 | type of secrets 32 | length of secrets 32 | secrets ...
    /// ```
    ///
    /// A block that is none harms nobody: its packets are there all the same.
    #[cold]
    fn learn(&mut self, block: &[u8]) {
        let (words, _) = block.as_chunks::<4>();
        let Some([_, _, kind, len, ..]) = words.first_chunk::<4>() else { return };
        let secrets = block.get(16..).and_then(|rest| rest.get(..self.word(*len) as usize));
        let Some(secrets) = secrets.filter(|_| self.word(*kind) == TLS_KEY_LOG) else { return };
        if self.secrets + secrets.len() <= MAX_SECRETS {
            self.secrets += secrets.len();
            self.key_logs.push_back(secrets.to_vec());
        }
    }

    /// The next key log that stood before the packet that was read last.
    #[inline]
    pub(crate) fn poll_key_log(&mut self) -> Option<Vec<u8>> {
        self.key_logs.pop_front()
    }

    fn describe(&mut self, block: &InterfaceDescriptionBlock<'_>) -> Result<(), Why> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Why::Interfaces(MAX_INTERFACES));
        }
        self.interfaces.push(Interface::new(block, self.big_endian).ok_or(Why::Block(IDB_MAGIC))?);
        Ok(())
    }

    fn enhanced(&self, packet: &EnhancedPacketBlock<'_>) -> Result<Head, Why> {
        let interface = self.interface(packet.if_id)?;
        let at = interface.time(packet.ts_high, packet.ts_low);
        let len = packet.caplen as usize;
        let (link, wire_len) = (interface.link, packet.origlen);
        Ok(Head { at, link, wire_len, start: 28, len, interface: packet.if_id as u16 })
    }

    /// A Simple Packet Block has no time: it is given that of the packet before it.
    fn simple(&self, packet: &SimplePacketBlock<'_>) -> Result<Head, Why> {
        let interface = self.interface(0)?;
        let len = packet.data.len().min(packet.origlen as usize).min(interface.snaplen as usize);
        let (link, wire_len) = (interface.link, packet.origlen);
        Ok(Head { at: self.last, link, wire_len, start: 12, len, interface: 0 })
    }

    /// ```text
    /// | interface 16, drops 16 | time high | time low | caplen | wire | caplen bytes ...
    /// ```
    fn obsolete(&self, packet: &UnknownBlock<'_>) -> Option<Result<(Head, u64), Why>> {
        let ([i, j, k, l, fields @ ..], data) = packet.data.split_first_chunk::<20>()?;
        let (fields, _) = fields.as_chunks::<4>();
        let [high, low, caplen, wire_len] = *fields.first_chunk::<4>()?;
        let len = self.word(caplen) as usize;
        if len > data.len() {
            return None;
        }
        let half =
            |bytes| if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let (id, drops) = (half([*i, *j]), half([*k, *l]));
        let drops = if drops == UNKNOWN_DROPS { 0 } else { u64::from(drops) };
        let head = |interface: &Interface| Head {
            at: interface.time(self.word(high), self.word(low)),
            link: interface.link,
            wire_len: self.word(wire_len),
            start: 28,
            len,
            interface: id,
        };
        Some(self.interface(u32::from(id)).map(|interface| (head(interface), drops)))
    }

    /// How many packets its interface lost before this one.
    fn drops_of(&self, packet: &EnhancedPacketBlock<'_>) -> u64 {
        let told = packet.options.iter().find(|option| option.code.0 == DROP_COUNT);
        let count = told.and_then(|option| option.value.first_chunk::<8>());
        let number = |bytes: &[u8; 8]| match self.big_endian {
            true => u64::from_be_bytes(*bytes),
            false => u64::from_le_bytes(*bytes),
        };
        count.map_or(0, number)
    }

    /// Notes when the interface had a packet, and how many it lost since the one before.
    #[inline]
    fn note_lost(&mut self, head: Head, packets: u64) {
        let Some(interface) = self.interfaces.get_mut(usize::from(head.interface)) else { return };
        let before = interface.last_at.replace(head.at);
        if packets > 0 {
            if self.lost.len() >= MOST_LOST {
                self.lost.pop_front();
            }
            self.lost.push_back(Lost { from: before.unwrap_or(head.at), to: head.at, packets });
        }
    }

    /// What the capture lost before the packet that was read last.
    #[inline]
    pub(crate) fn poll_lost(&mut self) -> Option<Lost> {
        self.lost.pop_front()
    }

    fn interface(&self, id: u32) -> Result<&Interface, Why> {
        self.interfaces.get(id as usize).ok_or(Why::Interface(id))
    }

    fn word(&self, bytes: [u8; 4]) -> u32 {
        word(bytes, self.big_endian)
    }
}

/// An interface of the section, and the clock of its time stamps.
#[derive(Debug)]
struct Interface {
    link: u32,
    /// The most that was captured of a packet; all of it where the description says 0.
    snaplen: u32,
    units_per_s: u64,
    offset_s: i64,
    /// When its last packet came.
    last_at: Option<Time>,
}

impl Interface {
    /// `None` where its time stamps cannot be understood.
    ///
    /// The options are read here, because the parser's own reading of them refuses powers of two and takes the offset
    /// as little-endian in either byte order.
    fn new(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Option<Interface> {
        let option =
            |code| block.options.iter().find(|option| option.code == code).map(|option| &*option.value);
        let resolution = option(OptionCode::IfTsresol).and_then(<[u8]>::first).copied().unwrap_or(6);
        let offset =
            option(OptionCode::IfTsoffset).and_then(<[u8]>::first_chunk::<8>).copied().unwrap_or_default();
        Some(Interface {
            link: u32::try_from(block.linktype.0).ok()?,
            snaplen: if block.snaplen == 0 { u32::MAX } else { block.snaplen },
            units_per_s: units_per_second(resolution)?,
            offset_s: if big_endian { i64::from_be_bytes(offset) } else { i64::from_le_bytes(offset) },
            last_at: None,
        })
    }

    fn time(&self, high: u32, low: u32) -> Time {
        const NS_PER_S: u64 = 1_000_000_000;
        let stamp = u64::from(high) << 32 | u64::from(low);
        let (seconds, fraction) = (stamp / self.units_per_s, stamp % self.units_per_s);
        let ns = if self.units_per_s <= NS_PER_S {
            fraction * NS_PER_S / self.units_per_s
        } else {
            (u128::from(fraction) * u128::from(NS_PER_S) / u128::from(self.units_per_s)) as u64
        };
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        Time::from_parts(seconds.saturating_add(self.offset_s), ns as u32)
    }
}

/// if_tsresol: a negative power of ten, or of two where the highest bit is set.
fn units_per_second(resolution: u8) -> Option<u64> {
    match resolution & 0x80 {
        0 => 10u64.checked_pow(u32::from(resolution)),
        _ => 1u64.checked_shl(u32::from(resolution & 0x7f)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(units_per_s: u64, offset_s: i64, stamp: u64) -> i64 {
        let interface = Interface { link: 1, snaplen: u32::MAX, units_per_s, offset_s, last_at: None };
        interface.time((stamp >> 32) as u32, stamp as u32).as_ns()
    }

    #[test]
    fn understands_every_resolution() {
        assert_eq!(units_per_second(6), Some(1_000_000));
        assert_eq!(units_per_second(0), Some(1));
        assert_eq!(units_per_second(19), Some(10_000_000_000_000_000_000));
        assert_eq!(units_per_second(20), None);
        assert_eq!(units_per_second(0x80 | 20), Some(1 << 20));
        assert_eq!(units_per_second(0x80 | 63), Some(1 << 63));
        assert_eq!(units_per_second(0x80 | 64), None);
    }

    #[test]
    fn counts_time_stamps_in_any_unit() {
        assert_eq!(time(1_000_000, 0, 1_500_000_000_123_456), 1_500_000_000_123_456_000);
        assert_eq!(time(1_000_000, -3600, 3_600_000_001), 1_000);
        assert_eq!(time(1 << 20, 0, (7 << 20) + (1 << 19)), 7_500_000_000);
        assert_eq!(time(1_000_000_000_000, 0, 2_000_000_000_999), 2_000_000_000);
        assert_eq!(time(1, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(time(10_000_000_000_000_000_000, 0, u64::MAX), 1_844_674_407);
    }
}
