//! What a node says that cannot be true, or cannot be followed.

use thiserror::Error;

use super::ANSWER_MS;
use crate::BlockHash;

/// What a node said that cannot be true, or cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Lie {
    /// Its chain begins with another genesis block.
    #[error("it is on another network: its chain does not begin with our genesis block {genesis}")]
    OtherNetwork {
        /// Ours.
        genesis: BlockHash,
    },
    /// A header that is none.
    #[error("it sent a header that cannot be decoded: {0}")]
    Header(String),
    /// A header that does not continue what it was asked to continue.
    #[error("it sent header {hash}, whose parent {parent} is not the block before it")]
    Parent {
        /// The header's hash.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// Headers that do not follow the block that it was asked about.
    #[error(
        "it was asked for what follows block {after} and sent header {hash}, whose parent \
         {parent} is not the block before it"
    )]
    OtherHeaders {
        /// What was asked for.
        after: BlockHash,
        /// The first header's hash.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
    },
    /// A header or a notice with a height that is not the block's.
    #[error("it gave block {hash} the height {said}; it has the height {height}")]
    Height {
        /// The block.
        hash: BlockHash,
        /// What the node said.
        said: u64,
        /// What follows from its parent, or from the block itself.
        height: u64,
    },
    /// A block that is none.
    #[error("it sent a block that cannot be decoded: {0}")]
    Block(String),
    /// A block that breaks a rule.
    #[error("it sent block {hash}, which is not valid: {reason}")]
    Invalid {
        /// The block.
        hash: BlockHash,
        /// The rule.
        reason: String,
    },
    /// Its chain leaves ours too far below the tip.
    #[error(
        "its chain leaves ours with the parent of block {hash}, too far below the tip to follow"
    )]
    TooDeep {
        /// The first block that is not ours.
        hash: BlockHash,
    },
    /// It does not send a block that it told of, and sends others instead.
    #[error(
        "it was asked for block {asked} and sent block {came}: the one that it was asked for did \
         not come within {} s", ANSWER_MS / 1000
    )]
    OtherBlock {
        /// What was asked for.
        asked: BlockHash,
        /// What came last that was not asked for.
        came: BlockHash,
    },
    /// It does not answer.
    #[error("it did not answer {what} within {} s", ANSWER_MS / 1000)]
    NoAnswer {
        /// What it was asked.
        what: &'static str,
    },
}
