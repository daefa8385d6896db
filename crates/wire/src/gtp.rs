//! GTP-U (3GPP TS 29.281, section 5): what a mobile network carries between its nodes, of which only the G-PDU holds a
//! user's packet.

use flow::Wrapping;

use crate::layer::Layer;
use crate::plausible::{is_frame, is_ip};

/// Version 1, protocol type GTP; the reserved bit is zero. The three lowest bits are flags.
const FIRST: u8 = 0x30;
const FLAGS: u8 = 0x07;
const EXTENSION: u8 = 0x04;
const G_PDU: u8 = 255;
/// Nobody sends more than two.
const MOST_EXTENSIONS: usize = 8;

/// ```text
/// |ver (3)|PT|0|E|S|PN|  type (8)  |  length (16)  |  TEID (32)  |
/// |  sequence (16)  |  N-PDU number (8)  |  next extension (8)  |     where E, S or PN is set
/// ```
pub(crate) fn open(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    let ([first, G_PDU, l0, l1, teid @ ..], rest) = octets.split_first_chunk::<8>()? else { return None };
    if first & !FLAGS != FIRST {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    let rest = rest.get(..length).unwrap_or(rest);
    let packet = if first & FLAGS == 0 { rest } else { behind_options(first & EXTENSION != 0, rest)? };
    let layer = if is_ip(packet) {
        Layer::Ip(packet)
    } else if is_frame(packet) {
        Layer::Frame(packet)
    } else {
        return None;
    };
    Some((Wrapping::Gtp, Some(u32::from_be_bytes(*teid)), layer))
}

/// The optional fields are there all or none; what they say of an extension counts only where its flag is set. An
/// extension is as many words long as its first octet says, and its last octet names the next.
fn behind_options(extended: bool, octets: &[u8]) -> Option<&[u8]> {
    let ([_, _, _, next], mut rest) = octets.split_first_chunk::<4>()?;
    let mut next = if extended { *next } else { 0 };
    for _ in 0..MOST_EXTENSIONS {
        if next == 0 {
            return Some(rest);
        }
        let words = usize::from(*rest.first()?);
        let (extension, behind) = rest.split_at_checked(words * 4)?;
        next = *extension.last()?;
        rest = behind;
    }
    None
}
