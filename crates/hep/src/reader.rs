//! The reader of one listener: HEP packets to datagrams, those with the right key and with contents that a recorder can
//! use.

use clock::Time;
use flow::Flow;

use crate::inflate::{LARGEST_PAYLOAD, inflate};
use crate::packet::{Contents, Packet};
use crate::refused::Refused;

/// A datagram as an agent saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// When, by the agent's clock; `None` where it does not say.
    pub at: Option<Time>,
    /// From where to where.
    pub flow: Flow,
    /// What it carried; of a stream, one message.
    pub payload: &'a [u8],
    /// The number of the agent; 0 where it has none.
    pub agent: u32,
}

/// Reads packets. It holds the last payload that had to be unpacked.
#[derive(Default)]
pub struct Reader {
    key: Option<Vec<u8>>,
    unpacked: Vec<u8>,
}

impl Reader {
    /// A reader of packets from anybody, or of those alone that bear `key`.
    #[must_use]
    pub fn new(key: Option<Vec<u8>>) -> Reader {
        Reader { key, unpacked: Vec::new() }
    }

    /// The datagram that `bytes` hold.
    ///
    /// # Errors
    /// Where there is none, by why.
    pub fn read<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Datagram<'a>, Refused> {
        let packet = Packet::read(bytes)?;
        if self.key.as_deref().is_some_and(|key| !packet.key.is_some_and(|given| is_same(key, given))) {
            return Err(Refused::Key);
        }
        if matches!(packet.contents, Contents::Other(_)) {
            return Err(Refused::OtherContents);
        }
        let flow = packet.flow.ok_or(Refused::Address)?;
        let payload = self.payload(&packet)?;
        // Homer's own agents tell RTCP as JSON: a report of a report, with nothing in it to keep.
        if packet.contents == Contents::Rtcp && payload.first() == Some(&b'{') {
            return Err(Refused::OtherContents);
        }
        Ok(Datagram { at: packet.at, flow, payload, agent: packet.agent.unwrap_or_default() })
    }

    fn payload<'a>(&'a mut self, packet: &Packet<'a>) -> Result<&'a [u8], Refused> {
        let payload = match (packet.payload, packet.packed) {
            (Some(payload), _) => payload,
            (None, Some(packed)) => {
                inflate(packed, &mut self.unpacked)?;
                &self.unpacked
            }
            (None, None) => return Err(Refused::NoPayload),
        };
        match payload.len() {
            0 => Err(Refused::NoPayload),
            1..=LARGEST_PAYLOAD => Ok(payload),
            _ => Err(Refused::TooLarge),
        }
    }
}

/// Whether a key is the one, in a time that does not tell how much of it is right.
fn is_same(key: &[u8], given: &[u8]) -> bool {
    let differing = key.iter().zip(given).fold(0, |differing, (one, other)| differing | (one ^ other));
    key.len() == given.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{KAMAILIO, build, endpoint};

    fn packet() -> Packet<'static> {
        let flow = Flow::new(endpoint("192.0.2.1:5060"), endpoint("192.0.2.2:5062"));
        Packet { flow: Some(flow), contents: Contents::Sip, payload: Some(b"OPTIONS"), ..Packet::default() }
    }

    fn read(packet: &Packet<'_>) -> Result<Vec<u8>, Refused> {
        Reader::default().read(&build(packet)).map(|datagram| datagram.payload.to_vec())
    }

    #[test]
    fn gives_what_the_agent_saw() {
        let mut reader = Reader::default();
        let datagram = reader.read(KAMAILIO).unwrap();
        assert!(datagram.payload.starts_with(b"ACK sip:") && datagram.payload.ends_with(b"\r\n\r\n"));
        assert_eq!(datagram.flow.source, endpoint("127.0.0.1:5061"));
    }

    #[test]
    fn unpacks_what_is_packed() {
        // zlib's own header, a stored block (RFC 1951, section 3.2.4), and the sum of "abc" (RFC 1950).
        let packed = b"\x78\x01\x01\x03\x00\xfc\xffabc\x02\x4d\x01\x27";
        assert_eq!(read(&Packet { payload: None, packed: Some(packed), ..packet() }), Ok(b"abc".to_vec()));
    }

    #[test]
    fn refuses_what_is_of_no_use() {
        let empty = Packet { payload: Some(b""), ..packet() };
        let json = Packet { contents: Contents::Rtcp, payload: Some(b"{\"type\":200}"), ..packet() };
        for (packet, refused) in [
            (Packet { flow: None, ..packet() }, Refused::Address),
            (Packet { payload: None, ..packet() }, Refused::NoPayload),
            (empty, Refused::NoPayload),
            (Packet { payload: None, packed: Some(b"not packed"), ..packet() }, Refused::Packed),
            (Packet { contents: Contents::Other(100), flow: None, ..packet() }, Refused::OtherContents),
            (json, Refused::OtherContents),
        ] {
            assert_eq!(read(&packet), Err(refused));
        }
        assert!(
            read(&Packet { contents: Contents::Rtcp, payload: Some(&[0x80, 200, 0, 1]), ..packet() }).is_ok()
        );
        assert!(read(&Packet { contents: Contents::Unknown, ..packet() }).is_ok());
    }

    #[test]
    fn a_key_that_was_asked_for_must_be_there() {
        let mut reader = Reader::new(Some(b"secret".to_vec()));
        for (key, fits) in [
            (Some(&b"secret"[..]), true),
            (Some(b"secreT"), false),
            (Some(b"secret!"), false),
            (Some(b""), false),
            (None, false),
        ] {
            let bytes = build(&Packet { key, ..packet() });
            assert_eq!(reader.read(&bytes).err(), (!fits).then_some(Refused::Key));
        }
    }
}
