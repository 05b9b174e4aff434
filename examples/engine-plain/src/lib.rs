//! The engine `plain`: one hash at a time. It is no match for the miner's own
//! kernels; it is what they are compared with, and where an engine for another
//! device begins.

use sha2::{Digest, Sha256};
use spacetime_sdk::{
    Best, Cancel, Engine, Result,
    protocol::{Challenge, Score, Target},
};

/// Leaves between two looks at the cancel flag: a megabyte.
const STRIDE: usize = 1 << 15;

struct Plain;

impl Engine for Plain {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self)
    }

    fn scan(
        &self,
        challenge: &Challenge,
        leaves: &[u8],
        bound: &Target,
        cancel: Cancel<'_>,
    ) -> Result<Option<Best>> {
        let mut best: Option<Best> = None;
        let mut bound = bound.to_bytes();
        // The challenge is the same for all leaves, so it is hashed once.
        let prefix = Sha256::new_with_prefix(challenge.as_bytes());
        for (index, leaf) in leaves.chunks_exact(32).enumerate() {
            if index % STRIDE == 0 && cancel.is_cancelled() {
                return Ok(None);
            }
            let score: [u8; 32] = prefix.clone().chain_update(leaf).finalize().into();
            if score < bound {
                bound = score;
                best = Some(Best { index: index as u64, score: Score::new(score) });
            }
        }
        Ok(best)
    }
}

spacetime_sdk::export_plugin! {
    engine "plain": Plain, "One SHA-256 at a time, without vector instructions";
}
