//! Builds a tree from the left in memory that grows with its height only.

use super::{node_hash, padded_parent};
use crate::NodeHash;

/// Builds a tree from the left, holding one pending node per level.
#[derive(Clone, Debug)]
pub struct TreeBuilder {
    /// Per level from `base` up: the node that waits for its right sibling.
    pending: Vec<Option<NodeHash>>,
    base: u32,
    count: u64,
}

impl TreeBuilder {
    /// A builder that is fed complete nodes of level `base` (0 = leaf hashes).
    pub fn new(base: u32) -> Self {
        Self { pending: Vec::new(), base, count: 0 }
    }

    /// A builder that goes on after `count` nodes, of which these are [`pending`](Self::pending),
    /// lowest level first; `None` if they are not as many as that count leaves pending.
    pub fn resume(base: u32, count: u64, pending: &[NodeHash]) -> Option<Self> {
        let mut rest = pending.iter();
        let slot = |step| match count >> step & 1 {
            0 => Some(None),
            _ => rest.next().map(|node| Some(*node)),
        };
        let pending = (0..u64::BITS - count.leading_zeros()).map(slot).collect::<Option<_>>()?;
        rest.as_slice().is_empty().then_some(Self { pending, base, count })
    }

    /// The nodes that wait for their right siblings, lowest level first.
    pub fn pending(&self) -> Vec<NodeHash> {
        self.pending.iter().flatten().copied().collect()
    }

    /// Nodes of level `base` pushed so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds the next node of level `base`; `visit` sees every node of the levels above as it is
    /// completed: (level, node), each level's from left to right.
    pub fn push(&mut self, node: NodeHash, visit: &mut impl FnMut(u32, &NodeHash)) {
        self.count += 1;
        self.add(0, node, visit);
    }

    /// Pads the open levels and returns the root; `None` if nothing was pushed. The root is
    /// visited too, unless it is the only node that was pushed.
    pub fn finish(mut self, visit: &mut impl FnMut(u32, &NodeHash)) -> Option<NodeHash> {
        let mut step = 0;
        while step + 1 < self.pending.len() {
            if let Some(unpaired) = self.pending[step].take() {
                let parent = padded_parent(&unpaired);
                visit(self.level(step + 1), &parent);
                self.add(step + 1, parent, visit);
            }
            step += 1;
        }
        self.pending.pop().flatten()
    }

    /// Puts a node into its place, `step` levels above `base`, and the nodes that it completes.
    fn add(&mut self, mut step: usize, mut node: NodeHash, visit: &mut impl FnMut(u32, &NodeHash)) {
        loop {
            if self.pending.len() == step {
                self.pending.push(None);
            }
            let Some(left) = self.pending[step].take() else {
                self.pending[step] = Some(node);
                return;
            };
            node = node_hash(&left, &node);
            step += 1;
            visit(self.level(step), &node);
        }
    }

    fn level(&self, step: usize) -> u32 {
        // At most 64 steps: `count` is 64 bits wide.
        self.base + step as u32
    }
}
