//! What a filter is read as, so that it loses no part of a call that it means to keep.
//!
//! Only the first fragment of a packet has ports, and without the word `vlan` a filter looks at untagged frames alone:
//! `port 5060` drops the rest of every long INVITE, and all of a tagged mirror. Each word of a filter language that
//! moves where the network header is sought does so for all that stands behind it, so the order below matters.

/// A fragment that is not the first of an IPv4 packet, and any of an IPv6 packet.
const FRAGMENT: &str = "(ip and ip[6:2] & 0x1fff != 0) or (ip6 proto 44)";
/// Words behind which the network header is sought further in.
const MOVING: [&str; 5] = ["vlan", "mpls", "pppoes", "geneve", "vxlan"];
/// Protocols whose own octets a filter may ask for, which a trailing fragment does not have.
const TRANSPORTS: [&str; 5] = ["udp", "tcp", "sctp", "icmp", "icmp6"];

/// A filter, and what it is read as where the link type has tags and where it has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Widening {
    /// For link types whose frames may be tagged.
    pub tagged: String,
    /// For those that libpcap knows no tags of.
    pub untagged: String,
}

impl Widening {
    pub(crate) fn of(filter: &str) -> Widening {
        let filter = filter.trim();
        let plain = || filter.to_owned();
        if filter.is_empty() {
            return Widening { tagged: plain(), untagged: plain() };
        }
        let moves = MOVING.iter().any(|word| has_word(filter, word));
        let untagged = match (needs_fragments(filter), moves) {
            (false, _) => plain(),
            (true, false) => format!("{FRAGMENT} or ({filter})"),
            (true, true) => format!("{FRAGMENT} or ({filter}) or {FRAGMENT}"),
        };
        // Once inside a tag, and once inside two.
        let tagged = if moves {
            untagged.clone()
        } else {
            let whole = if untagged == filter { format!("({filter})") } else { untagged.clone() };
            format!("{whole} or (vlan and ({whole} or (vlan and ({whole}))))")
        };
        Widening { tagged, untagged }
    }
}

/// It asks for ports, and not for fragments on its own.
fn needs_fragments(filter: &str) -> bool {
    let packed: String = filter.chars().filter(|letter| !letter.is_whitespace()).collect();
    let looks_inside = TRANSPORTS.iter().any(|word| packed.contains(&format!("{word}[")));
    let asks_for_ports = has_word(filter, "port") || has_word(filter, "portrange") || looks_inside;
    asks_for_ports && !packed.contains("ip[6")
}

fn has_word(filter: &str, word: &str) -> bool {
    filter.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-._".contains(letter)).any(|w| w == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_alone_what_loses_nothing() {
        for filter in ["", "vlan", "udp and vlan 7", "mpls", "port 5060 and (vlan or ip[6:2] & 0x1fff != 0)"]
        {
            assert_eq!(Widening::of(filter), Widening { tagged: filter.into(), untagged: filter.into() });
        }
        // A name with a word in it is no such word.
        assert_eq!(Widening::of("host port.example.net").untagged, "host port.example.net");
    }

    #[test]
    fn adds_fragments_where_ports_are_asked_for() {
        for filter in ["port 5060", "udp portrange 10000-20000", "udp[4:2] > 100", "udp [0:2]=5060"] {
            let widened = Widening::of(filter);
            assert_eq!(widened.untagged, format!("{FRAGMENT} or ({filter})"));
            assert_eq!(widened.tagged.matches(FRAGMENT).count(), 3, "{}", widened.tagged);
        }
        assert_eq!(Widening::of("udp").untagged, "udp");
        assert_eq!(Widening::of("udp").tagged, "(udp) or (vlan and ((udp) or (vlan and ((udp)))))");
    }
}
