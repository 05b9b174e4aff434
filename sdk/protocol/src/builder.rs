//! Building a block from a proof (`blocks.md` section 7).

use std::num::NonZeroUsize;

use crate::{
    BlockHash, Challenge, Identity, NodeHash, Score, TxHash, block::Block, header::BlockHeader,
    keys::SecretKey, merkle, proof::BlockProof, transaction::Transaction, validity::BlockError,
};

/// What a block is built from.
#[derive(Clone, Debug)]
pub struct Template {
    /// Hash of the block before.
    pub parent: BlockHash,
    /// Its height.
    pub height: u64,
    /// Its difficulty.
    pub difficulty: u64,
    /// Its epoch.
    pub epoch: u64,
    /// What was scanned for.
    pub challenge: Challenge,
    /// Unix seconds.
    pub timestamp: u64,
    /// Root of the winning plot.
    pub plot_root: NodeHash,
    /// Score of the winning leaf.
    pub score: Score,
    /// What won it.
    pub proof: BlockProof,
    /// In block order.
    pub transactions: Vec<Transaction>,
}

/// The most transactions that builders put into a block.
pub const MAX_TRANSACTIONS: usize = 1000;

/// Builds and signs the block. It is not checked: see [`crate::validity::check_block`].
pub fn build(template: Template, key: &SecretKey) -> Block {
    let hashes = template.transactions.iter().map(Transaction::hash).collect::<Vec<TxHash>>();
    let header = BlockHeader {
        version: 1,
        parent: template.parent,
        height: template.height,
        timestamp: template.timestamp,
        difficulty: template.difficulty,
        epoch: template.epoch,
        challenge: template.challenge,
        plot_root: template.plot_root,
        score: template.score,
        tx_root: merkle::transaction_root(&hashes),
        miner: Identity::ZERO,
        signature: None,
    };
    Block { header: header.sign(key), transactions: template.transactions, proof: template.proof }
}

/// Builds and signs the block, and hands it out only if it passes `check`: what does not would
/// be refused by every node.
///
/// # Errors
/// What `check` found.
pub fn build_checked(
    template: Template,
    key: &SecretKey,
    check: impl FnOnce(&Block) -> Result<(), BlockError>,
) -> Result<Block, BlockError> {
    let block = build(template, key);
    check(&block).map(|()| block)
}

/// The transactions that a memory pool offers for a block: at most `most`, in the order of
/// [`Transaction::priority`] (`consensus.md` section 9).
pub fn select(mut pool: Vec<Transaction>, most: NonZeroUsize) -> Vec<Transaction> {
    pool.sort_by_cached_key(Transaction::priority);
    pool.truncate(most.get());
    pool
}
