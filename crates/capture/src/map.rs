//! A file as a slice of bytes: the one place that is not checked by the compiler.

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// A file, mapped for reading.
#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps the whole of `file` as long as it is now; fails for an empty file.
    #[allow(unsafe_code, reason = "a mapping has no safe form")]
    pub(crate) fn new(file: &File) -> io::Result<Map> {
        // SAFETY: the bytes are only ever read, and as bytes: any value is valid, and nothing that was checked of them
        // is relied upon for memory safety later. What cannot be excluded is that another program writes to the
        // file (then the bytes read are those or the others) or cuts it short (then a read past its new end kills this
        // program by SIGBUS). A capture file that is replayed is expected to be left alone, or at most appended to.
        let map = unsafe { Mmap::map(file) }?;
        // Only a hint: reading works without it.
        let _ = map.advise(Advice::Sequential);
        Ok(Map(map))
    }

    /// Maps `len` bytes of a file of our own from `offset` on.
    #[allow(unsafe_code, reason = "a mapping has no safe form")]
    pub(crate) fn part(file: &File, offset: u64, len: usize) -> io::Result<Map> {
        // SAFETY: as above; and the file has no name, so nobody else can write to it or cut it short. This program
        // reads a place only after it was written, and writes there again only once nobody holds it.
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map(file) }?;
        Ok(Map(map))
    }

    /// Lets the system take back what was read, until it is read again.
    #[allow(unsafe_code, reason = "a mapping has no safe form")]
    pub(crate) fn release(&self) {
        // SAFETY: the mapping is shared with its file and only read, so that a page which was let go of comes back with
        // the same bytes; nothing is lost as it would be with memory of our own.
        let _ = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// The file's bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How far a file has been made ready for a reader that goes through it once.
///
/// Asking for whole stretches of pages costs less than stumbling over them 16 at a time: 26 ns a frame instead of 40,
/// measured with frames of 214 bytes in the page cache. Longer stretches gained nothing more.
#[derive(Debug, Default)]
pub(crate) struct Ahead(usize);

impl Ahead {
    const STRETCH: usize = 4 * 1024 * 1024;

    /// To be called before the reader looks at `offset`.
    #[inline]
    pub(crate) fn reach(&mut self, map: &Map, offset: usize) {
        if offset >= self.0 {
            self.ready(map, offset);
        }
    }

    #[cold]
    fn ready(&mut self, map: &Map, offset: usize) {
        let len = map.bytes().len().saturating_sub(offset).min(Ahead::STRETCH);
        self.0 = offset.saturating_add(Ahead::STRETCH);
        // Kernels before 5.14 refuse, and the pages come as they are touched.
        let _ = map.0.advise_range(Advice::PopulateRead, offset, len);
    }
}
