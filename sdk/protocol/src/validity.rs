//! Which blocks, proofs and transactions are valid (`consensus.md` sections 7 and 8): the checks
//! in the reference's order, the first that fails decides.

use thiserror::Error;

use crate::{
    BlockHash, Challenge, Identity, Score, Signature, block::Block, header::BlockHeader,
    network::Network,
};

/// What the next block must say, given its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Hash of the parent; `None`: the chain is empty, and it is not checked.
    pub parent: Option<BlockHash>,
    /// Parent's height + 1.
    pub height: u64,
    /// From the header chain.
    pub difficulty: u64,
    /// The epoch that the block may have.
    pub epoch: u64,
    /// `H(parent, LE64(epoch))`.
    pub challenge: Challenge,
    /// Lowest timestamp (windows of `advance` networks); 0 elsewhere.
    pub min_timestamp: u64,
}

/// What a network asks beyond the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Seconds that a clock may run ahead.
    pub max_future_seconds: u64,
    /// See [`Network::bind_plots`].
    pub bind_plots: bool,
    /// See [`Network::min_plot_leaves`].
    pub min_plot_leaves: u64,
}

impl Rules {
    /// The rules of a network.
    pub fn of(network: &Network) -> Self {
        todo!()
    }
    /// The reference's: 120 s, no binding, plots of any size.
    pub const REFERENCE: Self =
        Self { max_future_seconds: 120, bind_plots: false, min_plot_leaves: 0 };
}

/// The kind of the first check that a block failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the specification's table")]
pub enum BlockErrorKind {
    UnsupportedVersion,
    InvalidHeight,
    HeaderNotSigned,
    InvalidDifficulty,
    InvalidTimestamp,
    InvalidHeaderSignature,
    InvalidParentHash,
    InvalidEpoch,
    InvalidChallenge,
    InvalidTransaction,
    InvalidTransactionSignature,
    InvalidTransactionRoot,
    InvalidProof,
    ProofScoreTooHigh,
    /// Ours: the plot is too small, or its leaf not bound to the miner's key.
    InvalidPlot,
}

/// The first check that a block failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BlockError {
    /// Its kind.
    pub kind: BlockErrorKind,
    /// A sentence with the values found and expected.
    pub message: String,
}

/// Checks signatures; [`crate::keys::verify`] outside tests.
pub type Verify<'a> = &'a dyn Fn(&Identity, &[u8; 32], &Signature) -> bool;

/// Checks a block; `now` in Unix seconds.
///
/// # Errors
/// The first check that failed.
pub fn check_block(
    block: &Block,
    expected: &Expected,
    rules: &Rules,
    now: u64,
    verify: Verify<'_>,
) -> Result<(), BlockError> {
    todo!()
}

/// The checks of a block that need only its header (1 to 12 of the table).
///
/// # Errors
/// The first check that failed.
pub fn check_header(
    header: &BlockHeader,
    expected: &Expected,
    rules: &Rules,
    now: u64,
    verify: Verify<'_>,
) -> Result<(), BlockError> {
    todo!()
}

/// Whether a score lies under a header's target.
pub fn wins(score: &Score, difficulty: u64) -> bool {
    todo!()
}
