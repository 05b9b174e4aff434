//! Networks as data: parameters and a genesis block (`consensus.md` section 2
//! and the decisions of the specification's README).

mod builtin;
mod genesis;
mod json;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    BlockHash, MAX_NUMBER, TxHash, accounts, block::Block, challenge, difficulty::Adjustment, keys,
    merkle, transaction::Transaction,
};

pub use builtin::development_key;
pub use genesis::{Genesis, GenesisError};

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
    /// Whether proofs must show leaves derived from the miner's key: the leaf is
    /// `H(plotting key of the block's miner, plot id, LE64(index))`, and index, path and leaf
    /// count fit together. It does not make the plot older than the challenge.
    pub bind_plots: bool,
    /// Smallest plot that may win, in leaves; 0 for any.
    pub min_plot_leaves: u64,
    /// How far a block's clock may run ahead, in seconds.
    pub max_future_seconds: u64,
}

/// Why a network could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NetworkError(pub String);

impl Network {
    /// Hash of the genesis block.
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis.hash()
    }

    /// Checks the parameters and the genesis block. Beyond `consensus.md` section 2 the block's
    /// signature and transaction root have to be right and its transactions a premine that fits:
    /// a damaged network file should not start a chain.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), NetworkError> {
        self.check_parameters()?;
        self.check_genesis_header()?;
        let transactions = &self.genesis.transactions;
        let hashes = transactions.iter().map(Transaction::hash).collect::<Vec<TxHash>>();
        require(
            self.genesis.header.tx_root == merkle::transaction_root(&hashes),
            "genesis_block: its transactions do not have its header's transaction root",
        )?;
        accounts::premine(transactions)
            .map(|_| ())
            .map_err(|error| NetworkError(format!("genesis_block: not a premine: {error}")))
    }

    fn check_parameters(&self) -> Result<(), NetworkError> {
        let Adjustment { target_block_time, interval, dampening, minimum, maximum } =
            self.adjustment;
        require(!self.id.trim().is_empty(), "network_id is blank")?;
        for (field, number) in [
            ("epoch_seconds", self.epoch_seconds),
            ("target_block_time", target_block_time),
            ("adjustment_interval", interval),
            ("dampening", dampening),
            ("min_difficulty", minimum),
            ("max_difficulty", maximum),
        ] {
            require(number > 0, &format!("{field} is 0"))?;
            require(number <= MAX_NUMBER, &format!("{field} exceeds 2^63 - 1"))?;
        }
        require(minimum <= maximum, "min_difficulty exceeds max_difficulty")?;
        require(
            interval.checked_mul(target_block_time).is_some_and(|time| time <= MAX_NUMBER),
            "adjustment_interval times target_block_time exceeds 2^63 - 1",
        )
    }

    fn check_genesis_header(&self) -> Result<(), NetworkError> {
        let header = &self.genesis.header;
        require(header.height == 0, "genesis_header: its height is not 0")?;
        require(header.parent.is_zero(), "genesis_header: its parent is not zero")?;
        require(header.epoch == 0, "genesis_header: its epoch is not 0")?;
        require(header.timestamp <= MAX_NUMBER, "genesis_header: its time exceeds 2^63 - 1")?;
        require(
            (1..=MAX_NUMBER).contains(&header.difficulty),
            "genesis_header: its difficulty is not within 1 and 2^63 - 1",
        )?;
        require(
            Some(header.challenge) == challenge::genesis_challenge(&self.id),
            "genesis_header: its challenge is not that of network_id",
        )?;
        require(header.plot_root.is_zero(), "genesis_header: its plot root is not zero")?;
        require(header.score.is_zero(), "genesis_header: its proof score is not zero")?;
        require(
            header.signature.is_some_and(|signature| {
                keys::verify(&header.miner, header.hash().as_bytes(), &signature)
            }),
            "genesis_header: it is not signed by its miner id",
        )
    }
}

fn require(holds: bool, otherwise: &str) -> Result<(), NetworkError> {
    if holds { Ok(()) } else { Err(NetworkError(otherwise.to_owned())) }
}
