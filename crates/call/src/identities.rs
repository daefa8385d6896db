//! Whom a call's signalling names beside From and To, and with what software they speak: P-Asserted-Identity and
//! P-Preferred-Identity (RFC 3325), Remote-Party-ID, Diversion (RFC 5806), History-Info (RFC 7044), User-Agent and Server
//! (RFC 3261, sections 20.35 and 20.41).

use sip::{HeaderName, Message};

use crate::side::{Both, Side};

/// Names and addresses as they were sent, each once, in the order in which they came.
#[derive(Clone, Default, Debug)]
pub struct Identities {
    /// P-Asserted-Identity of either side.
    pub p_asserted: Vec<String>,
    /// P-Preferred-Identity of either side.
    pub p_preferred: Vec<String>,
    /// Remote-Party-ID of either side.
    pub remote_party_id: Vec<String>,
    /// Diversion.
    pub diversion: Vec<String>,
    /// History-Info.
    pub history_info: Vec<String>,
    /// User-Agent or Server.
    pub user_agents: Both<Option<String>>,
}

impl Identities {
    /// Takes the identities from an INVITE, an UPDATE or an answer.
    pub(crate) fn note(&mut self, message: &Message<'_>) {
        let lists = [
            (HeaderName::PAssertedIdentity, &mut self.p_asserted, MOST_IDENTITIES),
            (HeaderName::PPreferredIdentity, &mut self.p_preferred, MOST_IDENTITIES),
            (HeaderName::RemotePartyId, &mut self.remote_party_id, MOST_IDENTITIES),
            (HeaderName::Diversion, &mut self.diversion, MOST_IDENTITIES),
            (HeaderName::HistoryInfo, &mut self.history_info, MOST_HISTORY),
        ];
        for (name, list, most) in lists {
            for identity in message.header(name).take(most) {
                let identity = clipped(&identity);
                if list.len() < most && !list.iter().any(|known| known == identity) {
                    list.push(identity.to_owned());
                }
            }
        }
    }

    /// Takes the software of `sender`, unless it is known; who answers is the callee, whoever rang before.
    pub(crate) fn note_user_agent(&mut self, message: &Message<'_>, sender: Side, answers: bool) {
        let known = self.user_agents.of_mut(sender);
        if known.is_none() || answers {
            *known = user_agent(message).or(known.take());
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let lists =
            [&self.p_asserted, &self.p_preferred, &self.remote_party_id, &self.diversion, &self.history_info];
        let agents = [&self.user_agents.caller, &self.user_agents.callee];
        let text = lists.into_iter().flatten().chain(agents.into_iter().flatten());
        text.map(|text| size_of::<String>() + text.len()).sum()
    }
}

/// What the sender's software calls itself.
pub(crate) fn user_agent(message: &Message<'_>) -> Option<String> {
    let named = [HeaderName::UserAgent, HeaderName::Server].into_iter().find_map(|name| {
        let value = message.header(name).next()?;
        Some(clipped(&value).to_owned())
    });
    named.filter(|name| !name.is_empty())
}

/// As much of a header's value as is kept.
pub(crate) fn clipped(value: &str) -> &str {
    value.get(..value.floor_char_boundary(LONGEST)).unwrap_or(value)
}

/// A value of an identity header is a name and a URI; what is longer is not kept in full.
const LONGEST: usize = 1024;
/// An identity header has one value or two.
const MOST_IDENTITIES: usize = 8;
/// History-Info has one for each hop and each diversion.
const MOST_HISTORY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &[u8] = b"INVITE sip:bob@example.net SIP/2.0\r\nCall-ID: 1\r\n\
        From: \"A\" <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.net>\r\nCSeq: 1 INVITE\r\n\
        P-Asserted-Identity: \"Alice, A.\" <sip:+4930111@example.com>, <tel:+4930111>\r\n\
        P-Preferred-Identity: <sip:desk@example.com>\r\n\
        Remote-Party-ID: <sip:4930111@192.0.2.1>;party=calling;screen=yes;privacy=off\r\n\
        Diversion: <sip:lobby@example.com>;reason=no-answer\r\n\
        History-Info: <sip:lobby@example.com>;index=1, <sip:bob@example.net>;index=1.1\r\n\
        User-Agent: Yealink SIP-T46S 66.85.0.5\r\n\r\n";

    #[test]
    fn takes_every_identity_once_and_one_by_one() {
        let mut identities = Identities::default();
        let message = Message::read(INVITE).unwrap();
        for _ in 0..2 {
            identities.note(&message);
            identities.note_user_agent(&message, Side::Caller, false);
        }
        assert_eq!(identities.p_asserted, ["\"Alice, A.\" <sip:+4930111@example.com>", "<tel:+4930111>"]);
        assert_eq!(identities.p_preferred, ["<sip:desk@example.com>"]);
        let remote = "<sip:4930111@192.0.2.1>;party=calling;screen=yes;privacy=off";
        assert_eq!(identities.remote_party_id, [remote]);
        assert_eq!(identities.diversion, ["<sip:lobby@example.com>;reason=no-answer"]);
        assert_eq!(identities.history_info.len(), 2);
        assert_eq!(identities.user_agents.caller.as_deref(), Some("Yealink SIP-T46S 66.85.0.5"));
        assert_eq!(identities.user_agents.callee, None);
    }

    #[test]
    fn who_answers_is_the_callee_and_not_the_proxy_that_rang() {
        let mut identities = Identities::default();
        let ringing = b"SIP/2.0 180 Ringing\r\nServer: kamailio (5.6.3)\r\n\r\n";
        let answer = b"SIP/2.0 200 OK\r\nUser-Agent: baresip v3\r\n\r\n";
        let bye = b"BYE sip:a SIP/2.0\r\nUser-Agent: other\r\n\r\n";
        for (message, answers) in [(&ringing[..], false), (answer, true), (bye, false)] {
            let message = Message::read(message).unwrap();
            identities.note_user_agent(&message, Side::Callee, answers);
        }
        assert_eq!(identities.user_agents.callee.as_deref(), Some("baresip v3"));
    }

    #[test]
    fn stays_small_whatever_is_sent() {
        let mut identities = Identities::default();
        let long = "ü".repeat(20_000);
        for n in 0..200 {
            let text = format!(
                "INVITE sip:b SIP/2.0\r\nP-Asserted-Identity: <sip:{n}>\r\nHistory-Info: <sip:{n}{long}>\r\n\r\n"
            );
            identities.note(&Message::read(text.as_bytes()).unwrap());
        }
        assert_eq!((identities.p_asserted.len(), identities.history_info.len()), (8, 32));
        assert!(identities.weight() < 64 << 10, "{} bytes", identities.weight());
    }
}
