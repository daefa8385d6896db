//! What was seen of a call so far, for who writes along: while it is open, and once more when it is over.

use flow::Flow;
use rtp::{Ssrc, Stream};

use crate::call::{Call, KeptMessage};
use crate::dialog::Dialog;
use crate::side::Side;
use clock::Time;

/// A call's messages and streams as they stand. Each list only grows, so that a count tells what is new.
#[derive(Debug)]
pub struct SoFar<'a> {
    /// Its signalling.
    pub dialog: &'a Dialog,
    /// Its messages in the order of their coming.
    pub messages: &'a [KeptMessage],
    /// Its RTCP.
    pub reports: &'a [KeptMessage],
    /// Its fax.
    pub fax: &'a [KeptMessage],
    /// Its streams; those of a call that is over, without what was then left out.
    pub streams: Vec<&'a Stream>,
}

/// What tells a stream of a call from its others for as long as the call lasts.
pub type StreamKey = (Flow, Ssrc, Time);

impl<'a> SoFar<'a> {
    /// The whole of a call that is over.
    #[must_use]
    pub fn of(call: &'a Call) -> SoFar<'a> {
        let forks = call.forks.iter().map(|fork| &fork.legs);
        let legs = [&call.legs].into_iter().chain(forks);
        let matched = legs.flat_map(|legs| Side::BOTH.iter().flat_map(|&side| legs.of(side)));
        SoFar {
            dialog: &call.dialog,
            messages: &call.messages,
            reports: &call.reports,
            fax: &call.fax.datagrams,
            streams: matched.map(|matched| &matched.stream).collect(),
        }
    }
}
