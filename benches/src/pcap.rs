//! A classic capture file, microseconds, Ethernet: the plainest input that every tool reads.

use std::io::{self, Write};

use clock::Time;

/// Writes one capture file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a file on `out`, which should be buffered. Fails where its header cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = [0; 24];
        header[..4].copy_from_slice(&MAGIC_MICROSECONDS.to_le_bytes());
        header[4..8].copy_from_slice(&[2, 0, 4, 0]); // version 2.4
        header[16..20].copy_from_slice(&SNAPLEN.to_le_bytes());
        header[20..].copy_from_slice(&LINKTYPE_ETHERNET.to_le_bytes());
        out.write_all(&header)?;
        Ok(Writer { out })
    }

    /// Adds a frame seen at `at`, which is cut to whole microseconds; seconds past 2106 wrap.
    pub fn frame(&mut self, at: Time, bytes: &[u8]) -> io::Result<()> {
        let microseconds = at.as_ns() / 1_000;
        let length = (bytes.len() as u32).to_le_bytes();
        let mut header = [0; 16];
        header[..4].copy_from_slice(&((microseconds / 1_000_000) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((microseconds % 1_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&length);
        header[12..].copy_from_slice(&length);
        self.out.write_all(&header)?;
        self.out.write_all(bytes)
    }

    /// Gives back what was written to, flushed. Fails where that fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const SNAPLEN: u32 = 262_144;
const LINKTYPE_ETHERNET: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcap_reads_it() {
        let mut writer = Writer::new(tempfile::NamedTempFile::new().unwrap()).unwrap();
        let at = Time::from_parts(1_769_854_500, 123_456_789);
        writer.frame(at, b"a frame").unwrap();
        let file = writer.finish().unwrap();

        let mut read = pcap::Capture::from_file(file.path()).unwrap();
        assert_eq!(read.get_datalink(), pcap::Linktype::ETHERNET);
        let packet = read.next_packet().unwrap();
        assert_eq!((packet.header.ts.tv_sec, packet.header.ts.tv_usec), (1_769_854_500, 123_456));
        assert_eq!(packet.data, b"a frame");
        assert_eq!(read.next_packet(), Err(pcap::Error::NoMorePackets));
    }
}
