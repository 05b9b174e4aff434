//! Scores, targets and difficulty as numbers (`consensus.md` section 4).

use crate::{Challenge, Leaf, Score, Target};

/// `H(challenge, leaf)`.
pub fn score(challenge: &Challenge, leaf: &Leaf) -> Score {
    todo!()
}
/// `floor((2^256 - 1) / difficulty)`; `None` for difficulty 0.
pub fn target(difficulty: u64) -> Option<Target> {
    todo!()
}
/// The inverse, capped at 2^63 - 1; that cap for target 0.
pub fn difficulty(target: &Target) -> u64 {
    todo!()
}
/// Whether a score wins: strictly under the target.
pub fn is_under(score: &Score, target: &Target) -> bool {
    todo!()
}
/// Zero bits from the front (`miner-behaviour.md` section 6.1).
pub fn leading_zero_bits(score: &Score) -> u32 {
    todo!()
}
