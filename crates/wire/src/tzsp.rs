//! TZSP, the `TaZmen` sniffer protocol, by which routers (`MikroTik` among them) and access points send what they hear:
//! version, type, encapsulation, tagged fields up to an end tag, then the frame.

use flow::Wrapping;

use crate::layer::Layer;
use crate::plausible::is_frame;
use crate::wlan;

/// A packet that was received, or is to be sent.
const RECEIVED: u8 = 0;
const TO_SEND: u8 = 1;

const ETHERNET: u16 = 1;
const WLAN: u16 = 18;

const PADDING: u8 = 0;
const END: u8 = 1;

pub(crate) fn open(octets: &[u8]) -> Option<(Wrapping, Option<u32>, Layer<'_>)> {
    let ([1, RECEIVED | TO_SEND, e0, e1], tags) = octets.split_first_chunk::<4>()? else { return None };
    let frame = behind_tags(tags)?;
    let layer = match u16::from_be_bytes([*e0, *e1]) {
        ETHERNET => is_frame(frame).then_some(Layer::Frame(frame)),
        WLAN => wlan::ether(frame).map(|(ether_type, rest)| Layer::Ether(ether_type, rest)),
        _ => None,
    }?;
    Some((Wrapping::Tzsp, None, layer))
}

/// A tag is its number, its length and its value; padding and the end are a number alone.
fn behind_tags(mut tags: &[u8]) -> Option<&[u8]> {
    loop {
        tags = match tags {
            [END, frame @ ..] => return Some(frame),
            [PADDING, rest @ ..] => rest,
            [_, length, rest @ ..] => rest.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
}
