//! What a tracker keeps, how much of it, and how long it waits.

use clock::Span;
use rtp::Copying;

/// How long to wait for what, by the capture's clock.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After the end of a call its media may still come for so long.
    pub grace: Span,
    /// After the end, repetitions of the last messages are still the call's.
    pub linger: Span,
    /// For an INVITE with credentials after it was asked for (RFC 3261: 64 times T1).
    pub challenge: Span,
    /// For a final response: Timer C and some (RFC 3261, section 16.6).
    pub ringing: Span,
    /// For media to go on in an answered call.
    pub media: Span,
    /// For a sign of life in an answered call whose media was never seen.
    pub no_media: Span,
    /// For media to go on in a call without signalling.
    pub unsignalled: Span,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            grace: Span::from_secs(1),
            linger: Span::from_secs(5),
            challenge: Span::from_secs(32),
            ringing: Span::from_secs(200),
            media: Span::from_secs(300),
            no_media: Span::from_secs(7200),
            unsignalled: Span::from_secs(30),
        }
    }
}

/// What becomes of streams that no call claims.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Orphans {
    /// They are counted, and dropped after the look-back.
    #[default]
    Drop,
    /// They become calls without signalling.
    Record,
}

/// What a tracker keeps and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The bounds of the table of streams.
    pub streams: rtp::Limits,
    /// How many calls may be open at once.
    pub calls: usize,
    /// How many bytes of signalling open calls may hold: a call may hold a part of what is left.
    pub signalling_bytes: usize,
    /// How much of each lent packet is copied.
    pub copying: Copying,
    /// What becomes of streams that no call claims.
    pub orphans: Orphans,
    /// How long to wait.
    pub patience: Patience,
}

impl Default for Config {
    fn default() -> Self {
        let (streams, patience) = (rtp::Limits::default(), Patience::default());
        Config {
            streams,
            calls: 100_000,
            signalling_bytes: 1 << 30,
            copying: Copying::Payloads,
            orphans: Orphans::Drop,
            patience,
        }
    }
}

/// By what calls of one conversation are found, and how much of those that are over is remembered for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Links {
    /// Headers whose value names a conversation, or another call's Call-ID.
    pub headers: Vec<String>,
    /// How many calls are remembered.
    pub calls: usize,
    /// How many bytes of what their messages say.
    pub bytes: usize,
    /// How many digests of their payloads.
    pub payloads: usize,
}

impl Default for Links {
    fn default() -> Self {
        Links { headers: Vec::new(), calls: 65_536, bytes: 64 << 20, payloads: 1 << 18 }
    }
}
