//! One interface, read without ever waiting for it, and opened again when it was lost.
//!
//! libpcap's own time-out is no help: on a silent link it does not return. So the handle never blocks, and whoever reads
//! waits for its descriptor.

use std::iter::Sum;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use clock::Time;
use pcap::{Active, Capture, Packet, Precision, TimestampType};

use super::drops::Carried;
use super::error::{LiveError, Notice};
use super::merge::Gives;
use super::{Options, TimeStamps};
use crate::frame::Frame;
use crate::link;

/// An interface that was opened.
pub(crate) struct Interface {
    pub(crate) name: String,
    /// Which of the interfaces it is.
    number: u32,
    options: Options,
    /// `None` while it is lost.
    open: Option<Open>,
    /// Why it was lost, until that was told.
    lost: Option<pcap::Error>,
    tried_at: Instant,
    kernel: Carried,
    card: Carried,
}

struct Open {
    capture: Capture<Active>,
    link: u32,
}

/// Packets that were lost before this program could see them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Drops {
    /// By the kernel: its buffer was full.
    pub kernel: u64,
    /// By the network card or its driver.
    pub card: u64,
}

impl Drops {
    /// By whomever.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.kernel + self.card
    }
}

impl Sum for Drops {
    fn sum<I: Iterator<Item = Drops>>(drops: I) -> Drops {
        drops.fold(Drops::default(), |sum, one| Drops {
            kernel: sum.kernel + one.kernel,
            card: sum.card + one.card,
        })
    }
}

impl Interface {
    pub(crate) fn open(number: u32, name: &str, options: &Options) -> Result<Interface, LiveError> {
        let open = Some(Open::new(name, options)?);
        let (name, options, tried_at) = (name.to_owned(), options.clone(), Instant::now());
        let (kernel, card) = (Carried::default(), Carried::default());
        Ok(Interface { name, number, options, open, lost: None, tried_at, kernel, card })
    }

    /// Whether it was lost or came back since it was asked before. A lost one is tried again once a second.
    pub(crate) fn news(&mut self) -> Option<Notice> {
        if let Some(source) = self.lost.take() {
            return Some(Notice::Lost { name: self.name.clone(), source });
        }
        if self.open.is_some() || self.tried_at.elapsed() < BETWEEN_TRIES {
            return None;
        }
        self.tried_at = Instant::now();
        self.open = Some(Open::new(&self.name, &self.options).ok()?);
        self.kernel.restart();
        self.card.restart();
        Some(Notice::Back { name: self.name.clone() })
    }

    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(|open| open.capture.as_fd())
    }

    pub(crate) fn drops(&mut self) -> Drops {
        self.count_drops();
        Drops { kernel: self.kernel.total(), card: self.card.total() }
    }

    fn count_drops(&mut self) {
        if let Some(Ok(stat)) = self.open.as_mut().map(|open| open.capture.stats()) {
            self.kernel.at(stat.dropped);
            self.card.at(stat.if_dropped);
        }
    }
}

/// A frame is lent from the kernel's ring.
impl Gives for Interface {
    #[inline]
    fn give(&mut self, take: impl FnOnce(&Frame<'_>)) {
        let Some(open) = &mut self.open else { return };
        match open.capture.next_packet() {
            Ok(packet) => take(&frame(&packet, open.link, self.number)),
            // It says so under traffic, too.
            Err(pcap::Error::TimeoutExpired) => {}
            Err(source) => {
                self.count_drops();
                (self.open, self.lost, self.tried_at) = (None, Some(source), Instant::now());
            }
        }
    }
}

impl Open {
    fn new(name: &str, options: &Options) -> Result<Open, LiveError> {
        let refused = |source| LiveError::of_interface(name, source);
        let inactive = Capture::from_device(name).map_err(refused)?;
        let ready = inactive
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            // There is no such mode for all interfaces at once, and libpcap takes it ill to be asked for it.
            .promisc(options.promiscuous && name != ANY)
            .tstamp_type(match options.time_stamps {
                TimeStamps::Host => TimestampType::Host,
                TimeStamps::Adapter => TimestampType::Adapter,
                TimeStamps::AdapterUnsynced => TimestampType::AdapterUnsynced,
            })
            .precision(Precision::Nano)
            .timeout(RETIRE_MS);
        let mut capture = ready.open().and_then(Capture::setnonblock).map_err(refused)?;
        if let Some(filter) = &options.filter {
            let refused =
                |source| LiveError::Filter { name: name.to_owned(), filter: filter.clone(), source };
            capture.filter(filter, true).map_err(refused)?;
        }
        let link = link::of_dlt(u32::try_from(capture.get_datalink().0).unwrap_or_default());
        Ok(Open { capture, link })
    }
}

fn frame<'a>(packet: &Packet<'a>, link: u32, origin: u32) -> Frame<'a> {
    // With the precision that was asked for, what is called microseconds are nanoseconds.
    let at = Time::from_parts(packet.header.ts.tv_sec, u32::try_from(packet.header.ts.tv_usec).unwrap_or(0));
    Frame { at, link, bytes: packet.data, wire_len: packet.header.len, place: None, origin }
}

/// All interfaces as one.
const ANY: &str = "any";
/// After so many milliseconds the kernel hands on a block of its ring that is not full.
const RETIRE_MS: i32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
