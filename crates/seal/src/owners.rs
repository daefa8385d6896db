//! Who lost a packet: the network, or the capture. It was the capture where it counted drops meanwhile, where streams that
//! have nothing in common miss packets at the same moment, and where the receiver says that nothing was lost.

use call::Call;
use clock::{Span, Time};
use rtp::Loss;

use crate::voice::Voice;

/// The lost packets of one stream, by owner.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Owned {
    pub(crate) network: u64,
    pub(crate) capture: u64,
    /// The runs that are the capture's, in the order of sending.
    pub(crate) runs: Vec<Loss>,
}

impl Owned {
    pub(crate) fn of(call: &Call, voice: &Voice<'_>) -> Owned {
        let lost: u64 = voice.losses.runs.iter().map(|loss| loss.packets).sum();
        if lost == 0 {
            return Owned::default();
        }
        let denial = denial(call, voice);
        let is_denied = |loss: &Loss| denial.is_some_and(|denial| denial.all && loss.to <= denial.until);
        let is_captures = |loss: &&Loss| is_denied(loss) || fell_into(call, loss);
        let runs: Vec<Loss> = voice.losses.runs.iter().filter(is_captures).copied().collect();
        let known: u64 = runs.iter().map(|loss| loss.packets).sum();
        let capture = known.max(denial.map_or(0, |denial| denial.packets));
        Owned { network: lost.saturating_sub(capture), capture: capture.min(lost), runs }
    }
}

/// Whether the capture lost packets then.
fn fell_into(call: &Call, loss: &Loss) -> bool {
    // What was counted with a packet was lost before that: a loss that begins with it is another.
    let begun = call.capture_losses.partition_point(|lost| lost.from <= loss.to);
    call.capture_losses.iter().take(begun).any(|lost| lost.to > loss.from)
}

/// A receiver's word against losses.
#[derive(Clone, Copy)]
struct Denial {
    /// Of the packets lost until then so many came to it.
    packets: u64,
    /// Whether those are all.
    all: bool,
    until: Time,
}

/// What the receiver says by RTCP. Where the stream is seen on two hops, nobody knows of which the receiver speaks; and who
/// always says zero has to have counted at least how far the stream was.
fn denial(call: &Call, voice: &Voice<'_>) -> Option<Denial> {
    let stream = &voice.matched.stream;
    let streams = || call::Side::BOTH.iter().flat_map(|&side| call.legs.of(side));
    if streams().filter(|other| other.stream.ssrc == stream.ssrc).count() != 1 {
        return None;
    }
    let mut told = call.reported.about(stream.ssrc).filter_map(|told| told.reception.as_ref());
    let reception = told.next().filter(|reception| reception.reports >= FEWEST_REPORTS)?;
    if told.next().is_some() {
        return None;
    }
    let until = reception.last_at;
    let highest = rtp::Seq(reception.highest_seq as u16);
    let lately = until - LATELY..=until;
    let was_there = |slot: rtp::Slot| slot.seq() == highest && lately.contains(&slot.arrival());
    if !voice.slots().any(was_there) {
        return None;
    }
    let before = voice.losses.runs.iter().filter(|loss| loss.to <= until);
    let lost: u64 = before.map(|loss| loss.packets).sum();
    // Doubles make up for losses in the receiver's count.
    let admitted = u64::try_from(reception.cumulative_lost).unwrap_or(0) + voice.statistics.duplicates;
    let packets = lost.saturating_sub(admitted);
    (packets > 0).then_some(Denial { packets, all: packets == lost, until })
}

const FEWEST_REPORTS: u64 = 2;
const LATELY: Span = Span::from_secs(5);
