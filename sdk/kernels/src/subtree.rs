//! Level by level from a run of leaves to the roots of its subtrees.

use sha2::{Digest, Sha256};

use crate::Kernels;

/// See [`Kernels::subtree_levels`].
pub(crate) fn levels(
    kernels: &Kernels,
    leaves: &[u8],
    top: u32,
    mut visit: impl FnMut(u32, &[u8]),
) {
    let mut nodes = vec![0; leaves.len()];
    kernels.hash_leaves(leaves, &mut nodes);
    visit(0, &nodes);
    let mut next = Vec::new();
    for level in 1..=top {
        pad(&mut nodes);
        next.resize(nodes.len() / 2, 0);
        kernels.hash_nodes(&nodes, &mut next);
        visit(level, &next);
        std::mem::swap(&mut nodes, &mut next);
    }
}

/// Gives a last node without partner its padding value. Once a level at most: not worth a kernel.
fn pad(nodes: &mut Vec<u8>) {
    let (_, unpaired) = nodes.as_chunks::<64>();
    if !unpaired.is_empty() {
        let padding = Sha256::new().chain_update(b"\x01MERKLE_PADDING").chain_update(unpaired);
        let padding = padding.finalize();
        nodes.extend_from_slice(&padding);
    }
}
