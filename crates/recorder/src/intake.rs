//! Frames in, calls out: what the reading thread does with each frame.

use call::{Arrival, Call, End, Tracker};
use capture::{Frame, Place};
use clock::Time;
use tls::KeyLog;
use transport::{Handshakes, Streams};
use wire::{Decoded, Decoder, Duplicates, Kind, Link, Reason, Sighting};

use crate::connections;

/// The reading thread's share of the way of a packet.
pub(crate) struct Intake {
    filter: Option<capture::Filter>,
    limits: wire::Limits,
    decoder: Decoder,
    duplicates: Duplicates,
    streams: Streams,
    handshakes: Handshakes,
    tracker: Tracker,
    counts: Counts,
}

/// What was seen of the frames.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) truncated: u64,
    /// Frames that the filter kept out; of them nothing else is counted but their number and size.
    pub(crate) filtered: u64,
    /// Frames that were understood and are neither UDP nor TCP, by the position of their kind in [`Kind::ALL`].
    pub(crate) other: [u64; Kind::ALL.len()],
    /// Frames that were not understood, by the position of the reason in [`Reason::ALL`].
    pub(crate) undecodable: [u64; Reason::ALL.len()],
    pub(crate) last_at: Time,
}

impl Intake {
    pub(crate) fn new(config: call::Config, limits: wire::Limits) -> Intake {
        let counts = Counts {
            frames: 0,
            bytes: 0,
            truncated: 0,
            filtered: 0,
            other: [0; Kind::ALL.len()],
            undecodable: [0; Reason::ALL.len()],
            last_at: Time::default(),
        };
        let (decoder, duplicates) = (Decoder::new(limits), Duplicates::new(limits));
        let streams = Streams::new(wire::tcp::Limits::default(), KeyLog::default());
        let handshakes = Handshakes::new(config.streams.streams, KeyLog::default());
        let (filter, tracker) = (None, Tracker::new(config));
        Intake { filter, limits, decoder, duplicates, streams, handshakes, tracker, counts }
    }

    /// Connections are followed within `limits`, and read by `keys`, as are the handshakes of media. To be said before
    /// anything is seen.
    pub(crate) fn follow_connections(&mut self, limits: wire::tcp::Limits, keys: KeyLog) {
        self.handshakes.handle_keys(keys.clone());
        self.streams = Streams::new(limits, keys);
    }

    /// From here on, only frames that fit `filter` are looked at.
    pub(crate) fn filter_by(&mut self, filter: Option<capture::Filter>) {
        self.filter = filter;
    }

    /// The next link type whose frames cannot be filtered and all pass.
    pub(crate) fn poll_unfiltered(&mut self) -> Option<capture::FilterError> {
        self.filter.as_mut()?.poll_refused()
    }

    /// Where packets go for which memory is short.
    pub(crate) fn spill_to(&mut self, spill: capture::Spill) {
        self.tracker.spill_to(Box::new(Disk(spill)));
    }

    pub(crate) fn handle_frame(&mut self, frame: &Frame<'_>) {
        self.counts.frames += 1;
        self.counts.bytes += frame.bytes.len() as u64;
        self.counts.last_at = self.counts.last_at.max(frame.at);
        if self.filter.as_mut().is_some_and(|filter| !filter.admits(frame.link, frame.bytes)) {
            self.counts.filtered += 1;
            return;
        }
        self.streams.handle_time(frame.at);
        match self.decoder.decode(frame.at, Link::from(frame.link), frame.bytes) {
            Decoded::Datagram(datagram) => {
                self.counts.truncated += u64::from(datagram.truncated);
                let kind = rtp::kind(datagram.payload);
                let sighting = sighting(frame, datagram.packet, kind == rtp::Kind::Rtp);
                if self.duplicates.handle_datagram(&datagram, &sighting) {
                    return;
                }
                let whole = rtp::Frame {
                    bytes: frame.bytes,
                    link: frame.link,
                    place: frame.place.map(Place::number),
                };
                // What came in fragments is kept as the one packet that they were.
                let reassembled =
                    datagram.packet.map(|bytes| rtp::Frame { bytes, link: RAW_IP, place: None });
                let (at, flow, payload) = (frame.at, datagram.flow, datagram.payload);
                if kind == rtp::Kind::Dtls {
                    self.handshakes.handle_datagram(flow, payload);
                }
                self.tracker.handle_datagram(&Arrival {
                    at,
                    flow,
                    path: datagram.path,
                    payload,
                    frame: reassembled.unwrap_or(whole),
                });
            }
            Decoded::Segment(segment) => {
                self.counts.truncated += u64::from(segment.truncated);
                if !self.duplicates.handle_segment(&segment, &sighting(frame, segment.packet, false)) {
                    self.streams.handle_segment(frame.at, &segment);
                }
            }
            Decoded::Held => {}
            Decoded::Other(kind) => count(&mut self.counts.other, Kind::ALL, &kind),
            Decoded::Undecodable(reason) => count(&mut self.counts.undecodable, Reason::ALL, &reason),
        }
        connections::hand_on(&mut self.streams, &mut self.tracker);
    }

    /// The capture itself holds keys. A key log that is none is as good as none: the packets are there all the same.
    pub(crate) fn handle_key_log(&mut self, text: &[u8]) {
        if let Ok(keys) = KeyLog::read(text) {
            self.handshakes.handle_keys(keys.clone());
            self.streams.handle_keys(keys);
        }
    }

    /// The capture lost so many packets in that while.
    pub(crate) fn handle_capture_loss(&mut self, from: Time, to: Time, packets: u64) {
        self.tracker.handle_capture_loss(from, to, packets);
    }

    /// Nothing came, and time passed all the same.
    pub(crate) fn handle_time(&mut self, now: Time) {
        self.streams.handle_time(now);
        connections::hand_on(&mut self.streams, &mut self.tracker);
        self.tracker.handle_time(now);
    }

    /// The input is over.
    pub(crate) fn handle_end(&mut self, end: End) {
        self.streams.handle_end(self.counts.last_at);
        connections::hand_on(&mut self.streams, &mut self.tracker);
        self.tracker.handle_end(end);
    }

    /// The next call that is over, with the keys that its media agreed on.
    pub(crate) fn poll_call(&mut self) -> Option<Call> {
        let mut call = self.tracker.poll_call()?;
        connections::add_media_keys(&self.handshakes, &mut call);
        Some(call)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether media of calls that begin from here on is taken, or turned away and counted.
    pub(crate) fn admit_media(&mut self, admits: bool) {
        self.tracker.admit_media(self.counts.last_at, admits);
    }

    /// Packets of media that were turned away.
    pub(crate) fn turned_away(&self) -> u64 {
        self.tracker.turned_away()
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What the decoder and the packets of the last moments may hold.
    pub(crate) fn limits(&self) -> wire::Limits {
        self.limits
    }

    /// The packets of the last moments.
    pub(crate) fn duplicates(&self) -> &Duplicates {
        &self.duplicates
    }

    /// Frames turned away because a mirror had shown what they hold before: packets, and fragments of some.
    pub(crate) fn copies(&self) -> u64 {
        self.duplicates.counts().copies + self.fragments().of(wire::FragmentResult::Duplicate)
    }

    /// What media agreed on by DTLS.
    pub(crate) fn handshakes(&self) -> &Handshakes {
        &self.handshakes
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    pub(crate) fn fragments(&self) -> &wire::FragmentCounts {
        self.decoder.fragments()
    }
}

/// The spill, as the streams' overflow.
#[derive(Debug)]
struct Disk(capture::Spill);

impl rtp::Overflow for Disk {
    fn put(&mut self, bytes: &[u8]) -> Option<(u64, Box<dyn rtp::Hold>)> {
        let (place, hold) = self.0.put(bytes).ok()?;
        Some((place, Box::new(OnDisk { _hold: hold })))
    }
}

/// Keeps spilled bytes until the packets that they are of are let go of.
#[derive(Debug)]
struct OnDisk {
    _hold: capture::Hold,
}

impl rtp::Hold for OnDisk {}

/// A frame, or the `packet` that its fragment completed, as one of several mirrors shows it.
fn sighting<'a>(frame: &Frame<'a>, packet: Option<&'a [u8]>, numbered: bool) -> Sighting<'a> {
    Sighting { at: frame.at, mirror: frame.origin, frame: packet.unwrap_or(frame.bytes), numbered }
}

/// LINKTYPE_RAW.
pub(crate) const RAW_IP: u32 = 101;

fn count<T: PartialEq>(counts: &mut [u64], all: &[T], one: &T) {
    let place = all.iter().position(|known| known == one).and_then(|at| counts.get_mut(at));
    if let Some(count) = place {
        *count += 1;
    }
}
