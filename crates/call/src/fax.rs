//! Faxes by T.38 over UDPTL (ITU-T T.38, annex D): the datagrams between the endpoints that descriptions name for an image,
//! kept as captured. They often share their port with the audio before and after.

use clock::Time;
use flow::Flow;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sdp::MediaKind;

use crate::arrival::Arrival;
use crate::call::KeptMessage;
use crate::claims::{CallKey, Claim, Claims};
use crate::side::Side;
use crate::udptl::Udptl;

/// What came of a fax.
#[derive(Clone, Default, Debug)]
pub struct Fax {
    /// Each way that it took, in the order of their first packets.
    pub streams: Vec<FaxStream>,
    /// The datagrams, as captured.
    pub datagrams: Vec<KeptMessage>,
    /// Datagrams that were not kept because there were too many.
    pub dropped: u64,
    kept_bytes: usize,
}

/// One way of a fax.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaxStream {
    /// Who sends.
    pub sender: Side,
    /// From where to where.
    pub flow: Flow,
    /// Datagrams.
    pub packets: u64,
    /// Octets in them.
    pub octets: u64,
    /// Datagrams that are missing by their numbers; copies in later ones may mend that.
    pub lost: u64,
    /// When the first came.
    pub first_at: Time,
    /// When the last came.
    pub last_at: Time,
    /// The highest number, and how many there are up to it.
    highest: u16,
    expected: u64,
}

impl Fax {
    /// Takes a datagram of `sender`, and keeps it where the call then holds no more than `room` bytes of them.
    fn handle(&mut self, udptl: Udptl, sender: Side, arrival: &Arrival<'_>, room: usize) {
        let has_room = self.streams.len() < MOST_STREAMS;
        match self.streams.iter_mut().find(|stream| stream.flow == arrival.flow) {
            Some(stream) => stream.handle(udptl, arrival),
            None if has_room => self.streams.push(FaxStream::begin(udptl, sender, arrival)),
            None => {}
        }
        match KeptMessage::of(arrival).filter(|kept| self.kept_bytes + kept.weight() <= MOST_BYTES.min(room))
        {
            Some(kept) => {
                self.kept_bytes += kept.weight();
                self.datagrams.push(kept);
            }
            None => self.dropped += 1,
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        self.kept_bytes + self.streams.len() * size_of::<FaxStream>()
    }
}

impl FaxStream {
    fn begin(udptl: Udptl, sender: Side, arrival: &Arrival<'_>) -> FaxStream {
        FaxStream {
            sender,
            flow: arrival.flow,
            packets: 1,
            octets: arrival.payload.len() as u64,
            lost: 0,
            first_at: arrival.at,
            last_at: arrival.at,
            highest: udptl.seq,
            expected: 1,
        }
    }

    fn handle(&mut self, udptl: Udptl, arrival: &Arrival<'_>) {
        self.packets += 1;
        self.octets += arrival.payload.len() as u64;
        self.last_at = arrival.at;
        if udptl.goes_on_from(self.highest) {
            let ahead = udptl.seq.wrapping_sub(self.highest);
            if ahead < u16::MAX / 2 {
                self.expected += u64::from(ahead);
                self.highest = udptl.seq;
            }
        } else {
            // It begins anew, as after a second switch.
            self.expected = self.packets;
            self.highest = udptl.seq;
        }
        self.lost = self.expected.saturating_sub(self.packets);
    }
}

/// The ways of all faxes that are under way.
#[derive(Default, Debug)]
pub(crate) struct Faxes {
    /// Whose they are, and their last numbers.
    ways: HashMap<Flow, (CallKey, Side, u16), RandomState>,
}

/// A datagram of a fax, and whose it is.
pub(crate) struct Sent {
    pub(crate) call: CallKey,
    sender: Side,
    udptl: Udptl,
}

impl Faxes {
    /// Whether the datagram goes on with a fax, whatever else it looks like: numbers run through every first octet.
    pub(crate) fn goes_on(&self, arrival: &Arrival<'_>) -> Option<Sent> {
        if self.ways.is_empty() {
            return None;
        }
        let &(call, sender, last) = self.ways.get(&arrival.flow)?;
        let udptl = Udptl::read(arrival.payload).filter(|udptl| udptl.goes_on_from(last))?;
        Some(Sent { call, sender, udptl })
    }

    /// Whether the datagram begins one: it goes to, or comes from, where a call said that it takes an image.
    pub(crate) fn begins(&self, arrival: &Arrival<'_>, claims: &Claims) -> Option<Sent> {
        let udptl = Udptl::read(arrival.payload)?;
        let latest = |claims: &[Claim]| {
            claims.iter().rev().find(|claim| claim.named.kind == MediaKind::Image).copied()
        };
        let to = latest(claims.at(arrival.flow.destination)).map(|claim| (claim.call, claim.side.other()));
        let from = || latest(claims.at(arrival.flow.source)).map(|claim| (claim.call, claim.side));
        let (call, sender) = to.or_else(from)?;
        Some(Sent { call, sender, udptl })
    }

    /// Gives a datagram to its call's fax.
    pub(crate) fn give(&mut self, sent: &Sent, fax: &mut Fax, arrival: &Arrival<'_>, room: usize) {
        let &Sent { call, sender, udptl } = sent;
        fax.handle(udptl, sender, arrival, room);
        if fax.streams.iter().any(|stream| stream.flow == arrival.flow) {
            self.ways.insert(arrival.flow, (call, sender, udptl.seq));
        }
    }

    /// The call is over.
    pub(crate) fn forget(&mut self, call: CallKey, fax: &Fax) {
        for stream in &fax.streams {
            if self.ways.get(&stream.flow).is_some_and(|&(owner, ..)| owner == call) {
                self.ways.remove(&stream.flow);
            }
        }
    }
}

/// Both ways, by several hops.
const MOST_STREAMS: usize = 16;
/// Some hours of fax.
const MOST_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use flow::{Address, Endpoint};

    #[test]
    fn numbers_that_are_missing_are_counted_over_a_wrap_and_doubles_are_not() {
        let end = |host| Endpoint::new(Address::v4([192, 0, 2, host]), 4000);
        let mut fax = Fax::default();
        for seq in [65_533u16, 65_534, 65_535, 2, 1, 3, 3] {
            let [high, low] = seq.to_be_bytes();
            let payload = [high, low, 1, 6, 0, 0];
            let arrival = Arrival {
                at: Time::default(),
                flow: Flow::new(end(1), end(2)),
                path: &flow::Path::NONE,
                payload: &payload,
                frame: rtp::Frame { bytes: &payload, link: 101, place: None },
            };
            let udptl = Udptl::read(&payload).unwrap();
            fax.handle(udptl, Side::Caller, &arrival, 200);
        }
        let stream = &fax.streams[0];
        // 0 is missing, and the double of 3 stands in for it.
        assert_eq!((stream.packets, stream.expected, stream.lost, fax.streams.len()), (7, 7, 0, 1));
        assert!(fax.dropped > 0 && fax.datagrams.len() as u64 + fax.dropped == 7, "there is no room for all");
    }
}
