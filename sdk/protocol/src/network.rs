//! Networks as data: parameters and a genesis block (`consensus.md` section 2
//! and the decisions of the specification's README).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BlockHash, block::Block, difficulty::Adjustment};

/// What happens in epochs that nobody wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyEpochs {
    /// Epoch = height; the chain waits (the reference).
    None,
    /// Windows of `epoch_seconds` follow one another; the lowest score of a window wins.
    Advance,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its id, such as `spacetime-local-v1`.
    pub id: String,
    /// Its first block; carries the first difficulty, time and the premine.
    pub genesis: Block,
    /// Length of a window in seconds.
    pub epoch_seconds: u64,
    /// How difficulty follows block times.
    pub adjustment: Adjustment,
    /// What happens in epochs that nobody wins.
    pub empty_epochs: EmptyEpochs,
    /// Whether proofs must show leaves derived from the miner's key.
    pub bind_plots: bool,
    /// Smallest plot that may win, in leaves.
    pub min_plot_leaves: u64,
    /// How far a block's clock may run ahead, in seconds.
    pub max_future_seconds: u64,
}

/// Why a network could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NetworkError(pub String);

impl Network {
    /// The built-in networks' names: `local`, `mainnet`, `testnet`, `devnet`.
    pub const NAMES: [&'static str; 4] = ["local", "mainnet", "testnet", "devnet"];
    /// A built-in network by its name or its id.
    pub fn named(name: &str) -> Option<Self> {
        todo!()
    }
    /// Our own, the default: `spacetime-local-v1`.
    pub fn local() -> Self {
        todo!()
    }
    /// Hash of the genesis block.
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis.hash()
    }
    /// Reads the JSON of `spacetime-node genesis --json`; `genesis_block` may be absent when
    /// there are no transactions. Everything is checked, the genesis block included.
    pub fn from_json(text: &str) -> Result<Self, NetworkError> {
        todo!()
    }
    /// The JSON of `spacetime-node genesis --json`, on one line.
    pub fn to_json(&self) -> String {
        todo!()
    }
}
