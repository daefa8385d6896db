//! Header names (RFC 3261, section 20, and the RFCs that add to it), compact forms folded into the long ones
//! (RFC 3261, section 7.3.3). Only names that a watcher asks for; every other one is [`HeaderName::Other`].

macro_rules! header_names {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The name of a header.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)+
            /// Any other name, to be asked for by [`crate::Message::named`].
            Other,
        }

        impl HeaderName {
            /// Every name that is known.
            pub const ALL: &'static [HeaderName] = &[$(HeaderName::$variant),+];

            /// The name as the RFCs write it; empty for [`HeaderName::Other`].
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(HeaderName::$variant => $text,)+
                    HeaderName::Other => "",
                }
            }
        }
    };
}

header_names! {
    /// RFC 3841.
    AcceptContact = "Accept-Contact",
    /// RFC 3261.
    Allow = "Allow",
    /// RFC 6665.
    AllowEvents = "Allow-Events",
    /// RFC 3261.
    Authorization = "Authorization",
    /// RFC 3261; the identifier of a call, which alone is no dialog.
    CallId = "Call-ID",
    /// RFC 3261.
    CallInfo = "Call-Info",
    /// RFC 3261.
    Contact = "Contact",
    /// RFC 3261.
    ContentDisposition = "Content-Disposition",
    /// RFC 3261.
    ContentEncoding = "Content-Encoding",
    /// RFC 3261.
    ContentLength = "Content-Length",
    /// RFC 3261.
    ContentType = "Content-Type",
    /// RFC 3261.
    CSeq = "CSeq",
    /// RFC 3261; the sender's clock, not the capture's.
    Date = "Date",
    /// RFC 5806; who was called before.
    Diversion = "Diversion",
    /// RFC 6665.
    Event = "Event",
    /// RFC 3261.
    Expires = "Expires",
    /// RFC 3261.
    From = "From",
    /// RFC 7044.
    HistoryInfo = "History-Info",
    /// RFC 8224.
    Identity = "Identity",
    /// RFC 4474.
    IdentityInfo = "Identity-Info",
    /// RFC 6086.
    InfoPackage = "Info-Package",
    /// RFC 3911.
    Join = "Join",
    /// RFC 3261.
    MaxForwards = "Max-Forwards",
    /// RFC 4028.
    MinSe = "Min-SE",
    /// RFC 3325; who the network says is calling.
    PAssertedIdentity = "P-Asserted-Identity",
    /// RFC 7315.
    PCalledPartyId = "P-Called-Party-ID",
    /// RFC 7315; its ICID joins the dialogs of one conversation.
    PChargingVector = "P-Charging-Vector",
    /// RFC 3325.
    PPreferredIdentity = "P-Preferred-Identity",
    /// RFC 3323.
    Privacy = "Privacy",
    /// RFC 3261.
    ProxyAuthorization = "Proxy-Authorization",
    /// RFC 3262.
    RAck = "RAck",
    /// RFC 3262.
    RSeq = "RSeq",
    /// RFC 3326; why a call ended.
    Reason = "Reason",
    /// RFC 3261.
    RecordRoute = "Record-Route",
    /// RFC 3515.
    ReferTo = "Refer-To",
    /// RFC 3892.
    ReferredBy = "Referred-By",
    /// RFC 3841.
    RejectContact = "Reject-Contact",
    /// A draft that never became an RFC, and is sent by many.
    RemotePartyId = "Remote-Party-ID",
    /// RFC 3891.
    Replaces = "Replaces",
    /// RFC 3841.
    RequestDisposition = "Request-Disposition",
    /// RFC 3261.
    Require = "Require",
    /// RFC 3261.
    RetryAfter = "Retry-After",
    /// RFC 3261.
    Route = "Route",
    /// RFC 3261.
    Server = "Server",
    /// RFC 4028.
    SessionExpires = "Session-Expires",
    /// RFC 7989; joins the dialogs of one conversation.
    SessionId = "Session-ID",
    /// RFC 3261.
    Subject = "Subject",
    /// RFC 3261.
    Supported = "Supported",
    /// RFC 4538.
    TargetDialog = "Target-Dialog",
    /// RFC 3261.
    To = "To",
    /// RFC 3261.
    UserAgent = "User-Agent",
    /// RFC 7433.
    UserToUser = "User-to-User",
    /// RFC 3261.
    Via = "Via",
    /// RFC 3261.
    Warning = "Warning",
}

impl HeaderName {
    /// The header of a name as it was sent, compact or long, in any case.
    #[must_use]
    pub fn of(name: &[u8]) -> HeaderName {
        if let &[letter] = name {
            return HeaderName::of_compact(letter.to_ascii_lowercase());
        }
        same_length(name.len())
            .iter()
            .copied()
            .find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
            .unwrap_or(HeaderName::Other)
    }

    /// The registered one-letter forms.
    const fn of_compact(letter: u8) -> HeaderName {
        match letter {
            b'a' => HeaderName::AcceptContact,
            b'b' => HeaderName::ReferredBy,
            b'c' => HeaderName::ContentType,
            b'd' => HeaderName::RequestDisposition,
            b'e' => HeaderName::ContentEncoding,
            b'f' => HeaderName::From,
            b'i' => HeaderName::CallId,
            b'j' => HeaderName::RejectContact,
            b'k' => HeaderName::Supported,
            b'l' => HeaderName::ContentLength,
            b'm' => HeaderName::Contact,
            b'n' => HeaderName::IdentityInfo,
            b'o' => HeaderName::Event,
            b'r' => HeaderName::ReferTo,
            b's' => HeaderName::Subject,
            b't' => HeaderName::To,
            b'u' => HeaderName::AllowEvents,
            b'v' => HeaderName::Via,
            b'x' => HeaderName::SessionExpires,
            b'y' => HeaderName::Identity,
            _ => HeaderName::Other,
        }
    }

    /// May one line carry several values, joined by commas, each with an address or a hop of its own?
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            HeaderName::Via
                | HeaderName::Contact
                | HeaderName::Route
                | HeaderName::RecordRoute
                | HeaderName::PAssertedIdentity
                | HeaderName::PPreferredIdentity
                | HeaderName::RemotePartyId
                | HeaderName::Diversion
                | HeaderName::HistoryInfo
                | HeaderName::CallInfo
                | HeaderName::Reason
        )
    }

    /// What a message is nothing without: kept even where it stands behind more headers than are kept.
    pub(crate) const fn is_essential(self) -> bool {
        matches!(
            self,
            HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::Contact
                | HeaderName::ContentType
                | HeaderName::ContentLength
        )
    }
}

/// The names of one length, the frequent first. A name is looked up once a header: few candidates, and no hash.
const fn same_length(length: usize) -> &'static [HeaderName] {
    use HeaderName as H;
    match length {
        2 => &[H::To],
        3 => &[H::Via],
        4 => &[H::From, H::CSeq, H::Date, H::RSeq, H::RAck, H::Join],
        5 => &[H::Allow, H::Route, H::Event],
        6 => &[H::Server, H::MinSe, H::Reason],
        7 => &[H::CallId, H::Contact, H::Require, H::Subject, H::Expires, H::Privacy, H::Warning],
        8 => &[H::ReferTo, H::Replaces, H::Identity],
        9 => &[H::Supported, H::CallInfo, H::Diversion],
        10 => &[H::UserAgent, H::SessionId],
        11 => &[H::ReferredBy, H::RetryAfter],
        12 => &[
            H::ContentType,
            H::MaxForwards,
            H::RecordRoute,
            H::AllowEvents,
            H::HistoryInfo,
            H::InfoPackage,
            H::UserToUser,
        ],
        13 => &[H::Authorization, H::IdentityInfo, H::TargetDialog],
        14 => &[H::ContentLength, H::AcceptContact, H::RejectContact],
        15 => &[H::SessionExpires, H::RemotePartyId],
        16 => &[H::ContentEncoding],
        17 => &[H::PCalledPartyId, H::PChargingVector],
        19 => &[H::PAssertedIdentity, H::ContentDisposition, H::ProxyAuthorization, H::RequestDisposition],
        20 => &[H::PPreferredIdentity],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_name_in_any_case() {
        for &name in HeaderName::ALL {
            assert_eq!(HeaderName::of(name.as_str().as_bytes()), name, "{name:?}");
            assert_eq!(HeaderName::of(name.as_str().to_ascii_uppercase().as_bytes()), name, "{name:?}");
        }
        assert_eq!(HeaderName::of(b"X-Custom"), HeaderName::Other);
        assert_eq!(HeaderName::of(b""), HeaderName::Other);
    }

    #[test]
    fn folds_compact_forms() {
        for (letter, name) in [
            (b"i", HeaderName::CallId),
            (b"f", HeaderName::From),
            (b"t", HeaderName::To),
            (b"V", HeaderName::Via),
            (b"l", HeaderName::ContentLength),
            (b"c", HeaderName::ContentType),
            (b"M", HeaderName::Contact),
            (b"k", HeaderName::Supported),
            (b"e", HeaderName::ContentEncoding),
            (b"s", HeaderName::Subject),
            (b"z", HeaderName::Other),
        ] {
            assert_eq!(HeaderName::of(letter), name);
        }
    }
}
