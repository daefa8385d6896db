//! What can be wrong with an input.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::format::Packing;

/// What is wrong with one input; the frames that came before stand, and the other inputs are read on.
///
/// `offset` counts the bytes of the capture, so of the unpacked one where the input is packed, and stands at the
/// record or block that could not be read. `frames` is how many this input gave before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("{}: no such file", shown(path))]
    NotFound {
        /// The input.
        path: PathBuf,
    },
    /// The file may not be read.
    #[error("{}: permission denied; it must be readable for the user who runs this", shown(path))]
    Permission {
        /// The input.
        path: PathBuf,
    },
    /// The system failed to open or read it.
    #[error("{}: cannot be read: {source}", shown(path))]
    Unreadable {
        /// The input.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is empty, or something else than a capture.
    #[error("{}: {}; give pcap or pcapng, plain or packed by gzip, zstd or lz4", shown(path), Strange(*magic))]
    NotACapture {
        /// The input.
        path: PathBuf,
        /// Its first bytes, those of the contents where it is packed; `None` where it has no four bytes.
        magic: Option<[u8; 4]>,
    },
    /// It is of a kind that only libpcap might read, and that refused.
    #[error("{}: libpcap cannot read it: {source}", shown(path))]
    Refused {
        /// The input.
        path: PathBuf,
        /// What libpcap said.
        source: pcap::Error,
    },
    /// What stands at `offset` makes no sense; the rest of this input is not read.
    #[error(
        "{}: damaged at byte {offset}, after {frames} frames: {why}; the rest of it is left out",
        shown(path)
    )]
    Damaged {
        /// The input.
        path: PathBuf,
        /// Where the damaged record or block begins.
        offset: u64,
        /// Frames read before.
        frames: u64,
        /// What is wrong there.
        why: Why,
    },
    /// It ends within the record or block at `offset`, as a capture does that was not closed: a warning.
    #[error(
        "{}: cut short at byte {offset}, after {frames} frames: {missing} bytes are missing; what came before is kept",
        shown(path)
    )]
    CutShort {
        /// The input.
        path: PathBuf,
        /// Where the record or block begins that is not whole.
        offset: u64,
        /// Frames read before.
        frames: u64,
        /// How many bytes it lacks at the least.
        missing: u64,
    },
}

impl Error {
    /// The input this is about; `-` is standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Error::NotFound { path }
            | Error::Permission { path }
            | Error::Unreadable { path, .. }
            | Error::NotACapture { path, .. }
            | Error::Refused { path, .. }
            | Error::Damaged { path, .. }
            | Error::CutShort { path, .. } => path,
        }
    }

    /// Whether nothing but an unfinished last packet is missing.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self, Error::CutShort { .. })
    }

    /// What the system said of `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path },
            io::ErrorKind::PermissionDenied => Error::Permission { path },
            _ => Error::Unreadable { path, source },
        }
    }
}

/// Why what stands at an offset makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// No packet is that long.
    #[error("a packet of {0} bytes")]
    PacketLength(u32),
    /// A block of pcapng cannot have this length.
    #[error("a block of {0} bytes")]
    BlockLength(u32),
    /// A block does not end with the length that it began with.
    #[error("a block of {first} bytes that ends as one of {last}")]
    BlockEnd {
        /// Its length as it begins.
        first: u32,
        /// Its length as it ends.
        last: u32,
    },
    /// The fields of a block of this type do not fit in it.
    #[error("a block of type {0:#x} with impossible contents")]
    Block(u32),
    /// A section does not tell its byte order.
    #[error("a section without byte order")]
    ByteOrder,
    /// A packet of an interface that its section does not describe.
    #[error("a packet of interface {0}, which is not described")]
    Interface(u32),
    /// A section describes more interfaces than are kept.
    #[error("more than {0} interfaces")]
    Interfaces(usize),
    /// It cannot be unpacked from here on.
    #[error("its {packing} cannot be unpacked: {source}")]
    Packed {
        /// How it is packed.
        packing: Packing,
        /// What the unpacker said.
        source: io::Error,
    },
    /// The system failed to read on.
    #[error("{0}")]
    Read(io::Error),
    /// What libpcap says of it.
    #[error("{0}")]
    Libpcap(pcap::Error),
}

/// How far the reading of one input has come.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) path: PathBuf,
    /// Where the next record or block begins.
    pub(crate) offset: u64,
    /// Frames read so far.
    pub(crate) frames: u64,
}

impl Progress {
    pub(crate) fn new(path: PathBuf) -> Progress {
        Progress { path, offset: 0, frames: 0 }
    }

    #[cold]
    pub(crate) fn damaged(&self, why: Why) -> Error {
        Error::Damaged { path: self.path.clone(), offset: self.offset, frames: self.frames, why }
    }

    #[cold]
    pub(crate) fn cut_short(&self, missing: usize) -> Error {
        let missing = missing as u64;
        Error::CutShort { path: self.path.clone(), offset: self.offset, frames: self.frames, missing }
    }
}

/// Bytes that no capture begins with.
struct Strange(Option<[u8; 4]>);

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(magic) => write!(f, "not a capture (it begins with {:08x})", u32::from_be_bytes(magic)),
            None => f.write_str("not a capture (it is empty, or nearly so)"),
        }
    }
}

/// The name of an input as it is talked of.
fn shown(path: &Path) -> impl fmt::Display {
    if path.as_os_str() == "-" { Path::new("standard input").display() } else { path.display() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_and_where_in_one_line() {
        let progress = Progress { path: "a.pcap".into(), offset: 1000, frames: 7 };
        assert_eq!(
            progress.cut_short(12).to_string(),
            "a.pcap: cut short at byte 1000, after 7 frames: 12 bytes are missing; what came before is kept"
        );
        assert_eq!(
            progress.damaged(Why::PacketLength(99_999_999)).to_string(),
            "a.pcap: damaged at byte 1000, after 7 frames: a packet of 99999999 bytes; the rest of it is left out"
        );
        assert!(progress.cut_short(1).is_warning());
        assert!(!progress.damaged(Why::ByteOrder).is_warning());
        let error = Error::NotACapture { path: "-".into(), magic: Some(*b"\x7fELF") };
        assert_eq!(
            error.to_string(),
            "standard input: not a capture (it begins with 7f454c46); give pcap or pcapng, plain or packed by gzip, zstd or lz4"
        );
    }
}
