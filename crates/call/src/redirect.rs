//! Where a caller was told to call instead: a 3xx and its Contacts (RFC 3261, section 21.3).

use clock::Time;
use sip::{HeaderName, Message};

use crate::identities::clipped;

/// One redirection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    /// When.
    pub at: Time,
    /// Its code.
    pub status_code: u16,
    /// Where to.
    pub contacts: Vec<String>,
}

impl Redirect {
    pub(crate) fn read(status_code: u16, message: &Message<'_>, at: Time) -> Redirect {
        let contacts = message.addresses(HeaderName::Contact).take(MOST_CONTACTS);
        let contacts = contacts.map(|contact| clipped(&contact.uri).to_owned()).collect();
        Redirect { at, status_code, contacts }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let contacts = self.contacts.iter().map(|contact| size_of::<String>() + contact.len());
        size_of::<Redirect>() + contacts.sum::<usize>()
    }
}

/// More are tried by nobody.
const MOST_CONTACTS: usize = 8;
