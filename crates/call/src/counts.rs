//! What was seen and what became of it, in whole numbers that depend on the packets alone.

use sip::{Message, Method, ReadError, StartLine, StatusClass};

/// Counters of everything that passed through a [`crate::Tracker`].
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Calls that were begun.
    pub calls_seen: u64,
    /// Requests, by the position of their method in [`Method::ALL`].
    pub requests: [u64; Method::ALL.len()],
    /// Responses, by the position of their class in [`StatusClass::ALL`].
    pub responses: [u64; StatusClass::ALL.len()],
    /// Messages that came again on the same way.
    pub retransmissions: u64,
    /// Messages that could not be read, by the position in [`ReadError::KINDS`].
    pub sip_errors: [u64; ReadError::KINDS.len()],
    /// MESSAGE requests by where they were kept.
    pub texts: TextCounts,
    /// Reports of voice quality by what became of them.
    pub voice_quality: VoiceQualityCounts,
    /// Session descriptions that could not be read.
    pub sdp_errors: u64,
    /// Datagrams on their way through RTP, by what became of them.
    pub rtp: RtpCounts,
    /// Streams that no call claimed, by why.
    pub orphans: OrphanCounts,
    /// Datagrams of faxes, in calls.
    pub fax_datagrams: u64,
    /// Datagrams that are neither SIP nor media.
    pub other_datagrams: u64,
    /// Calls that had to go because the table was full.
    pub calls_evicted: u64,
    /// Those of them for which there was room but for what they held.
    pub calls_evicted_for_bytes: u64,
    /// Streams that had to go because the table or the memory was full.
    pub streams_evicted: u64,
}

/// SIP MESSAGE, retransmissions among them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct TextCounts {
    /// In a call's dialog.
    pub in_dialog: u64,
    /// Outside of any dialog, between the parties of a call.
    pub in_call: u64,
    /// Between others: not kept.
    pub elsewhere: u64,
}

/// Reports of voice quality in SIP (RFC 6035), each counted once.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct VoiceQualityCounts {
    /// Of a call that was open, or over for no longer than its messages may be late.
    pub in_call: u64,
    /// Of a call that is not known, or not any more.
    pub elsewhere: u64,
    /// One more than a call may have, or too long.
    pub refused: u64,
}

/// Packets by what became of them; together they are all that looked like RTP or shared its ports.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct RtpCounts {
    /// In a call.
    pub attached: u64,
    /// In a stream that no call claimed.
    pub orphan: u64,
    /// In what never proved to be a stream.
    pub probation: u64,
    /// Header, extension or padding claimed more than was there.
    pub malformed: u64,
    /// No room for its stream.
    pub refused: u64,
    /// RTCP.
    pub rtcp: u64,
    /// STUN.
    pub stun: u64,
    /// DTLS.
    pub dtls: u64,
}

/// Streams without a call.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OrphanCounts {
    /// Nobody's signalling names it.
    pub unclaimed: u64,
    /// Two calls could claim it with equal right.
    pub ambiguous: u64,
    /// It had to go before its time.
    pub evicted: u64,
}

impl Counts {
    pub(crate) fn count_message(&mut self, message: &Message<'_>) {
        let count = match message.start() {
            StartLine::Request { method, .. } => {
                let at = Method::ALL.iter().position(|known| known == method);
                at.and_then(|at| self.requests.get_mut(at))
            }
            StartLine::Status { code, .. } => {
                let class = StatusClass::of(*code);
                let at = StatusClass::ALL.iter().position(|known| *known == class);
                at.and_then(|at| self.responses.get_mut(at))
            }
        };
        if let Some(count) = count {
            *count += 1;
        }
    }

    pub(crate) fn count_sip_error(&mut self, error: &ReadError) {
        let at = ReadError::KINDS.iter().position(|kind| *kind == error.kind());
        if let Some(count) = at.and_then(|at| self.sip_errors.get_mut(at)) {
            *count += 1;
        }
    }
}
