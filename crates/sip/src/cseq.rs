//! CSeq (RFC 3261, section 20.16): the number and the method of a transaction.

use crate::method::Method;

/// The CSeq of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CSeq {
    /// The sequence number; one that does not fit 32 bits stands at the largest that does.
    pub number: u32,
    /// The method of the request, in its responses too.
    pub method: Method,
}

impl CSeq {
    /// Reads `4711 INVITE`; `None` where no number comes first.
    #[must_use]
    pub fn read(value: &str) -> Option<CSeq> {
        let value = value.trim();
        let digits = value.bytes().take_while(u8::is_ascii_digit).count();
        let (number, method) = value.split_at_checked(digits).filter(|(number, _)| !number.is_empty())?;
        let number = number.parse().unwrap_or(u32::MAX);
        let token = method.split_ascii_whitespace().next().unwrap_or_default();
        Some(CSeq { number, method: Method::of(token.as_bytes()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_number_and_method() {
        assert_eq!(CSeq::read("1 INVITE"), Some(CSeq { number: 1, method: Method::Invite }));
        assert_eq!(CSeq::read(" 7\t  BYE "), Some(CSeq { number: 7, method: Method::Bye }));
        assert_eq!(CSeq::read("7BYE"), Some(CSeq { number: 7, method: Method::Bye }));
        assert_eq!(CSeq::read("7"), Some(CSeq { number: 7, method: Method::Other }));
    }

    #[test]
    fn an_overflow_stays_at_the_end_of_the_range() {
        assert_eq!(
            CSeq::read("99999999999999999999 ACK"),
            Some(CSeq { number: u32::MAX, method: Method::Ack })
        );
    }

    #[test]
    fn no_number_is_no_cseq() {
        assert_eq!(CSeq::read("INVITE"), None);
        assert_eq!(CSeq::read("-1 INVITE"), None);
        assert_eq!(CSeq::read(""), None);
    }
}
