//! RTCP, as far as it helps to find whose stream it speaks of: the sender's SSRC and canonical name
//! (RFC 3550, sections 6.4 and 6.5).

use crate::id::Ssrc;

/// What a compound packet says of its sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report<'a> {
    /// Who sends it: the SSRC of its first packet.
    pub sender: Ssrc,
    /// The sender's canonical name, where a source description gives it.
    pub cname: Option<&'a [u8]>,
}

impl<'a> Report<'a> {
    /// Reads a compound packet as far as it goes; `None` where not even the first packet's sender is there.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let sender = Ssrc(u32::from_be_bytes(*datagram.get(4..)?.first_chunk()?));
        let mut report = Report { sender, cname: None };
        let mut rest = datagram;
        while let Some(&[first, packet_type, high, low]) = rest.first_chunk::<4>() {
            let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
            let body = rest.get(4..length.min(rest.len())).unwrap_or_default();
            if packet_type == SOURCE_DESCRIPTION && first & 0x1f > 0 {
                report.cname = report.cname.or_else(|| cname_of(body, sender));
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        Some(report)
    }
}

/// The canonical name in the first chunk of a source description, if that chunk is the sender's.
fn cname_of(body: &[u8], sender: Ssrc) -> Option<&[u8]> {
    let (ssrc, mut items) = body.split_first_chunk::<4>()?;
    if *ssrc != sender.0.to_be_bytes() {
        return None;
    }
    while let &[kind, length, ref rest @ ..] = items {
        if kind == END {
            return None;
        }
        let (text, next) = rest.split_at_checked(usize::from(length))?;
        if kind == CNAME {
            return Some(text);
        }
        items = next;
    }
    None
}

const SOURCE_DESCRIPTION: u8 = 202;
const END: u8 = 0;
const CNAME: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// A receiver report without blocks, then a source description with the canonical name `a@b`.
    const COMPOUND: [u8; 24] =
        [0x80, 201, 0, 1, 0, 0, 0, 9, 0x81, 202, 0, 3, 0, 0, 0, 9, 1, 3, b'a', b'@', b'b', 0, 0, 0];

    #[test]
    fn finds_the_sender_and_its_name() {
        let report = Report::read(&COMPOUND).unwrap();
        assert_eq!((report.sender, report.cname), (Ssrc(9), Some(&b"a@b"[..])));
    }

    #[test]
    fn a_cut_packet_gives_what_is_there() {
        for length in 0..COMPOUND.len() {
            let report = Report::read(&COMPOUND[..length]);
            assert_eq!(report.is_some(), length >= 8);
        }
        let absurd = [0x81, 202, 0xff, 0xff, 0, 0, 0, 9, 1, 200, b'x'];
        assert_eq!(Report::read(&absurd).unwrap().cname, None);
    }
}
