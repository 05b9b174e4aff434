//! Blocks whose parent is not known here, until it comes, from whomever.

use std::collections::VecDeque;

use spacetime_protocol::BlockHash;
use spacetime_protocol::block::Block;

use super::PeerId;

/// Blocks that wait at most, and their bytes; the oldest give way.
const MAX_BLOCKS: usize = 256;
const MAX_BYTES: usize = 16 << 20;
/// Those of one peer, so that it does not take the place of the others.
const MAX_PER_PEER: usize = 128;

/// Blocks whose parent is not known here.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    waiting: VecDeque<Orphan>,
    bytes: usize,
}

#[derive(Debug)]
struct Orphan {
    block: Block,
    source: PeerId,
    size: usize,
}

impl Orphans {
    /// Keeps a block of this many bytes.
    pub(super) fn keep(&mut self, block: Block, source: PeerId, size: usize) {
        let hash = block.hash();
        if size > MAX_BYTES || self.waiting.iter().any(|orphan| orphan.block.hash() == hash) {
            return;
        }
        let of_source = self.waiting.iter().filter(|orphan| orphan.source == source).count();
        if of_source >= MAX_PER_PEER {
            self.drop_first(|orphan| orphan.source == source);
        }
        while self.waiting.len() >= MAX_BLOCKS || self.bytes + size > MAX_BYTES {
            self.drop_first(|_| true);
        }
        self.bytes += size;
        self.waiting.push_back(Orphan { block, source, size });
    }

    /// Those that follow a block, with their sources; they wait no more.
    pub(super) fn after(&mut self, parent: &BlockHash) -> Vec<(Block, PeerId)> {
        let mut found = Vec::new();
        let waits = |orphan: &Orphan| orphan.block.header.parent != *parent;
        for orphan in std::mem::take(&mut self.waiting) {
            if waits(&orphan) {
                self.waiting.push_back(orphan);
            } else {
                self.bytes -= orphan.size;
                found.push((orphan.block, orphan.source));
            }
        }
        found
    }

    fn drop_first(&mut self, which: impl Fn(&Orphan) -> bool) {
        let place = self.waiting.iter().position(which);
        if let Some(orphan) = place.and_then(|place| self.waiting.remove(place)) {
            self.bytes -= orphan.size;
        }
    }
}

#[cfg(test)]
mod tests {
    use spacetime_protocol::network::Network;

    use super::*;

    fn block(number: u64) -> Block {
        let mut block = Network::local().genesis;
        block.header.height = number;
        block.header.parent = BlockHash::new([u8::try_from(number % 7).unwrap(); 32]);
        block
    }

    #[test]
    fn they_are_bounded_in_number_bytes_and_for_each_peer() {
        let [one, other] = [1, 2].map(PeerId::new);
        let mut orphans = Orphans::default();
        orphans.keep(block(0), other, 10);
        for number in 1..1000 {
            orphans.keep(block(number), one, 10);
            orphans.keep(block(number), one, 10);
        }
        assert_eq!((orphans.waiting.len(), orphans.bytes), (MAX_PER_PEER + 1, 1290));
        let kept = orphans.after(&block(0).header.parent);
        assert_eq!(kept[0], (block(0), other), "another peer's stays");
        assert!(orphans.after(&block(0).header.parent).is_empty());
        assert_eq!(orphans.bytes, 10 * orphans.waiting.len());
        orphans.keep(block(2000), other, MAX_BYTES + 1);
        assert_ne!(orphans.waiting.len(), 1);
        orphans.keep(block(2000), other, MAX_BYTES);
        assert_eq!((orphans.waiting.len(), orphans.bytes), (1, MAX_BYTES));
    }
}
