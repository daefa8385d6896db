//! The inputs of a replay, and which reader each of them needs.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use clock::Time;

use crate::blocks::{Mapped, Streamed};
use crate::classic::Classic;
use crate::error::{Error, Progress};
use crate::feed::Unpacked;
use crate::format::{Format, Packing, RECORD, SNIFF};
use crate::frame::{Frame, Place};
use crate::libpcap::{Library, lift_snaplen};
use crate::lost::Lost;
use crate::map::Map;
use crate::medium::Mapping;

/// Where a capture is read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file, or a named pipe.
    File(PathBuf),
    /// Standard input, which can be named once.
    Stdin,
}

impl Input {
    /// The name of the input; `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Input::File(path) => path,
            Input::Stdin => Path::new("-"),
        }
    }

    fn open(&self) -> io::Result<File> {
        let file = match self {
            Input::File(path) => File::open(path)?,
            // A handle of its own, past the buffer that the standard library keeps.
            Input::Stdin => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        };
        if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    }
}

/// An input that was opened.
pub(crate) struct Opened {
    pub(crate) reader: Reader,
    /// The input's mapping, where it is mapped.
    pub(crate) mapping: Option<Mapping>,
    /// How long the input is, where that is known.
    pub(crate) size: Option<u64>,
}

impl Opened {
    /// Opens an input; its mapping, if there is one, begins at `begin`.
    pub(crate) fn new(input: &Input, begin: Place) -> Result<Opened, Error> {
        let path = input.path();
        let failed = |source| Error::io(path, source);
        let file = input.open().map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let size = (metadata.is_file() && *input != Input::Stdin).then_some(metadata.len());
        // What cannot be mapped, some network file systems among them, is read as a stream.
        if let Some(map) = size.and_then(|_| Map::new(&file).ok()) {
            let mapping = Mapping::new(map, begin);
            if let Some(reader) = Reader::mapped(mapping.clone(), path)? {
                return Ok(Opened { reader, mapping: Some(mapping), size });
            }
        }
        let reader = Reader::streamed(file, size.is_none(), path)?;
        Ok(Opened { reader, mapping: None, size })
    }
}

/// The reader of one input.
pub(crate) enum Reader {
    Classic(Classic),
    Mapped(Mapped),
    Streamed(Streamed),
    Library(Library),
}

impl Reader {
    /// A reader of what is mapped; `None` where it has to be read as a stream.
    fn mapped(mapping: Mapping, path: &Path) -> Result<Option<Reader>, Error> {
        let head = mapping.bytes().get(..SNIFF).unwrap_or(mapping.bytes());
        if Packing::of(head).is_some() {
            return Ok(None);
        }
        let progress = Progress::new(path.to_owned());
        Ok(match format_of(head, path)? {
            Format::Classic(dialect) => Some(Reader::Classic(Classic::new(mapping, dialect, progress)?)),
            Format::Blocks => Some(Reader::Mapped(Mapped::new(mapping, progress))),
            Format::Odd { .. } => None,
        })
    }

    /// A reader of a stream; `may_wait` where reading it may wait for ever.
    fn streamed(file: File, may_wait: bool, path: &Path) -> Result<Reader, Error> {
        let progress = Progress::new(path.to_owned());
        let mut stream = Unpacked::open(file, may_wait).map_err(|why| progress.damaged(why))?;
        let format = format_of(&stream.head, path)?;
        if format != Format::Blocks && stream.head.len() < SNIFF {
            return Err(progress.cut_short(SNIFF - stream.head.len()));
        }
        if let Format::Classic(dialect) = format {
            lift_snaplen(&mut stream.head, dialect);
        }
        let (pipe, feed) = stream.start().map_err(|source| Error::io(path, source))?;
        let record = match format {
            Format::Blocks => return Ok(Reader::Streamed(Streamed::new(pipe, feed, progress))),
            Format::Classic(_) => RECORD,
            Format::Odd { record } => record,
        };
        Ok(Reader::Library(Library::open(pipe, feed, record, progress)?))
    }

    /// Steps to the next frame and tells its time; `None` at the end. After an error there is no next.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<Option<Time>, Error> {
        match self {
            Reader::Classic(classic) => classic.advance(),
            Reader::Mapped(blocks) => blocks.advance(),
            Reader::Streamed(blocks) => blocks.advance(),
            Reader::Library(library) => library.advance(),
        }
    }

    /// The frame it stands at.
    #[inline]
    pub(crate) fn frame(&self) -> Frame<'_> {
        match self {
            Reader::Classic(classic) => classic.frame(),
            Reader::Mapped(blocks) => blocks.frame(),
            Reader::Streamed(blocks) => blocks.frame(),
            Reader::Library(library) => library.frame(),
        }
    }

    /// The next key log that stood before that frame.
    #[inline]
    pub(crate) fn poll_key_log(&mut self) -> Option<Vec<u8>> {
        match self {
            Reader::Classic(_) | Reader::Library(_) => None,
            Reader::Mapped(blocks) => blocks.poll_key_log(),
            Reader::Streamed(blocks) => blocks.poll_key_log(),
        }
    }

    /// What the capture lost before that frame.
    #[inline]
    pub(crate) fn poll_lost(&mut self) -> Option<Lost> {
        match self {
            Reader::Classic(_) | Reader::Library(_) => None,
            Reader::Mapped(blocks) => blocks.poll_lost(),
            Reader::Streamed(blocks) => blocks.poll_lost(),
        }
    }

    /// How much of the input was read, packed as it is.
    pub(crate) fn bytes_read(&self) -> u64 {
        match self {
            Reader::Classic(classic) => classic.bytes_read(),
            Reader::Mapped(blocks) => blocks.bytes_read(),
            Reader::Streamed(blocks) => blocks.bytes_read(),
            Reader::Library(library) => library.bytes_read(),
        }
    }
}

fn format_of(head: &[u8], path: &Path) -> Result<Format, Error> {
    let magic = head.first_chunk().copied();
    Format::of(head).ok_or_else(|| Error::NotACapture { path: path.to_owned(), magic })
}
