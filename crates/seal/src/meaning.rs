//! What a payload type stands for, asked once a packet and looked up once a description.

use audio::Codec;
use call::{Call, Negotiation, Side};
use clock::Time;
use rtp::PayloadType;

/// What a packet's payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// Audio that can be decoded, comfort noise among it.
    Audio(Codec),
    /// Audio together with copies of what was sent before (RFC 2198).
    Redundant,
    /// Dialled digits (RFC 4733).
    TelephoneEvent,
    /// Something that cannot be decoded here.
    Unsupported,
}

/// Resolves the payload types of one side's streams.
#[derive(Clone)]
pub(crate) struct Meanings<'a> {
    negotiation: &'a Negotiation,
    receiver: Side,
    /// When a description may have changed something.
    changes: Vec<Time>,
    /// How many changes came before the packets for which `known` holds.
    after: usize,
    known: [Option<(Meaning, u32)>; 128],
}

impl<'a> Meanings<'a> {
    pub(crate) fn new(call: &'a Call, sender: Side) -> Self {
        Meanings::by(&call.negotiation, sender)
    }

    /// What `sender` means by what this negotiation says.
    pub(crate) fn by(negotiation: &'a Negotiation, sender: Side) -> Self {
        let (changes, receiver) = (negotiation.changes(), sender.other());
        Meanings { negotiation, receiver, changes, after: 0, known: [None; 128] }
    }

    /// What `number` stands for in a packet that came at `at`.
    pub(crate) fn of(&mut self, number: PayloadType, at: Time) -> Meaning {
        self.known(number, at).0
    }

    /// Ticks a second of such a packet.
    pub(crate) fn clock_rate(&mut self, number: PayloadType, at: Time) -> u32 {
        self.known(number, at).1
    }

    fn known(&mut self, number: PayloadType, at: Time) -> (Meaning, u32) {
        let after = self.changes.partition_point(|&change| change <= at);
        if after != self.after {
            self.after = after;
            self.known = [None; 128];
        }
        let known = self.known.get(usize::from(number.0)).copied().flatten();
        known.unwrap_or_else(|| {
            let clock_rate = self.name(number, at).map_or(8000, |(_, clock_rate)| clock_rate);
            let known = (self.look_up(number, at), clock_rate);
            if let Some(place) = self.known.get_mut(usize::from(number.0)) {
                *place = Some(known);
            }
            known
        })
    }

    /// The name and clock rate of `number`, as described or as RFC 3551 assigns it.
    pub(crate) fn name(&self, number: PayloadType, at: Time) -> Option<(String, u32)> {
        match self.negotiation.format(self.receiver, number.0, at) {
            Some(format) => Some((format.encoding.clone(), format.clock_rate)),
            None => assigned(number).map(|(name, clock_rate)| (name.to_owned(), clock_rate)),
        }
    }

    fn look_up(&self, number: PayloadType, at: Time) -> Meaning {
        match self.negotiation.format(self.receiver, number.0, at) {
            Some(format) => {
                let parameters = format.fmtp.as_deref().unwrap_or("");
                meaning(&format.encoding, format.clock_rate, format.channels, parameters)
            }
            None => assigned(number)
                .map_or(Meaning::Unsupported, |(name, clock_rate)| meaning(name, clock_rate, 1, "")),
        }
    }
}

fn meaning(encoding: &str, clock_rate: u32, channels: u8, parameters: &str) -> Meaning {
    match encoding {
        "TELEPHONE-EVENT" => Meaning::TelephoneEvent,
        "RED" => Meaning::Redundant,
        _ => Codec::registered(encoding, clock_rate, channels, parameters)
            .map_or(Meaning::Unsupported, Meaning::Audio),
    }
}

/// The static audio types of RFC 3551, table 4: a sender may use them without a word.
fn assigned(number: PayloadType) -> Option<(&'static str, u32)> {
    Some(match number.0 {
        0 => ("PCMU", 8000),
        3 => ("GSM", 8000),
        4 => ("G723", 8000),
        8 => ("PCMA", 8000),
        9 => ("G722", 8000),
        11 => ("L16", 44_100),
        13 | 19 => ("CN", 8000),
        15 => ("G728", 8000),
        18 => ("G729", 8000),
        _ => return None,
    })
}

/// The encoding as it is registered, where that is not in upper case.
pub(crate) fn spelled(encoding: &str) -> &str {
    match encoding {
        "ILBC" => "iLBC",
        "OPUS" => "opus",
        "RED" => "red",
        "SPEEX" => "speex",
        "TELEPHONE-EVENT" => "telephone-event",
        other => other,
    }
}
