//! Hashing a plot's tree in subtrees of 4,096 leaves: each is hashed on its
//! own, on any core, and their roots are put together from left to right.
//! Memory does not depend on the plot's size.

use rayon::prelude::*;
use spacetime_protocol::{
    Leaf, NodeHash,
    merkle::{TreeBuilder, height},
};

use crate::kernels;

/// Bytes of a tree node.
pub(super) const NODE_BYTES: usize = NodeHash::SIZE;
/// Level of a subtree's root.
pub(super) const SUBTREE_LEVEL: u32 = 12;
/// Leaves of a subtree; the last may have fewer.
pub(super) const SUBTREE_LEAVES: u64 = 1 << SUBTREE_LEVEL;
/// Bytes of a subtree's leaves.
pub(super) const SUBTREE_BYTES: usize = Leaf::SIZE << SUBTREE_LEVEL;

/// The hashed tree over at most 4,096 leaves.
#[derive(Debug)]
pub(super) struct Subtree {
    /// Its real nodes by level, from the lowest level that was to be kept up
    /// to its root: (level, nodes).
    pub(super) levels: Vec<(u32, Vec<u8>)>,
}

impl Subtree {
    /// Hashes leaves up to level `top`, padding as the whole tree would, and
    /// keeps the levels from `keep` on.
    pub(super) fn hash(leaves: &[u8], top: u32, keep: u32) -> Self {
        let mut levels = Vec::new();
        kernels::in_use().subtree_levels(leaves, top, |level, nodes| {
            if level >= keep || level == top {
                levels.push((level, nodes.to_vec()));
            }
        });
        Self { levels }
    }

    /// Its root.
    pub(super) fn root(&self) -> NodeHash {
        self.levels.last().map_or(NodeHash::ZERO, |(_, nodes)| last_node(nodes))
    }

    /// Hashes many subtrees at once, `leaves` being those of consecutive ones.
    pub(super) fn hash_all(leaves: &[u8], top: u32, keep: u32) -> Vec<Self> {
        leaves.par_chunks(SUBTREE_BYTES).map(|leaves| Self::hash(leaves, top, keep)).collect()
    }
}

fn last_node(nodes: &[u8]) -> NodeHash {
    nodes.last_chunk().map_or(NodeHash::ZERO, |node| NodeHash::new(*node))
}

/// The level of subtree roots in a tree of so many leaves: 12, or the root's
/// own level in a smaller tree.
pub(super) fn subtree_top(leaf_count: u64) -> u32 {
    height(leaf_count).min(SUBTREE_LEVEL)
}

/// Puts subtrees together, from left to right, and tells every node's place.
#[derive(Debug)]
pub(super) struct Assembler {
    builder: TreeBuilder,
    top: u32,
    first_leaf: u64,
    /// Nodes seen so far, by level.
    counts: Vec<u64>,
}

/// Sees nodes of one level: (level, index of the first, nodes).
pub(super) trait NodeSink: FnMut(u32, u64, &[u8]) {}

impl<F: FnMut(u32, u64, &[u8])> NodeSink for F {}

impl Assembler {
    /// For subtrees with roots at level `top`, the first of which begins at
    /// leaf `first_leaf`, where a node of every higher level begins too that
    /// they all lie under.
    pub(super) fn new(top: u32, first_leaf: u64) -> Self {
        Self { builder: TreeBuilder::new(top), top, first_leaf, counts: vec![0; 64] }
    }

    /// Goes on from leaf `done` with the pending nodes that [`peaks`](Self::pending)
    /// gave there; `None` if they are not that many.
    pub(super) fn resume(top: u32, done: u64, pending: &[NodeHash]) -> Option<Self> {
        let builder = TreeBuilder::resume(top, done >> top, pending)?;
        let counts = (0..64).map(|level| done >> level).collect();
        Some(Self { builder, top, first_leaf: 0, counts })
    }

    /// The nodes that wait for a right sibling, lowest level first.
    pub(super) fn pending(&self) -> Vec<NodeHash> {
        self.builder.pending()
    }

    /// Adds the next subtree; `sink` sees its kept nodes, and those above that
    /// it completes.
    pub(super) fn add(&mut self, subtree: &Subtree, sink: &mut impl NodeSink) {
        for (level, nodes) in &subtree.levels {
            let index = next(&mut self.counts, self.first_leaf, *level, nodes.len() / NODE_BYTES);
            sink(*level, index, nodes);
        }
        let (counts, first_leaf, top) = (&mut self.counts, self.first_leaf, self.top);
        self.builder.push(subtree.root(), &mut |level, node| {
            if level > top {
                sink(level, next(counts, first_leaf, level, 1), node.as_bytes());
            }
        });
    }

    /// Pads what is open and returns the root; `None` if nothing was added.
    pub(super) fn finish(mut self, sink: &mut impl NodeSink) -> Option<NodeHash> {
        let (counts, first_leaf, top) = (&mut self.counts, self.first_leaf, self.top);
        self.builder.finish(&mut |level, node| {
            if level > top {
                sink(level, next(counts, first_leaf, level, 1), node.as_bytes());
            }
        })
    }
}

/// The index of the next node of a level, which `added` more then follow.
fn next(counts: &mut [u64], first_leaf: u64, level: u32, added: usize) -> u64 {
    let count = &mut counts[level as usize];
    let index = (first_leaf >> level) + *count;
    *count += added as u64;
    index
}
