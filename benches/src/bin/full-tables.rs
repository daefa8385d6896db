//! How much memory open calls take: so many dialogs with two streams each, all answered and none ended, in one
//! tracker; and what a flood of INVITEs beside them costs. The capture is as if mapped, so that of a packet only its
//! place is kept.

use std::fs;
use std::io;
use std::time::Instant;

use benches::call::{Call, Party, Step};
use benches::ether::Path;
use benches::rng::SplitMix64;
use benches::voice::Voice;
use call::{Arrival, Config, End, Tracker};
use clap::Parser;
use clock::{Span, Time};
use g711::Law;
use wire::{Decoded, Decoder, Limits, Link};

/// Fills a tracker with open calls and tells what they take
#[derive(Parser)]
struct Arguments {
    /// How many calls are open at once
    #[arg(long, default_value_t = 100_000)]
    calls: u32,
    /// How many packets each stream has shown
    #[arg(long, default_value_t = 10)]
    packets: u32,
    /// How many INVITEs of other calls come then, 50 000 a second
    #[arg(long, default_value_t = 0)]
    flood: u32,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut wire = Wire::new();
    let before = resident()?;
    for number in 0..arguments.calls {
        wire.open(number, arguments.packets);
    }
    let fills = wire.tracker.fills();
    let taken = resident()? - before;
    println!(
        "{} calls and {} streams open, {} packets",
        fills.calls.entries, fills.streams.entries, fills.packets.entries
    );
    println!(
        "{:.0} MiB, {} bytes a call",
        taken as f64 / f64::from(1 << 20),
        taken / u64::from(arguments.calls.max(1))
    );
    println!("{fills:#?}");
    if arguments.flood > 0 {
        let begun = Instant::now();
        let over: u32 = (0..arguments.flood).map(|n| wire.invite(arguments.calls + n)).sum();
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{} INVITEs in {took:.2} s; {over} calls had to end, {} of those that were open speak on; {:.0} MiB",
            arguments.flood,
            wire.tracker.open_streams() / 2,
            (resident()? - before) as f64 / f64::from(1 << 20)
        );
    }
    wire.tracker.handle_end(End::CaptureEnd);
    Ok(())
}

/// A tracker, and the frames on their way to it.
struct Wire {
    tracker: Tracker,
    decoder: Decoder,
    voice: Voice,
    now: Time,
    place: u64,
    frame: Vec<u8>,
    packet: Vec<u8>,
}

impl Wire {
    fn new() -> Wire {
        let voice = Voice::new(Law::Mu, SplitMix64::new(1).draw());
        let (tracker, decoder) = (Tracker::new(Config::default()), Decoder::new(Limits::default()));
        let now = Time::from_parts(1_769_854_500, 0);
        Wire { tracker, decoder, voice, now, place: 1, frame: Vec::new(), packet: Vec::new() }
    }

    /// A call from its INVITE to so many packets of each party.
    fn open(&mut self, number: u32, packets: u32) {
        let call = Call::new(number, self.now, packets, Law::Mu, Vec::new(), 1);
        for step in [Step::Invite, Step::Trying, Step::Ringing, Step::Answer, Step::Ack] {
            self.packet = call.message(step);
            self.send(call.signalling_path(step));
        }
        for n in 0..packets {
            for party in [Party::Caller, Party::Callee] {
                call.stream(party).write_packet(n, &self.voice, &mut self.packet);
                self.send(call.media_path(party));
            }
        }
    }

    /// An INVITE and nothing more; how many calls ended for it.
    fn invite(&mut self, number: u32) -> u32 {
        let call = Call::new(number, self.now, 0, Law::Mu, Vec::new(), 1);
        self.packet = call.message(Step::Invite);
        self.send(call.signalling_path(Step::Invite));
        std::iter::from_fn(|| self.tracker.poll_call()).map(|_| 1).sum()
    }

    fn send(&mut self, path: Path) {
        path.write_frame(1, &self.packet, &mut self.frame);
        let Decoded::Datagram(datagram) = self.decoder.decode(self.now, Link::Ethernet, &self.frame) else {
            return;
        };
        let frame = rtp::Frame { bytes: &self.frame, link: 1, place: Some(self.place) };
        let (at, flow, payload) = (self.now, datagram.flow, datagram.payload);
        self.tracker.handle_datagram(&Arrival { at, flow, path: &flow::Path::NONE, payload, frame });
        self.place += self.frame.len() as u64;
        self.now += Span::from_ns(20_000);
    }
}

/// The memory of this process, as Linux counts it.
fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))
}
