//! Ogg Opus files (RFC 7845): packets that were encoded elsewhere, one stream of one channel for each party, so that nothing
//! of one is heard with the other.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::Error;
use crate::wav::Written;

/// Opus counts at this rate, whatever it was given.
const CLOCK_HZ: u64 = 48_000;
/// Ticks of a packet: 20 ms.
const PACKET: u64 = 960;
/// A logical stream's number (RFC 3533); there is no other in the file.
const SERIAL: u32 = 1;
/// Packets of a second.
const MOST_PACKETS: usize = 50;
const MOST_SEGMENTS: usize = 255;

const CONTINUES_NOTHING: u8 = 0;
const BEGINS: u8 = 2;
const ENDS: u8 = 4;

/// Writes one file from its start to its end.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    hash: blake3::Hasher,
    bytes: u64,
    channels: u16,
    /// Ticks to be skipped at the start.
    skip: u16,
    page: Page,
    pages: u32,
    packets: u64,
}

/// Packets that wait for the page to be full.
#[derive(Default, Debug)]
struct Page {
    lacing: Vec<u8>,
    contents: Vec<u8>,
    packets: usize,
}

impl Writer {
    /// A new file at `path` of what was sampled at `sample_rate`, of which the decoder has to leave out the first `skip`
    /// ticks of 48 kHz; replaces what is there.
    ///
    /// # Errors
    /// Where the file cannot be made or written.
    pub fn create(path: &Path, sample_rate: u32, channels: u16, skip: u16) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("make", path))?;
        let mut writer = Writer {
            file,
            path: path.to_path_buf(),
            hash: blake3::Hasher::new(),
            bytes: 0,
            channels: channels.clamp(1, 2),
            skip,
            page: Page::default(),
            pages: 0,
            packets: 0,
        };
        let head = writer.head(sample_rate);
        writer.page.put(&head);
        writer.write_page(BEGINS, 0)?;
        let name = b"sipreel";
        let tags = [&b"OpusTags"[..], &(name.len() as u32).to_le_bytes(), name, &0u32.to_le_bytes()];
        writer.page.put(&tags.concat());
        writer.write_page(CONTINUES_NOTHING, 0)?;
        Ok(writer)
    }

    /// Appends 20 ms: a packet for each channel, of a single frame each (RFC 6716, section 3.2.2).
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&mut self, packets: &[&[u8]]) -> Result<(), Error> {
        let whole = joined(packets);
        let segments = whole.len() / MOST_SEGMENTS + 1;
        if self.page.packets == MOST_PACKETS || self.page.lacing.len() + segments > MOST_SEGMENTS {
            self.write_page(CONTINUES_NOTHING, self.packets * PACKET)?;
        }
        self.page.put(&whole);
        self.packets += 1;
        Ok(())
    }

    /// Ends the file, of `frames` at `sample_rate`; what was encoded past them is left out again by the decoder.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn finish(mut self, frames: u64, sample_rate: u32) -> Result<Written, Error> {
        let ticks = frames.saturating_mul(CLOCK_HZ).div_ceil(u64::from(sample_rate.max(1)));
        let end = (u64::from(self.skip) + ticks).min(self.packets * PACKET);
        self.write_page(ENDS, end)?;
        let blake3 = self.hash.finalize().to_hex().to_string();
        Ok(Written { bytes: self.bytes, frames, blake3 })
    }

    /// Section 5.1.
    fn head(&self, sample_rate: u32) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.channels as u8);
        head.extend(self.skip.to_le_bytes());
        head.extend(sample_rate.to_le_bytes());
        head.extend([0, 0]); // as loud as it is
        if self.channels == 1 {
            head.push(0);
        } else {
            // Left and right, each a stream of its own, none of them coupled.
            head.extend([1, 2, 0, 0, 1]);
        }
        head
    }

    /// A page of what waits (RFC 3533, section 6).
    fn write_page(&mut self, kind: u8, granule: u64) -> Result<(), Error> {
        let Page { lacing, contents, .. } = std::mem::take(&mut self.page);
        let mut page = b"OggS\0".to_vec();
        page.push(kind);
        page.extend(granule.to_le_bytes());
        page.extend(SERIAL.to_le_bytes());
        page.extend(self.pages.to_le_bytes());
        let sum_at = page.len();
        page.extend([0; 4]);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        page.extend(contents);
        let sum = crc32(&page).to_le_bytes();
        if let Some(place) = page.get_mut(sum_at..sum_at + sum.len()) {
            place.copy_from_slice(&sum);
        }
        self.file.write_all(&page).map_err(Error::io("write", &self.path))?;
        self.hash.update(&page);
        self.bytes += page.len() as u64;
        self.pages += 1;
        Ok(())
    }
}

impl Page {
    fn put(&mut self, packet: &[u8]) {
        self.lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.lacing.push((packet.len() % 255) as u8);
        self.contents.extend_from_slice(packet);
        self.packets += 1;
    }
}

/// All but the last say how long they are (RFC 6716, appendix B).
fn joined(packets: &[&[u8]]) -> Vec<u8> {
    let Some((last, before)) = packets.split_last() else { return Vec::new() };
    let mut whole = Vec::new();
    for packet in before {
        let (toc, frame) = packet.split_at(packet.len().min(1));
        whole.extend_from_slice(toc);
        // Up to 251 in one octet, up to 1275 in two (section 3.2.1).
        if frame.len() < 252 {
            whole.push(frame.len() as u8);
        } else {
            let first = 252 + (frame.len() & 3);
            whole.extend([first as u8, ((frame.len() - first) >> 2) as u8]);
        }
        whole.extend_from_slice(frame);
    }
    whole.extend_from_slice(last);
    whole
}

/// Of 0x04c11db7, the highest bit first, from zero on.
fn crc32(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |sum, &octet| {
        let at = usize::from((sum >> 24) as u8 ^ octet);
        sum << 8 ^ CRC32.get(at).copied().unwrap_or(0)
    })
}

static CRC32: LazyLock<[u32; 256]> = LazyLock::new(|| {
    let shifted = |sum: u32, _| if sum >> 31 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 };
    std::array::from_fn(|at| (0..8).fold((at as u32) << 24, shifted))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stand_before_all_but_the_last_packet() {
        let long = [&[0x08][..], &[7; 300]].concat();
        let told = joined(&[&[0x08, 1, 2], &long, &[0x08, 3]]);
        // 300 is 252 and 48: the first octet takes its lowest two bits, 0, the second the rest over four.
        assert_eq!(told[..7], [0x08, 2, 1, 2, 0x08, 252, 12]);
        assert_eq!(told[told.len() - 2..], [0x08, 3]);
        assert_eq!(joined(&[&[0x08], &[0x08]]), [0x08, 0, 0x08]);
    }

    #[test]
    fn pages_follow_each_other_with_their_sums_and_the_last_says_where_the_audio_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.opus");
        let mut writer = Writer::create(&path, 8000, 2, 312).unwrap();
        let packet = vec![0x08; 600];
        for _ in 0..120 {
            writer.write(&[&packet, &packet]).unwrap();
        }
        let written = writer.finish(120 * 160 - 100, 8000).unwrap();
        let file = std::fs::read(&path).unwrap();
        assert_eq!((written.bytes, written.frames), (file.len() as u64, 120 * 160 - 100));
        assert_eq!(written.blake3, blake3::hash(&file).to_hex().to_string());

        let (mut rest, mut number, mut packets, mut last) = (&file[..], 0u32, 0, (0, 0));
        while !rest.is_empty() {
            assert_eq!(&rest[..5], b"OggS\0");
            let lacing = &rest[27..27 + usize::from(rest[26])];
            let length = 27 + lacing.len() + lacing.iter().map(|&one| usize::from(one)).sum::<usize>();
            let mut page = rest[..length].to_vec();
            let sum = u32::from_le_bytes(page[22..26].try_into().unwrap());
            page[22..26].fill(0);
            assert_eq!(crc32(&page), sum);
            assert_eq!(page[18..22], number.to_le_bytes());
            last = (page[5], u64::from_le_bytes(page[6..14].try_into().unwrap()));
            packets += lacing.iter().filter(|&&one| one < 255).count();
            (rest, number) = (&rest[length..], number + 1);
        }
        assert_eq!(packets, 2 + 120);
        assert_eq!(last, (ENDS, 120 * 960 - 600 + 312));
        assert_eq!(&file[28..49], b"OpusHead\x01\x02\x38\x01\x40\x1f\0\0\0\0\x01\x02\0");
    }

    #[test]
    fn the_sum_is_the_one_of_the_format() {
        // CRC-32/MPEG-2's polynomial with neither inversion, over the usual test text.
        assert_eq!(crc32(b"123456789"), 0x89a1_897f);
    }
}
