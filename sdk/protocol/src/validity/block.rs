//! The checks of a block (`consensus.md` section 7; the numbers are those of its table), and
//! ours after them.

use thiserror::Error;

use super::{ProofClaim, ProofErrorKind, ProofExpected, Rules, Verify, check_proof};
use crate::{
    BlockHash, Challenge, Identity, MAX_NUMBER, TxHash, block::Block, header::BlockHeader, keys,
    merkle, plot, proof::BlockProof, score,
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

/// Fails with a kind and a message unless the condition holds.
macro_rules! require {
    ($condition:expr, $kind:ident, $($message:tt)+) => {
        if !$condition {
            return Err(BlockError {
                kind: BlockErrorKind::$kind,
                message: format!($($message)+),
            });
        }
    };
}

/// Checks a block: the whole table, then what the network asks of plots; `now` in Unix seconds.
/// Accounts are another matter: see [`crate::accounts::apply`].
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
    check_header(&block.header, expected, rules, now, verify)?;
    check_transactions(block, verify)?;
    check_claim(block)?;
    check_plot(&block.proof, &block.header.miner, rules)
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
    check_header_alone(header, rules, now, verify)?;
    check_follows(header, expected)
}

/// The checks of a header that need no chain (1 to 7).
///
/// # Errors
/// The first check that failed.
pub fn check_header_alone(
    header: &BlockHeader,
    rules: &Rules,
    now: u64,
    verify: Verify<'_>,
) -> Result<(), BlockError> {
    let BlockHeader { version, height, timestamp, difficulty, .. } = header;
    require!(*version == 1, UnsupportedVersion, "block version {version} is not supported, 1 is");
    require!(*height <= MAX_NUMBER, InvalidHeight, "block height {height} exceeds 2^63 - 1");
    let Some(signature) = &header.signature else {
        return Err(BlockError {
            kind: BlockErrorKind::HeaderNotSigned,
            message: "the block's header is not signed".to_owned(),
        });
    };
    require!(*difficulty > 0, InvalidDifficulty, "block difficulty {difficulty} is not positive");
    let latest = now.saturating_add(rules.max_future_seconds).min(MAX_NUMBER);
    require!(
        *timestamp <= latest,
        InvalidTimestamp,
        "block time {timestamp} lies more than {} s ahead of the clock ({now})",
        rules.max_future_seconds
    );
    require!(
        verify(&header.miner, header.hash().as_bytes(), signature),
        InvalidHeaderSignature,
        "the block's header is not signed by its miner {}",
        header.miner
    );
    Ok(())
}

/// The checks of a header against its parent (8 to 12), and that its window has ended.
///
/// # Errors
/// The first check that failed.
pub fn check_follows(header: &BlockHeader, expected: &Expected) -> Result<(), BlockError> {
    if let Some(parent) = expected.parent {
        let found = header.parent;
        require!(found == parent, InvalidParentHash, "the block's parent is {found}, not {parent}");
    }
    let BlockHeader { height, difficulty, epoch, challenge, timestamp, .. } = header;
    let Expected { height: at, difficulty: due, min_timestamp, .. } = expected;
    require!(height == at, InvalidHeight, "block height is {height}, not {at}");
    require!(difficulty == due, InvalidDifficulty, "block difficulty is {difficulty}, not {due}");
    require!(
        *epoch == expected.epoch,
        InvalidEpoch,
        "block epoch is {epoch}, not {}",
        expected.epoch
    );
    require!(
        *challenge == expected.challenge,
        InvalidChallenge,
        "block challenge is {challenge}, not {}",
        expected.challenge
    );
    require!(
        timestamp >= min_timestamp,
        InvalidTimestamp,
        "block time {timestamp} lies before its window's end {min_timestamp}"
    );
    Ok(())
}

/// Checks 13 to 15.
fn check_transactions(block: &Block, verify: Verify<'_>) -> Result<(), BlockError> {
    let mut hashes = Vec::<TxHash>::with_capacity(block.transactions.len());
    for transaction in &block.transactions {
        let hash = transaction.hash();
        require!(
            transaction.keeps_basic_rules(),
            InvalidTransaction,
            "transaction {hash} breaks the basic rules"
        );
        require!(
            transaction.signature.is_some_and(|signature| verify(
                &transaction.sender,
                hash.as_bytes(),
                &signature
            )),
            InvalidTransactionSignature,
            "transaction {hash} is not signed by its sender {}",
            transaction.sender
        );
        hashes.push(hash);
    }
    let (found, root) = (block.header.tx_root, merkle::transaction_root(&hashes));
    require!(found == root, InvalidTransactionRoot, "transaction root is {found}, not {root}");
    Ok(())
}

/// Checks 16 to 18.
fn check_claim(block: &Block) -> Result<(), BlockError> {
    let Block { header, proof, .. } = block;
    let claim = ProofClaim {
        challenge: header.challenge,
        leaf: proof.leaf,
        path: &proof.path,
        plot_root: header.plot_root,
        score: header.score,
    };
    let expected = ProofExpected {
        challenge: header.challenge,
        plot_root: header.plot_root,
        target: score::target(header.difficulty),
        tree_height: None,
    };
    check_proof(&claim, &expected).map_err(|error| BlockError {
        kind: match error.kind {
            ProofErrorKind::ScoreAboveTarget => BlockErrorKind::ProofScoreTooHigh,
            _ => BlockErrorKind::InvalidProof,
        },
        message: error.message,
    })
}

/// Ours: the plot is large enough, and the leaf is what the miner's own plot has there.
///
/// # Errors
/// The first that is not so.
pub fn check_plot(proof: &BlockProof, miner: &Identity, rules: &Rules) -> Result<(), BlockError> {
    let (leaves, index) = (proof.plot.leaf_count, proof.leaf_index);
    require!(
        leaves >= rules.min_plot_leaves,
        InvalidPlot,
        "the plot has {leaves} leaves, {} are the fewest that may win",
        rules.min_plot_leaves
    );
    if !rules.bind_plots {
        return Ok(());
    }
    require!(index < leaves, InvalidPlot, "leaf {index} lies outside the plot's {leaves} leaves");
    let (levels, height) = (proof.path.siblings.len(), merkle::height(leaves));
    require!(
        u32::try_from(levels) == Ok(height),
        InvalidPlot,
        "the path has {levels} levels, a plot of {leaves} leaves has {height}"
    );
    let spelled = proof.path.index();
    require!(
        spelled == index,
        InvalidPlot,
        "the path's orientation bits lead to leaf {spelled}, not {index}"
    );
    let leaf = plot::leaf(&keys::plot_key(miner), &proof.plot.plot_id, index);
    require!(
        leaf == proof.leaf,
        InvalidPlot,
        "leaf {index} is not that of the miner's own plot {}",
        proof.plot.plot_id
    );
    Ok(())
}
