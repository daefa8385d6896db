//! Endpoints and flows: addresses and ports as numbers that compare and hash in a few instructions.
//!
//! Every layer that looks at traffic speaks of them, so they stand below all of them. IPv4 addresses are held
//! mapped into IPv6 (RFC 4291, section 2.5.5.2).

mod path;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use path::{Path, Wrap, Wrapping};

/// The upper half of `::ffff:0:0/96`, under which IPv4 addresses are held.
const MAPPED: u64 = 0xffff_0000_0000;

/// An IP address, of either version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address {
    high: u64,
    low: u64,
}

impl Address {
    /// An IPv4 address by its four octets.
    #[must_use]
    pub const fn v4(octets: [u8; 4]) -> Self {
        Address { high: 0, low: MAPPED | u32::from_be_bytes(octets) as u64 }
    }

    /// An IPv6 address by its sixteen octets.
    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        let whole = u128::from_be_bytes(octets);
        Address { high: (whole >> 64) as u64, low: whole as u64 }
    }

    /// The address as the standard library has it; a mapped one comes back as IPv4.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        let v6 = Ipv6Addr::from((u128::from(self.high) << 64) | u128::from(self.low));
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    }

    /// `0.0.0.0` or `::`, which names nobody.
    #[must_use]
    pub fn is_unspecified(self) -> bool {
        self.high == 0 && (self.low == 0 || self.low == MAPPED)
    }

    /// Private, shared, link-local or loopback: an address that a NAT may stand in front of
    /// (RFC 1918, RFC 6598, RFC 3927, RFC 4193).
    #[must_use]
    pub fn is_private(self) -> bool {
        match self.ip() {
            IpAddr::V4(v4) => is_private_v4(v4),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        }
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Address::v4(v4.octets()),
            IpAddr::V6(v6) => Address::v6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// An address and a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Endpoint {
    /// The host.
    pub address: Address,
    /// The UDP or TCP port.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint `address:port`.
    #[must_use]
    pub const fn new(address: Address, port: u16) -> Self {
        Endpoint { address, port }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        Endpoint::new(socket.ip().into(), socket.port())
    }
}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.address.high);
        state.write_u64(self.address.low);
        state.write_u64(u64::from(self.port));
    }
}

/// `192.0.2.1:5060`, `[2001:db8::1]:5060`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address.ip(), self.port).fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One direction of a conversation: who sends to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Flow {
    /// Who sent.
    pub source: Endpoint,
    /// Whom it was sent to.
    pub destination: Endpoint,
}

impl Flow {
    /// The flow from `source` to `destination`.
    #[must_use]
    pub const fn new(source: Endpoint, destination: Endpoint) -> Self {
        Flow { source, destination }
    }

    /// The other direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Flow { source: self.destination, destination: self.source }
    }
}

/// Hashed once a packet, hence five words and not eight small fields.
impl Hash for Flow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.source.address.high);
        state.write_u64(self.source.address.low);
        state.write_u64(self.destination.address.high);
        state.write_u64(self.destination.address.low);
        state.write_u64(u64::from(self.source.port) << 16 | u64::from(self.destination.port));
    }
}

/// `192.0.2.1:20000 > 198.51.100.2:30000`.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.source, self.destination)
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse::<SocketAddr>().unwrap().into()
    }

    #[test]
    fn shows_both_versions_as_hands_know_them() {
        assert_eq!(endpoint("192.0.2.1:5060").to_string(), "192.0.2.1:5060");
        assert_eq!(endpoint("[2001:db8::1]:5060").to_string(), "[2001:db8::1]:5060");
        let flow = Flow::new(endpoint("192.0.2.1:1"), endpoint("192.0.2.2:2"));
        assert_eq!(flow.reversed().to_string(), "192.0.2.2:2 > 192.0.2.1:1");
    }

    #[test]
    fn tells_private_addresses() {
        for private in
            ["10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1", "fd00::1", "fe80::1"]
        {
            assert!(Address::from(private.parse::<IpAddr>().unwrap()).is_private(), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!Address::from(public.parse::<IpAddr>().unwrap()).is_private(), "{public}");
        }
        assert!(Address::v4([0; 4]).is_unspecified());
        assert!(Address::v6([0; 16]).is_unspecified());
    }
}
