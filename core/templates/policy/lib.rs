//! The policy `my-plugin`: the transactions that pay best, if they pay enough.

use std::{cmp::Reverse, collections::HashSet};

use spacetime_sdk::{
    BlockContext, Candidate, Policy, Result, Schema, Selection, serde::Deserialize,
};

/// What the manifest may say: `config: (min_fee: 1)`.
#[derive(Default, Deserialize, Schema)]
#[serde(crate = "spacetime_sdk::serde", default)]
struct Config {
    /// Transactions that pay less are left out, and their sender's later ones.
    #[schema(default = 0)]
    min_fee: u64,
}

struct BestFees {
    min_fee: u64,
}

impl Policy for BestFees {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        Ok(Self {
            min_fee: config.min_fee,
        })
    }

    // Called once for each block that was won. The miner builds, checks and
    // signs it, and leaves out what would make it invalid.
    fn select(&mut self, block: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        let mut chosen: Vec<usize> = (0..candidates.len()).collect();
        // A sender's transactions count in the order of their nonces, whatever
        // each of them pays.
        chosen.sort_by_key(|position| {
            let candidate = &candidates[*position];
            let turn = candidate.nonce.saturating_sub(candidate.sender_nonce);
            (turn, Reverse(candidate.fee))
        });
        // A sender whose transaction is left out has no later one in the block:
        // nonces follow one another without a gap.
        let mut left_out = HashSet::new();
        chosen.retain(|position| {
            let candidate = &candidates[*position];
            if candidate.fee < self.min_fee {
                left_out.insert(candidate.sender);
            }
            !left_out.contains(&candidate.sender)
        });
        chosen.truncate(block.max_transactions);
        Ok(Selection::Include(chosen))
    }
}

spacetime_sdk::export_plugin! {
    policy "my-plugin": BestFees, "The transactions that pay best, if they pay enough";
}
