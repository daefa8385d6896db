//! One IP packet of which fragments came: its pieces in order, without overlap, until none is missing.

use clock::Time;

use crate::fragment::{Fragment, finish_header};

/// Pieces of one packet. The longest packet has 46 over Ethernet and 119 over the least MTU that is in use.
const MOST_PIECES: usize = 256;
/// What a piece takes beside its octets.
const PIECE_OVERHEAD: usize = 64;

/// Fragments of one packet.
#[derive(Debug)]
pub(crate) struct Partial {
    /// When the first of them came.
    pub began: Time,
    /// Its place among the packets that wait, by when they began.
    pub serial: u64,
    /// The whole packet's header, once the fragment at offset zero came; empty until then.
    header: Vec<u8>,
    /// In the order of their offsets; none overlaps the next.
    pieces: Vec<Piece>,
    /// Where the payload ends, once the last fragment came.
    end: Option<usize>,
    /// Octets in all pieces.
    octets: usize,
}

#[derive(Debug)]
struct Piece {
    offset: usize,
    octets: Box<[u8]>,
    /// A digest of all that the fragment says, to know it by when it comes again.
    print: u64,
}

impl Piece {
    fn end(&self) -> usize {
        self.offset + self.octets.len()
    }
}

/// How a fragment fits the others of its packet. It is kept in the first case alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// It filled a hole.
    Kept,
    /// It had come before.
    Duplicate,
    /// It stands where another stands that says something else: the sender uses the identification again.
    Reused,
    /// It overlaps another, or goes past the end.
    Overlapping,
    /// The packet has more pieces than any honest one.
    TooMany,
}

impl Partial {
    pub(crate) fn new(began: Time, serial: u64) -> Self {
        Partial { began, serial, header: Vec::new(), pieces: Vec::new(), end: None, octets: 0 }
    }

    /// Takes a sound fragment in, by its `print`.
    pub(crate) fn add(&mut self, fragment: &Fragment<'_>, print: u64) -> Fit {
        let (start, end) = (fragment.offset, fragment.end());
        let at = self.pieces.partition_point(|piece| piece.offset < start);
        let next = self.pieces.get(at);
        if let Some(same) = next.filter(|piece| piece.offset == start && piece.end() == end) {
            return if same.print == print { Fit::Duplicate } else { Fit::Reused };
        }
        let before = at.checked_sub(1).and_then(|at| self.pieces.get(at));
        let overlaps =
            before.is_some_and(|piece| piece.end() > start) || next.is_some_and(|p| p.offset < end);
        if overlaps || self.contradicts_end(end, fragment.more) {
            return Fit::Overlapping;
        }
        if self.pieces.len() >= MOST_PIECES {
            return Fit::TooMany;
        }
        if start == 0 {
            self.header = fragment.header_of_whole();
        }
        if !fragment.more {
            self.end = Some(end);
        }
        self.octets += fragment.payload.len();
        self.pieces.insert(at, Piece { offset: start, octets: fragment.payload.into(), print });
        Fit::Kept
    }

    /// A second end, an end before what is there already, or a fragment behind the end.
    fn contradicts_end(&self, end: usize, more: bool) -> bool {
        let reached = self.pieces.last().map_or(0, Piece::end);
        match self.end {
            Some(known) => !more || end > known,
            None => !more && reached > end,
        }
    }

    /// Nothing is missing: without overlaps, as many octets as the end says fill all places.
    pub(crate) fn is_complete(&self) -> bool {
        self.end == Some(self.octets)
    }

    /// Puts the whole packet in the place of what is in `whole`; `false` where it is longer than a packet can be.
    pub(crate) fn join(&self, whole: &mut Vec<u8>) -> bool {
        whole.clear();
        whole.extend_from_slice(&self.header);
        for piece in &self.pieces {
            whole.extend_from_slice(&piece.octets);
        }
        finish_header(whole, self.header.len())
    }

    /// Fragments kept.
    pub(crate) fn fragments(&self) -> u64 {
        self.pieces.len() as u64
    }

    /// The digests of the fragments kept.
    pub(crate) fn prints(&self) -> impl Iterator<Item = u64> {
        self.pieces.iter().map(|piece| piece.print)
    }

    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.header.len() + self.octets + PIECE_OVERHEAD * self.pieces.len()
    }
}
