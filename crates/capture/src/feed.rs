//! A stream, unpacked on a thread of its own into a pipe.

use std::fs::File;
use std::io::{self, BufReader, Cursor, PipeReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::error::Why;
use crate::format::{Packing, SNIFF};
use crate::lz4::Lz4;

/// A stream before its thread is started: unpacked, and its first bytes known.
pub(crate) struct Unpacked {
    /// The first [`SNIFF`] bytes, or all where there are not as many.
    pub(crate) head: Vec<u8>,
    pub(crate) packing: Option<Packing>,
    rest: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
    may_wait: bool,
}

impl Unpacked {
    /// Takes over `file` and reads its first bytes, which may wait for them to come.
    pub(crate) fn open(file: File, may_wait: bool) -> Result<Unpacked, Why> {
        let count = Arc::new(AtomicU64::new(0));
        let mut counted = Counted { file, count: Arc::clone(&count) };
        let head = first_bytes(&mut counted).map_err(Why::Read)?;
        let Some(packing) = Packing::of(&head) else {
            return Ok(Unpacked { head, packing: None, rest: Box::new(counted), count, may_wait });
        };
        let damaged = |source| Why::Packed { packing, source };
        let packed = BufReader::with_capacity(64 * 1024, Cursor::new(head).chain(counted));
        let mut rest: Box<dyn Read + Send> = match packing {
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(zstd::Decoder::with_buffer(packed).map_err(damaged)?),
            Packing::Lz4 => Box::new(Lz4::new(packed)),
        };
        let head = first_bytes(&mut rest).map_err(damaged)?;
        Ok(Unpacked { head, packing: Some(packing), rest, count, may_wait })
    }

    /// Starts the thread that writes the stream, from its first byte on, into the pipe that is given back.
    pub(crate) fn start(self) -> io::Result<(PipeReader, Feed)> {
        let (reader, writer) = io::pipe()?;
        let source = Cursor::new(self.head).chain(self.rest);
        let thread = thread::Builder::new().name("unpack".into()).spawn(move || pour(source, writer))?;
        let feed =
            Feed { thread: Some(thread), packing: self.packing, count: self.count, may_wait: self.may_wait };
        Ok((reader, feed))
    }
}

/// The thread behind a pipe. It ends with its input, or when the pipe's reading end is dropped.
///
/// The program must ignore SIGPIPE, as Rust programs do unless they ask otherwise.
#[derive(Debug)]
pub(crate) struct Feed {
    thread: Option<JoinHandle<io::Result<()>>>,
    packing: Option<Packing>,
    count: Arc<AtomicU64>,
    /// Whether reading the input may wait for ever, as on a terminal.
    may_wait: bool,
}

impl Feed {
    /// How much of the packed input was read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Once the pipe is at its end: whether that was the input's end too, or what went wrong.
    pub(crate) fn end(&mut self) -> Result<(), Why> {
        let outcome = self.thread.take().map_or(Ok(Ok(())), JoinHandle::join);
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        outcome.map_err(|source| match self.packing {
            Some(packing) => Why::Packed { packing, source },
            None => Why::Read(source),
        })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // A thread that waits for input cannot be woken; it ends at the next byte that comes.
        if !self.may_wait {
            let _ = self.end();
        }
    }
}

/// Moves `source` into `pipe` until either ends.
fn pour(mut source: impl Read, mut pipe: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if pipe.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
            // Nobody reads any more.
            return Ok(());
        }
    }
}

fn first_bytes(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(SNIFF);
    source.take(SNIFF as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A file of which is counted how much was read.
struct Counted {
    file: File,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
