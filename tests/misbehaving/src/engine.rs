//! The engine: one hash at a time, or a claim that is not true.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use spacetime_sdk::{
    Best, Cancel, Engine, Result, Schema, count,
    protocol::{Challenge, Score, Target},
};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    claim: Claim,
    /// How long each call takes at least, in milliseconds: a slow device.
    slow_ms: u64,
}

/// What the engine says about a batch.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
enum Claim {
    #[default]
    Honest,
    /// The first leaf, with a score that it does not have.
    WrongScore,
    /// A leaf behind the end of the batch.
    Outside,
    /// A score that is not under the bound.
    OverBound,
    /// Nothing, whatever there is.
    Nothing,
}

pub(crate) struct Misscorer {
    config: Config,
}

impl Engine for Misscorer {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        config.fail.at(Place::Open)?;
        Ok(Self { config })
    }

    fn scan(
        &self,
        challenge: &Challenge,
        leaves: &[u8],
        bound: &Target,
        _cancel: Cancel<'_>,
    ) -> Result<Option<Best>> {
        count("batches", 1);
        // Being slow is the misbehaviour; no test waits by it.
        std::thread::sleep(Duration::from_millis(self.config.slow_ms));
        self.config.fail.in_thread();
        self.config.fail.at(Place::Scan)?;
        let score = |byte: u8| Score::new([byte; 32]);
        let count = (leaves.len() / 32) as u64;
        Ok(match self.config.claim {
            Claim::Honest => lowest(challenge, leaves, bound),
            Claim::WrongScore => Some(Best { index: 0, score: score(0) }),
            Claim::Outside => Some(Best { index: count, score: score(0) }),
            Claim::OverBound => Some(Best { index: 0, score: Score::new(bound.to_bytes()) }),
            Claim::Nothing => None,
        })
    }
}

fn lowest(challenge: &Challenge, leaves: &[u8], bound: &Target) -> Option<Best> {
    let mut best: Option<Best> = None;
    for (index, leaf) in leaves.chunks_exact(32).enumerate() {
        let hash = Sha256::new().chain_update(challenge.as_bytes()).chain_update(leaf).finalize();
        let score = Score::new(hash.into());
        let under = best.map_or(bound.to_bytes(), |best| best.score.to_bytes());
        if score.to_bytes() < under {
            best = Some(Best { index: index as u64, score });
        }
    }
    best
}

impl Drop for Misscorer {
    fn drop(&mut self) {
        // An error has nowhere to go from here.
        let _ = self.config.fail.at(Place::Drop);
    }
}
