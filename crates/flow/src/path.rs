//! The wrappings in which a packet came, outermost first: tags and tunnels, each with the number that tells it from
//! others of its kind.
//!
//! A path says how a packet was brought to the capture, and is no part of its flow: two mirrors may wrap the same
//! packet differently.

use std::fmt;

/// What was around a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Wrapping {
    /// IEEE 802.1Q or 802.1ad, by its VLAN identifier.
    Vlan,
    /// One entry of an MPLS label stack (RFC 3032), by its label.
    Mpls,
    /// PPP over Ethernet (RFC 2516), by its session.
    Pppoe,
    /// VN-Tag (IEEE 802.1Qbh), by its virtual interface.
    VnTag,
    /// A provider backbone bridge (IEEE 802.1ah), by its service.
    Pbb,
    /// GRE (RFC 2784), by its key where it has one (RFC 2890).
    Gre,
    /// PPTP's GRE (RFC 2637), by its call.
    Pptp,
    /// ERSPAN of any type; types II and III by their session.
    Erspan,
    /// IP in IP (RFC 2003, RFC 4213, RFC 2473).
    IpInIp,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// VXLAN (RFC 7348) and its generic extension, by the network.
    Vxlan,
    /// GENEVE (RFC 8926), by the network.
    Geneve,
    /// GTP-U (3GPP TS 29.281), by the endpoint.
    Gtp,
    /// L2TP, by its session.
    L2tp,
    /// TZSP, the sniffer protocol of `TaZmen`.
    Tzsp,
}

impl Wrapping {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Wrapping::Vlan => "vlan",
            Wrapping::Mpls => "mpls",
            Wrapping::Pppoe => "pppoe",
            Wrapping::VnTag => "vntag",
            Wrapping::Pbb => "pbb",
            Wrapping::Gre => "gre",
            Wrapping::Pptp => "pptp",
            Wrapping::Erspan => "erspan",
            Wrapping::IpInIp => "ipip",
            Wrapping::EtherIp => "etherip",
            Wrapping::Vxlan => "vxlan",
            Wrapping::Geneve => "geneve",
            Wrapping::Gtp => "gtp",
            Wrapping::L2tp => "l2tp",
            Wrapping::Tzsp => "tzsp",
        }
    }
}

/// One wrapping: its kind, and its number where it has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wrap {
    /// What it is.
    pub wrapping: Wrapping,
    /// Which of its kind.
    pub number: Option<u32>,
}

impl fmt::Display for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wrapping.as_str())?;
        self.number.map_or(Ok(()), |number| write!(f, " {number}"))
    }
}

/// How many wrappings a path names; those further in are left out.
const SLOTS: usize = 6;

/// The wrappings of one packet, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    numbers: [u32; SLOTS],
    wrappings: [Wrapping; SLOTS],
    /// Bit n is set where wrapping n has a number.
    numbered: u8,
    /// How many there are; past the slots, `SLOTS + 1` says that there were more.
    len: u8,
}

impl Path {
    /// The path of a packet that came in nothing.
    pub const NONE: Path =
        Path { numbers: [0; SLOTS], wrappings: [Wrapping::Vlan; SLOTS], numbered: 0, len: 0 };

    /// The path with one wrapping.
    #[must_use]
    pub fn of(wrapping: Wrapping, number: Option<u32>) -> Path {
        let mut path = Path::NONE;
        path.push(wrapping, number);
        path
    }

    /// Adds a wrapping inside the others.
    pub fn push(&mut self, wrapping: Wrapping, number: Option<u32>) {
        let at = usize::from(self.len);
        if let (Some(slot), Some(kind)) = (self.numbers.get_mut(at), self.wrappings.get_mut(at)) {
            *slot = number.unwrap_or(0);
            *kind = wrapping;
            self.numbered |= u8::from(number.is_some()) << at;
        }
        self.len = (self.len + 1).min(SLOTS as u8 + 1);
    }

    /// Nothing was around the packet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// There were more wrappings, further in, than it names.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.len as usize > SLOTS
    }

    /// The wrappings that it names, outermost first.
    pub fn wraps(&self) -> impl Iterator<Item = Wrap> {
        let all = self.wrappings.into_iter().zip(self.numbers).take(usize::from(self.len));
        let numbered = self.numbered;
        all.enumerate().map(move |(at, (wrapping, number))| Wrap {
            wrapping,
            number: (numbered >> at & 1 == 1).then_some(number),
        })
    }
}

impl Default for Path {
    fn default() -> Self {
        Path::NONE
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.wraps().map(|wrap| wrap.to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(path: &Path) -> Vec<String> {
        path.wraps().map(|wrap| wrap.to_string()).collect()
    }

    #[test]
    fn names_wrappings_from_the_outside_in() {
        let mut path = Path::of(Wrapping::Vlan, Some(100));
        path.push(Wrapping::Gre, None);
        path.push(Wrapping::Gre, Some(0));
        path.push(Wrapping::Gtp, Some(u32::MAX));
        assert_eq!(words(&path), ["vlan 100", "gre", "gre 0", "gtp 4294967295"]);
        assert!(words(&Path::NONE).is_empty() && Path::NONE.is_empty() && !path.is_empty());
    }

    #[test]
    fn what_is_past_its_room_is_left_out_and_said() {
        let mut path = Path::NONE;
        for label in 0..SLOTS as u32 {
            assert!(!path.has_more());
            path.push(Wrapping::Mpls, Some(label));
        }
        assert!(!path.has_more());
        let full = words(&path);
        for _ in 0..1000 {
            path.push(Wrapping::Vlan, Some(7));
            assert!(path.has_more());
        }
        assert_eq!(words(&path), full);
    }

    #[test]
    fn a_path_is_small() {
        assert_eq!(size_of::<Path>(), 32);
    }
}
