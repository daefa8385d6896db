//! One party's side of a call in its record: the streams, the digits, the quality.

use std::fmt;
use std::net::SocketAddr;

use clock::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::evidence::{Match, Named};
use crate::finding::Levels;
use crate::number::{Milliseconds, Ppm, Score};
use crate::outcome::{DigitMethod, Role};
use crate::reported::Reported;
use crate::timestamp;

/// One party's side of a call; one channel of the recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Leg {
    /// Whose side.
    pub role: Role,
    /// The channel of the recording: 0 is the caller's.
    pub channel: u16,
    /// Where the party receives media, by what was said, in the order in which it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<Named>,
    /// What the party sent, in the order of the first packet.
    pub streams: Vec<StreamRecord>,
    /// The digits that the party dialled.
    pub dtmf: Vec<Digit>,
    /// The estimated listening quality.
    pub mos: Option<Mos>,
    /// How loud it is; of what was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Levels>,
    /// Measurements of the audio: an object, or null.
    pub quality: serde_json::Value,
}

impl Leg {
    /// A leg of which nothing was seen yet.
    #[must_use]
    pub fn new(role: Role) -> Self {
        let channel = u16::from(role == Role::Callee);
        Leg {
            role,
            channel,
            named: vec![],
            streams: vec![],
            dtmf: vec![],
            mos: None,
            levels: None,
            quality: serde_json::Value::Null,
        }
    }
}

/// What one SSRC sent in one direction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StreamRecord {
    /// The synchronisation source (RFC 3550, section 3).
    pub ssrc: Ssrc,
    /// Where its packets came from.
    pub source: SocketAddr,
    /// Where they went.
    pub destination: SocketAddr,
    /// The payload type of its audio.
    pub payload_type: u8,
    /// The encoding name that goes with it; null where nobody named it.
    pub codec: Option<String>,
    /// Ticks of its time stamps a second.
    pub clock_rate: Option<u32>,
    /// Audio in a packet, where it is known.
    pub ptime_ms: Option<u32>,
    /// Packets that came, doubles among them.
    pub packets: u64,
    /// Octets of payload in them.
    pub octets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// The interarrival jitter (RFC 3550, section 6.4.1).
    pub jitter_ms: Jitter,
    /// By how much packets came later than the earliest would have; of audio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<Delays>,
    /// How the lost packets lie, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
    /// What the far ends reported of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<Reported>,
    /// How fast the sender's clock runs against the capture's; null where too little was seen to say.
    pub skew_ppm: Option<Ppm>,
    /// What its sender's own reports say of the place that it was given in time; not there where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_check: Option<ClockCheck>,
    /// The arrival of the first packet.
    #[serde(default, with = "timestamp::optional")]
    pub first_packet_at: Option<Time>,
    /// The arrival of the last packet.
    #[serde(default, with = "timestamp::optional")]
    pub last_packet_at: Option<Time>,
    /// Why it belongs to this call.
    #[serde(rename = "match")]
    pub matched: Match,
    /// How it was encrypted; null where it was not.
    pub encryption: Option<String>,
    /// Encrypted packets that are genuine under none of the call's keys, where some others are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub authentication_failures: u64,
    /// The tags and tunnels that its packets came in, outermost first, such as `vlan 100`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encapsulation: Vec<String>,
}

/// A stream's place in time, held against its sender's reports (RFC 3550, section 6.4.1). It moves no audio.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClockCheck {
    /// How many reports came.
    pub reports: u64,
    /// How fast its time stamps run against the sender's own wall clock; null where too little was said.
    pub skew_ppm: Option<Ppm>,
    /// By how much its place departs from the sender's word at the most.
    pub off_ms: Milliseconds,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(crate) const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An SSRC, written as `0x8c62ec6e`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl Serialize for Ssrc {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ssrc {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 8);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.map(Ssrc).ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is no SSRC")))
    }
}

/// Jitter over a stream.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Jitter {
    /// Its mean.
    pub mean: Milliseconds,
    /// Its highest value.
    pub max: Milliseconds,
}

/// Which delay so many of a hundred packets stayed within.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Delays {
    /// Half of them.
    pub p50: Milliseconds,
    /// 95.
    pub p95: Milliseconds,
    /// 99.
    pub p99: Milliseconds,
    /// All.
    pub max: Milliseconds,
}

/// Whether packets were lost here and there or many at once (RFC 3611, section 4.7.2, with a Gmin of 16).
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Bursts {
    /// How many bursts.
    pub count: u64,
    /// The share of packets lost within them; null without one.
    pub density: Option<Score>,
    /// The share of packets lost outside of them.
    pub gap_density: Option<Score>,
    /// The longest run of lost packets.
    pub longest_run: u64,
}

/// A dialled digit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Digit {
    /// `0` to `9`, `*`, `#`, `A` to `D`; `*` too where digits are masked.
    pub digit: char,
    /// When it began.
    #[serde(with = "timestamp")]
    pub at: Time,
    /// How long it was held.
    pub duration_ms: u32,
    /// How it travelled.
    pub method: DigitMethod,
}

/// An estimated mean opinion score.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Mos {
    /// From 1 to 5.
    pub value: Score,
    /// The model behind it, such as `G.107`.
    pub model: String,
    /// The model's transmission rating factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<Score>,
    /// The playout buffer of the phone that is assumed: what came later counts as lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playout_ms: Option<u32>,
}
