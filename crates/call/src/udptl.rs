//! A datagram of UDPTL, by which T.38 sends a fax over UDP (ITU-T T.38, clause 9.1): a sequence number, the newest packet
//! of the fax, and copies of earlier ones or what mends their loss. What the packets say is not read.

/// What one datagram is, as far as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Udptl {
    /// Counts the packets of one way.
    pub(crate) seq: u16,
}

impl Udptl {
    /// Reads `datagram`; `None` where its lengths do not add up to its own.
    pub(crate) fn read(datagram: &[u8]) -> Option<Udptl> {
        let (&seq, rest) = datagram.split_first_chunk::<2>()?;
        let (primary, rest) = open_type(rest)?;
        let (&recovery, rest) = rest.split_first()?;
        let is_whole = match recovery & FEC {
            0 => {
                let (count, mut rest) = length(rest)?;
                let mut left = count;
                while left > 0 {
                    (_, rest) = open_type(rest)?;
                    left -= 1;
                }
                rest.is_empty()
            }
            // Parity packets, of which there is one at least.
            _ => !rest.is_empty(),
        };
        (is_whole && !primary.is_empty() && recovery & !FEC == 0)
            .then_some(Udptl { seq: u16::from_be_bytes(seq) })
    }

    /// Whether it may come next after one of that number: lost ones, doubles and late ones among them.
    pub(crate) const fn goes_on_from(self, last: u16) -> bool {
        let ahead = self.seq.wrapping_sub(last);
        ahead <= FARTHEST || ahead >= u16::MAX - FARTHEST
    }
}

/// Set where parity packets follow instead of copies.
const FEC: u8 = 0x80;
/// Some ten seconds of packets that are missing.
const FARTHEST: u16 = 500;

/// Octets behind their number, as the packed encoding rules have it.
fn open_type(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = length(bytes)?;
    rest.split_at_checked(length)
}

/// A number below 16384 (ITU-T X.691, clause 10.9); more is not sent in a datagram.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [short @ 0..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [high @ 0x80..=0xbf, low, rest @ ..] => {
            Some((usize::from(high & 0x3f) << 8 | usize::from(*low), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_gateways_send() {
        let seq = |datagram: &[u8]| Udptl::read(datagram).map(|udptl| udptl.seq);
        // An indicator by itself, one with a copy of the one before, data with parity.
        assert_eq!(seq(&[0, 0, 1, 0x06, 0, 0]), Some(0));
        assert_eq!(seq(&[0, 1, 1, 0x06, 0, 1, 1, 0x02]), Some(1));
        assert_eq!(seq(&[0x12, 0x34, 2, 0xc0, 0x01, 0x80, 1, 3, 1, 2, 0xff, 0xee]), Some(0x1234));
        assert_eq!(seq(&[0, 1, 1, 0x06, 0, 1, 1]), None, "the copy is cut");
        assert_eq!(seq(&[0, 1, 1, 0x06, 0, 0, 7]), None, "something is left over");
        assert_eq!(seq(&[0, 1, 0, 0, 0]), None, "no packet in it");
        assert_eq!(seq(b"\r\n\r\n"), None, "somebody keeps a port open");
    }

    #[test]
    fn rtp_is_none() {
        let mut packet = vec![0x80, 0, 0x12, 0x34, 0, 0, 0, 160, 1, 2, 3, 4];
        packet.extend([0xd5; 160]);
        assert_eq!(Udptl::read(&packet), None);
    }

    proptest! {
        #[test]
        fn no_datagram_does_harm(datagram in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Udptl::read(&datagram);
        }
    }
}
