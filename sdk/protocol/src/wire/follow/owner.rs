//! What a follower and its owner say to each other.

use super::Lie;
use crate::{BlockHash, block::Block, wire::Message};

/// What is known of our own chain.
pub trait Ours {
    /// Why it cannot be said.
    type Error;

    /// The best chain's last block, and its height.
    ///
    /// # Errors
    /// As [`Ours::Error`], like all of these.
    fn tip(&self) -> Result<(BlockHash, u64), Self::Error>;

    /// The height of a block that is held, on whichever branch.
    ///
    /// # Errors
    /// As [`Ours::tip`].
    fn height_of(&self, hash: &BlockHash) -> Result<Option<u64>, Self::Error>;

    /// Hashes of the best chain, newest first, at growing distances (the first
    /// two one block apart), the genesis block's last.
    ///
    /// # Errors
    /// As [`Ours::tip`].
    fn locator(&self) -> Result<Vec<BlockHash>, Self::Error>;
}

/// What the owner shall do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this to the node.
    Send(Message),
    /// Check this block, take it if it is valid, and say what came of it with
    /// [`submitted`](super::Follower::submitted).
    Submit(Box<Block>),
    /// The node has no block that we lack.
    Synced,
    /// The node's best chain ends with this block, which we hold and have
    /// left behind; said once for each answer that shows it.
    Behind {
        /// Its tip, below ours or beside it.
        tip: BlockHash,
    },
    /// Close the connection: this cannot be true, or cannot be followed.
    Leave(Lie),
}

/// What came of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is held now, or was before.
    Held,
    /// Its parent is not held.
    Orphan,
    /// It lies further ahead of the clock than is allowed; it may be asked
    /// for again then.
    Early {
        /// Unix ms.
        until_ms: u64,
    },
    /// It breaks a rule.
    Invalid(String),
    /// It leaves our chain where that cannot be undone any more.
    TooDeep,
    /// Our own store failed; it says nothing about the block.
    Failed,
}
