//! Writes a capture file of synthetic calls: the same arguments give the same bytes.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use benches::pcap::Writer;
use benches::{Load, Traffic};
use clap::{Parser, ValueEnum};
use clock::Span;

/// Writes a capture file of synthetic calls
#[derive(Parser)]
struct Arguments {
    /// How many calls
    #[arg(long, default_value_t = 200)]
    calls: u32,
    /// How long the parties of each call talk
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Milliseconds from the beginning of one call to that of the next
    #[arg(long, default_value_t = 25)]
    stagger_ms: u32,
    /// What all that looks random follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the audio is coded by
    #[arg(long, value_enum, default_value_t = Law::Mu)]
    law: Law,
    /// Let each caller dial four digits (RFC 4733) after five seconds
    #[arg(long)]
    digits: bool,
    /// The most milliseconds that a media packet is held up
    #[arg(long, default_value_t = 0)]
    jitter_ms: u32,
    /// How many media packets in a hundred are not seen
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    loss_percent: u32,
    /// The file to write
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Law {
    Mu,
    A,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut traffic = Traffic::new(load(&arguments));
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, File::create(&arguments.out)?))?;
    let (mut packets, mut bytes) = (0_u64, 0);
    while let Some((at, frame)) = traffic.next_frame() {
        writer.frame(at, frame)?;
        packets += 1;
        bytes += frame.len();
    }
    writer.finish()?;
    println!("{packets} packets, {bytes} bytes");
    Ok(())
}

fn load(arguments: &Arguments) -> Load {
    Load {
        calls: arguments.calls,
        seconds: arguments.seconds,
        stagger: Span::from_ms(arguments.stagger_ms.into()),
        seed: arguments.seed,
        law: match arguments.law {
            Law::Mu => g711::Law::Mu,
            Law::A => g711::Law::A,
        },
        digits: arguments.digits,
        jitter: Span::from_ms(arguments.jitter_ms.into()),
        loss_percent: arguments.loss_percent,
    }
}
