//! An INVITE with Replaces (RFC 3891): once it is answered, the call that it names was replaced, and ends for that
//! reason.

use sip::{HeaderName, Message, Method, Replaces};

use crate::calls::Calls;
use crate::claims::CallKey;
use crate::dialog::End;
use crate::open_call::OpenCall;

/// The dialog whose place an INVITE is to take.
pub(crate) fn asked_by(invite: &Message<'_>) -> Option<Replaces> {
    invite.header(HeaderName::Replaces).next().and_then(|value| Replaces::read(&value))
}

/// Marks the call that `key`'s replaces, where `message` answers it.
pub(crate) fn carry_out(calls: &mut Calls, key: CallKey, message: &Message<'_>) {
    let answers = message.status().is_some_and(|code| (200..300).contains(&code))
        && message.method() == Some(Method::Invite);
    if !answers {
        return;
    }
    let Some(replaces) = calls.get(key).and_then(|call| call.replaces.clone()) else { return };
    for other in calls.of_call_id(&replaces.call_id) {
        let Some(call) = calls.get_mut(other).filter(|_| other != key) else { continue };
        let tag = |tag: &Option<String>| tag.clone().unwrap_or_default();
        if replaces.means(&tag(&call.dialog.caller.tag), &tag(&call.dialog.callee.tag)) {
            call.replaced = true;
        }
    }
}

/// Why a call ended of which `end` was seen.
pub(crate) fn end(call: &OpenCall, end: End) -> End {
    match end {
        End::ByeCaller | End::ByeCallee | End::Cancel | End::MediaTimeout if call.replaced => End::Replaced,
        end => end,
    }
}
