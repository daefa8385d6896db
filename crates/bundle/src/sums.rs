//! Each file of a bundle with its length and its hashes.

use std::io::{self, Read};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// What the manifest says of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Sum {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// The hash that the store signs.
    pub(crate) blake3: String,
    /// Where the file is not as it stands in the store: what was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<&'static str>,
}

/// All files so far, in the order in which they were written.
#[derive(Default, Debug)]
pub(crate) struct Sums(Vec<Sum>);

impl Sums {
    pub(crate) fn push(&mut self, sum: Sum) {
        self.0.push(sum);
    }

    pub(crate) fn all(&self) -> &[Sum] {
        &self.0
    }

    /// The lines that `sha256sum -c` reads.
    pub(crate) fn lines(&self) -> String {
        self.0.iter().map(|sum| format!("{}  {}\n", sum.sha256, sum.name)).collect()
    }
}

/// Hashes what is read through it.
pub(crate) struct Hashing<R> {
    inner: R,
    bytes: u64,
    sha256: Sha256,
    blake3: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Hashing { inner, bytes: 0, sha256: Sha256::new(), blake3: blake3::Hasher::new() }
    }

    pub(crate) fn finish(self, name: &str, changed: Option<&'static str>) -> Sum {
        let sha256 = self.sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let blake3 = self.blake3.finalize().to_hex().to_string();
        Sum { name: name.to_owned(), bytes: self.bytes, sha256, blake3, changed }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        let octets = room.get(..read).unwrap_or_default();
        self.sha256.update(octets);
        self.blake3.update(octets);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_others_do() {
        let mut hashing = Hashing::new(&b"abc"[..]);
        io::copy(&mut hashing, &mut io::sink()).unwrap();
        let sum = hashing.finish("a", None);
        assert_eq!(sum.bytes, 3);
        // FIPS 180-4's example, and that of BLAKE3's own test vectors.
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sum.blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    }
}
