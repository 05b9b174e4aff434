//! Difficulty adjustment (`consensus.md` section 5).

use serde::{Deserialize, Serialize};

/// The parameters of difficulty adjustment; all at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Seconds between blocks that are aimed at.
    pub target_block_time: u64,
    /// Blocks from one adjustment to the next.
    pub interval: u64,
    /// Divides each step.
    pub dampening: u64,
    /// Lowest difficulty.
    pub minimum: u64,
    /// Highest difficulty.
    pub maximum: u64,
}

impl Adjustment {
    /// Whether the block after one of this height gets another difficulty.
    pub fn is_due(&self, height: u64) -> bool {
        todo!()
    }
    /// The next difficulty; `t1`: timestamp of the block at a multiple of the interval, `t0`: of
    /// the block one interval earlier. `t1 < t0` counts as one second (our decision).
    pub fn next(&self, current: u64, t1: u64, t0: u64) -> u64 {
        todo!()
    }
}
