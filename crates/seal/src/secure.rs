//! Streams that were encrypted, in the clear again where the call's own descriptions named the keys (RFC 4568), or a
//! handshake over their flows agreed on them (RFC 5764).

use std::ops::Range;

use call::{Both, Call, Matched, Side};
use rtp::Medium;
use rtp::srtp::{Counts, MasterKey, Opener, Sealed, Suite};
use sdp::MediaKind;

/// The payloads of one stream.
#[derive(Debug)]
pub(crate) struct Clear {
    octets: Vec<u8>,
    /// Where each packet's payload stands, in the order of arrival; empty for one that stayed shut.
    places: Vec<Range<usize>>,
    counts: Counts,
}

impl Clear {
    /// Each packet's payload in the order of arrival.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| self.octets.get(place.clone()).unwrap_or_default())
    }

    /// How many packets were opened, and how many are genuine under no key.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

/// What could be opened of each side's streams, in their order; `None` for a stream that was not encrypted, is not
/// audio, or to which no key fits.
pub(crate) fn open(call: &Call, medium: &dyn Medium) -> Both<Vec<Option<Clear>>> {
    let of = |side: Side| {
        let keys = keys(call, side);
        call.legs.of(side).iter().map(|matched| open_stream(matched, &keys, medium)).collect()
    };
    Both { caller: of(Side::Caller), callee: of(Side::Callee) }
}

fn keys(call: &Call, side: Side) -> Vec<MasterKey> {
    let named = call.negotiation.keys(side).iter();
    let usable = named.filter_map(|crypto| Some((Suite::named(&crypto.suite)?, crypto.keys())));
    let described = usable.flat_map(|(suite, keys)| {
        keys.into_iter().filter_map(move |key| MasterKey::new(suite, &key.key_and_salt, &key.identifier))
    });
    // Which of a handshake's keys is whose depends on who began it; that, too, shows by which opens.
    described.chain(call.media_keys.iter().cloned()).collect()
}

fn open_stream(matched: &Matched, keys: &[MasterKey], medium: &dyn Medium) -> Option<Clear> {
    let mut opener = Opener::new(keys);
    if matched.kind != MediaKind::Audio || !opener.has_keys() {
        return None;
    }
    let (ssrc, kept) = (matched.stream.ssrc, &matched.stream.kept);
    let mut clear =
        Clear { octets: Vec::new(), places: Vec::with_capacity(kept.len()), counts: Counts::default() };
    for ((slot, body), header) in kept.bodies(medium).zip(kept.headers(medium)) {
        let plain = slot.plain_header(ssrc);
        let header = header.unwrap_or(&plain);
        let begin = clear.octets.len();
        // What stays shut is counted by the opener, and is an empty payload here.
        let _ = opener.open(Sealed { ssrc, seq: slot.seq(), header, payload: body }, &mut clear.octets);
        let opened = clear.octets.get(begin..).unwrap_or_default();
        clear.places.push(begin..begin + rtp::unpadded(header, opened).len());
    }
    clear.counts = opener.counts();
    (clear.counts.opened > 0).then_some(clear)
}
