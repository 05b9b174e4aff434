//! A leaf's way to the root: checking it, and building it from part of a tree.

use thiserror::Error;

use super::{height, leaf_hash, level_len, node_hash, padding_hash, parents};
use crate::NodeHash;

/// A leaf's way to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerklePath {
    /// Siblings, leaf level first.
    pub siblings: Vec<NodeHash>,
    /// Per level: whether the sibling is on the right.
    pub sibling_is_right: Vec<bool>,
}

impl MerklePath {
    /// The root that the path leads to from a leaf's data. Where the lists differ in length, the
    /// longer one's end is ignored; [`Self::verify`] refuses such a path.
    pub fn root(&self, data: &[u8]) -> NodeHash {
        let mut node = leaf_hash(data);
        for (sibling, is_right) in self.siblings.iter().zip(&self.sibling_is_right) {
            node = if *is_right { node_hash(&node, sibling) } else { node_hash(sibling, &node) };
        }
        node
    }

    /// Whether it leads to `root`.
    pub fn verify(&self, data: &[u8], root: &NodeHash) -> bool {
        self.siblings.len() == self.sibling_is_right.len() && self.root(data) == *root
    }

    /// The index that the orientation bits spell (bit k = 0 where the sibling is right); bits
    /// from the 64th on are left out.
    pub fn index(&self) -> u64 {
        let bits = self.sibling_is_right.iter().take(64).enumerate();
        bits.fold(0, |index, (level, is_right)| index | u64::from(!is_right) << level)
    }
}

/// Why a path could not be built from part of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError<E> {
    /// There is no such leaf.
    #[error("leaf {index} is not one of the tree's {leaf_count}")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: u64,
        /// Leaves of the tree.
        leaf_count: u64,
    },
    /// The subtree has another number of leaves than the tree has there.
    #[error("the subtree has {expected} leaves, not {actual}")]
    SubtreeLength {
        /// Leaves of the tree that the subtree spans.
        expected: u64,
        /// Leaf hashes given.
        actual: usize,
    },
    /// A node above the subtree could not be had.
    #[error(transparent)]
    Node(E),
}

/// The leaves of the subtree of level `base` that holds a leaf: what [`path_with`] needs.
/// `None` outside the tree.
pub fn subtree_leaves(leaf_count: u64, index: u64, base: u32) -> Option<std::ops::Range<u64>> {
    if index >= leaf_count {
        return None;
    }
    let span = 1_u64.checked_shl(base);
    let start = span.map_or(0, |span| index / span * span);
    let end =
        span.and_then(|span| start.checked_add(span)).map_or(leaf_count, |end| end.min(leaf_count));
    Some(start..end)
}

/// The path of a leaf from the leaf hashes of the subtree of level `base` that holds it (those of
/// [`subtree_leaves`]) and, for the siblings from level `base` up, `node(level, index)`, which is
/// asked only for nodes that the tree has.
///
/// # Errors
/// Arguments that do not fit one another, or what `node` failed with.
pub fn path_with<E>(
    leaf_count: u64,
    index: u64,
    base: u32,
    subtree: Vec<NodeHash>,
    mut node: impl FnMut(u32, u64) -> Result<NodeHash, E>,
) -> Result<MerklePath, PathError<E>> {
    let range = subtree_leaves(leaf_count, index, base)
        .ok_or(PathError::NoSuchLeaf { index, leaf_count })?;
    let expected = range.end - range.start;
    if subtree.len() as u64 != expected {
        return Err(PathError::SubtreeLength { expected, actual: subtree.len() });
    }
    let mut climb = Climb {
        leaf_count,
        index,
        level: 0,
        path: MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() },
    };
    let current = climb.through(subtree, range.start, base.min(height(leaf_count)));
    climb.above(current, &mut node).map_err(PathError::Node)?;
    Ok(climb.path)
}

/// A path as far as it is built.
struct Climb {
    leaf_count: u64,
    /// Index of the path's node at `level`.
    index: u64,
    level: u32,
    path: MerklePath,
}

impl Climb {
    /// Takes the siblings below level `to` from the subtree whose leaves begin at `start`;
    /// returns the subtree's root.
    fn through(&mut self, mut nodes: Vec<NodeHash>, mut start: u64, to: u32) -> NodeHash {
        while self.level < to {
            let at = (self.index - start) as usize;
            let sibling = nodes.get(at ^ 1).copied();
            self.step(sibling.unwrap_or_else(|| padding_hash(&nodes[at])));
            nodes = parents(&nodes);
            start /= 2;
        }
        nodes[0]
    }

    /// Takes the siblings from here to the root one by one.
    fn above<E>(
        &mut self,
        mut current: NodeHash,
        node: &mut impl FnMut(u32, u64) -> Result<NodeHash, E>,
    ) -> Result<(), E> {
        while self.level < height(self.leaf_count) {
            let sibling_index = self.index ^ 1;
            let sibling = if sibling_index < level_len(self.leaf_count, self.level) {
                node(self.level, sibling_index)?
            } else {
                padding_hash(&current)
            };
            current = if sibling_index > self.index {
                node_hash(&current, &sibling)
            } else {
                node_hash(&sibling, &current)
            };
            self.step(sibling);
        }
        Ok(())
    }

    fn step(&mut self, sibling: NodeHash) {
        self.path.siblings.push(sibling);
        self.path.sibling_is_right.push(self.index.is_multiple_of(2));
        self.index /= 2;
        self.level += 1;
    }
}
