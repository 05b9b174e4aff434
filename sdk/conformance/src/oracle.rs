//! What an engine is compared with: the protocol's own definition of a score.

use spacetime_sdk::protocol::{Challenge, Leaf, score};
use spacetime_sdk_loader::abi::BestLeaf;

/// The lowest score under a bound and its first position, leaf by leaf, by
/// the protocol's definition (`consensus.md`: `H(challenge, leaf)`).
pub fn lowest(challenge: &[u8; 32], leaves: &[u8], bound: &[u8; 32]) -> Option<BestLeaf> {
    let challenge = Challenge::new(*challenge);
    let mut best: Option<BestLeaf> = None;
    for (index, leaf) in (0..).zip(leaves.chunks_exact(32)) {
        let leaf = Leaf::new(leaf.try_into().expect("a chunk of 32 bytes"));
        let score = score::score(&challenge, &leaf).to_bytes();
        if score < best.map_or(*bound, |best| best.score) {
            best = Some(BestLeaf { index, score, reserved: [0; 2] });
        }
    }
    best
}

/// So many leaves, all different, the same each time; every third is repeated
/// once, for engines to show which of two equal scores they take.
pub fn leaves(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..count {
        let source = if index % 3 == 2 { index - 1 } else { index };
        let mut leaf = [0; 32];
        leaf[..8].copy_from_slice(&source.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        leaf[24..].copy_from_slice(&source.to_be_bytes());
        bytes.extend_from_slice(&leaf);
    }
    bytes
}
