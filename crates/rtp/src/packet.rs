//! One RTP packet, read where it lies (RFC 3550, section 5.1).
//!
//! ```text
//!  0                   1                   2                   3
//!  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//!  |                           timestamp                           |
//!  |           synchronization source (SSRC) identifier            |
//! ```

use rtp_rs::RtpReader;

use crate::id::{PayloadType, Seq, Ssrc, Ticks};

/// The header's fields, and what stands behind the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Who sends.
    pub ssrc: Ssrc,
    /// The sequence number.
    pub seq: Seq,
    /// The time stamp.
    pub ticks: Ticks,
    /// The payload type.
    pub payload_type: PayloadType,
    /// The marker bit: in audio, the first packet of a talkspurt (RFC 3551, section 4.1).
    pub marker: bool,
    /// Everything before the payload: the fixed header, the CSRC list, the extension.
    pub header: &'a [u8],
    /// Everything behind it: the payload and, where the header says so, padding. How much that is, the last octet says;
    /// of an encrypted packet only once it is open, and so it is taken off by [`unpadded`], later.
    pub body: &'a [u8],
}

/// Octets of the fixed header.
const FIXED: usize = 12;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0f;

impl<'a> Packet<'a> {
    /// Reads a datagram that [`crate::kind`] took for RTP; `None` where CSRC list or extension claim more than is there.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let mut fixed = *datagram.first_chunk::<FIXED>()?;
        let (header, body) = datagram.split_at_checked(header_len(datagram)?)?;
        // The reader is not to look for what was found already.
        if let Some(first) = fixed.first_mut() {
            *first &= !(PADDING | EXTENSION | CSRC_COUNT);
        }
        let reader = RtpReader::new(&fixed).ok()?;
        Some(Packet {
            ssrc: Ssrc(reader.ssrc()),
            seq: Seq(reader.sequence_number().into()),
            ticks: Ticks(reader.timestamp()),
            payload_type: PayloadType(reader.payload_type()),
            marker: reader.mark(),
            header,
            body,
        })
    }
}

/// The fixed header, four octets a CSRC, and the extension: a word, and as many more as that says (RFC 3550, section 5.3.1).
fn header_len(datagram: &[u8]) -> Option<usize> {
    let first = datagram.first()?;
    let behind_csrc = FIXED + 4 * usize::from(first & CSRC_COUNT);
    if first & EXTENSION == 0 {
        return Some(behind_csrc);
    }
    let [_, _, high, low] = datagram.get(behind_csrc..)?.first_chunk::<4>()?;
    Some(behind_csrc + 4 + 4 * usize::from(u16::from_be_bytes([*high, *low])))
}

/// Whether a header says that padding stands behind the payload.
#[must_use]
pub fn is_padded(header: &[u8]) -> bool {
    header.first().is_some_and(|first| first & PADDING != 0)
}

/// What stands behind a header, in the clear, without its padding; nothing where that claims to be more than there is.
#[must_use]
pub fn unpadded<'a>(header: &[u8], body: &'a [u8]) -> &'a [u8] {
    match body.last() {
        Some(&count) if is_padded(header) => {
            let payload_len = body.len().checked_sub(usize::from(count)).filter(|_| count > 0);
            payload_len.and_then(|len| body.get(..len)).unwrap_or_default()
        }
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_header_and_what_stands_behind_it() {
        let plain = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3];
        let packet = Packet::read(&plain).unwrap();
        assert_eq!((packet.ssrc, packet.seq, packet.ticks), (Ssrc(0xdead_beef), Seq(0x1234), Ticks(160)));
        assert_eq!((packet.payload_type, packet.marker, packet.body), (PayloadType(8), true, &[1, 2, 3][..]));

        let padded =
            [0xb1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 5, 5, 5, 5, 42, 0, 0, 3];
        let packet = Packet::read(&padded).unwrap();
        assert_eq!((packet.header, packet.body), (&padded[..24], &padded[24..]));
        assert_eq!(unpadded(packet.header, packet.body), [42]);
    }

    #[test]
    fn refuses_what_claims_more_than_is_there() {
        let mut header = [0x8f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(Packet::read(&header), None, "fifteen CSRC that are not there");
        header[0] = 0x80;
        assert_eq!(Packet::read(&header).unwrap().body, &[0u8; 0]);
        header[0] = 0x90;
        assert_eq!(Packet::read(&header), None, "an extension that is not there");
        assert_eq!(Packet::read(&header[..11]), None);
    }

    #[test]
    fn padding_that_cannot_be_leaves_nothing() {
        assert_eq!(unpadded(&[0xa0], &[1, 2, 3, 2]), [1, 2]);
        assert_eq!(unpadded(&[0xa0], &[1, 2, 3, 4]), [0u8; 0], "all of it is padding");
        for body in [&[1, 2, 3, 5][..], &[1, 2, 3, 0], &[]] {
            assert_eq!(unpadded(&[0xa0], body), [0u8; 0], "{body:?}");
        }
        assert_eq!(unpadded(&[0x80], &[1, 2, 3, 2]), [1, 2, 3, 2]);
    }
}
