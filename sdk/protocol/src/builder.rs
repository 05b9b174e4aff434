//! Building a block from a proof (`blocks.md` section 7).

use crate::{
    BlockHash, Challenge, NodeHash, Score, block::Block, keys::SecretKey, proof::BlockProof,
    transaction::Transaction,
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
    todo!()
}
