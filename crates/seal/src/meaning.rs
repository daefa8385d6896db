//! What a payload type stands for, asked once a packet and looked up once a description.

use audio::Codec;
use call::{Call, Negotiation, Side};
use clock::Time;
use rtp::PayloadType;

/// What a packet's payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// Audio that can be decoded.
    Audio(Codec),
    /// Dialled digits (RFC 4733).
    TelephoneEvent,
    /// Comfort noise (RFC 3389).
    ComfortNoise,
    /// Something that cannot be decoded here.
    Unsupported,
}

/// Resolves the payload types of one side's streams.
pub(crate) struct Meanings<'a> {
    negotiation: &'a Negotiation,
    receiver: Side,
    /// When a description may have changed something.
    changes: Vec<Time>,
    /// How many changes came before the packets for which `known` holds.
    after: usize,
    known: [Option<Meaning>; 128],
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
        let after = self.changes.partition_point(|&change| change <= at);
        if after != self.after {
            self.after = after;
            self.known = [None; 128];
        }
        let known = self.known.get(usize::from(number.0)).copied().flatten();
        known.unwrap_or_else(|| {
            let meaning = self.look_up(number, at);
            if let Some(place) = self.known.get_mut(usize::from(number.0)) {
                *place = Some(meaning);
            }
            meaning
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
            Some(format) => meaning(&format.encoding, format.clock_rate, format.channels),
            None => assigned(number)
                .map_or(Meaning::Unsupported, |(name, clock_rate)| meaning(name, clock_rate, 1)),
        }
    }
}

fn meaning(encoding: &str, clock_rate: u32, channels: u8) -> Meaning {
    match encoding {
        "TELEPHONE-EVENT" => Meaning::TelephoneEvent,
        "CN" => Meaning::ComfortNoise,
        _ => Codec::registered(encoding, clock_rate, channels).map_or(Meaning::Unsupported, Meaning::Audio),
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
        13 => ("CN", 8000),
        15 => ("G728", 8000),
        18 => ("G729", 8000),
        _ => return None,
    })
}
