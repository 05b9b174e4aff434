//! Compares kernels with plain SHA-256 before they are trusted with a plot.

use sha2::{Digest, Sha256};

use crate::Kernels;

/// Enough for every lane of a wide implementation, and a remainder.
const COUNT: usize = 67;

/// Whether every kernel agrees with plain SHA-256.
pub(crate) fn passes(kernels: &Kernels) -> bool {
    let (key, seed) = ([0xA5; 32], [0x3C; 32]);
    let start = u64::from(u32::MAX) - 3;
    let mut leaves = vec![0; 32 * COUNT];
    kernels.generate(&key, &seed, start, &mut leaves);
    let expected = (start..start + COUNT as u64)
        .flat_map(|index| sha256(&[&key, &seed, &index.to_le_bytes()]))
        .collect::<Vec<_>>();
    leaves == expected && hashes(kernels, &leaves) && scans(kernels, &leaves)
}

fn hashes(kernels: &Kernels, leaves: &[u8]) -> bool {
    let mut nodes = vec![0; leaves.len()];
    kernels.hash_leaves(leaves, &mut nodes);
    let expected = leaves.chunks(32).flat_map(|leaf| sha256(&[&[0], leaf])).collect::<Vec<_>>();
    if nodes != expected {
        return false;
    }
    nodes.truncate(nodes.len() / 64 * 64);
    let mut parents = vec![0; nodes.len() / 2];
    kernels.hash_nodes(&nodes, &mut parents);
    let expected = nodes.chunks(64).flat_map(|pair| sha256(&[&[1], pair])).collect::<Vec<_>>();
    parents == expected
}

fn scans(kernels: &Kernels, leaves: &[u8]) -> bool {
    let challenge = [0x5A; 32];
    let scores = leaves.chunks(32).map(|leaf| sha256(&[&challenge, leaf]));
    let best = kernels.scan(&challenge, leaves, &[0xFF; 32]);
    let expected = scores.enumerate().min_by_key(|(_, score)| *score);
    best.map(|best| (best.index, best.score)) == expected
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}
