//! The byte streams of TCP connections (RFC 9293), as a watcher between the two ends can put them together.
//!
//! Segments come in any order, repeated, cut differently, or not at all: each direction is handed on in order, what
//! came first of an octet wins, and where an octet never came that is said. What the streams mean is their reader's
//! part, who in return says whether a connection is worth the memory.

mod reorder;
mod stream;
mod table;

use clock::{Span, Time};
use flow::Flow;

pub use table::{Connections, Counts};

/// The bounds of what is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections that are followed.
    pub connections: usize,
    /// Bytes that wait for others, here and with the reader, in all connections together.
    pub bytes: usize,
    /// Bytes that wait behind a hole of one direction.
    pub bytes_a_direction: usize,
    /// How long a hole is waited for where nobody acknowledged what was in it: longer than most senders take to send
    /// it again.
    pub hole: Span,
    /// How long it is waited for where its receiver acknowledged it: a capture of several queues is out of order by
    /// less, and it will not be sent again.
    pub acknowledged_hole: Span,
    /// How long a connection that is over is remembered, so that a late repetition does not begin it anew.
    pub linger: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 65_536,
            bytes: 64 << 20,
            bytes_a_direction: 256 << 10,
            hole: Span::from_secs(3),
            acknowledged_hole: Span::from_ms(50),
            linger: Span::from_secs(10),
        }
    }
}

/// One of the two directions of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the endpoint that sorts first.
    Ascending,
    /// From the endpoint that sorts last.
    Descending,
}

impl Direction {
    /// The direction of a flow.
    #[must_use]
    pub fn of(flow: Flow) -> Direction {
        if flow.source <= flow.destination { Direction::Ascending } else { Direction::Descending }
    }

    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Direction {
        match self {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        }
    }
}

/// What is there once for each direction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Both<T> {
    /// Of the ascending direction.
    pub ascending: T,
    /// Of the descending direction.
    pub descending: T,
}

impl<T> Both<T> {
    /// That of one direction.
    pub const fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Ascending => &self.ascending,
            Direction::Descending => &self.descending,
        }
    }

    /// That of one direction, to be changed.
    pub const fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Ascending => &mut self.ascending,
            Direction::Descending => &mut self.descending,
        }
    }
}

/// What the reader of a connection is handed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery<'a> {
    /// When the segment was captured that brought it.
    pub at: Time,
    /// The direction, by its endpoints; of what concerns both, the ascending one.
    pub flow: Flow,
    /// What it is.
    pub piece: Piece<'a>,
}

/// A piece of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// The next octets of a direction.
    Octets(&'a [u8]),
    /// The capture joined this direction behind its handshake: nothing of it came before, and what comes next may be
    /// its first octet or not.
    Joined,
    /// Octets are missing before those that come next.
    Hole,
    /// The connection is over; nothing follows.
    End,
    /// The connection had to make room; nothing follows, unless it is joined again.
    Evicted,
}

/// What a connection is to its reader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Interest {
    /// Nothing: no more of it is handed on, or held.
    None,
    /// It is not known yet.
    #[default]
    Unknown,
    /// It is what the reader looks for.
    Wanted,
}

/// What the reader answers to a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// What the connection is to it.
    pub interest: Interest,
    /// The bytes that it holds for the connection.
    pub held: usize,
}

#[cfg(test)]
mod tests;
