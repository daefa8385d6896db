//! L2TP: version 2 around PPP over UDP (RFC 2661, section 3.1), version 3 around Ethernet or PPP, over UDP or right
//! over IP (RFC 3931, section 4.1).
//!
//! A session of version 3 has a cookie and a sublayer of lengths that only its set-up says: they are found by what
//! stands behind them.

use std::ops::ControlFlow;
use std::ops::ControlFlow::{Break, Continue};

use flow::{Path, Wrapping};

use crate::layer::Layer;
use crate::packet::{Kind, Packet};
use crate::plausible::{is_frame, is_ip};
use crate::ppp;

/// A message that sets up, not data.
const CONTROL: u8 = 0x80;
const VERSION: u8 = 0x0f;

/// A datagram at L2TP's port: flags and version first.
pub(crate) fn over_udp(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    let ([flags, version], rest) = octets.split_first_chunk::<2>()?;
    match version & VERSION {
        2 if flags & CONTROL == 0 => second(*flags, rest),
        3 if flags & CONTROL == 0 => third(rest.strip_prefix(&[0, 0])?),
        _ => None,
    }
}

/// Length where L says so, tunnel, session, two sequence numbers where S says so, an offset where O says so, then PPP.
fn second(flags: u8, rest: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    const LENGTH: u8 = 0x40;
    const SEQUENCE: u8 = 0x08;
    const OFFSET: u8 = 0x02;

    let rest = rest.get(if flags & LENGTH != 0 { 2 } else { 0 }..)?;
    let ([_, _, s0, s1], rest) = rest.split_first_chunk::<4>()?;
    let mut frame = rest.get(if flags & SEQUENCE != 0 { 4 } else { 0 }..)?;
    if flags & OFFSET != 0 {
        let ([o0, o1], behind) = frame.split_first_chunk::<2>()?;
        frame = behind.get(usize::from(u16::from_be_bytes([*o0, *o1]))..)?;
    }
    let (protocol, packet) = ppp::protocol(frame.strip_prefix(&[0xff, 3]).unwrap_or(frame))?;
    let fits = matches!(protocol, 0x0021 | 0x0057) && is_ip(packet);
    let session = u32::from(u16::from_be_bytes([*s0, *s1]));
    fits.then_some((Wrapping::L2tp, Some(session), Layer::Ip(packet)))
}

/// A packet of L2TP's own protocol over IP: session zero is control.
pub(crate) fn over_ip<'a>(octets: &'a [u8], path: &mut Path) -> ControlFlow<Packet<'a>, Layer<'a>> {
    match third(octets) {
        Some((wrapping, session, layer)) => {
            path.push(wrapping, session);
            Continue(layer)
        }
        None => Break(Packet::Other(Kind::Tunnel)),
    }
}

/// Session, a cookie of 0, 4 or 8 octets, a sublayer of 0 or 4, then what is tunnelled.
fn third(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    let (session, rest) = octets.split_first_chunk::<4>()?;
    let session = Some(u32::from_be_bytes(*session)).filter(|session| *session != 0)?;
    let layer = [0, 4, 8, 12].into_iter().find_map(|at| tunnelled(rest.get(at..)?))?;
    Some((Wrapping::L2tp, Some(session), layer))
}

fn tunnelled(octets: &[u8]) -> Option<Layer<'_>> {
    if is_frame(octets) {
        return Some(Layer::Frame(octets));
    }
    let (protocol, packet) = ppp::protocol(octets.strip_prefix(&[0xff, 3])?)?;
    (matches!(protocol, 0x0021 | 0x0057) && is_ip(packet)).then_some(Layer::Ip(packet))
}
