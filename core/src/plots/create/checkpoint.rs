//! How far a plot is: written after the leaves before it are safely on disk,
//! so that a killed run can be gone on with.
//!
//! Layout, little-endian: magic `SPCK`, version 1 (u8), plotting key (32),
//! seed (32), leaf count (u64), cached levels (u32), leaves done (u64), number
//! of nodes (u32), nodes (32 each), `H(00, all before)` (32). The nodes are
//! those that wait for a right sibling, lowest level first; when all leaves
//! are done, the root alone.

use spacetime_protocol::{NodeHash, PlotKey, PlotSeed, merkle::leaf_hash};
use thiserror::Error;

use super::super::tree::{NODE_BYTES, SUBTREE_LEAVES};

const MAGIC: &[u8; 4] = b"SPCK";
const VERSION: u8 = 1;
/// Bytes before the nodes.
const FIXED: usize = 4 + 1 + 32 + 32 + 8 + 4 + 8 + 4;

/// Which plot it is, and how much of it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) key: PlotKey,
    pub(super) seed: PlotSeed,
    pub(super) leaf_count: u64,
    /// Levels of the cache file; 0: none.
    pub(super) cache_levels: u32,
    /// Leaves on disk: whole subtrees, or all.
    pub(super) done: u64,
    pub(super) nodes: Vec<NodeHash>,
}

/// Bytes that are no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("its checkpoint is damaged or of another version")]
pub(super) struct BadCheckpoint;

impl Checkpoint {
    /// Whether all leaves are on disk; `nodes` then holds the root.
    pub(super) fn is_complete(&self) -> bool {
        self.done == self.leaf_count
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + (self.nodes.len() + 1) * NODE_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(self.seed.as_bytes());
        bytes.extend_from_slice(&self.leaf_count.to_le_bytes());
        bytes.extend_from_slice(&self.cache_levels.to_le_bytes());
        bytes.extend_from_slice(&self.done.to_le_bytes());
        bytes.extend_from_slice(&(self.nodes.len() as u32).to_le_bytes());
        for node in &self.nodes {
            bytes.extend_from_slice(node.as_bytes());
        }
        let sum = checksum(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadCheckpoint> {
        let body_len = bytes.len().checked_sub(NODE_BYTES).ok_or(BadCheckpoint)?;
        let (body, sum) = bytes.split_at(body_len);
        if body.len() < FIXED || checksum(body).as_bytes() != sum {
            return Err(BadCheckpoint);
        }
        let mut rest = body;
        if take::<4>(&mut rest)? != *MAGIC || take::<1>(&mut rest)? != [VERSION] {
            return Err(BadCheckpoint);
        }
        let checkpoint = Self {
            key: take(&mut rest)?.into(),
            seed: take(&mut rest)?.into(),
            leaf_count: u64::from_le_bytes(take(&mut rest)?),
            cache_levels: u32::from_le_bytes(take(&mut rest)?),
            done: u64::from_le_bytes(take(&mut rest)?),
            nodes: nodes(&mut rest)?,
        };
        if checkpoint.is_consistent() { Ok(checkpoint) } else { Err(BadCheckpoint) }
    }

    fn is_consistent(&self) -> bool {
        let waiting = match self.is_complete() {
            true => 1,
            false => (self.done / SUBTREE_LEAVES).count_ones() as usize,
        };
        let whole = self.is_complete() || self.done.is_multiple_of(SUBTREE_LEAVES);
        self.leaf_count > 0 && self.done <= self.leaf_count && whole && self.nodes.len() == waiting
    }
}

/// By the tree's leaf rule: a SHA-256 that is at hand.
fn checksum(bytes: &[u8]) -> NodeHash {
    leaf_hash(bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadCheckpoint> {
    let (first, after) = rest.split_first_chunk::<N>().ok_or(BadCheckpoint)?;
    *rest = after;
    Ok(*first)
}

/// The nodes, and nothing after them.
fn nodes(rest: &mut &[u8]) -> Result<Vec<NodeHash>, BadCheckpoint> {
    let count = u32::from_le_bytes(take(rest)?) as usize;
    if Some(rest.len()) != count.checked_mul(NODE_BYTES) {
        return Err(BadCheckpoint);
    }
    rest.chunks_exact(NODE_BYTES).map(|node| node.try_into().map_err(|_| BadCheckpoint)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint() -> impl Strategy<Value = Checkpoint> {
        (any::<[u8; 32]>(), any::<[u8; 32]>(), 1..1_u64 << 40, any::<u32>(), any::<bool>())
            .prop_map(|(key, seed, leaf_count, cache_levels, complete)| {
                let done = if complete {
                    leaf_count
                } else {
                    (leaf_count - 1) / SUBTREE_LEAVES * SUBTREE_LEAVES
                };
                let waiting =
                    if complete { 1 } else { (done / SUBTREE_LEAVES).count_ones() as usize };
                let nodes = vec![NodeHash::new(key); waiting];
                let (key, seed) = (key.into(), seed.into());
                Checkpoint { key, seed, leaf_count, cache_levels, done, nodes }
            })
    }

    proptest! {
        #[test]
        fn round_trips(checkpoint in checkpoint()) {
            prop_assert_eq!(Checkpoint::decode(&checkpoint.encode()), Ok(checkpoint));
        }

        #[test]
        fn any_damage_is_seen(checkpoint in checkpoint(), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let mut bytes = checkpoint.encode();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 0x40 }
            prop_assert_eq!(Checkpoint::decode(&bytes), Err(BadCheckpoint));
        }

        #[test]
        fn other_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(Checkpoint::decode(&bytes), Err(BadCheckpoint));
        }
    }
}
