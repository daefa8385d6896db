//! A datagram of RTCP as the packets that it is made of (RFC 3550, section 6.1).
//!
//! Only one that is whole and in order is read: of SRTCP nothing but the first eight bytes is in the clear, and what
//! follows must not be taken for figures.

/// The packets of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compound<'a> {
    bytes: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rtcp<'a> {
    /// The number in the header's first byte: of report blocks, mostly.
    pub(crate) count: u8,
    pub(crate) packet_type: u8,
    /// What follows the header's four bytes.
    pub(crate) body: &'a [u8],
}

impl<'a> Compound<'a> {
    /// `None` where the packets do not fill the datagram to its last byte, or one of them is none.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = split(rest)?;
        }
        (!bytes.is_empty()).then_some(Compound { bytes })
    }

    pub(crate) fn packets(self) -> impl Iterator<Item = Rtcp<'a>> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (packet, next) = split(rest)?;
            rest = next;
            Some(packet)
        })
    }
}

/// The first packet, and what follows it.
fn split(bytes: &[u8]) -> Option<(Rtcp<'_>, &[u8])> {
    let &[first, packet_type, high, low] = bytes.first_chunk()?;
    let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
    let (packet, rest) = bytes.split_at_checked(length)?;
    let body = packet.get(4..)?;
    let padding = if first & PADDING == 0 { 0 } else { usize::from(*body.last()?) };
    let body = body.get(..body.len().checked_sub(padding)?)?;
    let is_one = first & VERSION_MASK == VERSION_2 && matches!(packet_type, 192..=223);
    is_one.then_some((Rtcp { count: first & COUNT, packet_type, body }, rest))
}

const VERSION_MASK: u8 = 0xc0;
const VERSION_2: u8 = 0x80;
const PADDING: u8 = 0x20;
const COUNT: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use super::*;

    /// A receiver report without blocks, and a BYE of four bytes of padding.
    const TWO: [u8; 20] = [0x80, 201, 0, 1, 0, 0, 0, 9, 0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4];

    #[test]
    fn reads_what_fills_the_datagram() {
        let packets: Vec<_> = Compound::read(&TWO).unwrap().packets().collect();
        let ssrc = &[0, 0, 0, 9][..];
        let expected = [(0, 201, ssrc), (1, 203, ssrc)];
        assert_eq!(packets, expected.map(|(count, packet_type, body)| Rtcp { count, packet_type, body }));
    }

    #[test]
    fn what_is_cut_or_goes_on_as_noise_is_not_read() {
        for length in 0..TWO.len() {
            assert_eq!(Compound::read(&TWO[..length]).is_some(), length == 8, "{length}");
        }
        // SRTCP: the flag E with an index, and a tag of ten bytes, where the next packet would be.
        let mut secure = TWO[..8].to_vec();
        secure.extend([0x80, 0, 0, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
        assert!(Compound::read(&secure).is_none());
        assert!(Compound::read(&[0xa0, 201, 0, 1, 0, 0, 0, 200]).is_none(), "more padding than bytes");
        assert!(Compound::read(&[]).is_none());
    }
}
