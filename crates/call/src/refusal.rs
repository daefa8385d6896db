//! Streams near a call that are not in it, and why: kept beside the call so that a missing voice can be explained.
//!
//! Streams that left the table lately are remembered by their addresses, without their packets, until newer ones take
//! their room.

use std::collections::VecDeque;

use clock::Time;
use flow::{Address, Endpoint, Flow};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rtp::{Ssrc, Stream};

use crate::fill::Fill;

/// Why a stream near a call is not in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// Two calls could claim it with equal right.
    Ambiguous,
    /// It is in another call.
    OtherCall,
    /// It began after the call's end and its grace.
    AfterEnd,
    /// It was over before a description named its address.
    BeforeOffer,
    /// Its payload type is none that a description has, nor any audio's.
    NotAudio,
    /// A few packets beside a stream that is the leg's own.
    Handful,
    /// Its source sends elsewhere at the same time, as described.
    SentElsewhere,
    /// The call had as many streams as it may have.
    TooMany,
    /// No description names it, and nothing else speaks for it.
    NoClaim,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Refusal; 9] = [
        Refusal::Ambiguous,
        Refusal::OtherCall,
        Refusal::AfterEnd,
        Refusal::BeforeOffer,
        Refusal::NotAudio,
        Refusal::Handful,
        Refusal::SentElsewhere,
        Refusal::TooMany,
        Refusal::NoClaim,
    ];

    /// The word for it in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::Ambiguous => "ambiguous",
            Refusal::OtherCall => "other_call",
            Refusal::AfterEnd => "after_end",
            Refusal::BeforeOffer => "before_offer",
            Refusal::NotAudio => "not_audio",
            Refusal::Handful => "handful",
            Refusal::SentElsewhere => "sent_elsewhere",
            Refusal::TooMany => "too_many",
            Refusal::NoClaim => "no_claim",
        }
    }
}

/// A stream that is not in the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// From where to where.
    pub flow: Flow,
    /// Who sent it.
    pub ssrc: Ssrc,
    /// How many of its packets were seen, as far as they were still known.
    pub packets: u64,
    /// When the first of them came.
    pub first_at: Time,
    /// When the last one came.
    pub last_at: Time,
    /// Why it is not in the call.
    pub reason: Refusal,
}

impl Refused {
    pub(crate) fn of(stream: &Stream, reason: Refusal) -> Refused {
        Refused {
            flow: stream.flow,
            ssrc: stream.ssrc,
            packets: stream.kept.len() as u64,
            first_at: stream.first_at,
            last_at: stream.last_at,
            reason,
        }
    }
}

/// Where a call says that its media is, and when.
#[derive(Debug)]
pub(crate) struct Vicinity {
    /// The endpoints that its descriptions name, in order.
    pub(crate) named: Vec<Endpoint>,
    /// The hosts of its parties, in order: those of the endpoints, and those that they signal from.
    pub(crate) hosts: Vec<Address>,
    /// The time in which a stream is worth a word.
    pub(crate) from: Time,
    pub(crate) to: Time,
    /// When a description first named something.
    pub(crate) described_at: Time,
    /// Until when media may be the call's.
    pub(crate) until: Option<Time>,
}

impl Vicinity {
    /// How near a stream is: 0 where it begins or ends at a named endpoint, 1 where it does so some ports beside, 2
    /// where it goes between the parties' hosts.
    fn distance(&self, flow: Flow) -> Option<u8> {
        let ends = [flow.destination, flow.source];
        let is_beside = |end: Endpoint| {
            let lowest = Endpoint::new(end.address, end.port.saturating_sub(PORTS_BESIDE));
            let next = self.named.partition_point(|named| *named < lowest);
            let highest = Endpoint::new(end.address, end.port.saturating_add(PORTS_BESIDE));
            self.named.get(next).is_some_and(|named| *named <= highest)
        };
        if ends.iter().any(|end| self.named.binary_search(end).is_ok()) {
            Some(0)
        } else if ends.iter().any(|&end| is_beside(end)) {
            Some(1)
        } else {
            let is_host = |end: &Endpoint| self.hosts.binary_search(&end.address).is_ok();
            ends.iter().all(is_host).then_some(2)
        }
    }

    /// Why a stream at a named endpoint that nothing was held against is not in the call.
    fn reason(&self, refused: &Refused, distance: u8) -> Refusal {
        match refused.reason {
            Refusal::NoClaim if distance > 0 => Refusal::NoClaim,
            Refusal::NoClaim if self.until.is_some_and(|until| refused.first_at > until) => Refusal::AfterEnd,
            Refusal::NoClaim if refused.last_at < self.described_at => Refusal::BeforeOffer,
            reason => reason,
        }
    }

    /// Of `streams` those that are near, the nearest and then the longest first, no more than a record takes.
    pub(crate) fn pick(&self, streams: impl Iterator<Item = Refused>) -> Vec<Refused> {
        let in_time = |refused: &Refused| refused.last_at >= self.from && refused.first_at <= self.to;
        let near = streams.filter(in_time).filter_map(|refused| {
            let distance = self.distance(refused.flow)?;
            // What goes beside it in another call is none of its business: a gateway has many.
            let is_near = refused.reason != Refusal::OtherCall || distance == 0;
            is_near.then(|| (distance, Refused { reason: self.reason(&refused, distance), ..refused }))
        });
        let mut near: Vec<(u8, Refused)> = near.collect();
        near.sort_by_key(|(distance, one)| {
            (*distance, std::cmp::Reverse(one.packets), one.first_at, one.flow, one.ssrc, one.reason)
        });
        near.dedup_by_key(|(_, one)| (one.flow, one.ssrc, one.first_at));
        let mut of_others = 0;
        near.retain(|(_, one)| {
            of_others += usize::from(one.reason == Refusal::OtherCall);
            one.reason != Refusal::OtherCall || of_others <= MOST_OF_OTHERS
        });
        near.truncate(MOST_REFUSED);
        near.into_iter().map(|(_, refused)| refused).collect()
    }
}

/// RTP and RTCP of a few media lie so close together.
const PORTS_BESIDE: u16 = 8;
/// Refused streams in one record: more of them explain no more.
pub(crate) const MOST_REFUSED: usize = 16;
/// Of those, streams of other calls: where one port serves all calls there are any number.
const MOST_OF_OTHERS: usize = 4;

/// Streams that left the table lately.
#[derive(Default, Debug)]
pub(crate) struct Lately {
    gone: VecDeque<Refused>,
    /// The number of the first in `gone`, counted from the beginning.
    first: u64,
    by_address: HashMap<Address, VecDeque<u64>, RandomState>,
}

impl Lately {
    pub(crate) fn remember(&mut self, refused: Refused) {
        if self.gone.len() >= MOST_GONE {
            self.forget_first();
        }
        let number = self.first + self.gone.len() as u64;
        for address in addresses(refused.flow) {
            self.by_address.entry(address).or_default().push_back(number);
        }
        self.gone.push_back(refused);
    }

    /// Numbers come in order, so the first of all is the first at its addresses.
    fn forget_first(&mut self) {
        let Some(refused) = self.gone.pop_front() else { return };
        self.first += 1;
        for address in addresses(refused.flow) {
            if let Some(numbers) = self.by_address.get_mut(&address) {
                numbers.pop_front();
                if numbers.is_empty() {
                    self.by_address.remove(&address);
                }
            }
        }
    }

    /// How many are remembered, and how many had to be forgotten.
    pub(crate) fn fill(&self) -> Fill {
        Fill::new(self.gone.len(), MOST_GONE, self.first)
    }

    /// Those that began or ended at `address`, the latest first.
    pub(crate) fn at(&self, address: Address) -> impl Iterator<Item = Refused> {
        let numbers = self.by_address.get(&address).into_iter().flatten().rev().take(MOST_LOOKED_AT);
        numbers.filter_map(|number| self.gone.get((number - self.first) as usize)).copied()
    }
}

/// Both addresses of a flow, once where they are the same.
fn addresses(flow: Flow) -> impl Iterator<Item = Address> {
    let (source, destination) = (flow.source.address, flow.destination.address);
    std::iter::once(source).chain((source != destination).then_some(destination))
}

/// Half a megabyte.
const MOST_GONE: usize = 4096;
/// A gateway may have had any number of them.
const MOST_LOOKED_AT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: u8, port: u16) -> Endpoint {
        Endpoint::new(Address::v4([192, 0, 2, host]), port)
    }

    fn refused(source: Endpoint, destination: Endpoint, at_s: (i64, i64)) -> Refused {
        Refused {
            flow: Flow::new(source, destination),
            ssrc: Ssrc(1),
            packets: 50,
            first_at: Time::from_parts(at_s.0, 0),
            last_at: Time::from_parts(at_s.1, 0),
            reason: Refusal::NoClaim,
        }
    }

    fn vicinity() -> Vicinity {
        let (caller, callee) = (endpoint(1, 4000), endpoint(2, 6000));
        Vicinity {
            named: vec![caller, callee],
            hosts: vec![caller.address, callee.address],
            from: Time::from_parts(90, 0),
            to: Time::from_parts(210, 0),
            described_at: Time::from_parts(100, 0),
            until: Some(Time::from_parts(200, 0)),
        }
    }

    #[test]
    fn the_nearest_come_first_each_with_its_reason() {
        let streams = [
            refused(endpoint(1, 9000), endpoint(2, 9000), (110, 120)),
            refused(endpoint(1, 4004), endpoint(7, 9000), (110, 120)),
            refused(endpoint(3, 9000), endpoint(2, 6000), (201, 205)),
            refused(endpoint(1, 4000), endpoint(9, 9000), (91, 99)),
            refused(endpoint(1, 4000), endpoint(9, 9000), (10, 89)),
            refused(endpoint(1, 4020), endpoint(9, 9000), (110, 120)),
        ];
        let picked = vicinity().pick(streams.into_iter());
        let told: Vec<_> = picked.iter().map(|one| (one.flow.source.port, one.reason)).collect();
        let others = streams.map(|one| Refused { reason: Refusal::OtherCall, ..one });
        let told_of_others: Vec<_> =
            vicinity().pick(others.into_iter()).iter().map(|one| one.flow.source.port).collect();
        assert_eq!(told_of_others, [4000, 9000], "only those at a named endpoint, in time");
        let expected = [
            (4000, Refusal::BeforeOffer),
            (9000, Refusal::AfterEnd),
            (4004, Refusal::NoClaim),
            (9000, Refusal::NoClaim),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_record_takes_so_many_and_each_once() {
        let many = (0..100).map(|n| refused(endpoint(1, 4000), endpoint(9, 9000), (110, 120 + n % 50)));
        let distinct = many.clone().enumerate().map(|(n, one)| Refused { ssrc: Ssrc(n as u32), ..one });
        assert_eq!(vicinity().pick(many).len(), 1);
        assert_eq!(vicinity().pick(distinct.clone()).len(), MOST_REFUSED);
        let of_others = distinct.map(|one| Refused { reason: Refusal::OtherCall, ..one });
        assert_eq!(vicinity().pick(of_others).len(), MOST_OF_OTHERS);
    }

    #[test]
    fn what_left_is_remembered_until_newer_ones_come() {
        let mut lately = Lately::default();
        let one = refused(endpoint(1, 4000), endpoint(1, 4002), (1, 2));
        lately.remember(one);
        assert_eq!(lately.at(endpoint(1, 0).address).count(), 1);
        for n in 0..3 * MOST_GONE as u32 {
            let [.., b, c] = n.to_be_bytes();
            lately.remember(refused(endpoint(b, 4000), endpoint(c, 4002), (i64::from(n), 0)));
        }
        assert_eq!(lately.gone.len(), MOST_GONE);
        let numbers: usize = lately.by_address.values().map(VecDeque::len).sum();
        assert!(numbers <= 2 * MOST_GONE && lately.by_address.len() <= 512);
        let latest = lately.at(endpoint(255, 0).address).next().unwrap();
        assert_eq!(latest.first_at, Time::from_parts(3 * MOST_GONE as i64 - 1, 0));
    }
}
