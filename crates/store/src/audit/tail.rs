//! The end of the audit log: its last whole line, and what a crash left behind that.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::entry::MOST_LINE;

/// How a log ends.
#[derive(Debug)]
pub(super) struct Tail {
    /// Its last whole line, without its line feed.
    pub(super) last: Option<Vec<u8>>,
    /// Octets of whole lines.
    pub(super) whole: u64,
    /// Octets behind them: the beginning of a line.
    pub(super) torn: u64,
}

/// Reads no more of the file than two lines can be long.
pub(super) fn read(file: &mut File) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    let window = length.min(2 * (MOST_LINE as u64 + 1));
    file.seek(SeekFrom::Start(length - window))?;
    let mut bytes = vec![];
    Read::take(&mut *file, window).read_to_end(&mut bytes)?;
    let feed = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
    let Some(end) = feed(&bytes) else {
        // More than a line without its end is nothing that a crash leaves: it stays, as a line that is none.
        let is_torn = length <= MOST_LINE as u64;
        let (last, torn) = if is_torn { (None, length) } else { (Some(bytes), 0) };
        return Ok(Tail { last, whole: length - torn, torn });
    };
    let (lines, rest) = bytes.split_at(end + 1);
    let line = lines.strip_suffix(b"\n").unwrap_or(lines);
    let line = feed(line).and_then(|before| line.get(before + 1..)).unwrap_or(line);
    let torn = rest.len() as u64;
    Ok(Tail { last: Some(line.to_vec()), whole: length - torn, torn })
}
