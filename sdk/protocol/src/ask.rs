//! What may be asked of a chain beside mining on it, and what it answers.

use serde::{Deserialize, Serialize};

use crate::{BlockHash, Identity, TxHash, transaction::Transaction};

/// A question to a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// How does the best chain stand? [`Answer::Tip`].
    Tip,
    /// What does an identity own? [`Answer::Account`].
    Account(Identity),
    /// Take this transaction: [`Answer::Submitted`] or [`Answer::Refused`].
    SubmitTransaction {
        /// It, signed.
        transaction: Transaction,
        /// Whether it may replace a pending one of its sender with its nonce, if it pays more.
        replace: bool,
    },
    /// What became of a transaction? [`Answer::Transaction`].
    Transaction(TxHash),
}

/// A chain's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// How the best chain stands.
    Tip(Tip),
    /// What an identity owns.
    Account(AccountState),
    /// The transaction with this hash is pending now.
    Submitted(TxHash),
    /// The transaction is certainly not taken, for this reason, a sentence for the user: it may be
    /// made anew with another nonce and sent. Where it may have been taken all the same, there is
    /// no answer but an error.
    Refused(String),
    /// What became of a transaction.
    Transaction(Fate),
}

/// How a best chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Hash of the last block.
    pub hash: BlockHash,
    /// Its height.
    pub height: u64,
    /// Difficulty of the next block.
    pub difficulty: u64,
    /// Pending transactions; 0 where nobody runs the chain.
    pub pending: u64,
}

/// An account at a tip, and what its pending transactions do to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Whose.
    pub identity: Identity,
    /// What it owns.
    pub balance: u64,
    /// The nonce of its next transaction in a block.
    pub nonce: u64,
    /// The nonce after those of its pending transactions.
    pub next_nonce: u64,
    /// What its pending transactions leave of the balance.
    pub spendable: u64,
    /// Hash of the tip.
    pub tip: BlockHash,
    /// Its height.
    pub height: u64,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// It is neither pending nor in a block of the best chain.
    Unknown,
    /// It waits for a block.
    Pending,
    /// It is in a block of the best chain.
    InBlock {
        /// The block's hash.
        block: BlockHash,
        /// The block's height.
        height: u64,
        /// Blocks from that one to the tip, both included.
        confirmations: u64,
    },
}
