//! The engine `my-plugin`: one score at a time, by the protocol's definition.
//! Put your device in its place.

use spacetime_sdk::{
    Best, Cancel, Engine, Result,
    protocol::{Challenge, Leaf, Target, score},
};

/// Leaves between two looks at the flag that ends a scan: one megabyte.
const STRETCH: usize = 1 << 15;

/// One serves all of the miner's hashing threads at once.
struct OneByOne;

impl Engine for OneByOne {
    type Config = ();

    fn open((): ()) -> Result<Self> {
        Ok(Self)
    }

    // The lowest score under `bound`, at its first position. The miner computes
    // it again: a wrong answer costs time, never a false proof.
    fn scan(
        &self,
        challenge: &Challenge,
        leaves: &[u8],
        bound: &Target,
        cancel: Cancel<'_>,
    ) -> Result<Option<Best>> {
        let mut best: Option<Best> = None;
        for (index, leaf) in leaves.chunks_exact(Leaf::SIZE).enumerate() {
            if index % STRETCH == 0 && cancel.is_cancelled() {
                return Ok(None);
            }
            let score = score::score(challenge, &Leaf::try_from(leaf)?);
            let is_better = match best {
                Some(best) => score < best.score,
                None => score::is_under(&score, bound),
            };
            if is_better {
                best = Some(Best {
                    index: index as u64,
                    score,
                });
            }
        }
        Ok(best)
    }
}

spacetime_sdk::export_plugin! {
    engine "my-plugin": OneByOne, "One score at a time, by the protocol's definition";
}
