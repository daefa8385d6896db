//! Many calls at once, their frames in the order of time: what a mirror port would show.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clock::{Span, Time};
use g711::Law;

use crate::call::{Call, Party, Step};
use crate::media::Stream;
use crate::rng::SplitMix64;
use crate::voice::Voice;

/// How much traffic, and of which kind.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many calls.
    pub calls: u32,
    /// How long both parties of each talk.
    pub seconds: u32,
    /// From the beginning of one call to that of the next.
    pub stagger: Span,
    /// What all that looks random follows from.
    pub seed: u64,
    /// What the audio is coded by.
    pub law: Law,
    /// Whether each caller dials four digits after five seconds.
    pub digits: bool,
    /// The most that a media packet is held up, evenly spread; past 20 ms packets overtake each other.
    pub jitter: Span,
    /// How many media packets in a hundred are not seen.
    pub loss_percent: u32,
}

impl Default for Load {
    /// One call of a minute on a network that does nothing to it.
    fn default() -> Self {
        Load {
            calls: 1,
            seconds: 60,
            stagger: Span::from_ms(25),
            seed: 1,
            law: Law::Mu,
            digits: false,
            jitter: Span::ZERO,
            loss_percent: 0,
        }
    }
}

/// The frames of a load, one after the other; what is held is a few words a call and none of the frames to come.
#[derive(Debug)]
pub struct Traffic {
    load: Load,
    voice: Voice,
    calls: Vec<Call>,
    events: BinaryHeap<Reverse<Event>>,
    rng: SplitMix64,
    frames: u32,
    packet: Vec<u8>,
    frame: Vec<u8>,
}

/// Something to happen; ordered by time, and by call and kind where times are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Event {
    at: Time,
    call: usize,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum What {
    Message(Step),
    /// A media packet leaves its party.
    Sent(Party, u32),
    /// It is seen.
    Seen(Party, u32),
}

/// 2026-01-31T10:15:00Z, when every load begins.
const BEGIN: Time = Time::from_parts(1_769_854_500, 0);

impl Traffic {
    /// The traffic of `load`, from its beginning.
    #[must_use]
    pub fn new(load: Load) -> Self {
        let mut rng = SplitMix64::new(load.seed);
        let voice = Voice::new(load.law, rng.draw());
        let calls: Vec<Call> = (0..load.calls).map(|number| call(&load, number, &mut rng)).collect();
        let invite = |(call, begun): (usize, &Call)| {
            Reverse(Event { at: begun.time_of(Step::Invite), call, what: What::Message(Step::Invite) })
        };
        let events = calls.iter().enumerate().map(invite).collect();
        Traffic { load, voice, calls, events, rng, frames: 0, packet: vec![], frame: vec![] }
    }

    /// The next frame and when it is seen; `None` once all calls are over.
    pub fn next_frame(&mut self) -> Option<(Time, &[u8])> {
        loop {
            let Reverse(event) = self.events.pop()?;
            if self.happens(event)? {
                return Some((event.at, &self.frame));
            }
        }
    }

    /// Lets `event` cause what follows from it; whether that made a frame.
    fn happens(&mut self, event: Event) -> Option<bool> {
        let call = self.calls.get(event.call)?;
        let path = match event.what {
            What::Message(step) => {
                let next = step.next().map(|next| (call.time_of(next), What::Message(next)));
                let media = [Party::Caller, Party::Callee]
                    .map(|party| (call.time_of_packet(party, 0), What::Sent(party, 0)));
                let media = if step == Step::Answer && self.load.seconds > 0 { &media[..] } else { &[] };
                let follows = next.iter().chain(media);
                self.events.extend(follows.map(|&(at, what)| Reverse(Event { at, what, ..event })));
                self.packet = call.message(step);
                call.signalling_path(step)
            }
            What::Sent(party, n) => {
                if n + 1 < packets(&self.load) {
                    let at = call.time_of_packet(party, n + 1);
                    self.events.push(Reverse(Event { at, what: What::Sent(party, n + 1), ..event }));
                }
                if self.rng.below(100) >= u64::from(self.load.loss_percent) {
                    let held_up_us = self.rng.below(self.load.jitter.as_ns().unsigned_abs() / 1_000);
                    let at = event.at + Span::from_ns(held_up_us as i64 * 1_000);
                    self.events.push(Reverse(Event { at, what: What::Seen(party, n), ..event }));
                }
                return Some(false);
            }
            What::Seen(party, n) => {
                call.stream(party).write_packet(n, &self.voice, &mut self.packet);
                call.media_path(party)
            }
        };
        path.write_frame(self.frames as u16, &self.packet, &mut self.frame);
        self.frames = self.frames.wrapping_add(1);
        Some(true)
    }
}

fn call(load: &Load, number: u32, rng: &mut SplitMix64) -> Call {
    // Up to a millisecond off the beat: phones do not begin on whole ones.
    let off = Span::from_ns(rng.below(1_000) as i64 * 1_000);
    let invited_at = BEGIN + Span::from_ns(load.stagger.as_ns() * i64::from(number)) + off;
    let digits = if load.digits { (0..4).map(|_| rng.below(10) as u8).collect() } else { vec![] };
    Call::new(number, invited_at, packets(load), load.law, digits, load.seed)
}

/// How many packets each party sends.
fn packets(load: &Load) -> u32 {
    (Span::from_secs(load.seconds.into()).as_ns() / Stream::PACKET_TIME.as_ns()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load {
        calls: 7,
        seconds: 9,
        stagger: Span::from_ms(25),
        seed: 1,
        law: Law::Mu,
        digits: false,
        jitter: Span::ZERO,
        loss_percent: 0,
    };

    fn frames(load: Load) -> Vec<(Time, Vec<u8>)> {
        let mut traffic = Traffic::new(load);
        let mut frames = Vec::new();
        while let Some((at, frame)) = traffic.next_frame() {
            frames.push((at, frame.to_vec()));
        }
        frames
    }

    #[test]
    fn shows_all_packets_of_all_calls_in_order() {
        let frames = frames(LOAD);
        assert_eq!(frames.len(), 7 * (2 * 9 * 50 + 7));
        assert!(frames.is_sorted_by_key(|&(at, _)| at));
        assert_eq!(frames.iter().filter(|(_, frame)| frame.len() == 214).count(), 7 * 2 * 9 * 50);
    }

    #[test]
    fn follows_from_its_seed() {
        let busy = Load { jitter: Span::from_ms(45), loss_percent: 3, digits: true, ..LOAD };
        assert_eq!(frames(busy), frames(busy));
        assert_ne!(frames(busy), frames(Load { seed: 2, ..busy }));
    }

    #[test]
    fn jitter_holds_packets_up_and_loss_takes_them() {
        let jittery = frames(Load { jitter: Span::from_ms(45), ..LOAD });
        assert_eq!(jittery.len(), frames(LOAD).len());
        assert!(jittery.is_sorted_by_key(|&(at, _)| at));
        let reordered = |frames: &[(Time, Vec<u8>)]| {
            let of_one =
                frames.iter().filter(|(_, frame)| frame.len() == 214 && frame[26..30] == [10, 0, 0, 1]);
            let sequence: Vec<u16> =
                of_one.map(|(_, frame)| u16::from_be_bytes([frame[44], frame[45]])).collect();
            sequence.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) != 1).count()
        };
        assert!(reordered(&jittery) > 50);
        assert_eq!(reordered(&frames(LOAD)), 0);

        let left = frames(Load { loss_percent: 10, ..LOAD }).len();
        assert!((5_500..5_900).contains(&left), "{left}");
    }

    #[test]
    fn calls_without_media_are_set_up_and_ended() {
        assert_eq!(frames(Load { seconds: 0, ..LOAD }).len(), 7 * 7);
    }
}
