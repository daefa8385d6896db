//! The packets that are kept beside the audio, as one pcapng in the order of their capture, with dialled digits
//! blanked, and audio that is masked, unless they are to be shown.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::iter;
use std::path::Path;

use call::{Both, Call, KeptMessage, Side};
use clock::Time;
use rtp::Medium;
use wire::{Decoded, Decoder, Link};

use crate::Settings;
use crate::blank::Masked;
use crate::leg::Leg;
use crate::meaning::{Meaning, Meanings};
use crate::rebuilt::{self, Rebuilt};

/// What is kept of a call.
pub(crate) struct Keeping<'a> {
    pub(crate) call: &'a Call,
    pub(crate) legs: &'a Both<Leg<'a>>,
    pub(crate) medium: &'a dyn Medium,
    pub(crate) settings: &'a Settings,
    /// Whether the media are kept with the signalling.
    pub(crate) with_media: bool,
    /// From when until when audio is masked.
    pub(crate) masked: &'a [(Time, Time)],
}

/// Writes it to `path`.
pub(crate) fn write(keeping: &Keeping<'_>, path: &Path) -> io::Result<()> {
    let &Keeping { call, legs, medium, settings, with_media, masked } = keeping;
    let mut messages: Vec<Kept<'_>> =
        call.messages.iter().chain(&call.fax.datagrams).map(|kept| of_message(kept, settings)).collect();
    let mut sources: Vec<Source<'_>> = Vec::new();
    if with_media {
        messages.extend(call.reports.iter().map(|report| of_message(report, settings)));
        for side in Side::BOTH {
            let own = (call.legs.of(side), Meanings::new(call, side));
            let forks = call.forks.iter();
            let forks = forks.map(|fork| (fork.legs.of(side), Meanings::by(&fork.negotiation, side)));
            for (streams, meanings) in iter::once(own).chain(forks) {
                for matched in streams {
                    let masked = Masked::of(masked, matched, legs.of(side));
                    let mut meanings = meanings.clone();
                    let frames = rebuilt::frames(&matched.stream, medium);
                    let kept = frames.map(move |frame| of_frame(frame, &mut meanings, masked, settings));
                    sources.push(Box::new(kept));
                }
            }
        }
    }
    messages.sort_by_key(|packet| packet.at);
    sources.insert(0, Box::new(messages.into_iter()));
    let packets = Merged::of(sources);
    let file = BufWriter::new(File::create(path)?);
    if settings.compress_packets {
        let packed = write_all(packets, zstd::Encoder::new(file, LEVEL)?)?;
        packed.finish()?.flush()
    } else {
        write_all(packets, file).map(drop)
    }
}

/// Past zstd's own default, packets become no smaller that would be worth the time.
const LEVEL: i32 = 3;

fn write_all<W: Write>(packets: Merged<'_>, out: W) -> io::Result<W> {
    let mut writer = store::pcapng::Writer::new(out)?;
    for packet in packets {
        writer.write(packet.at, packet.link, &packet.frame, packet.frame.len() as u32)?;
    }
    writer.finish()
}

struct Kept<'a> {
    at: Time,
    link: u32,
    frame: Cow<'a, [u8]>,
}

/// Packets of one origin, in the order in which they came.
type Source<'a> = Box<dyn Iterator<Item = Kept<'a>> + 'a>;

/// Packets of many origins in the order of their times, no more of each in memory than the next; of equal times the
/// first origin's comes first.
struct Merged<'a> {
    sources: Vec<Source<'a>>,
    /// The next of each, and when it came.
    heads: Vec<Option<Kept<'a>>>,
    order: BinaryHeap<Reverse<(Time, usize)>>,
}

impl<'a> Merged<'a> {
    fn of(mut sources: Vec<Source<'a>>) -> Self {
        let heads: Vec<_> = sources.iter_mut().map(Iterator::next).collect();
        let times = heads.iter().enumerate();
        let order = times.filter_map(|(n, head)| head.as_ref().map(|kept| Reverse((kept.at, n)))).collect();
        Merged { sources, heads, order }
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = Kept<'a>;

    fn next(&mut self) -> Option<Kept<'a>> {
        let Reverse((_, n)) = self.order.pop()?;
        let next = self.sources.get_mut(n)?.next();
        self.order.extend(next.as_ref().map(|kept| Reverse((kept.at, n))));
        std::mem::replace(self.heads.get_mut(n)?, next)
    }
}

fn of_message<'a>(message: &'a KeptMessage, settings: &Settings) -> Kept<'a> {
    let (_, payload) = message.frame.split_at_checked(message.payload_at).unwrap_or_default();
    let masked = (message.has_digit && !settings.show_digits).then(|| sip::dtmf::masked(payload));
    let mut kept = masked.map(Cow::Owned);
    if !settings.with_keys {
        let mut blanked = kept.as_deref().unwrap_or(payload).to_vec();
        if sdp::blank_keys(&mut blanked) {
            kept = Some(Cow::Owned(blanked));
        }
    }
    let overwritten =
        |payload: Cow<'_, [u8]>| overwrite(&message.frame, message.link, message.payload_at, &payload);
    let frame = kept.map_or(Cow::Borrowed(&*message.frame), |payload| Cow::Owned(overwritten(payload)));
    Kept { at: message.at, link: message.link, frame }
}

/// A telephone event keeps its time and its length, and loses its key; audio that is masked is silence.
fn of_frame<'a>(
    rebuilt: Rebuilt<'a>,
    meanings: &mut Meanings<'_>,
    masked: Masked<'_>,
    settings: &Settings,
) -> Kept<'a> {
    let Rebuilt { frame, bytes } = rebuilt;
    let (body_at, body_len) = frame.body;
    let meaning = meanings.of(frame.payload_type, frame.arrival);
    let is_key = meaning == Meaning::TelephoneEvent && body_len > 0 && !settings.show_digits;
    let mut blank =
        if is_key { Some(vec![BLANKED_EVENT]) } else { masked.blank(frame.arrival, meaning, body_len) };
    if let (false, true, Some(last)) = (is_key, frame.is_padded, blank.iter_mut().flatten().last()) {
        // It stands for the padding's length, and goes on to.
        *last = 1;
    }
    let bytes = match blank {
        Some(blank) => Cow::Owned(overwrite(&bytes, frame.link, body_at, &blank)),
        None => bytes,
    };
    Kept { at: frame.arrival, link: frame.link, frame: bytes }
}

/// No key (RFC 4733, section 3.2: the last code of the registry's private end).
const BLANKED_EVENT: u8 = 255;

/// `frame` with `bytes` from `at` on, and with its UDP checksum amended (RFC 1624, equation 3).
fn overwrite(frame: &[u8], link: u32, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = frame.to_vec();
    if let Some(place) = changed.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
        place.copy_from_slice(bytes);
    }
    let datagram_at =
        match Decoder::new(wire::Limits::default()).decode(Time::default(), Link::from(link), frame) {
            Decoded::Datagram(datagram) => {
                (datagram.payload.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)
            }
            _ => None,
        };
    let Some((before, after)) = datagram_at.and_then(|start| frame.get(start..).zip(changed.get(start..)))
    else {
        return changed;
    };
    let difference: u32 = before
        .chunks(2)
        .zip(after.chunks(2))
        .filter(|(old, new)| old != new)
        .map(|(old, new)| u32::from(!word(old)) + u32::from(word(new)))
        .fold(0, |sum, words| fold(sum + words));
    let checksum = datagram_at.and_then(|start| changed.get_mut(start.checked_sub(2)?..start));
    if let Some(checksum) = checksum.filter(|checksum| word(checksum) != NO_CHECKSUM) {
        let amended = !(fold(u32::from(!word(checksum)) + difference) as u16);
        checksum.copy_from_slice(&amended.to_be_bytes());
    }
    changed
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)])
}

/// Carries brought back in.
const fn fold(sum: u32) -> u32 {
    let once = (sum & 0xffff) + (sum >> 16);
    (once & 0xffff) + (once >> 16)
}

/// In IPv4, zero says that no checksum was made (RFC 768).
const NO_CHECKSUM: u16 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum of RFC 768 over pseudo header, header and data; right where it is 0xffff.
    fn udp_sum(frame: &[u8]) -> u32 {
        let (addresses, datagram) = (&frame[12..20], &frame[20..]);
        let length = datagram.len() as u32;
        let words = addresses.chunks(2).chain(datagram.chunks(2)).map(|bytes| u32::from(word(bytes)));
        words.fold(17 + length, |sum, word| fold(sum + word))
    }

    fn frame(data: &[u8]) -> Vec<u8> {
        let total = (28 + data.len()) as u8;
        let mut frame = vec![0x45, 0, 0, total, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
        frame.extend([0x13, 0xc4, 0x13, 0xc4, 0, total - 20, 0, 0]);
        frame.extend(data);
        let sum = !(udp_sum(&frame) as u16);
        frame[26..28].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    #[test]
    fn a_blanked_digit_leaves_the_checksum_right() {
        for (data, at) in [(&b"Signal=7\r\n"[..], 7), (b"Signal= 7\r\n", 8), (b"odd", 2)] {
            let before = frame(data);
            assert_eq!(udp_sum(&before), 0xffff);
            let after = overwrite(&before, 101, 28 + at, b"*");
            assert_eq!(after[28 + at], b'*');
            assert_eq!(udp_sum(&after), 0xffff, "{data:?}");
        }
    }

    #[test]
    fn where_there_was_no_checksum_none_is_made() {
        let mut before = frame(b"Signal=7");
        before[26..28].fill(0);
        assert_eq!(overwrite(&before, 101, 35, b"*")[26..28], [0, 0]);
    }

    proptest! {
        #[test]
        fn packets_of_many_origins_come_in_the_order_of_their_times(
            mut origins in prop::collection::vec(prop::collection::vec(0i64..50, 0..30), 0..9),
        ) {
            origins.iter_mut().for_each(|times| times.sort_unstable());
            let of = |n: usize, times: &[i64]| -> Vec<Kept<'static>> {
                let kept = |&ns| Kept { at: Time::from_ns(ns), link: n as u32, frame: Cow::Borrowed(&[]) };
                times.iter().map(kept).collect()
            };
            let told = |kept: &Kept<'_>| (kept.at, kept.link);
            let mut sorted: Vec<_> =
                origins.iter().enumerate().flat_map(|(n, times)| of(n, times)).map(|kept| told(&kept)).collect();
            sorted.sort_by_key(|&(at, _)| at);
            let sources = origins.iter().enumerate();
            let sources = sources.map(|(n, times)| -> Source<'_> { Box::new(of(n, times).into_iter()) }).collect();
            let merged: Vec<_> = Merged::of(sources).map(|kept| told(&kept)).collect();
            prop_assert_eq!(merged, sorted);
        }
    }
}
