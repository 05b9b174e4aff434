//! Merkle trees and paths (`merkle.md` sections 1 to 5).
//!
//! A level with an odd number of nodes is padded on its right, at every level
//! but the root's. A padding value is a sibling, never a node.

mod builder;
mod path;
mod tree;

pub use builder::TreeBuilder;
pub use path::{MerklePath, PathError, path_with, subtree_leaves};
pub use tree::Tree;

use crate::{NodeHash, TxHash, hash::sha256};

/// What is hashed before a leaf's data.
const LEAF: &[u8] = &[0];
/// What is hashed before two children.
const NODE: &[u8] = &[1];
/// What a padding value has for its left child.
const PADDING: &[u8] = b"MERKLE_PADDING";

/// `H(00, data)`.
pub fn leaf_hash(data: &[u8]) -> NodeHash {
    sha256(&[LEAF, data]).into()
}

/// `H(01, left, right)`.
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    sha256(&[NODE, left.as_ref(), right.as_ref()]).into()
}

/// `H(01, "MERKLE_PADDING", unpaired)`: the sibling of a node that has none.
pub fn padding_hash(unpaired: &NodeHash) -> NodeHash {
    sha256(&[NODE, PADDING, unpaired.as_ref()]).into()
}

/// The parent of a node that has no sibling.
pub fn padded_parent(unpaired: &NodeHash) -> NodeHash {
    node_hash(unpaired, &padding_hash(unpaired))
}

/// Level steps from the leaves to the root: `ceil(log2(leaf_count))`; 0 for 0 and 1 leaves.
pub fn height(leaf_count: u64) -> u32 {
    match leaf_count {
        0 | 1 => 0,
        count => (count - 1).ilog2() + 1,
    }
}

/// Nodes of a level of a tree: `leaf_count` halved `level` times, rounding up.
pub fn level_len(leaf_count: u64, level: u32) -> u64 {
    match 1_u64.checked_shl(level) {
        Some(span) => leaf_count.div_ceil(span),
        None => u64::from(leaf_count > 0),
    }
}

/// Root of the subtree of the given nodes (of level `from`), as node of level `to` of a larger
/// tree: odd levels are padded on the way, a lone node's too. `None` for no nodes, and for more
/// nodes than one node of level `to` has under it.
pub fn subtree_root(mut nodes: Vec<NodeHash>, from: u32, to: u32) -> Option<NodeHash> {
    for _ in from..to {
        nodes = parents(&nodes);
    }
    match nodes[..] {
        [root] => Some(root),
        _ => None,
    }
}

/// Root over a block's transactions; 32 zero bytes for none.
pub fn transaction_root(hashes: &[TxHash]) -> NodeHash {
    let leaf_hashes = hashes.iter().map(|hash| leaf_hash(hash.as_ref())).collect();
    Tree::new(leaf_hashes).map_or(NodeHash::ZERO, |tree| tree.root())
}

/// The next level, a last node without partner paired with its padding.
fn parents(nodes: &[NodeHash]) -> Vec<NodeHash> {
    let (pairs, rest) = nodes.as_chunks::<2>();
    let whole = pairs.iter().map(|[left, right]| node_hash(left, right));
    whole.chain(rest.iter().map(padded_parent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_and_levels_count_from_the_leaves() {
        let heights = [0, 1, 2, 3, 4, 5, 8, 9, 1 << 40, u64::MAX].map(height);
        assert_eq!(heights, [0, 0, 1, 2, 2, 3, 3, 4, 40, 64]);
        assert_eq!([0, 1, 2, 3, 4].map(|level| level_len(5, level)), [5, 3, 2, 1, 1]);
        assert_eq!(level_len(u64::MAX, 64), 1);
        assert_eq!(level_len(0, 64), 0);
    }

    #[test]
    fn a_subtree_has_to_fit_its_level() {
        let nodes = |count| vec![NodeHash::ZERO; count];
        assert_eq!(subtree_root(nodes(0), 0, 3), None);
        assert_eq!(subtree_root(nodes(5), 0, 2), None);
        assert_eq!(subtree_root(nodes(1), 2, 2), Some(NodeHash::ZERO));
        assert_eq!(subtree_root(nodes(1), 2, 3), Some(padded_parent(&NodeHash::ZERO)));
    }
}
