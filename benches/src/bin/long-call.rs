//! What a call of many hours takes: its frames are made as they are asked for and only lent, as those of an interface
//! are, so that all that is kept of them is either in memory or out of it. Told is the memory of this process that is
//! not a file's, at most, while the call is open and while it is sealed; beside it what was mapped of what went out of
//! memory, which the system takes back when it wants.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::{Load, Traffic};
use call::{Arrival, Call, Config, End, Tracker};
use capture::{Spill, Spilled};
use clap::Parser;
use clock::Span;
use rtp::{Hold, Medium, Overflow};
use seal::{Keep, Sealed, Settings, Silence};
use store::{Durability, Store};
use wire::{Decoded, Decoder, Limits, Link};

/// Records a long call and tells what it takes
#[derive(Parser)]
struct Arguments {
    /// How long both parties talk
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// The most that a packet is held up, in milliseconds
    #[arg(long, default_value_t = 0)]
    jitter: i64,
    /// How many packets in a hundred are lost
    #[arg(long, default_value_t = 0)]
    loss: u32,
    /// Whether the media are kept beside the audio
    #[arg(long)]
    keep_all: bool,
    /// Where the store is made, and removed again
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    let store = Store::open(folder.path()).map_err(io::Error::other)?;
    let spill = Spill::new(folder.path());
    let medium = Disk(spill.spilled());
    let before = Memory::now()?;
    let begun = Instant::now();
    let (call, open) = at_most(|| record(&arguments, spill))?;
    let call = call.ok_or_else(|| io::Error::other("the call did not end"))?;
    tell("open", begun, open, before);
    let keep = if arguments.keep_all { Keep::All } else { Keep::Signalling };
    let settings = Settings {
        keep,
        show_digits: false,
        compress_packets: false,
        shape: seal::Shape::default(),
        checks: seal::Checks::default(),
        with_keys: false,
        silence: Silence::default(),
        durability: Durability::Fast,
    };
    let begun = Instant::now();
    let (sealed, sealing) = at_most(|| seal::seal(&call, &medium, &store, &settings))?;
    tell("sealed", begun, sealing, before);
    describe(&sealed);
    Ok(())
}

/// The call of that length, from its INVITE to its end.
fn record(arguments: &Arguments, spill: Spill) -> Option<Call> {
    let seconds = arguments.hours.saturating_mul(3600);
    let (jitter, loss_percent) = (Span::from_ms(arguments.jitter), arguments.loss);
    let mut traffic = Traffic::new(Load { seconds, jitter, loss_percent, ..Load::default() });
    let (mut tracker, mut decoder) = (Tracker::new(Config::default()), Decoder::new(Limits::default()));
    tracker.spill_to(Box::new(Writing(spill)));
    while let Some((at, bytes)) = traffic.next_frame() {
        let Decoded::Datagram(datagram) = decoder.decode(at, Link::Ethernet, bytes) else { continue };
        let frame = rtp::Frame { bytes, link: 1, place: None };
        let (flow, payload) = (datagram.flow, datagram.payload);
        tracker.handle_datagram(&Arrival { at, flow, path: &flow::Path::NONE, payload, frame });
    }
    tracker.handle_end(End::CaptureEnd);
    tracker.poll_call()
}

fn describe(sealed: &Sealed) {
    if let Some(recording) = &sealed.record.recording {
        println!("{} of {} bytes, blake3 {}", recording.path, recording.bytes, recording.blake3);
        println!("grain of the provenance: {:?}", recording.provenance_grain_s);
    }
    println!("{} intervals; {:?}", sealed.record.provenance.len(), sealed.origins);
}

fn tell(what: &str, begun: Instant, most: Memory, before: Memory) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{what} in {:.1} s: {:.1} MiB of memory at most, {:.1} before; {:.0} MiB of files",
        begun.elapsed().as_secs_f64(),
        mib(most.anonymous),
        mib(before.anonymous),
        mib(most.files)
    );
}

/// What `work` gives, and the most memory that was seen meanwhile.
fn at_most<T>(work: impl FnOnce() -> T) -> io::Result<(T, Memory)> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| -> io::Result<Memory> {
            let mut most = Memory::default();
            while !is_over.load(Ordering::Acquire) {
                most = most.max(Memory::now()?);
                thread::sleep(Duration::from_millis(2));
            }
            Ok(most.max(Memory::now()?))
        });
        let done = work();
        is_over.store(true, Ordering::Release);
        let most = watch.join().map_err(|_| io::Error::other("the watch fell asleep"))?;
        Ok((done, most?))
    })
}

/// The memory of this process, as Linux counts it.
#[derive(Clone, Copy, Default)]
struct Memory {
    /// What no file stands behind.
    anonymous: u64,
    files: u64,
}

impl Memory {
    fn now() -> io::Result<Memory> {
        let status = fs::read_to_string("/proc/self/status")?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("a line of /proc/self/status is missing"))
        };
        Ok(Memory { anonymous: bytes("RssAnon:")?, files: bytes("RssFile:")? + bytes("RssShmem:")? })
    }

    fn max(self, other: Memory) -> Memory {
        Memory { anonymous: self.anonymous.max(other.anonymous), files: self.files.max(other.files) }
    }
}

/// The two ends of the spill, as the program joins them.
#[derive(Debug)]
struct Writing(Spill);

impl Overflow for Writing {
    fn put(&mut self, bytes: &[u8]) -> Option<(u64, Box<dyn Hold>)> {
        let (place, hold) = self.0.put(bytes).ok()?;
        Some((place, Box::new(Held { _hold: hold })))
    }
}

#[derive(Debug)]
struct Held {
    _hold: capture::Hold,
}

impl Hold for Held {}

struct Disk(Spilled);

impl Medium for Disk {
    fn slice(&self, place: u64, len: usize) -> Option<&[u8]> {
        self.0.slice(place, len)
    }
}
