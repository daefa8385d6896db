//! Sources that a description names beforehand (RFC 5576).

/// `a=ssrc:314159 cname:user@example.com`
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// The SSRC that is going to send.
    pub ssrc: u32,
    /// The CNAME it will have in RTCP.
    pub cname: Option<String>,
}

impl Source {
    /// Reads the value of one attribute; a source usually has several.
    pub(crate) fn read(value: &str) -> Option<Source> {
        let (ssrc, attribute) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        let cname = attribute.trim().split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("cname"));
        let cname = cname.map(|(_, cname)| cname.trim().to_owned());
        Some(Source { ssrc: ssrc.parse().ok()?, cname })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_cname_and_no_other_attribute() {
        let named = Source { ssrc: 314_159, cname: Some("user@example.com".to_owned()) };
        assert_eq!(Source::read("314159 cname:user@example.com"), Some(named));
        assert_eq!(Source::read("7 msid:a b"), Some(Source { ssrc: 7, cname: None }));
        assert_eq!(Source::read("x cname:y"), None);
    }
}
