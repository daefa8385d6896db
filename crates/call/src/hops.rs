//! The hops on which one INVITE was seen, by the branch of its topmost Via (RFC 3261, section 16.11): what ends the call
//! is said on the first, for a proxy may try on while one of those that it asked refuses.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use sip::Message;

/// The transactions of one INVITE.
#[derive(Clone, Default, Debug)]
pub(crate) struct Hops {
    first: Option<u64>,
    inner: Vec<u64>,
}

impl Hops {
    /// The INVITE was seen, perhaps on another hop.
    pub(crate) fn note(&mut self, invite: &Message<'_>) {
        let Some(branch) = branch(invite) else { return };
        let first = *self.first.get_or_insert(branch);
        if branch != first && self.inner.len() < MOST_HOPS && !self.inner.contains(&branch) {
            self.inner.push(branch);
        }
    }

    /// Whether a response to it, or a CANCEL of it, belongs to a later hop than the first.
    pub(crate) fn is_inner(&self, message: &Message<'_>) -> bool {
        !self.inner.is_empty() && branch(message).is_some_and(|branch| self.inner.contains(&branch))
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        self.inner.len() * size_of::<u64>()
    }
}

/// A fixed seed will do: the list is one call's and bounded.
fn branch(message: &Message<'_>) -> Option<u64> {
    message.branch().map(|branch| FixedState::default().hash_one(branch))
}

/// Phones that a proxy asks, each on a hop of its own; what is beyond them ends the call as if it were the first.
const MOST_HOPS: usize = 64;
