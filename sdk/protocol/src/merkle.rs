//! Merkle trees and paths (`merkle.md` sections 1 to 5).

use crate::{NodeHash, TxHash};

/// `H(00, data)`.
pub fn leaf_hash(data: &[u8]) -> NodeHash {
    todo!()
}
/// `H(01, left, right)`.
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    todo!()
}
/// `H(01, "MERKLE_PADDING", unpaired)`.
pub fn padding_hash(unpaired: &NodeHash) -> NodeHash {
    todo!()
}
/// Level steps from the leaves to the root: `ceil(log2(leaf_count))`; 0 for 0 and 1 leaves.
pub fn height(leaf_count: u64) -> u32 {
    todo!()
}
/// Nodes of a level of a tree.
pub fn level_len(leaf_count: u64, level: u32) -> u64 {
    todo!()
}
/// Root of the subtree of the given nodes (of level `from`), as node of level `to` of a larger
/// tree: odd levels are padded on the way, a lone node's too. `None` for no nodes.
pub fn subtree_root(nodes: Vec<NodeHash>, from: u32, to: u32) -> Option<NodeHash> {
    todo!()
}
/// Root over a block's transactions; 32 zero bytes for none.
pub fn transaction_root(hashes: &[TxHash]) -> NodeHash {
    todo!()
}

/// A leaf's way to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerklePath {
    /// Siblings, leaf level first.
    pub siblings: Vec<NodeHash>,
    /// Per level: whether the sibling is on the right.
    pub sibling_is_right: Vec<bool>,
}

impl MerklePath {
    /// The root that the path leads to from a leaf's data.
    pub fn root(&self, data: &[u8]) -> NodeHash {
        todo!()
    }
    /// Whether it leads to `root`.
    pub fn verify(&self, data: &[u8], root: &NodeHash) -> bool {
        todo!()
    }
    /// The index that the orientation bits spell (bit k = 0 where the sibling is right).
    pub fn index(&self) -> u64 {
        todo!()
    }
}

/// A whole tree in memory: the oracle, and for small trees.
#[derive(Clone, Debug)]
pub struct Tree {
    levels: Vec<Vec<NodeHash>>,
}

impl Tree {
    /// The tree over leaf hashes; `None` for none.
    pub fn new(leaf_hashes: Vec<NodeHash>) -> Option<Self> {
        todo!()
    }
    /// Level steps to the root.
    pub fn height(&self) -> u32 {
        todo!()
    }
    /// The root.
    pub fn root(&self) -> NodeHash {
        todo!()
    }
    /// Real nodes of a level (0 = leaf hashes), left to right.
    pub fn level(&self, level: u32) -> &[NodeHash] {
        todo!()
    }
    /// The path of a leaf; `None` outside the tree.
    pub fn path(&self, index: u64) -> Option<MerklePath> {
        todo!()
    }
}

/// Builds a tree from the left, holding one pending node per level.
#[derive(Clone, Debug)]
pub struct TreeBuilder {
    pending: Vec<Option<NodeHash>>,
    base: u32,
    count: u64,
}

impl TreeBuilder {
    /// A builder that is fed complete nodes of level `base` (0 = leaf hashes).
    pub fn new(base: u32) -> Self {
        todo!()
    }
    /// Adds the next node of level `base`; `visit` sees every node of the levels above as it is
    /// completed: (level, node).
    pub fn push(&mut self, node: NodeHash, visit: &mut impl FnMut(u32, &NodeHash)) {
        todo!()
    }
    /// Pads the open levels and returns the root (also visited); `None` if nothing was pushed.
    pub fn finish(self, visit: &mut impl FnMut(u32, &NodeHash)) -> Option<NodeHash> {
        todo!()
    }
}
