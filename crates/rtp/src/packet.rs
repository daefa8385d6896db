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

/// The header's fields and the payload, without padding and header extension.
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
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram that [`crate::kind`] took for RTP; `None` where CSRC list, extension or padding claim more
    /// than is there.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let reader = RtpReader::new(datagram).ok()?;
        let payload = reader.payload();
        let header_len = (payload.as_ptr() as usize).checked_sub(datagram.as_ptr() as usize)?;
        Some(Packet {
            ssrc: Ssrc(reader.ssrc()),
            seq: Seq(reader.sequence_number().into()),
            ticks: Ticks(reader.timestamp()),
            payload_type: PayloadType(reader.payload_type()),
            marker: reader.mark(),
            header: datagram.get(..header_len)?,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_header_and_leaves_padding_and_extension_out() {
        let plain = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3];
        let packet = Packet::read(&plain).unwrap();
        assert_eq!((packet.ssrc, packet.seq, packet.ticks), (Ssrc(0xdead_beef), Seq(0x1234), Ticks(160)));
        assert_eq!(
            (packet.payload_type, packet.marker, packet.payload),
            (PayloadType(8), true, &[1, 2, 3][..])
        );

        let padded =
            [0xb1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 5, 5, 5, 5, 42, 0, 0, 3];
        let packet = Packet::read(&padded).unwrap();
        assert_eq!((packet.header, packet.payload), (&padded[..24], &[42][..]));
    }

    #[test]
    fn refuses_what_claims_more_than_is_there() {
        let mut header = [0x8f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(Packet::read(&header), None, "fifteen CSRC that are not there");
        header[0] = 0x80;
        assert_eq!(Packet::read(&header).unwrap().payload, &[0u8; 0]);
        assert_eq!(Packet::read(&header[..11]), None);
    }
}
