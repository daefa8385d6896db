//! The P-Charging-Vector header (RFC 7315, section 4.6): its ICID is the same on every way that a session takes through
//! a network.

use crate::list::{parameter, split, unquoted};

/// The value of `icid-value`.
#[must_use]
pub fn icid(value: &str) -> Option<String> {
    let icid = |part| match parameter(part) {
        (name, Some(icid)) if name.eq_ignore_ascii_case("icid-value") => Some(unquoted(icid)),
        _ => None,
    };
    split(value, b';').take(MOST_PARAMETERS).find_map(icid).filter(|icid| !icid.is_empty())
}

/// The standard knows six.
const MOST_PARAMETERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare() {
        let quoted = "icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\"; icid-generated-at=192.0.6.8";
        assert_eq!(icid(quoted).as_deref(), Some("AyretyU0dm+6O2IrT5tAFrbHLso=023551024"));
        assert_eq!(icid("orig-ioi=a;ICID-Value=1234bc9876e").as_deref(), Some("1234bc9876e"));
        assert_eq!(icid("icid-value=\"\""), None);
        assert_eq!(icid("orig-ioi=a"), None);
    }
}
