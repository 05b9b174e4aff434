//! Makes a branch the best chain: takes blocks off down to the fork, applies
//! the branch's, all in one commit or not at all.

use spacetime_protocol::BlockHash;
use spacetime_protocol::accounts::{self, Account, ApplyError};
use spacetime_protocol::block::Block;
use spacetime_protocol::transaction::Transaction;

use super::Chain;
use super::ancestry::Branch;
use super::verdict::{Failure, NewTip, Rejection};
use crate::store::{Change, StoreError, StoredHeader};

impl Chain {
    /// Stores a block and makes it the best chain's last one.
    pub(super) fn adopt(
        &self,
        block: &Block,
        total: u128,
        branch: &Branch,
        tip: &StoredHeader,
    ) -> Result<NewTip, Failure> {
        let change = self.store.change()?;
        let hash = change.put_block(block, total)?;
        let orphaned = roll_back(&change, tip, branch.fork_height)?;
        for ancestor in &branch.hashes {
            let ancestor_block = change.block(ancestor)?;
            if let Err(error) = connect(&change, ancestor, &ancestor_block)? {
                drop(change);
                self.forget(ancestor, ancestor_block.header.height)?;
                return Err(Rejection::Accounts { hash: *ancestor, error }.into());
            }
        }
        if let Err(error) = connect(&change, &hash, block)? {
            return Err(Rejection::Accounts { hash, error }.into());
        }
        let oldest = (block.header.height + 1).saturating_sub(self.max_depth);
        change.prune_below(oldest)?;
        change.commit()?;
        Ok(NewTip { hash, orphaned })
    }

    /// Drops a block that turned out invalid, and what builds on it.
    fn forget(&self, hash: &BlockHash, height: u64) -> Result<(), StoreError> {
        let change = self.store.change()?;
        change.remove_branch(*hash, height)?;
        change.commit()
    }
}

/// Takes the best chain's blocks above a height off; their transactions, in
/// the order in which they were applied.
fn roll_back(
    change: &Change,
    tip: &StoredHeader,
    fork_height: u64,
) -> Result<Vec<Transaction>, StoreError> {
    let mut taken_off = Vec::new();
    let mut last = tip.clone();
    while last.header.height > fork_height {
        let hash = last.header.hash();
        let block = change.block(&hash)?;
        change.disconnect(&hash, &block)?;
        taken_off.push(block.transactions);
        last = change.known_header(&last.header.parent)?;
    }
    Ok(taken_off.into_iter().rev().flatten().collect())
}

/// Puts a block on top of the chain; the inner error is the block's fault.
fn connect(
    change: &Change,
    hash: &BlockHash,
    block: &Block,
) -> Result<Result<(), ApplyError>, StoreError> {
    let mut failed = None;
    let account = |identity: &_| {
        change.account(identity).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            Account::default()
        })
    };
    // Signatures were verified before the block was stored.
    let changed = accounts::apply(&block.header.miner, &block.transactions, account, |_| true);
    if let Some(error) = failed {
        return Err(error);
    }
    match changed {
        Ok(changed) => change.connect(hash, block, &changed).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}
