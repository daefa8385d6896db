//! What one frame turned out to be. The labels here are what the metrics show of frames that carry no datagram.

use flow::{Flow, Path};

use crate::fragment::Fragment;
use crate::labels;

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// Who sent it to whom: of the innermost IP header.
    pub flow: Flow,
    /// The innermost IP header's identification (RFC 6864), by which the sender tells its packets apart; 0 where it
    /// does not, as IPv6 without fragments never does.
    pub id: u16,
    /// What UDP carries, as far as the frame holds it; never padding or a trailer behind it.
    pub payload: &'a [u8],
    /// The lengths in the headers name more octets than the frame holds: the snap length cut it.
    pub truncated: bool,
    /// The whole IP packet without its fragmentation, where it came in fragments: no frame holds the datagram
    /// then, and this can stand for it in a capture file of the link type raw IP.
    pub packet: Option<&'a [u8]>,
    /// What it was wrapped in: of the frame that completed it, where it came in fragments.
    pub path: &'a Path,
}

/// A TCP segment (RFC 9293, section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    /// Who sent it to whom: of the innermost IP header.
    pub flow: Flow,
    /// As in [`Datagram::id`].
    pub id: u16,
    /// The sequence number: of the first octet of the payload, or of SYN.
    pub sequence: u32,
    /// The acknowledgment number; it says nothing unless the flag ACK is set.
    pub acknowledgment: u32,
    /// The control bits.
    pub flags: Flags,
    /// The octets of the stream, as far as the frame holds them.
    pub payload: &'a [u8],
    /// The IP header names more octets than the frame holds: the snap length cut it.
    pub truncated: bool,
    /// As in [`Datagram::packet`].
    pub packet: Option<&'a [u8]>,
    /// As in [`Datagram::path`].
    pub path: &'a Path,
}

/// TCP's control bits (RFC 9293, section 3.1), as the octet that holds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender has no more data.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.0 & 0b0000_0001 != 0
    }

    /// The connection begins; SYN takes one sequence number.
    #[must_use]
    pub const fn syn(self) -> bool {
        self.0 & 0b0000_0010 != 0
    }

    /// The connection is reset.
    #[must_use]
    pub const fn rst(self) -> bool {
        self.0 & 0b0000_0100 != 0
    }

    /// The acknowledgment number holds.
    #[must_use]
    pub const fn ack(self) -> bool {
        self.0 & 0b0001_0000 != 0
    }
}

labels! {
    /// What a frame carries that is neither UDP nor TCP, and was understood so far.
    Kind {
        /// Address resolution, and its reverse.
        Arp = "arp",
        /// ICMP of either version. An error message quotes the packet it is about: the quote is no traffic.
        Icmp = "icmp",
        /// Multicast group membership.
        Igmp = "igmp",
        /// Encrypted by IPsec.
        Esp = "esp",
        /// SCTP.
        Sctp = "sctp",
        /// Another protocol over IP.
        OtherTransport = "other_transport",
        /// An encapsulation that is not opened, or whose inside is not known: calls may be there.
        Tunnel = "tunnel",
        /// IEEE 802.2: spanning tree and its like.
        Llc = "llc",
        /// PPP without IP, or the set-up of PPPoE.
        Ppp = "ppp",
        /// IEEE 802.11 without data, or with data that is encrypted or in parts.
        Wlan = "wlan",
        /// Another Ethernet type, or another family of a loopback frame.
        OtherNetwork = "other_network",
    }
}

labels! {
    /// Why nothing could be made of a frame.
    Reason {
        /// The capture's link type is none that is known.
        LinkType = "link_type",
        /// The frame ends within the link's headers.
        CutLinkHeader = "cut_link_header",
        /// The frame ends within a tunnel's header.
        CutTunnelHeader = "cut_tunnel_header",
        /// More headers within headers than a sane frame has.
        TooDeep = "too_deep",
        /// The frame ends within the IP header or its extensions.
        CutIpHeader = "cut_ip_header",
        /// Neither version 4 nor 6 where IP should be.
        IpVersion = "ip_version",
        /// An IP header whose lengths contradict themselves.
        IpLength = "ip_length",
        /// Extension headers in an order or of a length that cannot be.
        IpExtension = "ip_extension",
        /// The frame ends within the UDP or TCP header.
        CutTransportHeader = "cut_transport_header",
        /// A UDP length or TCP data offset shorter than the header itself.
        TransportLength = "transport_length",
        /// A fragment that cannot be part of any datagram, or that contradicts the others of its own;
        /// [`crate::FragmentCounts`] says which.
        Fragment = "fragment",
    }
}

/// What the headers of one frame say, before fragments are put together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Packet<'a> {
    Datagram(Datagram<'a>),
    Segment(Segment<'a>),
    Fragment(Fragment<'a>),
    Other(Kind),
    Undecodable(Reason),
}
