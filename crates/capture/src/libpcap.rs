//! Streams and odd relatives of classic pcap, read by libpcap.

use std::io::PipeReader;
use std::os::fd::AsRawFd;

use clock::Time;
use pcap::{Capture, Offline, Precision};

use crate::classic::MAX_PACKET;
use crate::error::{Error, Progress, Why};
use crate::feed::Feed;
use crate::format::{Dialect, SNIFF};
use crate::frame::{Frame, Head};
use crate::link;

/// The records of one stream. One record is held at a time.
pub(crate) struct Library {
    // Dropped before the feed, which may be waiting to write to it.
    capture: Capture<Offline>,
    feed: Feed,
    link: u32,
    /// How long a record's header is, to know where a record begins.
    record: usize,
    bytes: Vec<u8>,
    head: Head,
    progress: Progress,
}

impl Library {
    /// Lets libpcap read the file's header from `pipe`; `record` is how long the header of a record is.
    pub(crate) fn open(
        pipe: PipeReader,
        feed: Feed,
        record: usize,
        mut progress: Progress,
    ) -> Result<Library, Error> {
        // Its own way to take over a descriptor is not checked by the compiler; opening it by name is.
        let name = format!("/dev/fd/{}", pipe.as_raw_fd());
        let opened = Capture::from_file_with_precision(name, Precision::Nano);
        drop(pipe);
        let capture = opened.map_err(|source| Error::Refused { path: progress.path.clone(), source })?;
        let link = link::of_dlt(u32::try_from(capture.get_datalink().0).unwrap_or_default());
        progress.offset = SNIFF as u64;
        Ok(Library { capture, feed, link, record, bytes: Vec::new(), head: Head::default(), progress })
    }

    /// Steps to the next record and tells its time; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, Error> {
        let packet = match self.capture.next_packet() {
            Ok(packet) => packet,
            Err(pcap::Error::NoMorePackets) => {
                return self.feed.end().map(|()| None).map_err(|why| self.progress.damaged(why));
            }
            Err(source) => return Err(stopped(source, &mut self.feed, &self.progress)),
        };
        let at = time(packet.header.ts.tv_sec, packet.header.ts.tv_usec);
        let len = packet.data.len();
        self.bytes.clear();
        self.bytes.extend_from_slice(packet.data);
        self.head = Head { at, link: self.link, wire_len: packet.header.len, start: 0, len, interface: 0 };
        self.progress.offset += (self.record + len) as u64;
        self.progress.frames += 1;
        Ok(Some(at))
    }

    /// The record it stands at.
    pub(crate) fn frame(&self) -> Frame<'_> {
        self.head.frame(&self.bytes, None)
    }

    /// How much of the input was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.feed.bytes_read()
    }
}

/// Raises the snapshot length in a classic header: libpcap cuts longer records down to it, our own reader does not,
/// and the same packets must give the same frames either way.
pub(crate) fn lift_snaplen(header: &mut [u8], dialect: Dialect) {
    if let Some(snaplen) = header.get_mut(16..20) {
        snaplen.copy_from_slice(&if dialect.big_endian {
            MAX_PACKET.to_be_bytes()
        } else {
            MAX_PACKET.to_le_bytes()
        });
    }
}

/// libpcap reads the unsigned seconds of a file as signed. What it calls microseconds are nanoseconds here.
fn time(seconds: i64, ns: i64) -> Time {
    Time::from_ns((seconds & 0xffff_ffff) * 1_000_000_000 + ns)
}

/// Why libpcap read no further.
#[cold]
fn stopped(source: pcap::Error, feed: &mut Feed, progress: &Progress) -> Error {
    match missing(&source) {
        // It is at the end of the pipe, so the thread behind that has ended.
        Some(missing) => match feed.end() {
            Ok(()) => progress.cut_short(missing),
            Err(why) => progress.damaged(why),
        },
        None => progress.damaged(Why::Libpcap(source)),
    }
}

/// How many bytes are missing where libpcap says that the capture is cut. It says so in words only: "truncated dump
/// file; tried to read 16 header bytes, only got 10".
fn missing(error: &pcap::Error) -> Option<usize> {
    let pcap::Error::PcapError(text) = error else {
        return None;
    };
    let mut numbers = text.strip_prefix("truncated dump file")?.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.find_map(|digits| digits.parse::<usize>().ok());
    let wanted = number()?;
    wanted.checked_sub(number()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Classic, Packet};

    #[test]
    fn reads_the_modified_format_of_a_regular_file() {
        let packets =
            [Packet::new(1_000_000_002_000, b"one"), Packet::new(3_000_000_001_000_000_000, b"two")];
        let file = Classic { modified: true, ..Classic::default() }.file(&packets);
        for file in [&file, &testing::gzip(&file)] {
            let (frames, errors) = testing::read(&[file]);
            assert_eq!(frames, packets);
            assert!(errors.is_empty());
        }
    }

    #[test]
    fn reads_versions_before_the_current_one() {
        let packets = [Packet::new(1000, b"first"), Packet::new(2000, b"second")];
        let mut file = Classic::default().file(&packets);
        file[6] = 3;
        assert_eq!(testing::read(&[&file]).0, packets);
        file.pop();
        let errors = testing::read(&[&file]).1;
        assert!(matches!(errors[..], [Error::CutShort { offset: 45, frames: 1, missing: 1, .. }]));
    }

    #[test]
    fn numbers_link_types_as_the_registry_does() {
        let file = Classic { network: 101, ..Classic::default() }.file(&[Packet::new(0, b"ip")]);
        assert_eq!(testing::read(&[&file]).0[0].link, 101);
        assert_eq!(testing::read(&[&testing::zstd(&file)]).0[0].link, 101);
    }

    #[test]
    fn says_what_libpcap_says_of_a_damaged_stream() {
        let mut file = Classic::default().file(&[Packet::new(0, b"good"), Packet::new(0, b"bad")]);
        file[52..56].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        let (frames, errors) = testing::read(&[&testing::lz4(&file)]);
        assert_eq!(frames.len(), 1);
        assert!(matches!(errors[..], [Error::Damaged { offset: 44, frames: 1, why: Why::Libpcap(_), .. }]));

        let mut file = Classic::default().file(&[]);
        file[4] = 77;
        assert!(matches!(testing::read(&[&file]).1[..], [Error::Refused { .. }]));
    }

    #[test]
    fn reads_how_much_is_missing_from_the_words() {
        let said = |text: &str| missing(&pcap::Error::PcapError(text.into()));
        assert_eq!(said("truncated dump file; tried to read 16 header bytes, only got 10"), Some(6));
        assert_eq!(said("truncated dump file"), None);
        assert_eq!(said("invalid packet capture length 99, bigger than maximum of 9"), None);
        assert_eq!(missing(&pcap::Error::InvalidString), None);
    }
}
