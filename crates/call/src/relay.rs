//! Whether one call's audio is the other's, sent on by a relay between them.
//!
//! Equal payloads alone prove nothing: a hundred calls may hear one music on hold. A relay is told by its way. Either
//! it takes a stream in where it sends the other out: the first one's destination is the second one's source, and they
//! come from different hosts, which music from one server never does. Or it carries both parties: what is said in
//! the first call comes a moment later in the second, and what is answered in the second a moment later in the first.
//! Music runs one way. In both cases so many payloads must agree, in one order and within the delay of a relay, that
//! chance is out of the question: tones and loops repeat and are in no print.

use std::collections::BTreeMap;

use clock::{Span, Time};

use crate::payload_print::Print;
use crate::side::Side;

/// A stream of the earlier call and one of this call that were seen to carry the same payloads, with their times.
pub(crate) type Pairs = BTreeMap<(usize, usize), Vec<(Time, Time)>>;

/// Whether two payloads that are equal came near enough to be one and the other's relay.
pub(crate) fn is_near(one: Time, other: Time) -> bool {
    one - other <= LONGEST_DELAY && other - one <= LONGEST_DELAY
}

/// Whether the pairs of streams make the two calls one conversation.
pub(crate) fn is_relayed(theirs: &[Print], ours: &[Print], pairs: &Pairs) -> bool {
    let mut forward: Vec<(Side, Side)> = Vec::new();
    let mut backward: Vec<(Side, Side)> = Vec::new();
    for (&(their, our), times) in pairs {
        let (Some(their), Some(our)) = (theirs.get(their), ours.get(our)) else { continue };
        let flipped: Vec<(Time, Time)> = times.iter().map(|&(their, our)| (our, their)).collect();
        if follows(times) {
            if meets(their, our) {
                return true;
            }
            forward.push((their.sender, our.sender));
        } else if follows(&flipped) {
            if meets(our, their) {
                return true;
            }
            backward.push((their.sender, our.sender));
        }
    }
    let answers = |&(their, our): &(Side, Side)| {
        backward.iter().any(|&(other_their, other_our)| their != other_their && our != other_our)
    };
    forward.iter().any(answers)
}

/// Whether the second came behind the first, often enough, and in the same order.
fn follows(times: &[(Time, Time)]) -> bool {
    let mut times: Vec<(Time, Time)> =
        times.iter().copied().filter(|(first, second)| second >= first).collect();
    times.sort_unstable();
    let mut last = None;
    let mut in_order = 0;
    for (_, second) in times {
        if last.is_none_or(|last| second > last) {
            in_order += 1;
            last = Some(second);
        }
    }
    in_order >= ENOUGH
}

/// Whether one host takes the first in and sends the second out, and got it from elsewhere.
fn meets(first: &Print, second: &Print) -> bool {
    first.flow.destination.address == second.flow.source.address
        && first.flow.source.address != second.flow.source.address
}

/// Half a second: a relay that buffers, and the two taps of the capture.
const LONGEST_DELAY: Span = Span::from_ms(500);
/// Payloads that agree: one in eight is looked at, so that these are a second and a half of speech.
const ENOUGH: usize = 8;
