//! What a datagram on a media port is, told from its first bytes (RFC 7983, section 7, and RFC 5761, section 4).
//!
//! It runs on every UDP datagram of the network, so it is a handful of comparisons. Whether something that looks like
//! RTP is RTP is found out by [`crate::Streams`], which waits for a second packet in sequence.

/// What kind of packet a datagram looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Version 2 and a payload type that RTCP does not use.
    Rtp,
    /// RTCP, also where it shares the port with RTP (RFC 5761).
    Rtcp,
    /// STUN (RFC 8489): connectivity checks of ICE.
    Stun,
    /// A record of DTLS (RFC 6347).
    Dtls,
    /// None of these.
    Other,
}

/// Tells what `datagram` looks like.
#[must_use]
pub fn kind(datagram: &[u8]) -> Kind {
    match datagram {
        [0x80..=0xbf, second, ..] if datagram.len() >= SHORTEST_RTCP && is_rtcp(*second) => Kind::Rtcp,
        [0x80..=0xbf, ..] if datagram.len() >= FIXED_HEADER => Kind::Rtp,
        [0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => Kind::Stun,
        [20..=63, 0xfe, 0xfd..=0xff, ..] => Kind::Dtls,
        _ => Kind::Other,
    }
}

/// RTCP packet types 192 to 223 are the ones in use or set apart; with the marker bit they would be RTP payload
/// types 64 to 95, which RFC 3551 keeps free for that reason.
const fn is_rtcp(second: u8) -> bool {
    matches!(second, 192..=223)
}

/// The fixed header of RTP without CSRC (RFC 3550, section 5.1).
const FIXED_HEADER: usize = 12;
/// A receiver report without a report block (RFC 3550, section 6.4.2).
const SHORTEST_RTCP: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(head: &[u8]) -> Vec<u8> {
        let mut datagram = head.to_vec();
        datagram.resize(32, 0);
        datagram
    }

    #[test]
    fn tells_the_kinds_apart() {
        assert_eq!(kind(&padded(&[0x80, 0])), Kind::Rtp);
        assert_eq!(kind(&padded(&[0x90, 0x80 | 13])), Kind::Rtp);
        assert_eq!(kind(&padded(&[0x80, 200])), Kind::Rtcp, "a sender report is not payload type 72");
        assert_eq!(kind(&padded(&[0x81, 201])), Kind::Rtcp);
        assert_eq!(kind(&padded(&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42])), Kind::Stun);
        assert_eq!(kind(&padded(&[22, 0xfe, 0xfd])), Kind::Dtls);
        assert_eq!(kind(&padded(b"INVITE sip:")), Kind::Other);
        assert_eq!(kind(&padded(&[0x40, 0])), Kind::Other, "version 1");
    }

    #[test]
    fn a_short_datagram_is_nothing() {
        for length in 0..FIXED_HEADER {
            assert_ne!(kind(&vec![0x80; length]), Kind::Rtp);
        }
        assert_eq!(kind(&[0x80, 201, 0, 1]), Kind::Other);
    }
}
