//! IEEE 802.11 data frames, and the radiotap header (radiotap.org) that captures of them begin with.
//!
//! Only what can be read is opened: frames that are neither encrypted, nor parts of one, nor several in one.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};

// Frame control, first octet: version (2 bits), type (2), subtype (4).
const VERSION_AND_TYPE: u8 = 0x0f;
const DATA: u8 = 0x08;
const WITHOUT_DATA: u8 = 0x40;
const QOS: u8 = 0x80;

// Frame control, second octet.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// In the first octet of QoS control: the body is a row of frames.
const AGGREGATE: u8 = 0x80;
/// Frame control, duration, three addresses, sequence control.
const HEADER: usize = 24;

/// A frame without a radio's header.
pub(crate) fn open(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    open_padded(frame, false)
}

/// A frame behind a radiotap header.
pub(crate) fn radiotap(frame: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    let Some(([0, _, l0, l1, ..], _)) = frame.split_first_chunk::<8>() else {
        return Break(Packet::Undecodable(Reason::CutLinkHeader));
    };
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    match frame.split_at_checked(length) {
        Some((header, frame)) => open_padded(frame, pads_header(header)),
        None => Break(Packet::Undecodable(Reason::CutLinkHeader)),
    }
}

/// Whether the flags say that the card put the frame's body on a multiple of four octets. The flags stand behind the
/// words of presence, the last of which has no bit 31, and behind the time stamp, where there is one.
fn pads_header(radiotap: &[u8]) -> bool {
    const TIME_STAMP: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    const DATA_PAD: u8 = 0x20;

    let words = || radiotap.get(4..).unwrap_or_default().chunks_exact(4).map(word);
    let present = words().next().unwrap_or(0);
    if present & FLAGS == 0 {
        return false;
    }
    let mut at = 4 + 4 * (1 + words().take_while(|word| word & MORE != 0).count());
    if present & TIME_STAMP != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    radiotap.get(at).is_some_and(|flags| flags & DATA_PAD != 0)
}

fn word(octets: &[u8]) -> u32 {
    octets.iter().rev().fold(0, |word, octet| word << 8 | u32::from(*octet))
}

fn open_padded(frame: &[u8], padded: bool) -> ControlFlow<Packet<'_>, Layer<'_>> {
    if frame.len() < 2 {
        return Break(Packet::Undecodable(Reason::CutLinkHeader));
    }
    match body(frame, padded).and_then(snap) {
        Some((ether_type, rest)) => Continue(Layer::Ether(ether_type, rest)),
        None => Break(Packet::Other(Kind::Wlan)),
    }
}

/// The Ethernet type that a data frame carries, and what follows it.
pub(crate) fn ether(frame: &[u8]) -> Option<(u16, &[u8])> {
    snap(body(frame, false)?)
}

/// The body of a data frame that can be read.
fn body(frame: &[u8], padded: bool) -> Option<&[u8]> {
    let (header, _) = frame.split_first_chunk::<HEADER>()?;
    let [kind, flags, .., sequence, _] = *header;
    let is_fragment = flags & MORE_FRAGMENTS != 0 || sequence & 0x0f != 0;
    let holds_data = kind & VERSION_AND_TYPE == DATA && kind & WITHOUT_DATA == 0;
    if !holds_data || is_fragment || flags & PROTECTED != 0 {
        return None;
    }
    let mut length = HEADER;
    if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
        length += 6;
    }
    if kind & QOS != 0 {
        if frame.get(length)? & AGGREGATE != 0 {
            return None;
        }
        length += if flags & ORDER != 0 { 6 } else { 2 };
    }
    frame.get(if padded { length.next_multiple_of(4) } else { length }..)
}

/// LLC and SNAP with an Ethernet type (RFC 1042), or as bridges encapsulate.
fn snap(body: &[u8]) -> Option<(u16, &[u8])> {
    match body.split_first_chunk::<8>()? {
        ([0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, high, low], rest) => Some((u16::from_be_bytes([*high, *low]), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{UDP, ipv4, joined, udp, wlan};

    const NONE: ControlFlow<Packet<'static>, Layer<'static>> = Break(Packet::Other(Kind::Wlan));

    #[test]
    fn opens_data_frames_in_every_direction() {
        let packet = ipv4(UDP, &udp(b"voice"));
        // Control octets, flags, and what they put behind the three addresses: the fourth, QoS, high throughput.
        for (kind, flags, between) in [
            (0x08, 0, 0),
            (0x08, TO_DS, 0),
            (0x08, FROM_DS | 0x08, 0),
            (0x08, TO_DS | FROM_DS, 6),
            (0x88, TO_DS, 2),
            (0x88, TO_DS | FROM_DS, 8),
            (0x88, ORDER | FROM_DS, 6),
        ] {
            let frame = wlan(kind, flags, &vec![0; between], 0x0800, &packet);
            assert_eq!(open(&frame), Continue(Layer::Ether(0x0800, &packet)), "{kind:x} {flags:x}");
        }
    }

    #[test]
    fn leaves_what_cannot_be_read() {
        let packet = ipv4(UDP, &udp(b"voice"));
        // A beacon, an acknowledgment, no data, encrypted, a part, and several in one.
        for (kind, flags, between) in [
            (0x80, 0, vec![]),
            (0xd4, 0, vec![]),
            (0x48, TO_DS, vec![]),
            (0xc8, TO_DS, vec![0, 0]),
            (0x08, PROTECTED, vec![]),
            (0x08, MORE_FRAGMENTS, vec![]),
            (0x88, TO_DS, vec![AGGREGATE, 0]),
        ] {
            let frame = wlan(kind, flags, &between, 0x0800, &packet);
            assert_eq!(open(&frame), NONE, "{kind:x} {flags:x}");
        }
        let mut second = wlan(8, 0, &[], 0x0800, &packet);
        second[22] = 0x11;
        assert_eq!(open(&second), NONE);
        let cut = wlan(0x88, 0, &[0, 0], 0x0800, &packet);
        (2..34).for_each(|length| assert_eq!(open(&cut[..length]), NONE));
        assert_eq!(open(&cut[..1]), Break(Packet::Undecodable(Reason::CutLinkHeader)));
    }

    #[test]
    fn passes_over_radiotap_of_any_shape() {
        let packet = ipv4(UDP, &udp(b"voice"));
        let plain = wlan(0x88, TO_DS, &[0, 0], 0x0800, &packet);
        let padded = wlan(0x88, TO_DS, &[0, 0, 0, 0], 0x0800, &packet);
        let stamp = [0; 8];
        for (header, frame) in [
            (vec![0, 0, 8, 0, 0, 0, 0, 0], &plain),
            (vec![0, 0, 9, 0, 2, 0, 0, 0, 0x10], &plain),
            (vec![0, 0, 9, 0, 2, 0, 0, 0, DATA_PADDED], &padded),
            (joined(&[&[0, 0, 17, 0, 3, 0, 0, 0], &stamp, &[DATA_PADDED]]), &padded),
            // A second word of presence: the time stamp stands on eight octets again.
            (joined(&[&[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0], &[0; 4], &stamp, &[DATA_PADDED]]), &padded),
        ] {
            let whole = joined(&[&header, frame]);
            assert_eq!(radiotap(&whole), Continue(Layer::Ether(0x0800, &packet)), "{header:x?}");
            for length in 0..header.len() {
                assert_eq!(radiotap(&whole[..length]), Break(Packet::Undecodable(Reason::CutLinkHeader)));
            }
        }
    }

    const DATA_PADDED: u8 = 0x20;
}
