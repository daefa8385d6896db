//! What one party says: an RTP stream of G.711, 20 ms a packet (RFC 3550, RFC 3551), and dialled digits in between
//! as telephone events (RFC 4733).

use clock::Span;
use g711::Law;

use crate::rng::SplitMix64;
use crate::voice::{PACKET_SAMPLES, Voice};

/// The payload type the calls agree on for telephone events.
pub const TELEPHONE_EVENT: u8 = 101;

/// The payload type of a law (RFC 3551, table 4).
#[must_use]
pub const fn payload_type(law: Law) -> u8 {
    match law {
        Law::Mu => 0,
        Law::A => 8,
    }
}

/// One direction's media.
#[derive(Clone, Debug)]
pub struct Stream {
    law: Law,
    ssrc: u32,
    first_sequence: u16,
    first_ticks: u32,
    /// The sample of the voice's loop that this stream begins with.
    entry: u64,
    /// The digits dialled, as RFC 4733 numbers them.
    digits: Vec<u8>,
}

impl Stream {
    /// The time from one packet to the next.
    pub const PACKET_TIME: Span = Span::from_ms(20);

    /// A stream whose numbers are drawn from `rng`, and which dials `digits` after five seconds.
    pub fn new(law: Law, digits: Vec<u8>, rng: &mut SplitMix64) -> Self {
        Stream {
            law,
            ssrc: rng.draw() as u32,
            first_sequence: rng.draw() as u16,
            first_ticks: rng.draw() as u32,
            entry: rng.below(Voice::SAMPLES),
            digits,
        }
    }

    /// Puts packet `n` of the stream into `packet`, in place of what was there.
    pub fn write_packet(&self, n: u32, voice: &Voice, packet: &mut Vec<u8>) {
        packet.clear();
        match self.event_at(n) {
            Some((digit, age)) => {
                self.write_header(n, n - age, age == 0, TELEPHONE_EVENT, packet);
                let end = if age >= EVENT_LASTS { EVENT_END } else { 0 };
                let duration = (age + 1).min(EVENT_LASTS) as u16 * PACKET_SAMPLES as u16;
                packet.extend([digit, end | EVENT_VOLUME]);
                packet.extend(duration.to_be_bytes());
            }
            None => {
                self.write_header(n, n, n == 0, payload_type(self.law), packet);
                packet.extend(voice.packet(self.entry + u64::from(n) * PACKET_SAMPLES as u64));
            }
        }
    }

    /// ```text
    ///  0                   1                   2                   3
    /// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    /// |                           timestamp                           |
    /// |                             SSRC                              |
    /// ```
    fn write_header(&self, n: u32, ticks_of: u32, marker: bool, payload_type: u8, packet: &mut Vec<u8>) {
        packet.extend([0x80, u8::from(marker) << 7 | payload_type]);
        packet.extend(self.first_sequence.wrapping_add(n as u16).to_be_bytes());
        let ticks = self.first_ticks.wrapping_add(ticks_of.wrapping_mul(PACKET_SAMPLES as u32));
        packet.extend(ticks.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
    }

    /// The digit that packet `n` belongs to, and how many of its packets came before.
    fn event_at(&self, n: u32) -> Option<(u8, u32)> {
        let since = n.checked_sub(FIRST_EVENT)?;
        let age = since % EVENT_EVERY;
        let digit = self.digits.get((since / EVENT_EVERY) as usize)?;
        (age < EVENT_LASTS + EVENT_ENDS - 1).then_some((*digit, age))
    }
}

/// All in packets: five seconds to the first digit, half a second from one to the next, each lasting 100 ms, the end
/// sent three times.
const FIRST_EVENT: u32 = 250;
const EVENT_EVERY: u32 = 25;
const EVENT_LASTS: u32 = 5;
const EVENT_ENDS: u32 = 3;
const EVENT_END: u8 = 0x80;
/// In -dBm0.
const EVENT_VOLUME: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(digits: Vec<u8>, count: u32) -> Vec<Vec<u8>> {
        let voice = Voice::new(Law::A, 1);
        let stream = Stream::new(Law::A, digits, &mut SplitMix64::new(1));
        let write = |n| {
            let mut packet = vec![9; 3];
            stream.write_packet(n, &voice, &mut packet);
            packet
        };
        (0..count).map(write).collect()
    }

    fn ticks(packet: &[u8]) -> u32 {
        u32::from_be_bytes(packet[4..8].try_into().unwrap())
    }

    #[test]
    fn counts_packets_and_ticks() {
        let packets = packets(vec![], 300);
        for pair in packets.windows(2) {
            assert_eq!(ticks(&pair[1]).wrapping_sub(ticks(&pair[0])), 160);
            let sequence = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
            assert_eq!(sequence(&pair[1]).wrapping_sub(sequence(&pair[0])), 1);
        }
        assert!(packets.iter().all(|packet| packet.len() == 172));
        assert_eq!((packets[0][1], packets[1][1]), (0x88, 0x08));
    }

    #[test]
    fn sends_a_digit_as_one_event_of_100_ms() {
        let packets = packets(vec![4], 300);
        let first = ticks(&packets[250]);
        let event = &packets[250..257];
        assert!(event.iter().all(|packet| packet.len() == 16 && ticks(packet) == first));
        let payloads: Vec<&[u8]> = event.iter().map(|packet| &packet[12..]).collect();
        assert_eq!(payloads[0], [4, 10, 0, 160]);
        assert_eq!(payloads[4], [4, 10, 3, 32]);
        assert_eq!(payloads[5..], [[4, 0x8a, 3, 32]; 2]);
        assert_eq!((event[0][1], event[1][1]), (0xe5, 0x65));
        assert_eq!(packets[257].len(), 172);
    }
}
