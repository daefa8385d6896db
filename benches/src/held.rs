//! Frames held in memory in the order of their capture, so that a measurement finds its input ready.

use std::ops::Range;

use call::Arrival;
use clock::Time;
use wire::{Decoded, Decoder, Limits, Link};

use crate::{Load, Traffic};

/// Whole frames, behind each other as in a capture file.
#[derive(Default, Debug)]
pub struct Held {
    bytes: Vec<u8>,
    frames: Vec<(Time, Link, Range<usize>)>,
}

impl Held {
    /// Every frame of `load`.
    #[must_use]
    pub fn of(load: Load) -> Self {
        let mut traffic = Traffic::new(load);
        let mut held = Held::default();
        while let Some((at, frame)) = traffic.next_frame() {
            held.push(at, Link::Ethernet, frame);
        }
        held
    }

    /// Adds a frame behind the others.
    pub fn push(&mut self, at: Time, link: Link, frame: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend(frame);
        self.frames.push((at, link, begin..self.bytes.len()));
    }

    /// How many frames are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes they have together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = (Time, Link, &[u8])> {
        let frame = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.frames.iter().map(move |(at, link, range)| (*at, *link, frame(range)))
    }

    /// The datagrams in the frames, kept by their places as those of a mapped file are. Made for frames without
    /// padding, of which a payload is the end.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival<'_>> {
        let mut decoder = Decoder::new(Limits::default());
        let places = self.frames.iter().map(|(_, _, range)| range.start as u64);
        self.frames().zip(places).filter_map(move |((at, link, bytes), place)| {
            let Decoded::Datagram(datagram) = decoder.decode(at, link, bytes) else { return None };
            let (flow, length) = (datagram.flow, datagram.payload.len());
            let payload = bytes.get(bytes.len() - length..)?;
            let frame = rtp::Frame { bytes, link: LINKTYPE_ETHERNET, place: Some(place) };
            Some(Arrival { at, flow, path: &flow::Path::NONE, payload, frame })
        })
    }
}

impl rtp::Medium for Held {
    fn slice(&self, place: u64, len: usize) -> Option<&[u8]> {
        self.bytes.get(place as usize..)?.get(..len)
    }
}

const LINKTYPE_ETHERNET: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Span;
    use rtp::Medium;

    #[test]
    fn a_payload_is_found_again_at_its_place() {
        let load = Load { calls: 2, seconds: 1, stagger: Span::from_ms(300), ..Load::default() };
        let held = Held::of(load);
        assert_eq!(held.len(), 2 * (2 * 50 + 7));
        assert_eq!(held.bytes(), held.frames().map(|(_, _, frame)| frame.len()).sum());
        let arrivals: Vec<_> = held.arrivals().collect();
        assert_eq!(arrivals.len(), held.len());
        assert!(arrivals.iter().any(|arrival| arrival.payload.starts_with(b"INVITE sip:")));
        assert_eq!(arrivals.iter().filter(|arrival| arrival.payload.len() == 172).count(), 2 * 2 * 50);
        for arrival in arrivals {
            let again = held.slice(arrival.frame.place.unwrap(), arrival.frame.bytes.len());
            assert_eq!(again, Some(arrival.frame.bytes));
        }
    }
}
