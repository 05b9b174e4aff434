//! One hash at a time on every processor, by the compression function of `sha2` (which uses the
//! processor's SHA instructions where there are any), with the constant work done once per call.

use sha2::block_api::compress256;

use crate::{Best, block};

/// Lowest score strictly under `bound`, at its first position.
pub(crate) fn scan(challenge: &[u8; 32], leaves: &[[u8; 32]], bound: &[u8; 32]) -> Option<Best> {
    let mut blocks = [[0; 64], block::SCORE_END];
    blocks[0][..32].copy_from_slice(challenge);
    let mut lowest = block::words(bound);
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

/// Leaves from `start` on.
pub(crate) fn generate(key: &[u8; 32], seed: &[u8; 32], start: u64, out: &mut [[u8; 32]]) {
    let mut first = [0; 64];
    first[..32].copy_from_slice(key);
    first[32..].copy_from_slice(seed);
    let mut keyed = block::INITIAL;
    compress256(&mut keyed, &[first]);
    let mut last = block::LEAF_END;
    for (index, leaf) in (start..).zip(out) {
        last[..8].copy_from_slice(&index.to_le_bytes());
        let mut state = keyed;
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
