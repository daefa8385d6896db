//! The HTTP request and response that turn a connection into WebSocket (RFC 6455, section 4), with `sip` as what is
//! spoken inside (RFC 7118, section 4).

/// What stands at the front of a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Head {
    /// The head of a message that is not whole yet.
    Partial,
    /// A head of so many octets, behind which frames begin that hold SIP.
    Sip(usize),
    /// Other HTTP.
    Other,
}

/// A longer head is none of a phone's.
const LONGEST: usize = 1 << 14;

/// Reads a request (`GET /ws HTTP/1.1`) or a response (`HTTP/1.1 101 Switching Protocols`).
pub(crate) fn read(octets: &[u8]) -> Head {
    let Some(length) = head_length(octets) else {
        return if octets.len() < LONGEST { Head::Partial } else { Head::Other };
    };
    let head = octets.get(..length).unwrap_or(octets);
    let speaks_sip = head.split(|&octet| octet == b'\n').any(|line| {
        let Some(colon) = line.iter().position(|&octet| octet == b':') else { return false };
        let (name, value) = line.split_at(colon);
        name.trim_ascii().eq_ignore_ascii_case(b"Sec-WebSocket-Protocol") && has_sip(value)
    });
    let is_upgrade = head.starts_with(b"GET ") || head.split(|&octet| octet == b' ').nth(1) == Some(b"101");
    if speaks_sip && is_upgrade { Head::Sip(length) } else { Head::Other }
}

/// How long a head is, its empty line among it.
pub(crate) fn head_length(octets: &[u8]) -> Option<usize> {
    let crlf = octets.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
    crlf.filter(|length| *length <= LONGEST)
}

/// `: chat, sip`
fn has_sip(value: &[u8]) -> bool {
    value
        .split(|octet| matches!(octet, b':' | b','))
        .any(|name| name.trim_ascii().eq_ignore_ascii_case(b"sip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_an_upgrade_to_sip_from_other_http() {
        let request =
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat, SIP\r\n\r\n";
        let response = b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol:sip\r\n\r\n\x81";
        assert_eq!(read(request), Head::Sip(request.len()));
        assert_eq!(read(response), Head::Sip(response.len() - 1));
        for at in 0..request.len() {
            assert_eq!(read(&request[..at]), Head::Partial);
        }
        for other in [
            &b"GET / HTTP/1.1\r\nHost: sip\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sipx\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
        ] {
            assert_eq!(read(other), Head::Other);
        }
        assert_eq!(read(&[b'x'; LONGEST]), Head::Other);
    }
}
