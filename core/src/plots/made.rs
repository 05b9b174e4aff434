//! A plot's leaves as its key and seed make them (`plot-format.md` section 2),
//! whatever its file holds.

use rayon::prelude::*;
use spacetime_protocol::{PlotKey, PlotSeed};

use super::tree::{SUBTREE_BYTES, SUBTREE_LEAVES, Subtree, subtree_top};
use crate::kernels;

/// The leaves of a key and a seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) key: PlotKey,
    pub(super) seed: PlotSeed,
}

impl Made {
    /// Makes leaves from `first` on, as many as `out` holds, on this thread.
    pub(super) fn leaves(&self, first: u64, out: &mut [u8]) {
        kernels::in_use().generate(self.key.as_bytes(), self.seed.as_bytes(), first, out);
    }

    /// The same on all cores.
    pub(super) fn many_leaves(&self, first: u64, out: &mut [u8]) {
        out.par_chunks_mut(SUBTREE_BYTES)
            .enumerate()
            .for_each(|(number, leaves)| self.leaves(nth(first, number), leaves));
    }

    /// Makes leaves of a plot of `leaf_count` on all cores, from the beginning
    /// of a subtree on, and hashes them; the levels from `keep` on are kept.
    pub(super) fn subtrees(
        &self,
        leaf_count: u64,
        first: u64,
        out: &mut [u8],
        keep: u32,
    ) -> Vec<Subtree> {
        let top = subtree_top(leaf_count);
        out.par_chunks_mut(SUBTREE_BYTES)
            .enumerate()
            .map(|(number, leaves)| {
                self.leaves(nth(first, number), leaves);
                Subtree::hash(leaves, top, keep)
            })
            .collect()
    }
}

/// The first leaf of a subtree.
fn nth(first: u64, number: usize) -> u64 {
    first + number as u64 * SUBTREE_LEAVES
}
