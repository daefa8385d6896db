//! Any packets into a small table of streams, and what leaves it set in order and in time: every packet is somewhere
//! once, and the limits hold.
#![no_main]

use std::collections::HashSet;

use clock::{Span, Time};
use flow::{Address, Endpoint, Flow};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use rtp::{
    Before, Copying, Disposition, Dropped, Events, Frame, Kept, Limits, Medium, Packet, PayloadType, Sent,
    Seq, Sequence, Slot, Sounding, Ssrc, Statistics, Stream, Streams, Ticks, Timeline,
};

#[derive(Arbitrary, Debug)]
struct Input {
    steps: Vec<Step>,
    clock_rate: u32,
    duration_ticks: u32,
    whole_frames: bool,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Packets in sequence.
    Burst {
        from: u8,
        seq: u16,
        ticks: u32,
        count: u8,
        step: u16,
        every_ms: u16,
    },
    /// One packet of any kind.
    Packet {
        from: u8,
        seq: u16,
        ticks: u32,
        payload_type: u8,
        payload: Vec<u8>,
    },
    Wait {
        ms: u32,
    },
    /// The capture's clock is another one.
    Clock {
        at_ns: i64,
    },
    Expire,
    Claim {
        from: u8,
        owner: u8,
    },
    Contest {
        from: u8,
    },
    Take {
        from: u8,
    },
}

const LIMITS: Limits =
    Limits { streams: 3, look_back: Span::from_secs(10), packets: 400, copied_bytes: 20_000 };

struct Table {
    streams: Streams,
    dropped: Vec<Dropped>,
    out: Vec<Stream>,
    offered: u64,
    refused: u64,
    now: Time,
}

fuzz_target!(|input: Input| {
    let copying = if input.whole_frames { Copying::Frames } else { Copying::Payloads };
    let mut table = Table {
        streams: Streams::new(LIMITS, copying),
        dropped: Vec::new(),
        out: Vec::new(),
        offered: 0,
        refused: 0,
        now: Time::default(),
    };
    for step in &input.steps {
        table.take_step(step);
        assert!(table.streams.len() <= LIMITS.streams);
    }
    table.end();
    for stream in &table.out {
        set_in_order(&stream.kept, &input);
    }
});

impl Table {
    fn take_step(&mut self, step: &Step) {
        match *step {
            Step::Burst { from, seq, ticks, count, step, every_ms } => {
                for n in 0..count {
                    let (seq, ticks) =
                        (seq.wrapping_add(n.into()), ticks.wrapping_add(u32::from(step) * u32::from(n)));
                    self.send(from, seq, ticks, 0, &[0x55; 160]);
                    self.now += Span::from_ms(every_ms.into());
                }
            }
            Step::Packet { from, seq, ticks, payload_type, ref payload } => {
                self.send(from, seq, ticks, payload_type, payload);
            }
            Step::Wait { ms } => self.now += Span::from_ms(ms.into()),
            Step::Clock { at_ns } => self.now = Time::from_ns(at_ns),
            Step::Expire => self.streams.expire(self.now, &mut self.dropped),
            Step::Claim { from, owner } => {
                self.find(from).into_iter().for_each(|id| self.streams.claim(id, owner.into()))
            }
            Step::Contest { from } => self.find(from).into_iter().for_each(|id| self.streams.contest(id)),
            Step::Take { from } => {
                let taken = self.find(from).and_then(|id| self.streams.take(id));
                self.out.extend(taken);
            }
        }
        while let Some(cut) = self.streams.poll_cut() {
            self.out.extend(self.streams.take(cut));
        }
        self.out.extend(self.dropped.drain(..).map(|dropped| dropped.stream));
    }

    fn send(&mut self, from: u8, seq: u16, ticks: u32, payload_type: u8, payload: &[u8]) {
        let (flow, ssrc) = flow(from);
        let payload_type = PayloadType(payload_type & 0x7f);
        let packet = Packet {
            ssrc,
            seq: Seq(seq),
            ticks: Ticks(ticks),
            payload_type,
            marker: false,
            header: &[],
            body: payload,
        };
        let frame = Frame { bytes: payload, link: 1, place: None };
        self.offered += 1;
        let disposition = self.streams.handle_packet(self.now, flow, &packet, &frame, &mut self.dropped);
        self.refused += u64::from(disposition == Disposition::Refused);
        if let Disposition::Kept(id) = disposition {
            assert!(self.streams.stream(id).is_none_or(Stream::is_valid));
        }
    }

    fn find(&self, from: u8) -> Option<rtp::StreamId> {
        let (flow, ssrc) = flow(from);
        self.streams.find(flow, ssrc)
    }

    fn end(&mut self) {
        self.streams.drain(&mut self.dropped);
        self.out.extend(self.dropped.drain(..).map(|dropped| dropped.stream));
        let claimed: Vec<_> = (0..=u8::MAX).filter_map(|from| self.find(from)).collect();
        self.out.extend(claimed.into_iter().filter_map(|id| self.streams.take(id)));
        assert!(self.streams.is_empty());
        let kept: u64 = self.out.iter().map(|stream| stream.kept.len() as u64).sum();
        let forgotten = self.streams.forgotten();
        assert_eq!(kept + forgotten.unclaimed + forgotten.probation + self.refused, self.offered);
    }
}

fn flow(from: u8) -> (Flow, Ssrc) {
    let endpoint = |last, port| Endpoint::new(Address::v4([192, 0, 2, last]), port);
    (Flow::new(endpoint(1, 4000 + u16::from(from % 4)), endpoint(2, 5000)), Ssrc(u32::from(from / 4 % 2)))
}

struct Nothing;

impl Medium for Nothing {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

fn set_in_order(kept: &Kept, input: &Input) {
    let slots: Vec<(Slot, &[u8])> = kept.payloads(&Nothing).collect();
    assert!(slots.iter().all(|(slot, payload)| slot.body_len() >= payload.len()));
    let mut sequence = Sequence::of(kept.slots(&Nothing).map(|slot| (slot, ())));
    let order: Vec<Sent> = sequence.by_ref().map(|(sent, ..)| sent).collect();
    let irregularities = sequence.irregularities();
    let placed = order.len() as u64 + irregularities.duplicates + irregularities.strays;
    assert_eq!(placed, kept.len() as u64, "every packet is sent, a double or a stray");
    assert!(order.is_sorted_by(|one, next| one.seq < next.seq && one.era <= next.era));
    let indices: HashSet<u32> = order.iter().map(|sent| sent.index).collect();
    assert_eq!(indices.len(), order.len());
    let _ =
        Statistics::of(kept.slots(&Nothing), input.clock_rate, &mut |slot| slot.payload_type().0 % 2 == 0);
    let mut events = Events::default();
    for sent in &order {
        let (slot, payload) = slots[sent.index as usize];
        events.handle_payload(slot.arrival(), sent.ticks, payload);
    }
    assert!(events.keys(input.clock_rate).len() <= slots.len());
    set_in_time(&slots, &order, input);
}

/// A few packets of a stream may come before their time, each a little more so than the one before.
const HASTY: Span = Span::from_secs(2);

/// Times that are farther apart are not told apart.
const CENTURY: Span = Span::from_secs(100 * 365 * 86_400);

fn set_in_time(slots: &[(Slot, &[u8])], order: &[Sent], input: &Input) {
    let Some((first, _)) = slots.first() else { return };
    let mut last = None;
    let sounding: Vec<Sounding> = order
        .iter()
        .map(|&sent| {
            let lost_before =
                last.map_or(0, |last: Sent| (sent.seq.0 - last.seq.0 - 1).min(i64::from(u32::MAX)) as u32);
            last = Some(sent);
            Sounding { sent, duration_ticks: input.duration_ticks, lost_before }
        })
        .collect();
    let timeline = Timeline::of(first.arrival(), input.clock_rate, || sounding.iter().copied());
    assert_eq!(timeline.packets, sounding.len() as u64, "sections cover all packets once");
    let (mut placer, mut leaps) = (timeline.placer(), 0);
    for (n, packet) in sounding.iter().enumerate() {
        let (talkspurt, begins) = placer.place(packet);
        assert!(begins || n > 0, "the first begins one");
        if !begins {
            continue;
        }
        leaps += u32::from(talkspurt.before == Before::Leap);
        let arrival = slots[packet.sent.index as usize].0.arrival();
        let sane = packet.sent.arrival_ns.unsigned_abs() < CENTURY.as_ns().unsigned_abs() / 2;
        assert!(
            !sane || talkspurt.start <= arrival + HASTY,
            "what sounds was there: {talkspurt:?} {arrival}"
        );
    }
    assert_eq!(leaps, timeline.leaps);
}
