//! A frame as the capture holds it, and where its bytes stand.

use std::num::NonZeroU64;

use clock::Time;

/// One captured frame, lent by its source until it is asked for the next.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub at: Time,
    /// The link type, by its LINKTYPE_ number in the registry of pcap.
    pub link: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire, as the capture tells it: more than `bytes` holds where it was cut.
    pub wire_len: u32,
    /// Where `bytes` begins in the mapped input; `None` where the bytes are only lent.
    pub place: Option<Place>,
    /// A number that all frames of one interface of one input have in common, and those of others have not.
    pub origin: u32,
}

/// Where a byte stands in the mapped inputs of one [`Replay`](crate::Replay); its [`Medium`](crate::Medium) reads it.
///
/// All mapped files stand behind each other in one row of addresses, the first of which is 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place(NonZeroU64);

impl Place {
    /// Where the first file begins.
    pub(crate) const FIRST: Place = Place(NonZeroU64::MIN);

    /// The place `bytes` further on, to step inside a frame.
    #[must_use]
    pub const fn offset(self, bytes: usize) -> Place {
        Place(self.0.saturating_add(bytes as u64))
    }

    /// The place as a number, to be kept where a place is not known.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// The place of a number that [`Place::number`] gave.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Place> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Place(number)),
            None => None,
        }
    }

    /// How far this place stands behind `earlier`; `None` where it stands before it.
    pub(crate) fn since(self, earlier: Place) -> Option<usize> {
        self.0.get().checked_sub(earlier.0.get()).and_then(|bytes| usize::try_from(bytes).ok())
    }
}

/// What a reader knows of the frame it stands at: all but the bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Head {
    pub(crate) at: Time,
    pub(crate) link: u32,
    pub(crate) wire_len: u32,
    /// Where its bytes begin in the reader's file or buffer.
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// The interface, of an input that names several.
    pub(crate) interface: u16,
}

impl Head {
    /// The frame, its bytes taken from `buffer`; `begin` is the place of the buffer's first byte.
    #[inline]
    pub(crate) fn frame(self, buffer: &[u8], begin: Option<Place>) -> Frame<'_> {
        Frame {
            at: self.at,
            link: self.link,
            bytes: buffer.get(self.start..).and_then(|rest| rest.get(..self.len)).unwrap_or_default(),
            wire_len: self.wire_len,
            place: begin.map(|begin| begin.offset(self.start)),
            origin: u32::from(self.interface),
        }
    }
}
