//! Via (RFC 3261, section 20.42): the hops a request took, the topmost being the last. Its branch names the
//! transaction.
//!
//! `rsip` reads those it understands to the last letter; it stops in silence at what it does not, so its reading
//! counts only where it gives the same text back.

use rsip::common::uri::Param;
use rsip::headers::{ToTypedHeader, UntypedHeader};

use crate::list;
use crate::uri;

/// One hop.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, ..., in upper case; empty where none could be told.
    pub transport: String,
    /// The host that sent, an IPv6 address without its brackets.
    pub host: String,
    /// The port it wants its responses on.
    pub port: Option<u16>,
    /// Names the transaction.
    pub branch: Option<String>,
    /// Where the message really came from, as the next hop saw it.
    pub received: Option<String>,
    /// RFC 3581: the port it really came from.
    pub rport: Option<u16>,
}

impl Via {
    /// Reads one value. Never fails: what cannot be told stays empty.
    #[must_use]
    pub fn read(value: &str) -> Via {
        understood(value).map_or_else(|| Via::read_loosely(value), |typed| Via::from_typed(&typed))
    }

    fn from_typed(typed: &rsip::typed::Via) -> Via {
        let mut via = Via {
            transport: typed.transport.to_string(),
            host: typed.uri.host().to_string(),
            port: typed.uri.port().map(|port| *port.value()),
            ..Via::default()
        };
        for parameter in &typed.params {
            match parameter {
                Param::Branch(branch) => via.branch = Some(branch.value().to_owned()),
                Param::Received(received) => via.received = Some(received.value().to_owned()),
                Param::Other(name, Some(value)) if name.value().eq_ignore_ascii_case("rport") => {
                    via.rport = value.value().parse().ok();
                }
                _ => {}
            }
        }
        via
    }

    fn read_loosely(value: &str) -> Via {
        let (hop, parameters) = value.split_once(';').unwrap_or((value, ""));
        let hop = hop.trim();
        let (protocol, sent_by) = split_protocol(hop);
        let (host, port) = uri::split_port(sent_by);
        let parameter = |name| list::find_parameter(parameters, name).map(list::unquoted);
        Via {
            transport: protocol.rsplit('/').next().unwrap_or_default().trim().to_ascii_uppercase(),
            host: host.to_owned(),
            port,
            branch: parameter("branch"),
            received: parameter("received"),
            rport: parameter("rport").and_then(|port| port.parse().ok()),
        }
    }
}

/// The branch of one value, without reading the rest of it.
pub(crate) fn branch(value: &str) -> Option<&str> {
    let (_, parameters) = value.split_once(';')?;
    list::find_parameter(parameters, "branch").filter(|branch| !branch.is_empty())
}

fn understood(value: &str) -> Option<rsip::typed::Via> {
    let typed = rsip::headers::Via::new(value).into_typed().ok()?;
    // An IPv6 address wears brackets here, which are to come off; a host of the name `sip` is taken for a scheme.
    let plain = !value.contains(['[', '"']) && typed.uri.scheme.is_none() && typed.uri.auth.is_none();
    (plain && typed.to_string() == value).then_some(typed)
}

/// `SIP / 2.0 / UDP host:port`, with or without the spaces.
fn split_protocol(hop: &str) -> (&str, &str) {
    let after_slash = hop.rfind('/').map_or(0, |slash| slash + 1);
    let (name, transport_and_host) = hop.split_at_checked(after_slash).unwrap_or(("", hop));
    let indent = transport_and_host.len() - transport_and_host.trim_start().len();
    let word = transport_and_host.trim_start().find(char::is_whitespace).map(|end| indent + end);
    let split = word.and_then(|end| hop.split_at_checked(name.len() + end));
    split.map_or(("", hop), |(protocol, sent_by)| (protocol, sent_by.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn via(transport: &str, host: &str, port: Option<u16>, branch: &str) -> Via {
        let branch = Some(branch.to_owned()).filter(|branch| !branch.is_empty());
        Via { transport: transport.to_owned(), host: host.to_owned(), port, branch, ..Via::default() }
    }

    #[test]
    fn reads_every_form() {
        for (value, expected) in [
            ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", via("UDP", "192.0.2.1", Some(5060), "z9hG4bK1")),
            (
                "SIP / 2.0 / TCP  host.example ; BRANCH = z9hG4bK2",
                via("TCP", "host.example", None, "z9hG4bK2"),
            ),
            ("SIP/2.0/UDP [2001:db8::1]:5061;branch=b;rport", via("UDP", "2001:db8::1", Some(5061), "b")),
            ("SIP/2.0/DTLS-UDP h:5060;branch=\"q;b\"", via("DTLS-UDP", "h", Some(5060), "q;b")),
            ("SIP/2.0/UDP sip:5060;branch=b", via("UDP", "sip", Some(5060), "b")),
            ("sip/2.0/udp h;branch=x", via("UDP", "h", None, "x")),
            ("h:5060", via("", "h", Some(5060), "")),
            ("", via("", "", None, "")),
        ] {
            assert_eq!(Via::read(value), expected, "{value}");
        }
    }

    #[test]
    fn reads_where_it_really_came_from() {
        let read = Via::read("SIP/2.0/UDP 10.0.0.1:5060;rport=41000;received=203.0.113.9;branch=z9hG4bKx");
        assert_eq!((read.rport, read.received.as_deref()), (Some(41000), Some("203.0.113.9")));
        assert!(understood("SIP/2.0/UDP 10.0.0.1:5060;rport=41000;branch=z9hG4bKx").is_some());
    }

    proptest! {
        /// Both readings find the same in what `rsip` understands.
        #[test]
        fn the_loose_reading_agrees(transport in "UDP|TCP|TLS|WS", host in "[a-z]{1,8}(\\.[a-z]{2,3})?", port in 1u16.., branch in "z9hG4bK[A-Za-z0-9.-]{1,10}", rport in 1u16..) {
            let value = format!("SIP/2.0/{transport} {host}:{port};rport={rport};branch={branch};received=192.0.2.7");
            if let Some(typed) = understood(&value) {
                prop_assert_eq!(Via::from_typed(&typed), Via::read_loosely(&value));
            }
            prop_assert_eq!(super::branch(&value), Some(branch.as_str()));
        }

        #[test]
        fn never_panics(value in "[SIP/2.0UD ;:=,\\[\\]\"é]{0,40}") {
            let _ = Via::read(&value);
        }
    }
}
