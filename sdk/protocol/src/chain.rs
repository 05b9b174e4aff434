//! The header chain: which blocks may follow, derived difficulty, epochs and windows, weight and
//! the choice between branches (`consensus.md` sections 5, 6, 10 and our decisions).

use thiserror::Error;

use crate::{
    BlockHash,
    header::BlockHeader,
    network::Network,
    validity::{BlockError, Expected},
};

/// A header with what the chain derives for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHeader {
    /// The header.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: BlockHash,
    /// Sum of difficulties from genesis (or the anchor) to it, it included.
    pub total_difficulty: u128,
}

/// Difficulty of the block after `parent`. `at` finds the timestamp of the ancestor of `parent` at a height.
/// `None` where that ancestor is not known.
pub fn next_difficulty(
    network: &Network,
    parent: &BlockHeader,
    at: impl FnOnce(u64) -> Option<u64>,
) -> Option<u64> {
    todo!()
}

/// What a block of this epoch on `parent` must say. For `none` networks the epoch given is
/// replaced by the only valid one.
pub fn expected(
    network: &Network,
    parent: &BlockHeader,
    parent_hash: &BlockHash,
    difficulty: u64,
    epoch: u64,
) -> Expected {
    todo!()
}

/// The window of an `advance` network on a tip at a moment: the epoch that is being scanned for
/// and when it may be published. `now_ms`: Unix milliseconds.
pub fn window(network: &Network, tip: &BlockHeader, now_ms: u64) -> Window {
    todo!()
}

/// When an epoch is scanned for, Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The epoch.
    pub epoch: u64,
    /// When its scan begins.
    pub begins_ms: u64,
    /// When its scan ends and its block may be published; `None`: no end (`none` networks).
    pub ends_ms: Option<u64>,
}

/// Whether a branch ending in `new` is to be preferred to one ending in `old`.
pub fn is_better(network: &Network, new: &ChainHeader, old: &ChainHeader) -> bool {
    todo!()
}

/// Headers that were checked, with forks near the tip; memory is bounded.
#[derive(Clone, Debug)]
pub struct HeaderChain {
    // by hash; the best chain's tip
}

/// What became of a header that was given to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is the new tip.
    NewTip,
    /// It is on a branch that is not the best.
    Side,
    /// It was known.
    Known,
}

/// Why a header was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InsertError {
    /// Its parent is not known: headers are missing.
    #[error("the parent {parent} of header {hash} is not known")]
    Orphan {
        /// The header.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// It branches off too far below the tip.
    #[error("header {hash} branches off below the last {depth} blocks")]
    TooDeep {
        /// The header.
        hash: BlockHash,
        /// How far back branches may start.
        depth: u64,
    },
    /// It breaks a rule.
    #[error("header {hash}: {error}")]
    Invalid {
        /// The header.
        hash: BlockHash,
        /// The rule.
        error: BlockError,
    },
}

impl HeaderChain {
    /// A chain of the network's genesis block alone.
    pub fn new(network: &Network) -> Self {
        todo!()
    }
    /// Starts over from headers that somebody vouches for, oldest first, each the next one's parent
    /// (at least one adjustment interval of them, or from genesis on). Rules that need older
    /// headers are not applied to the first ones.
    ///
    /// # Errors
    /// They are not linked or not valid.
    pub fn anchored(network: &Network, headers: Vec<BlockHeader>) -> Result<Self, InsertError> {
        todo!()
    }
    /// Checks a header and takes it; `now` in Unix seconds.
    ///
    /// # Errors
    /// See [`InsertError`]; the chain is unchanged then.
    pub fn insert(
        &mut self,
        network: &Network,
        header: BlockHeader,
        now: u64,
    ) -> Result<Inserted, InsertError> {
        todo!()
    }
    /// The best chain's last block.
    pub fn tip(&self) -> &ChainHeader {
        todo!()
    }
    /// A known header.
    pub fn get(&self, hash: &BlockHash) -> Option<&ChainHeader> {
        todo!()
    }
    /// Difficulty of the block after a known one.
    pub fn next_difficulty(&self, network: &Network, parent: &BlockHash) -> Option<u64> {
        todo!()
    }
    /// What a block on the tip must say.
    pub fn expected(&self, network: &Network, epoch: u64) -> Expected {
        todo!()
    }
    /// Hashes for a request for headers: newest first, at growing distances, the oldest known last.
    pub fn locator(&self) -> Vec<BlockHash> {
        todo!()
    }
}
