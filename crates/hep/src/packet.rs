//! A HEP packet: its header, and what its chunks say, as far as a recorder needs it.
//!
//! ```text
//! +----+----+----+----+---------+--------- ...
//! | H  | E  | P  | 3  | length  | chunks
//! +----+----+----+----+---------+--------- ...
//! ```

use clock::Time;
use flow::{Address, Endpoint, Flow};

use crate::chunk::{Chunk, Chunks, kind};
use crate::refused::Refused;

/// What a packet holds, borrowed from its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Packet<'a> {
    /// When the agent saw it; `None` where it does not say.
    pub at: Option<Time>,
    /// From where to where it went; `None` where either end is missing.
    pub flow: Option<Flow>,
    /// The IP protocol that carried it: 17 for UDP, 6 for TCP.
    pub transport: Option<u8>,
    /// What the agent takes it for.
    pub contents: Contents,
    /// The number of the agent.
    pub agent: Option<u32>,
    /// The key that the agent was given.
    pub key: Option<&'a [u8]>,
    /// What the agent holds to be the same conversation: mostly the Call-ID.
    pub correlation: Option<&'a [u8]>,
    /// The VLAN it was seen in.
    pub vlan: Option<u16>,
    /// What the datagram carried, or the message of a stream.
    pub payload: Option<&'a [u8]>,
    /// The same, packed by zlib or gzip.
    pub packed: Option<&'a [u8]>,
}

/// What the payload is, by the agent's word.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Contents {
    /// A SIP message.
    Sip,
    /// An RTP packet.
    Rtp,
    /// RTCP: as it was on the wire, or told in JSON.
    Rtcp,
    /// Anything else: logs, reports, other protocols.
    Other(u8),
    /// The agent does not say.
    #[default]
    Unknown,
}

impl From<u8> for Contents {
    fn from(number: u8) -> Contents {
        match number {
            0x01 => Contents::Sip,
            0x04 => Contents::Rtp,
            0x05 => Contents::Rtcp,
            other => Contents::Other(other),
        }
    }
}

/// What each packet of version 3 begins with.
pub(crate) const MAGIC: &[u8; 4] = b"HEP3";
/// The magic and the packet's length.
pub(crate) const HEADER: usize = 6;

impl<'a> Packet<'a> {
    /// Reads a packet. Bytes behind its end are left alone; chunks of other vendors and of unknown types are passed over.
    ///
    /// # Errors
    /// Where it is no such packet, or its chunks do not hold together.
    pub fn read(bytes: &'a [u8]) -> Result<Packet<'a>, Refused> {
        let after_magic = bytes.strip_prefix(MAGIC).ok_or(Refused::NotHep)?;
        let length = after_magic.first_chunk().map(|&length| usize::from(u16::from_be_bytes(length)));
        let chunks = bytes.get(HEADER..length.ok_or(Refused::Length)?).ok_or(Refused::Length)?;
        let mut facts = Facts::default();
        for chunk in Chunks::new(chunks) {
            facts.enter(chunk?)?;
        }
        Ok(facts.packet())
    }
}

/// What the chunks have said so far.
#[derive(Default)]
struct Facts<'a> {
    packet: Packet<'a>,
    addresses_v4: [Option<Address>; 2],
    addresses_v6: [Option<Address>; 2],
    ports: [Option<u16>; 2],
    seconds: Option<u32>,
    microseconds: u32,
}

impl<'a> Facts<'a> {
    fn enter(&mut self, chunk: Chunk<'a>) -> Result<(), Refused> {
        if chunk.vendor != 0 {
            return Ok(());
        }
        let value = chunk.value;
        let [source_v4, destination_v4] = &mut self.addresses_v4;
        let [source_v6, destination_v6] = &mut self.addresses_v6;
        let [source_port, destination_port] = &mut self.ports;
        match chunk.kind {
            kind::TRANSPORT => self.packet.transport = Some(u8::from_be_bytes(exact(value)?)),
            kind::SOURCE_V4 => *source_v4 = Some(Address::v4(exact(value)?)),
            kind::DESTINATION_V4 => *destination_v4 = Some(Address::v4(exact(value)?)),
            kind::SOURCE_V6 => *source_v6 = Some(Address::v6(exact(value)?)),
            kind::DESTINATION_V6 => *destination_v6 = Some(Address::v6(exact(value)?)),
            kind::SOURCE_PORT => *source_port = Some(u16::from_be_bytes(exact(value)?)),
            kind::DESTINATION_PORT => *destination_port = Some(u16::from_be_bytes(exact(value)?)),
            kind::SECONDS => self.seconds = Some(u32::from_be_bytes(exact(value)?)),
            kind::MICROSECONDS => self.microseconds = u32::from_be_bytes(exact(value)?),
            kind::CONTENTS => self.packet.contents = Contents::from(u8::from_be_bytes(exact(value)?)),
            kind::AGENT => self.packet.agent = Some(u32::from_be_bytes(exact(value)?)),
            kind::KEY => self.packet.key = Some(value),
            kind::PAYLOAD => self.packet.payload = Some(value),
            kind::PACKED_PAYLOAD => self.packet.packed = Some(value),
            kind::CORRELATION => self.packet.correlation = Some(value),
            kind::VLAN => self.packet.vlan = Some(u16::from_be_bytes(exact(value)?)),
            _ => {}
        }
        Ok(())
    }

    fn packet(self) -> Packet<'a> {
        // The addresses tell the family themselves, in the same numbers on every system.
        let addresses = both(self.addresses_v4).or_else(|| both(self.addresses_v6));
        let flow = addresses.zip(both(self.ports)).map(|((source, destination), (from, to))| {
            Flow::new(Endpoint::new(source, from), Endpoint::new(destination, to))
        });
        let at = self
            .seconds
            .map(|seconds| Time::from_parts(i64::from(seconds), self.microseconds.saturating_mul(1000)));
        Packet { at, flow, ..self.packet }
    }
}

/// A value of exactly so many octets.
fn exact<const N: usize>(value: &[u8]) -> Result<[u8; N], Refused> {
    value.try_into().map_err(|_| Refused::Chunk)
}

fn both<T>([one, other]: [Option<T>; 2]) -> Option<(T, T)> {
    one.zip(other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{KAMAILIO, build, endpoint};

    #[test]
    fn reads_what_kamailio_sends() {
        let packet = Packet::read(KAMAILIO).unwrap();
        let flow = Flow::new(endpoint("127.0.0.1:5061"), endpoint("127.0.0.1:5060"));
        assert_eq!((packet.flow, packet.transport), (Some(flow), Some(17)));
        assert_eq!((packet.contents, packet.agent), (Contents::Sip, Some(77)));
        assert!(packet.payload.unwrap().starts_with(b"ACK sip:"));
        assert_eq!((packet.key, packet.correlation, packet.packed), (None, None, None));
        assert_eq!(packet.at.unwrap().as_ns() % 1000, 0);
    }

    #[test]
    fn says_what_is_wrong() {
        let good = build(&Packet { flow: Some(Flow::default()), payload: Some(b"x"), ..Packet::default() });
        assert!(Packet::read(&good).is_ok());
        assert_eq!(Packet::read(b""), Err(Refused::NotHep));
        assert_eq!(Packet::read(b"HEP"), Err(Refused::NotHep));
        assert_eq!(Packet::read(b"\x02\x10\x02\x11 version 2"), Err(Refused::NotHep));
        assert_eq!(Packet::read(b"HEP3\0"), Err(Refused::Length));
        assert_eq!(Packet::read(b"HEP3\0\x05"), Err(Refused::Length));
        assert_eq!(Packet::read(&good[..good.len() - 1]), Err(Refused::Length));
        assert_eq!(Packet::read(b"HEP3\0\x06"), Ok(Packet::default()));
        assert_eq!(
            Packet::read(b"HEP3\0\x0f\0\0\0\x07\0\x09abc"),
            Err(Refused::Chunk),
            "a port of three octets"
        );
        assert_eq!(
            Packet::read(b"HEP3\0\x0f\0\x01\0\x07\0\x09abc"),
            Ok(Packet::default()),
            "another vendor's"
        );
        assert_eq!(Packet::read(b"HEP3\0\x06behind"), Ok(Packet::default()));
    }

    #[test]
    fn half_a_flow_is_none() {
        let mut good = build(&Packet { flow: Some(Flow::default()), ..Packet::default() });
        assert!(Packet::read(&good).unwrap().flow.is_some());
        // The first chunk behind the header is the source's address: now a type that nobody knows.
        good[HEADER + 2] = 0x77;
        assert_eq!(Packet::read(&good).unwrap().flow, None);
    }

    fn octets() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))
    }

    fn any_endpoint() -> impl Strategy<Value = Endpoint> {
        (any::<std::net::IpAddr>(), any::<u16>()).prop_map(|(ip, port)| Endpoint::new(ip.into(), port))
    }

    proptest! {
        #[test]
        fn what_is_built_is_read(
            ends in (any_endpoint(), any_endpoint())
                .prop_filter("one family", |(a, b)| a.address.ip().is_ipv4() == b.address.ip().is_ipv4()),
            seconds in any::<u32>(), micros in 0..1_000_000u32, contents in any::<u8>(), agent in any::<u32>(),
            vlan in any::<Option<u16>>(), key in octets(), correlation in octets(), payload in octets(), packed in octets(),
        ) {
            let packet = Packet {
                at: Some(Time::from_parts(i64::from(seconds), micros * 1000)),
                flow: Some(Flow::new(ends.0, ends.1)),
                transport: Some(17),
                contents: Contents::from(contents),
                agent: Some(agent),
                key: key.as_deref(),
                correlation: correlation.as_deref(),
                vlan,
                payload: payload.as_deref(),
                packed: packed.as_deref(),
            };
            let bytes = build(&packet);
            prop_assert_eq!(Packet::read(&bytes), Ok(packet));
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            bytes.splice(..bytes.len().min(4), *MAGIC);
            let _ = Packet::read(&bytes);
        }
    }
}
