//! Whether octets look like what they may be: for wrappings that do not say what they carry, and for tunnels over UDP,
//! whose ports any other datagram may use as well.
//!
//! Lengths beyond what is there are no fault: the snap length may have cut the frame.

/// An IP packet whose version, lengths and counters can be.
pub(crate) fn is_ip(octets: &[u8]) -> bool {
    match octets.first().map(|first| first >> 4) {
        Some(4) => is_v4(octets),
        Some(6) => is_v6(octets),
        _ => false,
    }
}

fn is_v4(octets: &[u8]) -> bool {
    let Some(([first, _, t0, t1, _, _, flags, _, ttl, ..], _)) = octets.split_first_chunk::<20>() else {
        return false;
    };
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*t0, *t1]));
    // The first of the flags is reserved and zero (RFC 791, section 3.1).
    first >> 4 == 4 && header >= 20 && total >= header && flags & 0x80 == 0 && *ttl != 0
}

fn is_v6(octets: &[u8]) -> bool {
    match octets.split_first_chunk::<40>() {
        Some(([first, _, _, _, _, _, _, hops, ..], _)) => first >> 4 == 6 && *hops != 0,
        None => false,
    }
}

/// An IPv4 packet with the right checksum in its header: as good as certain.
pub(crate) fn is_checked_v4(octets: &[u8]) -> bool {
    let length = octets.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    let Some(header) = octets.get(..length).filter(|_| is_v4(octets)) else { return false };
    let word = |pair: &[u8]| pair.iter().fold(0, |word, octet| word << 8 | u32::from(*octet));
    let sum: u32 = header.chunks_exact(2).map(word).sum();
    // Thirty words: one carry to bring back in is enough, and a second for what that makes.
    let once = (sum & 0xffff) + (sum >> 16);
    (once & 0xffff) + (once >> 16) == 0xffff
}

/// An Ethernet frame with something in it that is opened here, or with ARP.
pub(crate) fn is_frame(octets: &[u8]) -> bool {
    match octets.split_first_chunk::<14>() {
        Some(([.., high, low], rest)) => is_ether(u16::from_be_bytes([*high, *low]), rest),
        None => false,
    }
}

/// What an Ethernet type names, behind some tags at the most: as many as nobody stacks, and few enough to look behind in
/// each datagram to a tunnel's port.
pub(crate) fn is_ether(mut ether_type: u16, mut rest: &[u8]) -> bool {
    const MOST_TAGS: usize = 8;

    for _ in 0..=MOST_TAGS {
        match ether_type {
            0x0800 => return is_v4(rest),
            0x86dd => return is_v6(rest),
            0x0806 => return rest.starts_with(&[0, 1, 8, 0]),
            0x8847 | 0x8848 => return rest.len() > 4,
            0x8864 => return rest.starts_with(&[0x11, 0]),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x8926 | 0x88e7 => {}
            _ => return false,
        }
        // A VLAN tag; VN-Tag, twice as wide; a service tag, which has the inner frame's addresses behind it.
        let tag = match ether_type {
            0x8926 => 4,
            0x88e7 => 16,
            _ => 2,
        };
        match rest.get(tag..).and_then(|rest| rest.split_first_chunk::<2>()) {
            Some((inner, behind)) => (ether_type, rest) = (u16::from_be_bytes(*inner), behind),
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::*;

    #[test]
    fn knows_packets_and_frames_and_nothing_else() {
        let (v4, v6) = (ipv4(UDP, &udp(b"voice")), ipv6(UDP, &udp(b"voice")));
        assert!(is_ip(&v4) && is_ip(&v6) && is_checked_v4(&v4) && !is_checked_v4(&v6));
        for frame in [
            ethernet(0x0800, &v4),
            ethernet(0x86dd, &v6),
            tagged(&[0x88a8, 0x8100], 0x0800, &v4),
            ethernet(0x0806, &[0, 1, 8, 0, 6, 4]),
        ] {
            assert!(is_frame(&frame) && !is_ip(&frame), "{frame:x?}");
        }
        for no_frame in [
            ethernet(0x0800, &v6),
            ethernet(0x88cc, &v4),
            tagged(&[0x8100; 9], 0x0800, &v4),
            v4.clone(),
            vec![0x80; 172],
        ] {
            assert!(!is_frame(&no_frame), "{no_frame:x?}");
        }
        for length in 0..20 {
            assert!(!is_ip(&v4[..length]) && !is_checked_v4(&v4[..length]) && !is_ip(&v6[..length * 2]));
        }
        let mut wrong = v4;
        wrong[12] ^= 1;
        assert!(is_ip(&wrong) && !is_checked_v4(&wrong));
    }
}
