//! The policy: every transaction, or a choice that no block can hold.

use serde::Deserialize;
use spacetime_sdk::{BlockContext, Candidate, Policy, Result, Schema, Selection};

use crate::place::{Failures, Place};

#[derive(Debug, Default, Deserialize, Schema)]
#[serde(default)]
pub(crate) struct Config {
    fail: Failures,
    choose: Choice,
}

/// What the policy chooses.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Schema)]
#[serde(rename_all = "snake_case")]
enum Choice {
    #[default]
    All,
    /// The first candidate, twice.
    Twice,
    /// A candidate that is not there.
    Outside,
    /// Not to publish the block.
    Veto,
}

pub(crate) struct Mischooser {
    config: Config,
}

impl Policy for Mischooser {
    type Config = Config;

    fn open(config: Config) -> Result<Self> {
        config.fail.at(Place::Open)?;
        Ok(Self { config })
    }

    fn select(&mut self, _block: &BlockContext, candidates: &[Candidate]) -> Result<Selection> {
        self.config.fail.in_thread();
        self.config.fail.at(Place::Select)?;
        Ok(match self.config.choose {
            Choice::All => Selection::Include((0..candidates.len()).collect()),
            Choice::Twice => Selection::Include(vec![0, 0]),
            Choice::Outside => Selection::Include(vec![candidates.len()]),
            Choice::Veto => Selection::Veto("misbehaving wants no block".to_owned()),
        })
    }
}

impl Drop for Mischooser {
    fn drop(&mut self) {
        // An error has nowhere to go from here.
        let _ = self.config.fail.at(Place::Drop);
    }
}
