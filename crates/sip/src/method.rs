//! Request methods (RFC 3261, section 7.1, and the RFCs that add to it), as a closed set.

use std::fmt;
use std::str::FromStr;

/// The method of a request or of a CSeq.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// RFC 3261, section 13: asks for a session.
    Invite,
    /// RFC 3261, section 13.2.2.4: confirms the final response to an INVITE.
    Ack,
    /// RFC 3261, section 15: ends a session.
    Bye,
    /// RFC 3261, section 9: gives up a pending request.
    Cancel,
    /// RFC 3261, section 11: asks for capabilities.
    Options,
    /// RFC 3261, section 10: binds an address of record.
    Register,
    /// RFC 3262: confirms a provisional response.
    Prack,
    /// RFC 3311: changes a session before it is answered.
    Update,
    /// RFC 6665: asks for notifications.
    Subscribe,
    /// RFC 6665: notifies.
    Notify,
    /// RFC 3903: publishes event state.
    Publish,
    /// RFC 6086: carries what belongs to the application, dialled digits among it.
    Info,
    /// RFC 3515: asks the other side to call somebody.
    Refer,
    /// RFC 3428: carries an instant message.
    Message,
    /// Any other token.
    Other,
}

impl Method {
    /// Every method, in the order of their labels in metrics.
    pub const ALL: [Method; 15] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Prack,
        Method::Update,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
        Method::Info,
        Method::Refer,
        Method::Message,
        Method::Other,
    ];

    /// The token as it stands in a request line; `other` for what is not in the set.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Register => "REGISTER",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Publish => "PUBLISH",
            Method::Info => "INFO",
            Method::Refer => "REFER",
            Method::Message => "MESSAGE",
            Method::Other => "other",
        }
    }

    /// The method of a token. Methods are case-sensitive, yet `Invite` has been seen: such a token is left to `rsip`.
    #[must_use]
    pub fn of(token: &[u8]) -> Method {
        match token {
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"BYE" => Method::Bye,
            b"CANCEL" => Method::Cancel,
            b"OPTIONS" => Method::Options,
            b"REGISTER" => Method::Register,
            b"PRACK" => Method::Prack,
            b"UPDATE" => Method::Update,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"PUBLISH" => Method::Publish,
            b"INFO" => Method::Info,
            b"REFER" => Method::Refer,
            b"MESSAGE" => Method::Message,
            odd => Method::of_odd(odd),
        }
    }

    fn of_odd(token: &[u8]) -> Method {
        let longest = Method::Subscribe.as_str().len();
        if token.len() > longest {
            return Method::Other;
        }
        std::str::from_utf8(token)
            .ok()
            .and_then(|token| rsip::Method::from_str(token).ok())
            .map_or(Method::Other, Method::from)
    }
}

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Self {
        match method {
            rsip::Method::Invite => Method::Invite,
            rsip::Method::Ack => Method::Ack,
            rsip::Method::Bye => Method::Bye,
            rsip::Method::Cancel => Method::Cancel,
            rsip::Method::Options => Method::Options,
            rsip::Method::Register => Method::Register,
            rsip::Method::PRack => Method::Prack,
            rsip::Method::Update => Method::Update,
            rsip::Method::Subscribe => Method::Subscribe,
            rsip::Method::Notify => Method::Notify,
            rsip::Method::Publish => Method::Publish,
            rsip::Method::Info => Method::Info,
            rsip::Method::Refer => Method::Refer,
            rsip::Method::Message => Method::Message,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for method in Method::ALL {
            assert_eq!(Method::of(method.as_str().as_bytes()), method);
        }
    }

    #[test]
    fn agrees_with_rsip_on_every_method_it_knows() {
        for known in rsip::Method::all() {
            assert_eq!(Method::of(known.to_string().as_bytes()), Method::from(known));
        }
    }

    #[test]
    fn takes_any_case_and_any_token() {
        assert_eq!(Method::of(b"Invite"), Method::Invite);
        assert_eq!(Method::of(b"prack"), Method::Prack);
        assert_eq!(Method::of(b"BREW"), Method::Other);
        assert_eq!(Method::of(b"\xff"), Method::Other);
        assert_eq!(Method::of(b""), Method::Other);
    }
}
