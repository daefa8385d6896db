//! What tells whose a message is (RFC 3261, section 12): the tags of From and To, read once and held against every call
//! of its Call-ID.

use sip::{Message, StartLine};

use crate::side::Side;

/// The tags of a message.
#[derive(Debug)]
pub(crate) struct Tags {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) is_response: bool,
}

impl Tags {
    /// `None` where From or To is missing.
    pub(crate) fn of(message: &Message<'_>) -> Option<Tags> {
        let is_response = matches!(message.start(), StartLine::Status { .. });
        Some(Tags { from: message.from()?.tag, to: message.to()?.tag, is_response })
    }

    /// Who sent the request of the transaction, where `sender` sent this message of it.
    pub(crate) fn requester(&self, sender: Side) -> Side {
        if self.is_response { sender.other() } else { sender }
    }

    /// The callee's tag in a message that `sender` sent: which early dialog it belongs to.
    pub(crate) fn branch(&self, sender: Side) -> Option<&str> {
        match self.requester(sender) {
            Side::Caller => self.to.as_deref(),
            Side::Callee => self.from.as_deref(),
        }
    }
}
