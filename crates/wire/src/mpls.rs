//! MPLS label stacks (RFC 3032), and what stands behind the last label, which no field says: IP, or an Ethernet
//! pseudowire (RFC 4448) with or without its control word. It is told by content.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::Layer;
use crate::packet::{Kind, Packet, Reason};
use crate::plausible::{is_checked_v4, is_frame, is_ip};

/// The deepest stacks in use have about ten.
const MOST_LABELS: usize = 16;
const CONTROL_WORD: usize = 4;

/// ```text
/// |  label (20)  |  class (3)  | bottom (1) |  time to live (8)  |
/// ```
pub(crate) fn open<'a>(mut rest: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    for _ in 0..MOST_LABELS {
        let Some((entry, behind)) = rest.split_first_chunk::<4>() else {
            return Break(Packet::Undecodable(Reason::CutTunnelHeader));
        };
        let entry = u32::from_be_bytes(*entry);
        path.push(Wrapping::Mpls, Some(entry >> 12));
        rest = behind;
        if entry & 0x100 != 0 {
            return payload(rest);
        }
    }
    Break(Packet::Undecodable(Reason::TooDeep))
}

/// An address of Ethernet may begin as IP does, or as a control word does, so more than the first octet is asked. A
/// tagged frame without a control word also reads as one with a control word and without a tag: it is the latter only
/// where the word is what nearly all are, without flags and length.
fn payload(octets: &[u8]) -> ControlFlow<Packet<'_>, Layer<'_>> {
    let behind = octets.get(CONTROL_WORD..).filter(|_| octets.first().is_some_and(|first| first >> 4 == 0));
    let behind = behind.filter(|behind| is_frame(behind));
    if is_checked_v4(octets) {
        Continue(Layer::Ip(octets))
    } else if let Some(frame) = behind.filter(|_| octets.starts_with(&[0, 0]) || !is_frame(octets)) {
        Continue(Layer::Frame(frame))
    } else if is_frame(octets) {
        Continue(Layer::Frame(octets))
    } else if is_ip(octets) {
        Continue(Layer::Ip(octets))
    } else {
        Break(Packet::Other(Kind::Tunnel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::*;

    fn label(number: u32, bottom: bool) -> Vec<u8> {
        ((number << 12) | (u32::from(bottom) << 8) | 64).to_be_bytes().to_vec()
    }

    fn opened(octets: &[u8]) -> (ControlFlow<Packet<'_>, Layer<'_>>, Vec<String>) {
        let mut path = Path::NONE;
        let opened = open(octets, &mut path);
        (opened, path.wraps().map(|wrap| wrap.to_string()).collect())
    }

    #[test]
    fn tells_packets_and_pseudowires_apart() {
        let v4 = ipv4(UDP, &udp(b"voice"));
        for packet in [&v4, &ipv6(UDP, &udp(b"voice"))] {
            let stack = joined(&[&label(100, false), &label(1_048_575, true), packet]);
            assert_eq!(
                opened(&stack),
                (Continue(Layer::Ip(packet)), vec!["mpls 100".into(), "mpls 1048575".into()])
            );
        }
        // Addresses that begin as IPv4, as IPv6, and as a control word do.
        for first in [0x45, 0x60, 0x00, 0x10] {
            let mut frame = ethernet(0x0800, &v4);
            frame[0] = first;
            let plain = joined(&[&label(16, true), &frame]);
            assert_eq!(opened(&plain).0, Continue(Layer::Frame(&frame)), "{first:x}");
            let with_control_word = joined(&[&label(16, true), &[0, 0, 0, 9], &frame]);
            assert_eq!(opened(&with_control_word).0, Continue(Layer::Frame(&frame)), "{first:x}");
        }
    }

    #[test]
    fn leaves_what_it_does_not_know() {
        let channel = joined(&[&label(16, true), &[0x10, 0, 0, 0x21], &[0; 40]]);
        assert_eq!(opened(&channel).0, Break(Packet::Other(Kind::Tunnel)));
        let cut = label(16, false);
        assert_eq!(opened(&cut).0, Break(Packet::Undecodable(Reason::CutTunnelHeader)));
        let endless = label(16, false).repeat(40);
        assert_eq!(opened(&endless).0, Break(Packet::Undecodable(Reason::TooDeep)));
    }
}
