//! What becomes of a submitted block.

use spacetime_protocol::accounts::ApplyError;
use spacetime_protocol::block::Block;
use spacetime_protocol::transaction::Transaction;
use spacetime_protocol::validity::BlockError;
use spacetime_protocol::{BlockHash, EncodeError};

use crate::store::StoreError;

/// What became of a submitted block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is the best chain's last one now.
    NewTip,
    /// It is stored beside the best chain.
    SideBranch,
    /// It was stored before.
    AlreadyKnown {
        /// Whether it is on the best chain.
        best: bool,
    },
    /// It is not stored, for this reason.
    Rejected(Rejection),
}

/// Why a block was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The block before it is not stored.
    #[error("block {hash} builds on {parent}, which is not known here")]
    UnknownParent {
        /// The block.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// Its branch leaves the best chain too far below the tip.
    #[error("block {hash} is on a branch that leaves the chain below its last {depth} blocks")]
    TooDeep {
        /// The block.
        hash: BlockHash,
        /// How far below the tip branches may start, in blocks.
        depth: u64,
    },
    /// It breaks a rule of `consensus.md` section 7.
    #[error("{0}")]
    Invalid(BlockError),
    /// The accounts do not allow what a block of its branch does, or it itself.
    #[error("block {hash} cannot be applied: {error}")]
    Accounts {
        /// The block at fault.
        hash: BlockHash,
        /// Why.
        error: ApplyError,
    },
    /// It has no wire form.
    #[error("the block cannot be encoded: {0}")]
    Encoding(EncodeError),
    /// It is larger than a message can be.
    #[error("the block has {size} bytes, the limit is {}", Block::MAX_SIZE)]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
}

/// What became of a block, with what the pool must know.
pub(crate) enum Taken {
    NewTip(NewTip),
    Side,
    Known { best: bool },
    Rejected(Rejection),
}

/// The best chain has another last block.
pub(crate) struct NewTip {
    pub(crate) hash: BlockHash,
    /// Transactions of the blocks that left the chain, in their order there.
    pub(crate) orphaned: Vec<Transaction>,
}

/// Why a block was not taken: its own fault, or the store's.
pub(super) enum Failure {
    Rejected(Rejection),
    Store(StoreError),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
