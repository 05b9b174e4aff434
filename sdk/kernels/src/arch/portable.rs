//! One hash at a time on every processor, by the compression function of `sha2` (which uses the
//! processor's SHA instructions where there are any), with the constant work done once per call.

use sha2::block_api::compress256;

use super::Arch;
use crate::{Best, block};

/// What runs everywhere.
pub(crate) struct Portable;

impl Arch for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn scan(&self, challenge: &[u8; 32], leaves: &[[u8; 32]], bound: &[u8; 32]) -> Option<Best> {
        scan(challenge, leaves, bound)
    }

    fn generate(&self, key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [[u8; 32]]) {
        generate_keyed(&keyed(key, seed), start, out);
    }

    fn hash_leaves(&self, leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
        hash_leaves(leaves, out);
    }

    fn hash_nodes(&self, pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
        hash_nodes(pairs, out);
    }
}

/// Lowest score strictly under `bound`, at its first position.
pub(crate) fn scan(challenge: &[u8; 32], leaves: &[[u8; 32]], bound: &[u8; 32]) -> Option<Best> {
    let mut blocks = [[0; 64], block::SCORE_END];
    blocks[0][..32].copy_from_slice(challenge);
    let mut lowest = block::words::<8>(bound);
    let mut found = None;
    for (index, leaf) in leaves.iter().enumerate() {
        blocks[0][32..].copy_from_slice(leaf);
        let mut state = block::INITIAL;
        compress256(&mut state, &blocks);
        // Words compare like the big-endian number that they are.
        if state < lowest {
            lowest = state;
            found = Some(index);
        }
    }
    found.map(|index| Best { index, score: block::bytes(&lowest) })
}

/// The state after the first block of every leaf of a plot.
pub(crate) fn keyed(key: &[u8; 32], seed: &[u8; 32]) -> [u32; 8] {
    let mut first = [0; 64];
    first[..32].copy_from_slice(key);
    first[32..].copy_from_slice(seed);
    let mut keyed = block::INITIAL;
    compress256(&mut keyed, &[first]);
    keyed
}

/// Leaves from `start` on, of the plot with this state after their first block.
pub(crate) fn generate_keyed(keyed: &[u32; 8], start: u64, out: &mut [[u8; 32]]) {
    let mut last = block::LEAF_END;
    for (index, leaf) in (start..).zip(out) {
        last[..8].copy_from_slice(&index.to_le_bytes());
        let mut state = *keyed;
        compress256(&mut state, &[last]);
        *leaf = block::bytes(&state);
    }
}

/// `H(00, leaf)` of each leaf.
pub(crate) fn hash_leaves(leaves: &[[u8; 32]], out: &mut [[u8; 32]]) {
    let mut only = block::LEAF_HASH;
    for (leaf, hash) in leaves.iter().zip(out) {
        only[1..33].copy_from_slice(leaf);
        let mut state = block::INITIAL;
        compress256(&mut state, &[only]);
        *hash = block::bytes(&state);
    }
}

/// `H(01, left, right)` of each pair.
pub(crate) fn hash_nodes(pairs: &[[u8; 64]], out: &mut [[u8; 32]]) {
    let mut blocks = block::NODE_HASH;
    for (pair, hash) in pairs.iter().zip(out) {
        blocks[0][1..].copy_from_slice(&pair[..63]);
        blocks[1][0] = pair[63];
        let mut state = block::INITIAL;
        compress256(&mut state, &blocks);
        *hash = block::bytes(&state);
    }
}
