//! The early dialogs of a call: where an INVITE is forked, each callee answers under a To-tag of its own (RFC 3261,
//! sections 12.1 and 13.2.2.4). Who of them becomes the call is for the dialog to say.

use clock::Time;
use sip::Message;

use crate::identities::{clipped, user_agent};

/// One early dialog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// The tag that its callee gave it.
    pub tag: String,
    /// Where its callee wants to be reached.
    pub contact: Option<String>,
    /// Its callee's software.
    pub user_agent: Option<String>,
    /// The last response that came in it.
    pub status_code: u16,
    /// When its first response came that is no answer.
    pub ringing_at: Option<Time>,
    /// When its callee answered.
    pub answered_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
}

impl Branch {
    fn new(tag: &str) -> Branch {
        let (contact, user_agent, tag) = (None, None, tag.to_owned());
        let (ringing_at, answered_at, ended_at) = (None, None, None);
        Branch { tag, contact, user_agent, status_code: 0, ringing_at, answered_at, ended_at }
    }

    fn handle_response(&mut self, code: u16, message: &Message<'_>, at: Time) {
        self.status_code = code;
        self.contact =
            message.contact().map(|contact| clipped(&contact.uri).to_owned()).or(self.contact.take());
        self.user_agent = user_agent(message).or(self.user_agent.take());
        match code {
            ..200 => self.ringing_at = self.ringing_at.or(Some(at)),
            200..300 => self.answered_at = self.answered_at.or(Some(at)),
            _ => self.ended_at = Some(at),
        }
    }

    fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Branch>() + self.tag.len() + text(&self.contact) + text(&self.user_agent)
    }
}

/// The early dialogs of one call, in the order of their first responses.
#[derive(Clone, Default, Debug)]
pub(crate) struct Branches(Vec<Branch>);

impl Branches {
    /// Takes in a response to the INVITE. A refusal ends an early dialog and begins none.
    pub(crate) fn handle_response(&mut self, tag: &str, code: u16, message: &Message<'_>, at: Time) {
        if !self.knows(tag) && code < 300 && self.0.len() < MOST_BRANCHES {
            self.0.push(Branch::new(tag));
        }
        let open = self.0.iter_mut().find(|branch| branch.tag == tag && branch.ended_at.is_none());
        open.into_iter().for_each(|branch| branch.handle_response(code, message, at));
    }

    /// The early dialog was hung up.
    pub(crate) fn end(&mut self, tag: &str, at: Time) {
        let known = self.0.iter_mut().find(|branch| branch.tag == tag && branch.ended_at.is_none());
        known.into_iter().for_each(|branch| branch.ended_at = Some(at));
    }

    pub(crate) fn knows(&self, tag: &str) -> bool {
        self.0.iter().any(|branch| branch.tag == tag)
    }

    /// Whether an early dialog besides this one is still open.
    pub(crate) fn has_others(&self, tag: &str) -> bool {
        self.0.iter().any(|branch| branch.tag != tag && branch.ended_at.is_none())
    }

    /// Those that did not become the call. Where nobody answered, one early dialog is no fork, and several are.
    pub(crate) fn losers(self, winner: Option<&str>, over_by: Time) -> Vec<Branch> {
        if winner.is_none() && self.0.len() < 2 {
            return Vec::new();
        }
        let mut losers: Vec<Branch> =
            self.0.into_iter().filter(|branch| winner != Some(branch.tag.as_str())).collect();
        for loser in &mut losers {
            loser.ended_at = loser.ended_at.or(Some(over_by));
        }
        losers
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(Branch::weight).sum()
    }
}

/// Phones that ring for one call; more is an attack, or a list that rings one after the other for an hour.
pub(crate) const MOST_BRANCHES: usize = 32;
