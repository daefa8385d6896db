//! The BLAKE3 hash of a file whose first octets are only known once the rest is written: its tree of chaining values, with
//! the leftmost leaves added last.
//!
//! The tree is made of blocks of 64 KiB, each a whole subtree. All but the first are hashed as they come.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Octets of a block: a power of two of BLAKE3's chunks, and enough of them to be hashed side by side.
pub(crate) const BLOCK: usize = 64 << 10;

/// The hash of a file in the making.
#[derive(Debug)]
pub(crate) struct Digest {
    /// The first block, which may still change.
    head: Vec<u8>,
    /// The block that is being filled, and how much is in it.
    block: Hasher,
    filled: usize,
    /// Whole blocks, the head among them.
    blocks: u64,
    /// Subtrees without the head: those right of its own ancestors first, the lowest of them before the others, and then
    /// what is not yet whole.
    subtrees: Vec<ChainingValue>,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Digest { head: Vec::new(), block: Hasher::new(), filled: 0, blocks: 0, subtrees: Vec::new() }
    }

    /// The octets that follow.
    pub(crate) fn update(&mut self, octets: &[u8]) {
        let (head, mut rest) = octets.split_at((BLOCK - self.head.len()).min(octets.len()));
        self.head.extend_from_slice(head);
        while !rest.is_empty() {
            if self.filled == 0 {
                self.blocks = self.blocks.max(1);
                self.block = Hasher::new();
                self.block.set_input_offset(self.blocks * BLOCK as u64);
            }
            let (now, later) = rest.split_at((BLOCK - self.filled).min(rest.len()));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.end_block();
            }
            rest = later;
        }
    }

    /// The hash of everything, with `start` in the place of the first octets, no more than a block.
    pub(crate) fn finish(mut self, start: &[u8]) -> blake3::Hash {
        for (place, &octet) in self.head.iter_mut().zip(start) {
            *place = octet;
        }
        if self.filled > 0 {
            self.end_block();
        }
        if self.subtrees.is_empty() {
            return blake3::hash(&self.head);
        }
        let mut left = Hasher::new().update(&self.head).finalize_non_root();
        // Of the head's ancestors, each has one of the first subtrees at its right hand, the root all that is left.
        let (ancestors, rest) = self.subtrees.split_at(self.blocks.ilog2() as usize);
        let (ancestors, last) = match (rest.split_last(), ancestors.split_last()) {
            (Some((last, before)), _) => {
                (ancestors, before.iter().rfold(*last, |right, left| joined(left, &right)))
            }
            (None, Some((last, ancestors))) => (ancestors, *last),
            (None, None) => (ancestors, left),
        };
        for right in ancestors {
            left = joined(&left, right);
        }
        merge_subtrees_root(&left, &last, Mode::Hash)
    }

    /// Brings together what is whole with it. What would have the head in it waits.
    fn end_block(&mut self) {
        self.subtrees.push(self.block.finalize_non_root());
        self.filled = 0;
        self.blocks += 1;
        let whole = self.blocks.trailing_zeros() - u32::from(self.blocks.is_power_of_two());
        for _ in 0..whole {
            if let (Some(right), Some(left)) = (self.subtrees.pop(), self.subtrees.pop()) {
                self.subtrees.push(joined(&left, &right));
            }
        }
    }
}

fn joined(left: &ChainingValue, right: &ChainingValue) -> ChainingValue {
    merge_subtrees_non_root(left, right, Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_hash_of_the_whole_file_at_every_number_of_blocks() {
        let mut file: Vec<u8> = (0..70 * BLOCK).map(|n| (n * 31 % 251) as u8).collect();
        file[..44].fill(0xaa);
        for blocks in 0..70 {
            for surplus in [0, 1, 1023, 1024, 1025, 30_000, BLOCK - 1] {
                let file = &file[..blocks * BLOCK + surplus];
                let mut digest = Digest::new();
                let start = &file[..file.len().min(44)];
                digest.update(&vec![0; start.len()]);
                // Pieces that end within blocks, at their ends, and span several.
                for piece in file[start.len()..].chunks([BLOCK / 3, BLOCK, 5 * BLOCK + 7][blocks % 3]) {
                    digest.update(piece);
                }
                assert_eq!(digest.finish(start), blake3::hash(file), "{blocks} blocks and {surplus}");
            }
        }
    }
}
