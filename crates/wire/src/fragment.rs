//! One fragment of an IP packet: which packet it is of, where it stands in it, and what the header of the whole
//! will be (RFC 791, section 3.2; RFC 8200, section 4.5). Keeping fragments is `fragments`' part.

use etherparse::{LaxIpSlice, LaxIpv4Slice};
use flow::Address;

use crate::ip::{self, ETHER_IP, GRE, IPV4, IPV6, L2TP, MPLS, TCP, UDP};

const IPV6_HEADER: usize = 40;
/// The most that either version's length field can say.
const LONGEST: usize = 0xffff;

// Extension headers, by their protocol numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// What all fragments of one packet have in common. IPv6 has the protocol in the first fragment only for certain,
/// and keeps it out: it is 0 there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub source: Address,
    pub destination: Address,
    pub identification: u32,
    pub protocol: u8,
}

/// A fragment, borrowed from its frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Fragment<'a> {
    pub key: Key,
    /// Where its payload stands in that of the whole packet, in octets.
    pub offset: usize,
    /// More come behind it.
    pub more: bool,
    pub payload: &'a [u8],
    /// The frame holds less than the header says: its place cannot be filled.
    pub truncated: bool,
    /// What its protocol or next header is; that of the first fragment is the packet's.
    pub protocol: u8,
    /// The headers in front of the fragmentation: IPv4's own, or IPv6's with the extensions before the fragment
    /// header.
    header: &'a [u8],
    /// Where in `header` the octet is that names what follows.
    named_at: usize,
}

impl<'a> Fragment<'a> {
    /// The fragment that `packet` is, of which `ip` is the slice; `None` where it is whole.
    pub(crate) fn of(packet: &'a [u8], ip: &LaxIpSlice<'_>) -> Option<Self> {
        match ip {
            LaxIpSlice::Ipv4(v4) => Fragment::of_v4(packet, ip, v4),
            LaxIpSlice::Ipv6(v6) => {
                let length = usize::from(v6.header().payload_length());
                Fragment::of_v6(packet, ip, length)
            }
        }
    }

    fn of_v4(packet: &'a [u8], ip: &LaxIpSlice<'_>, v4: &LaxIpv4Slice<'_>) -> Option<Self> {
        let v4 = v4.header();
        if !v4.is_fragmenting_payload() {
            return None;
        }
        let total = usize::from(v4.total_len());
        let (header, _) = packet.split_at_checked(v4.slice().len())?;
        let (source, destination) = ip::addresses(ip);
        let protocol = v4.protocol().0;
        Some(Fragment {
            key: Key { source, destination, identification: u32::from(v4.identification()), protocol },
            offset: usize::from(v4.fragments_offset().value()) * 8,
            more: v4.more_fragments(),
            // Of a total length of zero nothing says where the padding begins: the payload is empty then.
            payload: packet.get(..total).unwrap_or(packet).get(header.len()..).unwrap_or_default(),
            truncated: total > packet.len(),
            protocol,
            header,
            named_at: 9,
        })
    }

    /// Walks the extension headers by hand: the slices say neither where the fragment header stands nor which
    /// header names it, and their iterator reads past its end where they had stopped at a broken header.
    fn of_v6(packet: &'a [u8], ip: &LaxIpSlice<'_>, length: usize) -> Option<Self> {
        let whole = packet.get(..IPV6_HEADER + length).unwrap_or(packet);
        let (mut at, mut named_at) = (IPV6_HEADER, 6);
        loop {
            let (header, rest) = whole.split_at_checked(at)?;
            let (octets, payload) = rest.split_first_chunk::<8>()?;
            let [protocol, units, high, low, id @ ..] = *octets;
            let place = u16::from_be_bytes([high, low]);
            at += match *header.get(named_at)? {
                // Offset zero and no more to come is an "atomic" fragment (RFC 6946): a whole packet.
                FRAGMENT if place & 0xfff9 == 0 => 8,
                FRAGMENT => {
                    let (source, destination) = ip::addresses(ip);
                    return Some(Fragment {
                        key: Key { source, destination, identification: u32::from_be_bytes(id), protocol: 0 },
                        offset: usize::from(place & 0xfff8),
                        more: place & 1 != 0,
                        payload,
                        truncated: IPV6_HEADER + length > packet.len(),
                        protocol,
                        header,
                        named_at,
                    });
                }
                HOP_BY_HOP | ROUTING | DESTINATION => 8 + 8 * usize::from(units),
                AUTHENTICATION => 8 + 4 * usize::from(units),
                _ => return None,
            };
            named_at = header.len();
        }
    }

    /// Whether a UDP datagram or a TCP segment may come of it; the rest is not worth keeping.
    pub(crate) fn may_lead_to_transport(&self) -> bool {
        let extension = matches!(self.protocol, AUTHENTICATION | ROUTING | DESTINATION);
        let tunnel = matches!(self.protocol, IPV4 | IPV6 | GRE | ETHER_IP | L2TP | MPLS);
        extension || tunnel || matches!(self.protocol, TCP | UDP)
    }

    /// Whether there can be a packet that it is a part of: it has a payload, in whole units of 8 octets unless it is
    /// the last, and ends where a packet can end.
    pub(crate) fn is_sound(&self) -> bool {
        let whole_units = !self.more || self.payload.len().is_multiple_of(8);
        !self.payload.is_empty() && whole_units && self.header.len() + self.end() <= LONGEST
    }

    /// Where its payload ends in that of the whole packet, in octets.
    pub(crate) fn end(&self) -> usize {
        self.offset + self.payload.len()
    }

    /// The headers of the whole packet, but for its length: what names the fragment header names what follows it.
    pub(crate) fn header_of_whole(&self) -> Vec<u8> {
        let mut header = self.header.to_vec();
        if let Some(named) = header.get_mut(self.named_at) {
            *named = self.protocol;
        }
        header
    }
}

/// Writes the length of the whole `packet` into its header, which is one of [`Fragment::header_of_whole`], and what
/// else changes when it is no fragment any more. `false` where the packet is longer than it can be.
pub(crate) fn finish_header(packet: &mut [u8], header_length: usize) -> bool {
    let total = packet.len();
    match packet.split_first_chunk_mut::<IPV6_HEADER>() {
        Some((v6, rest)) if v6[0] >> 4 == 6 => write_length(&mut v6[4..6], rest.len()),
        _ => match packet.get_mut(..header_length) {
            Some(v4) => finish_v4_header(v4, total),
            None => false,
        },
    }
}

/// RFC 791: total length, no identification of fragments, and the checksum anew.
fn finish_v4_header(header: &mut [u8], total: usize) -> bool {
    let Some((fixed, options)) = header.split_first_chunk_mut::<20>() else {
        return false;
    };
    if !write_length(&mut fixed[2..4], total) {
        return false;
    }
    fixed[6..8].fill(0);
    fixed[10..12].fill(0);
    let checksum = checksum(fixed, options);
    fixed[10..12].copy_from_slice(&checksum.to_be_bytes());
    true
}

fn write_length(field: &mut [u8], length: usize) -> bool {
    match u16::try_from(length) {
        Ok(length) => {
            field.copy_from_slice(&length.to_be_bytes());
            true
        }
        Err(_) => false,
    }
}

/// The Internet checksum (RFC 1071) of a header's two parts, both of an even length.
fn checksum(fixed: &[u8], options: &[u8]) -> u16 {
    let words = fixed.chunks_exact(2).chain(options.chunks_exact(2));
    let mut sum: u32 = words.map(|word| word.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
