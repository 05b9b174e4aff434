//! A whole tree in memory: the oracle of the other ways, and for small trees.

use super::{MerklePath, padding_hash, parents};
use crate::NodeHash;

/// A whole tree in memory.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Leaf level first; none is empty, the last is the root alone.
    levels: Vec<Vec<NodeHash>>,
    root: NodeHash,
}

impl Tree {
    /// The tree over leaf hashes; `None` for none.
    pub fn new(leaf_hashes: Vec<NodeHash>) -> Option<Self> {
        let mut root = *leaf_hashes.first()?;
        let mut levels = vec![leaf_hashes];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = parents(level);
            root = next[0];
            levels.push(next);
        }
        Some(Self { levels, root })
    }

    /// Level steps to the root.
    pub fn height(&self) -> u32 {
        // A tree has at most 65 levels.
        self.levels.len() as u32 - 1
    }

    /// The root.
    pub fn root(&self) -> NodeHash {
        self.root
    }

    /// Real nodes of a level (0 = leaf hashes), left to right; none above the root.
    pub fn level(&self, level: u32) -> &[NodeHash] {
        self.levels.get(level as usize).map_or(&[], Vec::as_slice)
    }

    /// The path of a leaf; `None` outside the tree.
    pub fn path(&self, index: u64) -> Option<MerklePath> {
        let mut index =
            usize::try_from(index).ok().filter(|index| *index < self.levels[0].len())?;
        let mut path = MerklePath { siblings: Vec::new(), sibling_is_right: Vec::new() };
        for level in &self.levels[..self.levels.len() - 1] {
            let is_right = index.is_multiple_of(2);
            let sibling = level.get(index ^ 1).copied();
            path.siblings.push(sibling.unwrap_or_else(|| padding_hash(&level[index])));
            path.sibling_is_right.push(is_right);
            index /= 2;
        }
        Some(path)
    }
}
