//! ICE candidates (RFC 8839, section 5.1): addresses a side may receive on.

use std::net::IpAddr;

use crate::address;

/// `a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Candidate {
    /// 1 for RTP, 2 for RTCP.
    pub component: u8,
    /// Where it may receive.
    pub address: IpAddr,
    /// And on which port.
    pub port: u16,
}

impl Candidate {
    /// Reads the value of the attribute; `None` for TCP and for host names (mDNS), which no RTP over UDP is found by.
    pub(crate) fn read(value: &str) -> Option<Candidate> {
        let mut words = value.split_ascii_whitespace().skip(1);
        let component = words.next()?.parse().ok()?;
        let transport = words.next()?;
        let address = words.nth(1).and_then(address::read)?;
        let port = words.next()?.parse().ok()?;
        transport.eq_ignore_ascii_case("udp").then_some(Candidate { component, address, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_udp_addresses_only() {
        let address = "192.0.2.1".parse().unwrap();
        let host = Candidate::read("1 1 UDP 2130706431 192.0.2.1 4000 typ host");
        assert_eq!(host, Some(Candidate { component: 1, address, port: 4000 }));
        assert_eq!(Candidate::read("1 1 TCP 2130706431 192.0.2.1 9 typ host tcptype active"), None);
        assert_eq!(Candidate::read("1 1 udp 1 4c2a.local 4000 typ host"), None);
        assert_eq!(Candidate::read("1 1 udp"), None);
    }
}
