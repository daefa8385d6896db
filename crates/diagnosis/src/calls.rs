//! What the records of many calls say together.

use std::collections::BTreeMap;

use store::{Outcome, Record};

/// Counts of calls and their streams.
#[derive(Clone, Default, Debug)]
pub struct Calls {
    /// Calls in all.
    pub seen: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Answered, and media came from both parties.
    pub both_ways: u64,
    /// Answered, and media came from the caller alone.
    pub only_caller: u64,
    /// Answered, and media came from the callee alone.
    pub only_callee: u64,
    /// Answered, and no media came.
    pub without_media: u64,
    /// Those whose beginning was not seen.
    pub joined_late: u64,
    /// Streams in calls.
    pub streams: u64,
    /// Those of them that are encrypted.
    pub secure: u64,
    /// Calls with encrypted media and no key.
    pub without_key: u64,
    /// Calls with media that cannot be decoded, by codec.
    pub undecoded: BTreeMap<String, u64>,
    /// Streams by what they were wrapped in.
    pub wrapped: BTreeMap<String, u64>,
    /// Streams that go to another address than their description names.
    pub translated: u64,
    /// Bytes of audio that a recorder would have written.
    pub audio_bytes: u64,
}

impl Calls {
    /// Enters a call; `audio_bytes` is how long its recording would be.
    pub fn enter(&mut self, record: &Record, audio_bytes: u64) {
        self.seen += 1;
        self.audio_bytes += audio_bytes;
        self.joined_late += u64::from(record.flags.contains("joined_late"));
        self.enter_streams(record);
        if record.outcome == Outcome::NotAnswered {
            return;
        }
        self.answered += 1;
        let sent = |role: usize| record.legs.get(role).is_some_and(|leg| !leg.streams.is_empty());
        *match (sent(CALLER), sent(CALLEE)) {
            (true, true) => &mut self.both_ways,
            (true, false) => &mut self.only_caller,
            (false, true) => &mut self.only_callee,
            (false, false) => &mut self.without_media,
        } += 1;
        self.without_key += u64::from(record.flags.contains("srtp_no_key"));
        if record.flags.contains("codec_unsupported") {
            *bounded(&mut self.undecoded, &codec_of(record)) += 1;
        }
    }

    fn enter_streams(&mut self, record: &Record) {
        for stream in record.legs.iter().flat_map(|leg| &leg.streams) {
            self.streams += 1;
            self.secure += u64::from(stream.encryption.is_some());
            self.translated += u64::from(TRANSLATED.contains(&stream.matched.rule.as_str()));
            // What kind of wrapping, and not which: `vlan 100` is a vlan.
            let kinds = stream.encapsulation.iter().filter_map(|wrapping| wrapping.split(' ').next());
            let kinds: Vec<&str> = kinds.collect();
            if !kinds.is_empty() {
                *bounded(&mut self.wrapped, &kinds.join(" in ")) += 1;
            }
        }
    }
}

/// Positions of the legs in a record.
const CALLER: usize = 0;
const CALLEE: usize = 1;
/// Rules that are needed only where addresses are translated on the way.
const TRANSLATED: [&str; 3] = ["sdp_port_signalling_host", "symmetric", "latched"];
/// The network chooses the names.
const MOST_NAMES: usize = 32;

/// The count of that name; of names beyond so many, of all others.
fn bounded<'a>(counts: &'a mut BTreeMap<String, u64>, name: &str) -> &'a mut u64 {
    let known = counts.contains_key(name) || counts.len() < MOST_NAMES;
    counts.entry(if known { name } else { "others" }.to_owned()).or_default()
}

/// The codec of the call's first stream that has a name, and one that is not always decoded.
fn codec_of(record: &Record) -> String {
    let streams = record.legs.iter().flat_map(|leg| &leg.streams);
    let mut names = streams.filter_map(|stream| stream.codec.as_deref()).filter(|name| !G711.contains(name));
    names.next().unwrap_or("unnamed").to_owned()
}

const G711: [&str; 2] = ["PCMU", "PCMA"];
