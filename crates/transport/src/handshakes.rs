//! What media agreed on by DTLS at its own ports: the handshakes of all flows, remembered until a call asks for its keys.

use std::collections::{HashMap, VecDeque};

use flow::Flow;
use tls::KeyLog;
use tls::dtls::{Agreement, Handshake, KeyAndSalt};

/// The handshakes of a network.
#[derive(Debug)]
pub struct Handshakes {
    /// By the flow or its reverse, whichever is the smaller: a handshake goes both ways.
    flows: HashMap<Flow, Media>,
    /// The same in the order in which they were first seen.
    order: VecDeque<Flow>,
    keys: KeyLog,
    most: usize,
    evicted: u64,
}

/// What was seen between two endpoints.
#[derive(Default, Debug)]
struct Media {
    handshake: Handshake,
    /// The newest is the last.
    agreed: Vec<Agreement>,
}

/// Keys are changed a few times in a call at the most.
const MOST_AGREED: usize = 8;
/// The kind of record that handshakes are in.
const HANDSHAKE: u8 = 22;

/// How full the table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Flows in it.
    pub entries: usize,
    /// So many it may hold.
    pub limit: usize,
    /// Flows that had to go for others, the oldest first.
    pub evicted: u64,
}

/// A key of SRTP, with how it is used.
#[derive(Clone, Debug)]
pub struct MediaKey {
    /// The SRTP protection profile, as registered.
    pub profile: u16,
    /// The master key and salt.
    pub key_and_salt: KeyAndSalt,
    /// The identifier that packets carry (MKI); mostly empty.
    pub identifier: Vec<u8>,
}

impl Handshakes {
    /// Room for `most` flows, whose secrets are in `keys`.
    #[must_use]
    pub fn new(most: usize, keys: KeyLog) -> Handshakes {
        Handshakes { flows: HashMap::new(), order: VecDeque::new(), keys, most: most.max(1), evicted: 0 }
    }

    /// Takes in a datagram that looks like DTLS.
    pub fn handle_datagram(&mut self, flow: Flow, datagram: &[u8]) {
        // Application data over DTLS goes on for as long as a call; it says nothing here.
        if datagram.first() != Some(&HANDSHAKE) {
            return;
        }
        let both = of_both(flow);
        let media = self.flows.entry(both).or_insert_with(|| {
            self.order.push_back(both);
            Media::default()
        });
        if let Some(agreement) = media.handshake.handle_datagram(datagram)
            && media.agreed.last() != Some(&agreement)
        {
            if media.agreed.len() >= MOST_AGREED {
                media.agreed.remove(0);
            }
            media.agreed.push(agreement);
        }
        if self.flows.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.flows.remove(&oldest);
            self.evicted += 1;
        }
    }

    /// More secrets were found, in the capture itself.
    pub fn handle_keys(&mut self, keys: KeyLog) {
        self.keys.extend(keys);
    }

    /// The keys that were agreed on over that flow or its reverse; `lengths` tells those of a profile's key and salt, where
    /// it is known.
    pub fn keys(&self, flow: Flow, lengths: impl Fn(u16) -> Option<(usize, usize)>) -> Vec<MediaKey> {
        let agreed = self.flows.get(&of_both(flow)).into_iter().flat_map(|media| &media.agreed);
        let of_agreement = |agreement: &Agreement| {
            let lengths = lengths(agreement.profile);
            let keys = lengths.map(|(key, salt)| agreement.keys(&self.keys, key, salt)).unwrap_or_default();
            let (profile, identifier) = (agreement.profile, agreement.identifier.clone());
            let named =
                move |key_and_salt| MediaKey { profile, key_and_salt, identifier: identifier.clone() };
            keys.into_iter().map(named).collect::<Vec<_>>()
        };
        agreed.flat_map(of_agreement).collect()
    }

    /// How full the table is.
    #[must_use]
    pub fn fill(&self) -> Fill {
        Fill { entries: self.flows.len(), limit: self.most, evicted: self.evicted }
    }
}

fn of_both(flow: Flow) -> Flow {
    flow.min(flow.reversed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::{Address, Endpoint};

    fn flow(port: u16) -> Flow {
        let end = |host, port| Endpoint::new(Address::v4([192, 0, 2, host]), port);
        Flow::new(end(1, port), end(2, 4000))
    }

    #[test]
    fn no_more_flows_are_remembered_than_there_is_room_for() {
        let mut handshakes = Handshakes::new(10, KeyLog::default());
        for port in 0..1000 {
            handshakes.handle_datagram(flow(port), &[22, 0xfe, 0xfd, 0]);
            handshakes.handle_datagram(flow(port).reversed(), &[22, 0xfe, 0xfd, 0]);
        }
        assert_eq!(handshakes.fill(), Fill { entries: 10, limit: 10, evicted: 990 });
        assert_eq!(handshakes.order.len(), 10);
        handshakes.handle_datagram(flow(5000), &[23, 0xfe, 0xfd, 0]);
        assert_eq!(handshakes.fill().evicted, 990, "what is no handshake takes no room");
    }
}
