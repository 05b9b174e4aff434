//! Consensus over a store: checks blocks against their parents, on any
//! branch, and makes the best branch the chain. Every change is one commit,
//! durable before the caller hears of it. Knows no pool and no clock.

mod adopt;
mod ancestry;
mod state;
#[cfg(test)]
mod vectors;
mod verdict;

use std::path::Path;
use std::sync::Arc;

use spacetime_protocol::accounts;
use spacetime_protocol::block::Block;
use spacetime_protocol::chain::{ChainHeader, expected, is_better};
use spacetime_protocol::keys;
use spacetime_protocol::network::Network;
use spacetime_protocol::validity::{Rules, check_block};

pub(crate) use ancestry::{anchor, headers_after, locator, page};
pub(crate) use state::{account_state, fate, status};
pub(crate) use verdict::Taken;
pub use verdict::{Rejection, Submitted};

use crate::store::{Snapshot, Store, StoreError, StoredHeader};
use verdict::Failure;

/// How many blocks of the best chain a better branch may replace at most
/// (`consensus.md` section 10).
pub const MAX_REORGANISATION: u64 = 100;

/// An open chain.
pub(crate) struct Chain {
    network: Arc<Network>,
    store: Store,
    /// [`MAX_REORGANISATION`]; tests want less.
    max_depth: u64,
}

impl Chain {
    /// Opens the chain of a directory; makes one of the genesis block alone
    /// where there is none.
    pub(crate) fn open(directory: &Path, network: Arc<Network>) -> Result<Self, StoreError> {
        let genesis = accounts::premine(&network.genesis.transactions)
            .map_err(|source| StoreError::Genesis { network: network.id.clone(), source })?;
        let store = Store::open(directory, &network, &genesis)?;
        Ok(Self { network, store, max_depth: MAX_REORGANISATION })
    }

    /// What is committed now. Short-lived: a store is reopened only when
    /// nobody reads it.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.store.snapshot()
    }

    /// Checks a block and takes it; `now` in Unix seconds.
    ///
    /// # Errors
    /// When the store cannot be read or written; nothing has changed then.
    pub(crate) fn submit(&self, block: &Block, now: u64) -> Result<Taken, StoreError> {
        match self.take(block, now) {
            Ok(taken) => Ok(taken),
            Err(Failure::Rejected(rejection)) => Ok(Taken::Rejected(rejection)),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    fn take(&self, block: &Block, now: u64) -> Result<Taken, Failure> {
        self.place(block, |snapshot, parent| self.check(snapshot, block, parent, now))
    }

    /// Takes a block that `check` lets pass to where it belongs: on top of the
    /// best chain, or beside it, or as the last of what is the best chain now.
    fn place(
        &self,
        block: &Block,
        check: impl FnOnce(&Snapshot, &StoredHeader) -> Result<(), Failure>,
    ) -> Result<Taken, Failure> {
        let snapshot = self.snapshot()?;
        let hash = block.hash();
        if let Some(known) = snapshot.header(&hash)? {
            return Ok(Taken::Known { best: snapshot.is_best(known.header.height, &hash)? });
        }
        let parent = block.header.parent;
        let parent = snapshot.header(&parent)?.ok_or(Rejection::UnknownParent { hash, parent })?;
        let tip = snapshot.known_header(&snapshot.tip()?)?;
        let branch = ancestry::branch(&snapshot, &block.header, &tip, self.max_depth)?
            .ok_or(Rejection::TooDeep { hash, depth: self.max_depth })?;
        check(&snapshot, &parent)?;
        let total = parent.total_difficulty.saturating_add(u128::from(block.header.difficulty));
        let new = ChainHeader { header: block.header.clone(), hash, total_difficulty: total };
        // The snapshot pins pages that the change could reuse.
        drop(snapshot);
        if is_better(&self.network, &new, &chain_header(&tip)) {
            return self.adopt(block, total, &branch, &tip).map(Taken::NewTip);
        }
        let change = self.store.change()?;
        change.put_block(block, total)?;
        change.commit()?;
        Ok(Taken::Side)
    }

    /// Everything that a block's validity depends on but the accounts, whose
    /// state is known only where its branch becomes the best.
    fn check(
        &self,
        snapshot: &Snapshot,
        block: &Block,
        parent: &StoredHeader,
        now: u64,
    ) -> Result<(), Failure> {
        let network = &self.network;
        let difficulty = ancestry::next_difficulty(snapshot, network, parent)?;
        let hash = block.header.parent;
        let expected = expected(network, &parent.header, &hash, difficulty, block.header.epoch);
        check_block(block, &expected, &Rules::of(network), now, &keys::verify)
            .map_err(Rejection::Invalid)?;
        let size = block.encode().map_err(Rejection::Encoding)?.len();
        if size > Block::MAX_SIZE {
            return Err(Rejection::TooLarge { size }.into());
        }
        Ok(())
    }
}

fn chain_header(stored: &StoredHeader) -> ChainHeader {
    ChainHeader {
        header: stored.header.clone(),
        hash: stored.header.hash(),
        total_difficulty: stored.total_difficulty,
    }
}
