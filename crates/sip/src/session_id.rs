//! The Session-ID header (RFC 7989, section 5): a UUID of each end, which goes unchanged through B2BUAs; before that
//! standard (RFC 7329) there was one for both.

use crate::list::{parameter, split};

/// A UUID that an end gave the session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionUuid(pub u128);

impl SessionUuid {
    /// The UUIDs of a value, the sender's first; the nil UUID, which stands for an end that has not spoken, is none.
    pub fn of(value: &str) -> impl Iterator<Item = SessionUuid> {
        let mut parts = split(value, b';');
        let own = parts.next().and_then(SessionUuid::read);
        let mut others = parts.take(MOST_PARAMETERS).filter_map(|part| match parameter(part) {
            (name, Some(uuid)) if name.eq_ignore_ascii_case("remote") => SessionUuid::read(uuid),
            _ => None,
        });
        let other = others.next();
        [own, other].into_iter().flatten()
    }

    /// 32 hexadecimal digits; some write them with hyphens.
    fn read(text: &str) -> Option<SessionUuid> {
        let digits: String = text.chars().filter(|&letter| letter != '-').take(DIGITS + 1).collect();
        let whole = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let uuid = u128::from_str_radix(&digits, 16).ok().filter(|_| whole)?;
        (uuid != 0).then_some(SessionUuid(uuid))
    }
}

const DIGITS: usize = 32;
/// The standard knows one.
const MOST_PARAMETERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_ends_one_end_and_none() {
        let of = |value| SessionUuid::of(value).map(|uuid| format!("{:032x}", uuid.0)).collect::<Vec<_>>();
        let (a, b) = ("ab30317f1a784dc48ff824d0d3715d86", "47755a9de7794ba387653f2099600ef2");
        assert_eq!(of("ab30317f1a784dc48ff824d0d3715d86; remote=47755a9de7794ba387653f2099600ef2"), [a, b]);
        assert_eq!(of("AB30317F1A784DC48FF824D0D3715D86;remote=00000000000000000000000000000000"), [a]);
        assert_eq!(of("ab30317f-1a78-4dc4-8ff8-24d0d3715d86"), [a]);
        assert_eq!(of("00000000000000000000000000000000;Remote=47755a9de7794ba387653f2099600ef2"), [b]);
        for nothing in
            ["", "abc", "+b30317f1a784dc48ff824d0d3715d86", "ab30317f1a784dc48ff824d0d3715d8600", ";remote="]
        {
            assert!(of(nothing).is_empty(), "{nothing}");
        }
    }
}
