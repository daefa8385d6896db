//! Binding requests of STUN (RFC 8489, section 5) as ICE sends them to check a pair of addresses (RFC 8445,
//! section 7.2.2): whose they are, and for whom. What else STUN can say is nothing to a watcher.

/// A connectivity check: a Binding request with the user name that both descriptions make up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Check<'a> {
    /// The `a=ice-ufrag` of who is to receive it.
    pub receiver: &'a str,
    /// That of who sent it.
    pub sender: &'a str,
}

impl<'a> Check<'a> {
    /// Reads a check; `None` where the datagram is another message, or has no user name of two parts.
    #[must_use]
    pub fn read(datagram: &'a [u8]) -> Option<Check<'a>> {
        let (header, attributes) = datagram.split_at_checked(HEADER)?;
        if !header.starts_with(&BINDING_REQUEST) || header.get(4..8) != Some(&MAGIC_COOKIE) {
            return None;
        }
        let name = std::str::from_utf8(username(attributes)?).ok()?;
        let (receiver, sender) = name.split_once(':')?;
        Some(Check { receiver, sender })
            .filter(|check| !check.receiver.is_empty() && !check.sender.is_empty())
    }
}

/// Type, length and value of an attribute, which is padded to four bytes.
fn username(mut attributes: &[u8]) -> Option<&[u8]> {
    while let [kind @ .., high, low] = attributes.get(..4)? {
        let (len, rest) = (usize::from(u16::from_be_bytes([*high, *low])), attributes.get(4..)?);
        if kind == USERNAME {
            return rest.get(..len);
        }
        attributes = rest.get(len.next_multiple_of(4)..)?;
    }
    None
}

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: [u8; 2] = [0x00, 0x06];

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as a browser sends it: PRIORITY, USERNAME, ICE-CONTROLLING.
    fn request(name: &[u8]) -> Vec<u8> {
        let mut attributes = vec![0x00, 0x24, 0, 4, 0x6e, 0x7f, 0x1e, 0xff, 0x00, 0x06, 0, name.len() as u8];
        attributes.extend(name);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        attributes.extend([0x80, 0x2a, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let mut datagram = vec![0x00, 0x01, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn tells_for_whom_a_check_is() {
        let datagram = request(b"9uB6:8hhY1");
        assert_eq!(Check::read(&datagram), Some(Check { receiver: "9uB6", sender: "8hhY1" }));
        for (name, why) in [
            (&b"9uB6"[..], "one part"),
            (b":x", "no receiver"),
            (b"x:", "no sender"),
            (b"\xff:\xff", "no text"),
        ] {
            assert_eq!(Check::read(&request(name)), None, "{why}");
        }
        let mut response = datagram.clone();
        response[0] = 1;
        assert_eq!(Check::read(&response), None);
    }

    #[test]
    fn reads_no_further_than_there_is() {
        let datagram = request(b"9uB6:8hhY");
        let name_ends = 20 + 8 + 4 + 9;
        for len in 0..datagram.len() {
            assert_eq!(Check::read(&datagram[..len]).is_some(), len >= name_ends, "{len}");
        }
    }
}
