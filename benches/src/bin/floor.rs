//! A yardstick: the least that any recorder must do. Every byte of the capture is read once, and as many bytes and
//! files as the recordings come to are written once; nothing is understood, and nothing is synced.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Parser;

/// Reads a capture file and writes as much as its recordings would be
#[derive(Parser)]
struct Arguments {
    /// The capture file
    file: PathBuf,
    /// How many bytes to write, all files together
    #[arg(long)]
    write_bytes: u64,
    /// How many files to write them to
    #[arg(long)]
    files: u64,
    /// The folder to put them in, made where it is missing
    #[arg(long)]
    to: PathBuf,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let read = read_all(&arguments.file)?;
    fs::create_dir_all(&arguments.to)?;
    let bytes = arguments.write_bytes.checked_div(arguments.files).unwrap_or(0);
    for n in 0..arguments.files {
        write_file(&arguments.to.join(format!("{n}.wav")), bytes)?;
    }
    println!("{read} bytes read, {} written", bytes * arguments.files);
    Ok(())
}

/// What `cat` and most programs take at once.
const BLOCK: usize = 128 << 10;

fn read_all(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK];
    let mut total = 0;
    loop {
        match file.read(&mut block)? {
            0 => return Ok(total),
            count => total += count as u64,
        }
    }
}

fn write_file(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let block = vec![0x5a; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let count = left.min(BLOCK as u64);
        file.write_all(block.get(..count as usize).unwrap_or(&block))?;
        left -= count;
    }
    Ok(())
}
