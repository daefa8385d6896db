//! The call: signalling and media in the order of their times, in Ethernet frames.

use std::net::{Ipv4Addr, SocketAddrV4};

use clock::{Span, Time};
use etherparse::PacketBuilder;

use crate::script::{Party, Script};
use crate::speech::{SAMPLES, Speech, decoded};

/// A frame, and when it was on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// When.
    pub at: Time,
    /// The Ethernet frame, without its check sequence.
    pub bytes: Vec<u8>,
}

/// A made-up call, and what must be heard of it.
#[derive(Clone, Debug)]
pub struct Call {
    call_id: String,
    frames: Vec<Frame>,
    said: [Vec<i16>; 2],
}

impl Call {
    /// A call that is set up at `begun`: both parties talk in G.711 mu-law for two seconds, at once and each
    /// something else. Calls of different times have different Call-IDs and say different things. Its addresses are those that
    /// stand for nobody (RFC 5737).
    #[must_use]
    pub fn new(begun: Time) -> Call {
        let caller = party("rehearsal", Ipv4Addr::new(192, 0, 2, 1), 40_000);
        let callee = party("audience", Ipv4Addr::new(198, 51, 100, 1), 50_000);
        let call_id = format!("rehearsal-{}@sipreel.invalid", begun.as_ns());
        let script = Script { caller: &caller, callee: &callee, call_id: &call_id };
        let mut wire = Wire { frames: Vec::new() };
        let there = (caller.signalling, callee.signalling);
        let back = (there.1, there.0);
        let at = |ms: i64| begun + Span::from_ns(ms * 1_000_000);
        wire.send(at(0), there, script.invite().as_bytes());
        wire.send(at(50), back, script.ringing().as_bytes());
        wire.send(at(100), back, script.answer().as_bytes());
        wire.send(at(110), there, script.ack().as_bytes());
        let seed = begun.as_ns() as u64;
        let mut talkers = [
            Talker::new((caller.media, callee.media), seed),
            Talker::new((callee.media, caller.media), !seed),
        ];
        for number in 0..PACKETS {
            let sent_at = at(120 + i64::from(number) * 20);
            for talker in &mut talkers {
                wire.send(sent_at, talker.way, &talker.packet(number));
            }
        }
        let over = 120 + i64::from(PACKETS) * 20;
        wire.send(at(over), there, script.bye().as_bytes());
        wire.send(at(over + 10), back, script.ended().as_bytes());
        Call { frames: wire.frames, said: talkers.map(|talker| talker.said), call_id }
    }

    /// Its Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Its frames in the order of their times.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// What the caller says (channel 0) and the callee (channel 1): all samples of a recording at 8000 Hz.
    #[must_use]
    pub fn said(&self) -> [&[i16]; 2] {
        self.said.each_ref().map(Vec::as_slice)
    }
}

/// Packets of each party: two seconds.
const PACKETS: u16 = 100;
/// RTP payload type of PCMU (RFC 3551).
const PCMU: u8 = 0;

fn party(name: &'static str, host: Ipv4Addr, media: u16) -> Party {
    Party { name, signalling: SocketAddrV4::new(host, 5060), media: SocketAddrV4::new(host, media) }
}

/// Whoever sends a stream.
struct Talker {
    way: (SocketAddrV4, SocketAddrV4),
    speech: Speech,
    said: Vec<i16>,
}

impl Talker {
    fn new(way: (SocketAddrV4, SocketAddrV4), seed: u64) -> Talker {
        Talker { way, speech: Speech::new(seed), said: Vec::new() }
    }

    /// The RTP packet of that number (RFC 3550, section 5.1); the first is marked.
    fn packet(&mut self, number: u16) -> Vec<u8> {
        let codes = self.speech.packet();
        self.said.extend(decoded(&codes));
        let marker = if number == 0 { 0x80 } else { 0 };
        let mut packet = vec![0x80, PCMU | marker];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * SAMPLES as u32).to_be_bytes());
        packet.extend(u32::from(self.way.0.port()).to_be_bytes());
        packet.extend(codes);
        packet
    }
}

/// Where frames are put on.
struct Wire {
    frames: Vec<Frame>,
}

impl Wire {
    fn send(&mut self, at: Time, (source, destination): (SocketAddrV4, SocketAddrV4), payload: &[u8]) {
        let station = |host: Ipv4Addr| [[2, 0], [host.octets()[0], host.octets()[1]], [0, 1]].concat();
        let mac = |host| station(host).try_into().unwrap_or_default();
        let packet = PacketBuilder::ethernet2(mac(*source.ip()), mac(*destination.ip()))
            .ipv4(source.ip().octets(), destination.ip().octets(), 64)
            .udp(source.port(), destination.port());
        let mut bytes = Vec::with_capacity(packet.size(payload.len()));
        // A list takes every write, and nothing here is longer than a datagram may be.
        if packet.write(&mut bytes, payload).is_ok() {
            self.frames.push(Frame { at, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_call_with_two_seconds_of_each_party() {
        let call = Call::new(Time::from_ns(1_700_000_000_000_000_000));
        assert_eq!(call.frames().len(), 6 + 2 * usize::from(PACKETS));
        assert!(call.frames().is_sorted_by_key(|frame| frame.at));
        assert_eq!(call.said().map(<[i16]>::len), [16_000, 16_000]);
        assert_eq!(call.call_id(), "rehearsal-1700000000000000000@sipreel.invalid");
        let invite = &call.frames()[0].bytes[42..];
        assert!(invite.starts_with(b"INVITE sip:audience@198.51.100.1:5060 SIP/2.0\r\n"));
    }

    #[test]
    fn says_something_else_on_each_channel_and_each_time() {
        let [one, other] = [1, 2].map(|ns| Call::new(Time::from_ns(ns)));
        assert_eq!(Call::new(Time::from_ns(1)).frames(), one.frames());
        let all = [one.said()[0], one.said()[1], other.said()[0], other.said()[1]];
        for (at, some) in all.iter().enumerate() {
            for others in &all[at + 1..] {
                let equal = some.iter().zip(*others).filter(|(one, other)| one == other).count();
                assert!(equal < some.len() / 50, "{equal} samples are equal by chance");
            }
        }
    }
}
