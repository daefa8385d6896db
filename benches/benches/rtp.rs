//! Streams: the packets of many interleaved ones kept as they come, and one of a minute read over with hindsight.

use std::fmt;

use benches::{Held, Load};
use call::Arrival;
use clock::{Span, Time};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rtp::{Copying, Kept, Kind, Limits, Medium, Packet, Sequence, Sounding, Statistics, Streams, Timeline};

fn main() {
    divan::main();
}

/// Packets of a mapped file: their places are kept.
#[divan::bench]
fn keep_400_mapped_streams(bencher: Bencher<'_, '_>) {
    let held = interleaved();
    keep(bencher, &media(&held));
}

/// Packets that are only lent: their payloads are copied.
#[divan::bench]
fn keep_400_lent_streams(bencher: Bencher<'_, '_>) {
    let held = interleaved();
    let mut arrivals = media(&held);
    for arrival in &mut arrivals {
        arrival.frame.place = None;
    }
    keep(bencher, &arrivals);
}

/// 200 calls, hence 400 streams, all at once.
fn interleaved() -> Held {
    Held::of(Load { calls: 200, seconds: 10, stagger: Span::from_ms(1), ..Load::default() })
}

fn media(held: &Held) -> Vec<Arrival<'_>> {
    held.arrivals().filter(|arrival| rtp::kind(arrival.payload) == Kind::Rtp).collect()
}

fn keep(bencher: Bencher<'_, '_>, arrivals: &[Arrival<'_>]) {
    bencher.counter(ItemsCount::new(arrivals.len())).bench_local(|| {
        let mut streams = Streams::new(Limits::default(), Copying::Payloads);
        let mut dropped = Vec::new();
        for arrival in arrivals {
            let packet = Packet::read(arrival.payload).expect("the generator's packets are whole");
            black_box(streams.handle_packet(arrival.at, arrival.flow, &packet, &arrival.frame, &mut dropped));
        }
        // Given back, and so let go of outside of what is measured.
        streams
    });
}

/// What the network did to the stream.
#[derive(Clone, Copy)]
enum Network {
    Even,
    /// Held up by up to 45 ms, so that packets overtake each other, and two in a hundred lost.
    Rough,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Network::Even) { "even" } else { "rough" })
    }
}

const NETWORKS: [Network; 2] = [Network::Even, Network::Rough];

#[divan::bench(args = NETWORKS)]
fn sequence(bencher: Bencher<'_, '_>, network: Network) {
    let kept = minute(network);
    bencher.counter(ItemsCount::new(kept.len())).bench_local(|| sent(&kept).map(black_box).count());
}

#[divan::bench(args = NETWORKS)]
fn statistics(bencher: Bencher<'_, '_>, network: Network) {
    let kept = minute(network);
    bencher
        .counter(ItemsCount::new(kept.len()))
        .bench_local(|| Statistics::of(kept.slots(&Nowhere), CLOCK_RATE, &mut |_| true));
}

#[divan::bench(args = NETWORKS)]
fn timeline(bencher: Bencher<'_, '_>, network: Network) {
    let kept = minute(network);
    let mut before = None;
    let sound = |sent: rtp::Sent| {
        let missing = before.replace(sent.seq.0).map_or(0, |before| sent.seq.0 - before - 1);
        Sounding { sent, duration_ticks: 160, lost_before: missing as u32 }
    };
    let sounding: Vec<Sounding> = sent(&kept).map(sound).collect();
    let first = kept.first().map_or(Time::default(), rtp::Slot::arrival);
    bencher.counter(ItemsCount::new(kept.len())).bench_local(|| {
        let timeline = Timeline::of(first, CLOCK_RATE, || sounding.iter().copied());
        let mut placer = timeline.placer();
        sounding.iter().map(|packet| black_box(placer.place(packet))).count()
    });
}

fn sent(kept: &Kept) -> impl Iterator<Item = rtp::Sent> {
    Sequence::of(kept.slots(&Nowhere).map(|slot| (slot, ()))).map(|(sent, ..)| sent)
}

/// The slots of a minute are in memory, and nobody asks for payloads.
struct Nowhere;

impl Medium for Nowhere {
    fn slice(&self, _: u64, _: usize) -> Option<&[u8]> {
        None
    }
}

const CLOCK_RATE: u32 = 8000;

/// The 3000 packets that one party sends in a minute, as they came.
fn minute(network: Network) -> Kept {
    let load = match network {
        Network::Even => Load::default(),
        Network::Rough => Load { jitter: Span::from_ms(45), loss_percent: 2, ..Load::default() },
    };
    let held = Held::of(load);
    let arrivals = media(&held);
    let flow = arrivals.first().map(|arrival| arrival.flow);
    let mut kept = Kept::default();
    for arrival in arrivals.iter().filter(|arrival| Some(arrival.flow) == flow) {
        let packet = Packet::read(arrival.payload).expect("the generator's packets are whole");
        kept.push(arrival.at, &packet, &arrival.frame, Copying::Payloads);
    }
    kept
}
