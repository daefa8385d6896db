//! A yardstick: libpcap's own reading of a capture file, and nothing done with what was read.

use std::path::PathBuf;

use clap::Parser;
use pcap::{Capture, Error};

/// Counts the packets and bytes of a capture file
#[derive(Parser)]
struct Arguments {
    /// The capture file
    file: PathBuf,
}

fn main() -> Result<(), Error> {
    let mut capture = Capture::from_file(Arguments::parse().file)?;
    let (mut packets, mut bytes) = (0_u64, 0);
    loop {
        match capture.next_packet() {
            Ok(packet) => {
                packets += 1;
                bytes += packet.data.len();
            }
            Err(Error::NoMorePackets) => break,
            Err(error) => return Err(error),
        }
    }
    println!("{packets} packets, {bytes} bytes");
    Ok(())
}
