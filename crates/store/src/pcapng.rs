//! Kept packets as pcapng (draft-ietf-opsawg-pcapng): one section, an interface a link type, nanoseconds.
//!
//! The same packets give the same bytes: no machine, program or time of writing is named.

use std::io::{self, Write};

use clock::Time;

/// Block types, section 4 of the draft.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// What a reader tells the byte order by.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Option 9, if_tsresol, of one octet: units of 10^-9 s; then the end of options.
const NANOSECONDS: [u8; 12] = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];

/// Writes packets into one capture file, a write each: give it a buffered writer.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    /// The link types so far; the place of one is its interface.
    links: Vec<u16>,
    /// The block being put together.
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins the file.
    ///
    /// # Errors
    /// Those of the writer beneath, as with all that follows.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Writer { out, links: vec![], block: vec![] };
        let version = 1; // 1.0: the minor number is the upper half
        let length_not_given = u32::MAX;
        writer.put(SECTION_HEADER, &[BYTE_ORDER_MAGIC, version, length_not_given, length_not_given], &[])?;
        Ok(writer)
    }

    /// Appends a packet of `wire_len` octets, of which `bytes` were captured, with its LINKTYPE.
    ///
    /// # Errors
    /// Those of the writer beneath, and `InvalidInput` for a link type past 16 bits or a packet past 4 GiB, of
    /// which then nothing is written.
    pub fn write(&mut self, at: Time, link: u32, bytes: &[u8], wire_len: u32) -> io::Result<()> {
        let captured = u32::try_from(bytes.len()).map_err(invalid)?;
        let interface = self.interface(u16::try_from(link).map_err(invalid)?)?;
        // Before 1970 there were no packets: such a time is a broken clock's.
        let ns = u64::try_from(at.as_ns()).unwrap_or(0);
        let [high, low] = [(ns >> 32) as u32, ns as u32];
        self.put(ENHANCED_PACKET, &[interface, high, low, captured, wire_len.max(captured)], bytes)
    }

    /// Hands everything on and flushes the writer beneath.
    ///
    /// # Errors
    /// Those of the writer beneath.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the file; gives the writer beneath back, flushed.
    ///
    /// # Errors
    /// Those of the writer beneath.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// The interface of a link type, described at its first packet.
    fn interface(&mut self, link: u16) -> io::Result<u32> {
        let known = self.links.iter().position(|other| *other == link);
        let place = known.unwrap_or(self.links.len());
        if known.is_none() {
            let snaplen = 0; // no limit
            self.put(INTERFACE_DESCRIPTION, &[u32::from(link), snaplen], &NANOSECONDS)?;
            self.links.push(link);
        }
        u32::try_from(place).map_err(invalid)
    }

    /// A block: type, length, words, data padded to four octets, length.
    fn put(&mut self, kind: u32, words: &[u32], data: &[u8]) -> io::Result<()> {
        let length = 12 + 4 * words.len() + data.len().next_multiple_of(4);
        let length = u32::try_from(length).map_err(invalid)?.to_le_bytes();
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        self.block.extend(length);
        self.block.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self.block.extend(data);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
        self.block.extend(length);
        self.out.write_all(&self.block)
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_blocks_byte_for_byte() {
        let mut writer = Writer::new(vec![]).unwrap();
        let at = Time::from_ns(0x0123_4567_89ab_cdef);
        writer.write(at, 1, b"hello", 60).unwrap();
        writer.write(at, 113, b"", 0).unwrap();
        writer.write(at, 1, b"four", 2).unwrap();
        let expected: [&[u8]; 6] = [
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x01\0\0\0\x20\0\0\0\x01\0\0\0\0\0\0\0\x09\0\x01\0\x09\0\0\0\0\0\0\0\x20\0\0\0",
            b"\x06\0\0\0\x28\0\0\0\0\0\0\0\x67\x45\x23\x01\xef\xcd\xab\x89\x05\0\0\0\x3c\0\0\0hello\0\0\0\x28\0\0\0",
            b"\x01\0\0\0\x20\0\0\0\x71\0\0\0\0\0\0\0\x09\0\x01\0\x09\0\0\0\0\0\0\0\x20\0\0\0",
            b"\x06\0\0\0\x20\0\0\0\x01\0\0\0\x67\x45\x23\x01\xef\xcd\xab\x89\0\0\0\0\0\0\0\0\x20\0\0\0",
            b"\x06\0\0\0\x24\0\0\0\0\0\0\0\x67\x45\x23\x01\xef\xcd\xab\x89\x04\0\0\0\x04\0\0\0four\x24\0\0\0",
        ];
        assert_eq!(writer.finish().unwrap(), expected.concat());
    }

    #[test]
    fn refuses_what_the_format_cannot_hold() {
        let mut writer = Writer::new(vec![]).unwrap();
        let refused = writer.write(Time::from_ns(0), 0x1_0000, b"x", 1).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        writer.write(Time::from_ns(-5), 1, b"x", 1).unwrap();
        assert_eq!(writer.finish().unwrap().len(), 28 + 32 + 36);
    }
}
