//! The Refer-To header (RFC 3515, section 2.1): whom the other side is asked to call, and, where the URI says so
//! (RFC 3261, section 19.1.1), the dialog that the new one is to replace (RFC 3891): an attended transfer.

use crate::name_address::NameAddress;
use crate::replaces::Replaces;
use crate::uri::decoded;

/// Whom to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReferTo {
    /// Whom.
    pub target: NameAddress,
    /// The dialog that the new one is to replace.
    pub replaces: Option<Replaces>,
}

impl ReferTo {
    /// Reads a value.
    #[must_use]
    pub fn read(value: &str) -> ReferTo {
        let target = NameAddress::read(value);
        let replaces = embedded(target.view().parameters, "Replaces");
        ReferTo { replaces: replaces.and_then(|value| Replaces::read(&value)), target }
    }
}

/// The value of a header within a URI, behind its question mark.
fn embedded(parameters: &str, name: &str) -> Option<String> {
    let (_, headers) = parameters.split_once('?')?;
    headers.split('&').take(MOST_HEADERS).find_map(|header| {
        let (found, value) = header.split_once('=')?;
        found.eq_ignore_ascii_case(name).then(|| decoded(value).into_owned())
    })
}

/// A URI that brings more headers with it is no transfer.
const MOST_HEADERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_blind_and_an_attended_transfer() {
        let blind = ReferTo::read("\"Carol\" <sip:carol@cleveland.example.org;transport=tcp>");
        assert_eq!((blind.target.user(), blind.replaces), (Some("carol"), None));
        let attended = ReferTo::read(
            "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>",
        );
        let replaces = attended.replaces.unwrap();
        assert_eq!(replaces.call_id, "12345@192.168.118.3");
        assert!(replaces.means("12345", "5FFE-3994"));
        assert_eq!(attended.target.host(), Some("denver.example.org"));
    }

    #[test]
    fn finds_it_among_others_and_without_brackets() {
        let among = ReferTo::read("sip:d@h?Require=replaces&replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db");
        assert_eq!(among.replaces.map(|replaces| replaces.call_id).as_deref(), Some("x"));
        for nothing in ["sip:d@h?Replaces", "sip:d@h?Replaces=x", "<sip:d@h?>", "", "?"] {
            assert_eq!(ReferTo::read(nothing).replaces, None, "{nothing}");
        }
    }
}
